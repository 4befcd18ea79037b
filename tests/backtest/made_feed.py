"""A made market as rows of hftbacktest's event array: a book of resting orders around a wandering fair value.

Takers eat levels and every level that they touch is reported with the trade's own stamp, so trades and book agree.
Trades and levels travel in two streams, each first in first out with a lag of its own; rows that the two clocks order
differently are split in two, as every record of two streams needs. The same arguments give the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TICK, LOT = 0.1, 0.001
EVENT = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ]
)
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28

START_NS = 1_700_000_000_000_000_000
MIDDLE = 600_000
FAR = 500_000
CHUNK = 100_000
KIND, SIDE, TICKS, SIZE, AT, HEARD = range(6)
BID, ASK = 0, 1


@dataclass(frozen=True)
class Market:
    """The shape of a made market: rates a second, ticks, shares of all events."""

    events_per_s: float = 1_250.0
    taker_share: float = 0.15
    volatility: float = 60.0
    near_share: float = 0.25
    log_distance: float = 4.2
    far_share: float = 0.002
    message_ns: int = 0
    """Levels are collected into messages of this period; 0 sends each at once."""
    reach: int = 60_000
    """Ticks on either side of the start for which there is a book."""


TIGHT = Market()
CALM = Market(volatility=4.0, near_share=0.6)
"""The best prices stand for seconds: who is filled is a matter of the queue."""
MESSAGES = Market(
    events_per_s=1_950.0,
    taker_share=0.032,
    near_share=0.08,
    log_distance=6.1,
    far_share=0.01,
    message_ns=50_000_000,
)


def make_feed(
    rows: int, seed: int, market: Market = TIGHT, *, compile_with: Callable[..., Any] | None = None
) -> np.ndarray[Any, Any]:
    """At most so many rows, valid for hftbacktest: exchange rows by venue time, local rows by receipt.

    Parameters
    ----------
    rows : int
        Length wanted; fewer when the price leaves the book's reach.
    seed : int
        Of everything.
    market : Market
        Its shape.
    compile_with : callable, optional
        `numba.njit`, worth its seconds from some 10^5 rows on.
    """
    walk, pair = (compile_with(f) if compile_with else f for f in (_walk, _pair))
    if market.message_ns:
        # A third of the levels changes again before its message leaves.
        table = _in_messages(_market_rows(3 * rows // 2, seed, market, walk), market.message_ns)
    else:
        table = _market_rows(rows, seed, market, walk)
    by_venue = np.argsort(table[AT], kind="stable")
    rank = np.empty_like(by_venue)
    rank[by_venue] = np.arange(len(rank))
    by_receipt = np.lexsort((rank, table[HEARD]))
    row, flags = np.empty(2 * len(rank), np.int64), np.empty(2 * len(rank), np.int64)
    length = min(rows, pair(by_venue, by_receipt, rank, row, flags))
    return _encoded(table[:, row[:length]], flags[:length])


def _market_rows(rows: int, seed: int, market: Market, walk: Callable[..., int]) -> np.ndarray[Any, Any]:
    """Columns `KIND` to `HEARD` of every level and trade, in the order in which they happened."""
    rng = np.random.default_rng(seed)
    book = np.zeros((2, 2 * market.reach + 1), np.int64)
    depth = market.reach - 2
    sizes = np.exp(rng.normal(5.0, 1.4, (2, depth))).astype(np.int64) + 1
    filled = rng.random((2, depth)) < np.where(np.arange(depth) < 200, 0.8, 0.35)
    filled[:, 0] = True
    book[BID, market.reach - 1 - np.arange(depth)] = sizes[BID] * filled[BID]
    book[ASK, market.reach + 1 + np.arange(depth)] = sizes[ASK] * filled[ASK]
    whole = np.array([START_NS, market.reach - 1, market.reach + 1, START_NS, START_NS], np.int64)
    real = np.array([float(market.reach), 0.0])
    rates = np.array(
        [
            market.events_per_s,
            market.taker_share,
            market.volatility,
            market.near_share,
            market.log_distance,
            market.far_share,
        ]
    )
    parts = [_snapshot(book, market.reach)]
    made = parts[0].shape[1]
    while made < rows:
        events = min(CHUNK, rows)
        out = np.empty((6, 45 * events), np.int64)
        count = walk(rng.random((events, 7)), rng.normal(size=(events, 3)), book, whole, real, rates, out)
        out[TICKS, :count] += MIDDLE - market.reach
        parts.append(out[:, :count].copy())
        made += count
        if not market.reach / 2 < real[0] < 1.5 * market.reach:
            break
    return np.concatenate(parts, axis=1)


def _snapshot(book: np.ndarray[Any, Any], reach: int, levels: int = 1_000) -> np.ndarray[Any, Any]:
    bids = np.flatnonzero(book[BID])[::-1][:levels]
    asks = np.flatnonzero(book[ASK])[:levels]
    table = np.zeros((6, 2 + len(bids) + len(asks)), np.int64)
    table[KIND] = SNAPSHOT
    table[KIND, :2] = CLEAR
    table[SIDE] = np.r_[BUY, SELL, np.full(len(bids), BUY), np.full(len(asks), SELL)]
    table[TICKS, 2:] = np.r_[bids, asks] + MIDDLE - reach
    table[SIZE, 2:] = np.r_[book[BID, bids], book[ASK, asks]]
    table[AT], table[HEARD] = START_NS, START_NS + 4_200_000
    return table


def _walk(uniform, normal, book, whole, real, rates, out):  # type: ignore[no-untyped-def]
    """Let so many events happen; returns the number of rows written to `out`. Plain Python that compiles."""
    t_ns, bid, ask, depth_ns, trade_ns = whole[0], whole[1], whole[2], whole[3], whole[4]
    fair, slow = real[0], real[1]
    events_per_s, taker_share, volatility, near, log_distance, far = rates
    width = book.shape[1]
    n = 0
    for event in range(uniform.shape[0]):
        u, z = uniform[event], normal[event]
        seconds = -math.log(u[0]) / events_per_s
        t_ns += int(seconds * 1e9) + 1
        fair += volatility * math.sqrt(seconds) * z[0]
        kept = math.exp(-2.0 * seconds)
        slow = kept * slow + math.sqrt(1.0 - kept * kept) * z[1]
        lag = 1.2e6 + 2.6e6 * math.exp(0.85 * slow)
        trade_ns = max(trade_ns, t_ns + int(lag - 0.05e6 * math.log(u[5])))
        depth_ns = max(depth_ns, t_ns + int(lag - 0.15e6 * math.log(u[6])))
        gap = fair - 0.5 * (bid + ask)
        chases = abs(gap) > 1.5 and u[1] < 0.55
        if u[2] < taker_share:
            buys = gap > 0.0 if chases else u[3] < 1.0 / (1.0 + math.exp(-0.35 * gap))
            side, best, step = (1, ask, 1) if buys else (0, bid, -1)
            left = min(max(int(16.0 * math.exp(1.9 * z[2])), 1), 20_000)
            if chases and u[4] < 0.5:
                left = max(left, book[side, best])
            for _ in range(20):
                taken = min(left, book[side, best])
                left -= taken
                book[side, best] -= taken
                out[0, n], out[1, n], out[2, n], out[3, n] = 2, 1 << (29 if buys else 28), best, taken
                out[4, n], out[5, n] = t_ns, trade_ns
                n += 1
                out[0, n], out[1, n], out[2, n], out[3, n] = 1, 1 << (28 if buys else 29), best, book[side, best]
                out[4, n], out[5, n] = t_ns, depth_ns
                n += 1
                while book[side, best] == 0 and 1 < best < width - 2:
                    best += step
                if left == 0:
                    break
            bid, ask = (bid, best) if buys else (best, ask)
        else:
            side = 0 if u[1] < 0.5 else 1
            if u[3] < far:
                distance = int(5_000.0 * 100.0 ** u[4])
                out[2, n] = (bid - distance) if side == 0 else (ask + distance)
                out[0, n], out[1, n], out[3, n] = 1, 1 << (29 if side == 0 else 28), int(50.0 * abs(z[2]))
                out[4, n], out[5, n] = t_ns, depth_ns
                n += 1
                continue
            joins = 1 + int(150.0 * math.exp(1.4 * z[2]))
            if chases:
                # The side that the fair value runs over is pulled, or the other one steps into the gap.
                retreats = u[4] < 0.5 or ask - bid == 1
                side = (1 if retreats else 0) if gap > 0.0 else (0 if retreats else 1)
                place = (ask if side else bid) if retreats else (ask - 1 if side else bid + 1)
                size = 0 if retreats else joins
            elif ask - bid > 1 and u[4] < 0.35:
                place, size = (ask - 1 if side else bid + 1), joins
            else:
                distance = int(-3.0 * math.log(u[4])) if u[3] < near else int(math.exp(log_distance + 1.5 * z[0]))
                distance = min(distance, width // 6)
                place = ask + distance if side else bid - distance
                rests = book[side, place]
                size = rests + joins // 2 + 1
                if rests > 0 and u[4] > 0.5:
                    size = 0 if u[4] > 0.5 + 0.5 * (0.88 if distance <= 2 else 0.25) else 1 + int(rests * u[4])
            if size == book[side, place]:
                continue
            book[side, place] = size
            bid = max(bid, place) if side == 0 and size else bid
            ask = min(ask, place) if side == 1 and size else ask
            while book[0, bid] == 0 and bid > 1:
                bid -= 1
            while book[1, ask] == 0 and ask < width - 2:
                ask += 1
            out[0, n], out[1, n], out[2, n], out[3, n] = 1, 1 << (28 if side else 29), place, size
            out[4, n], out[5, n] = t_ns, depth_ns
            n += 1
        if bid < width // 8 or ask > width - width // 8 or n > out.shape[1] - 45:
            break
    whole[0], whole[1], whole[2], whole[3], whole[4] = t_ns, bid, ask, depth_ns, trade_ns
    real[0], real[1] = fair, slow
    return n


def _in_messages(table: np.ndarray[Any, Any], period_ns: int) -> np.ndarray[Any, Any]:
    """Levels once a period, each as it last was; trades at their own time."""
    level = table[KIND] == DEPTH
    levels, others = table[:, level], table[:, ~level]
    end_ns = -(-levels[AT] // period_ns) * period_ns
    lag = levels[HEARD] - levels[AT]
    which = ((end_ns - START_NS) // period_ns << 22) | (levels[TICKS] << 1) | (levels[SIDE] == BUY)
    _, newest = np.unique(which[::-1], return_index=True)
    kept = np.sort(len(which) - 1 - newest)
    message, first = np.unique(end_ns[kept], return_index=True)
    heard = np.maximum.accumulate(message + lag[kept][first])
    levels = levels[:, kept]
    levels[AT], levels[HEARD] = end_ns[kept], heard[np.searchsorted(message, end_ns[kept])]
    merged = np.concatenate([others, levels], axis=1)
    return merged[:, np.argsort(merged[AT], kind="stable")]


def _pair(by_venue, by_receipt, rank, row, flags):  # type: ignore[no-untyped-def]
    """Merge the two orders: a row that both reach together goes out once (flags 3), else once for each (2, 1)."""
    n, i, j = len(by_venue), 0, 0
    k = 0
    while i < n or j < n:
        if i < n and j < n and by_venue[i] == by_receipt[j]:
            row[k], flags[k] = by_venue[i], 3
            i += 1
            j += 1
        elif j < n and rank[by_receipt[j]] < i:
            row[k], flags[k] = by_receipt[j], 1
            j += 1
        else:
            row[k], flags[k] = by_venue[i], 2
            i += 1
        k += 1
    return k


def _encoded(table: np.ndarray[Any, Any], flags: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    data = np.zeros(table.shape[1], EVENT)
    views = np.where(flags & 2, EXCHANGE, 0) | np.where(flags & 1, LOCAL, 0)
    data["ev"] = (table[KIND] | table[SIDE] | views).astype(np.uint64)
    data["exch_ts"], data["local_ts"] = table[AT], table[HEARD]
    data["px"] = np.round(table[TICKS] * TICK, 6)
    data["px"][table[KIND] == CLEAR] = np.nan
    data["qty"] = np.round(table[SIZE] * LOT, 6)
    return data
