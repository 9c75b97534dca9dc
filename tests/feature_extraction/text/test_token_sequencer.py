import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.compose import ModalityTransformer
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.text import TokenSequencer

TEXTS = [["the red car and the bike"], ["The bike"], ["red, red"], [None], [""]]


def test_words_are_numbered_from_the_most_frequent():
    sequencer = TokenSequencer(quantile=1.0)
    rows = sequencer.fit_transform(TEXTS)
    assert sequencer.vocabulary_ == {"red": 2, "the": 3, "bike": 4}
    assert sequencer.n_tokens_ == 5
    assert rows.dtype == np.float32
    assert rows.tolist() == [
        [3, 2, 1, 1, 3, 4, 1],
        [3, 4, 0, 0, 0, 0, 1],
        [2, 2, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
    ]
    assert sequencer.n_unknown_ == 2
    assert sequencer.n_truncated_ == 0
    np.testing.assert_array_equal(sequencer.transform(TEXTS), rows)


def test_the_block_is_raw():
    sequencer = TokenSequencer().fit(TEXTS)
    block = sequencer.block_
    assert (block.kind, block.shape) == ("tokens", (sequencer.length_,))
    assert (block.start, block.stop, block.indicator) == (0, 6, 6)
    assert sequencer.get_feature_names_out()[[0, -1]].tolist() == [
        "x0_token_0",
        "modality_present",
    ]


@pytest.mark.parametrize(
    ("quantile", "length"), [(1.0, 100), (0.95, 96), (0.5, 51), (1e-9, 2)]
)
def test_the_length_keeps_a_share_of_the_rows_whole(quantile, length):
    # rows of 1 to 100 words; a quantile between two of them is rounded up
    X = [["a " * n] for n in range(1, 101)] + [[None], [""]]
    sequencer = TokenSequencer(quantile=quantile).fit(X)
    assert sequencer.length_ == length
    assert sequencer.n_truncated_ == 100 - length


def test_the_length_may_be_given():
    sequencer = TokenSequencer(max_length=2, min_count=1)
    rows = sequencer.fit_transform(TEXTS)
    assert rows.shape == (5, 3)
    assert sequencer.n_truncated_ == 1
    longer = TokenSequencer(max_length=9, min_count=1).fit_transform(TEXTS)
    np.testing.assert_array_equal(longer[:, :2], rows[:, :2])


def test_the_vocabulary_is_limited():
    assert TokenSequencer(min_count=1).fit(TEXTS).n_tokens_ == 7
    limited = TokenSequencer(min_count=1, max_tokens=1).fit(TEXTS)
    assert limited.vocabulary_ == {"red": 2}
    rare = TokenSequencer(min_count=9).fit(TEXTS)
    assert (rare.vocabulary_, rare.n_tokens_) == ({}, 2)
    assert set(rare.transform(TEXTS)[:, :-1].ravel()) == {0, 1}


@pytest.mark.parametrize(
    ("params", "text", "words"),
    [
        ({}, "Red CAR's 2x", ["red", "car", "s", "2x"]),
        ({"lowercase": False}, "Red red", ["Red", "red"]),
        ({"token_pattern": r"\S+"}, "a,b c", ["a,b", "c"]),
        ({"analyzer": "char"}, "中文 A", ["中", "文", " ", "a"]),
    ],
)
def test_what_a_token_is_can_be_said(params, text, words):
    sequencer = TokenSequencer(min_count=1, **params)
    (row,) = sequencer.fit_transform([[text]])
    words_by_number = {n: word for word, n in sequencer.vocabulary_.items()}
    assert [words_by_number[number] for number in row[:-1]] == words


def test_columns_are_read_one_behind_the_other():
    X = pd.DataFrame({"a": ["x y", None, "y"], "b": ["z", "x", None]})
    sequencer = TokenSequencer(min_count=1, quantile=1.0)
    rows = sequencer.fit_transform(X)
    assert sequencer.vocabulary_ == {"x": 2, "y": 3, "z": 4}
    assert rows.tolist() == [[2, 3, 4, 1], [2, 0, 0, 1], [3, 0, 0, 1]]
    assert sequencer.get_feature_names_out()[0] == "a+b_token_0"
    assert sequencer.block_.parts == ()


def test_a_raw_block_in_a_modality_transformer(tmp_path):
    X = pd.DataFrame({"text": [row[0] for row in TEXTS], "n": range(5)})
    features = ModalityTransformer(
        [("text", TokenSequencer(), ["text"])], memory=tmp_path / "store"
    )
    rows = features.fit_transform(X)
    block = features.blocks_["text"]
    assert (block.kind, block.shape) == ("tokens", (6,))
    np.testing.assert_array_equal(features.fit_transform(X), rows)


@pytest.mark.parametrize("hole", [None, np.nan, pd.NA])
def test_a_missing_text_is_padding(hole):
    rows = TokenSequencer(min_count=1).fit_transform([["a"], [hole]])
    assert rows.tolist() == [[2, 1], [0, 0]]


def test_every_kind_of_table_is_read():
    told = [row[0] for row in TEXTS]
    expected = TokenSequencer().fit_transform(TEXTS)
    for X in (
        pd.DataFrame({"a": told}),
        pl.DataFrame({"a": told}),
        np.array(told, dtype=object)[:, None],
        pd.Series(told, name="a"),
    ):
        np.testing.assert_array_equal(TokenSequencer().fit_transform(X), expected)


@pytest.mark.parametrize("cell", [3, 2.5, ["a", "b"]])
def test_a_number_and_a_list_are_refused(cell):
    table = pd.DataFrame({"title": pd.Series(["red", cell], dtype=object)})
    with pytest.raises(MediaError, match=r"astype\(str\)") as caught:
        TokenSequencer().fit(table)
    assert (caught.value.code, caught.value.row) == ("BAD_TYPE", 1)
    sequencer = TokenSequencer(on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning, match="1 of 2 cells"):
        rows = sequencer.fit_transform(table)
    assert rows[:, -1].tolist() == [1, 0]
    assert sequencer.failures_ == [(1, "title", None, "BAD_TYPE")]


def test_bytes_surrogates_and_any_unicode():
    table = np.array([["été".encode()], ["\ud800 été"], ["a\0 中文 שלום"]], object)
    sequencer = TokenSequencer(min_count=1)
    rows = sequencer.fit_transform(table)
    assert set(sequencer.vocabulary_) == {"été", "a", "中文", "שלום"}
    np.testing.assert_array_equal(rows[0], rows[1])
    assert sequencer.n_replaced_ == 1
    with pytest.raises(MediaError) as caught:
        sequencer.fit(np.array([[b"\xff"]], dtype=object))
    assert caught.value.code == "BAD_ENCODING"


def test_a_20_mb_document_is_read():
    document = "red car and bike, " * (20 * 2**20 // 18)
    sequencer = TokenSequencer(max_length=4)
    assert sequencer.fit_transform([[document]]).tolist() == [[5, 4, 2, 3, 1]]
    assert sequencer.vocabulary_ == {"and": 2, "bike": 3, "car": 4, "red": 5}


def test_a_pickle_says_the_same():
    sequencer = TokenSequencer().fit(TEXTS)
    loaded = pickle.loads(pickle.dumps(sequencer))
    np.testing.assert_array_equal(loaded.transform(TEXTS), sequencer.transform(TEXTS))
