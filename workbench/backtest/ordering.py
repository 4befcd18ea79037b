"""Event tables into the rows of a feed: stamps put right, both orders of time found, prices and funding set apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import FUNDING_STAMPS, PRICES
from workbench.backtest.kernels.rows import ASK_SIDE, BID_SIDE, EXCHANGE, LARGEST, LOCAL, merge_orders
from workbench.backtest.store import CHUNK, Columns, FeedStore
from workbench.data import CLEAR, DEPTH, EVENT_COLUMNS, FUNDING, GAP, GAP_TRADES, MARK, RESYNC, SNAPSHOT, TRADE
from workbench.errors import DataError
from workbench.events import NS
from workbench.instruments import Instrument

__all__ = ["EventTables"]

HORIZON_NS = 10 * NS
"""Rows may be this far out of order; what comes later still is taken as if it had come in time."""

_ROW_KINDS = (DEPTH, TRADE, CLEAR, SNAPSHOT, GAP, RESYNC)


class EventTables:
    """Event tables in the order of arrival.

    Parameters
    ----------
    source : DataFrame, Arrow table or iterable of either
        Gone through twice; one that makes its tables as it goes holds none of them in memory.
    instrument : Instrument
    least_latency_s : float
        See `Feed.prepare`.
    """

    def __init__(self, source: Any, instrument: Instrument, least_latency_s: float) -> None:
        whole = hasattr(source, "columns") or not isinstance(source, Iterable)
        if isinstance(source, Iterator):
            raise DataError(
                f"source is a {type(source).__name__}, which can be gone through once; expected a list of tables"
            )
        self._tables: Iterable[Any] = [source] if whole else source
        self._instrument = instrument
        self._least_ns = round(least_latency_s * NS)
        self._fastest_ns: int | None = None
        self._count = 0
        self.settings = f"events {least_latency_s}"

    def survey(self, see: Callable[[NDArray[Any]], None]) -> None:
        """Show every column, and find the fastest row."""
        fastest = []
        self._count = 0
        for piece in self._read():
            self._count += piece["kind"].size
            for values in piece.values():
                see(values)
            stamped = (piece["venue_ns"] > 0) & (piece["kind"] != GAP) & (piece["kind"] != RESYNC)
            if stamped.any():
                fastest.append(int((piece["t_ns"] - piece["venue_ns"])[stamped].min()))
        self._fastest_ns = min(fastest, default=self._least_ns)

    def _read(self) -> Iterator[Columns]:
        for table in self._tables:
            names = getattr(table, "column_names", None) or list(getattr(table, "columns", []))
            missing = [name for name in EVENT_COLUMNS if name not in names]
            if missing:
                raise DataError(
                    f"source is a {type(table).__name__} without the columns {missing}; expected an event table "
                    f"({', '.join(EVENT_COLUMNS)}), hftbacktest's rows or the path of such a file"
                )
            for at in range(0, len(table), CHUNK):
                piece = table.slice(at, CHUNK) if hasattr(table, "column_names") else table.iloc[at : at + CHUNK]
                yield {
                    name: np.ascontiguousarray(piece[name].to_numpy(), dtype=dtype)
                    for name, dtype in EVENT_COLUMNS.items()
                }

    def fill(self, store: FeedStore) -> None:
        """Put the rows in order into the store, with prices and funding beside them.

        Raises
        ------
        DataError
            For what cannot be a market, and for data that changed between the two times they were read.
        """
        offset_ns, notes = self._clock()
        sorter = _Sorter()
        prices = _Prices(self._instrument)
        last_seq, snapshot_ns = np.iinfo(np.int64).min, np.iinfo(np.int64).min
        count = repeated = stale = end_ns = 0
        for piece in self._read():
            count += piece["kind"].size
            piece["venue_ns"] = np.where(
                piece["venue_ns"] > 0, piece["venue_ns"] + offset_ns, piece["t_ns"] - self._least_ns
            )
            newest = np.maximum.accumulate(np.concatenate([[last_seq], piece["seq"]]))
            fresh = piece["seq"] > newest[:-1]
            repeated += int(np.count_nonzero(~fresh))
            last_seq = newest[-1]
            prices.take(piece, fresh)
            end_ns = max(end_ns, int(piece["t_ns"].max()))
            # A level older than the last whole book is in that book already.
            whole = np.where(piece["kind"] == SNAPSHOT, piece["venue_ns"], np.iinfo(np.int64).min)
            whole = np.maximum.accumulate(np.concatenate([[snapshot_ns], whole]))[1:]
            snapshot_ns = whole[-1]
            old = fresh & (piece["kind"] == DEPTH) & (piece["venue_ns"] < whole)
            stale += int(np.count_nonzero(old))
            keep = fresh & ~old & np.isin(piece["kind"], _ROW_KINDS)
            keep &= ~((piece["kind"] == GAP) & (piece["size"] == GAP_TRADES))
            kept = {name: values[keep] for name, values in piece.items()}
            _check(kept)
            _put(store, sorter.take(kept))
        _put(store, sorter.take(None))
        if count != self._count:
            raise DataError(
                f"the source had {self._count:,} rows and then {count:,}: it changed while it was read; prepare it "
                "again, or up to an end that is past"
            )
        notes += sorter.notes
        if repeated:
            notes.append(f"{repeated:,} rows came again (their seq did not rise) and were left out")
        if stale:
            notes.append(f"{stale:,} levels were older than the whole book received before them and were left out")
        store.notes += notes
        store.prices, store.funding = prices.tables(end_ns)

    def _clock(self) -> tuple[int, list[str]]:
        """What to add to the venue's stamps so that nothing is heard before it happens."""
        if self._fastest_ns is None:
            self.survey(lambda _: None)
        fastest = self._fastest_ns
        assert fastest is not None
        if fastest > 0:
            return 0, []
        offset = fastest - self._least_ns
        said = (
            f"the receiver's clock stood {-fastest / 1e6:,.3f} ms behind the venue's: the venue's stamps were moved by "
            f"{offset / 1e6:,.3f} ms, so that the fastest row takes {self._least_ns / 1e6:g} ms"
        )
        return offset, [said]


def _put(store: FeedStore, columns: Columns | None) -> None:
    if columns is not None:
        count = columns["code"].size
        for name, into in store.room(count).items():
            into[:] = columns[name]
        store.add(count)


def _check(rows: Columns) -> None:
    priced = np.isin(rows["kind"], (DEPTH, TRADE, SNAPSHOT))
    price, size, side = rows["price_ticks"], rows["size"], rows["side"]
    bad = priced & ((price < 1) | (price > LARGEST) | (size < 0) | (size > LARGEST) | (np.abs(side) != 1))
    bad |= (rows["kind"] == CLEAR) & ((price < 0) | (price > LARGEST))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"row with seq {rows['seq'][i]}: kind {rows['kind'][i]}, side {side[i]}, price {price[i]} ticks, size "
            f"{size[i]}; expected side 1 or -1, a price from 1 and a size from 0, both under 2^31"
        )


class _Sorter:
    """Sorts rows for both views as far as nothing earlier can still come."""

    def __init__(self) -> None:
        self._waiting: Columns = {}
        self._newest = [0, 0]
        self._last = [0, 0]
        self._split = self._late = self._unordered = 0

    @property
    def notes(self) -> list[str]:
        made = []
        if self._unordered:
            made.append(f"{self._unordered:,} rows were received in another order than they happened in: put right")
        if self._split:
            made.append(f"{self._split:,} rows stand twice, once in each view")
        if self._late:
            made.append(f"{self._late:,} rows were more than {HORIZON_NS // NS} s out of order and were moved up")
        return made

    def take(self, rows: Columns | None) -> Columns | None:
        """Add rows (None: there are no more) and hand out what is settled, as columns of the feed."""
        if rows is not None:
            rows["flags"] = np.full(rows["kind"].size, EXCHANGE | LOCAL, np.uint8)
            venue = np.maximum.accumulate(np.concatenate([[self._newest[0]], rows["venue_ns"]]))
            self._unordered += int(np.count_nonzero(rows["venue_ns"] < venue[:-1]))
            self._newest = [int(venue[-1]), max(self._newest[1], int(rows["t_ns"].max(initial=0)))]
            for name, values in self._waiting.items():
                rows[name] = np.concatenate([values, rows[name]])
            until = [newest - HORIZON_NS for newest in self._newest]
        else:
            rows, until = self._waiting, [np.iinfo(np.int64).max] * 2
            if not rows:
                return None
        out, settled = self._merge(rows, until)
        self._waiting = {name: values[~settled] for name, values in rows.items()}
        return out if out["code"].size else None

    def _merge(self, rows: Columns, until: list[int]) -> tuple[Columns, NDArray[np.bool_]]:
        orders = []
        for view, name, end in ((EXCHANGE, "venue_ns", until[0]), (LOCAL, "t_ns", until[1])):
            due = np.flatnonzero(((rows["flags"] & view) != 0) & (rows[name] <= end))
            orders.append(due[np.argsort(rows[name][due], kind="stable")])
        rank = np.where(rows["flags"] & EXCHANGE, np.iinfo(np.int64).max, -1).astype(np.int64)
        rank[orders[0]] = np.arange(orders[0].size)
        picked = np.empty(orders[0].size + orders[1].size, np.int64)
        flags = np.empty(picked.size, np.uint8)
        count = merge_orders(orders[0], orders[1], rank, picked, np.zeros(2, np.int64), flags)
        picked, flags = picked[:count], flags[:count]
        self._split += int(np.count_nonzero(flags == LOCAL))
        for view, order in zip((EXCHANGE, LOCAL), orders, strict=True):
            rows["flags"][order] &= np.uint8(0xFF ^ view)
        side = rows["side"][picked]
        out: Columns = {
            "code": rows["kind"][picked].astype(np.uint8)
            | flags
            | np.where(side > 0, BID_SIDE, 0).astype(np.uint8)
            | np.where(side < 0, ASK_SIDE, 0).astype(np.uint8),
            "price_ticks": rows["price_ticks"][picked].astype(np.int32),
            "size": rows["size"][picked].astype(np.int32),
        }
        for at, (view, name) in enumerate(((EXCHANGE, "venue_ns"), (LOCAL, "t_ns"))):
            if self._last[at] == 0 and orders[at].size:
                # Rows before the first one of a view carry that one's stamp.
                self._last[at] = int(rows[name][orders[at][0]])
            stamps = np.where(flags & view, rows[name][picked], 0)
            self._late += int(np.count_nonzero((flags & view != 0) & (stamps < self._last[at])))
            stamps = np.maximum.accumulate(np.concatenate([[self._last[at]], stamps]))[1:]
            self._last[at] = int(stamps[-1]) if count else self._last[at]
            out[name] = stamps
        return out, rows["flags"] == 0


class _Prices:
    """Mark prices and funding, message by message."""

    def __init__(self, instrument: Instrument) -> None:
        self._tick = instrument.tick_size
        self._seen: list[Columns] = []

    def take(self, piece: Columns, fresh: NDArray[np.bool_]) -> None:
        keep = fresh & np.isin(piece["kind"], (MARK, FUNDING))
        if keep.any():
            self._seen.append({name: piece[name][keep] for name in ("t_ns", "seq", "kind", "value", "value_ns")})

    def tables(self, end_ns: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Prices as heard, and the stamps up to a time at which funding is paid: the last rate said for each."""
        if not self._seen:
            return np.empty(0, PRICES), np.empty(0, FUNDING_STAMPS)
        rows = {name: np.concatenate([part[name] for part in self._seen]) for name in self._seen[0]}
        bad = ~np.isfinite(rows["value"]) | ((rows["kind"] == MARK) & ~(rows["value"] > 0.0))
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            raise DataError(f"row with seq {rows['seq'][i]}: mark price or funding rate is {rows['value'][i]}")
        order = np.argsort(rows["t_ns"], kind="stable")
        rows = {name: values[order] for name, values in rows.items()}
        mark = rows["kind"] == MARK
        table = np.empty(mark.size, PRICES)
        table["t_ns"] = rows["t_ns"]
        ticks = np.zeros(mark.size)
        # Through the price as it is written, as live: to the last digit of the float.
        ticks[mark] = [float(Decimal(repr(value)) / self._tick) for value in rows["value"][mark].tolist()]
        table["mark"] = _last_known(ticks, mark, np.nan)
        table["rate"] = _last_known(rows["value"], ~mark, 0.0)
        table["funding_ns"] = _last_known(rows["value_ns"], ~mark, 0)
        dated = table["funding_ns"][~mark]
        stamps = [at for at in np.unique(dated) if 0 < at <= end_ns]
        funding = np.empty(len(stamps), FUNDING_STAMPS)
        for i, at in enumerate(stamps):
            said = np.flatnonzero((table["funding_ns"] == at) & (table["t_ns"] <= at))
            last = said[-1] if said.size else int(np.flatnonzero(table["funding_ns"] == at)[0])
            funding[i] = (at, table["rate"][last], table["mark"][last])
        return table, funding


def _last_known(values: NDArray[Any], known: NDArray[np.bool_], before: float) -> NDArray[Any]:
    """The newest known value at each row."""
    last = np.maximum.accumulate(np.where(known, np.arange(known.size), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], before)
