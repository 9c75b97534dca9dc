"""On whose clock the dates of a column are read."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import Column

_NAT = np.datetime64("NaT")
_NEW_YEAR = "2000-01-01T00:00:00"
_DAY_LENGTH = 10  # of a string of a day alone, at most


class Clock:
    """The clock of the dates of fit, and other dates on it.

    Dates with one time zone are read on the clock of that zone, dates with several
    each on its own, dates with none as they are. Days without a time suit any clock.

    Parameters
    ----------
    column : Column
        Of fit.

    Attributes
    ----------
    zones : frozenset of str or None
        The time zones of the dates of fit, None for dates without one.

    Raises
    ------
    ValueError
        If a cell is neither a date nor a string in ISO 8601 form, or some dates have
        a time zone and others have none.
    """

    def __init__(self, column: Column) -> None:
        _, self.zones = _read_once(column)

    def read(self, column: Column) -> NDArray[np.datetime64]:
        """Return the cells as ``datetime64[us]``, NaT where missing.

        Raises
        ------
        ValueError
            As for those of fit, or if these have a time zone and those of fit had
            none, or the other way round.
        """
        dates, zones = _read_once(column)
        if not self.zones or not zones:
            return dates
        if (None in zones) != (None in self.zones):
            raise ValueError(
                f"Column {column.key!r}: its dates have {_said(zones)}, but had "
                f"{_said(self.zones)} in fit, so that their clocks may differ. Give "
                "them a time zone or take it away, as it was."
            )
        if len(self.zones) > 1 or zones == self.zones:
            return dates
        (name,) = self.zones
        return _read(column, _zone(name, column.key))[0]


def zone_name(zone: tzinfo, moment: datetime | None = None) -> str:
    """Return a name by which a time zone is found again.

    Parameters
    ----------
    zone : tzinfo
        Of the standard library or pytz.
    moment : datetime, default=None
        When to ask for the offset of one without a name.
    """
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name is not None:
        return name
    offset = zone.utcoffset(moment)
    return str(zone) if offset is None else _offset_name(offset)


@lru_cache(maxsize=256)
def _offset_name(offset: timedelta) -> str:
    if not offset:
        return "UTC"
    fixed = datetime.fromisoformat(_NEW_YEAR).replace(tzinfo=timezone(offset))
    return fixed.isoformat().removeprefix(_NEW_YEAR)


def _zone(name: str, key: Any) -> tzinfo:
    try:
        if name == "UTC":  # which needs no database of zones
            return UTC
        if name.startswith(("+", "-")):
            return datetime.fromisoformat(_NEW_YEAR + name).tzinfo
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            f"Column {key!r}: its dates have another time zone than in fit, {name!r}, "
            "which is not known here. Convert them to that one."
        ) from None


def _said(zones: frozenset) -> str:
    known = sorted(name for name in zones if name is not None)
    return f"the time zones {known}" if known else "no time zone"


def _read_once(column: Column) -> tuple[NDArray[np.datetime64], frozenset]:
    """Return what the cells' own clocks show, and their time zones.

    Kept with the column, whose dates are wanted in fit and again to be encoded.
    """
    if column.dates is None:
        column.dates = _read(column)
    return column.dates


def _read(
    column: Column, zone: tzinfo | None = None
) -> tuple[NDArray[np.datetime64], frozenset]:
    """Return what clocks show, the cells' own or one, and the cells' time zones."""
    if column.dtype.kind == "M":
        shown = column.values if zone is None else _on_clock(column.utc, zone)
        return shown, column.zones
    zones = set()

    def convert(cell: Any) -> np.datetime64:
        cell = _as_date(cell)
        own = getattr(cell, "tzinfo", None)
        if own is not None:
            zones.add(zone_name(own, cell))
            cell = cell.replace(tzinfo=None) if zone is None else _moved(cell, zone)
        elif not isinstance(cell, date) or isinstance(cell, datetime):
            zones.add(None)
        return np.datetime64(cell, "us")

    dates = column.converted(convert, _NAT, "datetime64[us]")
    if None in zones and len(zones) > 1:
        raise ValueError(
            f"Column {column.key!r}: some dates have {_said(frozenset(zones))}, and "
            "others have none. Give all of them a time zone, or none."
        )
    return dates, frozenset(zones)


def _as_date(cell: Any) -> Any:
    """Return a date, a datetime or NumPy's; a string of a day alone as a date."""
    if isinstance(cell, date | np.datetime64):
        return cell
    if isinstance(cell, str):
        if len(cell) <= _DAY_LENGTH:
            with suppress(ValueError):
                return date.fromisoformat(cell)
        try:
            return datetime.fromisoformat(cell)
        except ValueError:
            pass
    raise ValueError("expected a date or a string such as '2024-05-17'")


def _on_clock(moments: NDArray[np.datetime64], zone: tzinfo) -> NDArray[np.datetime64]:
    """Return what the clock of a time zone shows at moments in UTC."""
    different, places = np.unique(moments, return_inverse=True)
    shown = different.copy()
    for place, moment in enumerate(different.tolist()):
        if isinstance(moment, datetime):  # not NaT, nor a year of five digits
            shown[place] = _moved(moment.replace(tzinfo=UTC), zone)
    return shown[places]


def _moved(moment: datetime, zone: tzinfo) -> datetime:
    """Return what a time zone's clock shows, or its own at the ends of the calendar."""
    with suppress(OverflowError):
        moment = moment.astimezone(zone)
    return moment.replace(tzinfo=None)
