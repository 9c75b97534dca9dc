"""On whose clock the dates of a column are read."""

from contextlib import suppress
from datetime import UTC, date, datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction.tabular._columns import Column

_NAT = np.datetime64("NaT")
_NEW_YEAR = "2000-01-01T00:00:00"


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
        _, self.zones = _read(column)

    def read(self, column: Column) -> NDArray[np.datetime64]:
        """Return the cells as ``datetime64[us]``, NaT where missing.

        Raises
        ------
        ValueError
            As for those of fit, or if these have a time zone and those of fit had
            none, or the other way round.
        """
        dates, zones = _read(column)
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
    if offset is None:
        return str(zone)
    fixed = datetime.fromisoformat(_NEW_YEAR).replace(tzinfo=timezone(offset))
    return fixed.isoformat().removeprefix(_NEW_YEAR) if offset else "UTC"


def _zone(name: str, key: Any) -> tzinfo:
    try:
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
            cell = _moved(cell, own if zone is None else zone)
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
    if isinstance(cell, str):
        try:
            return date.fromisoformat(cell)
        except ValueError:
            cell = _as_datetime(cell)
    if not isinstance(cell, date | np.datetime64):
        raise ValueError("expected a date or a string such as '2024-05-17'")
    return cell


def _as_datetime(cell: str) -> Any:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _on_clock(moments: NDArray[np.datetime64], zone: tzinfo) -> NDArray[np.datetime64]:
    """Return what the clock of a time zone shows at moments in UTC."""
    different, places = np.unique(moments, return_inverse=True)
    shown = different.copy()
    for place, moment in enumerate(different.tolist()):
        if isinstance(moment, datetime):  # not NaT, nor a year of five digits
            shown[place] = _moved(moment.replace(tzinfo=UTC), zone)
    return shown[places]


def _moved(moment: datetime, zone: tzinfo) -> datetime:
    """Return what a time zone's clock shows, in the last hours of 9999 its own."""
    with suppress(OverflowError):
        moment = moment.astimezone(zone)
    return moment.replace(tzinfo=None)
