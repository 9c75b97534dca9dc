"""NamedColumns and packed rows."""

import datetime
import pickle
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from mmsk.compose import (
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
    NamedColumns,
    pack_rows,
)
from mmsk.fusion import LateFusionClassifier
from tests._blocks import Reader, Weighted, mixed_table
from tests._cells import KINDS, make_shops
from tests._shop import shop_features


def by_name(head):
    """Return a Pipeline that finds its columns by name."""
    columns = ColumnTransformer(
        [("text", CountVectorizer(), "title"), ("table", "passthrough", ["price"])]
    )
    return Pipeline([("columns", columns), ("head", head)])


class Keeper(Reader):
    """A classifier that keeps what its fit and its last prediction were given."""

    def predict_proba(self, X):
        self.seen_ = X
        return super().predict_proba(X)


class TestPackRows:
    @pytest.mark.parametrize(
        "table",
        [
            pd.DataFrame(
                {
                    "text": ["a", None, "c", "d"],
                    "number": [1.5, np.nan, 2, 3],
                    "whole": pd.array([1, None, 3, 4], dtype="Int64"),
                    "kind": pd.Categorical(["x", "y", None, "x"], ["y", "x", "z"]),
                    "day": pd.to_datetime(
                        ["2020-01-01", None, "2021-05-05", "2022-01-01"]
                    ),
                    "picture": [np.eye(2), None, [1, 2], b"\x89PNG"],
                },
                index=[7, 8, 9, 10],
            ),
            pl.DataFrame(
                {
                    "text": ["a", None, "c", "d"],
                    "number": [1.5, None, 2.0, 3.0],
                    "kind": pl.Series(["x", "y", None, "x"], dtype=pl.Categorical),
                    "day": [datetime.date(2020, 1, d) for d in (1, 2, 3, 4)],
                    "list": [[1], [2, 3], None, []],
                }
            ),
            np.array([["a", np.eye(2)], ["b", None], [np.nan, 3], [4, 5]], object),
            np.arange(8, dtype=np.float32).reshape(4, 2),
        ],
        ids=["pandas", "polars", "objects", "numbers"],
    )
    def test_the_estimator_is_given_the_rows_of_the_table(self, table):
        rows = pack_rows(table)
        assert rows.shape == (4, 1)
        order = [3, 1, 1]
        model = NamedColumns(Keeper()).fit(rows, [0, 1, 0, 1])
        model.predict_proba(rows[order])
        seen, given = model.estimator_.X_, model.estimator_.seen_
        if isinstance(table, pd.DataFrame):
            pd.testing.assert_frame_equal(seen, table)
            pd.testing.assert_frame_equal(given, table.iloc[order])
        elif isinstance(table, pl.DataFrame):
            assert seen.equals(table) and seen.schema == table.schema
            assert given.equals(table[order]) and given.schema == table.schema
        else:
            for rows, expected in [(seen, table), (given, table[order])]:
                assert rows.dtype == table.dtype and rows.shape == expected.shape
                cells = zip(rows.flat, expected.flat, strict=True)
                assert all(cell is same or cell == same for cell, same in cells)

    def test_a_list_of_rows_is_a_table(self):
        model = NamedColumns(Keeper()).fit(pack_rows([["a", 1], [None, 2]]), [0, 1])
        assert model.estimator_.X_.tolist() == [["a", 1], [None, 2]]

    def test_packed_rows_stay_packed_rows(self):
        rows = pack_rows(np.eye(3))
        assert pack_rows(rows) is rows

    def test_a_pickle_holds_the_table_once(self):
        table = pd.DataFrame({"picture": [np.zeros(10_000) for _ in range(4)]})
        dumped = pickle.dumps(pack_rows(table))
        assert len(dumped) < 2 * table["picture"][0].nbytes * 4
        model = NamedColumns(Keeper()).fit(pickle.loads(dumped), [0, 1, 0, 1])
        assert [cell.shape for cell in model.estimator_.X_["picture"]] == [
            (10_000,)
        ] * 4

    def test_repr_names_the_row(self):
        assert repr(pack_rows(np.eye(3))[1, 0]) == "<row 1 of 3>"

    def test_an_empty_or_sparse_table_is_refused(self):
        with pytest.raises(ValueError, match="0 sample"):
            pack_rows(pd.DataFrame({"a": []}))
        with pytest.raises(TypeError, match="toarray"):
            pack_rows(sp.eye_array(3))

    def test_rows_of_two_tables_are_refused(self):
        rows = np.vstack([pack_rows(np.eye(2)), pack_rows(np.eye(2))])
        with pytest.raises(ValueError, match="rows of 2 tables"):
            NamedColumns(Keeper()).fit(rows, [0, 1, 0, 1])

    @pytest.mark.parametrize("other", [[[1], [2]], "packed"])
    def test_rows_beside_other_cells_are_refused(self, other):
        rows = pack_rows(np.eye(2))
        both = np.hstack([rows, rows if other == "packed" else np.array(other, object)])
        with pytest.raises(ValueError, match="nothing but one column"):
            NamedColumns(Keeper()).fit(both, [0, 1])


class TestNames:
    def test_columns_name_an_array(self):
        X, y = mixed_table(20)
        model = NamedColumns(Keeper(), columns=X.columns).fit(X.to_numpy(), y)
        pd.testing.assert_frame_equal(model.estimator_.X_, X)
        assert model.n_features_in_ == 3
        assert model.feature_names_in_.tolist() == ["title", "price", "author"]

    def test_cells_of_one_kind_make_a_column_of_that_kind(self):
        day = pd.Timestamp("2020-02-03")
        cells = [
            ["a", 1, 1.5, True, day, np.eye(2), "a"],
            [None, 2, np.nan, False, day, b"", 3],
        ]
        names = ["text", "whole", "number", "boolean", "date", "picture", "mixture"]
        model = NamedColumns(Keeper(), columns=names).fit(cells, [0, 1])
        kinds = [dtype.kind for dtype in model.estimator_.X_.dtypes]
        assert kinds == ["O", "i", "f", "b", "M", "O", "O"]
        assert model.estimator_.X_["text"].dtype == "str"

    def test_a_frame_keeps_its_own_names(self):
        X, y = mixed_table(20)
        model = NamedColumns(Keeper(), columns=["a", "b", "c"]).fit(X, y)
        assert model.estimator_.X_ is X
        assert model.feature_names_in_.tolist() == list(X.columns)

    def test_an_array_after_a_frame_has_the_names_of_the_frame(self):
        X, y = mixed_table(40)
        model = NamedColumns(by_name(LogisticRegression())).fit(X, y)
        np.testing.assert_array_equal(
            model.predict_proba(X.to_numpy()), model.predict_proba(X)
        )

    def test_an_array_without_names_stays_an_array(self):
        X = np.eye(4)
        model = NamedColumns(Keeper()).fit(X, [0, 1, 0, 1])
        assert model.estimator_.X_ is X
        assert model.n_features_in_ == 4
        assert not hasattr(model, "feature_names_in_")

    def test_a_packed_array_is_given_names(self):
        model = NamedColumns(Keeper(), columns=["a", "b"])
        model.fit(pack_rows(np.eye(2)), [0, 1])
        assert list(model.estimator_.X_.columns) == ["a", "b"]

    def test_another_number_of_columns_is_refused(self):
        with pytest.raises(ValueError, match=r"3 columns.*names of 2.*packed rows"):
            NamedColumns(Keeper(), columns=["a", "b"]).fit(np.eye(3), [0, 1, 0])

    def test_polars_where_pandas_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        X = np.array([["a", 1, 2.5], [None, 2, 3]], dtype=object)
        model = NamedColumns(Keeper(), columns=["text", "whole", "number"])
        seen = model.fit(X, [0, 1]).estimator_.X_
        assert seen.schema == {
            "text": pl.String,
            "whole": pl.Int64,
            "number": pl.Float64,
        }
        assert seen.rows() == [("a", 1, 2.5), (None, 2, 3.0)]

    def test_neither_pandas_nor_polars(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        monkeypatch.setitem(sys.modules, "polars", None)
        with pytest.raises(ImportError, match=r'pip install "mmsk\[pandas\]"'):
            NamedColumns(Keeper(), columns=["a", "b"]).fit(np.eye(2), [0, 1])


class TestWeights:
    def test_every_step_that_takes_weights_has_them(self):
        X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
        steps = [("take", Weighted()), ("none", FunctionTransformer())]
        pipeline = Pipeline([("inner", Pipeline(steps)), ("last", Reader())])
        model = NamedColumns(pipeline).fit(X, y, sample_weight=[0.5, 0, 2, 1])
        take, last = model.estimator_["inner"]["take"], model.estimator_["last"]
        for step in (take, last):
            assert step.weights_.tolist() == [0.5, 2, 1]
        assert take.y_.tolist() == [0, 0, 1]
        assert last.X_.tolist() == X[[0, 2, 3]].tolist()

    def test_no_weights_stay_no_weights(self):
        pipeline = Pipeline([("take", Weighted()), ("last", Reader())])
        model = NamedColumns(pipeline).fit(np.eye(2), [0, 1])
        assert model.estimator_["take"].weights_ is None

    def test_whole_weights_repeat_rows_for_an_estimator_without_weights(self):
        X, y = mixed_table(30)
        weights = np.arange(30) % 4
        model = NamedColumns(by_name(KNeighborsClassifier(3)))
        weighted = clone(model).fit(X, y, sample_weight=weights)
        repeated = np.repeat(np.arange(30), weights)
        expected = clone(model).fit(X.iloc[repeated], y[repeated])
        np.testing.assert_array_equal(
            weighted.predict_proba(X), expected.predict_proba(X)
        )
        assert weighted.estimator_["head"].n_samples_fit_ == weights.sum()

    def test_other_weights_for_an_estimator_without_weights_are_refused(self):
        X, y = mixed_table(30)
        with pytest.raises(ValueError, match="KNeighborsClassifier does not take"):
            NamedColumns(by_name(KNeighborsClassifier())).fit(X, y, np.full(30, 0.5))

    def test_score_uses_weights(self):
        X, y = mixed_table(30)
        model = NamedColumns(by_name(LogisticRegression())).fit(X, y)
        wrong = np.where(np.arange(30) < 10, y, "other")
        rows = X.to_numpy()
        assert model.score(rows, y) == 1
        assert model.score(rows, wrong) == pytest.approx(1 / 3)
        weights = np.where(np.arange(30) < 10, 4, 1)
        assert model.score(rows, wrong, sample_weight=weights) == pytest.approx(2 / 3)


class TestKind:
    def test_it_is_what_its_estimator_is(self):
        assert is_classifier(NamedColumns(by_name(LogisticRegression())))
        assert is_regressor(NamedColumns(by_name(Ridge())))
        assert not is_regressor(NamedColumns(by_name(LogisticRegression())))

    @pytest.mark.parametrize(
        ("head", "methods"),
        [
            (LogisticRegression(), "predict_proba predict_log_proba decision_function"),
            (LinearSVC(), "decision_function"),
            (KNeighborsClassifier(), "predict_proba"),
            (Ridge(), ""),
        ],
    )
    def test_it_can_do_what_its_estimator_can(self, head, methods):
        X, y = mixed_table(30)
        y = (y == "one").astype(int)
        model = NamedColumns(by_name(head))
        every = {"predict_proba", "predict_log_proba", "decision_function"}
        assert {each for each in every if hasattr(model, each)} == set(methods.split())
        model.fit(X, y)
        assert {each for each in every if hasattr(model, each)} == set(methods.split())
        for method in ["predict", *methods.split()]:
            np.testing.assert_array_equal(
                getattr(model, method)(X.to_numpy()),
                getattr(model.estimator_, method)(X),
            )
        assert hasattr(model, "classes_") == is_classifier(head)


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    return root, *make_shops(root, 90)


ENSEMBLES = {
    "bagging": BaggingClassifier(n_estimators=3, random_state=0),
    "adaboost": AdaBoostClassifier(n_estimators=3, random_state=0),
}


class TestInsideEnsembles:
    @pytest.mark.parametrize("ensemble", ENSEMBLES)
    @pytest.mark.parametrize("kind", KINDS)
    def test_packed_cells_of_every_kind(self, kind, ensemble, shops):
        root, tables, y = shops
        features = shop_features(root, memory=root / "store")
        member = NamedColumns(
            MultimodalClassifier(
                features, LateFusionClassifier(combine="product"), groups="author"
            )
        )
        model = make_pipeline(
            FunctionTransformer(pack_rows),
            clone(ENSEMBLES[ensemble]).set_params(estimator=member),
        )
        X = tables[kind]
        model.fit(X[:60], y[:60])
        proba = model.predict_proba(X[60:])
        majority = np.unique(y[60:], return_counts=True)[1].max() / 30
        assert model.score(X[60:], y[60:]) > majority
        loaded = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(loaded.predict_proba(X[60:]), proba)
        paths = clone(model).fit(tables["paths"][:60], y[:60])
        np.testing.assert_array_equal(paths.predict_proba(tables["paths"][60:]), proba)

    @pytest.mark.parametrize("kind", [list, pl.DataFrame, pd.DataFrame])
    def test_named_columns_in_a_bag_of_one_are_the_estimator(self, kind):
        X, y = mixed_table(40)
        rows = kind(X.to_numpy().tolist()) if kind is list else kind(X.to_dict("list"))
        alone = by_name(LogisticRegression()).fit(X, y)
        bag = BaggingClassifier(
            NamedColumns(by_name(LogisticRegression()), columns=list(X.columns)),
            n_estimators=1,
            bootstrap=False,
        )
        proba = bag.fit(rows, y).predict_proba(rows)
        np.testing.assert_allclose(proba, alone.predict_proba(X), rtol=1e-12)

    def test_features_see_the_rows_of_their_bag_alone(self):
        X, y = mixed_table(40)
        X["title"] = [f"word{row}" for row in range(40)]
        bag = BaggingClassifier(
            NamedColumns(by_name(LogisticRegression())), n_estimators=3, random_state=0
        ).fit(pack_rows(X), y)
        for member, drawn in zip(bag.estimators_, bag.estimators_samples_, strict=True):
            words = member.estimator_["columns"].named_transformers_["text"].vocabulary_
            assert set(words) == {f"word{row}" for row in drawn}
            assert len(words) < 40

    @pytest.mark.parametrize("bag", [BaggingClassifier, BaggingRegressor])
    def test_a_bag_of_estimators_without_weights_is_scikit_learns(self, bag):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(60, 3)), rng.integers(3, size=60)
        kind = KNeighborsRegressor if bag is BaggingRegressor else KNeighborsClassifier
        settings = {"n_estimators": 4, "random_state": 0}
        own = bag(kind(3), **settings).fit(X, y)
        model = bag(NamedColumns(kind(3), columns=["a", "b", "c"]), **settings)
        method = "predict" if bag is BaggingRegressor else "predict_proba"
        np.testing.assert_allclose(
            getattr(model.fit(X, y), method)(X), getattr(own, method)(X), rtol=1e-12
        )

    def test_boosting_is_scikit_learns(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 3))
        y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
        settings = {"n_estimators": 4, "random_state": 0}
        own = AdaBoostClassifier(LogisticRegression(), **settings).fit(X, y)
        boost = AdaBoostClassifier(
            NamedColumns(Pipeline([("last", LogisticRegression())])), **settings
        ).fit(pack_rows(X), y)
        assert len(own.estimators_) == len(boost.estimators_) == 4
        np.testing.assert_allclose(
            boost.decision_function(pack_rows(X)), own.decision_function(X), rtol=1e-9
        )

    @pytest.mark.parametrize("ensemble", [BaggingRegressor, AdaBoostRegressor])
    @pytest.mark.parametrize("kind", ["arrays", "polars"])
    def test_regressors(self, kind, ensemble, shops):
        root, tables, labels = shops
        y = np.select([labels == "none", labels == "one"], [0.0, 1.0], 2.0)
        features = shop_features(root, memory=root / "store")
        model = ensemble(
            NamedColumns(MultimodalRegressor(features, Ridge())),
            n_estimators=3,
            random_state=0,
        )
        rows = pack_rows(tables[kind])
        model.fit(rows[:60], y[:60])
        assert model.score(rows[60:], y[60:]) > 0.6
        paths = pack_rows(tables["paths"])
        np.testing.assert_allclose(model.predict(paths), model.predict(rows), rtol=1e-9)

    def test_bagging_that_draws_columns(self):
        X, y = mixed_table(40)
        bag = BaggingClassifier(
            NamedColumns(by_name(LogisticRegression()), columns=list(X.columns)),
            n_estimators=2,
            max_features=0.7,
        )
        with pytest.raises(ValueError, match="packed rows"):
            bag.fit(X, y)
        bag.fit(pack_rows(X), y)  # one column: there is nothing to draw
        assert [member.n_features_in_ for member in bag.estimators_] == [3, 3]

    def test_missing_numbers_reach_the_estimator(self):
        X, y = mixed_table(40)
        X.loc[::5, "price"] = np.nan
        boost = AdaBoostClassifier(NamedColumns(Keeper()), n_estimators=1)
        seen = boost.fit(pack_rows(X), y).estimators_[0].estimator_.X_
        assert seen["price"].isna().sum() == 8

    def test_a_search_reaches_the_estimator(self):
        X, y = mixed_table(60)
        model = make_pipeline(
            FunctionTransformer(pack_rows),
            BaggingClassifier(
                NamedColumns(by_name(LogisticRegression())),
                n_estimators=2,
                random_state=0,
            ),
        )
        path = "baggingclassifier__estimator__estimator__head__C"
        search = GridSearchCV(model, {path: [1e-6, 10]}, cv=2, error_score="raise")
        search.fit(X, y)
        assert search.best_params_ == {path: 10}
        assert search.score(X, y) == 1

    def test_groups_stand_in_the_packed_table(self):
        X, y = mixed_table(60)
        features = ModalityTransformer([("table", "passthrough", ["price"])])
        inner = MultimodalClassifier(features, Keeper(), groups="author")
        model = NamedColumns(inner).fit(pack_rows(X), y)
        assert model.estimator_.estimator_.groups_.tolist() == X["author"].tolist()
