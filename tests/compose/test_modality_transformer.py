import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mmsk.compose import Block, Blocks, ModalityTransformer, select
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor
from tests._blocks import Marked, Weighted
from tests._ids import stable

DATA = {
    "title": ["red car", "blue car", None, "old cat"],
    "price": [3.0, 5.0, 7.0, 9.0],
    "stock": [1, 2, 3, 4],
    "colour": ["red", "blue", "red", "red"],
}
TABLE = pd.DataFrame(DATA)
PRICE_SCALED = (np.array([3, 5, 7, 9]) - 6) / np.sqrt(5)


def features(**params):
    return ModalityTransformer(
        [
            ("text", TfidfExtractor(n_components=2, random_state=0), ["title"]),
            ("table", TableExtractor(), ["price", "stock"]),
        ],
        **params,
    )


def numbers(columns, transformer="passthrough"):
    """Return features of some columns, as they are."""
    return ModalityTransformer([("numbers", transformer, columns)])


class TestMatrix:
    def test_blocks_stand_in_the_order_of_the_branches(self):
        model = ModalityTransformer(
            [
                ("table", TableExtractor(), ["price"]),
                ("marked", Marked(), ["stock", "price"]),
                ("again", "passthrough", ["stock"]),
            ]
        )
        out = model.fit_transform(TABLE)
        assert model.blocks_ == Blocks(
            [
                Block("table", 0, 1, parts=(("price", 0, 1),)),
                Block("marked", 1, 3, indicator=3),
                Block("again", 4, 5),
            ]
        )
        assert out.dtype == np.float32
        np.testing.assert_allclose(out[:, 0], PRICE_SCALED, rtol=1e-6)
        np.testing.assert_array_equal(out[:, 1], TABLE["stock"])
        np.testing.assert_array_equal(out[:, 2], TABLE["price"])
        np.testing.assert_array_equal(out[:, 3], 1)
        np.testing.assert_array_equal(out[:, 4], TABLE["stock"])
        np.testing.assert_array_equal(out, model.transform(TABLE))

    def test_presence_columns_tell_what_is_missing(self):
        model = features().fit(TABLE)
        present = model.blocks_.present(model.transform(TABLE))
        np.testing.assert_array_equal(
            present, [[True, True], [True, True], [False, True], [True, True]]
        )

    @pytest.mark.parametrize(
        ("table", "text", "rest"),
        [
            (TABLE, ["title"], ["price", "stock"]),
            (pl.DataFrame(DATA), ["title"], ["price", "stock"]),
            (TABLE.to_numpy(dtype=object), [0], [1, 2]),
            (TABLE.to_numpy(dtype=object).tolist(), [0], [1, 2]),
        ],
        ids=["pandas", "polars", "array", "lists"],
    )
    def test_every_kind_of_table_gives_the_same(self, table, text, rest):
        model = ModalityTransformer(
            [
                ("text", TfidfExtractor(n_components=2, random_state=0), text),
                ("table", TableExtractor(), rest),
            ]
        )
        out = model.fit_transform(table)
        np.testing.assert_array_equal(out, features().fit_transform(TABLE))
        np.testing.assert_array_equal(out, model.transform(table))

    def test_batch_is_one_by_one(self):
        model = features().fit(TABLE)
        rows = [model.transform(TABLE.iloc[[i]]) for i in range(4)]
        np.testing.assert_allclose(np.vstack(rows), model.transform(TABLE), rtol=1e-6)

    def test_fit_transform_is_fit_and_transform(self):
        np.testing.assert_array_equal(
            features().fit_transform(TABLE), features().fit(TABLE).transform(TABLE)
        )

    def test_x_is_not_written_to(self):
        given = TABLE.copy(deep=True)
        features().fit(given).transform(given)
        pd.testing.assert_frame_equal(given, TABLE)

    def test_the_index_does_not_matter(self):
        shuffled = TABLE.set_axis([7, 7, 0, -1])
        np.testing.assert_array_equal(
            features().fit_transform(shuffled), features().fit_transform(TABLE)
        )

    def test_clone_and_pickle(self):
        model = features().fit(TABLE)
        out = model.transform(TABLE)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.transform(TABLE), out)
        assert again.blocks_ == model.blocks_
        np.testing.assert_array_equal(clone(model).fit_transform(TABLE), out)

    def test_refit_forgets(self):
        model = numbers(["price"]).fit(TABLE)
        model.set_params(transformers=[("other", "passthrough", [0])])
        model.fit(np.eye(3))
        assert model.blocks_ == Blocks([Block("other", 0, 1)])
        assert not hasattr(model, "feature_names_in_")
        np.testing.assert_array_equal(model.transform(np.eye(3)), [[1], [0], [0]])


class TestColumns:
    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            (["price", "stock"], ["price", "stock"]),
            (("stock", "price"), ["stock", "price"]),
            (pd.Index(["stock"]), ["stock"]),
            (np.array(["stock", "price"]), ["stock", "price"]),
            ([1, 2], ["price", "stock"]),
            ([-3], ["price"]),
            (np.array([2, 1]), ["stock", "price"]),
            (slice(1, 3), ["price", "stock"]),
            (slice("price", "stock"), ["price", "stock"]),
            (slice("price", None), ["price", "stock", "colour"]),
            ([False, True, True, False], ["price", "stock"]),
            (np.array([False, True, False, False]), ["price"]),
            (select(kind="number"), ["price", "stock"]),
            (lambda X: ["price"], ["price"]),
            (lambda X: [1], ["price"]),
        ],
        ids=stable,
    )
    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_ways_to_name_them(self, columns, expected, kind):
        model = numbers(columns, FunctionTransformer(lambda X: np.ones(X.shape)))
        model.fit(kind(DATA))
        assert model.transformers_[0][2] == expected
        assert model.blocks_["numbers"].width == len(expected)

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ([2, 0], [2, 0]),
            (slice(None, None, 2), [0, 2]),
            ([True, False, True], [0, 2]),
            (lambda X: [1], [1]),
            (select(kind="number"), [0, 1, 2]),
        ],
        ids=stable,
    )
    def test_positions_of_an_array(self, columns, expected):
        X = np.arange(6.0).reshape(2, 3)
        np.testing.assert_array_equal(numbers(columns).fit_transform(X), X[:, expected])

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (["price", "weight"], "Branch 'numbers': X lacks the column 'weight'"),
            (slice("price", "weight"), "X lacks the column 'weight'"),
            ([4], "X has n_features = 4, there is no column 4"),
            ([-5], "there is no column -5"),
            ([], "selects no column"),
            (select(kind="date"), "selects no column"),
            ([True, False], "mask needs one bool for each of the 4 columns"),
            ([True] * 5, "mask needs one bool for each of the 4 columns"),
            (["price", True, False, False], "mask needs one bool"),
        ],
        ids=stable,
    )
    def test_refused(self, columns, message):
        with pytest.raises(ValueError, match=message):
            numbers(columns).fit(TABLE)

    def test_names_need_a_frame(self):
        for columns in (["price"], slice("price", "stock")):
            with pytest.raises(ValueError, match="X is an array without names"):
                numbers(columns).fit(TABLE.to_numpy())

    def test_numbers_as_names(self):
        X = pd.DataFrame(np.eye(3))
        np.testing.assert_array_equal(numbers([2]).fit(X).transform(X), [[0], [0], [1]])
        X.columns = [2, 1, 0]
        with pytest.raises(ValueError, match=r"names must be strings, got \[2, 1, 0\]"):
            numbers([2]).fit(X)
        model = numbers([2]).fit(pd.DataFrame(np.eye(3)))
        with pytest.raises(ValueError, match="names must be strings"):
            model.transform(X)

    def test_a_name_that_comes_twice(self):
        X = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
        with pytest.raises(ValueError, match=r"must be unique, got twice: \['a'\]"):
            numbers(["b"]).fit(X)
        model = numbers(["b"]).fit(pd.DataFrame(np.eye(2), columns=["a", "b"]))
        with pytest.raises(ValueError, match="must be unique"):
            model.transform(X)

    def test_one_name_alone_gives_one_dimension(self):
        seen = []

        def watch(X):
            seen.append(np.ndim(X))
            return np.asarray(X).reshape(len(X), -1)

        for X in (TABLE, pl.DataFrame(DATA)):
            numbers("price", FunctionTransformer(watch)).fit_transform(X)
        numbers(1, FunctionTransformer(watch)).fit_transform(TABLE)
        numbers(0, FunctionTransformer(watch)).fit_transform(np.eye(3))
        assert seen == [1] * 4
        numbers(["price"], FunctionTransformer(watch)).fit_transform(TABLE)
        assert seen[-1] == 2


class TestOtherTables:
    """What is accepted at transform."""

    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_names_are_looked_up(self, kind):
        model = features().fit(TABLE)
        other = {"new": [0] * 4} | dict(reversed(DATA.items()))
        np.testing.assert_array_equal(
            model.transform(kind(other)), model.transform(TABLE)
        )

    def test_columns_that_no_branch_reads_are_not_needed(self):
        model = features().fit(TABLE)
        np.testing.assert_array_equal(
            model.transform(TABLE[["stock", "title", "price"]]), model.transform(TABLE)
        )

    def test_missing_columns_are_named(self):
        model = features().fit(TABLE)
        with pytest.raises(ValueError, match=r"lacks the columns \['title', 'stock'\]"):
            model.transform(TABLE[["price", "colour"]])

    @pytest.mark.parametrize(
        "columns", [[1], slice(1, 2), [False, True, False, False]], ids=str
    )
    def test_positions_are_strict(self, columns):
        model = numbers(columns).fit(TABLE)
        np.testing.assert_array_equal(model.transform(TABLE)[:, 0], TABLE["price"])
        with pytest.raises(ValueError, match="feature names"):
            model.transform(TABLE[["price", "title", "stock", "colour"]])
        with pytest.raises(ValueError, match="feature names"):
            model.transform(TABLE.assign(new=0))

    def test_a_selection_is_made_once(self):
        """What `select` found in fit is looked up by name afterwards."""
        model = numbers(select(kind="number")).fit(TABLE)
        changed = TABLE.astype({"stock": str})[["stock", "colour", "price"]]
        np.testing.assert_array_equal(
            model.transform(changed), TABLE[["price", "stock"]]
        )

    def test_arrays_have_one_width(self):
        model = numbers([1]).fit(np.eye(3))
        with pytest.raises(ValueError, match="expecting 3 features"):
            model.transform(np.eye(4))

    def test_an_array_for_a_frame_is_taken_by_position(self):
        model = numbers(["stock"]).fit(TABLE)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            out = model.transform(TABLE.to_numpy())
        np.testing.assert_array_equal(out[:, 0], TABLE["stock"])

    def test_a_frame_for_an_array_is_taken_by_position(self):
        model = numbers([2]).fit(TABLE.to_numpy())
        with pytest.warns(UserWarning, match="fitted without feature names"):
            out = model.transform(TABLE)
        np.testing.assert_array_equal(out[:, 0], TABLE["stock"])

    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_no_rows(self, kind):
        model = features()
        with pytest.raises(ValueError, match="0 sample"):
            model.fit(kind(DATA)[:0])
        model.fit(TABLE)
        with pytest.raises(ValueError, match="0 sample"):
            model.transform(kind(DATA)[:0])

    def test_not_fitted(self):
        model = features()
        for call in (model.transform, model.get_feature_names_out):
            with pytest.raises(NotFittedError):
                call(TABLE)
        with pytest.raises(NotFittedError):
            _ = model.transformers_


class TestBranches:
    def test_drop(self):
        model = features().set_params(text="drop").fit(TABLE)
        assert model.blocks_.names == ("table",)
        # what is dropped may name what is not there
        model = ModalityTransformer(
            [("no", "drop", ["nowhere"]), ("b", "passthrough", ["price"])]
        )
        assert model.fit_transform(TABLE).shape == (4, 1)
        with pytest.raises(ValueError, match="has no branch"):
            ModalityTransformer([("no", "drop", [0])]).fit(TABLE)

    @pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
    def test_passthrough(self, kind):
        X = kind({"a": [1, None, 3], "b": [True, False, True]})
        out = numbers(["a", "b"]).fit_transform(X)
        np.testing.assert_array_equal(out, [[1, 1], [np.nan, 0], [3, 1]])
        assert out.dtype == np.float32

    def test_passthrough_of_pandas_own_missing_number(self):
        X = pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})
        np.testing.assert_array_equal(numbers(["a"]).fit_transform(X), [[1], [np.nan]])

    def test_scikit_learns_vectorizer_on_one_column(self):
        model = numbers("colour", TfidfVectorizer())
        out = model.fit_transform(TABLE)
        expected = TfidfVectorizer().fit_transform(TABLE["colour"])
        np.testing.assert_allclose(out.toarray(), expected.toarray(), rtol=1e-6)
        assert model.blocks_ == Blocks([Block("numbers", 0, 2)])
        names = ["numbers__blue", "numbers__red"]
        assert list(model.get_feature_names_out()) == names

    def test_the_users_transformers_are_not_fitted(self):
        table = TableExtractor()
        model = ModalityTransformer([("table", table, ["price"])]).fit(TABLE)
        assert not hasattr(table, "roles_")
        assert model.named_transformers_["table"].roles_ == {"price": "number"}
        assert model.transformers[0][1] is table

    def test_a_frozen_branch_is_used_as_it_is(self):
        fitted = StandardScaler().set_output(transform="pandas").fit(TABLE[["price"]])
        model = numbers(["price"], FrozenEstimator(fitted)).fit(TABLE.iloc[:2])
        np.testing.assert_allclose(
            model.transform(TABLE)[:, 0], PRICE_SCALED, rtol=1e-6
        )
        assert isinstance(fitted.transform(TABLE[["price"]]), pd.DataFrame)

    def test_weights_and_targets_go_where_they_are_taken(self):
        model = ModalityTransformer(
            [
                ("taken", Weighted(), ["price"]),
                ("not", Marked(), ["price"]),
                ("inside", make_pipeline(Marked(), Weighted()), ["price"]),
            ]
        )
        weights, y = [1, 2, 3, 4], [0, 1, 0, 1]
        for fit in (model.fit, model.fit_transform):
            fit(TABLE, y, sample_weight=weights)
            for each in ("taken", "inside"):
                fitted = model.named_transformers_[each]
                fitted = fitted[-1] if each == "inside" else fitted
                assert fitted.weights_ == weights
                assert fitted.y_ == y
        assert model.fit(TABLE).named_transformers_["taken"].weights_ is None

    @pytest.mark.parametrize(
        ("transformers", "error", "message"),
        [
            ([], ValueError, "must be a list of"),
            ([("a", "passthrough")], ValueError, "must be a list of"),
            (["abc"], TypeError, "Branch 'a' must be a transformer"),
            ([("a", "pass", [0])], TypeError, "Branch 'a' must be a transformer"),
            ([("a", PCA(), [0]), ("a", PCA(), [0])], ValueError, "not unique"),
            ([("a__b", PCA(), [0])], ValueError, "must not contain __"),
            ([("memory", PCA(), [0])], ValueError, "conflict with constructor"),
            ("abc", ValueError, "'transformers' parameter"),
        ],
    )
    def test_refused(self, transformers, error, message):
        with pytest.raises(error, match=message):
            ModalityTransformer(transformers).fit(TABLE)


class TestSparse:
    SPARSE = ("text", TfidfExtractor(), ["title"])
    DENSE = ("table", TableExtractor(), ["price"])

    def test_auto_is_sparse_when_any_block_is(self):
        out = ModalityTransformer([self.SPARSE, self.DENSE]).fit_transform(TABLE)
        assert isinstance(out, sp.csr_array)
        assert out.dtype == np.float32
        assert isinstance(
            ModalityTransformer([self.DENSE]).fit_transform(TABLE), np.ndarray
        )

    def test_auto_does_not_turn_with_the_rows(self):
        model = ModalityTransformer([self.SPARSE, self.DENSE]).fit(TABLE)
        for rows in (slice(0, 1), slice(2, 3), slice(None)):
            assert sp.issparse(model.transform(TABLE[rows]))

    @pytest.mark.parametrize("chosen", [True, False])
    @pytest.mark.parametrize("branches", [[DENSE], [SPARSE], [SPARSE, DENSE]])
    def test_chosen(self, chosen, branches):
        auto = ModalityTransformer(branches).fit_transform(TABLE)
        out = ModalityTransformer(branches, sparse_output=chosen).fit_transform(TABLE)
        assert sp.issparse(out) == chosen
        assert out.dtype == np.float32
        arrays = [each.toarray() if sp.issparse(each) else each for each in (out, auto)]
        np.testing.assert_array_equal(*arrays)

    def test_a_raw_block_beside_a_sparse_one_is_refused(self):
        raw = ("image", Marked("image", (1, 2)), ["price", "stock"])
        for branches in ([raw, self.SPARSE], [self.SPARSE, raw]):
            with pytest.raises(ValueError, match=r"'image'.*'text'.*n_components="):
                ModalityTransformer(branches).fit(TABLE)
        dense = ("text", TfidfExtractor(n_components=2), ["title"])
        model = ModalityTransformer([raw, dense]).fit(TABLE)
        assert model.blocks_["image"].kind == "image"
        assert model.blocks_["image"].shape == (1, 2)
        assert isinstance(model.transform(TABLE), np.ndarray)

    def test_a_raw_block_is_never_sparse(self):
        raw = ("image", Marked("image", (1, 2)), ["price", "stock"])
        with pytest.raises(ValueError, match="cannot stand in a sparse matrix"):
            ModalityTransformer([raw], sparse_output=True).fit(TABLE)

    @pytest.mark.parametrize("value", ["yes", 2, None])
    def test_other_values(self, value):
        with pytest.raises(ValueError, match="sparse_output"):
            ModalityTransformer([self.DENSE], sparse_output=value).fit(TABLE)


class TestRawLimit:
    BRANCH = ("image", Marked("image", (1, 2)), ["price", "stock"])

    def test_in_fit(self):
        limit = 4 * 2 * 4  # rows x values x bytes
        ModalityTransformer([self.BRANCH], max_block_bytes=limit).fit(TABLE)
        with pytest.raises(ValueError, match=r"Block 'image'.*max_block_bytes=31"):
            ModalityTransformer([self.BRANCH], max_block_bytes=limit - 1).fit(TABLE)

    def test_in_transform(self):
        model = ModalityTransformer([self.BRANCH], max_block_bytes=32).fit(TABLE)
        with pytest.raises(ValueError, match="5 rows, more than max_block_bytes"):
            model.transform(pd.concat([TABLE, TABLE[:1]]))

    def test_vectors_have_no_limit(self):
        ModalityTransformer([("a", "passthrough", ["price"])], max_block_bytes=1).fit(
            TABLE
        )


class TestOutput:
    def test_names(self):
        model = features().fit(TABLE)
        assert list(model.get_feature_names_out()) == [
            "text__title_svd_0",
            "text__title_svd_1",
            "text__modality_present",
            "table__price",
            "table__stock",
        ]
        assert Blocks.from_feature_names(model.get_feature_names_out()) == Blocks(
            [Block("text", 0, 2, 2), Block("table", 3, 5)]
        )

    @pytest.mark.parametrize(
        ("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
    )
    def test_frames(self, library, kind):
        plain = features().fit_transform(TABLE)
        model = features().set_output(transform=library)
        for out in (model.fit_transform(TABLE), model.transform(TABLE)):
            assert isinstance(out, kind)
            assert list(out.columns) == list(model.get_feature_names_out())
            np.testing.assert_array_equal(out.to_numpy(), plain)
        with sklearn.config_context(transform_output=library):
            out = features().fit_transform(TABLE)
        assert isinstance(out, kind)
        np.testing.assert_array_equal(out.to_numpy(), plain)

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_sparse_frames_are_refused(self, library):
        text = ("text", TfidfExtractor(), ["title"])
        model = ModalityTransformer([text, ("table", TableExtractor(), ["price"])])
        message = (
            rf"^{library.capitalize()} output does not support sparse data \(sparse "
            r"branches: \['text'\]\)\. Set sparse_output=False, n_components= of"
        )
        with pytest.raises(ValueError, match=message):
            model.set_output(transform=library).fit_transform(TABLE)
        with pytest.raises(ValueError, match=message):
            model.transform(TABLE)
        dense = model.set_params(sparse_output=False).transform(TABLE)
        assert list(dense.columns) == list(model.get_feature_names_out())
        plain = model.set_output(transform="default").transform(TABLE)
        np.testing.assert_array_equal(dense.to_numpy(), plain)

    def test_a_frame_keeps_the_index(self):
        shuffled = TABLE.set_axis([3, 1, 0, 2])
        out = features().set_output(transform="pandas").fit_transform(shuffled)
        assert list(out.index) == [3, 1, 0, 2]

    def test_steps_see_arrays_whatever_is_set_globally(self):
        watch = FunctionTransformer(self._kind, feature_names_out="one-to-one")
        steps = make_pipeline(Marked(), watch, PCA(1))
        with sklearn.config_context(transform_output="pandas"):
            out = numbers(["price", "stock"], steps).fit_transform(TABLE)
        assert isinstance(out, pd.DataFrame)

    @staticmethod
    def _kind(X):
        assert isinstance(X, np.ndarray)
        return X

    def test_in_and_out(self):
        model = features().fit(TABLE)
        assert model.n_features_in_ == 4
        assert list(model.feature_names_in_) == list(TABLE)
        assert model.fit(pl.DataFrame(DATA)).n_features_in_ == 4
        assert list(model.feature_names_in_) == list(TABLE)


class TestParameters:
    def test_of_branches(self):
        model = features()
        assert model.get_params()["text__min_df"] == 1
        assert model.get_params()["table"] is model.transformers[1][1]
        model.set_params(text__min_df=2, table__impute="mean")
        assert model.transformers[0][1].min_df == 2
        assert model.transformers[1][1].impute == "mean"
        assert model.transformers[0][2] == ["title"]
        assert "text__min_df" not in model.get_params(deep=False)

    def test_a_branch_as_a_whole(self):
        model = features().set_params(text=TfidfExtractor(min_df=2), table="drop")
        assert [name for name, *_ in model.transformers] == ["text", "table"]
        assert model.transformers[0][1].min_df == 2
        assert model.fit(TABLE).blocks_.names == ("text",)

    def test_a_branch_and_its_parameter_at_once(self):
        model = features().set_params(text__min_df=2, text=TfidfExtractor())
        assert model.transformers[0][1].min_df == 2

    def test_parameters_reach_behaviour(self):
        counts = []
        for min_df in (1, 2):
            model = ModalityTransformer([("text", TfidfExtractor(), ["title"])])
            model.set_params(text__min_df=min_df).fit(TABLE)
            counts.append(model.blocks_["text"].width)
        assert counts == [5, 1]

    def test_unknown(self):
        with pytest.raises(ValueError, match="Invalid parameter 'image'"):
            features().set_params(image__size=3)

    def test_clone_is_apart(self):
        model = features()
        clone(model).set_params(text__min_df=2)
        assert model.get_params()["text__min_df"] == 1
