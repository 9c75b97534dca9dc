import re
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.datasets import load_clipart
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.text import TextStatisticsExtractor, _portions
from mmsk.feature_extraction.text._scripts import SCRIPTS
from mmsk.feature_extraction.text._text_statistics import GROUPS, text_statistics
from tests.feature_extraction._samples import assert_passes_all_checks
from tests.feature_extraction.text.test_tfidf_identity import unicode_texts

NAMES = [name for counts, shares in GROUPS.values() for name in (*counts, *shares)]
TEXTS = ["", " ", "One two.", "WOW!! Really?\nIt's 12 of 345...", "a\ud7ffb", "中文。"]


def plain(**params):
    return TextStatisticsExtractor(log_counts=False, **params)


def statistic(name, text):
    return text_statistics([text])[name][0]


class WordStatistics(TextStatisticsExtractor):
    def _read_cell(self, cell):
        return f"word{int(np.nan_to_num(float(cell)) * 3)} and"


@pytest.mark.parametrize("params", [{}, {"groups": ["length", "case"]}])
def test_scikit_learns_suite(params):
    assert_passes_all_checks(WordStatistics(**params))


# --- the numbers ----------------------------------------------------------------------


def runs(text, is_kind):
    marks = "".join("x" if is_kind(char) else " " for char in text)
    return len(marks.split())


def expected(text):
    """Compute the statistics one by one, from strings."""
    words, letters = text.split(), [char for char in text if char.isalpha()]
    categories = [unicodedata.category(char)[0] for char in text]
    tokens = re.findall(r"\w\w+", text.lower())
    size = max(1, len(text))
    return {
        "characters": len(text),
        "words": len(words),
        "lines": text.count("\n") + 1 if text else 0,
        "sentences": runs(text, lambda char: char in ".!?…。！．？؟।"),  # noqa: RUF001
        "longest_word": max(map(len, words), default=0),
        "mean_word_length": sum(map(len, words)) / max(1, len(words)),
        "capital_words": sum(
            sum(map(str.isupper, word)) == sum(map(str.isalpha, word)) > 1
            for word in words
        ),
        "capital_letter_share": sum(map(str.isupper, text)) / max(1, len(letters)),
        "title_word_share": sum(w[0].isupper() for w in words) / max(1, len(words)),
        "numbers": runs(text, str.isdigit),
        "digit_share": sum(map(str.isdigit, text)) / size,
        "punctuation_share": categories.count("P") / size,
        "symbol_share": categories.count("S") / size,
        "space_share": sum(map(str.isspace, text)) / size,
        "different_words": len(set(tokens)),
        "different_word_share": len(set(tokens)) / max(1, len(tokens)),
        "non_ascii_share": sum(not char.isascii() for char in text) / size,
    }


@pytest.mark.parametrize(
    "texts",
    [TEXTS, unicode_texts(100), load_clipart().data["title"].tolist()],
    ids=["few", "unicode", "titles"],
)
def test_statistics_are_those_counted_one_by_one(texts):
    found = text_statistics(texts)
    assert list(found) == NAMES
    for row, text in enumerate(texts):
        for name, value in expected(text).items():
            assert found[name][row] == pytest.approx(value, rel=1e-12), (name, text)


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("urls", "see https://a.org/b?c and WWW.d.com, http://x", 3),
        ("urls", "https:// awww.no // a.b", 0),
        ("urls", "(www.example.org)", 1),
        ("emails", "to a.b+c@d-e.org, x@y.z!", 2),
        ("emails", "a@b @c.d a@ b.c", 0),
        ("mentions", "@one and (@two), three@four.de", 2),
        ("hashtags", "#one a#two ##three #", 2),
        ("exclamation_marks", "a! b!! ！", 4),  # noqa: RUF001
        ("question_marks", "a? ؟", 2),
        ("emoji", "🙂🚗 a ☀", 3),
        ("emoji", "a :) ä 中", 0),
    ],
)
def test_signs_and_links(name, text, count):
    assert statistic(name, text) == count


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("latin", "abcÄß"),
        ("latin", "\uff21"),
        ("greek", "αΩ"),
        ("cyrillic", "дЯ"),
        ("hebrew", "שלום"),
        ("arabic", "مكونات"),
        ("indic", "कखग"),
        ("indic", "தமிழ்"),
        ("southeast_asian", "ภาษา"),
        ("hangul", "한국어"),
        ("cjk", "中文カナ"),
        ("cjk", "\U00020000"),
        ("other", "ԱԲ"),
    ],
)
def test_letters_have_scripts(script, text):
    shares = {name: statistic(f"{name}_share", text + " 12!") for name in SCRIPTS}
    assert shares == {name: float(name == script) for name in SCRIPTS}


def test_script_shares_are_of_letters():
    assert statistic("latin_share", "ab д 12") == pytest.approx(2 / 3)
    assert statistic("cyrillic_share", "ab д 12") == pytest.approx(1 / 3)
    assert statistic("latin_share", "12 !") == 0


def test_a_long_address_is_searched_in_linear_time():
    text = "a" * 300_000 + "@" + "b" * 300_000 + " #" + "@a" * 100_000
    assert statistic("emails", text) == 0
    assert statistic("hashtags", text) == 0


@pytest.mark.parametrize("size", [1, 50])
def test_portions_change_nothing(size, monkeypatch):
    texts = unicode_texts(40)
    whole = text_statistics(texts)
    monkeypatch.setattr(_portions, "_CHARACTERS", size)
    for name, values in text_statistics(texts).items():
        np.testing.assert_array_equal(values, whole[name])


# --- the extractor --------------------------------------------------------------------

FRAME = pd.DataFrame(
    {"title": ["Red CAR", None, "", "bike!"], "body": ["a b", None, None, "c?"]}
)


def test_columns_stand_side_by_side_and_counts_are_logarithms():
    extractor = plain()
    rows = extractor.fit_transform(FRAME)
    assert rows.dtype == np.float32
    assert rows.shape == (4, 2 * len(NAMES) + 1)
    assert rows[:, -1].tolist() == [1, 0, 1, 1]
    for row, column, text in [(0, 0, "Red CAR"), (2, 0, ""), (3, 1, "c?")]:
        part = rows[row, column * len(NAMES) : (column + 1) * len(NAMES)]
        values = [statistic(name, text) for name in NAMES]
        np.testing.assert_allclose(part, values, rtol=1e-6)
    logs = TextStatisticsExtractor().fit_transform(FRAME)
    counts = [name for counts, _ in GROUPS.values() for name in counts]
    names = extractor.get_feature_names_out()
    for position, name in enumerate(names[:-1]):
        column = rows[[0, 3], position]
        is_count = name.split("_", 1)[1] in counts
        np.testing.assert_allclose(
            logs[[0, 3], position], np.log1p(column) if is_count else column, rtol=1e-6
        )
    assert names[: len(NAMES)].tolist() == [f"title_{name}" for name in NAMES]
    assert names[-1] == "modality_present"
    width = len(NAMES)
    assert extractor.block_.parts == (("title", 0, width), ("body", width, 2 * width))


@pytest.mark.parametrize(
    ("missing", "fill"), [("auto", 4.0), ("zero", 0.0), ("nan", np.nan)]
)
def test_missing_cells_are_filled(missing, fill):
    extractor = plain(groups=["length"], missing=missing)
    rows = extractor.fit_transform(FRAME[["title"]])
    assert rows[:, 0].tolist()[0::2] == [7, 0]
    np.testing.assert_array_equal(rows[1, :1], [fill])
    assert rows[:, -1].tolist() == [1, 0, 1, 1]
    np.testing.assert_array_equal(rows, extractor.transform(FRAME[["title"]]))
    np.testing.assert_array_equal(rows[1, :-1], extractor.fill_)


def test_without_any_text_the_fill_is_zero():
    with pytest.warns(MissingModalityWarning, match=r"columns \[0\] are missing"):
        rows = plain(groups=["links"]).fit_transform([[None]])
    assert rows.tolist() == [[0] * 5]


def test_groups_choose_features_in_the_table_s_order():
    names = plain(groups=["words", "links"]).fit(FRAME).get_feature_names_out()
    assert names[:6].tolist() == [
        *("title_urls", "title_emails", "title_mentions", "title_hashtags"),
        *("title_different_words", "title_different_word_share"),
    ]
    assert len(names) == 13


@pytest.mark.parametrize("groups", [["lengths"], []])
def test_unknown_groups_are_refused(groups):
    with pytest.raises(ValueError, match="take some of"):
        plain(groups=groups).fit(FRAME)


def test_numbers_are_refused_or_missing():
    with pytest.raises(MediaError, match=r"Column 0, row 1.*astype\(str\)"):
        plain().fit([["a"], [3]])
    extractor = plain(on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning):
        rows = extractor.fit_transform([["a"], [["b"]]])
    assert rows[:, -1].tolist() == [1, 0]
    assert [tuple(f) for f in extractor.failures_] == [(1, 0, None, "BAD_TYPE")]


def test_lone_surrogates_are_counted():
    extractor = plain(groups=["length"])
    assert extractor.fit_transform([["a\ud800"]])[0, 0] == 2
    assert extractor.n_replaced_ == 1


def test_every_kind_of_table_gives_the_same_row_by_row():
    extractor = plain().fit(FRAME)
    rows = extractor.transform(FRAME)
    cells = FRAME.astype(object).where(FRAME.notna(), None)
    for X in (pl.DataFrame(cells.to_dict("list")), FRAME.astype("string")):
        np.testing.assert_array_equal(extractor.transform(X), rows)
    single = [extractor.transform(FRAME[i : i + 1]) for i in range(4)]
    np.testing.assert_array_equal(np.vstack(single), rows)
    extractor.set_output(transform="pandas")
    assert list(extractor.transform(FRAME)) == list(extractor.get_feature_names_out())
