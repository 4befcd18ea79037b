"""Binance's depth stream and its REST snapshot, put together by the numbers of their updates.

Levels come in messages that carry the first and last update they contain and the last one before them; the snapshot
says up to which update it is complete. Where the chain breaks a GAP stands, where a snapshot mends it a RESYNC; what a
snapshot already contains and arrives after it is left out. Everything else stays as it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workbench.data.schema import (
    BBO,
    CLEAR,
    DEPTH,
    EVENT_COLUMNS,
    FUNDING,
    GAP,
    GAP_SEQUENCE,
    GAP_TRADES,
    INDEX,
    MARK,
    RESYNC,
    SNAPSHOT,
    TRADE,
    event_table,
)

__all__ = ["BinanceRows"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[Any]]

# Rows of one message: what is said of the book before its levels.
_REMARK, _RESYNCED, _CLEAR_BIDS, _BIDS, _CLEAR_ASKS, _ASKS = range(6)
_SLOTS = 6


class BinanceRows:
    """Makes event tables of messages, chunk after chunk, and remembers where the chains of numbers stand.

    Attributes
    ----------
    gaps, trade_gaps : int
        Breaks of the chain of book updates, and of the trade ids.
    stale : int
        Book messages left out because the snapshot before them contains them.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self.trade_gaps = 0
        self.stale = 0
        self._seq = -1
        self._known_id = -1
        self._diff_ns = 0
        self._chain_from = -1
        self._snapshot_id = -1
        self._lost: tuple[int, int] | None = (0, 0)
        self._trade_id = -1
        self._trade_ns = 0
        self._parts: list[dict[str, npt.NDArray[Any]]] = []

    def table(self) -> pa.Table:
        """The rows of everything added since the last call, in the order of arrival."""
        parts, self._parts = self._parts, []
        if not parts:
            return event_table({}, rows=0)
        order = np.argsort(np.concatenate([part["order"] for part in parts]), kind="stable")
        columns = {
            name: np.concatenate([_column(part, name) for part in parts])[order]
            for name in EVENT_COLUMNS
            if name != "seq"
        }
        if self._seq < 0:
            self._seq = int(columns["t_ns"][0])
        columns["seq"] = np.arange(self._seq, self._seq + order.size)
        self._seq += order.size
        return event_table(columns)

    # --- book -------------------------------------------------------------------------------------------------------

    def add_depth(self, levels: Columns) -> None:
        """Levels of diff messages and snapshots, whole messages in the order of arrival.

        Parameters
        ----------
        levels : mapping of str to array[n]
            message (number in the order of arrival, over all kinds), t_ns, venue_ns; first_id, last_id and prev_id of
            the message (of a snapshot only last_id counts); snapshot (bool), side, price_ticks, size.
        """
        message = levels["message"]
        if not message.size:
            return
        starts = np.flatnonzero(np.diff(message, prepend=message[0] - 1))
        ends = np.append(starts[1:], message.size)
        first = {name: values[starts] for name, values in levels.items()}
        diff = ~first["snapshot"]
        known = np.maximum.accumulate(np.append(self._known_id, first["last_id"]))
        gap = diff & (known[:-1] >= 0) & (first["prev_id"] > known[:-1])
        begins = diff & (self._chain_from < 0) & (np.cumsum(diff) == 1)
        diff_ns = _last_before(first["t_ns"], diff, self._diff_ns)
        for at in np.flatnonzero(gap | begins | ~diff).tolist():
            if diff[at]:
                self._chain_from = int(first["prev_id"][at])
            if gap[at]:
                self._break(first, at, int(diff_ns[at]))
            elif not diff[at]:
                self._mend(
                    first, at, levels["side"][starts[at] : ends[at]], levels["price_ticks"][starts[at] : ends[at]]
                )
        snapshot_ids = _last_before(first["last_id"], ~diff, self._snapshot_id)
        stale = diff & (first["last_id"] < snapshot_ids)
        self.stale += int(np.count_nonzero(stale))
        self._known_id = int(known[-1])
        self._diff_ns = int(first["t_ns"][-1] if diff[-1] else diff_ns[-1])
        self._snapshot_id = int(snapshot_ids[-1] if diff[-1] else first["last_id"][-1])
        kept = np.repeat(~stale, ends - starts)
        part = {
            "order": message * _SLOTS + np.where(levels["snapshot"] & (levels["side"] < 0), _ASKS, _BIDS),
            "kind": np.where(levels["snapshot"], SNAPSHOT, DEPTH),
            "venue_seq": levels["last_id"],
            **{name: levels[name] for name in ("t_ns", "venue_ns", "side", "price_ticks", "size")},
        }
        self._parts.append({name: values[kept] for name, values in part.items()})

    def _break(self, first: Columns, at: int, since_ns: int) -> None:
        self.gaps += 1
        self._lost = (GAP_SEQUENCE, since_ns)
        self._remark(first, at, _REMARK, kind=GAP, size=GAP_SEQUENCE, value_ns=since_ns)

    def _mend(self, first: Columns, at: int, side: Ints, price: Ints) -> None:
        """Before the levels of a snapshot: what of the book is void, and whether it is whole from here on."""
        lost = self._lost
        if lost is not None:
            if self._chain_from > int(first["last_id"][at]):
                # Older than what is known of the stream: between the two something is missing all the same.
                return
            self._remark(first, at, _RESYNCED, kind=RESYNC, size=lost[0], value_ns=lost[1])
            self._lost = None
            if lost[0]:
                self._remark(first, at, _CLEAR_BIDS, kind=CLEAR)
                return
        # A snapshot ends somewhere; what lies behind its end stands.
        for this, slot, farthest in ((1, _CLEAR_BIDS, np.min), (-1, _CLEAR_ASKS, np.max)):
            prices = price[side == this]
            if prices.size:
                self._remark(first, at, slot, kind=CLEAR, side=this, price_ticks=int(farthest(prices)))

    def _remark(self, first: Columns, at: int, slot: int, **columns: int) -> None:
        stamps = {name: first[name][at] for name in ("t_ns", "venue_ns")}
        row = {"order": first["message"][at] * _SLOTS + slot, "venue_seq": first["last_id"][at], **stamps, **columns}
        self._parts.append({name: np.array([value]) for name, value in row.items()})

    # --- trades, best prices, marks ---------------------------------------------------------------------------------

    def add_trades(self, trades: Columns) -> None:
        """Public trades: message, t_ns, venue_ns, trade_id, side (of the taker), price_ticks, size."""
        ids = trades["trade_id"]
        if not ids.size:
            return
        known = np.maximum.accumulate(np.append(self._trade_id, ids))
        before_ns = np.append(self._trade_ns, trades["t_ns"][:-1])
        for at in np.flatnonzero((known[:-1] >= 0) & (ids > known[:-1] + 1)).tolist():
            self.trade_gaps += 1
            first = {**trades, "last_id": ids}
            self._remark(first, at, _REMARK, kind=GAP, size=GAP_TRADES, value_ns=int(before_ns[at]))
        self._trade_id, self._trade_ns = int(known[-1]), int(trades["t_ns"][-1])
        self._add(trades, TRADE, side=trades["side"], price_ticks=trades["price_ticks"], size=trades["size"], seq=ids)

    def add_best(self, best: Columns) -> None:
        """Best prices: message, t_ns, venue_ns, update_id, bid_ticks, bid_size, ask_ticks, ask_size."""
        for side, name in ((1, "bid"), (-1, "ask")):
            sides = np.full(best["message"].size, side)
            prices, sizes = best[f"{name}_ticks"], best[f"{name}_size"]
            self._add(best, BBO, side=sides, price_ticks=prices, size=sizes, seq=best["update_id"])

    def add_marks(self, marks: Columns) -> None:
        """Mark prices: message, t_ns, venue_ns, mark, index, rate, funding_ns; NaN for what was not said."""
        none = np.zeros(marks["message"].size, dtype=np.int64)
        for kind, name in ((MARK, "mark"), (INDEX, "index"), (FUNDING, "rate")):
            said = np.isfinite(marks[name])
            due = marks["funding_ns"] if kind == FUNDING else none
            part = {column: values[said] for column, values in marks.items()}
            self._add(part, kind, value=part[name], value_ns=due[said])

    def _add(self, rows: Columns, kind: int, *, seq: Ints | None = None, **columns: npt.NDArray[Any]) -> None:
        count = rows["message"].size
        if count:
            numbers = {} if seq is None else {"venue_seq": seq}
            stamps = {name: rows[name] for name in ("t_ns", "venue_ns")}
            order = rows["message"] * _SLOTS + _BIDS
            self._parts.append({"order": order, "kind": np.full(count, kind), **stamps, **numbers, **columns})


def _column(part: Columns, name: str) -> npt.NDArray[Any]:
    if name in part:
        return part[name].astype(EVENT_COLUMNS[name], copy=False)
    return np.full(part["order"].size, np.nan if name == "value" else 0, dtype=EVENT_COLUMNS[name])


def _last_before(values: Ints, chosen: Bools, carried: int) -> Ints:
    """For each place, the value at the last chosen place before it."""
    at = np.maximum.accumulate(np.where(chosen, np.arange(values.size), -1))
    at = np.append(-1, at[:-1])
    return np.where(at >= 0, values[np.maximum(at, 0)], carried)
