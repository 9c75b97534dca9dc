"""How a report reads."""

import pickle

import numpy as np
import pandas as pd
import pytest

from mmsk.feature_extraction._cells import Failure
from mmsk.model_selection import Leak, LeakageReport


def report(leaks=(), failures=(), sides="folds"):
    return LeakageReport(
        leaks=tuple(leaks),
        groups=np.arange(50),
        n_contents={"image": 40, "text": 9},
        failures=tuple(failures),
        sides=sides,
    )


SAME = Leak("image", "identical", (1, 7), ("photo",), (0, 2), 0)
NEAR = Leak("image", "similar", tuple(range(3, 12)), ("back", "photo"), (4,), 5)


def test_it_sums_up():
    assert str(report([SAME, NEAR])) == (
        "2 leaks: 10 of 50 rows share a content on both sides of a split\n"
        "identical image in 'photo', rows 1, 7, folds 0, 2\n"
        "similar image in 'back' and 'photo', rows 3, 4, 5, 6, 7, 8 and 3 more, "
        "fold 4, 5 of 256 bits differ\n"
        "Compared: 40 different pictures, 9 different texts"
    )
    assert repr(report([SAME])) == str(report([SAME]))


def test_a_long_one_is_cut():
    lines = str(report([SAME] * 12)).splitlines()
    assert len(lines) == 13
    assert lines[-2] == "and 2 more in .leaks"


@pytest.mark.parametrize(
    ("sides", "place"),
    [
        ("folds", "on both sides of a split"),
        ("groups", "in different groups"),
        ("rows", "with another row"),
    ],
)
def test_it_says_what_was_asked(sides, place):
    first = str(report(sides=sides)).splitlines()[0]
    assert first == f"No leak: no rows share a content {place}"


def test_it_says_what_was_not_compared():
    failures = [Failure(row, "photo", None, "TRUNCATED") for row in range(4)]
    failures[0] = failures[0]._replace(path="a.png")
    lines = str(report(failures=failures)).splitlines()
    assert lines[0] == (
        "No leak found on both sides of a split, but not all cells could be compared"
    )
    assert lines[-1] == (
        "Not compared: column 'photo', row 0 ('a.png'): TRUNCATED; column 'photo', "
        "row 1: TRUNCATED; column 'photo', row 2: TRUNCATED; and 1 more"
    )


def test_it_makes_a_table_and_travels():
    found = pickle.loads(pickle.dumps(report([SAME, NEAR])))
    assert found.leaks == (SAME, NEAR)
    table = pd.DataFrame(found.leaks)
    assert table["kind"].tolist() == ["identical", "similar"]
    assert table["rows"][0] == (1, 7)
