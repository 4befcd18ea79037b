"""What models see, kept up to date in compiled code over flat arrays: live and backtest tabulate the very same view.

`view` is what models read (`quoting.schema.VIEW`). `numbers` (float64) and `stamps` (int64) are the memory behind it,
made by `make_memory`; `micro` is the table of a fitted micro-price, without rows when there is none. Whoever owns them
calls `update_quote` after each change of others' best quotes, `update_mark` and `note_fill` as they are heard, and
`break_series` when the book was lost. Times are nanoseconds on one clock and do not decrease.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, inner, types
from workbench.config import SignalsConfig, VolatilityConfig
from workbench.events import NS
from workbench.instruments import Instrument
from workbench.market.steps import flow_update, micro_adjustment
from workbench.quoting.schema import (
    ASK_ADVERSE,
    ASK_SIZE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    BID_SIZE,
    FUNDING_IN_S,
    FUNDING_RATE,
    GUIDE_VOLATILITY,
    MAKER_FEE,
    MARK,
    MICRO_PRICE,
    MID,
    ORDER_FLOW,
    SIGMA,
    TAKER_FEE,
    TIME_S,
    VIEW_SIZE,
    WEIGHTED_MID,
)
from workbench.volatility.ewma import COUNT, LAST_PRICE, ewma_update
from workbench.volatility.ewma import STATE_SIZE as EWMA_SIZE
from workbench.volatility.guide import spread_of_returns

__all__ = [
    "ViewMemory",
    "break_series",
    "make_memory",
    "make_view",
    "note_fill",
    "note_flow",
    "note_flows",
    "reconfigured",
    "update_mark",
    "update_quote",
]

SIGMA_SAMPLE_S = 0.5
"""The mid is sampled no more often than this, so that flicker between two ticks is not taken for volatility."""

GUIDE_SAMPLE_NS = NS
"""The guide polls a ticker; its price history takes the mid once a second."""

FLOW_BUCKETS = 10
"""The window of the order flow moves in so many steps."""

PENDING = 64
"""Fills of the last `markout_s` that are remembered; of more, the oldest are not counted."""

PRIOR_FILLS = 1.0
"""The mean markout is that of the fills and of so many more after which nothing moved."""

HALF_LIFE_S, MIN_SAMPLES, GUIDE_DEFAULT = range(3)
EWMA = 3
SIGNALS = EWMA + EWMA_SIZE
"""`numbers` before it belong to the volatility, from it on to the signals; the guide's ring of prices comes last."""
MARKOUT_HALF_LIFE_S = SIGNALS
QUOTE = SIGNALS + 1
FLOWS = QUOTE + 4
MARKOUTS = FLOWS + FLOW_BUCKETS
PENDING_MID = MARKOUTS + 4
RING = PENDING_MID + PENDING

START_NS, FUNDING_NS, GUIDE_NS, GUIDE_SEEN = range(4)
STAMPED_SIGNALS = 4
"""`stamps` from here on belong to the signals."""
BUCKET_NS, BUCKET, FLOW_SINCE_NS, MARKOUT_NS, BID_MARKOUT_NS, ASK_MARKOUT_NS, FIRST, WAITING = range(4, 12)
PENDING_NS = 12
PENDING_SIDE = PENDING_NS + PENDING
STAMPS_SIZE = PENDING_SIDE + PENDING

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_F = types.float64[::1]
_I = types.int64[::1]
_FF = types.float64[:, ::1]
_f, _i = types.float64, types.int64


class ViewMemory(NamedTuple):
    """The memory behind a view: `numbers` float64, `stamps` int64, `micro` float64[spreads, buckets]."""

    numbers: Floats
    stamps: Ints
    micro: Floats


def make_view(instrument: Instrument) -> Floats:
    """The array that models read, before the first event: float64[VIEW_SIZE], NaN where nothing is known yet."""
    view = np.zeros(VIEW_SIZE)
    view[[MARK, SIGMA, FUNDING_IN_S, MICRO_PRICE, ORDER_FLOW]] = math.nan
    view[MAKER_FEE] = float(instrument.maker_fee)
    view[TAKER_FEE] = float(instrument.taker_fee)
    return view


def make_memory(volatility: VolatilityConfig, signals: SignalsConfig) -> ViewMemory:
    """Fresh memory for these settings."""
    numbers = np.zeros(RING + volatility.window)
    numbers[[HALF_LIFE_S, MIN_SAMPLES, GUIDE_DEFAULT]] = (
        volatility.half_life_s,
        volatility.min_samples,
        volatility.default,
    )
    numbers[MARKOUT_HALF_LIFE_S] = signals.markout_half_life_s
    numbers[QUOTE : QUOTE + 4] = math.nan
    stamps = np.zeros(STAMPS_SIZE, dtype=np.int64)
    stamps[BUCKET_NS] = max(1, round(signals.flow_window_s * NS / FLOW_BUCKETS))
    stamps[FLOW_SINCE_NS] = -1
    stamps[MARKOUT_NS] = round(signals.markout_s * NS)
    table = signals.micro_price
    micro = np.zeros((0, 0)) if table is None else np.array(table, dtype=np.float64)
    return ViewMemory(numbers, stamps, micro)


def reconfigured(
    memory: ViewMemory, volatility: VolatilityConfig, signals: SignalsConfig, *, same: tuple[bool, bool]
) -> ViewMemory:
    """Memory for changed settings; what volatility or signals remember stays where theirs are the same."""
    new = make_memory(volatility, signals)
    same_volatility, same_signals = same
    new.stamps[: GUIDE_NS + 1] = memory.stamps[: GUIDE_NS + 1]
    if same_volatility:
        new.numbers[:SIGNALS] = memory.numbers[:SIGNALS]
        new.numbers[RING:] = memory.numbers[RING:]
        new.stamps[GUIDE_SEEN] = memory.stamps[GUIDE_SEEN]
    if same_signals:
        new.numbers[SIGNALS:RING] = memory.numbers[SIGNALS:RING]
        new.stamps[STAMPED_SIGNALS:] = memory.stamps[STAMPED_SIGNALS:]
    return new


@inner(types.void(_F, _I, _i, _i, _i, _i, _i))
def note_flow(numbers: Floats, stamps: Ints, t_ns: int, bid: int, bid_size: int, ask: int, ask_size: int) -> None:
    """Take a quote into the order flow: all that it leaves behind between two samples while no fill waits."""
    bucket, width = stamps[BUCKET], stamps[BUCKET_NS]
    if stamps[FLOW_SINCE_NS] < 0:
        stamps[FLOW_SINCE_NS] = t_ns
        bucket = t_ns // width
        for i in range(FLOW_BUCKETS):
            numbers[FLOWS + i] = 0.0
    elif t_ns - bucket * width >= width:
        bucket = t_ns // width
        for passed in range(min(bucket - stamps[BUCKET], FLOW_BUCKETS)):
            numbers[FLOWS + (bucket - passed) % FLOW_BUCKETS] = 0.0
    stamps[BUCKET] = bucket
    quote = numbers[QUOTE : QUOTE + 4]
    flow = flow_update(quote, float(bid), float(bid_size), float(ask), float(ask_size))
    numbers[FLOWS + bucket % FLOW_BUCKETS] += flow


@inner(types.void(_F, _I, _I, types.int32[:, ::1], _i, _i))
def note_flows(numbers: Floats, stamps: Ints, times: Ints, quotes: NDArray[np.int32], first: int, last: int) -> None:
    """`note_flow` of the quotes `first` to `last` (bid, ask, bid size, ask size) at their times."""
    at = first
    while at < last:
        note_flow(numbers, stamps, times[at], quotes[at, 0], quotes[at, 2], quotes[at, 1], quotes[at, 3])
        at += 1
        bid, bid_size, ask, ask_size = numbers[QUOTE], numbers[QUOTE + 1], numbers[QUOTE + 2], numbers[QUOTE + 3]
        bucket = stamps[BUCKET]
        total, until = numbers[FLOWS + bucket % FLOW_BUCKETS], (bucket + 1) * stamps[BUCKET_NS]
        # What falls into the same bucket is summed up in registers.
        while at < last and times[at] < until:
            last_bid, last_bid_size, last_ask, last_ask_size = bid, bid_size, ask, ask_size
            bid, ask = float(quotes[at, 0]), float(quotes[at, 1])
            bid_size, ask_size = float(quotes[at, 2]), float(quotes[at, 3])
            flow = bid_size if bid >= last_bid else 0.0
            flow -= last_bid_size if bid <= last_bid else 0.0
            flow -= ask_size if ask <= last_ask else 0.0
            flow += last_ask_size if ask >= last_ask else 0.0
            total += flow
            at += 1
        numbers[QUOTE], numbers[QUOTE + 1], numbers[QUOTE + 2], numbers[QUOTE + 3] = bid, bid_size, ask, ask_size
        numbers[FLOWS + bucket % FLOW_BUCKETS] = total


@inner(_f(_F, _I, _i))
def flow_over_window(numbers: Floats, stamps: Ints, t_ns: int) -> float:
    """Order-flow imbalance of the window up to now, contracts; NaN before a whole window was seen."""
    if t_ns - stamps[FLOW_SINCE_NS] < stamps[BUCKET_NS] * FLOW_BUCKETS:
        return math.nan
    total = 0.0
    for i in range(FLOW_BUCKETS):
        total += numbers[FLOWS + i]
    return total


@inner(types.void(_F, _I, _i, _f))
def take_markouts(numbers: Floats, stamps: Ints, t_ns: int, mid: float) -> None:
    """Count the fills whose time came before `t_ns`, at the mid that stood until then."""
    while stamps[WAITING] > 0:
        at = stamps[FIRST]
        due = stamps[PENDING_NS + at]
        if due >= t_ns:
            return
        side = stamps[PENDING_SIDE + at]
        which = 0 if side > 0 else 1
        mean = numbers[MARKOUTS + 2 * which : MARKOUTS + 2 * which + 2]
        kept = 2.0 ** (-(due - stamps[BID_MARKOUT_NS + which]) / NS / numbers[MARKOUT_HALF_LIFE_S])
        mean[0] = kept * mean[0] + side * (numbers[PENDING_MID + at] - mid)
        mean[1] = kept * mean[1] + 1.0
        stamps[BID_MARKOUT_NS + which] = due
        stamps[FIRST] = (at + 1) % PENDING
        stamps[WAITING] -= 1


@inner(_f(_F, _I, _i, _i))
def mean_adverse(numbers: Floats, stamps: Ints, which: int, t_ns: int) -> float:
    """Mean adverse move after own fills of a side (0 bids, 1 asks), ticks, drawn to 0 as the fills grow old."""
    total, weight = numbers[MARKOUTS + 2 * which], numbers[MARKOUTS + 2 * which + 1]
    if weight == 0.0:
        return 0.0
    kept = 2.0 ** (-(t_ns - stamps[BID_MARKOUT_NS + which]) / NS / numbers[MARKOUT_HALF_LIFE_S])
    return float(kept * total / (kept * weight + PRIOR_FILLS))


@compiled(types.void(_F, _F, _I, _FF, _i, _i, _i, _i, _i))
def update_quote(
    view: Floats,
    numbers: Floats,
    stamps: Ints,
    micro: Floats,
    t_ns: int,
    bid: int,
    bid_size: int,
    ask: int,
    ask_size: int,
) -> None:
    """Bring a view up to a time and others' best quotes then: ticks and contracts, 0 < bid < ask, sizes above 0.

    The mid's volatility is sampled every SIGMA_SAMPLE_S at most, the guide's prices every GUIDE_SAMPLE_NS. A markout is
    taken at the last mid at or before its time.
    """
    take_markouts(numbers, stamps, t_ns, view[MID])
    mid = (bid + ask) / 2
    if stamps[START_NS] == 0:
        stamps[START_NS] = t_ns
    time_s = (t_ns - stamps[START_NS]) / NS
    ewma = numbers[EWMA : EWMA + EWMA_SIZE]
    variance = ewma_update(ewma, time_s, mid, numbers[HALF_LIFE_S], SIGMA_SAMPLE_S)
    ring = numbers[RING:]
    if t_ns - stamps[GUIDE_NS] >= GUIDE_SAMPLE_NS:
        stamps[GUIDE_NS] = t_ns
        ring[stamps[GUIDE_SEEN] % ring.size] = mid
        stamps[GUIDE_SEEN] += 1
        if stamps[GUIDE_SEEN] >= ring.size:
            view[GUIDE_VOLATILITY] = spread_of_returns(ring, stamps[GUIDE_SEEN] % ring.size)
    if stamps[GUIDE_SEEN] < ring.size:
        view[GUIDE_VOLATILITY] = numbers[GUIDE_DEFAULT]
    view[MID] = mid
    view[BEST_BID] = bid
    view[BEST_ASK] = ask
    view[BID_SIZE] = bid_size
    view[ASK_SIZE] = ask_size
    view[WEIGHTED_MID] = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    view[SIGMA] = math.sqrt(variance) if ewma[COUNT] >= numbers[MIN_SAMPLES] else math.nan
    view[TIME_S] = time_s
    if stamps[FUNDING_NS] > 0:
        view[FUNDING_IN_S] = (stamps[FUNDING_NS] - t_ns) / NS
    view[MICRO_PRICE] = math.nan
    if micro.shape[0] > 0:
        view[MICRO_PRICE] = mid + micro_adjustment(micro, bid_size / (bid_size + ask_size), float(ask - bid))
    note_flow(numbers, stamps, t_ns, bid, bid_size, ask, ask_size)
    view[ORDER_FLOW] = flow_over_window(numbers, stamps, t_ns)
    view[BID_ADVERSE] = mean_adverse(numbers, stamps, 0, t_ns)
    view[ASK_ADVERSE] = mean_adverse(numbers, stamps, 1, t_ns)


@compiled(types.void(_F, _I, _f, _f, _i))
def update_mark(view: Floats, stamps: Ints, mark_ticks: float, funding_rate: float, funding_ns: int) -> None:
    """Take a mark price (ticks), the rate of the coming funding, and its time (0: not said, the known one stays)."""
    view[MARK] = mark_ticks
    view[FUNDING_RATE] = funding_rate
    if funding_ns > 0:
        stamps[FUNDING_NS] = funding_ns


@compiled(types.void(_F, _F, _I, _i, _i))
def note_fill(view: Floats, numbers: Floats, stamps: Ints, t_ns: int, side: int) -> None:
    """An own passive order of this side has filled: what the mid does until `markout_s` later will count.

    The executions of one sweep (same time and side) count once.
    """
    due = t_ns + stamps[MARKOUT_NS]
    waiting = stamps[WAITING]
    if waiting > 0:
        last = (stamps[FIRST] + waiting - 1) % PENDING
        if stamps[PENDING_NS + last] == due and stamps[PENDING_SIDE + last] == side:
            return
    if waiting == PENDING:
        stamps[FIRST] = (stamps[FIRST] + 1) % PENDING
        waiting -= 1
    at = (stamps[FIRST] + waiting) % PENDING
    numbers[PENDING_MID + at] = view[MID]
    stamps[PENDING_NS + at] = due
    stamps[PENDING_SIDE + at] = side
    stamps[WAITING] = waiting + 1


@compiled(types.void(_F, _F, _I))
def break_series(view: Floats, numbers: Floats, stamps: Ints) -> None:
    """The book was lost: no return, no flow and no markout is taken over the gap; estimates and means stay.

    The order flow is unknown until a whole window has been seen again.
    """
    numbers[EWMA + LAST_PRICE] = 0.0
    numbers[QUOTE : QUOTE + 4] = math.nan
    stamps[FLOW_SINCE_NS] = -1
    stamps[WAITING] = 0
    view[ORDER_FLOW] = math.nan
