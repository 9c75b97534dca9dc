"""Sample weights through the multimodal estimators, routed or not."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from mmsk.compose import (
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
)
from mmsk.exceptions import MediaError
from mmsk.fusion import EarlyFusionClassifier, LateFusionClassifier
from tests._blocks import (
    Folds,
    Weighted,
    mixed_features,
    mixed_table,
    numeric_features,
    numeric_table,
)

X, Y = mixed_table()

MEMBERS = {
    "plain": LogisticRegression(),
    "pipeline": make_pipeline(BlockScaler(), LogisticRegression()),
    "early": EarlyFusionClassifier(),
    "early of a tree": EarlyFusionClassifier(GaussianNB()),
    "late mean": LateFusionClassifier(),
    "late product": LateFusionClassifier(combine="product"),
    "late vote": LateFusionClassifier(combine="vote"),
    "voting": VotingClassifier([("e", EarlyFusionClassifier())], voting="soft"),
}
FOLDED = {
    "late weighted": LateFusionClassifier(combine="weighted"),
    "late stack": LateFusionClassifier(combine="stack"),
    "adaboost": AdaBoostClassifier(EarlyFusionClassifier(), n_estimators=3),
    "calibrated": CalibratedClassifierCV(EarlyFusionClassifier(), cv=3),
    "stacking": StackingClassifier([("e", EarlyFusionClassifier())], cv=3),
}


def named(estimators):
    return pytest.mark.parametrize(
        "estimator", estimators.values(), ids=list(estimators)
    )


class TestWeights:
    @named(MEMBERS)
    def test_2_is_a_row_twice_and_0_is_none(self, estimator):
        table, y = numeric_table()
        weights = np.arange(len(y)) % 3
        repeated = np.repeat(np.arange(len(y)), weights)
        clf = MultimodalClassifier(numeric_features(), estimator)
        weighted = clone(clf).fit(table, y, sample_weight=weights)
        plain = clone(clf).fit(table.iloc[repeated], y[repeated])
        np.testing.assert_allclose(
            weighted.predict_proba(table), plain.predict_proba(table), atol=1e-5
        )

    @named(MEMBERS | FOLDED)
    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_0_is_as_if_the_row_were_not_there(self, estimator, kind):
        table, y = numeric_table()
        if kind is pl.DataFrame:
            table = pl.DataFrame(table.to_dict("list"), nan_to_null=True)
        weights = np.where(np.arange(len(y)) % 4, 1.5, 0)
        kept = np.flatnonzero(weights)
        clf = MultimodalClassifier(numeric_features(), estimator)
        weighted = clone(clf).fit(table, y, sample_weight=weights)
        removed = clone(clf).fit(
            table[kept] if kind is pl.DataFrame else table.iloc[kept],
            y[kept],
            sample_weight=weights[kept],
        )
        np.testing.assert_array_equal(
            weighted.predict_proba(table), removed.predict_proba(table)
        )

    @named(MEMBERS | FOLDED)
    def test_they_change_the_fit(self, estimator):
        table, y = numeric_table()
        weights = np.where(y == "yes", 5.0, 1.0)
        clf = MultimodalClassifier(numeric_features(), estimator)
        weighted = clone(clf).fit(table, y, sample_weight=weights)
        plain = clone(clf).fit(table, y)
        assert not np.allclose(
            weighted.predict_proba(table), plain.predict_proba(table)
        )

    def test_rows_of_no_weight_teach_no_feature(self):
        spelled = X.assign(title=["secret"] + ["plain"] * 79)
        weights = np.r_[0, np.ones(79)]
        clf = MultimodalClassifier(mixed_features(), LogisticRegression())
        clf.fit(spelled, Y, sample_weight=weights)
        words = clf.features_.named_transformers_["text"].vocabulary_
        assert words == [{"plain": 0}]

    def test_reach_the_features(self):
        table = ModalityTransformer([("w", Weighted(), ["price"])])
        clf = MultimodalClassifier(table, LogisticRegression())
        clf.fit(X, Y, sample_weight=np.arange(80))
        fitted = clf.features_.named_transformers_["w"]
        np.testing.assert_array_equal(fitted.weights_, np.arange(1, 80))

    @pytest.mark.parametrize(
        "estimator",
        [
            KNeighborsClassifier(),
            EarlyFusionClassifier(KNeighborsClassifier()),
            LateFusionClassifier(KNeighborsClassifier()),
            LateFusionClassifier(estimators=[("t", KNeighborsClassifier())]),
            LateFusionClassifier(
                combine="stack", final_estimator=KNeighborsClassifier()
            ),
            make_pipeline(BlockScaler(), KNeighborsClassifier()),
            make_pipeline(BlockScaler(), EarlyFusionClassifier(KNeighborsClassifier())),
            OneVsRestClassifier(EarlyFusionClassifier()),
            TunedThresholdClassifierCV(EarlyFusionClassifier()),
            GridSearchCV(KNeighborsClassifier(), {}),
            FrozenEstimator(LogisticRegression()),
        ],
        ids=range(11),
    )
    def test_are_refused_where_they_would_be_lost(self, estimator):
        table, y = numeric_table()
        clf = MultimodalClassifier(numeric_features(), estimator)
        with pytest.raises(ValueError, match="the weights would be lost"):
            clf.fit(table, y, sample_weight=np.full(len(y), 0.5))

    @pytest.mark.parametrize(
        "estimator",
        [
            KNeighborsClassifier(),
            EarlyFusionClassifier(KNeighborsClassifier()),
            LateFusionClassifier(KNeighborsClassifier()),
            make_pipeline(BlockScaler(), KNeighborsClassifier()),
        ],
        ids=range(4),
    )
    def test_that_count_rows_repeat_them_for_who_takes_none(self, estimator):
        table, y = numeric_table()
        weights = np.random.default_rng(0).integers(3, size=len(y))
        rows = np.arange(len(y)).repeat(weights)
        clf = MultimodalClassifier(numeric_features(), estimator)
        weighted = clone(clf).fit(table, y, sample_weight=weights)
        repeated = clone(clf).fit(table.iloc[rows], y[rows])
        np.testing.assert_allclose(
            weighted.predict_proba(table), repeated.predict_proba(table), atol=1e-5
        )
        alone = clone(clf).fit(table, y)
        assert (weighted.predict_proba(table) != alone.predict_proba(table)).any()

    def test_that_count_rows_repeat_none_across_an_inner_split(self):
        table, y = numeric_table()
        search = GridSearchCV(KNeighborsClassifier(), {})
        clf = MultimodalClassifier(numeric_features(), search)
        with pytest.raises(ValueError, match="the weights would be lost"):
            clf.fit(table, y, sample_weight=np.full(len(y), 2))

    @pytest.mark.parametrize("kind", [VotingClassifier, StackingClassifier])
    def test_are_refused_by_members_that_take_none(self, kind):
        table, y = numeric_table()
        members = [("k", KNeighborsClassifier()), ("e", EarlyFusionClassifier())]
        clf = MultimodalClassifier(numeric_features(), kind(members))
        with pytest.raises(TypeError, match=r"sample.weight"):
            clf.fit(table, y, sample_weight=np.ones(len(y)))

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ([0] * 60, "zero"),
            ([-1] + [1] * 59, r"[Nn]egative"),
            ([1] * 59, r"shape|inconsistent"),
        ],
    )
    def test_unusable(self, weights, message):
        table, y = numeric_table()
        clf = MultimodalClassifier(numeric_features(), LogisticRegression())
        with pytest.raises(ValueError, match=message):
            clf.fit(table, y, sample_weight=weights)


class TestRouting:
    """Metadata routing is never needed, and never in the way."""

    @pytest.fixture(autouse=True)
    def routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    @pytest.mark.parametrize(
        "estimator",
        [
            EarlyFusionClassifier(),
            LateFusionClassifier(combine="stack"),
            BaggingClassifier(EarlyFusionClassifier(), 2, random_state=0),
            VotingClassifier([("e", EarlyFusionClassifier())], voting="soft"),
        ],
        ids=["early", "late", "bagging", "voting"],
    )
    def test_fit_and_predict(self, estimator):
        clf = MultimodalClassifier(mixed_features(), estimator).fit(X, Y)
        with sklearn.config_context(enable_metadata_routing=False):
            expected = clone(clf).fit(X, Y).predict_proba(X)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)

    def test_weights_and_groups(self, asked):
        weights = np.arange(80) % 3
        late = LateFusionClassifier(combine="stack", cv=Folds(3))
        clf = MultimodalClassifier(mixed_features(), late, groups="author")
        clf.fit(X, Y, sample_weight=weights)
        np.testing.assert_array_equal(asked.pop(), X["author"][weights > 0])
        with sklearn.config_context(enable_metadata_routing=False):
            expected = clone(clf).fit(X, Y, sample_weight=weights).predict_proba(X)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)

    def test_a_search_hands_weights_on(self):
        table = ModalityTransformer([("w", Weighted(), ["price"])])
        clf = MultimodalClassifier(table, LogisticRegression())
        clf.set_score_request(sample_weight=False)
        search = GridSearchCV(clf, {"estimator__C": [1.0]}, cv=2)
        search.fit(X, Y, sample_weight=np.arange(80))
        fitted = search.best_estimator_.features_.named_transformers_["w"]
        np.testing.assert_array_equal(fitted.weights_, np.arange(1, 80))

    def test_weights_through_a_pipeline(self):
        pipeline = make_pipeline(BlockScaler(), LogisticRegression())
        pipeline[-1].set_fit_request(sample_weight=True)
        table, y = numeric_table()
        weights = np.where(y == "yes", 5.0, 1.0)
        clf = MultimodalClassifier(numeric_features(), pipeline)
        clf.fit(table, y, sample_weight=weights)
        with sklearn.config_context(enable_metadata_routing=False):
            expected = clone(clf).fit(table, y, sample_weight=weights)
        np.testing.assert_array_equal(
            clf.predict_proba(table), expected.predict_proba(table)
        )


def test_a_broken_cell_is_named_by_its_row_in_the_table_given():
    X, y = mixed_table()
    X = X.assign(title=[5 if row == 9 else title for row, title in enumerate(X.title)])
    weights = np.ones(len(X))
    weights[:4] = 0
    clf = MultimodalClassifier(mixed_features(), LogisticRegression())
    with pytest.raises(MediaError, match="row 9") as caught:
        clf.fit(X.drop(columns="author", errors="ignore"), y, sample_weight=weights)
    assert caught.value.row == 9


@pytest.mark.parametrize(
    ("index", "place"),
    [(range(80), "row 9:"), ([*range(9), 5, *range(10, 80)], "row 9, index 5:")],
    ids=["positions", "labels"],
)
def test_its_label_is_that_of_the_row_in_the_table_given(index, place):
    X, y = mixed_table()
    X = X.assign(title=[5 if row == 9 else title for row, title in enumerate(X.title)])
    weights = np.ones(len(X))
    weights[:4] = 0  # the broken row is the 5th of those that are left
    clf = MultimodalClassifier(mixed_features(), LogisticRegression())
    with pytest.raises(MediaError) as caught:
        clf.fit(X.set_axis(index, axis=0), y, sample_weight=weights)
    assert f"Column 'title', {place}" in str(caught.value)
