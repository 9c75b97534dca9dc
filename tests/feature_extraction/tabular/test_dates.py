"""Dates against the calendar of the standard library."""

import calendar
import datetime

import numpy as np
import pandas as pd
import pytest

from mmsk.feature_extraction.tabular import TableExtractor

DATES = [
    datetime.datetime(1969, 12, 31, 23, 30),
    datetime.datetime(2000, 2, 29, 6, 0),
    datetime.datetime(2023, 7, 1, 12, 15),
    datetime.datetime(2024, 12, 31, 0, 0),
]


def _by_hand(date):
    turns = [
        (date.month - 1) / 12,
        (date.day - 1) / calendar.monthrange(date.year, date.month)[1],
        date.weekday() / 7,
        (date.hour + date.minute / 60) / 24,
    ]
    circles = [f(2 * np.pi * turn) for turn in turns for f in (np.sin, np.cos)]
    elapsed = (date - DATES[0]) / datetime.timedelta(days=1)
    return [date.year, *circles, elapsed]


def test_parts_are_those_of_the_calendar():
    out = TableExtractor(scale=None).fit_transform(pd.DataFrame({"d": DATES}))
    wanted = np.array([_by_hand(date) for date in DATES])
    np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-6)


def test_hour_only_where_fit_saw_a_time():
    days = pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2020-05-02"])})
    names = TableExtractor().fit(days).get_feature_names_out()
    assert not any("hour" in name for name in names)
    times = days + pd.Timedelta(hours=3)
    names = TableExtractor().fit(times).get_feature_names_out()
    assert {"d_hour_sin", "d_hour_cos"} <= set(names)


def test_parts_are_filled_and_scaled_as_numbers():
    dates = pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2022-06-15", None])})
    table = TableExtractor(impute="mean").fit(dates)
    out = table.transform(dates)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(out[2], 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=0)[[0, -1]], 1, rtol=1e-6)


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-05-17T10:30:00", "2024-06-01T00:00:00"],
        ["2024-05-17T10:30:00+09:00", "2024-06-01T00:00:00Z"],
        [np.datetime64("2024-05-17T10:30"), np.datetime64("2024-06-01")],
        [
            datetime.datetime(
                2024,
                5,
                17,
                10,
                30,
                tzinfo=datetime.timezone(datetime.timedelta(hours=9)),
            ),
            datetime.date(2024, 6, 1),
        ],
        pd.to_datetime(["2024-05-17 10:30", "2024-06-01 00:00"]).tz_localize(
            "Asia/Tokyo"
        ),
        pd.to_datetime(["2024-05-17 10:30", "2024-06-01 00:00"]).astype(
            "datetime64[s]"
        ),
    ],
)
def test_every_kind_of_date_reads_the_same(cells):
    plain = pd.DataFrame(
        {"d": pd.to_datetime(["2024-05-17 10:30", "2024-06-01 00:00"])}
    )
    wanted = TableExtractor().fit_transform(plain)
    if isinstance(cells, list):
        cells = pd.Series(cells, dtype=object)
    got = TableExtractor({"d": "date"}).fit_transform(pd.DataFrame({"d": cells}))
    np.testing.assert_array_equal(got, wanted)


def test_strings_that_are_no_dates_are_refused():
    X = pd.DataFrame({"d": ["2024-05-17", None, "17th of May"]})
    with pytest.raises(
        ValueError, match=r"Column 'd', row 2: .*'2024-05-17', got '17th"
    ):
        TableExtractor({"d": "date"}).fit(X)
