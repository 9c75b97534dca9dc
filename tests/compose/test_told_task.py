"""What encoders learn about the target from the estimator around them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from mmsk.compose import (
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.neural_network import NeuralClassifier, SupervisedEncoder

RNG = np.random.default_rng(0)
X = pd.DataFrame({"a": RNG.normal(size=12), "b": RNG.normal(size=12)})
Y = np.arange(12) % 3  # classes or counts


def features(*steps):
    branch = make_pipeline(TableExtractor(), *steps)
    return ModalityTransformer([("table", branch, ["a", "b"])])


def encoder(**params):
    return SupervisedEncoder(cv=2, random_state=0, **params)


@pytest.mark.parametrize(
    ("model", "task", "width"),
    [
        (MultimodalRegressor(features(encoder()), Ridge()), "regression", 1),
        (
            MultimodalClassifier(features(encoder()), LogisticRegression()),
            "classification",
            3,
        ),
    ],
)
def test_whole_numbers_are_what_the_estimator_around_takes_them_for(model, task, width):
    fitted = clone(model).fit(X, Y)
    step = fitted.features_.named_transformers_["table"][-1]
    assert step.task_ == step.task == task
    assert len(step.fill_) == width
    assert model.features.transformers[0][1][-1].task == "auto"  # the user's own


def test_inside_the_estimator_too():
    piped = make_pipeline(BlockSelector(["table"]), encoder(), Ridge())
    fitted = MultimodalRegressor(features(), piped).fit(X, Y)
    assert fitted.estimator_[1].task_ == "regression"
    assert fitted.estimator_[1].fill_ == pytest.approx([Y.mean()])


def test_what_is_said_stays():
    for said in (
        encoder(task="classification"),
        encoder(estimator=NeuralClassifier(4, max_epochs=2)),
    ):
        fitted = MultimodalRegressor(features(said), Ridge()).fit(X, Y)
        step = fitted.features_.named_transformers_["table"][-1]
        assert step.task_ == "classification"


def test_alone_it_guesses():
    matrix = features(encoder()).fit(X, Y)
    assert matrix.named_transformers_["table"][-1].task_ == "classification"


@pytest.mark.parametrize("encoding", ["target", {"shop": "target"}], ids=str)
def test_target_encoding_takes_integers_for_numbers_in_a_regressor(encoding):
    shops = pd.DataFrame({"shop": list("abca" * 6)})
    y = np.arange(24) % 5
    table = TableExtractor(encoding=encoding, scale=None, smooth=2.0)
    model = MultimodalRegressor(
        ModalityTransformer([("table", table, ["shop"])]), Ridge()
    ).fit(shops, y)
    coded = model.features_.transform(shops)
    wanted = TargetEncoder(target_type="continuous", smooth=2.0).fit(shops, y)
    np.testing.assert_allclose(coded[:, :1], wanted.transform(shops), rtol=1e-6)
    assert table.target_type == "auto"  # the user's own
    alone = table.fit(shops, y).get_feature_names_out()
    assert len(alone) == 5  # a column a class


def test_a_table_without_target_encoding_is_told_nothing():
    model = MultimodalRegressor(features(), Ridge()).fit(X, Y)
    assert model.features_.named_transformers_["table"][0].target_type == "auto"
