"""A recording as three Parquet tables, `l2_updates`, `trades` and `bbo`, with Binance's update numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.data.binance import BinanceRows
from workbench.errors import DataError

__all__ = ["LEVELS_FILE", "tables_of_level_tables", "what_level_tables_say"]

LEVELS_FILE = "l2_updates.parquet"
MS = 1_000_000
_STAMPS = ["seq", "ts_recv_ns", "ts_event_ms", "ts_trade_ms"]
_COLUMNS = {
    "l2_updates": [
        *_STAMPS, "first_id", "last_id", "prev_last_id", "is_snapshot", "side", "price_ticks", "qty_lots",
    ],
    "trades": [*_STAMPS, "trade_id", "taker_side", "price_ticks", "qty_lots"],
    "bbo": [*_STAMPS, "update_id", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots"],
}  # fmt: skip


def what_level_tables_say(folder: Path) -> dict[str, str]:
    """What the files say of themselves: venue, symbol, contract, tick_size, lot_size; empty where they say nothing."""
    said = (_opened(folder / LEVELS_FILE).schema_arrow.metadata or {}).get(b"dataset", b"{}")
    try:
        facts = json.loads(said, parse_float=Decimal)
    except ValueError:
        return {}
    return {name: str(value) for name, value in facts.items()}


def tables_of_level_tables(folder: Path, rows: BinanceRows, done: Callable[[float], None]) -> Iterator[pa.Table]:
    """Event tables of such a folder, some hundred thousand rows at a time.

    Parameters
    ----------
    folder : Path
        With l2_updates.parquet; trades.parquet and bbo.parquet are read where they are there.
    rows : BinanceRows
        Follows the chains of numbers.
    done : callable
        Told the share of the work that is done, 0 to 1.

    Raises
    ------
    DataError
        For a missing or damaged file or column.
    """
    depth = _opened(folder / LEVELS_FILE)
    others = {name: _Cursor(folder / f"{name}.parquet", _COLUMNS[name]) for name in ("trades", "bbo")}
    held: pa.Table | None = None
    read = 0
    for batch in _batches(depth, folder / LEVELS_FILE, _COLUMNS["l2_updates"]):
        read += batch.num_rows
        table = pa.Table.from_batches([batch])
        table = table if held is None else pa.concat_tables([held, table])
        # The last message may go on in the next batch.
        last = table.column("seq")[-1].as_py()
        whole = int(pc.sum(pc.less(table.column("seq"), last)).as_py())
        held, table = table.slice(whole), table.slice(0, whole)
        yield from _rows(rows, table, others, last)
        done(read / max(1, depth.metadata.num_rows))
    if held is not None:
        yield from _rows(rows, held, others, None)


def _rows(rows: BinanceRows, levels: pa.Table, others: dict[str, _Cursor], below: int | None) -> Iterator[pa.Table]:
    """The rows of these levels, and of whatever else was received before message `below`."""
    column = _arrays(levels)
    rows.add_depth(
        {
            **_stamps(column),
            "first_id": column["first_id"],
            "last_id": column["last_id"],
            "prev_id": column["prev_last_id"],
            "snapshot": column["is_snapshot"] != 0,
            "side": column["side"],
            "price_ticks": column["price_ticks"],
            "size": column["qty_lots"],
        }
    )
    column = _arrays(others["trades"].until(below))
    if column:
        sizes = {"price_ticks": column["price_ticks"], "size": column["qty_lots"]}
        rows.add_trades({**_stamps(column), "trade_id": column["trade_id"], "side": column["taker_side"], **sizes})
    column = _arrays(others["bbo"].until(below))
    if column:
        sides = {f"{side}_size": column[f"{side}_lots"] for side in ("bid", "ask")}
        ticks = {f"{side}_ticks": column[f"{side}_ticks"] for side in ("bid", "ask")}
        rows.add_best({**_stamps(column), "update_id": column["update_id"], **ticks, **sides})
    table = rows.table()
    if table.num_rows:
        yield table


def _arrays(table: pa.Table | None) -> dict[str, Any]:
    if table is None:
        return {}
    return {name: table.column(name).to_numpy().astype(np.int64, copy=False) for name in table.column_names}


def _stamps(column: dict[str, Any]) -> dict[str, Any]:
    """Matching time (T) is the venue's, as everywhere with Binance; where there is none the event's."""
    venue_ms = np.where(column["ts_trade_ms"] > 0, column["ts_trade_ms"], column["ts_event_ms"])
    return {"message": column["seq"], "t_ns": column["ts_recv_ns"], "venue_ns": venue_ms * MS}


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing; expected {LEVELS_FILE}, trades.parquet and bbo.parquet") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}; copy it again") from None


def _batches(file: pq.ParquetFile, path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    missing = [name for name in columns if name not in file.schema_arrow.names]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}; expected {', '.join(columns)}")
    try:
        yield from file.iter_batches(batch_size=1 << 19, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; copy it again") from None


class _Cursor:
    """Reads a table by its message numbers, each row once."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._batches = _batches(_opened(path), path, columns) if path.exists() else iter(())
        self._held: pa.Table | None = None

    def until(self, below: int | None) -> pa.Table | None:
        """Rows of messages before `below` (None: all that are left); None when there are none."""
        parts = [] if self._held is None else [self._held]
        while below is None or not parts or parts[-1].column("seq")[-1].as_py() < below:
            batch = next(self._batches, None)
            if batch is None:
                break
            parts.append(pa.Table.from_batches([batch]))
        if not parts:
            return None
        table = pa.concat_tables(parts)
        count = table.num_rows if below is None else int(pc.sum(pc.less(table.column("seq"), below)).as_py() or 0)
        self._held = table.slice(count) if count < table.num_rows else None
        return table.slice(0, count)
