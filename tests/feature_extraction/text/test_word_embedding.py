import gzip
import pickle
import re
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from mmsk.compose import ModalityTransformer
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.text import WordEmbeddingEncoder
from mmsk.feature_extraction.text import _word_embedding_vectors as sources
from mmsk.feature_extraction.text._word_embedding_corpus import (
    cooccurrences,
    positive_pmi,
    train_vectors,
)
from mmsk.feature_extraction.text._word_embedding_files import read_vectors

VECTORS = {
    "red": [1.0, 0.0, 2.0],
    "car": [0.0, 2.0, -1.0],
    "the": [4.0, 4.0, 4.0],
    "été": [0.5, 0.25, 0.0],
}
X = pd.DataFrame(
    {
        "title": ["Red car", "the the CAR", None, "", "unheard of"],
        "body": [None, "été", "red", "of", None],
    }
)
MEANS = np.array(
    [
        [[0.5, 1, 0.5], [0, 0, 0]],
        [[8 / 3, 10 / 3, 7 / 3], [0.5, 0.25, 0]],
        [[0, 0, 0], [1, 0, 2]],
        [[0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
    ]
)
THERE = X.notna().to_numpy()


def words_of(text):
    return re.findall(r"\w+", text.lower())


# --- means ----------------------------------------------------------------------------


def test_a_text_is_the_mean_of_its_words():
    encoder = WordEmbeddingEncoder(VECTORS, missing="zero")
    rows = encoder.fit_transform(X)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[:, :6], MEANS.reshape(5, 6), rtol=1e-6)
    assert rows[:, 6].tolist() == [1] * 5
    assert (encoder.n_words_, encoder.n_unknown_) == (10, 3)
    assert encoder.block_.parts == (("title", 0, 3), ("body", 3, 6))
    assert encoder.get_feature_names_out()[[2, 3, 6]].tolist() == [
        "title_embedding_2",
        "body_embedding_0",
        "modality_present",
    ]


def test_a_missing_cell_gets_the_mean_of_its_column():
    rows = WordEmbeddingEncoder(VECTORS).fit_transform(X)
    for column in (0, 1):
        mask = THERE[:, column]
        expected = MEANS[:, column].copy()
        expected[~mask] = expected[mask].mean(axis=0)
        part = rows[:, 3 * column : 3 * column + 3]
        np.testing.assert_allclose(part, expected, rtol=1e-6)
    encoder = WordEmbeddingEncoder(VECTORS, missing="nan").fit(X)
    rows = encoder.transform(X.assign(title=None, body=None))
    assert np.isnan(rows[:, :-1]).all()
    assert not rows[:, -1].any()


def test_sif_is_the_formula():
    encoder = WordEmbeddingEncoder(VECTORS, pooling="sif", sif_a=0.1, missing="zero")
    rows = encoder.fit_transform(X)
    told = [text for column in X for text in X[column] if isinstance(text, str)]
    counts = Counter(w for text in told for w in words_of(text) if w in VECTORS)
    total = counts.total()
    for column, name in enumerate(X):
        means = np.zeros((5, 3))
        for row, text in enumerate(X[name]):
            text = text if isinstance(text, str) else ""
            known = [word for word in words_of(text) if word in VECTORS]
            for word in known:
                weight = 0.1 / (0.1 + counts[word] / total)
                means[row] += weight * np.array(VECTORS[word]) / len(known)
        common = np.linalg.svd(means)[2][0]
        expected = means - np.outer(means @ common, common)
        part = rows[:, 3 * column : 3 * column + 3]
        np.testing.assert_allclose(part, expected, atol=1e-6)
    # a word of the source that the training texts lack has full weight
    new = encoder.fit(X[["body"]].assign(body="red")).word_weights_
    np.testing.assert_allclose(new, [0.1 / 1.1, 1, 1, 1], rtol=1e-6)


def test_without_any_text_sif_has_zeros():
    encoder = WordEmbeddingEncoder(VECTORS, pooling="sif")
    assert not encoder.fit_transform([[None], ["?"]])[:, :-1].any()


@pytest.mark.parametrize("pooling", ["mean", "sif"])
def test_a_batch_is_its_rows(pooling):
    rng = np.random.default_rng(0)
    told = [" ".join(rng.choice([*VECTORS, "x"], 7)) for _ in range(50)]
    encoder = WordEmbeddingEncoder(VECTORS, pooling=pooling).fit([[t] for t in told])
    whole = encoder.transform([[text] for text in told])
    single = np.vstack([encoder.transform([[text]]) for text in told])
    np.testing.assert_allclose(single, whole, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("params", "text", "n_unknown"),
    [
        ({}, "RED", 0),
        ({"lowercase": False}, "RED red", 1),
        ({"token_pattern": r"\S+"}, "red, car", 1),
    ],
)
def test_what_a_word_is_can_be_said(params, text, n_unknown):
    encoder = WordEmbeddingEncoder(VECTORS, **params).fit([[text]])
    assert encoder.n_unknown_ == n_unknown


def test_a_mapping_must_be_of_vectors():
    for source in ({"a": [1.0], "b": [1.0, 2.0]}, {}, {"a": 1.0}, {"a": [np.nan]}):
        with pytest.raises(ValueError, match="source"):
            WordEmbeddingEncoder(source).fit([["a"]])


# --- a corpus -------------------------------------------------------------------------


def corpus(n=400, seed=0):
    """Return texts in which colours and verbs keep different company."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        if rng.random() < 0.5:
            texts.append(f"the {rng.choice(['red', 'blue'])} car is parked")
        else:
            texts.append(f"a dog {rng.choice(['barks', 'runs'])} all day")
    return texts


def test_words_of_the_same_company_are_near():
    encoder = WordEmbeddingEncoder(n_components=6)
    rows = encoder.fit_transform([[text] for text in corpus()])
    assert rows.shape == (400, 7)
    unit = encoder.vectors_ / np.linalg.norm(encoder.vectors_, axis=1, keepdims=True)
    at = encoder.vocabulary_
    assert unit[at["red"]] @ unit[at["blue"]] > 0.9
    assert abs(unit[at["red"]] @ unit[at["barks"]]) < 0.1
    near = encoder.transform([["red"], ["blue"], ["barks"]])[:, :-1]
    assert np.linalg.norm(near[0] - near[1]) < np.linalg.norm(near[0] - near[2]) / 4


def test_cooccurrences_are_counted_within_texts_and_the_window():
    texts = [[0, 1, 2], [2, -1, 0], [1], []]
    expected = np.zeros((3, 3))
    for text in texts:
        for i, first in enumerate(text):
            for j, second in enumerate(text):
                if first >= 0 <= second and 0 < abs(i - j) <= 2:
                    expected[first, second] += 1
    assert cooccurrences(texts, 3, 2).toarray().tolist() == expected.tolist()
    assert expected[0, 2] == 2
    assert cooccurrences(texts, 3, 1).toarray()[0, 2] == 0


def test_the_information_is_the_formula():
    rng = np.random.default_rng(0)
    texts = rng.integers(-1, 6, size=(30, 8)).tolist()
    counts = cooccurrences(texts, 6, 3)
    dense = counts.toarray()
    joint, word = dense / dense.sum(), dense.sum(1) / dense.sum()
    context = dense.sum(0) ** 0.75
    context /= context.sum()
    expected = np.maximum(0, np.log(joint / np.outer(word, context)))
    np.testing.assert_allclose(positive_pmi(counts).toarray(), expected, atol=1e-12)
    left, values, _ = np.linalg.svd(expected)
    vectors = train_vectors(texts, 6, 3, 4)
    full = left[:, :4] * np.sqrt(values[:4])
    np.testing.assert_allclose(vectors @ vectors.T, full @ full.T, atol=1e-5)


def test_the_vocabulary_is_of_the_most_frequent_words():
    told = [["b b b a a"], ["c c a"], ["d"]]
    encoder = WordEmbeddingEncoder().fit(told)
    assert encoder.vocabulary_ == {"a": 0, "b": 1, "c": 2}
    assert encoder.n_unknown_ == 1
    assert encoder.vectors_.shape == (3, 3)
    assert WordEmbeddingEncoder(max_words=1).fit(told).vocabulary_ == {"a": 0}
    assert "d" in WordEmbeddingEncoder(min_count=1).fit(told).vocabulary_


def test_two_fits_are_the_same_whatever_the_global_seed():
    told = [[text] for text in corpus(80)]
    np.random.seed(1)
    first = WordEmbeddingEncoder(n_components=3).fit_transform(told)
    np.random.seed(2)
    again = WordEmbeddingEncoder(n_components=3).fit_transform(told)
    np.testing.assert_array_equal(first, again)


def test_without_any_word_fit_says_so():
    for told in ([["once"], ["said"]], [[None], [None]], [[""]]):
        with pytest.raises(ValueError, match=r"No word is left.*min_count"):
            WordEmbeddingEncoder().fit(told)


def test_single_words_have_no_company():
    rows = WordEmbeddingEncoder().fit_transform([["red"], ["red"], ["blue blue"]])
    assert np.isfinite(rows).all()


# --- files ----------------------------------------------------------------------------

GLOVE = "\n".join(
    f"{word} {' '.join(map(str, vector))}" for word, vector in VECTORS.items()
)
WORD2VEC = f"4 3\n{GLOVE}\n"
BINARY = b"4 3\n" + b"".join(
    word.encode() + b" " + np.array(vector, "<f4").tobytes() + b"\n"
    for word, vector in VECTORS.items()
)


@pytest.mark.parametrize(
    "content",
    [
        GLOVE.encode(),
        WORD2VEC.encode(),
        BINARY,
        BINARY.replace(b"\n", b"", 1).replace(b"4 3", b"4 3\n", 1),
        gzip.compress(BINARY),
        gzip.compress(GLOVE.encode()),
    ],
    ids=["glove", "word2vec", "binary", "binary-again", "binary.gz", "glove.gz"],
)
def test_files_of_all_kinds_are_read(tmp_path, content):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    words, vectors = read_vectors(path)
    assert words == {"red": 0, "car": 1, "the": 2, "été": 3}
    np.testing.assert_array_equal(vectors, list(VECTORS.values()))
    expected = WordEmbeddingEncoder(VECTORS).fit_transform(X)
    for source in (path, str(path)):
        np.testing.assert_array_equal(
            WordEmbeddingEncoder(source).fit_transform(X), expected
        )


def test_a_big_binary_file_is_read_across_its_blocks(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 200)).astype("<f4")
    content = b"3000 200\n" + b"".join(
        b"word%d " % i + vector.tobytes() for i, vector in enumerate(vectors)
    )
    (tmp_path / "big").write_bytes(content)
    words, read = read_vectors(tmp_path / "big")
    assert list(words)[::2999] == ["word0", "word2999"]
    np.testing.assert_array_equal(read, vectors)


def test_the_first_vector_of_a_word_counts_and_words_may_hold_spaces(tmp_path):
    (tmp_path / "v").write_text("a 1 2\n. . 3 4\na 5 6\n")
    words, vectors = read_vectors(tmp_path / "v")
    assert words == {"a": 0, ". .": 1}
    assert vectors[words[". ."]].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is no word with numbers"),
        (b"alone\n", "line 1 is no word with numbers"),
        (b"a 1 2\nb 1\n", "line 2 has 1 numbers instead of 2"),
        (b"a 1 2\nb 1 x\n", "line 2 has no 2 numbers"),
        (b"a 1 nan\n", "that of 'a' is not finite"),
        (b"3 2\na 1 2\nb 3 4\n", "it has 2 words, and 3 in its first line"),
        (BINARY[:-9], "cut off after 3 of the 4 words"),
        (b"9 3\n" + b"\xff" * 9000, "cut off after 0 of the 9 words"),
        (gzip.compress(BINARY, mtime=0)[:-20], "vectors"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, content, message):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        WordEmbeddingEncoder(path).fit([["a"]])
    assert str(path) in str(caught.value)


def test_a_file_is_not_in_the_pickle_and_read_once(tmp_path, monkeypatch):
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"word{i} {i} {-i}\n" for i in range(3000)))
    encoder = WordEmbeddingEncoder(path, pooling="sif").fit([["word7"], ["word9"]])
    packed = pickle.dumps(encoder)
    assert len(packed) < 16_000  # the words' weights are learned
    monkeypatch.setattr(sources, "read_vectors", None)
    loaded = pickle.loads(packed)
    np.testing.assert_array_equal(
        loaded.transform([["word7 word8"]]), encoder.transform([["word7 word8"]])
    )
    clone(encoder).fit([["word1"]])


def test_a_file_that_has_changed_is_noticed(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\n")
    encoder = WordEmbeddingEncoder(path).fit([["a"]])
    path.write_text("a 2 1\n")
    with pytest.raises(ValueError, match="not those of fit"):
        encoder.transform([["a"]])
    assert encoder.fit_transform([["a"]]).tolist() == [[2, 1, 1]]


def test_what_a_store_has_of_a_fit_follows_the_file(tmp_path, monkeypatch):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\nb 3 4\n")
    X = pd.DataFrame({"text": ["a", "b", None]})
    features = ModalityTransformer(
        [("text", WordEmbeddingEncoder(path.as_posix()), ["text"])],
        memory=tmp_path / "store",
    )
    fits = []
    fit = WordEmbeddingEncoder._fit
    monkeypatch.setattr(
        WordEmbeddingEncoder, "_fit", lambda self, X: fits.append(1) or fit(self, X)
    )
    rows = features.fit_transform(X)
    np.testing.assert_array_equal(clone(features).fit_transform(X), rows)
    assert len(fits) == 1
    path.write_text("a 2 1\nb 3 4\n")
    assert clone(features).fit_transform(X)[0].tolist() == [2, 1, 1]
    assert len(fits) == 2


def test_a_source_that_is_none_is_refused(tmp_path):
    for source in ("glove", tmp_path / "nothing", tmp_path):
        with pytest.raises(ValueError, match=r'no file.*"corpus"'):
            WordEmbeddingEncoder(source).fit([["a"]])


LLAMA = [
    [0.022800, 0.347220, 0.021800, -0.114310],
    [-0.561240, 0.421840, -0.232050, -0.476850],
]

# --- wordllama ------------------------------------------------------------------------


def test_wordllama_is_the_packages_mean():
    import logging

    level, handlers = logging.root.level, list(logging.root.handlers)
    encoder = WordEmbeddingEncoder("wordllama")
    told = ["A man is playing the guitar.", "Größe 中文!"]
    rows = encoder.fit_transform([[text] for text in told])
    assert rows.shape == (2, 257)
    # of WordLlama.load(...).embed(told)
    np.testing.assert_allclose(rows[:, :4], LLAMA, atol=1e-5)
    assert encoder.n_unknown_ == 0
    assert not hasattr(encoder, "vectors_")
    assert (logging.root.level, logging.root.handlers) == (level, handlers)
    encoder.set_params(source=VECTORS).fit(X).set_params(source="wordllama").fit(X)
    assert not hasattr(encoder, "vectors_")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pretrained\]"'):
        WordEmbeddingEncoder("wordllama").fit([["a"]])


# --- what a text may be ---------------------------------------------------------------


@pytest.mark.parametrize("hole", [None, np.nan, pd.NA])
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, None])
def test_missing_texts_of_every_table(hole, make):
    if make is pl.DataFrame and hole is not None:
        hole = None  # polars has one kind of hole
    told = ["red", hole, "car"]
    table = [[text] for text in told] if make is None else make({"a": told})
    rows = WordEmbeddingEncoder(VECTORS).fit_transform(table)
    assert rows[:, -1].tolist() == [1, 0, 1]
    np.testing.assert_allclose(rows[1, :-1], rows[[0, 2], :-1].mean(axis=0))


@pytest.mark.parametrize("cell", [3, 2.5, ["a", "b"]])
def test_a_number_and_a_list_are_refused(cell):
    table = pd.DataFrame({"title": pd.Series(["red", cell], dtype=object)})
    with pytest.raises(MediaError, match=r"astype\(str\)") as caught:
        WordEmbeddingEncoder(VECTORS).fit(table)
    assert (caught.value.code, caught.value.row) == ("BAD_TYPE", 1)
    encoder = WordEmbeddingEncoder(VECTORS, on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning, match="1 of 2 cells"):
        rows = encoder.fit_transform(table)
    assert rows[:, -1].tolist() == [1, 0]
    assert encoder.failures_ == [(1, "title", None, "BAD_TYPE")]


def test_bytes_surrogates_and_any_unicode():
    table = np.array([["été".encode()], ["\ud800 été"], ["a\0 中文 🙂 שלום"]], object)
    encoder = WordEmbeddingEncoder(VECTORS)
    rows = encoder.fit_transform(table)
    np.testing.assert_array_equal(rows[0], [0.5, 0.25, 0, 1])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[2].tolist() == [0, 0, 0, 1]
    assert encoder.n_replaced_ == 1
    with pytest.raises(MediaError) as caught:
        encoder.fit(np.array([[b"\xff"]], dtype=object))
    assert caught.value.code == "BAD_ENCODING"


def test_empty_texts_and_unknown_words_have_zeros_and_are_there():
    rows = WordEmbeddingEncoder(VECTORS).fit_transform([[""], ["of and"], ["red"]])
    assert not rows[:2, :-1].any()
    assert rows[:, -1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("source", ["corpus", "wordllama"])
def test_a_20_mb_document_is_read(source):
    document = "red car and bike, " * (20 * 2**20 // 18)
    encoder = WordEmbeddingEncoder(source, n_components=2)
    rows = encoder.fit_transform([[document], ["red bike"]])
    assert np.isfinite(rows).all()
    assert encoder.n_words_ > 4_000_000
