"""What stands on both sides of a split is found, and nothing else."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
)

from mmsk.exceptions import MediaError
from mmsk.model_selection import check_leakage, make_splitter
from mmsk.store import FeatureStore
from tests._clips import RATE, pcm16, plain_wav, tune
from tests._clips import encode as encode_clip
from tests._clips import half as half_clip
from tests._corpus import encode

N = 24
FOLDS = np.arange(N) % 4
IMAGE = {"photo": "image"}


def picture(seed, size=96):
    """Return a picture of soft blots, unlike that of another seed."""
    random = np.random.default_rng(seed)
    blots = random.integers(0, 256, size=(7, 7, 3), dtype=np.uint8)
    return Image.fromarray(blots).resize((size, size), Image.Resampling.BICUBIC)


def column(cells):
    """Return a frame of one column of cells that may be anything."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return pd.DataFrame({"photo": pd.Series(values, dtype=object)})


def check(X, roles=IMAGE, **params):
    return check_leakage(X, roles=roles, verbose=False, **params)


def found(report):
    return [(leak.kind, leak.rows, leak.folds) for leak in report.leaks]


@pytest.fixture(scope="module")
def photos():
    return [encode(picture(seed), "PNG") for seed in range(N)]


@pytest.mark.parametrize("near_duplicates", [False, True, 12, 24])
def test_different_pictures_are_no_leak(photos, near_duplicates):
    report = check(column(photos), near_duplicates=near_duplicates)
    assert report.leaks == report.rows == report.failures == ()
    assert report.n_contents == {"image": N}
    np.testing.assert_array_equal(report.groups, np.arange(N))
    assert str(report).startswith("No leak: no rows share a content with another row")


PLANTS = {
    "bytes": ("identical", lambda p: encode(p, "PNG")),
    "array": ("equal", np.asarray),
    "other format": ("equal", lambda p: encode(p, "BMP")),
    "alpha": ("equal", lambda p: p.convert("RGBA")),
    "JPEG 90": ("similar", lambda p: encode(p, "JPEG", quality=90)),
    "JPEG 50": ("similar", lambda p: encode(p, "JPEG", quality=50)),
    "half": ("similar", lambda p: p.resize((48, 48), Image.Resampling.LANCZOS)),
    "larger": ("similar", lambda p: p.resize((150, 150), Image.Resampling.BICUBIC)),
    "stretched": ("similar", lambda p: p.resize((96, 60), Image.Resampling.LANCZOS)),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_duplicate_is_found(photos, plant):
    kind, make = PLANTS[plant]
    copies = {5: 2, 11: 8, 22: 0}  # the fold of the copy is another
    cells = [
        make(picture(copies[row])) if row in copies else cell
        for row, cell in enumerate(photos)
    ]
    report = check(column(cells), cv=PredefinedSplit(FOLDS), near_duplicates=True)
    expected = [
        (kind, (0, 22), (0, 2)),
        (kind, (2, 5), (1, 2)),
        (kind, (8, 11), (0, 3)),
    ]
    assert sorted(found(report)) == expected
    assert {leak.distance for leak in report.leaks} <= set(range(13))
    if kind == "similar":
        assert check(column(cells)).leaks == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda p: p.rotate(90),
        lambda p: Image.merge("RGB", p.split()[::-1]),
        lambda p: p.crop((20, 20, 96, 96)),
    ],
    ids=["mirrored", "turned", "other colours", "cut"],
)
def test_another_picture_is_no_near_duplicate(photos, change):
    cells = [*photos[:4], encode(change(picture(2)), "PNG")]
    assert check(column(cells), near_duplicates=True).leaks == ()


def test_blank_pictures_are_compared_by_their_pixels_only():
    level = [np.full((30, 30), value, dtype=np.uint8) for value in (255, 254, 255, 0)]
    spot = level[0].copy()
    spot[3, 3] = 200
    report = check(column([*level, spot]), near_duplicates=True)
    assert found(report) == [("identical", (0, 2), ())]


def test_what_stays_on_one_side_is_no_leak(photos):
    cells = [*photos[:20], *photos[:4]]
    assert check(column(cells), cv=PredefinedSplit(np.arange(N) % 20)).leaks == ()
    report = check(column(cells), cv=PredefinedSplit(np.arange(N) // 20))
    assert found(report) == [("identical", (i, i + 20), (0, 1)) for i in range(4)]
    one_way = check(column(cells), cv=[(np.arange(2, 20), np.arange(20, N))])
    assert found(one_way) == [("identical", (i, i + 20), (0,)) for i in (2, 3)]


def test_all_rows_of_a_content_are_one_leak(photos):
    cells = [photos[0], photos[1], photos[0], np.asarray(picture(0)), photos[0]]
    report = check(column(cells), cv=KFold(5))
    assert found(report) == [("equal", (0, 2, 3, 4), (0, 2, 3, 4))]
    assert report.rows == (0, 2, 3, 4)


def test_similar_contents_take_all_of_their_rows_along(photos):
    again = encode(picture(0), "JPEG", quality=80)
    cells = [photos[0], photos[1], photos[0], again, again]
    report = check(column(cells), groups=list("aabab"), near_duplicates=True)
    assert found(report) == [
        ("identical", (0, 2), ()),
        ("identical", (3, 4), ()),
        ("similar", (0, 2, 3, 4), ()),
    ]
    same_side = check(column(cells), groups=list("abaaa"), near_duplicates=True)
    assert same_side.leaks == ()


def test_groups_are_sides_and_go_into_the_split(photos):
    X = column([*photos[:4], *photos[:4]])
    X["author"] = list("abcdabca")
    assert found(check(X, groups=X["author"])) == [("identical", (3, 7), ())]
    assert found(check(X, groups="author")) == [("identical", (3, 7), ())]
    y = np.arange(8) / 3
    cv = make_splitter(y, X["author"], n_splits=4)
    report = check_leakage(
        X, y, roles=IMAGE, cv=cv, groups="author", verbose=False, on_leak="report"
    )
    assert [leak.rows for leak in report.leaks] == [(3, 7)]


@pytest.mark.parametrize("seed", range(5))
def test_folds_by_the_groups_of_the_report_have_no_leak(photos, seed):
    random = np.random.default_rng(seed)
    cells = [photos[i] for i in random.integers(14, size=20)]
    cells += [
        encode(picture(i), "JPEG", quality=80) for i in random.integers(14, size=4)
    ]
    X, y = column(cells), np.arange(N) % 2
    authors = random.integers(16, size=N)
    params = {"roles": IMAGE, "near_duplicates": True, "verbose": False}
    cv = make_splitter(y, authors, n_splits=3)
    report = check_leakage(X, y, cv=cv, groups=authors, **params)
    assert report.leaks
    assert len(np.unique(report.groups)) < len(np.unique(authors))
    for author in authors:
        assert len(set(report.groups[authors == author])) == 1
    cv = make_splitter(y, report.groups, n_splits=2)
    clean = check_leakage(X, y, cv=cv, groups=report.groups, **params)
    assert clean.leaks == ()


def test_columns_of_a_modality_are_compared_with_each_other(photos):
    X = column(photos[:4])
    X["back"] = [photos[0], photos[3], None, np.nan]
    report = check(X, {"photo": "image", "back": "image"})
    (leak,) = report.leaks  # row 0 holds one picture twice: no leak
    assert leak.rows == (1, 3)
    assert leak.columns == ("back", "photo")


def test_a_cell_may_hold_several(photos):
    report = check(
        column([photos[:2], [photos[2], None], None, [photos[3], photos[1]]])
    )
    assert found(report) == [("identical", (0, 3), ())]


@pytest.mark.parametrize("table", ["pandas", "polars", "array", "paths"])
def test_every_kind_of_table(photos, table, tmp_path):
    cells = [*photos[:3], photos[1]]
    roles, root = IMAGE, None
    if table == "array":
        X, roles = np.array([["x", cell] for cell in cells], dtype=object), {1: "image"}
    elif table == "polars":
        X = pl.DataFrame({"photo": cells})
    elif table == "paths":
        for row, cell in enumerate(cells):
            (tmp_path / f"{row}.png").write_bytes(cell)
        X, root = pd.DataFrame({"photo": [f"{row}.png" for row in range(4)]}), tmp_path
    else:
        X = column(cells)
    report = check(X, roles, root=root)
    assert found(report) == [("identical", (1, 3), ())]


def test_clips_are_compared_by_their_samples():
    other = tune() * 0.5
    flac = encode_clip(np.frombuffer(pcm16(tune()), "<i2"), "FLAC", "PCM_16")
    samples = np.frombuffer(pcm16(tune()), "<i2")
    clips = [
        plain_wav(),
        encode_clip(other, "WAV", "PCM_16"),
        flac,
        (samples, RATE),
        plain_wav(),
        (samples, RATE // 2),
        {"array": np.stack([samples, samples], axis=1), "sampling_rate": RATE},
    ]
    report = check(column(clips), {"photo": "audio"})
    assert found(report) == [("equal", (0, 2, 3, 4, 6), ())]
    assert report.n_contents == {"audio": 3}
    assert found(check(column([clips[0], clips[4]]), {"photo": "audio"})) == [
        ("identical", (0, 1), ())
    ]


def test_texts_are_compared_without_case_and_spaces():
    texts = ["A cat", "a\tCAT ", "a dog", "a dog", "acat", "", " ", None, "\uff21CAT"]
    report = check(pd.DataFrame({"title": texts}), {"title": "text"})
    assert found(report) == [
        ("equal", (0, 1), ()),
        ("identical", (2, 3), ()),
        ("equal", (4, 8), ()),
    ]
    assert report.n_contents == {"text": 3}


def test_modalities_are_reported_in_one_go(photos):
    X = column([photos[0], photos[1], photos[0]])
    X["title"], X["price"] = ["a", "b", "B"], 1.0
    roles = {"photo": "image", "title": "text", "price": "number", "gone": "drop"}
    report = check(X, roles)
    assert [(leak.modality, leak.kind, leak.rows) for leak in report.leaks] == [
        ("image", "identical", (0, 2)),
        ("text", "equal", (1, 2)),
    ]
    np.testing.assert_array_equal(report.groups, [0, 0, 0])


def test_cells_that_cannot_be_used_are_listed(photos, tmp_path):
    (tmp_path / "a.png").write_bytes(photos[0])
    (tmp_path / "b.png").write_bytes(photos[0][:-20])
    X = pd.DataFrame({"photo": ["a.png", "b.png", "c.png", None]})
    X["title"] = pd.Series(["a", 3.0, "b", None], dtype=object)
    report = check(X, {"photo": "image", "title": "text"}, root=tmp_path)
    assert report.leaks == ()
    assert report.failures == (
        (1, "photo", "b.png", "TRUNCATED"),
        (2, "photo", "c.png", "NOT_FOUND"),
        (1, "title", None, "BAD_TYPE"),
    )
    assert str(report).splitlines()[0].endswith("not all cells could be compared")


def test_a_column_of_which_nothing_can_be_used_is_refused(tmp_path):
    X = pd.DataFrame({"photo": [None, "a.png", "b.png"]})
    with pytest.raises(MediaError, match=r"'photo', row 1 \('a.png'\).*NOT_FOUND"):
        check(X, root=tmp_path)
    with pytest.raises(ValueError, match="root='nowhere' is not a folder"):
        check(X, root="nowhere")
    clips = column([half_clip(plain_wav())])
    with pytest.raises(MediaError, match="TRUNCATED"):
        check(clips, {"photo": "audio"})
    assert check(column([None, None])).n_contents == {"image": 0}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_store_and_threads_change_nothing(photos, tmp_path, n_jobs):
    cells = [*photos, encode(picture(3), "JPEG", quality=70), photos[4]]
    store = FeatureStore(tmp_path / "store")
    plain = check(column(cells), near_duplicates=True)
    assert len(plain.leaks) == 2
    for _ in range(2):
        report = check(column(cells), near_duplicates=True, memory=store, n_jobs=n_jobs)
        assert report.leaks == plain.leaks
        np.testing.assert_array_equal(report.groups, plain.groups)
    assert store.info().written == N + 1


def test_one_row_has_no_leak(photos):
    report = check(column(photos[:1]), near_duplicates=True)
    assert report.leaks == ()
    np.testing.assert_array_equal(report.groups, [0])


def test_it_raises_if_asked_to(photos):
    X = column([photos[0], photos[0]])
    assert check(column(photos), on_leak="raise").leaks == ()
    with pytest.raises(ValueError, match="1 leak: 2 of 2 rows"):
        check(X, on_leak="raise")


def test_the_progress_bar_can_be_had(photos, capsys):
    check_leakage(column(photos[:2]), roles=IMAGE)
    assert "check_leakage: image: 100%" in capsys.readouterr().err
    check(column(photos[:2]))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cv": 5}, r"Pass the splitter, such as make_splitter\(y, n_splits=5\)"),
        ({"cv": StratifiedKFold(2)}, "cannot split without y and groups, which"),
        ({"cv": GroupKFold(2), "y": [0, 1] * 12}, "cannot split without groups, which"),
        ({"cv": KFold(2, shuffle=True)}, "other folds each time.*random_state"),
        ({"on_leak": "warn"}, 'on_leak must be "report" or "raise", got \'warn\''),
        ({"near_duplicates": 257}, "int from 0 to 256, got 257"),
        ({"near_duplicates": 0.5}, "int from 0 to 256, got 0.5"),
        ({"roles": {"photo": "number"}}, "roles names no column of"),
        ({"roles": {"photos": "image"}}, r"columns that X has not: \['photos'\]"),
        ({"roles": {"photo": "picture"}}, "must be one of .* got 'picture'"),
        ({"groups": "author"}, "groups='author' is not a column of X"),
        ({"groups": [1, 2]}, "inconsistent numbers of samples"),
        ({"groups": [1, None] * 12}, "lacks a value in 12 rows, first in row 1"),
        ({"y": [1, 2]}, "inconsistent numbers of samples"),
        ({"X": np.zeros(3)}, "a DataFrame or a 2-D array, got ndarray of 1 dim"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "message",
)
def test_what_makes_no_sense_is_refused(photos, params, message):
    with pytest.raises(ValueError, match=message):
        check_leakage(
            **{"X": column(photos), "roles": IMAGE, "verbose": False, **params}
        )


def test_the_table_is_not_written_to_and_nothing_warns(photos):
    X = column([*photos[:3], photos[0]])
    before = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(X, near_duplicates=True, cv=KFold(2))
    pd.testing.assert_frame_equal(X, before)
