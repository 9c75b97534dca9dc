"""The parameter `groups` of the multimodal estimators."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.tree import DecisionTreeClassifier

from mmsk.compose import (
    BlockScaler,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
    select,
)
from mmsk.exceptions import GroupsWarning
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from mmsk.fusion import (
    EarlyFusionClassifier,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.model_selection import FusionSearchCV
from mmsk.pipeline import make_multimodal_classifier, make_multimodal_regressor
from tests._blocks import (
    Folds,
    mixed_features,
    mixed_table,
)

X, Y = mixed_table()
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


class TestGroups:
    def test_are_never_a_feature(self):
        wide = ModalityTransformer(
            [
                ("text", TfidfExtractor(), select(kind="string")),
                ("table", TableExtractor(), select(kind="number")),
            ]
        )
        clf = MultimodalClassifier(wide, LogisticRegression(), groups="author")
        clf.fit(X, Y)
        assert list(clf.feature_names_in_) == ["title", "price"]
        assert clf.n_features_in_ == 2
        names = clf.features_.get_feature_names_out()
        assert not [name for name in names if "author" in name]
        number = X.assign(author=np.arange(80) % 5)
        names = clf.fit(number, Y).features_.get_feature_names_out()
        assert not [name for name in names if "author" in name]

    @pytest.mark.parametrize(
        "columns",
        [
            ["title", "author"],
            np.array(["title", "author"], dtype=object),
            "author",
            slice("title", "author"),
            slice("author", None),
        ],
        ids=["list", "array", "one", "slice to", "slice from"],
    )
    def test_a_branch_that_names_them_is_refused(self, columns):
        wide = ModalityTransformer([("text", TfidfExtractor(), columns)])
        clf = MultimodalClassifier(wide, LogisticRegression(), groups="author")
        words = (
            "Branch 'text' names the column 'author', which is the column of groups "
            "and no feature. .* a copy of it under another name"
        )
        with pytest.raises(ValueError, match=words):
            clf.fit(X, Y)
        clf.set_params(features=FrozenEstimator(wide))  # whether it is fitted or not
        with pytest.raises(ValueError, match=words):
            clf.fit(X, Y)

    def test_a_branch_that_is_dropped_may_name_them(self):
        wide = ModalityTransformer(
            [
                ("text", TfidfExtractor(), ["title"]),
                ("who", "drop", ["author"]),
            ]
        )
        clf = MultimodalClassifier(wide, LogisticRegression(), groups="author")
        assert list(clf.fit(X, Y).features_.named_transformers_) == ["text"]

    def test_a_branch_may_read_their_copy(self):
        wide = ModalityTransformer([("table", TableExtractor(), ["price", "copy"])])
        clf = MultimodalClassifier(wide, LogisticRegression(), groups="author")
        clf.fit(X.assign(copy=X["author"]), Y)
        assert list(clf.feature_names_in_) == ["title", "price", "copy"]

    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_are_not_needed_to_predict(self, kind):
        table = kind(X.to_dict("list"))
        clf = MultimodalClassifier(
            mixed_features(), LogisticRegression(), groups="author"
        )
        clf.fit(table, Y)
        expected = clf.predict_proba(table)
        for other in (
            kind(X.drop(columns="author").to_dict("list")),
            kind(X.assign(author=None).to_dict("list")),
            kind(X[["author", "price", "title"]].to_dict("list")),
        ):
            np.testing.assert_array_equal(clf.predict_proba(other), expected)

    @pytest.mark.parametrize(
        "order", [["title", "price", "author"], ["author", "title", "price"]], ids=str
    )
    @pytest.mark.parametrize("frozen", [False, True])
    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_are_not_needed_in_an_array_to_predict(self, order, frozen):
        features = mixed_features()
        if frozen:
            features = FrozenEstimator(features.fit(X[["title", "price"]]))
        clf = MultimodalClassifier(features, TREE, groups="author").fit(X[order], Y)
        expected = clf.predict_proba(X)
        for table in (X[order], X[["title", "price"]]):
            for other in (table.to_numpy(), table.to_numpy().tolist()):
                np.testing.assert_array_equal(clf.predict_proba(other), expected)
        for width in (1, 4):
            cells = np.zeros((2, width), dtype=object)
            with pytest.raises(
                ValueError, match=f"X has {width} features.*expecting 2"
            ):
                clf.predict(cells)

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_features_in_another_order_take_no_array_of_the_table(self):
        frozen = FrozenEstimator(mixed_features().fit(X[["price", "title"]]))
        clf = MultimodalClassifier(frozen, TREE, groups="author")
        clf.fit(X[["title", "price", "author"]], Y)
        with pytest.raises(ValueError, match=r"X has 3 features.*expecting 2"):
            clf.predict(X.to_numpy())

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_importance_by_permutation_of_a_polars_frame(self):
        frame = X[["author", "title", "price"]]
        table = pl.DataFrame(frame.to_dict("list"))
        y = X["price"] + (X["title"] == X["title"][0])
        reg = MultimodalRegressor(mixed_features(), Ridge(), groups="author")
        reg.fit(table, y)
        found = permutation_importance(reg, table, y, n_repeats=2, random_state=0)
        by_name = permutation_importance(reg, frame, y, n_repeats=2, random_state=0)
        np.testing.assert_allclose(found.importances, by_name.importances)
        author, title, price = found.importances_mean
        assert author == 0 < title < price

    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    @pytest.mark.parametrize("combine", ["weighted", "stack"])
    def test_reach_the_inner_folds_of_late_fusion(self, asked, kind, combine):
        late = LateFusionClassifier(combine=combine, cv=Folds(3))
        clf = MultimodalClassifier(mixed_features(), late, groups="author")
        clf.fit(kind(X.to_dict("list")), Y)
        assert len(asked) == 1
        np.testing.assert_array_equal(asked[0], X["author"])

    def test_reach_the_folds_inside_pipelines_and_early_fusion(self, asked):
        late = LateFusionClassifier(combine="stack", cv=Folds(3))
        for estimator in (
            make_pipeline(BlockScaler(), late),
            EarlyFusionClassifier(late),
        ):
            MultimodalClassifier(mixed_features(), estimator, groups="author").fit(X, Y)
        assert len(asked) == 2
        for groups in asked:
            np.testing.assert_array_equal(groups, X["author"])

    def test_survive_splits_and_weights(self, asked):
        late = LateFusionClassifier(combine="stack", cv=Folds(3))
        clf = MultimodalClassifier(mixed_features(), late, groups="author")
        weights = np.ones(80)
        weights[::7] = 0
        clf.fit(X, Y, sample_weight=weights)
        np.testing.assert_array_equal(asked.pop(), X["author"][weights > 0])
        outer = GroupKFold(4)
        cross_val_predict(clf, X, Y, cv=outer, groups=X["author"])
        trains = [train for train, _ in outer.split(X, Y, X["author"])]
        for train, groups in zip(trains, asked, strict=True):
            np.testing.assert_array_equal(groups, X["author"].iloc[train])

    def test_reach_the_folds_of_a_search(self, asked):
        grid = {"modalities": [["text"], None]}
        search = GridSearchCV(EarlyFusionClassifier(), grid, cv=Folds(3))
        MultimodalClassifier(mixed_features(), search, groups="author").fit(X, Y)
        np.testing.assert_array_equal(asked[0], X["author"])

    def test_no_group_stands_on_both_sides(self):
        """An int cv groups its folds by itself."""
        watch = _Watch()
        late = LateFusionClassifier(watch, combine="stack", cv=4)
        only = ModalityTransformer([("g", "passthrough", ["g"])])
        table = pd.DataFrame({"g": np.arange(80) % 8, "author": np.arange(80) % 8})
        _Watch.seen = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one block
            MultimodalClassifier(only, late, groups="author").fit(table, Y)
        in_folds = [seen for seen in _Watch.seen if len(seen) < 8]
        assert len(in_folds) == 4
        assert all(len(seen) == 6 for seen in in_folds)

    @pytest.mark.parametrize(
        "estimator",
        [
            StackingClassifier([("early", EarlyFusionClassifier())]),
            CalibratedClassifierCV(EarlyFusionClassifier()),
            BaggingClassifier(
                StackingClassifier(
                    [("e", EarlyFusionClassifier())], LogisticRegression()
                ),
                2,
            ),
            BaggingClassifier(LateFusionClassifier(combine="stack"), 2),
            VotingClassifier([("late", LateFusionClassifier(combine="weighted"))]),
            BaggingClassifier(
                EarlyFusionClassifier(LateFusionClassifier(combine="stack")), 2
            ),
            EarlyFusionClassifier(StackingClassifier([("l", LogisticRegression())])),
            LateFusionClassifier(StackingClassifier([("l", LogisticRegression())])),
            LateFusionClassifier(
                combine="stack", final_estimator=CalibratedClassifierCV()
            ),
            make_pipeline(
                BlockScaler(), StackingClassifier([("e", EarlyFusionClassifier())])
            ),
            GridSearchCV(
                StackingClassifier([("e", EarlyFusionClassifier())]),
                {},
                cv=GroupKFold(2),
            ),
            GridSearchCV(
                Pipeline([("c", LogisticRegression())]),
                {"c": [CalibratedClassifierCV(EarlyFusionClassifier())]},
                cv=Folds(2),
            ),
            GridSearchCV(EarlyFusionClassifier(), {}, cv=2),
        ],
        ids=range(13),
    )
    def test_folds_that_they_cannot_reach_are_named_once(self, estimator):
        clf = MultimodalClassifier(mixed_features(), estimator, groups="author")
        with pytest.warns(GroupsWarning) as caught:
            clf.fit(X, Y == "one")
        assert len(caught) == 1
        kinds = ("Stacking", "Calibrated", "LateFusion", "GridSearch")
        assert any(kind in str(caught[0].message) for kind in kinds)
        alone = clone(clf).set_params(groups=None)
        if isinstance(estimator, GridSearchCV):
            alone.set_params(estimator__cv=2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            alone.fit(X, Y == "one")

    @pytest.mark.parametrize(
        "estimator",
        [
            LogisticRegression(),
            EarlyFusionClassifier(),
            LateFusionClassifier(),
            LateFusionClassifier(combine="stack"),
            BaggingClassifier(EarlyFusionClassifier(), 2),
            BaggingClassifier(LateFusionClassifier(), 2),
            AdaBoostClassifier(EarlyFusionClassifier(TREE), n_estimators=2),
            VotingClassifier([("e", EarlyFusionClassifier())]),
            GridSearchCV(EarlyFusionClassifier(), {}, cv=GroupKFold(2)),
            GridSearchCV(
                EarlyFusionClassifier(),
                {},
                cv=list(GroupKFold(4).split(X, Y, X["author"])),
            ),
            StackingClassifier(
                [("e", FrozenEstimator(LogisticRegression()))], cv="prefit"
            ),
            StackingClassifier(
                [("e", EarlyFusionClassifier())],
                cv=list(GroupKFold(4).split(X, Y, X["author"])),
            ),
        ],
        ids=range(12),
    )
    def test_no_warning_where_nothing_is_split_without_them(self, estimator):
        if getattr(estimator, "cv", None) == "prefit":
            matrix = mixed_features().fit_transform(X)
            estimator.estimators[0][1].estimator.fit(matrix, Y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            MultimodalClassifier(mixed_features(), estimator, groups="author").fit(X, Y)

    def test_refused(self):
        clf = MultimodalClassifier(
            mixed_features(), LogisticRegression(), groups="writer"
        )
        with pytest.raises(ValueError, match="'writer' is not a column of X; it has"):
            clf.fit(X, Y)
        with pytest.raises(ValueError, match="X is an array without names"):
            clf.fit(X.to_numpy(), Y)
        with pytest.raises(ValueError, match="'groups' parameter"):
            clf.set_params(groups=["author"]).fit(X, Y)

    @pytest.mark.parametrize(
        "authors",
        [
            pd.array(["a", pd.NA] * 40, dtype="string"),
            pd.Series(["a", None] * 40),
            pd.Series([1.0, np.nan] * 40),
            pd.Categorical(["a", None] * 40),
            pd.array([1, pd.NA] * 40, dtype="Int64"),
        ],
        ids=["string", "str", "float", "category", "Int64"],
    )
    def test_a_row_without_a_group_is_named(self, authors):
        clf = MultimodalClassifier(
            mixed_features(), LogisticRegression(), groups="author"
        )
        with pytest.raises(
            ValueError, match=r"'author' \(groups\) is missing in row 1"
        ):
            clf.fit(X.assign(author=authors), Y)

    def test_positions_that_they_would_move_are_refused(self):
        by_position = ModalityTransformer([("t", TfidfExtractor(), [1])])
        clf = MultimodalClassifier(by_position, LogisticRegression(), groups="author")
        with pytest.raises(ValueError, match="Branches count columns"):
            clf.fit(X[["author", "title", "price"]], Y)
        clf.fit(X[["price", "title", "author"]], Y)
        assert "text" not in clf.features_.blocks_
        assert clf.features_.transformers_[0][2] == ["title"]


class TestGroupsGivenToFit:
    LATE = LateFusionClassifier(combine="stack", cv=Folds(3))

    @pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series])
    def test_stand_for_a_column(self, asked, kind):
        groups = X["author"].tolist()
        clf = MultimodalClassifier(mixed_features(), self.LATE)
        given = clone(clf).fit(X.drop(columns="author"), Y, groups=kind(groups))
        named = clone(clf).set_params(groups="author").fit(X, Y)
        assert len(asked) == 2
        np.testing.assert_array_equal(asked[0], asked[1])
        np.testing.assert_array_equal(given.predict_proba(X), named.predict_proba(X))

    def test_come_before_the_column_which_is_no_feature_still(self, asked):
        clf = MultimodalClassifier(mixed_features(), self.LATE, groups="author")
        pairs = np.arange(80) // 2
        clf.fit(X, Y, groups=pairs)
        np.testing.assert_array_equal(asked[0], pairs)
        assert list(clf.feature_names_in_) == ["title", "price"]

    def test_of_numbers_and_of_made_estimators(self, asked):
        late = LateFusionRegressor(combine="stack", cv=Folds(3))
        numbers = np.arange(80.0)
        weights = (np.arange(80) % 3 > 0).astype(float)
        reg = MultimodalRegressor(mixed_features(), late)
        reg.fit(X, numbers, groups=X["author"], sample_weight=weights)
        np.testing.assert_array_equal(asked.pop(), X["author"][weights > 0])
        roles = {"title": "text", "author": "drop"}
        for make, inner, y in (
            (make_multimodal_classifier, self.LATE, Y),
            (make_multimodal_regressor, late, numbers),
        ):
            made = make(X, roles=roles, estimator=inner)
            made.fit(X, y, groups=X["author"])
            np.testing.assert_array_equal(asked.pop(), X["author"])
        piped = make_pipeline(MultimodalClassifier(mixed_features(), self.LATE))
        piped.fit(X, Y, multimodalclassifier__groups=X["author"])
        np.testing.assert_array_equal(asked.pop(), X["author"])

    @pytest.mark.parametrize("search", [GridSearchCV, FusionSearchCV])
    def test_searches_hand_them_on_with_metadata_routing(self, asked, search):
        clf = MultimodalClassifier(mixed_features(), self.LATE)
        grid = {"estimator__scale": [True]}
        outer = GroupKFold(2)
        with config_context(enable_metadata_routing=True):
            search(clf, grid, cv=outer).fit(X, Y, groups=X["author"])
        trains = [train for train, _ in outer.split(X, Y, X["author"])]
        for rows, groups in zip([*trains, slice(None)], asked, strict=True):
            np.testing.assert_array_equal(groups, X["author"].iloc[rows])

    def test_refused(self):
        clf = MultimodalClassifier(mixed_features(), self.LATE)
        with pytest.raises(TypeError, match=r"Classifier\(..., groups='author'\)"):
            clf.fit(X, Y, groups="author")
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            clf.fit(X, Y, groups=X["author"][1:])
        with pytest.raises(ValueError, match=r"1-D, .* got shape \(80, 1\)"):
            clf.fit(X, Y, groups=X[["author"]])
        with pytest.raises(ValueError, match="in 2 rows, first in row 1"):
            clf.fit(X, Y, groups=["a", None, "b", np.nan, *"abcd" * 19])


class _Watch(LogisticRegression):
    seen: list = []

    def fit(self, X, y, sample_weight=None):
        type(self).seen.append(np.unique(np.round(np.asarray(X)[:, 0], 3)))
        return super().fit(X, y, sample_weight)


class TestGroupsInFeatures:
    """A branch that makes folds is given the groups, weights of 0 left out."""

    def features(self, last):
        return ModalityTransformer(
            [("text", TfidfExtractor(), ["title"]), ("table", last, ["price", "shop"])]
        )

    def table(self):
        frame = X.assign(shop=np.resize(list("abcdefgh"), len(X)))
        return frame.drop(columns="author").assign(author=np.arange(len(X)) // 7)

    def test_target_encoding_keeps_them_together(self):
        frame = self.table()
        encoder = TableExtractor(encoding="target", random_state=0)
        clf = MultimodalClassifier(
            self.features(encoder), LogisticRegression(), groups="author"
        )
        plain = self.features(encoder)
        inputs = frame.drop(columns="author")
        with_groups = plain.fit_transform(inputs, Y, groups=frame["author"])
        without = plain.fit_transform(inputs, Y)
        assert np.abs(with_groups - without).max() > 1e-3
        expected = LogisticRegression().fit(with_groups, Y)
        fitted = clf.fit(frame, Y)
        np.testing.assert_allclose(
            fitted.estimator_.coef_, expected.coef_, rtol=1e-5, atol=1e-6
        )

    @pytest.mark.parametrize(
        ("groups", "words"),
        [
            ("author", "1-D, one value for each row, got 'author'"),
            ([1, 2], "inconsistent numbers of samples"),
            ([None] * 80, "lacks a value in 80 rows"),
        ],
        ids=["name", "short", "missing"],
    )
    def test_refused(self, groups, words):
        features = self.features(TableExtractor(encoding="target", random_state=0))
        with pytest.raises(ValueError, match=words):
            features.fit_transform(self.table(), Y, groups=groups)

    def test_rows_without_weight_have_no_group(self):
        frame = self.table()
        encoder = TableExtractor(encoding="target", random_state=0)
        clf = MultimodalClassifier(
            self.features(encoder), LogisticRegression(), groups="author"
        )
        keep = np.arange(len(X)) % 5 > 0
        weighted = clone(clf).fit(frame, Y, sample_weight=keep.astype(float))
        cut = clone(clf).fit(frame[keep], np.asarray(Y)[keep])
        np.testing.assert_allclose(weighted.estimator_.coef_, cut.estimator_.coef_)
