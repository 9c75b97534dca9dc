import pickle
import threading
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from mmsk.exceptions import MediaError, MissingModalityWarning, StoreWarning
from mmsk.feature_extraction._cells import Failure, _row_source
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import MeanColor, color, noise, table

RED, BLUE, WHITE = color(9, 0, 0), color(0, 0, 9), color(9, 9, 9)
EMPTY = np.empty((0, 2, 3), dtype=np.float32)


class Unnamed(MeanColor):
    """A user's own class, without a store id."""


def pictures(n, seed=0):
    return table(*[[picture] for picture in noise(n, 4, seed)])


# --- missing cells --------------------------------------------------------------------


def test_missing_rows_get_the_mean_of_the_training_rows():
    extractor = MeanColor().fit(table([RED], [None], [BLUE], [BLUE]))
    np.testing.assert_array_equal(extractor.fill_, [3, 0, 6])
    np.testing.assert_array_equal(
        extractor.transform(table([None], [WHITE])), [[3, 0, 6, 0], [9, 9, 9, 1]]
    )


def test_the_mean_is_weighted():
    X = table([RED], [BLUE], [None], [WHITE])
    extractor = MeanColor().fit(X, sample_weight=[3, 1, 5, 0])
    np.testing.assert_allclose(extractor.fill_, [6.75, 0, 2.25], rtol=1e-7)
    np.testing.assert_array_equal(
        MeanColor().fit_transform(X, sample_weight=[3, 1, 5, 0]), extractor.transform(X)
    )


def test_weights_are_checked():
    with pytest.raises(ValueError, match="Negative"):
        MeanColor().fit(table([RED]), sample_weight=[-1])
    with pytest.raises(ValueError, match="zero"):
        MeanColor().fit(table([RED]), sample_weight=[0])


def test_the_mean_of_many_rows_is_accurate():
    values = np.random.default_rng(0).uniform(size=3000).astype(np.float32)
    extractor = MeanColor().fit(table(*[[color(v, v, v)] for v in values]))
    np.testing.assert_allclose(
        extractor.fill_, values.mean(dtype=np.float64), rtol=1e-6
    )


@pytest.mark.parametrize(("missing", "value"), [("zero", 0), ("nan", np.nan)])
def test_missing_rows_may_get_zero_or_nan(missing, value):
    extractor = MeanColor(missing=missing)
    X = table([RED], [None])
    expected = [[9, 0, 0, 1], [value, value, value, 0]]
    np.testing.assert_array_equal(extractor.fit_transform(X), expected)
    np.testing.assert_array_equal(extractor.transform(X), expected)


@pytest.mark.parametrize("missing", ["auto", "zero"])
def test_without_any_picture_in_training_the_fill_is_zero(missing):
    extractor = MeanColor(missing=missing)
    with pytest.warns(MissingModalityWarning, match=r"columns \[0\] are missing"):
        features = extractor.fit_transform(table([None], [None]))
    assert features.tolist() == [[0] * 4] * 2
    assert extractor.transform(table([RED])).tolist() == [[9, 0, 0, 1]]


def test_each_column_is_filled_for_itself():
    X = table([RED, BLUE], [None, WHITE], [None, None])
    expected = [
        [9, 0, 0, 0, 0, 9, 1],
        [9, 0, 0, 9, 9, 9, 1],
        [9, 0, 0, 4.5, 4.5, 9, 0],
    ]
    np.testing.assert_array_equal(MeanColor().fit_transform(X), expected)


# --- several pictures in a cell -------------------------------------------------------


@pytest.mark.parametrize(
    ("pooling", "pooled"), [("mean", [4.5, 0, 4.5]), ("max", [9, 0, 9])]
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_several_pictures_are_pooled(pooling, pooled, kind):
    X = table([kind([RED, BLUE])], [RED], [kind([BLUE])])
    rows = MeanColor(cell_pooling=pooling).fit_transform(X)
    np.testing.assert_array_equal(rows, [[*pooled, 1], [9, 0, 0, 1], [0, 0, 9, 1]])


def test_missing_pictures_in_a_list_do_not_count():
    X = table([[RED, None]], [[None, np.nan]], [[]], [[BLUE]])
    rows = MeanColor(missing="zero").fit_transform(X)
    np.testing.assert_array_equal(
        rows, [[9, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 9, 1]]
    )


def test_lists_of_paths_come_as_arrays_and_series_too():
    class Paths(MeanColor):
        def _read_cell(self, cell):
            return color(*[int(digit) for digit in cell])

    lists = [["900", "009"], ["900"]]
    expected = [[4.5, 0, 4.5, 1], [9, 0, 0, 1]]
    arrays = table(*[[np.array(names, dtype=object)] for names in lists])
    for X in (table(*[[cell] for cell in lists]), arrays, pl.DataFrame({"p": lists})):
        np.testing.assert_array_equal(Paths().fit_transform(X), expected)


def test_a_long_list_is_pooled_across_chunks():
    many = noise(300, 2)
    (row,) = MeanColor().fit_transform(table([many]))
    expected = np.mean([picture.mean(axis=(0, 1)) for picture in many], axis=0)
    np.testing.assert_allclose(row[:3], expected, rtol=1e-6)


# --- errors ---------------------------------------------------------------------------


def test_an_unreadable_cell_stops_with_its_place():
    frame = pd.DataFrame({"front": [RED, RED], "back": [None, "7"]})
    with pytest.raises(MediaError) as caught:
        MeanColor().fit(frame)
    assert str(caught.value) == (
        "Column 'back', row 1: a str [BAD_TYPE]. Mend it. "
        'Pass on_error="missing" to treat it as absent.'
    )


def test_the_first_bad_cell_is_named():
    X = table([RED], [EMPTY], [7])  # found in decoding, found in reading
    with pytest.raises(MediaError, match="row 1: nothing in it"):
        MeanColor().fit(X)


def test_bad_cells_may_be_treated_as_missing():
    X = table([RED], [7], [BLUE], [EMPTY])
    extractor = MeanColor(on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning, match=r"2 of 4 cells \(50.0%\)"):
        rows = extractor.fit_transform(X)
    with pytest.warns(MissingModalityWarning):
        np.testing.assert_array_equal(extractor.transform(X), rows)
    np.testing.assert_array_equal(rows[:, -1], [1, 0, 1, 0])
    np.testing.assert_array_equal(rows[[1, 3], :3], [[4.5, 0, 4.5]] * 2)
    assert extractor.failures_ == [
        Failure(1, 0, None, "BAD_TYPE"),
        Failure(3, 0, None, "ZERO_LENGTH"),
    ]
    extractor.transform(table([RED]))
    assert extractor.failures_ == []


def test_a_bad_picture_of_several_is_left_out():
    extractor = MeanColor(on_error="missing", max_error_rate=0.5)
    with pytest.warns(MissingModalityWarning, match="1 of 3 cells"):
        rows = extractor.fit_transform(table([[RED, EMPTY, BLUE]]))
    np.testing.assert_array_equal(rows, [[4.5, 0, 4.5, 1]])


def test_too_many_bad_cells_stop_fit_but_never_transform():
    extractor = MeanColor(on_error="missing", max_error_rate=0.3)
    with pytest.raises(MediaError, match=r"1 of 3 cells \(33.3%\).*max_error_rate=0.3"):
        extractor.fit(table([RED], [None], [7], [BLUE]))
    extractor.fit(table([RED]))
    with pytest.warns(MissingModalityWarning, match=r"1 of 1 cells \(100.0%\)"):
        assert extractor.transform(table([7])).tolist() == [[9, 0, 0, 0]]


def test_other_exceptions_are_not_swallowed():
    class Broken(MeanColor):
        def _extract(self, decoded):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Broken(on_error="missing").fit(table([RED]))


# --- the same rows however they are asked for -----------------------------------------


def test_fit_transform_extracts_once_and_equals_fit_then_transform():
    X = pictures(30)
    rows = MeanColor().fit_transform(X)
    assert len(MeanColor.extracted) == 30
    np.testing.assert_array_equal(MeanColor().fit(X).transform(X), rows)


def test_fit_returns_the_extractor():
    extractor = MeanColor()
    assert extractor.fit(pictures(2), [0, 1]) is extractor


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_batch_does_not_matter(n_jobs):
    X = pictures(50)
    extractor = MeanColor(n_jobs=n_jobs).fit(X)
    one_by_one = np.vstack([extractor.transform(X[i : i + 1]) for i in range(50)])
    np.testing.assert_array_equal(extractor.transform(X), one_by_one)


def test_order_is_kept():
    X = pictures(40)
    X[::7] = None
    order = np.random.default_rng(0).permutation(40)
    extractor = MeanColor().fit(X)
    np.testing.assert_array_equal(
        extractor.transform(X[order]), extractor.transform(X)[order]
    )


def test_threads_do_the_work_where_they_are_asked_for():
    class Threaded(MeanColor):
        def _decode(self, content):
            names.add(threading.current_thread().name)
            return content

    names = set()
    Threaded().fit(pictures(40))
    assert names == {"MainThread"}
    names = set()
    Threaded(n_jobs=2).fit(pictures(40))
    assert "MainThread" not in names


def test_equal_contents_are_extracted_once_in_a_call():
    some = pictures(10)
    X = np.vstack([some] * 50)  # more than a chunk
    X[5, 0] = [some[0, 0], some[1, 0]]
    rows = MeanColor().fit_transform(X)
    assert len(MeanColor.extracted) == 10
    np.testing.assert_array_equal(rows[10:20], rows[-10:])


def test_equal_pictures_in_lists_are_extracted_once_in_a_call():
    some = noise(10, 4)
    X = table(*[[[some[i % 10], some[(i + 1) % 10]]] for i in range(300)])
    MeanColor().fit_transform(X)
    assert len(MeanColor.extracted) == 10


def test_clone_and_pickle_keep_what_they_should():
    X = pictures(5)
    X[2] = None
    extractor = MeanColor(gain=2.0, cell_pooling="max").fit(X)
    rows = extractor.transform(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(extractor)).transform(X), rows
    )
    copy = clone(extractor)
    assert not hasattr(copy, "fill_")
    np.testing.assert_array_equal(copy.fit_transform(X), rows)


def test_output_is_float32():
    X = pictures(3)
    assert MeanColor().fit_transform(X).dtype == np.float32
    assert MeanColor().fit(X).fill_.dtype == np.float32


# --- the store ------------------------------------------------------------------------


def test_a_stored_picture_is_never_extracted_again(tmp_path):
    X = np.vstack([pictures(20), pictures(5)])  # 20 different ones
    store = FeatureStore(tmp_path)
    rows = MeanColor(memory=store).fit_transform(X)
    assert len(MeanColor.extracted) == store.info().written == 20
    again = MeanColor(memory=tmp_path)
    np.testing.assert_array_equal(again.fit_transform(X), rows)
    np.testing.assert_array_equal(again.transform(X[:3]), rows[:3])
    assert len(MeanColor.extracted) == store.info().written == 20
    np.testing.assert_array_equal(MeanColor().fit_transform(X), rows)


def test_the_store_is_asked_by_what_changes_rows(tmp_path):
    X, store = pictures(4), FeatureStore(tmp_path)

    def written(**params):
        before = store.info().written
        MeanColor(memory=store, **params).fit(X)
        return store.info().written - before

    assert written() == 4
    same = {
        "cell_pooling": "max",
        "missing": "zero",
        "on_error": "missing",
        "n_jobs": 2,
    }
    assert written(**same, max_error_rate=0.5) == 0
    assert written(gain=2.0) == 4


def test_the_version_and_what_else_changes_rows_are_in_the_key(tmp_path, monkeypatch):
    X, store = pictures(4), FeatureStore(tmp_path)
    MeanColor(memory=store).fit(X)
    monkeypatch.setattr(MeanColor, "_store_version", 2)
    MeanColor(memory=store).fit(X)
    assert store.info().written == 8
    monkeypatch.setattr(MeanColor, "_versions", lambda self: {"decoder": "9.9"})
    MeanColor(memory=store).fit(X)
    assert store.info().written == 12


def test_a_class_without_its_own_id_is_not_stored(tmp_path):
    X, store = pictures(4), FeatureStore(tmp_path)
    rows = MeanColor(memory=store).fit_transform(X)
    extractor = Unnamed(memory=store)
    with pytest.warns(StoreWarning, match="Unnamed has no _store_id of its own"):
        np.testing.assert_array_equal(extractor.fit_transform(X), rows)
    assert store.info().written == 4
    assert store.info().hits == 0


def test_what_failed_is_tried_again(tmp_path):
    X, store = table([RED], [EMPTY]), FeatureStore(tmp_path)
    extractor = MeanColor(memory=store, on_error="missing", max_error_rate=1.0)
    for _ in range(2):
        with pytest.warns(MissingModalityWarning):
            extractor.fit(X)
    assert store.info().written == 1


@pytest.mark.parametrize("method", ["fit", "fit_transform", "warm"])
def test_good_pictures_beside_a_bad_one_are_kept(tmp_path, method):
    store = FeatureStore(tmp_path)
    with pytest.raises(MediaError) as caught:
        getattr(MeanColor(memory=store), method)(table([RED], [EMPTY], [BLUE]))
    # while the error, and with it the frames of all functions, is still there
    assert store.info().written == 2
    assert caught.value.code == "ZERO_LENGTH"


def test_warm_fills_the_store_and_learns_nothing(tmp_path, capsys):
    X = np.hstack([pictures(30), pictures(30, seed=1)])
    X[-1] = None
    store = FeatureStore(tmp_path)
    extractor = MeanColor(memory=store)
    before = dict(vars(extractor))
    assert extractor.warm(X) is extractor
    assert vars(extractor) == before
    out, err = capsys.readouterr()
    assert out == ""
    assert "MeanColor: 100%" in err and "60/60" in err
    assert store.info().written == len(MeanColor.extracted) == 58
    extractor.warm(X, None, verbose=False)
    assert capsys.readouterr().err == ""
    extractor.fit_transform(X)
    assert store.info().written == len(MeanColor.extracted) == 58


def test_warm_says_what_is_bad(tmp_path):
    X = table([RED], [7])
    with pytest.raises(MediaError, match="row 1"):
        MeanColor(memory=tmp_path).warm(X, verbose=False)
    extractor = MeanColor(memory=tmp_path, on_error="missing", max_error_rate=0.0)
    with pytest.warns(MissingModalityWarning, match="1 of 2 cells"):
        extractor.warm(X, verbose=False)


def test_warm_leaves_a_fitted_extractor_as_it_is(tmp_path):
    extractor = MeanColor(memory=tmp_path).fit(table([RED]))
    extractor.warm(table([BLUE, BLUE]), verbose=False)  # even of another width
    assert extractor.transform(table([None])).tolist() == [[9, 0, 0, 0]]


@pytest.mark.parametrize("kind", [MeanColor, Unnamed])
@pytest.mark.filterwarnings("ignore::mmsk.exceptions.StoreWarning")
def test_warm_needs_a_store(kind, tmp_path):
    memory = None if kind is MeanColor else tmp_path
    with pytest.raises(ValueError, match="has no store to warm: pass memory="):
        kind(memory=memory).warm(pictures(2), verbose=False)


def test_warm_checks_parameters(tmp_path):
    with pytest.raises(ValueError, match="The 'cell_pooling' parameter"):
        MeanColor(memory=tmp_path, cell_pooling="sum").warm(pictures(2), verbose=False)


# --- what it takes --------------------------------------------------------------------


def test_contents_are_let_go_chunk_by_chunk(monkeypatch):
    class Large(MeanColor):
        def _read_cell(self, cell):
            return np.full((256, 1024, 1), int(cell), dtype=np.float32)  # 1 MiB

        def _extract(self, decoded):
            return np.stack([content[0, 0].repeat(3) for content in decoded])

    monkeypatch.setattr(_row_source, "_CHUNK_BYTES", 4 * 2**20)
    X = table(*[[str(number)] for number in range(100)])
    tracemalloc.start()
    try:
        rows = Large().fit_transform(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(rows[:, 0], range(100))
    assert peak < 16 * 2**20


def test_weights_are_routed_without_being_asked():
    X, weights = table([RED], [BLUE]), [3, 1]
    columns = ColumnTransformer([("image", MeanColor(), [0])])
    with config_context(enable_metadata_routing=True):
        columns.fit(X, sample_weight=weights)
    fill = columns.named_transformers_["image"].fill_
    np.testing.assert_array_equal(fill, [6.75, 0, 2.25])


def test_a_class_whose_code_has_changed_does_not_find_its_old_rows(tmp_path):
    X, store = pictures(3), FeatureStore(tmp_path)

    def written(factor):
        before = store.info().written
        space = {"MeanColor": MeanColor, "__name__": "user"}
        code = f"""
class Mine(MeanColor):
    _store_id = "tests.Mine"

    def _extract(self, decoded):
        return {factor} * super()._extract(decoded)
"""
        exec(code, space)
        rows = space["Mine"](memory=store).fit_transform(X)
        np.testing.assert_array_equal(
            rows[:, :3], factor * MeanColor().fit_transform(X)[:, :3]
        )
        return store.info().written - before

    assert [written(factor) for factor in (2, 2, 3, 2)] == [3, 0, 3, 0]
