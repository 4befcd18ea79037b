"""The table of market events: what the recorder writes, importers make, the catalog keeps and a feed is prepared from.

One row is one level, trade, price or remark. Rows stand in the order in which they were received (`seq`) and are never
repaired: what the wire said and when is evidence; a backtest's feed puts right what must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

__all__ = [
    "BBO",
    "CLEAR",
    "DEPTH",
    "EVENT_COLUMNS",
    "EVENT_SCHEMA",
    "FUNDING",
    "GAP",
    "GAP_CROSSED",
    "GAP_DISCONNECTED",
    "GAP_OTHER",
    "GAP_RECORDER",
    "GAP_SEQUENCE",
    "GAP_TRADES",
    "INDEX",
    "KIND_NAMES",
    "MARK",
    "RESYNC",
    "SNAPSHOT",
    "TRADE",
    "event_frame",
    "event_table",
]

DEPTH = 1
"""A level of the book has a new total size: `side` +1 bid, -1 ask; `size` 0 deletes it."""
TRADE = 2
"""A public trade: `side` +1 the buyer took, -1 the seller took."""
CLEAR = 3
"""What was known of the book is void: both sides (`side` 0), or one side from its best price to `price_ticks` (0: all
of it)."""
SNAPSHOT = 4
"""A level of a whole book, after a CLEAR of the same message. One may come at any time: the recorder repeats the book
that it knows at the start of each hour's file, so that each can be read alone."""
BBO = 5
"""A best price as its own stream tells it: `side`, `price_ticks`, `size`. To check the book with; not a part of it."""
MARK = 6
"""`value` is the mark price, quote currency."""
INDEX = 7
"""`value` is the index price, quote currency."""
FUNDING = 8
"""`value` is the funding rate (a fraction) that is paid at `value_ns`."""
GAP = 9
"""Something is missing from here on, until a RESYNC (book) or at this place (trades). `size` says why (`GAP_...`),
`value_ns` when the last good message of that stream was received (0: there was none)."""
RESYNC = 10
"""The book is whole again: the rows of its snapshot follow. `size` and `value_ns` repeat those of its GAP (0 at the
start of a recording)."""

KIND_NAMES: Mapping[int, str] = MappingProxyType(
    {
        DEPTH: "depth",
        TRADE: "trade",
        CLEAR: "clear",
        SNAPSHOT: "snapshot",
        BBO: "bbo",
        MARK: "mark",
        INDEX: "index",
        FUNDING: "funding",
        GAP: "gap",
        RESYNC: "resync",
    }
)

GAP_DISCONNECTED = 1
"""The book's connection was down."""
GAP_SEQUENCE = 2
"""A book message was missing: its number did not follow the one before."""
GAP_CROSSED = 3
"""The book crossed, so that it cannot be the venue's."""
GAP_OTHER = 4
"""The book was lost otherwise: an unreadable message, a difference from REST."""
GAP_RECORDER = 5
"""The recorder itself was not running: book, trades and prices are missing."""
GAP_TRADES = 10
"""Trades are missing (the book is not concerned): their ids do not follow, or the hole may be longer than the history
that the venue sends."""

EVENT_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "t_ns": "int64",
        "venue_ns": "int64",
        "seq": "int64",
        "kind": "int8",
        "side": "int8",
        "price_ticks": "int64",
        "size": "int64",
        "value": "float64",
        "value_ns": "int64",
        "venue_seq": "int64",
    }
)
"""Column -> dtype. `t_ns` receipt on the local clock, `venue_ns` the venue's clock (0: it did not say), both ns since
the epoch; `seq` the order of arrival, unique and rising; `size` contracts; `value` NaN and `value_ns` 0 where a kind
has none; `venue_seq` the venue's own number of a book message or trade (0: none). The rows of one message are
consecutive and share `t_ns`, `venue_ns` and `venue_seq`."""

EVENT_SCHEMA = pa.schema([pa.field(name, pa.type_for_alias(dtype), False) for name, dtype in EVENT_COLUMNS.items()])
"""The same for Arrow and Parquet; no column has nulls."""


def event_table(columns: Mapping[str, npt.NDArray[Any]], rows: int | None = None) -> pa.Table:
    """An Arrow table of the schema from arrays; columns left out are filled with what "none" is (0, NaN).

    Parameters
    ----------
    columns : mapping of str to array[n]
        Any of `EVENT_COLUMNS`; cast to its dtype without loss.
    rows : int, optional
        n, where no column is given.

    Raises
    ------
    KeyError
        For a name that is no column.
    """
    unknown = set(columns) - set(EVENT_COLUMNS)
    if unknown:
        raise KeyError(f"no such columns of an event table: {sorted(unknown)}; expected {list(EVENT_COLUMNS)}")
    count = rows if rows is not None else len(next(iter(columns.values())))
    arrays = []
    for name, dtype in EVENT_COLUMNS.items():
        if name in columns:
            values = np.ascontiguousarray(columns[name]).astype(dtype, casting="same_kind", copy=False)
        else:
            values = np.full(count, np.nan if name == "value" else 0, dtype=dtype)
        arrays.append(pa.array(values))
    return pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA)


def event_frame(table: pa.Table) -> pd.DataFrame:
    """The pandas form of an event table: the same columns and dtypes, a plain row number as index."""
    frame: pd.DataFrame = table.select(list(EVENT_COLUMNS)).to_pandas()
    return frame
