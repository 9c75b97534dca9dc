"""Which estimators of scikit-learn are given groups for their inner folds."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.covariance import GraphicalLassoCV
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ElasticNetCV,
    LarsCV,
    LassoCV,
    LassoLarsCV,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNetCV,
    MultiTaskLassoCV,
    OrthogonalMatchingPursuitCV,
    Ridge,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import all_estimators

from mmsk.compose import (
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
)
from mmsk.exceptions import GroupsWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from mmsk.model_selection import FusionSearchCV, make_splitter
from tests._blocks import Folds

N = 36
AUTHOR = np.arange(N) % 6
FOLDS = Folds(3)
LINE = LogisticRegression()
C = {"C": [0.1, 1.0]}

ALWAYS, ROUTED, NEVER = "always", "routed", "never"
WHEN = [
    (GridSearchCV(LINE, C, cv=FOLDS), ALWAYS),
    (RandomizedSearchCV(LINE, C, n_iter=2, cv=FOLDS), ALWAYS),
    (HalvingGridSearchCV(LINE, C, cv=FOLDS), ALWAYS),
    (HalvingRandomSearchCV(LINE, C, n_candidates=2, cv=FOLDS, random_state=0), ALWAYS),
    (RFECV(LINE, cv=FOLDS), ALWAYS),
    (CalibratedClassifierCV(LINE, cv=FOLDS), ROUTED),
    (
        LogisticRegressionCV(
            Cs=2,
            cv=FOLDS,
            l1_ratios=(0,),
            scoring="accuracy",
            use_legacy_attributes=False,
        ),
        ROUTED,
    ),
    (RidgeClassifierCV(cv=FOLDS), ROUTED),
    (TunedThresholdClassifierCV(LINE, cv=FOLDS), ROUTED),
    (make_pipeline(SequentialFeatureSelector(LINE, cv=FOLDS), LINE), ROUTED),
    (ElasticNetCV(cv=FOLDS, alphas=3), ROUTED),
    (LassoCV(cv=FOLDS, alphas=3), ROUTED),
    (LarsCV(cv=FOLDS), ROUTED),
    (LassoLarsCV(cv=FOLDS), ROUTED),
    (OrthogonalMatchingPursuitCV(cv=FOLDS), ROUTED),
    (RidgeCV(cv=FOLDS), ROUTED),
    (MultiTaskElasticNetCV(cv=FOLDS, alphas=3), ROUTED),
    (MultiTaskLassoCV(cv=FOLDS, alphas=3), ROUTED),
    (StackingClassifier([("line", LINE)], cv=FOLDS), NEVER),
    (StackingRegressor([("line", Ridge())], cv=FOLDS), NEVER),
    (ClassifierChain(LINE, cv=FOLDS), NEVER),
    (RegressorChain(Ridge(), cv=FOLDS), NEVER),
]
INSIDE = [
    (make_pipeline(BlockScaler(), RFECV(LINE, cv=FOLDS)), ALWAYS),
    (make_pipeline(RFECV(LINE, cv=FOLDS), LINE), ALWAYS),
    (make_pipeline(make_pipeline(RFECV(LINE, cv=FOLDS)), LINE), ALWAYS),
    (EarlyFusionClassifier(RFECV(LINE, cv=FOLDS)), ALWAYS),
    (FixedThresholdClassifier(RFECV(LINE, cv=FOLDS)), ROUTED),
    (make_pipeline(BlockScaler(), CalibratedClassifierCV(LINE, cv=FOLDS)), ROUTED),
    (EarlyFusionClassifier(CalibratedClassifierCV(LINE, cv=FOLDS)), ROUTED),
    (OneVsRestClassifier(CalibratedClassifierCV(LINE, cv=FOLDS)), ROUTED),
    (VotingClassifier([("grid", GridSearchCV(LINE, C, cv=FOLDS))]), ROUTED),
    (BaggingClassifier(CalibratedClassifierCV(LINE, cv=FOLDS), 2), ROUTED),
    (make_pipeline(SelectFromModel(LassoCV(cv=FOLDS, alphas=3)), LINE), ROUTED),
    (make_pipeline(StackingClassifier([("line", LINE)], cv=FOLDS)), NEVER),
    (SelfTrainingClassifier(CalibratedClassifierCV(LINE, cv=FOLDS)), NEVER),
]


def name_of(value):
    return value if isinstance(value, str) else type(value).__name__


def table(seed=0):
    rng = np.random.default_rng(seed)
    numbers = pd.DataFrame(rng.normal(size=(N, 4)), columns=list("abcd"))
    return numbers.assign(author=AUTHOR)


def multimodal(estimator):
    kind = MultimodalRegressor if is_regressor(estimator) else MultimodalClassifier
    branches = [("left", TableExtractor(), ["a", "b"]), ("right", "passthrough", ["c"])]
    return kind(ModalityTransformer(branches), estimator, groups="author")


def target(estimator):
    rng = np.random.default_rng(1)
    several = isinstance(
        estimator,
        ClassifierChain | RegressorChain | MultiTaskLassoCV | MultiTaskElasticNetCV,
    )
    y = table()["a"].to_numpy() + rng.normal(size=N)
    y = y if is_regressor(estimator) else (y > 0).astype(int)
    return np.column_stack([y, y[::-1]]) if several else y


def with_group_k_fold(estimator):
    """Return the estimator with a splitter that raises without groups."""
    found = [name for name, value in estimator.get_params().items() if value is FOLDS]
    return clone(estimator).set_params(**dict.fromkeys(found, GroupKFold(3)))


def test_all_that_make_folds_in_scikit_learn_are_here():
    named = {
        name
        for name, kind in all_estimators()
        if "cv" in inspect.signature(kind.__init__).parameters
    }
    here = {type(part) for each, _ in WHEN for part in (each, *_steps(each))}
    # the first has no y, the other is a transformer of the table
    here |= {GraphicalLassoCV, TargetEncoder}
    assert named <= {kind.__name__ for kind in here}


def _steps(estimator):
    return [step for _, step in getattr(estimator, "steps", [])]


@pytest.mark.filterwarnings("ignore:No features were selected")
@pytest.mark.parametrize("routing", [False, True], ids=["plain", "routing"])
@pytest.mark.parametrize(("estimator", "when"), WHEN + INSIDE, ids=name_of)
def test_group_k_fold_is_given_them_or_refused(estimator, when, routing):
    clf = multimodal(with_group_k_fold(estimator))
    X, y = table(), target(estimator)
    with config_context(enable_metadata_routing=routing), warnings.catch_warnings():
        warnings.simplefilter("error", GroupsWarning)
        if when == ALWAYS or (when == ROUTED and routing):
            clf.fit(X, y)
            return
        remedy = (
            r"set_config\(enable_metadata_routing=True\)"
            if when == ROUTED
            else "ModalityStackingClassifier"
        )
        with pytest.raises(ValueError, match=f"with GroupKFold, and groups .*{remedy}"):
            clf.fit(X, y)
    # before anything was decoded, but where fusion decides what is inside
    early = isinstance(estimator, EarlyFusionClassifier)
    assert early or not hasattr(clf, "features_")


@pytest.mark.parametrize(
    ("estimator", "when"),
    [each for each in WHEN if each[1] != NEVER],
    ids=name_of,
)
def test_they_are_the_groups_of_the_rows(estimator, when, asked):
    clf = multimodal(estimator)
    weights = (np.arange(N) % 7 > 0).astype(float)
    with config_context(enable_metadata_routing=when == ROUTED):
        clf.fit(table(), target(estimator))
        assert asked
        for groups in asked:
            # successive halving begins with fewer rows
            assert set(groups) == set(AUTHOR)
        np.testing.assert_array_equal(asked[-1], AUTHOR)
    if when == ALWAYS and not isinstance(estimator, RFECV):
        asked.clear()
        clf.fit(table(), target(estimator), sample_weight=weights)
        np.testing.assert_array_equal(asked[-1], AUTHOR[weights > 0])


@pytest.mark.parametrize("routing", [False, True], ids=["plain", "routing"])
@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(LINE, cv=3),
        RFECV(LINE, cv=3),
        GridSearchCV(LINE, C, cv=3),
        GridSearchCV(LateFusionClassifier(combine="stack"), {}, cv=KFold(3)),
        StackingClassifier([("late", LateFusionClassifier(combine="stack"))], cv=3),
        VotingClassifier([("cal", CalibratedClassifierCV(LINE, cv=3))]),
        make_pipeline(BlockScaler(), CalibratedClassifierCV(LINE, cv=3)),
    ],
    ids=name_of,
)
def test_other_folds_are_told_of_once(estimator, routing):
    with (
        config_context(enable_metadata_routing=routing),
        pytest.warns(GroupsWarning, match="GroupKFold") as caught,
    ):
        multimodal(estimator).fit(table(), target(estimator))
    assert len(caught) == 1


@pytest.mark.filterwarnings("ignore:y contains no unlabeled")
@pytest.mark.parametrize("routing", [False, True], ids=["plain", "routing"])
@pytest.mark.parametrize(
    "estimator",
    [
        LINE,
        make_pipeline(BlockScaler(), LINE),
        SelfTrainingClassifier(LINE),
        RFECV(LINE, cv=list(GroupKFold(3).split(table(), groups=AUTHOR))),
        LateFusionClassifier(combine="stack"),
        FusionSearchCV(LINE, C, cv=3, keep_models=False),
    ],
    ids=name_of,
)
def test_nothing_is_told_where_no_fold_is_ungrouped(estimator, routing):
    with config_context(enable_metadata_routing=routing), warnings.catch_warnings():
        warnings.simplefilter("error", GroupsWarning)
        multimodal(estimator).fit(table(), target(estimator))


@pytest.mark.parametrize("routing", [False, True], ids=["plain", "routing"])
def test_self_training_hands_none_to_fits_on_fewer_rows(routing):
    y = target(LINE)
    y[::5] = -1  # without a label
    learner = SelfTrainingClassifier(LateFusionClassifier(combine="stack"))
    with (
        config_context(enable_metadata_routing=routing),
        pytest.warns(GroupsWarning, match="inner folds of LateFusionClassifier,"),
    ):
        multimodal(learner).fit(table(), y)


def test_the_int_folds_of_a_fusion_search_keep_them_together():
    search = FusionSearchCV(LINE, C, cv=3, keep_models=False)
    fitted = multimodal(search).fit(table(), target(LINE)).estimator_
    for train, test in fitted.splits_:
        assert not set(AUTHOR[train]) & set(AUTHOR[test])


def test_a_search_under_routing_hands_them_to_its_estimator(asked):
    late = LateFusionClassifier(combine="stack", cv=Folds(2))
    search = GridSearchCV(late, {}, cv=KFold(3), refit=False)
    with (
        config_context(enable_metadata_routing=True),
        pytest.warns(GroupsWarning, match="inner folds of GridSearchCV,"),
    ):
        multimodal(search).fit(table(), target(LINE))
    trains = [train for train, _ in KFold(3).split(AUTHOR)]
    assert len(asked) == 3
    for train, groups in zip(trains, asked, strict=True):
        np.testing.assert_array_equal(groups, AUTHOR[train])


def test_what_does_not_route_is_not_asked_to():
    boosted = GridSearchCV(AdaBoostRegressor(n_estimators=2), {}, cv=GroupKFold(3))
    assert multimodal(boosted).fit(table(), target(boosted)).estimator_.n_splits_ == 3


def test_chosen_splitters_and_frozen_estimators():
    y = target(LINE)
    grouped = make_splitter(y, groups=AUTHOR, n_splits=3)
    calibrated = multimodal(CalibratedClassifierCV(LINE, cv=grouped))
    with pytest.raises(ValueError, match="with ChosenSplitter, and groups"):
        calibrated.fit(table(), y)
    ungrouped = multimodal(CalibratedClassifierCV(LINE, cv=make_splitter(y)))
    frozen = LateFusionClassifier(
        FrozenEstimator(CalibratedClassifierCV(LINE, cv=GroupKFold(3)))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", GroupsWarning)
        ungrouped.fit(table(), y)
        with pytest.raises(Exception, match="not fitted"):  # not entered
            multimodal(frozen).fit(table(), y).predict(table())


class TestBranches:
    """Branches of the features make folds as well."""

    def features(self, *steps):
        chain = make_pipeline(*steps) if len(steps) > 1 else steps[0]
        return ModalityTransformer([("t", chain, ["a", "b", "c"])])

    @pytest.mark.parametrize(
        ("steps", "when"),
        [
            ([TargetEncoder(target_type="binary", cv=FOLDS)], ROUTED),
            ([TableExtractor(), RFECV(LINE, cv=FOLDS)], ALWAYS),
            ([TableExtractor(), SequentialFeatureSelector(LINE, cv=FOLDS)], ROUTED),
            ([TableExtractor(), SelectFromModel(LassoCV(cv=FOLDS, alphas=3))], ROUTED),
        ],
        ids=["TargetEncoder", "RFECV", "Sequential", "LassoCV"],
    )
    def test_are_given_them_or_refused(self, steps, when, asked):
        X, y = table(), target(LINE)
        with config_context(enable_metadata_routing=when == ROUTED):
            self.features(*steps).fit(X, y, groups=AUTHOR)
        assert asked
        for groups in asked:
            np.testing.assert_array_equal(groups, AUTHOR)
        if when == ROUTED:
            features = self.features(*map(with_group_k_fold, steps))
            with pytest.raises(ValueError, match="enable_metadata_routing=True"):
                features.fit(X, y, groups=AUTHOR)

    def test_int_folds_are_told_of(self):
        encoder = TargetEncoder(target_type="binary", cv=3)
        features = self.features(encoder)
        with pytest.warns(GroupsWarning, match="inner folds of TargetEncoder"):
            features.fit_transform(table(), target(LINE), groups=AUTHOR)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            features.fit_transform(table(), target(LINE))
