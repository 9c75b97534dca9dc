import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmsk.datasets
from mmsk.datasets import load_clipart

TEXTS = ["title", "description"]
NUMBERS = ["width", "height", "aspect", "png_bytes"]
FEATURES = [*TEXTS, *NUMBERS, "mode", "image"]
DATA = Path(mmsk.datasets.__file__).parent / "data"
PER_CLASS = {
    "people": 142,
    "signs_and_symbols": 123,
    "computer": 86,
    "recreation": 85,
    "animals": 68,
    "tools": 64,
    "food": 55,
    "office": 53,
    "transportation": 53,
    "geography": 40,
    "shapes": 32,
}


@pytest.fixture(scope="module")
def clipart():
    return load_clipart()


def test_shapes_and_names(clipart):
    assert clipart.data.shape == (801, 9)
    assert clipart.frame.shape == (801, 10)
    assert clipart.feature_names == FEATURES
    assert list(clipart.data) == [*FEATURES, "author"]
    assert list(clipart.frame) == [*FEATURES, "author", "label"]
    assert clipart.target_names.tolist() == sorted(PER_CLASS)


def test_class_counts(clipart):
    assert clipart.target.value_counts().to_dict() == PER_CLASS


def test_missing_cells_are_descriptions(clipart):
    missing = clipart.data.isna().sum()
    assert missing[missing > 0].to_dict() == {"description": 544}
    assert not (clipart.data == "").any().any()


def test_a_row_as_published(clipart):
    assert clipart.frame.loc[1].to_dict() == {
        "title": "9 ball",
        "description": "9 ball",
        "width": 750,
        "height": 750,
        "aspect": 1.0,
        "png_bytes": 76429,
        "mode": "RGBA",
        "image": "images/c0001.png",
        "author": "Jarno Vasamaa",
        "label": "recreation",
    }


def test_column_types(clipart):
    kinds = clipart.data.dtypes
    assert (kinds[["width", "height", "png_bytes"]] == np.int64).all()
    assert kinds["aspect"] == np.float64
    assert sorted(kinds["mode"].categories) == ["L", "LA", "P", "RGB", "RGBA"]


def test_aspect_is_width_over_height(clipart):
    ratio = clipart.data["width"] / clipart.data["height"]
    np.testing.assert_allclose(clipart.data["aspect"], ratio, atol=5.01e-4)


def test_groups_are_authors_and_folds_keep_them_together(clipart):
    pd.testing.assert_series_equal(clipart.groups, clipart.data["author"])
    assert clipart.groups.nunique() == 219
    assert clipart.folds.value_counts().to_dict() == {
        4: 256,
        3: 206,
        2: 159,
        1: 95,
        0: 85,
    }
    assert (clipart.folds.groupby(clipart.groups).nunique() == 1).all()


def test_every_picture_is_there_and_none_is_left_over(clipart):
    root = Path(clipart.image_root)
    paths = {root / cell for cell in clipart.data["image"]}
    assert len(paths) == 801
    assert paths == set((root / "images").iterdir())
    sizes = Counter()
    for path in paths:
        with Image.open(path) as picture:
            sizes[picture.format, picture.size] += 1
    assert sizes == {("PNG", (96, 96)): 801}


def test_arrays_hold_what_the_frame_holds(clipart):
    arrays = load_clipart(as_frame=False)
    assert arrays.frame is None
    assert arrays.data.shape == (801, 9)
    assert arrays.data.dtype == object
    for name, column in zip([*FEATURES, "author"], arrays.data.T, strict=True):
        assert {type(cell) for cell in column} <= {str, int, float, type(None)}
        expected = clipart.data[name].astype(object)
        assert column.tolist() == expected.where(expected.notna(), None).tolist()
    for name in ("target", "groups", "folds"):
        assert isinstance(arrays[name], np.ndarray)
        np.testing.assert_array_equal(arrays[name], clipart[name].to_numpy())


@pytest.mark.parametrize(
    ("as_frame", "kind"), [(True, pd.DataFrame), (False, np.ndarray)]
)
def test_return_X_y(as_frame, kind):
    X, y = load_clipart(return_X_y=True, as_frame=as_frame)
    bunch = load_clipart(as_frame=as_frame)
    assert isinstance(X, kind)
    assert pd.DataFrame(X).equals(pd.DataFrame(bunch.data))
    assert (y == bunch.target).all()


def test_without_pandas_the_frame_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "mmsk\[pandas\]"'):
        load_clipart()
    assert load_clipart(as_frame=False).data.shape == (801, 9)


def test_a_flag_that_is_no_bool_is_refused():
    with pytest.raises(ValueError, match="'as_frame' parameter"):
        load_clipart(as_frame="pandas")


def test_the_description_names_every_column_and_class(clipart):
    for name in [*FEATURES, "author", *PER_CLASS]:
        assert name in clipart.DESCR
    assert "public domain" in clipart.DESCR


def test_package_data_is_small_and_licensed():
    files = [path for path in DATA.rglob("*") if path.is_file()]
    assert len(files) == 801 + 3
    assert sum(path.stat().st_size for path in files) < 4 * 2**20
    assert "public domain" in (DATA / "clipart" / "LICENCE.md").read_text("utf-8")
