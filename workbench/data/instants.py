"""Moments as people write them, in nanoseconds."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd

from workbench.errors import DataError

__all__ = ["Instant", "instant_ns", "range_ns"]

Instant = int | str | date | datetime | pd.Timestamp
"""Nanoseconds since the epoch, or a date or time as text or object; UTC where it names no zone."""


def instant_ns(when: Instant) -> int:
    """Nanoseconds since the epoch of an instant.

    Raises
    ------
    DataError
        If it is no time.
    """
    if isinstance(when, (int, np.integer)):
        return int(when)
    try:
        stamp = pd.Timestamp(when)
    except (ValueError, TypeError):
        stamp = None
    if stamp is None or pd.isna(stamp):
        raise DataError(f"{when!r} is not a time; expected nanoseconds or, for example, '2026-05-26 13:00'")
    return int((stamp if stamp.tzinfo is None else stamp.tz_convert("UTC").tz_localize(None)).as_unit("ns").value)


def range_ns(start: Instant | None, end: Instant | None) -> tuple[int, int]:
    """From a start up to an end, without bounds where they are None. Raises `DataError` for an empty range."""
    first = -(1 << 62) if start is None else instant_ns(start)
    last = 1 << 62 if end is None else instant_ns(end)
    if first >= last:
        raise DataError(f"the range from {start} to {end} is empty; expected a start before the end")
    return first, last
