import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.image._color import color_histogram
from mmsk.feature_extraction.image._hog import hog
from mmsk.media import decode_image, read_image, resize_image
from mmsk.store import FeatureStore, config_digest, content_digest, row_key
from tests.feature_extraction._samples import (
    assert_passes_all_checks,
    noise,
    save_pictures,
    table,
)


class NumberHOG(HOGExtractor):
    def _read_cell(self, cell):
        level = int(np.nan_to_num(float(cell) * 40)) % 256
        return np.full((8, 8, 3), level, dtype=np.uint8)


class CountingHOG(HOGExtractor):
    _store_id = "tests.CountingHOG"
    decoded = 0

    def _decode(self, content):
        type(self).decoded += 1
        return super()._decode(content)


SMALL = {"size": 16, "pixels_per_cell": 8}


def small(**params):
    return HOGExtractor(**SMALL, **params)


@pytest.fixture
def counting():
    CountingHOG.decoded = 0
    return CountingHOG


@pytest.fixture
def folder(tmp_path):
    save_pictures(tmp_path, 12)
    return tmp_path


def frame(n=12):
    return pd.DataFrame({"photo": [f"{position}.png" for position in range(n)]})


@pytest.mark.parametrize(
    "params", [{}, {"color_bins": 0}, {"missing": "zero", "cell_pooling": "max"}]
)
def test_scikit_learns_suite(params):
    assert_passes_all_checks(NumberHOG(**SMALL, **params))


def test_the_checked_class_only_reads_differently():
    made_by_bases = {
        "_abc_impl",
        "_sklearn_auto_wrap_output_keys",
        "set_fit_request",
    }
    own = {name for name in vars(NumberHOG) if not name.startswith("__")}
    assert own - made_by_bases == {"_read_cell"}


def test_rows_are_edges_then_colours_then_presence(folder):
    rows = HOGExtractor(root=folder).fit_transform(frame())
    pictures = np.stack(
        [
            resize_image(decode_image(folder / name, target_size=96), 96)
            for name in frame().photo
        ]
    )
    expected = np.hstack(
        [hog(pictures, 9, 16, 2), color_histogram(pictures, 4), np.ones((12, 1))]
    )
    np.testing.assert_array_equal(rows, expected)
    assert rows.shape == (12, 25 * 4 * 9 + 64 + 1)


def test_cells_of_all_kinds_give_the_same_row(folder):
    path = folder / "0.png"
    picture = noise(12)[0]
    cells = [
        str(path),
        path,
        path.read_bytes(),
        picture,
        Image.fromarray(picture),
        {"bytes": path.read_bytes(), "path": None},
        [path, None],
    ]
    rows = small().fit_transform(table(*[[cell] for cell in cells]))
    np.testing.assert_array_equal(rows, rows[[0] * len(cells)])


def test_features_have_names(folder):
    extractor = HOGExtractor(
        size=16, pixels_per_cell=8, cells_per_block=1, orientations=2, color_bins=2
    )
    names = extractor.set_params(root=folder).fit(frame()).get_feature_names_out()
    assert names.tolist() == [
        *[f"photo_hog_{position}" for position in range(8)],
        *[f"photo_color_r{r}g{g}b{b}" for r in (0, 1) for g in (0, 1) for b in (0, 1)],
        "modality_present",
    ]


def test_one_name_a_value():
    extractor = small(orientations=5, color_bins=3)
    rows = extractor.fit_transform(table(*[[picture] for picture in noise(3)]))
    names = extractor.get_feature_names_out()
    assert len(set(names)) == len(names) == rows.shape[1] == 20 + 27 + 1


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_come_and_go(folder, library):
    X = frame() if library == "pandas" else pl.DataFrame({"photo": list(frame().photo)})
    extractor = small(root=folder).set_output(transform=library)
    rows = extractor.fit_transform(X)
    assert type(rows).__module__.startswith(library)
    np.testing.assert_array_equal(
        rows.to_numpy(), small(root=folder).fit_transform(frame().to_numpy())
    )


def test_two_columns_and_lists(folder):
    names = frame().photo
    X = table([names[0], [names[1], names[2]]], [None, names[3]])
    rows = small(root=folder, missing="zero").fit_transform(X)
    one = small(root=folder).fit_transform(frame())[:, :-1]
    width = one.shape[1]
    assert rows.shape == (2, 2 * width + 1)
    np.testing.assert_array_equal(rows[0, :width], one[0])
    np.testing.assert_allclose(rows[0, width:-1], one[1:3].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(rows[1, :width], 0)
    np.testing.assert_array_equal(rows[1, width:-1], one[3])
    np.testing.assert_array_equal(rows[:, -1], 1)


def test_one_row_clone_pickle_and_batch(folder):
    X = frame()
    extractor = small(root=folder).fit(X)
    rows = extractor.transform(X)
    one_by_one = np.vstack([extractor.transform(X[i : i + 1]) for i in range(12)])
    np.testing.assert_array_equal(rows, one_by_one)
    for twin in (clone(extractor).fit(X), pickle.loads(pickle.dumps(extractor))):
        np.testing.assert_array_equal(twin.transform(X), rows)
    assert small(root=folder).fit_transform(X[:1]).shape == (1, rows.shape[1])


def test_threads_change_nothing(folder):
    np.testing.assert_array_equal(
        small(root=folder, n_jobs=2).fit_transform(frame()),
        small(root=folder).fit_transform(frame()),
    )


# --- broken and missing pictures ------------------------------------------------------


def test_a_broken_picture_stops_with_column_row_and_path(folder):
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError) as caught:
        small(root=folder).fit(frame())
    error = caught.value
    assert (error.column, error.row, error.path) == ("photo", 3, "3.png")
    assert error.code == "TRUNCATED"
    assert str(error).startswith("Column 'photo', row 3 ('3.png'): ")
    assert str(error).endswith('Pass on_error="missing" to treat it as absent.')


def test_broken_pictures_may_be_missing(folder):
    (folder / "3.png").write_bytes(b"<html>not found</html>")
    (folder / "5.png").unlink()
    extractor = small(root=folder, on_error="missing", max_error_rate=0.2)
    X = frame()
    X.loc[7, "photo"] = None
    with pytest.warns(MissingModalityWarning, match=r"2 of 11 cells \(18.2%\)"):
        rows = extractor.fit_transform(X)
    assert [tuple(failure) for failure in extractor.failures_] == [
        (3, "photo", "3.png", "UNKNOWN_FORMAT"),
        (5, "photo", "5.png", "NOT_FOUND"),
    ]
    there = np.ones(12, dtype=bool)
    there[[3, 5, 7]] = False
    np.testing.assert_array_equal(rows[:, -1], there)
    mean = rows[there, :-1].mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(rows[[3, 5, 7], :-1], [mean] * 3, rtol=1e-6)
    with pytest.raises(MediaError, match="2 of 11 cells"):
        clone(extractor).set_params(max_error_rate=0.1).fit(X)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (3.5, "BAD_TYPE"),
        (True, "BAD_TYPE"),
        ("https://example.org/a.png", "URL"),
        ("nowhere.png", "NOT_FOUND"),
        ("", "BAD_PATH"),
        (b"", "EMPTY_FILE"),
        (np.zeros((2, 2, 5), dtype=np.uint8), "BAD_CHANNELS"),
        ("../outside.png", "OUTSIDE_ROOT"),
    ],
)
def test_what_is_no_picture_is_refused(folder, cell, code):
    with pytest.raises(MediaError) as caught:
        small(root=folder).fit(table([cell]))
    assert caught.value.code == code
    assert caught.value.row == 0


def test_limits_are_parameters(folder):
    X = frame(1)
    with pytest.raises(MediaError, match="TOO_MANY_PIXELS") as caught:
        small(root=folder, max_pixels=255).fit(X)
    assert caught.value.path == "0.png"
    with pytest.raises(MediaError, match="FILE_TOO_LARGE"):
        small(root=folder, max_bytes=50).fit(X)
    small(root=folder, max_pixels=256).fit(X)


@pytest.mark.parametrize("max_pixels", [255, 256, 10**9])
def test_the_limit_of_pixels_is_that_of_open_pictures_too(max_pixels, monkeypatch):
    from mmsk.feature_extraction.image import _image_extractor

    asked = []

    def read(cell, **limits):
        asked.append(limits["max_pixels"])
        return read_image(cell, **limits)

    monkeypatch.setattr(_image_extractor, "read_image", read)
    extractor = small(max_pixels=max_pixels, on_error="missing", max_error_rate=1)
    cells = table([Image.fromarray(noise(1)[0])])
    if max_pixels < 256:
        with pytest.warns(MissingModalityWarning):
            extractor.fit(cells)
    else:
        extractor.fit(cells)
    assert asked == [max_pixels]


@pytest.mark.parametrize(
    "params",
    [
        {"size": 0},
        {"orientations": 0},
        {"pixels_per_cell": 2.5},
        {"cells_per_block": -1},
        {"color_bins": 257},
        {"cell_pooling": "sum"},
        {"max_pixels": 0},
        {"max_bytes": None},
        {"root": 3},
        {"memory": 3},
        {"n_jobs": "all"},
    ],
)
def test_parameters_are_checked(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of HOGExtractor"):
        HOGExtractor(**params).fit(table([noise(1)[0]]))


def test_a_size_below_one_block_is_refused():
    with pytest.raises(ValueError, match="size=31 is smaller than one block"):
        HOGExtractor(size=31, pixels_per_cell=16).fit(table([noise(1)[0]]))


# --- the store ------------------------------------------------------------------------


def test_every_picture_is_decoded_once_ever(folder, tmp_path, counting):
    X = pd.concat([frame(), frame(3)], ignore_index=True)
    store = FeatureStore(tmp_path / "store")
    rows = counting(root=folder, memory=store, **SMALL).fit_transform(X)
    assert store.info().written == counting.decoded == 12
    again = counting(root=folder, memory=store, **SMALL).fit_transform(X)
    assert store.info().written == counting.decoded == 12
    computed = counting(root=folder, **SMALL).fit_transform(X)
    assert counting.decoded == 24
    np.testing.assert_array_equal(again, rows)
    np.testing.assert_array_equal(computed, rows)


def test_a_changed_file_is_noticed(folder, tmp_path, counting):
    extractor = counting(root=folder, memory=tmp_path / "store", **SMALL)
    before = extractor.fit_transform(frame())
    (folder / "4.png").write_bytes((folder / "5.png").read_bytes())
    after = extractor.fit_transform(frame())
    np.testing.assert_array_equal(after[4], before[5])
    assert counting.decoded == 12  # 5.png was known
    Image.fromarray(noise(1, seed=9)[0]).save(folder / "4.png")
    assert (extractor.transform(frame())[4] != before[4]).any()
    assert counting.decoded == 13


def test_the_key_is_what_the_design_says(folder, tmp_path, monkeypatch):
    from mmsk.feature_extraction.image import _image_extractor

    monkeypatch.setattr(_image_extractor, "image_decoder", lambda: "Pillow 1.2")
    store = FeatureStore(tmp_path / "store")
    rows = small(root=folder, memory=store, missing="zero").fit_transform(frame(1))
    params = {
        "size": 16,
        "orientations": 9,
        "pixels_per_cell": 8,
        "cells_per_block": 2,
        "color_bins": 4,
        "max_pixels": 50_000_000,
    }
    versions = {"decoder": "Pillow 1.2", "numbers": "fp64-cpu"}
    config = config_digest("mmsk.HOGExtractor", 1, params, versions)
    content = content_digest((folder / "0.png").read_bytes())
    (row,) = store.get_many([row_key(config, content)])
    np.testing.assert_array_equal(row, rows[0, :-1])


def test_a_refused_picture_is_refused_with_a_store_as_well(folder, tmp_path):
    store = tmp_path / "store"
    small(root=folder, memory=store).fit(frame(1))
    with pytest.raises(MediaError, match="TOO_MANY_PIXELS"):
        small(root=folder, memory=store, max_pixels=9).fit(frame(1))
    with pytest.raises(MediaError, match="FILE_TOO_LARGE"):
        small(root=folder, memory=store, max_bytes=9).fit(frame(1))


def test_warm_before_a_search(folder, tmp_path, counting):
    store = FeatureStore(tmp_path / "store")
    extractor = counting(root=folder, memory=store, **SMALL)
    extractor.warm(frame(), verbose=False)
    features = ColumnTransformer([("image", extractor, ["photo"])])
    model = Pipeline([("features", features), ("head", LogisticRegression())])
    grid = {"head__C": [0.1, 1.0], "features__image__missing": ["auto", "zero"]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise")
    search.fit(frame(), [0, 1] * 6)
    assert counting.decoded == store.info().written == 12


# --- in scikit-learn's own containers -------------------------------------------------


def test_in_a_pipeline_under_a_search(folder):
    rng = np.random.default_rng(0)
    levels = np.repeat([0, 1], 10)
    for row, level in enumerate(levels):
        picture = rng.integers(100 * level, 100 * level + 100, (16, 16, 3))
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{row}.png")
    X = frame(20).assign(number=rng.normal(size=20))
    X.loc[3, "photo"] = None
    features = ColumnTransformer(
        [("image", small(root=folder), ["photo"]), ("rest", "passthrough", ["number"])]
    )
    model = Pipeline([("features", features), ("head", LogisticRegression(C=100))])
    grid = {"features__image__color_bins": [0, 4], "features__image__size": [16, 32]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, levels)
    assert search.best_params_["features__image__color_bins"] == 4
    assert search.best_score_ > 0.9
    assert search.cv_results_["mean_test_score"].min() < search.best_score_
    assert search.predict(X[:1]).shape == (1,)
    names = search.best_estimator_[0].get_feature_names_out()
    assert "image__modality_present" in names


def test_a_column_transformer_may_pass_one_column(folder):
    X = frame()
    two_d = ColumnTransformer([("image", small(root=folder), ["photo"])])
    one_d = ColumnTransformer([("image", small(root=folder), "photo")])
    np.testing.assert_array_equal(one_d.fit_transform(X), two_d.fit_transform(X))
    assert one_d.get_feature_names_out()[0] == "image__photo_hog_0"
