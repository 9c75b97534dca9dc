import pickle
import re
import time
from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.text import TfidfExtractor
from tests._ids import stable
from tests.feature_extraction._samples import assert_passes_all_checks

LETTERS = "abcdeäößджф中文字🙂'- \t\n.,ABCÉ"
TEXTS = ["Red red car", "blue car and a bike", "", "the the the", "Bike RIDE", "été"]
TABLE = {
    "title": ["red car", "blue car", None, "red bike", "", None],
    "body": ["fast", None, "slow car", "the", "fast bike", None],
}
FRAME = pd.DataFrame(TABLE)


class WordTfidf(TfidfExtractor):
    def _read_cell(self, cell):
        return f"word{int(np.nan_to_num(float(cell)) * 3)} and"


def random_texts(n, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 60, n)
    return ["".join(rng.choice(list(LETTERS), length)) for length in lengths]


def first_letters(text):
    return [word[0] for word in text.split()]


def assert_same(ours, theirs):
    """Compare sparse matrices: place, order and value of every entry."""
    theirs = theirs.astype(np.float32)
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-6)


# --- as scikit-learn has it -----------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"n_components": 3, "random_state": 0}, {"join_columns": True}]
)
def test_scikit_learns_suite(params):
    assert_passes_all_checks(WordTfidf(**params))


SETTINGS = [
    *(
        {"analyzer": analyzer, "ngram_range": ngrams, "lowercase": lowercase}
        for analyzer, ngrams, lowercase in product(
            ["word", "char", "char_wb"], [(1, 1), (1, 2), (2, 3)], [True, False]
        )
    ),
    {"analyzer": first_letters},
    {"tokenizer": str.split, "token_pattern": None},
    {"token_pattern": r"\w"},
    {"preprocessor": str.swapcase},
    {"stop_words": "english"},
    {"stop_words": ["car", "the"]},
    {"strip_accents": "unicode"},
    {"strip_accents": "ascii"},
    {"strip_accents": str.upper, "lowercase": False},
    {"min_df": 2},
    {"min_df": 0.02, "max_df": 0.5},
    {"max_features": 7},
    {"vocabulary": {"car": 1, "red": 0, "никогда": 2}},
    {"vocabulary": ["bike", "car"]},
    {"binary": True},
    {"norm": "l1"},
    {"norm": None},
    {"use_idf": False},
    {"smooth_idf": False},
    {"sublinear_tf": True, "ngram_range": (1, 2)},
]


@pytest.mark.parametrize("params", SETTINGS, ids=stable)
def test_the_features_are_tfidf_vectorizers(params):
    train = TEXTS + random_texts(60)
    test = random_texts(20, seed=1) + TEXTS
    theirs = TfidfVectorizer(dtype=np.float64, **params)
    ours = TfidfExtractor(**params)
    fitted, expected = ours.fit_transform([[text] for text in train]), None
    expected = theirs.fit_transform(train)
    expected.sort_indices()
    assert_same(fitted[:, :-1], expected)
    assert_same(
        ours.transform([[text] for text in test])[:, :-1], theirs.transform(test)
    )
    assert ours.vocabulary_ == [theirs.vocabulary_]
    if ours.use_idf:
        np.testing.assert_allclose(ours.idf_[0], theirs.idf_, rtol=1e-12)
    else:
        assert ours.idf_ == [None]
    names = [f"x0_{name}" for name in theirs.get_feature_names_out()]
    assert ours.get_feature_names_out().tolist() == [*names, "modality_present"]


def test_parameters_and_defaults_are_tfidf_vectorizers():
    ours, theirs = TfidfExtractor().get_params(), TfidfVectorizer().get_params()
    left_out = {"input", "encoding", "decode_error", "dtype", "analyzer"}
    assert set(theirs) - set(ours) == left_out - {"analyzer"}
    assert ours["analyzer"] == "auto"
    shared = {name: value for name, value in ours.items() if name in theirs}
    del shared["analyzer"]
    assert shared == {k: v for k, v in theirs.items() if k not in left_out}


def test_warnings_of_the_vectorizer_come_through():
    with pytest.warns(UserWarning, match="token_pattern"):
        TfidfExtractor(tokenizer=str.split).fit([["a car"]])


# --- scripts without spaces -----------------------------------------------------------

CHINESE = ["红色的车", "蓝色的车很新", "旧自行车", "red 红色的自行车"]


@pytest.mark.parametrize(("ngrams", "expected"), [((1, 1), (1, 2)), ((2, 3), (2, 4))])
def test_a_column_without_word_spaces_is_cut_into_characters(ngrams, expected):
    X = pd.DataFrame({"zh": [*CHINESE, None], "en": ["red car"] * 5})
    extractor = TfidfExtractor(ngram_range=ngrams)
    rows = extractor.fit_transform(X)
    theirs = TfidfVectorizer(analyzer="char", ngram_range=expected).fit(CHINESE)
    assert extractor.analyzer_ == ["char", "word"]
    assert extractor.vocabulary_[0] == theirs.vocabulary_
    width = len(theirs.vocabulary_)
    assert_same(rows[:4, :width], theirs.transform(CHINESE))
    test = ["新车", "car"]
    both = extractor.transform(X[:2].assign(zh=test))
    assert_same(both[:, :width], theirs.transform(test))


@pytest.mark.parametrize(
    ("texts", "analyzer"),
    [
        (["これは新しい車です"], "char"),
        (["รถใหม่สีแดง", "old"], "char"),
        (["새 차는 빨간색이다"], "word"),  # Korean has spaces
        (["новая машина"], "word"),
        (["the new 车 is red"], "word"),
        (["red car 红红红红"], "word"),
        (["red car 红红红红红红红红红"], "char"),
    ],
)
def test_most_characters_decide(texts, analyzer):
    extractor = TfidfExtractor().fit([[text] for text in texts])
    assert extractor.analyzer_ == [analyzer]


@pytest.mark.parametrize(
    "params",
    [
        {"analyzer": "word"},
        {"tokenizer": list, "token_pattern": None},
        {"token_pattern": r"\w+"},
        {"stop_words": ["红色"]},
        {"vocabulary": ["红色的车", "car"]},
    ],
    ids=stable,
)
def test_parameters_about_words_keep_words(params):
    extractor = TfidfExtractor(**params).fit([[text] for text in CHINESE])
    assert extractor.analyzer_ == ["word"]
    theirs = TfidfVectorizer(**params).fit(CHINESE)
    assert extractor.vocabulary_ == [theirs.vocabulary_]


def test_joined_columns_are_judged_together():
    for width, analyzer in ((2, "char"), (9, "word")):
        X = pd.DataFrame({"zh": CHINESE, "en": ["d" * width] * 4})
        extractor = TfidfExtractor(join_columns=True).fit(X)
        assert extractor.analyzer_ == [analyzer]
        assert ("d" in extractor.vocabulary_[0]) == (analyzer == "char")


# --- several columns, missing cells ---------------------------------------------------


def test_columns_stand_side_by_side():
    rows = TfidfExtractor().fit_transform(FRAME)
    assert isinstance(rows, sp.csr_array)
    assert rows.dtype == np.float32
    assert rows.indices.dtype == np.int32
    dense = rows.toarray()
    start = 0
    for column in FRAME:
        there = FRAME[column].notna().to_numpy()
        expected = np.zeros((6, 0))
        texts = FRAME[column][there]
        part = TfidfVectorizer().fit_transform(texts).toarray()
        expected = np.zeros((6, part.shape[1]))
        expected[there] = part
        np.testing.assert_allclose(
            dense[:, start : start + part.shape[1]], expected, rtol=1e-6
        )
        start += part.shape[1]
    np.testing.assert_array_equal(dense[:, start:].ravel(), [1, 1, 1, 1, 1, 0])


def test_columns_are_named_and_counted():
    extractor = TfidfExtractor().fit(FRAME)
    assert extractor.get_feature_names_out().tolist() == [
        *("title_bike", "title_blue", "title_car", "title_red"),
        *("body_bike", "body_car", "body_fast", "body_slow", "body_the"),
        "modality_present",
    ]
    block = extractor.block_
    assert (block.start, block.stop, block.indicator) == (0, 9, 9)
    assert block.parts == (("title", 0, 4), ("body", 4, 9))


def test_joined_columns_have_one_vocabulary():
    extractor = TfidfExtractor(join_columns=True, ngram_range=(1, 2))
    rows = extractor.fit_transform(FRAME)
    joined = ["red car fast", "blue car", "slow car", "red bike the", " fast bike"]
    theirs = TfidfVectorizer(ngram_range=(1, 2))
    expected = theirs.fit_transform(joined)
    expected.sort_indices()
    assert_same(rows[:5, :-1], expected)
    assert rows[[5]].nnz == 0
    assert extractor.get_feature_names_out()[0] == "title+body_bike"
    assert extractor.block_.parts == ()


def test_a_missing_cell_counts_nowhere():
    texts = [["red car"], ["blue car"], ["red"]]
    holes = [["red car"], [None], ["blue car"], [np.nan], ["red"], [pd.NA]]
    params = {"min_df": 0.5, "max_df": 0.9}
    ours = TfidfExtractor(**params).fit_transform(holes).toarray()
    expected = TfidfExtractor(**params).fit_transform(texts).toarray()
    np.testing.assert_array_equal(ours[::2], expected)
    assert not ours[1::2].any()


def test_an_empty_text_is_there():
    X = [["red car"], [""], ["the and of"], [None], ["\0 🙂"]]
    extractor = TfidfExtractor(stop_words="english").fit(X)
    rows = extractor.transform(X).toarray()
    assert not rows[1:, :-1].any()
    assert rows[:, -1].tolist() == [1, 1, 1, 0, 1]


@pytest.mark.parametrize("hole", [None, np.nan, pd.NA])
def test_a_column_without_words_gives_no_features(hole):
    X = pd.DataFrame({"a": [hole, "the"], "b": ["red car", hole], "c": [hole, hole]})
    extractor = TfidfExtractor(stop_words="english")
    with pytest.warns(MissingModalityWarning, match=r"columns \['c'\] are missing"):
        rows = extractor.fit_transform(X).toarray()
    np.testing.assert_allclose(rows, [[2**-0.5, 2**-0.5, 1], [0, 0, 1]])
    assert extractor.block_.parts == (("a", 0, 0), ("b", 0, 2), ("c", 2, 2))
    assert extractor.vocabulary_ == [{}, {"red": 1, "car": 0}, {}]
    np.testing.assert_array_equal(extractor.transform(X).toarray(), rows)
    assert (
        extractor.transform(X.assign(a="red", b=None)).toarray().tolist()
        == [[0, 0, 1]] * 2
    )


@pytest.mark.parametrize(
    ("params", "X"),
    [
        ({}, [["a", "?"], ["b", None]]),
        ({"stop_words": "english"}, [["the", "and"]]),
        ({"min_df": 2}, [["red", "car"], ["blue", "bike"]]),
        ({"min_df": 2, "max_df": 0.5}, [["red", "car"], ["red", "bike"]]),
        ({}, [[None, None]]),
    ],
)
def test_without_any_word_fit_says_so(params, X):
    X = pd.DataFrame(X, columns=["title", "body"])
    with pytest.raises(ValueError, match=re.escape("['title', 'body']")) as caught:
        TfidfExtractor(**params).fit(X)
    assert "min_df" in str(caught.value)


def test_a_given_vocabulary_needs_no_text():
    extractor = TfidfExtractor(vocabulary=["car", "red"])
    with pytest.warns(MissingModalityWarning, match="missing in every row"):
        rows = extractor.fit_transform([[None], [None]])
    assert rows.toarray().tolist() == [[0] * 3] * 2
    assert extractor.transform([["red"]]).toarray().tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    "X",
    [
        FRAME,
        pl.DataFrame(TABLE),
        FRAME.astype(object).to_numpy(),
        FRAME.astype(object).where(FRAME.notna(), None).to_numpy().tolist(),
        FRAME.astype("string"),
        FRAME.astype("category"),
    ],
    ids=["pandas", "polars", "array", "lists", "string", "category"],
)
def test_every_kind_of_table_is_read(X):
    np.testing.assert_array_equal(
        TfidfExtractor().fit_transform(X).toarray(),
        TfidfExtractor().fit_transform(FRAME).toarray(),
    )


def test_one_column_may_come_alone():
    expected = TfidfExtractor().fit_transform(FRAME[["title"]]).toarray()
    for X in (FRAME.title, list(FRAME.title), FRAME.title.to_numpy(dtype=object)):
        np.testing.assert_array_equal(
            TfidfExtractor().fit_transform(X).toarray(), expected
        )


# --- n_components ---------------------------------------------------------------------


def long_frame(n=80):
    texts = random_texts(2 * n, seed=3)
    X = pd.DataFrame({"a": texts[:n], "b": texts[n:]})
    X.loc[3] = None
    X.loc[5, "a"] = None
    X.loc[7] = ""
    return X


def dense(**params):
    return TfidfExtractor(analyzer="char", n_components=6, random_state=0, **params)


def test_components_reduce_all_columns_together():
    X = long_frame()
    rows = dense().fit_transform(X)
    assert rows.dtype == np.float32
    assert rows.shape == (80, 7)
    full = TfidfExtractor(analyzer="char").fit_transform(X).toarray()[:, :-1]
    there = X.notna().any(axis=1).to_numpy()
    components = np.linalg.svd(full[there])[2][:6]
    expected = full @ components.T
    # their signs are free: the angles between rows are not
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    expected /= np.where(lengths == 0, 1, lengths)
    np.testing.assert_allclose(
        rows[there, :-1] @ rows[there, :-1].T,
        (expected @ expected.T)[there][:, there],
        atol=1e-2,
    )


def test_reduced_rows_have_unit_length_and_are_filled_with_the_mean():
    X = long_frame()
    extractor = dense()
    rows = extractor.fit_transform(X)
    lengths = np.linalg.norm(rows[:, :-1], axis=1)
    full = np.delete(np.arange(80), [3, 7])
    np.testing.assert_allclose(lengths[full], 1, rtol=1e-6)
    assert not rows[7, :-1].any() and rows[7, -1] == 1  # "" is there
    mean = np.delete(rows[:, :-1], 3, axis=0).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(rows[3, :-1], mean, rtol=1e-6)
    np.testing.assert_array_equal(rows[3, :-1], extractor.fill_)
    assert rows[:, -1].tolist() == [0.0 if row == 3 else 1.0 for row in range(80)]


@pytest.mark.parametrize(("missing", "value"), [("zero", 0), ("nan", np.nan)])
def test_a_row_without_text_may_get_zero_or_nan(missing, value):
    rows = dense(missing=missing).fit_transform(long_frame())
    np.testing.assert_array_equal(rows[3], [value] * 6 + [0])
    np.testing.assert_array_equal(
        np.delete(rows, 3, 0), np.delete(dense().fit_transform(long_frame()), 3, 0)
    )


def test_missing_nan_needs_components():
    with pytest.raises(ValueError, match="n_components="):
        TfidfExtractor(missing="nan").fit(FRAME)
    zero = TfidfExtractor(missing="zero").fit_transform(FRAME).toarray()
    np.testing.assert_array_equal(zero, TfidfExtractor().fit_transform(FRAME).toarray())


def test_components_have_names_and_a_block():
    extractor = dense().fit(long_frame())
    assert extractor.get_feature_names_out().tolist() == [
        *[f"a+b_svd_{position}" for position in range(6)],
        "modality_present",
    ]
    assert (extractor.block_.width, extractor.block_.parts) == (6, ())
    one = dense().fit(long_frame()[["a"]])
    assert one.get_feature_names_out()[0] == "a_svd_0"
    assert one.block_.parts == (("a", 0, 6),)


@pytest.mark.parametrize(
    ("X", "width"),
    [([["red car"]], 1), ([["red"], ["car"]], 2), ([["a car"], ["car b"], [None]], 1)],
)
def test_components_are_no_more_than_the_words_allow(X, width):
    extractor = TfidfExtractor(n_components=50)
    assert extractor.fit_transform(X).shape == (len(X), width + 1)
    assert extractor.get_feature_names_out().shape == (width + 1,)


def test_without_any_text_the_fill_is_zero():
    extractor = TfidfExtractor(vocabulary=["car", "red"], n_components=2)
    with pytest.warns(MissingModalityWarning, match=r"columns \[0\] are missing"):
        rows = extractor.fit_transform([[None], [None]])
    assert rows.tolist() == [[0, 0]] * 2
    assert extractor.transform([["red"]]).tolist() == [[0, 1]]


# --- the same rows however they are asked for -----------------------------------------


@pytest.mark.parametrize("params", [{}, {"n_components": 5, "random_state": 0}])
@pytest.mark.parametrize("words", [{"analyzer": "char"}, {"token_pattern": r"\w"}])
def test_fit_transform_transform_and_single_rows_agree(params, words):
    X = long_frame()
    extractor = TfidfExtractor(**words, **params)
    fitted = extractor.fit_transform(X)
    rows = extractor.transform(X)
    single = [extractor.transform(X[i : i + 1]) for i in range(len(X))]
    if not params:
        assert rows.has_canonical_format
        fitted, rows = fitted.toarray(), rows.toarray()
        single = [row.toarray() for row in single]
    np.testing.assert_array_equal(fitted, rows)
    np.testing.assert_array_equal(np.vstack(single), rows)


def test_clone_pickle_and_seed():
    X = long_frame()
    extractor = dense().fit(X)
    rows = extractor.transform(X)
    for twin in (pickle.loads(pickle.dumps(extractor)), clone(extractor).fit(X)):
        np.testing.assert_array_equal(twin.transform(X), rows)
    assert extractor.fit(X, [0] * len(X)) is extractor


# --- cells that are no text -----------------------------------------------------------


@pytest.mark.parametrize("cell", [3, 2.5, ["red", "car"], True])
def test_numbers_and_lists_are_refused_with_advice(cell):
    X = pd.DataFrame({"title": pd.Series(["red", cell], dtype=object)})
    with pytest.raises(MediaError) as caught:
        TfidfExtractor().fit(X)
    message = str(caught.value)
    assert message.startswith("Column 'title', row 1: ")
    assert "astype(str)" in message
    assert message.endswith('Pass on_error="missing" to treat it as absent.')


def test_a_column_of_numbers_is_refused():
    with pytest.raises(MediaError, match=r"Column 'price'.*astype\(str\)"):
        TfidfExtractor().fit(pd.DataFrame({"price": [1.5, 2.5]}))


def test_cells_that_are_no_text_may_be_missing():
    X = [["red car"], [7], ["größe".encode("latin-1")], ["blue"], ["größe".encode()]]
    extractor = TfidfExtractor(on_error="missing", max_error_rate=0.4)
    with pytest.warns(MissingModalityWarning, match=r"2 of 5 cells \(40.0%\)"):
        rows = extractor.fit_transform(X)
    assert rows[:, [-1]].toarray().ravel().tolist() == [1, 0, 0, 1, 1]
    assert [tuple(failure) for failure in extractor.failures_] == [
        (1, 0, None, "BAD_TYPE"),
        (2, 0, None, "BAD_ENCODING"),
    ]
    assert "größe" in extractor.vocabulary_[0]
    with pytest.raises(MediaError, match=r"max_error_rate=0\.3"):
        clone(extractor).set_params(max_error_rate=0.3).fit(X)
    with pytest.warns(MissingModalityWarning, match=r"1 of 1 cells \(100.0%\)"):
        assert extractor.transform([[7]]).nnz == 0


def test_lone_surrogates_are_counted():
    extractor = TfidfExtractor(token_pattern=r"\S+")
    rows = extractor.fit_transform([["a\ud800b car"], ["\udfff"], ["fine"]])
    assert extractor.n_replaced_ == 2
    assert set(extractor.vocabulary_[0]) == {"a\ufffdb", "car", "\ufffd", "fine"}
    extractor.get_feature_names_out()[0].encode()
    extractor.transform([["fine"]])
    assert extractor.n_replaced_ == 0
    assert rows.shape == (3, 5)


@pytest.mark.parametrize("text", ["red\0car", "红色的车", "مكونات שלום", "🙂 🚗"])
def test_every_script_is_kept(text):
    extractor = TfidfExtractor(analyzer="char")
    extractor.fit([[text]])
    assert set(extractor.vocabulary_[0]) == set(text)


def test_a_document_of_20_mb_is_done_in_seconds():
    words = [f"word{number}" for number in range(1000)]
    text = " ".join(words * (20_000_000 // len(" ".join(words))))
    start = time.process_time()
    rows = TfidfExtractor().fit_transform([[text]])
    assert time.process_time() - start < 10
    assert rows.shape == (1, 1001)


# --- output ---------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_dense_output_may_be_a_frame(library):
    X = long_frame()
    extractor = dense().set_output(transform=library)
    for rows in (extractor.fit_transform(X), extractor.transform(X)):
        assert type(rows).__module__.startswith(library)
        assert list(rows.columns) == list(extractor.get_feature_names_out())
        np.testing.assert_array_equal(rows.to_numpy(), dense().fit_transform(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_sparse_output_as_a_frame_is_refused(library):
    message = (
        f"{library.capitalize()} output does not support sparse data. Set n_components="
    )
    extractor = TfidfExtractor().set_output(transform=library)
    with pytest.raises(ValueError, match=re.escape(message)):
        extractor.fit_transform(FRAME)
    extractor.set_output(transform="default").fit(FRAME)
    with pytest.raises(ValueError, match=re.escape(message)):
        extractor.set_output(transform=library).transform(FRAME)


# --- parameters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"analyzer": "words"},
        {"ngram_range": 2},
        {"max_df": 1.5},
        {"min_df": -1},
        {"n_components": 0},
        {"norm": "l3"},
        {"stop_words": "german"},
        {"missing": "mean"},
        {"random_state": "seed"},
    ],
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TfidfExtractor"):
        TfidfExtractor(**params).fit(FRAME)


def test_a_wrong_range_is_the_vectorizers_own_error():
    with pytest.raises(ValueError, match="lower boundary larger than the upper"):
        TfidfExtractor(ngram_range=(2, 1)).fit(FRAME)


def test_in_a_pipeline_under_a_search():
    X = pd.DataFrame(
        {
            "text": ["good fun", "bad dull", None, "fun good", "dull", "good"] * 5,
            "number": np.arange(30.0),
        }
    )
    y = [1, 0, 1, 1, 0, 1] * 5
    features = ColumnTransformer(
        [("text", TfidfExtractor(), ["text"]), ("rest", "drop", ["number"])]
    )
    model = Pipeline([("features", features), ("head", LogisticRegression(C=100))])
    grid = [
        {"features__text__analyzer": ["word", "char"]},
        {"features__text__n_components": [1, 3], "features__text__random_state": [0]},
    ]
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ == 1
    assert search.predict(X[:1]).tolist() == [1]
    assert "text__modality_present" in search.best_estimator_[0].get_feature_names_out()
