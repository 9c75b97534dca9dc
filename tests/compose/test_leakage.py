"""The warning of out-of-fold features before an estimator with folds of its own."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.compose import (
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.compose._leakage import warn_if_leaking
from mmsk.ensemble import ModalityStackingClassifier
from mmsk.exceptions import LeakageWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from mmsk.neural_network import NeuralClassifier, NeuralRegressor, SupervisedEncoder

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(40, 3)), columns=["a", "b", "c"])
Y = np.where(X["a"] > 0, "yes", "no")
LINEAR = LogisticRegression()


def encoder(net=NeuralClassifier):
    return SupervisedEncoder(cv=2, estimator=net(4, max_epochs=2), random_state=0)


def features(step):
    return ModalityTransformer(
        [
            ("first", make_pipeline(TableExtractor(), step), ["a", "b"]),
            ("table", TableExtractor(), ["c"]),
        ]
    )


SPLITTING = {
    "stack": StackingClassifier([("e", LINEAR)]),
    "calibration": CalibratedClassifierCV(LINEAR, cv=2),
    "search": GridSearchCV(LINEAR, {"C": [1.0]}, cv=2),
    "weighted": LateFusionClassifier(combine="weighted", cv=2),
    "late stack": LateFusionClassifier(combine="stack", cv=2),
    "inside": EarlyFusionClassifier(StackingClassifier([("e", LINEAR)])),
    "pipeline": make_pipeline(StandardScaler(), CalibratedClassifierCV(LINEAR, cv=2)),
    "bag": BaggingClassifier(CalibratedClassifierCV(LINEAR, cv=2), 2, random_state=0),
    "vote": VotingClassifier([("c", CalibratedClassifierCV(LINEAR, cv=2))]),
    "stopped early": NeuralClassifier(4, max_epochs=2, early_stopping=True),
    "boosting": GradientBoostingClassifier(n_estimators=2, n_iter_no_change=2),
    "out of bag": BaggingClassifier(LINEAR, 40, oob_score=True, random_state=0),
}


@pytest.mark.parametrize("estimator", SPLITTING.values(), ids=SPLITTING)
def test_folds_of_its_own_are_warned_of_once(estimator):
    with pytest.warns(LeakageWarning) as caught:
        MultimodalClassifier(features(encoder()), estimator).fit(X, Y)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "'first' come from a SupervisedEncoder" in message
    assert "make_pipeline(BlockSelector(['first']), SupervisedEncoder()" in message
    assert caught[0].filename == __file__


def test_of_regressors_too():
    stack = StackingRegressor([("e", Ridge())])
    for estimator in (stack, RidgeCV()):
        model = MultimodalRegressor(features(encoder(NeuralRegressor)), estimator)
        with pytest.warns(LeakageWarning, match=type(estimator).__name__):
            model.fit(X, X["a"])


def test_an_encoder_before_folds_in_the_estimators_own_pipeline():
    def piped(last):
        return make_pipeline(BlockSelector(["first"]), encoder(), last)

    raw = features("passthrough")
    stack = SPLITTING["stack"]
    with pytest.warns(LeakageWarning, match="Stacking") as caught:
        MultimodalClassifier(raw, piped(stack)).fit(X, Y)
    assert len(caught) == 1
    assert "in a pipeline come from a SupervisedEncoder" in str(caught[0].message)
    assert caught[0].filename == __file__
    with pytest.warns(LeakageWarning, match="NeuralClassifier"):
        warn_if_leaking(
            raw, VotingClassifier([("v", piped(SPLITTING["stopped early"]))])
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        warn_if_leaking(raw, piped(LINEAR))
        warn_if_leaking(raw, make_pipeline(StandardScaler(), stack))


QUIET = {
    "linear": LINEAR,
    "early": EarlyFusionClassifier(LINEAR),
    "mean": LateFusionClassifier(),
    "bag": BaggingClassifier(LINEAR, 2, random_state=0),
    "vote": VotingClassifier([("e", LINEAR)]),
    "not stopped": GradientBoostingClassifier(n_estimators=2),
    "another": make_pipeline(BlockSelector(["table"]), encoder(), LINEAR),
}


@pytest.mark.parametrize("estimator", QUIET.values(), ids=QUIET)
def test_no_folds_no_warning(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        MultimodalClassifier(features(encoder()), estimator).fit(X, Y)


def test_other_features_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        MultimodalClassifier(features("passthrough"), SPLITTING["stack"]).fit(X, Y)
        dropped = features(encoder()).set_params(first="drop")
        MultimodalClassifier(dropped, SPLITTING["calibration"]).fit(X, Y)
        frozen = FrozenEstimator(features(encoder()).fit(X, Y))
        MultimodalClassifier(frozen, SPLITTING["stack"]).fit(X, Y)


def test_what_is_fitted_already_makes_no_folds():
    stack = SPLITTING["stack"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        warn_if_leaking(features(encoder()), FrozenEstimator(stack))
        prefit = clone(stack).set_params(cv="prefit")
        warn_if_leaking(features(encoder()), prefit)
    with pytest.warns(LeakageWarning):
        warn_if_leaking(features(encoder()), stack)


def test_the_remedy_is_quiet_and_is_told_its_block():
    stack = StackingClassifier(
        [
            ("f", make_pipeline(BlockSelector(["first"]), encoder(), clone(LINEAR))),
            ("t", make_pipeline(BlockSelector(["table"]), clone(LINEAR))),
        ],
        cv=2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        clf = MultimodalClassifier(features("passthrough"), stack).fit(X, Y)
    inside = clf.estimator_.estimators_[0][1]
    assert inside.blocks.names == ("first",)
    assert inside.fill_.shape == (1,)


class TestTargetEncoding:
    """A category of noise, three rows a level, beside a number that tells a bit.

    Over 20 seeds its out-of-fold AUC was .51 to .52 (new rows .50), that of an encoder
    fitted inside each fold .507, and the log-loss of the stack the same within 1.6
    standard errors. So target encoding, unlike a SupervisedEncoder, warns of nothing.
    """

    def stacked(self, seed, *, in_sample=False):
        """Return the stack's view of the noise: its AUC in the folds, its weight."""
        rng = np.random.default_rng(seed)
        y = rng.integers(2, size=600)
        levels = [f"level {i}" for i in rng.integers(200, size=600)]
        table = pd.DataFrame({"noise": levels, "number": rng.normal(size=600) + y / 2})
        features = ModalityTransformer(
            [
                ("noise", TableExtractor(encoding="target"), ["noise"]),
                ("number", TableExtractor(), ["number"]),
            ]
        )
        X = features.fit_transform(table, y)
        if in_sample:
            X = features.transform(table)
        members = [
            (name, EarlyFusionClassifier(modalities=[name]))
            for name in ("noise", "number")
        ]
        stack = ModalityStackingClassifier(
            members, blocks=features.blocks_, stack_method="logit"
        ).fit(X, y)
        auc = roc_auc_score(y, stack.oof_predictions_["noise"][:, 1])
        return auc, *stack.final_estimator_.coef_[0]

    def test_noise_gets_no_say_in_a_stack(self):
        auc, noise, number = np.mean([self.stacked(seed) for seed in range(6)], axis=0)
        assert 0.45 < auc < 0.55
        assert abs(noise) < 0.5 < number

    def test_it_would_if_it_were_not_out_of_fold(self):
        auc, noise, number = self.stacked(0, in_sample=True)
        assert auc > 0.7
        assert noise > number / 2

    def test_is_not_warned_of(self):
        table = TableExtractor(encoding="target")
        with warnings.catch_warnings():
            warnings.simplefilter("error", LeakageWarning)
            for estimator in SPLITTING.values():
                warn_if_leaking(ModalityTransformer([("t", table, ["a"])]), estimator)
