"""What the measures of this folder read: best quotes, trades and times, checked once and said clearly when wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.compiled import compiled, types

__all__ = [
    "BestQuotes",
    "Column",
    "Floats",
    "Ints",
    "Table",
    "check_quote",
    "good_quote",
    "index_of",
    "like",
    "read_column",
    "read_quotes",
    "read_sides",
    "read_times",
    "same_length",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column: TypeAlias = ArrayLike | pd.Series
Table: TypeAlias = ArrayLike | pd.DataFrame

QUOTE_COLUMNS = ("bid", "bid_size", "ask", "ask_size")


@dataclass(frozen=True, slots=True)
class BestQuotes:
    """Best prices (ticks) and sizes (contracts) after each change, oldest first; every array has shape (n,)."""

    bid: Floats
    bid_size: Floats
    ask: Floats
    ask_size: Floats
    index: pd.Index | None

    @property
    def mid(self) -> Floats:
        """Mid price, ticks."""
        return (self.bid + self.ask) / 2.0

    @property
    def spread(self) -> Floats:
        """Ask minus bid, ticks."""
        return self.ask - self.bid

    @property
    def imbalance(self) -> Floats:
        """Share of the best size that bids, 0 to 1."""
        return self.bid_size / (self.bid_size + self.ask_size)


def read_quotes(quotes: Table | BestQuotes) -> BestQuotes:
    """Check best quotes: a frame with columns bid, bid_size, ask, ask_size, or an array (n, 4) in that order.

    Raises
    ------
    ValueError
        For no rows, missing columns, a price or size that is not a positive finite number, or an ask not above its bid.
    """
    if isinstance(quotes, BestQuotes):
        return quotes
    if isinstance(quotes, pd.DataFrame):
        missing = [name for name in QUOTE_COLUMNS if name not in quotes.columns]
        if missing:
            raise ValueError(f"the quotes have no column {missing[0]!r}; expected {', '.join(QUOTE_COLUMNS)}: rename")
        columns = [read_column(quotes[name], name, positive=True) for name in QUOTE_COLUMNS]
        index: pd.Index | None = quotes.index
    else:
        rows = np.asarray(quotes, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != 4:
            raise ValueError(f"the quotes have shape {rows.shape}; expected (n, 4): {', '.join(QUOTE_COLUMNS)}")
        columns = [read_column(rows[:, i], name, positive=True) for i, name in enumerate(QUOTE_COLUMNS)]
        index = None
    bid, bid_size, ask, ask_size = columns
    crossed = np.flatnonzero(ask <= bid)
    if crossed.size:
        at = int(crossed[0])
        raise ValueError(f"quote {at} has bid {bid[at]:g} at or over ask {ask[at]:g}; drop crossed and locked quotes")
    return BestQuotes(bid, bid_size, ask, ask_size, index)


@compiled(types.boolean(types.float64, types.float64, types.float64, types.float64))
def good_quote(bid: float, bid_size: float, ask: float, ask_size: float) -> bool:
    """Whether a quote is two positive sizes at 0 < bid < ask; NaN and infinity are not."""
    return 0.0 < bid < ask < np.inf and 0.0 < bid_size < np.inf and 0.0 < ask_size < np.inf


def check_quote(bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    """Refuse a quote that is not two positive sizes at 0 < bid < ask.

    Raises
    ------
    ValueError
        Saying the quote.
    """
    if not good_quote(bid, bid_size, ask, ask_size):
        raise ValueError(
            f"the quote is {bid_size:g} @ {bid:g} | {ask:g} @ {ask_size:g}; expected positive sizes and 0 < bid < ask"
        )


def read_column(
    values: Column, name: str, *, length: int | None = None, positive: bool = False, least: int = 1
) -> Floats:
    """One row of finite numbers.

    Raises
    ------
    ValueError
        For another shape or length, fewer than `least`, NaN or infinity, or (`positive`) zero and below.
    """
    # Compiled code takes writable memory; that of pandas is not.
    out = np.require(np.asarray(values), dtype=np.float64, requirements=["C", "W"])
    if out.ndim != 1 or out.size < least:
        raise ValueError(f"{name} has shape {out.shape}; expected one row of at least {least}")
    if length is not None and out.size != length:
        raise ValueError(f"{name} has {out.size} values for {length} rows; expected one each")
    bad = np.flatnonzero(~np.isfinite(out) | (out <= 0.0)) if positive else np.flatnonzero(~np.isfinite(out))
    if bad.size:
        wanted = "positive finite numbers" if positive else "finite numbers"
        raise ValueError(f"{name} {int(bad[0])} is {out[bad[0]]}; expected {wanted}: drop or repair that row")
    return out


def read_sides(sides: Column, *, length: int | None = None) -> Floats:
    """Taker sides, +1 bought and -1 sold.

    Raises
    ------
    ValueError
        For anything else.
    """
    out = read_column(sides, "side", length=length)
    bad = np.flatnonzero(np.abs(out) != 1.0)
    if bad.size:
        raise ValueError(f"side {int(bad[0])} is {out[bad[0]]:g}; expected +1 (bought) or -1 (sold)")
    return out


def read_times(times: ArrayLike | pd.Series | pd.Index, *, length: int | None = None) -> Ints:
    """Times as int64 nanoseconds since the epoch, not decreasing: integers, or datetimes of any resolution.

    Raises
    ------
    ValueError
        For another type, a missing time, the wrong length, no time at all, or times out of order.
    """
    raw = times.to_numpy() if isinstance(times, (pd.Series, pd.Index)) else np.asarray(times)
    if raw.ndim != 1 or raw.size == 0 or (length is not None and raw.size != length):
        raise ValueError(f"times have shape {raw.shape}; expected ({'n' if length is None else length},)")
    if raw.dtype.kind == "M" or isinstance(times, pd.DatetimeIndex):
        index = pd.DatetimeIndex(times)  # type: ignore[arg-type]
        if index.hasnans:
            raise ValueError("the times hold NaT; drop the rows without a time")
        t_ns = np.ascontiguousarray(index.as_unit("ns").asi8, dtype=np.int64)
    elif raw.dtype.kind in "iu":
        t_ns = np.ascontiguousarray(raw, dtype=np.int64)
    else:
        raise ValueError(f"times are of type {raw.dtype}; expected datetimes or integer nanoseconds")
    back = np.flatnonzero(np.diff(t_ns) < 0)
    if back.size:
        at = int(back[0])
        raise ValueError(f"time {at + 1} lies {t_ns[at] - t_ns[at + 1]} ns before the one ahead of it; sort by time")
    return t_ns


def like(values: Floats, index: pd.Index | None, name: str) -> Floats | pd.Series:
    """The values as a Series where the input came from pandas."""
    return values if index is None else pd.Series(values, index=index, name=name)


def index_of(*columns: object) -> pd.Index | None:
    """The index of the first of the inputs that is a Series."""
    return next((column.index for column in columns if isinstance(column, pd.Series)), None)


def same_length(columns: Sequence[Floats], names: Sequence[str]) -> None:
    """Refuse rows of unequal length."""
    sizes = {name: column.shape[0] for name, column in zip(names, columns, strict=True)}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"rows are of unequal length: {sizes}; expected one each")
