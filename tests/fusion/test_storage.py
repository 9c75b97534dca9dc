"""Models do not depend on how a matrix is stored, or on what they do not read."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mmsk.compose import (
    Block,
    BlockReducer,
    Blocks,
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
)
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._absent import AbsentFill

KINDS = (np.asarray, sp.csr_array)
# scikit-learn's solvers end elsewhere for a sparse and for a dense matrix in float32
SOLVER = 3e-3
# counts of words and numbers far from 0, a gap before and between
LAYOUT = Blocks(
    [
        Block("words", 1, 31, indicator=31, sparse=True),
        Block("numbers", 33, 38, indicator=38, sparse=False),
    ],
    39,
)
NET = {"max_epochs": 4, "hidden_layer_sizes": (8,), "fusion_size": 8, "random_state": 0}
FUSIONS = [
    EarlyFusionClassifier(),
    EarlyFusionClassifier(n_components=3, random_state=0),
    EarlyFusionRegressor(),
    LateFusionClassifier(),
    LateFusionClassifier(combine="stack"),
    LateFusionRegressor(),
    IntermediateFusionClassifier("gated", **NET),
    IntermediateFusionClassifier("concat", block_norm=None, **NET),
]


def matrix(n=80, *, absent=0.3):
    rng = np.random.default_rng(0)
    X = np.zeros((n, 39))
    X[:, 1:31] = rng.poisson(0.1, (n, 30))
    X[:, 33:38] = rng.normal(5000, [1, 10, 100, 1000, 5], (n, 5))
    X[:, [31, 38]] = 1
    y = (X[:, 33] - 5000 + rng.normal(size=n) > 0).astype(int)
    chance = rng.random(n)
    X[chance < absent / 2, 1:32] = 0
    X[chance > 1 - absent / 2, 33:39] = 0
    return X, y


def dense(X):
    return X.toarray() if sp.issparse(X) else X


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("block_norm", [None, 10.0])
def test_blocks_are_scaled_as_what_they_are(block_norm, weighted):
    X, _ = matrix()
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X)) if weighted else None
    scaler = BlockScaler(block_norm=block_norm, blocks=LAYOUT)
    stored = [clone(scaler).fit(kind(X), sample_weight=weights) for kind in KINDS]
    for one in stored[1:]:
        np.testing.assert_allclose(one.mean_, stored[0].mean_)
        np.testing.assert_allclose(one.scale_, stored[0].scale_)
    outs = [one.transform(kind(X)) for one, kind in zip(stored, KINDS, strict=True)]
    assert [sp.issparse(out) for out in outs] == [False, True]
    np.testing.assert_allclose(dense(outs[1]), outs[0], rtol=1e-12, atol=1e-12)
    assert not stored[0].mean_[:33].any()
    if block_norm is None:
        has = X[:, 38] == 1
        own = None if weights is None else weights[has]
        expected = StandardScaler().fit(X[has, 33:38], sample_weight=own)
        np.testing.assert_allclose(outs[0][:, 33:38], expected.transform(X[:, 33:38]))
        np.testing.assert_array_equal(outs[0][:, :33], X[:, :33])


def test_a_layout_that_does_not_say_it_goes_by_the_matrix():
    X, _ = matrix()
    unknown = Blocks([dataclasses.replace(b, sparse=None) for b in LAYOUT], 39)
    assert unknown == LAYOUT
    assert unknown.digest != LAYOUT.digest
    scaler = BlockScaler(block_norm=None, blocks=unknown)
    np.testing.assert_array_equal(scaler.fit_transform(sp.csr_array(X)).toarray(), X)
    assert scaler.fit(X).mean_[[1, 33]].all()


def test_blocks_are_reduced_as_what_they_are():
    X, _ = matrix()
    reducer = BlockReducer(n_components=3, blocks=LAYOUT, random_state=0)
    outs = [clone(reducer).fit_transform(kind(X)) for kind in KINDS]
    np.testing.assert_allclose(outs[1], outs[0], atol=1e-8)
    fitted = reducer.fit(sp.csr_array(X))
    assert not fitted.means_["words"].any()
    has = X[:, 38] == 1
    np.testing.assert_allclose(fitted.means_["numbers"], X[has, 33:38].mean(axis=0))
    assert all(block.sparse is False for block in fitted.blocks_out_)


@pytest.mark.parametrize("is_nan", [False, True])
@pytest.mark.parametrize("mean", [False, True])
def test_absent_blocks_are_filled_as_what_they_are(mean, is_nan):
    X, _ = matrix()
    absent = X[:, 38] == 0
    X[absent, 33:38] = np.nan if is_nan else 7
    X[X[:, 31] == 0, 1:31] = 3
    fills = [AbsentFill(LAYOUT, mean=mean).fit(kind(X)) for kind in KINDS]
    np.testing.assert_array_equal(fills[1].fill_, fills[0].fill_)
    assert not fills[0].fill_[:33].any()
    for fill in fills:
        outs = [fill.transform(kind(X)) for kind in KINDS]
        assert [sp.issparse(out) for out in outs] == [False, True]
        np.testing.assert_array_equal(dense(outs[1]), outs[0])
    if is_nan:
        assert np.isnan(outs[0][absent, 33:38]).all()
    else:
        wanted = X[~absent, 33:38].mean(axis=0) if mean else np.zeros(5)
        for row in outs[0][absent, 33:38]:
            np.testing.assert_allclose(row, wanted)
    assert not outs[0][X[:, 31] == 0, 1:31].any()


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
def test_fusions_do_not_depend_on_the_storage(fusion):
    X, y = matrix()
    X = X.astype(np.float32)
    answers = []
    for kind in KINDS:
        model = clone(fusion).set_params(blocks=LAYOUT).fit(kind(X), y)
        ask = getattr(model, "predict_proba", model.predict)
        answers.append(ask(kind(X)))
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=SOLVER)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 120
    X = pd.DataFrame(
        {
            "text": rng.choice(["red car", "blue cat", "old dog"], n),
            "large": rng.normal(5000, 1000, n),
            "small": rng.normal(size=n),
        }
    )
    return X, (X["small"] > 0).astype(int)


NUMBERS = ("numbers", "passthrough", ["large", "small"])
AGAIN = ("again", "passthrough", ["large"])
TEXT = ("text", TfidfExtractor(), ["text"])


@pytest.mark.parametrize(
    "fusion",
    [
        EarlyFusionClassifier(modalities=["numbers"]),
        LateFusionClassifier(modalities=["numbers"]),
        IntermediateFusionClassifier("concat", modalities=["numbers"], **NET),
    ],
    ids=repr,
)
def test_a_candidate_does_not_depend_on_a_text_that_it_does_not_read(fusion, table):
    X, y = table
    probabilities = [
        MultimodalClassifier(ModalityTransformer(branches), fusion)
        .fit(X, y)
        .predict_proba(X)
        for branches in ([NUMBERS, AGAIN], [NUMBERS, AGAIN, TEXT])
    ]
    np.testing.assert_allclose(*probabilities, rtol=0, atol=SOLVER)
    if isinstance(fusion, EarlyFusionClassifier):
        assert (probabilities[1].argmax(axis=1) == y).mean() > 0.97


@pytest.mark.parametrize(
    "estimator",
    [
        EarlyFusionClassifier(),
        LateFusionClassifier(),
        IntermediateFusionClassifier("concat", **NET),
        pytest.param(None, id="scaler"),
    ],
)
def test_sparse_output_is_no_parameter_of_the_model(estimator, table):
    X, y = table
    probabilities = []
    for sparse_output in ("auto", False, True):
        features = ModalityTransformer([NUMBERS, TEXT], sparse_output=sparse_output)
        if estimator is None:
            Xt = features.fit_transform(X)
            scaled = BlockScaler(blocks=features.blocks_).fit_transform(Xt)
            model = LogisticRegression().fit(scaled, y)
            probabilities.append(model.predict_proba(scaled))
        else:
            model = MultimodalClassifier(features, estimator).fit(X, y)
            probabilities.append(model.predict_proba(X))
    np.testing.assert_allclose(probabilities[1], probabilities[0], rtol=0, atol=SOLVER)
    np.testing.assert_allclose(probabilities[2], probabilities[0], rtol=0, atol=SOLVER)


def test_features_say_which_blocks_are_sparse(table):
    X, y = table
    reduced = ("reduced", TfidfExtractor(n_components=2, random_state=0), ["text"])
    features = ModalityTransformer([NUMBERS, TEXT, reduced]).fit(X, y)
    assert [block.sparse for block in features.blocks_] == [False, True, False]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("steps", ["head", "scaler and head"])
@pytest.mark.parametrize(
    "fusion",
    [
        EarlyFusionClassifier(),
        EarlyFusionClassifier(n_components=2, random_state=0),
        LateFusionClassifier(),
        IntermediateFusionClassifier("concat", **NET),
    ],
    ids=repr,
)
def test_a_frame_says_by_its_names_which_blocks_are_sparse(
    fusion, steps, library, table
):
    X, y = table
    features = ModalityTransformer([NUMBERS, TEXT])
    scaler = [BlockScaler()] if steps == "scaler and head" else []
    expected = MultimodalClassifier(features, clone(make_pipeline(*scaler, fusion)))
    frames = ModalityTransformer([NUMBERS, TEXT], sparse_output=False)
    model = make_pipeline(frames, *scaler, fusion).set_output(transform=library)
    model.fit(X, y)
    np.testing.assert_allclose(
        model.predict_proba(X),
        expected.fit(X, y).predict_proba(X),
        rtol=0,
        atol=SOLVER,
    )
    blocks = model[-1].blocks_
    assert [block.sparse for block in blocks] == [False, True]


def test_a_sparse_matrix_with_names_has_dense_blocks_too(table):
    X, _ = table
    features = ModalityTransformer([NUMBERS, TEXT])
    Xt = features.fit_transform(X)
    names = features.get_feature_names_out()
    frame = pd.DataFrame.sparse.from_spmatrix(Xt, columns=names)
    scaled = BlockScaler().fit_transform(frame)
    expected = BlockScaler(blocks=features.blocks_).fit_transform(Xt)
    np.testing.assert_allclose(dense(scaled), dense(expected), rtol=1e-5)


def test_what_a_reducer_made_dense_is_dense_in_a_frame(table):
    X, _ = table
    features = ModalityTransformer([NUMBERS, TEXT], sparse_output=False)
    frame = features.set_output(transform="pandas").fit_transform(X)
    reducer = BlockReducer(2, random_state=0).set_output(transform="pandas")
    reduced = reducer.fit_transform(frame)
    assert list(frame.columns[-1:]) == ["text__modality_present_sparse"]
    assert list(reduced.columns[-1:]) == ["text__modality_present"]
    read = Blocks.from_feature_names(reduced.columns)
    assert read == reducer.blocks_out_
    assert not any(block.sparse for block in read)
    narrow = BlockReducer(50).set_output(transform="pandas").fit_transform(frame)
    assert list(narrow.columns) == list(frame.columns)


def test_a_frame_that_cannot_say_it_is_warned_of(table):
    X, _ = table
    onehot = ("kind", OneHotEncoder(), ["text"])
    features = ModalityTransformer([NUMBERS, onehot], sparse_output=False)
    features.fit_transform(X)  # an array has blocks_
    features.set_output(transform="pandas")
    with pytest.warns(UserWarning, match=r"the branches \['kind'\] are sparse") as said:
        features.fit_transform(X)
    assert said[0].filename == __file__
