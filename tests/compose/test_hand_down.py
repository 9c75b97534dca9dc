"""Who is told which blocks, and who is refused.

Every container of scikit-learn that fits its children on its own X is held to the
same four outcomes; those that show their children other columns, to refusal.
"""

import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SelectKBest,
    SequentialFeatureSelector,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier

from mmsk.compose import (
    BlockReducer,
    Blocks,
    BlockScaler,
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
    register_block_rule,
    visit_blocks,
)
from mmsk.compose._fit_params import as_repeats, fit_params, takes_weights
from mmsk.compose._hand_down import hand_down
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from tests._blocks import BLOCKS, RAW, Reader, ReaderRegressor, two_blocks


class Foreign(ClassifierMixin, BaseEstimator):
    """A container of another library; its child hides where no walk finds it."""

    def __init__(self, config):
        self.config = config

    def fit(self, X, y):
        return self


register_block_rule(
    Foreign,
    lambda foreign, view, path: visit_blocks(
        foreign.config["child"], view, f"{path}__config__child"
    ),
)

# how a container is built around a child, and the child's path in it
CLASSIFIERS = {
    "Pipeline": (lambda c: Pipeline([("clf", c)]), "clf"),
    "nested Pipeline": (
        lambda c: Pipeline([("all", Pipeline([("clf", c)]))]),
        "all__clf",
    ),
    "Bagging": (lambda c: BaggingClassifier(c), "estimator"),
    "Bagging of rows": (lambda c: BaggingClassifier(c, max_samples=0.5), "estimator"),
    "AdaBoost": (lambda c: AdaBoostClassifier(c), "estimator"),
    "Voting": (lambda c: VotingClassifier([("c", c), ("d", "drop")]), "c"),
    "Stacking": (lambda c: StackingClassifier([("c", c)]), "c"),
    "Stacking with passthrough": (
        lambda c: StackingClassifier([("c", c)], passthrough=True),
        "c",
    ),
    "Calibrated": (lambda c: CalibratedClassifierCV(c), "estimator"),
    "OneVsRest": (lambda c: OneVsRestClassifier(c), "estimator"),
    "OneVsOne": (lambda c: OneVsOneClassifier(c), "estimator"),
    "OutputCode": (lambda c: OutputCodeClassifier(c, random_state=0), "estimator"),
    "SelfTraining": (lambda c: SelfTrainingClassifier(c), "estimator"),
    "TunedThreshold": (lambda c: TunedThresholdClassifierCV(c), "estimator"),
    "FixedThreshold": (lambda c: FixedThresholdClassifier(c), "estimator"),
    "MultiOutput": (lambda c: MultiOutputClassifier(c), "estimator"),
    "GridSearch": (lambda c: GridSearchCV(c, {}), "estimator"),
    "RandomizedSearch": (lambda c: RandomizedSearchCV(c, {}, n_iter=1), "estimator"),
    "grid of estimators": (
        lambda c: GridSearchCV(
            Pipeline([("clf", LogisticRegression())]),
            [{"clf": [LogisticRegression()]}, {"clf": [c]}],
        ),
        "estimator__clf",
    ),
    "grid of lists of estimators": (
        lambda c: GridSearchCV(
            VotingClassifier([("c", LogisticRegression())]),
            {"estimators": [[("c", c)], [("x", LogisticRegression()), ("c", c)]]},
        ),
        "estimator__c",
    ),
    "grid inside what a grid sets": (
        lambda c: GridSearchCV(
            Pipeline([("clf", BaggingClassifier(LogisticRegression()))]),
            {"clf": [BaggingClassifier()], "clf__estimator": [c]},
        ),
        "estimator__clf__estimator",
    ),
    "SelectFromModel": (lambda c: SelectFromModel(c), "estimator"),
    "FeatureUnion": (
        lambda c: FeatureUnion([("c", SelectFromModel(c)), ("d", "drop")]),
        "c__estimator",
    ),
    "registered container": (lambda c: Foreign({"child": c}), "config__child"),
}
REGRESSORS = {
    "Pipeline": (lambda c: Pipeline([("clf", c)]), "clf"),
    "Bagging": (lambda c: BaggingRegressor(c), "estimator"),
    "AdaBoost": (lambda c: AdaBoostRegressor(c), "estimator"),
    "Voting": (lambda c: VotingRegressor([("c", c)]), "c"),
    "Stacking": (lambda c: StackingRegressor([("c", c)], passthrough=True), "c"),
    "MultiOutput": (lambda c: MultiOutputRegressor(c), "estimator"),
    "TransformedTarget": (
        lambda c: TransformedTargetRegressor(c, transformer=StandardScaler()),
        "regressor",
    ),
    "RANSAC": (lambda c: RANSACRegressor(c), "estimator"),
    "GridSearch": (lambda c: GridSearchCV(c, {}), "estimator"),
}
KEEPING = [
    *(pytest.param(*each, Reader, id=name) for name, each in CLASSIFIERS.items()),
    *(
        pytest.param(*each, ReaderRegressor, id=f"{name} (regressor)")
        for name, each in REGRESSORS.items()
    ),
]
REARRANGING = {
    "Bagging of columns": (
        lambda c: BaggingClassifier(c, max_features=0.5),
        "estimator",
    ),
    "Bagging of counted columns": (
        lambda c: BaggingClassifier(c, max_features=3),
        "estimator",
    ),
    "Bagging with drawn columns": (
        lambda c: BaggingClassifier(c, bootstrap_features=True),
        "estimator",
    ),
    "ClassifierChain": (lambda c: ClassifierChain(c), "estimator"),
    "RegressorChain": (lambda c: RegressorChain(c), "estimator"),
    "RFE": (lambda c: RFE(c), "estimator"),
    "RFECV": (lambda c: RFECV(c), "estimator"),
    "SequentialFeatureSelector": (
        lambda c: SequentialFeatureSelector(c),
        "estimator",
    ),
}
COLUMNS = {
    "ColumnTransformer": (
        lambda c: ColumnTransformer([("c", SelectFromModel(c), [1, 0])]),
        "c__estimator",
    ),
}
KEPT_A = BLOCKS.select("a").packed()


@pytest.mark.parametrize(("build", "path", "kind"), KEEPING)
class TestContainersThatKeepTheColumns:
    def test_gets_the_blocks(self, build, path, kind):
        child = kind()
        hand_down(build(child), BLOCKS)
        assert child.blocks is BLOCKS

    def test_gets_narrowed_blocks(self, build, path, kind):
        child = kind()
        hand_down(Pipeline([("keep", BlockSelector("a")), ("c", build(child))]), BLOCKS)
        assert child.blocks == KEPT_A

    def test_hands_narrowed_blocks_on(self, build, path, kind):
        selector, child = BlockSelector("a"), kind()
        hand_down(build(Pipeline([("keep", selector), ("c", child)])), BLOCKS)
        assert selector.blocks is BLOCKS
        assert child.blocks == KEPT_A

    def test_what_is_frozen_gets_none(self, build, path, kind):
        child = kind()
        hand_down(build(FrozenEstimator(child)), BLOCKS)
        assert child.blocks is None

    def test_a_final_estimator_gets_none(self, build, path, kind):
        base, child = Reader(), kind()
        hand_down(StackingClassifier([("base", base)], build(child)), BLOCKS)
        assert base.blocks is BLOCKS
        assert child.blocks is None

    def test_is_refused_behind_a_scaler(self, build, path, kind):
        broken = Pipeline([("pca", PCA()), ("c", build(kind()))])
        with pytest.raises(ValueError, match=f"estimator__c__{path} ") as error:
            hand_down(broken, BLOCKS)
        assert "the step estimator__pca (PCA) changes its columns" in str(error.value)

    def test_a_scaler_inside_is_refused(self, build, path, kind):
        broken = Pipeline([("scale", StandardScaler()), ("c", kind())])
        with pytest.raises(ValueError, match="reads blocks, but") as error:
            hand_down(build(broken), BLOCKS)
        assert f"estimator__{path}__c " in str(error.value)
        assert f"estimator__{path}__scale (StandardScaler)" in str(error.value)

    def test_raw_blocks_for_a_plain_estimator_are_refused(self, build, path, kind):
        plain = build(DecisionTreeClassifier())
        with pytest.raises(ValueError, match=f"estimator__{path} .* cannot read"):
            hand_down(plain, RAW)

    def test_other_blocks_of_the_users_are_refused(self, build, path, kind):
        with pytest.raises(ValueError, match=f"estimator__{path} .* already"):
            hand_down(build(kind(blocks=KEPT_A)), BLOCKS)

    def test_the_same_blocks_of_the_users_are_welcome(self, build, path, kind):
        child = kind(blocks=Blocks(BLOCKS))
        hand_down(build(child), BLOCKS)
        assert child.blocks == BLOCKS


@pytest.mark.parametrize(
    ("build", "path"),
    [pytest.param(*each, id=name) for name, each in (REARRANGING | COLUMNS).items()],
)
class TestContainersThatRearrangeTheColumns:
    def test_is_refused(self, build, path):
        with pytest.raises(ValueError, match=f"^estimator__{path} ") as error:
            hand_down(build(Reader()), BLOCKS)
        assert "but estimator (" in str(error.value)

    def test_blocks_inside_are_refused_at_any_depth(self, build, path):
        deep = build(BaggingClassifier(EarlyFusionClassifier()))
        with pytest.raises(ValueError, match=f"^estimator__{path}__estimator "):
            hand_down(deep, BLOCKS)

    def test_plain_estimators_are_let_through(self, build, path):
        hand_down(build(BaggingClassifier(LogisticRegression())), BLOCKS)

    def test_behind_a_selector_plain_estimators_are_let_through(self, build, path):
        keep = BlockSelector("b")
        hand_down(Pipeline([("keep", keep), ("c", build(LogisticRegression()))]), RAW)
        assert keep.blocks is RAW


@pytest.mark.parametrize(
    ("build", "path"),
    [pytest.param(*each, id=name) for name, each in REARRANGING.items()],
)
def test_raw_blocks_are_refused_though_rearranged(build, path):
    with pytest.raises(ValueError, match=f"^estimator__{path} .*cannot read the raw"):
        hand_down(build(LogisticRegression()), RAW)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        BaggingClassifier(),
        AdaBoostClassifier(),
        TransformedTargetRegressor(),
        CalibratedClassifierCV(),
        FeatureUnion([("scale", StandardScaler())]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_defaults_of_containers_cannot_read_raw_blocks(estimator):
    with pytest.raises(ValueError, match=r"^estimator.*cannot read the raw blocks"):
        hand_down(clone(estimator), RAW)
    hand_down(clone(estimator), BLOCKS)


def test_passthrough_would_show_raw_blocks_to_the_final_estimator():
    stack = StackingClassifier([("c", Reader())], passthrough=True)
    with pytest.raises(ValueError, match="estimator__final_estimator"):
        hand_down(clone(stack), RAW)
    hand_down(clone(stack).set_params(passthrough=False), RAW)


def test_passthrough_shows_a_final_estimator_other_columns():
    stack = StackingClassifier([("c", Reader())], Reader(), passthrough=True)
    with pytest.raises(ValueError, match="shows it predictions before the columns"):
        hand_down(clone(stack), BLOCKS)
    hand_down(stack.set_params(passthrough=False), BLOCKS)
    assert stack.final_estimator.blocks is None


@pytest.mark.parametrize("max_features", [1.0, 4, np.int64(4), np.float32(1)])
def test_bagging_of_all_columns_keeps_them(max_features):
    child = Reader()
    hand_down(BaggingClassifier(child, max_features=max_features), BLOCKS)
    assert child.blocks is BLOCKS


def test_bagging_of_one_column_is_not_all():
    # 1 is a count, 1.0 a share
    with pytest.raises(ValueError, match="draws columns"):
        hand_down(BaggingClassifier(Reader(), max_features=1), BLOCKS)


class Sampler(BaseEstimator):
    """A step that draws other rows, as imbalanced-learn's do."""

    def fit_resample(self, X, y):
        return X, y

    def fit(self, X, y):
        return self


class TestPipelines:
    def test_a_sampler_keeps_the_columns(self):
        sampled = Pipeline([("draw", Sampler()), ("clf", Reader())])
        assert hand_down(sampled, BLOCKS)[-1].blocks == BLOCKS
        nested = Pipeline([("pca", PCA()), ("draw", Sampler()), ("clf", Reader())])
        with pytest.raises(ValueError, match="estimator__pca"):
            hand_down(nested, BLOCKS)

    def test_weights_and_groups_would_be_lost_behind_a_sampler(self):
        head = Reader()
        sampled = Pipeline([("draw", Sampler()), ("clf", head)])
        whole = Pipeline([("outer", sampled)])
        for estimator in (sampled, whole):
            assert takes_weights(head) and not takes_weights(estimator)
            with pytest.raises(ValueError, match="its sampler draws other rows"):
                fit_params(estimator, sample_weight=np.ones(3), groups=None)
            groups = np.arange(3)
            assert not fit_params(estimator, sample_weight=None, groups=groups)
        rows, weights = as_repeats(sampled, np.array([2.0, 0.0, 1.0]))
        assert rows.tolist() == [0, 0, 2]
        assert weights is None

    def test_scalers_keep_and_reducers_tell(self):
        reducer, child = BlockReducer(1), Reader()
        steps = [("scale", BlockScaler()), ("reduce", reducer), ("c", child)]
        hand_down(Pipeline(steps), BLOCKS)
        assert reducer.blocks is BLOCKS
        assert child.blocks == reducer._blocks_after(BLOCKS)
        assert [block.width for block in child.blocks] == [1, 1]

    def test_passthrough_steps_keep(self):
        child = Reader()
        hand_down(Pipeline([("no", "passthrough"), ("x", None), ("c", child)]), BLOCKS)
        assert child.blocks is BLOCKS

    def test_selectors_follow_each_other(self):
        child = Reader()
        steps = [("first", BlockSelector(["b", "a"])), ("then", BlockSelector("b"))]
        hand_down(Pipeline([*steps, ("c", child)]), BLOCKS)
        assert child.blocks == BLOCKS.select("b").packed()

    def test_a_selector_behind_a_pca_is_refused(self):
        steps = [("pca", PCA()), ("keep", BlockSelector("a"))]
        with pytest.raises(ValueError, match=r"^estimator__keep .*estimator__pca"):
            hand_down(Pipeline([*steps, ("c", LogisticRegression())]), BLOCKS)

    def test_plain_estimators_may_stand_behind_anything(self):
        hand_down(Pipeline([("pca", PCA()), ("c", LogisticRegression())]), BLOCKS)

    def test_a_selector_leaves_raw_blocks_out_for_plain_estimators(self):
        hand_down(
            Pipeline([("keep", BlockSelector("b")), ("c", LogisticRegression())]), RAW
        )
        with pytest.raises(ValueError, match=r"^estimator__c .*cannot read the raw"):
            hand_down(
                Pipeline([("keep", BlockSelector("a")), ("c", LogisticRegression())]),
                RAW,
            )

    def test_the_first_cause_is_named(self):
        steps = [("best", SelectKBest()), ("pca", PCA()), ("c", Reader())]
        with pytest.raises(ValueError, match="estimator__best"):
            hand_down(Pipeline(steps), BLOCKS)

    def test_branches_of_a_stack_are_narrowed_apart(self):
        children = {name: Reader() for name in "ab"}
        stack = StackingClassifier(
            [
                (name, Pipeline([("keep", BlockSelector(name)), ("c", child)]))
                for name, child in children.items()
            ]
        )
        hand_down(stack, BLOCKS)
        for name, child in children.items():
            assert child.blocks == BLOCKS.select(name).packed()


class TestSearches:
    def test_a_grid_that_sets_a_selector_is_refused(self):
        """Which blocks the estimator behind it sees would depend on the candidate."""
        steps = [("keep", BlockSelector("a")), ("c", Reader())]
        grid = GridSearchCV(Pipeline(steps), {"keep__modalities": [["a"], ["b"]]})
        with pytest.raises(ValueError, match=r"estimator__estimator__c .* already"):
            hand_down(grid, BLOCKS)
        steps[1] = ("c", LogisticRegression())
        grid = GridSearchCV(Pipeline(steps), {"keep__modalities": [["a"], ["b"]]})
        hand_down(grid, BLOCKS)

    def test_a_grid_that_draws_columns_is_refused(self):
        grid = GridSearchCV(
            BaggingClassifier(Reader()), {"bootstrap_features": [False, True]}
        )
        with pytest.raises(ValueError, match="draws columns"):
            hand_down(grid, BLOCKS)

    @pytest.mark.parametrize("shares", [[1.0, 0.5], np.array([0.5]), uniform(0.5, 0.5)])
    def test_a_search_over_the_share_of_columns_is_refused(self, shares):
        search = RandomizedSearchCV(
            BaggingClassifier(Reader()), {"max_features": shares}
        )
        with pytest.raises(ValueError, match="draws columns"):
            hand_down(search, BLOCKS)

    def test_plain_values_and_other_grids_are_not_touched(self):
        grid = [
            {"clf__C": [0.1, 1.0]},
            {"clf": [Reader()], "clf__blocks": [None]},
        ]
        pipeline = Pipeline([("clf", LogisticRegression())])
        hand_down(GridSearchCV(pipeline, grid), BLOCKS)
        assert grid[1]["clf"][0].blocks is BLOCKS
        assert grid[0] == {"clf__C": [0.1, 1.0]}

    def test_a_grid_sets_parameters_of_what_it_sets(self):
        """The estimator that is searched has no such parameter itself."""
        child = Reader()
        pipeline = Pipeline([("clf", LogisticRegression())])
        grid = {"clf": [BaggingClassifier()], "clf__estimator": [child]}
        hand_down(GridSearchCV(pipeline, grid), BLOCKS)
        assert child.blocks is BLOCKS

    def test_a_distribution_is_not_walked(self):
        search = RandomizedSearchCV(Reader(), {"blocks": uniform()})
        hand_down(search, BLOCKS)
        assert search.estimator.blocks is BLOCKS


class TestNotEntered:
    def test_a_nested_multimodal_estimator(self):
        child = Reader()
        features = ModalityTransformer([("all", "passthrough", [0])])
        nested = MultimodalClassifier(features, child)
        hand_down(VotingClassifier([("nested", nested)]), BLOCKS)
        assert child.blocks is None

    def test_what_reads_blocks_hands_its_children_its_own(self):
        child = Reader()
        early = EarlyFusionClassifier(child, modalities=["b"])
        hand_down(early, BLOCKS)
        assert early.blocks is BLOCKS
        assert child.blocks is None
        X, y = two_blocks()
        fitted = early.fit(X, y).estimator_
        assert fitted.blocks == BLOCKS.select("b").packed()

    def test_late_fusion_hands_each_member_its_own(self):
        X, y = two_blocks()
        late = hand_down(LateFusionClassifier(Reader(), combine="stack"), BLOCKS)
        late.fit(X, y)
        for name, member in late.named_estimators_.items():
            assert member.estimator_.blocks == BLOCKS.select(name).packed()
        assert not hasattr(late.final_estimator_, "blocks")

    def test_a_target_transformer(self):
        scaler = BlockScaler()
        target = TransformedTargetRegressor(LinearRegression(), transformer=scaler)
        hand_down(target, BLOCKS)
        assert scaler.blocks is None

    @pytest.mark.parametrize("value", [None, "drop", Reader, {"a": 1}])
    def test_what_is_no_estimator(self, value):
        assert hand_down(value, BLOCKS) is value


def test_a_subclass_follows_its_parents_rule():
    class Bagging(BaggingClassifier):
        pass

    with pytest.raises(ValueError, match=r"estimator \(Bagging\) draws columns"):
        hand_down(Bagging(Reader(), max_features=0.5), BLOCKS)


def test_an_unknown_container_is_entered():
    class Unknown(ClassifierMixin, BaseEstimator):
        def __init__(self, members):
            self.members = members

        def fit(self, X, y):
            return self

    first, second = Reader(), Reader()
    hand_down(Unknown([first, ("named", second)]), BLOCKS)
    assert first.blocks is second.blocks is BLOCKS


def test_estimators_that_only_look_alike_are_no_reason_to_fail():
    class Lists(ClassifierMixin, BaseEstimator):
        def __init__(self, sizes=(1, 2), names=("a", "b"), pairs=((1, 2),), table=None):
            self.sizes, self.names, self.pairs, self.table = sizes, names, pairs, table

        def fit(self, X, y):
            return self

    hand_down(Lists(table=np.zeros((2, 2))), BLOCKS)


# what is handed down is what is really seen: fitted on data, with real fusion
FITTED = {
    name: each
    for name, each in CLASSIFIERS.items()
    if name not in ("registered container", "SelfTraining", "FeatureUnion")
}


@pytest.mark.parametrize(
    ("build", "path"), [pytest.param(*each, id=name) for name, each in FITTED.items()]
)
def test_fitted_children_see_the_blocks_they_were_told(build, path):
    seen = []

    class Watch(EarlyFusionClassifier):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append((self.blocks, X.shape[1]))
            self.blocks.check(X)
            return super().fit(X, y, sample_weight, groups)

        @property
        def coef_(self):  # for SelectFromModel
            return self.estimator_.coef_

    X, y = two_blocks(absent=0.2)
    estimator = hand_down(build(Watch()), BLOCKS)
    if isinstance(estimator, MultiOutputClassifier):
        y = np.column_stack([y, 1 - y])
    estimator.fit(X, y)
    assert seen
    assert set(seen) == {(BLOCKS, 4)}
