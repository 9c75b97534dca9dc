import pickle

import pandas as pd
import pytest

from mmsk._utils._labels import Labels
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction._cells import Failure, FailureLog
from mmsk.feature_extraction.text import TextStatisticsExtractor

ADVICE = 'Pass on_error="missing" to treat it as absent.'


def full_log(n_failures, n_cells):
    log = FailureLog("missing", Labels(["photo"]))
    log.n_cells = n_cells
    for row in range(n_failures):
        log.add(MediaError("TRUNCATED", "a half"), row, 0, f"{row}.jpg")
    return log


def test_raise_names_the_place_and_says_what_to_do():
    log = FailureLog("raise", Labels(["title", "photo"]))
    with pytest.raises(MediaError) as caught:
        log.add(MediaError("TRUNCATED", "a half"), 17, 1, "img/17.jpg")
    error = caught.value
    assert (error.row, error.column, error.path) == (17, "photo", "img/17.jpg")
    assert str(error) == (
        f"Column 'photo', row 17 ('img/17.jpg'): a half [TRUNCATED]. {ADVICE}"
    )


def test_raise_keeps_the_errors_own_advice_path_and_cause():
    cause = OSError("disk")
    error = MediaError("URL", "a URL", path="http://x", advice="Download it first.")
    error.__cause__ = cause
    with pytest.raises(MediaError) as caught:
        FailureLog("raise", Labels([0])).add(error, 0, 0, "another")
    assert caught.value.advice == f"Download it first. {ADVICE}"
    assert caught.value.path == "http://x"
    assert caught.value.__cause__ is cause


def test_missing_collects_and_warns_once():
    log = full_log(7, 70)
    assert log.failures[3] == Failure(3, "photo", "3.jpg", "TRUNCATED")
    with pytest.warns(MissingModalityWarning) as caught:
        log.close(0.1)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(
        "7 of 70 cells (10.0%) could not be used and are treated as missing. "
    )
    assert [f"'{row}.jpg'" in message for row in range(7)] == [True] * 5 + [False] * 2
    assert ADVICE not in message


def test_nothing_is_said_without_a_failure():
    log = FailureLog("missing", Labels([0]))
    log.n_cells = 3
    log.close(0.0)
    assert log.failures == []


def test_too_many_failures_raise_with_the_first_five():
    with pytest.raises(MediaError, match=r"7 of 69 cells \(10.1%\)") as caught:
        full_log(7, 69).close(0.1)
    error, message = caught.value, str(caught.value)
    assert (error.code, error.row, error.column) == ("TRUNCATED", 0, "photo")
    assert "max_error_rate=0.1" in message
    assert [f"'{row}.jpg'" in message for row in range(7)] == [True] * 5 + [False] * 2


@pytest.mark.parametrize("label", [41, "house 7", 1.5, ("a", 3), pd.Timestamp(0)])
def test_a_row_of_a_fold_is_named_by_its_label_too(label):
    index = pd.Index([0, label, 2], tupleize_cols=False)
    labels = Labels(["photo"], index)
    with pytest.raises(MediaError) as caught:
        FailureLog("raise", labels).add(MediaError("TRUNCATED", "a half"), 1, 0, "7")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.row, error.index) == (1, label)
    assert type(error.index) is type(label)
    shown = f"Column 'photo', row 1, index {label!r} ('7'): a half [TRUNCATED]."
    assert str(error) == f"{shown} {ADVICE}"
    assert [labels.index_of(row) for row in (0, 2)] == [None, None]


def test_folds_of_a_table_name_the_rows_of_the_table():
    texts = pd.DataFrame({"title": ["a", "b", 3, "c", "d", 7]})
    extractor = TextStatisticsExtractor(on_error="missing", max_error_rate=1.0)
    with pytest.warns(MissingModalityWarning) as caught:
        extractor.fit(texts.iloc[[4, 5, 2]])
    (message,) = [str(warning.message) for warning in caught]
    assert "Column 'title', row 1, index 5: " in message
    assert "Column 'title', row 2: " in message
    with pytest.raises(MediaError, match="row 1, index 5: "):
        TextStatisticsExtractor().fit(texts["title"].iloc[[4, 5, 2]])
    with pytest.raises(MediaError, match="row 1: "):
        TextStatisticsExtractor().fit(texts.iloc[[4, 5, 2]].to_numpy())
