"""Dates against the calendar of the standard library."""

import calendar
import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mmsk.feature_extraction.tabular import TableExtractor, _clocks

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


PARIS = ["2024-01-05 09:00", "2024-07-06 21:30", "2024-10-27 02:30", None]
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


def _zoned(kind, zone, *, cells=False):
    """Return moments that are written in Paris, as the clock of another zone."""
    naive = pd.to_datetime(pd.Series(PARIS))
    there = naive.dt.tz_localize("Europe/Paris", ambiguous=True).dt.tz_convert(zone)
    if cells:
        there = [None if cell is pd.NaT else cell.to_pydatetime() for cell in there]
    if kind is pl.DataFrame:
        moments = [None if cell is pd.NaT else cell for cell in there]
        return pl.DataFrame({"d": pl.Series(moments, dtype=pl.Datetime("us", zone))})
    return pd.DataFrame({"d": pd.Series(there, dtype=object) if cells else there})


@pytest.mark.parametrize("role", ["date", "category"])
@pytest.mark.parametrize("kind", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_same_moments_in_another_zone_have_the_same_features(kind, zone, role):
    table = TableExtractor({"d": role}).fit(_zoned(kind, "Europe/Paris"))
    wanted = table.transform(_zoned(kind, "Europe/Paris"))
    assert np.ptp(wanted, axis=0).any()
    for other in FRAMES.values():
        np.testing.assert_array_equal(table.transform(_zoned(other, zone)), wanted)
    cells = _zoned(pd.DataFrame, zone, cells=True)
    np.testing.assert_array_equal(table.transform(cells), wanted)
    if role == "date":  # strings are other levels
        texts = cells.map(lambda cell: None if cell is None else cell.isoformat())
        np.testing.assert_array_equal(table.transform(texts), wanted)


@pytest.mark.parametrize("kind", FRAMES.values(), ids=FRAMES)
def test_features_of_one_zone_are_those_of_its_clock(kind):
    naive = kind({"d": pd.to_datetime(pd.Series(PARIS)).tolist()[:3]})
    wanted = TableExtractor().fit_transform(naive)
    paris = _zoned(kind, "Europe/Paris")[:3]
    np.testing.assert_array_equal(TableExtractor().fit_transform(paris), wanted)


def test_fixed_offsets_are_zones_too():
    texts = pd.DataFrame({"d": ["2024-05-17T10:30+09:00", "2024-06-01T23:00+09:00"]})
    table = TableExtractor({"d": "date"}).fit(texts)
    same = ["2024-05-17T01:30Z", "2024-06-01T10:00-04:00"]
    wanted = table.transform(texts)
    np.testing.assert_array_equal(table.transform(pd.DataFrame({"d": same})), wanted)
    east = pd.DataFrame({"d": pd.to_datetime(texts["d"])})
    typed = TableExtractor({"d": "date"}).fit(east)
    np.testing.assert_array_equal(typed.transform(pd.DataFrame({"d": same})), wanted)
    utc = pd.DataFrame({"d": east["d"].dt.tz_convert("UTC")})
    for each in (table, typed, pickle.loads(pickle.dumps(typed))):
        np.testing.assert_array_equal(each.transform(utc), wanted)


def test_utc_needs_no_database_of_zones(monkeypatch):
    def without_data(name):
        raise _clocks.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(_clocks, "ZoneInfo", without_data)
    utc = pd.DataFrame({"d": ["2024-05-17T10:30Z", "2024-12-31T23:00+00:00"]})
    east = pd.DataFrame({"d": ["2024-05-17T12:30+02:00", "2025-01-01T08:00+09:00"]})
    table = TableExtractor({"d": "date"}).fit(utc)
    np.testing.assert_array_equal(table.transform(east), table.transform(utc))


@pytest.mark.parametrize("role", ["date", "category"])
def test_the_dates_of_a_column_are_read_once_in_fit(role, monkeypatch):
    columns = []

    def read(column, *zone):
        columns.append(column.key)
        return original(column, *zone)

    original = _clocks._read
    monkeypatch.setattr(_clocks, "_read", read)
    moments = pd.Series(DATES, dtype=object)
    TableExtractor({"d": role}).fit_transform(pd.DataFrame({"d": moments}))
    assert columns == ["d"]


def test_dates_of_several_zones_each_keep_their_clock():
    texts = pd.DataFrame({"d": ["2024-05-17T10:30+09:00", "2024-06-01T23:00+02:00"]})
    clocks = pd.DataFrame({"d": ["2024-05-17T10:30", "2024-06-01T23:00"]})
    table = TableExtractor({"d": "date"}).fit(texts)
    wanted = TableExtractor({"d": "date"}).fit_transform(clocks)
    np.testing.assert_array_equal(table.transform(texts), wanted)
    np.testing.assert_array_equal(table.transform(texts[:1]), wanted[:1])


@pytest.mark.parametrize("role", ["date", "category"])
@pytest.mark.parametrize("kind", FRAMES.values(), ids=FRAMES)
def test_a_zone_that_comes_or_goes_is_refused(kind, role):
    naive = kind({"d": pd.to_datetime(pd.Series(PARIS)).tolist()[:3]})
    paris = _zoned(kind, "Europe/Paris")
    with pytest.raises(
        ValueError,
        match=r"'d': its dates have no time zone, .* \['Europe/Paris'\] in fit",
    ):
        TableExtractor({"d": role}).fit(paris).transform(naive)
    with pytest.raises(
        ValueError, match=r"\['Europe/Paris'\], but had no time zone in"
    ):
        TableExtractor({"d": role}).fit(naive).transform(paris)


def test_days_and_missing_cells_have_no_clock():
    days = pd.DataFrame({"d": ["2024-05-17", None]})
    aware = _zoned(pd.DataFrame, "Europe/Paris")
    naive = aware.assign(d=aware["d"].dt.tz_localize(None))
    table = TableExtractor({"d": "date"}).fit(days)
    np.testing.assert_array_equal(table.transform(aware), table.transform(naive))
    frame = pl.DataFrame({"d": [datetime.date(2024, 5, 17), None]})
    gone = pd.DataFrame({"d": pd.to_datetime([None, None])})
    for fitted, offset in ((aware, "+02:00"), (naive, "")):
        table = TableExtractor({"d": "date"}).fit(fitted)
        np.testing.assert_array_equal(
            table.transform(gone)[:1], table.transform(fitted[3:])
        )
        midnight = table.transform(pd.DataFrame({"d": ["2024-05-17T00:00" + offset]}))
        np.testing.assert_array_equal(table.transform(days)[:1], midnight)
        np.testing.assert_array_equal(table.transform(frame)[:1], midnight)


def test_dates_with_and_without_a_zone_in_one_column_are_refused():
    mixed = pd.DataFrame({"d": ["2024-05-17T10:30Z", "2024-05-17T10:30"]})
    with pytest.raises(
        ValueError, match=r"'d': some dates have the time zones \['UTC'"
    ):
        TableExtractor({"d": "date"}).fit(mixed)
    table = TableExtractor({"d": "date"}).fit(mixed[:1])
    with pytest.raises(ValueError, match="and others have none"):
        table.transform(mixed)


def test_a_zone_that_is_not_known_here_is_refused():
    class Ship(datetime.tzinfo):
        zone = "Ship/Bell"

        def utcoffset(self, moment):
            return datetime.timedelta(hours=3)

        dst = tzname = lambda self, moment: None

    at_sea = [datetime.datetime(2024, 5, day, 3, tzinfo=Ship()) for day in (1, 2)]
    frame = pd.DataFrame({"d": pd.Series(at_sea, dtype=object)})
    table = TableExtractor().fit(frame)
    assert np.isfinite(table.transform(frame)).all()
    with pytest.raises(ValueError, match="in fit, 'Ship/Bell', which is not known"):
        table.transform(_zoned(pd.DataFrame, "Europe/Paris"))


def test_the_end_of_the_calendar_is_no_error():
    paris = _zoned(pd.DataFrame, "Europe/Paris")
    table = TableExtractor(scale=None).fit(paris)
    last = np.array(["9999-12-31T23:30", "12024-01-01T00:00"], "M8[us]")
    years = table.transform(pd.DataFrame({"d": pd.Series(last).dt.tz_localize("UTC")}))
    np.testing.assert_array_equal(years[:, 0], [9999, 12024])
    text = pd.DataFrame({"d": ["9999-12-31T23:30Z"]})
    np.testing.assert_array_equal(table.transform(text), years[:1])
