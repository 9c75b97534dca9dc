import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from mmsk.pipeline import infer_roles

N = 40
LETTERS = [chr(97 + i % 26) for i in range(N)]


def role(values, **params):
    frame = pd.DataFrame({"x": pd.Series(values), "other": np.arange(N) % 3})
    return infer_roles(frame, **params)["x"]


def objects(cells):
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column


@pytest.fixture
def folder(tmp_path):
    for i in range(N):
        (tmp_path / f"{i}.jpg").write_bytes(b"")
        (tmp_path / f"{i}.wav").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0, 1, N), "number"),
        (np.arange(N) % 7, "number"),
        ([1.5, None] * 20, "number"),
        (np.arange(N) % 2 == 0, "boolean"),
        (pd.date_range("2024-01-01", periods=N), "date"),
        ([datetime.date(2024, 1, 1 + i % 28) for i in range(N)], "date"),
        ([f"2024-01-{1 + i % 28:02d}" for i in range(N)], "date"),
        (["red", "blue"] * 20, "category"),
        ([f"shop {i % 5}" for i in range(N)], "category"),
        (["02139", "94110"] * 20, "category"),
        (pd.Categorical([str(i) for i in range(N)]), "category"),
        (["one of two short sentences", "the other one of them"] * 20, "text"),
        ([f"{letter} big {i} house" for i, letter in enumerate(LETTERS)], "text"),
        ([f"{letter} {i}" for i, letter in enumerate(LETTERS)], "text"),
        ([None, "a few words here"] * 20, "text"),
        ([f"key{i}" for i in range(N)], "identifier"),
        ([Image.new("L", (2, 2))] * N, "image"),
        (objects([np.zeros((2, 2, 3), np.uint8)] * N), "image"),
        ([b"\x89PNG\r\n\x1a\n"] * N, "image"),
        ([{"bytes": b"\xff\xd8\xff", "path": None}] * N, "image"),
        ([[b"\xff\xd8\xff", b"\xff\xd8\xff"]] * N, "image"),
        (objects([(np.zeros(9), 8000)] * N), "audio"),
        ([{"array": np.zeros(9), "sampling_rate": 8000}] * N, "audio"),
        ([b"RIFF\0\0\0\0WAVEfmt "] * N, "audio"),
    ],
)
def test_the_role_of_a_column(values, expected):
    assert role(values) == expected


def test_a_name_may_end_like_that_of_a_file():
    authors = [*(["anna", "bert"] * 19), "carl.png", "dora"]
    assert role(authors) == "category"


def test_one_bad_cell_has_the_remedies_that_are_named(folder):
    paths = [*(f"{i}.jpg" for i in range(N - 1)), ""]
    with pytest.raises(ValueError, match=r"first '' in row 39: .*roles={'x': 'image'}"):
        role(paths, root=folder)
    assert role([*paths[:-1], None], root=folder) == "image"
    assert role(paths, roles={"x": "image"}, root=folder) == "image"


def test_paths_of_files_that_are_there(folder, monkeypatch):
    assert role([f"{i}.jpg" for i in range(N)], root=folder) == "image"
    assert role([f"{i}.wav" for i in range(N)], root=folder) == "audio"
    assert role([str(folder / f"{i}.jpg") for i in range(N)]) == "image"
    monkeypatch.chdir(folder)
    assert role([None, "1.jpg"] * 20) == "image"


def test_a_few_paths_may_lead_nowhere(folder):
    paths = [f"{i}.jpg" for i in range(N)]
    assert role([*paths[:-4], *["lost.jpg"] * 4], root=folder) == "image"
    with pytest.raises(ValueError, match=r"12 of the 20 .* as 'lost\.jpg'"):
        role([*["lost.jpg"] * 24, *paths[24:]], root=folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([None] * N, "no value in any row"),
        ([f"{i}.jpg" for i in range(N)], "as '0.jpg', are no files here: set root="),
        (
            ["a.jpg", "what is this"] * 20,
            "'x': 20 of 40 strings end like the names of image files, others do not, "
            "the first 'what is this' in row 1\n",
        ),
        (
            [None, *["a.jpg"] * 37, "", "n/a"],
            "37 of 39 strings end like the names of image files, others do not, the "
            "first '' in row 38: set these to None, or say roles={'x': 'image'}\n",
        ),
        (
            ["b.wav", *["a.jpg"] * 2, *["a.wav"] * 37],
            "names of audio files, others do not, the first 'a.jpg' in row 1: set",
        ),
        (
            ["lost", *["https://a.b/c.jpg"] * 39],
            "39 of 40 strings are addresses on the web, others do not, the first "
            "'lost' in row 0: set these to None\n",
        ),
        ([f"https://a.b/{i}.jpg" for i in range(N)], "download the files first"),
        ([f"{i}.5" for i in range(N)], "numbers written as strings"),
        ([*LETTERS[:25], *LETTERS[:15]], "25 different strings in 40 rows, 1.0 words"),
        ([b"neither", b"nor"] * 20, "its cells are bytes"),
        ([1, "a"] * 20, "its cells are int, str"),
        ([{"key": 1}] * N, "its cells are dict"),
    ],
)
def test_what_cannot_be_told_is_refused(values, message):
    with pytest.raises(ValueError, match="cannot be told") as caught:
        role(values)
    assert message in str(caught.value)
    assert "'x'" in str(caught.value)
    assert "'other'" not in str(caught.value)
    assert role(values, roles={"x": "drop"}) == "drop"


AMOUNTS = {
    "dollars": ([f"${i}.50" for i in range(N)], np.arange(N) + 0.5),
    "losses": ([f"-$ {i}" for i in range(N)], -np.arange(N)),
    "thousands": ([f"{i + 1},234.50" for i in range(N)], np.arange(N) * 1e3 + 1234.5),
    "whole thousands": ([f"{i + 1},234" for i in range(N)], np.arange(N) * 1e3 + 1234),
    "euros": ([f"{i} €" for i in range(N)], np.arange(N)),
    "US dollars": ([f"US${i}" for i in range(N)], np.arange(N)),
    "francs": ([f"CHF {i + 1}'000.5" for i in range(N)], np.arange(N) * 1e3 + 1000.5),
    "decimal comma": ([f"{i},5" for i in range(N)], np.arange(N) + 0.5),
    "German": ([f"{i + 1}.234,5 €" for i in range(N)], np.arange(N) * 1e3 + 1234.5),
    "French": ([f"{i + 1} 234,5" for i in range(N)], np.arange(N) * 1e3 + 1234.5),
    "shares": ([f"{i} %" for i in range(N)], np.arange(N)),
    "few": (["5%", "12.5%"] * 20, np.tile([5, 12.5], 20)),
    "some plain": (["1,200", "950.5"] * 20, np.tile([1200, 950.5], 20)),
    "nearly all": (
        ["sold out", *[f"${i}" for i in range(1, N)]],
        [np.nan, *range(1, N)],
    ),
}


@pytest.mark.parametrize(("values", "numbers"), AMOUNTS.values(), ids=AMOUNTS.keys())
def test_amounts_are_refused_with_a_remedy_that_works(values, numbers):
    with pytest.raises(ValueError, match="cannot be told") as caught:
        role(values)
    said = str(caught.value)
    assert f"{len(values) - (values[0] == 'sold out')} of {len(values)} strings" in said
    remedy = said.split("decimal mark, by ")[1].splitlines()[0]
    made = eval(remedy, {"pandas": pd, "X": pd.DataFrame({"x": values})})
    np.testing.assert_allclose(made, numbers)
    assert role(values, roles={"x": "category"}) == "category"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("A-12{:02d}", "identifier"),
        ("555-01{:02d}", "identifier"),
        ("+49-30-55501{:02d}", "identifier"),
        ("555.555.01{:02d}", "identifier"),
        ("555.555.1{:02d}", "identifier"),
        ("(030) 5550 1{:02d}", "text"),
        ("612 345 6{:02d}", "text"),
        ("978-3-16-1484{:02d}-0", "identifier"),
        ("3.1.{:02d}", "identifier"),
        ("10.0.0.{:d}", "identifier"),
        ("12.345.6{:02d}", "identifier"),
        ("12.345.6{:02d}-K", "identifier"),
        ("ABC{:03d}", "identifier"),
        ("#{:d}", "identifier"),
        ("{:d}kg", "identifier"),
        ("52.5{:02d},13.4", "identifier"),
    ],
)
def test_identifiers_are_no_amounts(pattern, expected):
    assert role([pattern.format(i) for i in range(N)]) == expected


def test_numbers_that_count_the_rows_are_refused():
    frame = pd.DataFrame({"n": np.arange(101), "x": np.arange(101) / 2})
    with pytest.raises(ValueError, match="a number or an identifier of the row"):
        infer_roles(frame)
    assert infer_roles(frame, roles={"n": "number"}) == {"n": "number", "x": "number"}


@pytest.mark.parametrize(
    "name", ["id", "shop_id", "ZIP", "zipcode", "post_code", "line-no/key", "sku"]
)
def test_whole_numbers_that_are_named_like_keys(name):
    again, once = np.arange(N) % 7, np.arange(N)
    assert infer_roles(pd.DataFrame({name: again})) == {name: "category"}
    assert infer_roles(pd.DataFrame({name: once})) == {name: "identifier"}
    assert infer_roles(pd.DataFrame({name: once / 3})) == {name: "number"}


@pytest.mark.parametrize("name", ["paid", "monkey", "width", "id_count", 3])
def test_numbers_that_are_not_named_like_keys(name):
    frame = pd.DataFrame({name: np.arange(N) % 7, "y": 0.5})
    assert infer_roles(frame)[name] == "number"


def test_every_doubt_is_named_at_once():
    frame = pd.DataFrame({"a": [None, None], "b": [[1], [2]], "c": [1.5, 2.5]})
    with pytest.raises(ValueError, match=r"(?s)'a': .*'b': ") as caught:
        infer_roles(frame)
    assert "'c'" not in str(caught.value)


def test_roles_given_are_taken_and_checked():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]})
    assert infer_roles(frame, roles={"b": "category"}) == {
        "a": "category",
        "b": "category",
    }
    with pytest.raises(ValueError, match="columns that X has not: \\['c'\\]"):
        infer_roles(frame, roles={"c": "text"})
    with pytest.raises(ValueError, match="'words'"):
        infer_roles(frame, roles={"a": "words"})
    with pytest.raises(TypeError, match="ndarray"):
        infer_roles(np.eye(2))


def test_polars_is_read_alike(folder):
    data = {
        "title": [f"{letter} big {i} house" for i, letter in enumerate(LETTERS)],
        "photo": [f"{i}.jpg" for i in range(N)],
        "price": [None, *np.linspace(0, 1, N - 1).tolist()],
        "sold": [True, False] * 20,
        "day": [datetime.date(2024, 1, 1 + i % 28) for i in range(N)],
        "shop": ["a", "b"] * 20,
    }
    expected = ["text", "image", "number", "boolean", "date", "category"]
    for kind in (pd.DataFrame, pl.DataFrame):
        assert list(infer_roles(kind(data), root=folder).values()) == expected
