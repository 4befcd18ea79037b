"""The diff of wanted against live orders, compiled: which to leave, shrink, cancel, and which to send.

Rules. An order within the refresh tolerance of its wanted price is left alone, unless it is too large (shrunk, which
keeps its priority) or its remainder is spam (cancelled). A new price is cancel then place in one batch, the worst case
counting both. An order that has a request in flight, or whose fate is unknown, is not touched and keeps its slot. A bid
never reaches the best ask or an own ask that may still be live (and the other way round): it waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, inner, types
from workbench.quoting.schema import MAX_LEVELS, OUT_PRICE, OUT_SIDE, OUT_SIZE
from workbench.risk.checks import PASSED, REFUSALS, check_order, order_value
from workbench.risk.limits import (
    BEST_ASK,
    BEST_BID,
    COLLAR_HIGH,
    COLLAR_LOW,
    INCREMENT,
    MAX_POSITION,
    MIN_SIZE,
    MIN_VALUE,
    TOKENS,
    TOLERANCE,
)

__all__ = [
    "ACTION_COLUMNS",
    "ACT_AMEND",
    "ACT_CANCEL",
    "ACT_PLACE",
    "BLOCKED_SIZE",
    "BUSY",
    "CANCELLING",
    "IDLE",
    "LIVE_COLUMNS",
    "OWN_CROSS",
    "SLOTS",
    "SLOT_BUSY",
    "THROTTLED",
    "WAITS",
    "cap_tolerance",
    "crosses_own",
    "judge_order",
    "keep_passive",
    "plan_orders",
    "set_market_limits",
]

Rows = NDArray[np.int64]

SLOTS = 2 * MAX_LEVELS
"""Places in the ladder: level 0.. of the bids, then of the asks."""

LIVE_SLOT, LIVE_SIDE, LIVE_PRICE, LIVE_REMAINING, LIVE_STATUS = range(5)
LIVE_COLUMNS = 5
IDLE, BUSY, CANCELLING, SHED = range(4)
"""Status of a live row: may be touched; has a request in flight or is unknown; is on its way out; must go."""

ACT_KIND, ACT_ROW, ACT_SLOT, ACT_SIDE, ACT_PRICE, ACT_SIZE = range(6)
ACTION_COLUMNS = 6
ACT_CANCEL, ACT_AMEND, ACT_PLACE = range(3)

OWN_CROSS = 10
THROTTLED = 11
SLOT_BUSY = 12
BLOCKED_SIZE = 16
"""Length of `blocked`: how many wanted orders were held back, by reason code."""

WAITS: Mapping[int, str] = {
    **REFUSALS,
    OWN_CROSS: "an own order on the other side must be gone first",
    THROTTLED: "the message budget is used up",
    SLOT_BUSY: "the order in its slot has a request in flight or an unknown outcome",
}
"""What the slots of `blocked` mean."""


@compiled(
    types.void(
        types.int64[::1],
        types.float64,
        types.float64,
        types.int64,
        types.int64,
        types.float64,
        types.int64,
    )
)
def set_market_limits(
    limits: NDArray[np.int64], mark: float, collar: float, best_bid: int, best_ask: int, tolerance: float, tokens: int
) -> None:
    """Fill in the limits that move with the market.

    Parameters
    ----------
    limits : ndarray of int64
        Slots of `workbench.risk.limits`, from COLLAR_LOW to TOKENS written.
    mark : float
        Reference of the collar, ticks.
    collar, tolerance : float
        Fractions: of the mark either way; of the mid.
    best_bid, best_ask : int
        Of others, ticks.
    tokens : int
        Messages that may be sent now.
    """
    limits[COLLAR_LOW] = int(math.ceil(mark * (1.0 - collar)))  # noqa: RUF046 - compiled, ceil is a float
    limits[COLLAR_HIGH] = int(math.floor(mark * (1.0 + collar)))  # noqa: RUF046
    limits[BEST_BID] = best_bid
    limits[BEST_ASK] = best_ask
    limits[TOLERANCE] = int((best_bid + best_ask) / 2 * tolerance)
    limits[TOKENS] = tokens


@compiled(types.void(types.int64[::1], types.float64))
def cap_tolerance(limits: NDArray[np.int64], half_spread: float) -> None:
    """An order may lag its wanted price by half of its distance from the centre at most: never through the mid."""
    if 0.0 < half_spread < 2 * limits[TOLERANCE]:
        limits[TOLERANCE] = int(half_spread / 2)


@inner(types.void(types.int64[:, ::1], types.int64, types.int64[::1]))
def keep_passive(wanted: Rows, rows: int, limits: NDArray[np.int64]) -> None:
    """Step wanted prices back to where they rest: bids floored below the best ask, asks ceiled above the best bid."""
    increment = limits[INCREMENT]
    highest_bid = (limits[BEST_ASK] - 1) // increment * increment
    lowest_ask = -(-(limits[BEST_BID] + 1) // increment) * increment
    for i in range(rows):
        price = wanted[i, OUT_PRICE]
        if wanted[i, OUT_SIDE] > 0:
            wanted[i, OUT_PRICE] = min(price // increment * increment, highest_bid)
        else:
            wanted[i, OUT_PRICE] = max(-(-price // increment) * increment, lowest_ask)


@inner(types.boolean(types.int64, types.int64, types.int64[:, ::1], types.int64))
def crosses_own(side: int, price: int, live: Rows, count: int) -> bool:
    """Whether an own order of the other side that may still be live stands at or through this price."""
    for j in range(count):  # noqa: SIM110 - numba compiles loops, not generators
        if live[j, LIVE_SIDE] == -side and side * (price - live[j, LIVE_PRICE]) >= 0:
            return True
    return False


_MATRIX = types.int64[:, ::1]
_ROW = types.int64[::1]
_INT = types.int64

BUY_EXPOSURE, SELL_EXPOSURE, BUY_STAYING, SELL_STAYING, BUDGET, ACTIONS, SENT_BID, SENT_ASK = range(8)
"""Slots of the working totals: contracts that may fill, those not being cancelled, tokens left, actions so far, and
the highest bid and lowest ask that this plan sends (0: none)."""

KEEP, SHRINK, DROP, REPLACE, LEAVE = range(5)
"""Verdicts on a live order."""


@inner(types.void(_MATRIX, _ROW, _INT, _INT, _INT, _INT, _INT, _INT))
def _put(
    actions: Rows, totals: NDArray[np.int64], kind: int, row: int, slot: int, side: int, price: int, size: int
) -> None:
    n = totals[ACTIONS]
    actions[n, ACT_KIND] = kind
    actions[n, ACT_ROW] = row
    actions[n, ACT_SLOT] = slot
    actions[n, ACT_SIDE] = side
    actions[n, ACT_PRICE] = price
    actions[n, ACT_SIZE] = size
    totals[ACTIONS] = n + 1


@inner(types.void(_MATRIX, _INT, _ROW))
def _wanted_by_slot(wanted: Rows, rows: int, slot_wanted: NDArray[np.int64]) -> None:
    slot_wanted[:] = -1
    bids = 0
    asks = 0
    for i in range(rows):
        if wanted[i, OUT_SIDE] > 0:
            slot_wanted[bids] = i
            bids += 1
        else:
            slot_wanted[MAX_LEVELS + asks] = i
            asks += 1


@inner(types.void(_MATRIX, _INT, _ROW, _ROW, _ROW))
def _live_by_slot(
    live: Rows, count: int, slot_row: NDArray[np.int64], slot_leaving: NDArray[np.int64], totals: NDArray[np.int64]
) -> None:
    slot_row[:] = -1
    slot_leaving[:] = 0
    for j in range(count):
        leaving = live[j, LIVE_STATUS] == CANCELLING
        buy = live[j, LIVE_SIDE] > 0
        totals[BUY_EXPOSURE if buy else SELL_EXPOSURE] += live[j, LIVE_REMAINING]
        if not leaving:
            totals[BUY_STAYING if buy else SELL_STAYING] += live[j, LIVE_REMAINING]
        slot = live[j, LIVE_SLOT]
        if slot >= 0 and leaving:
            slot_leaving[slot] += 1
        elif slot >= 0:
            slot_row[slot] = j


@inner(types.void(_MATRIX, _INT, _ROW, _ROW, _MATRIX, _ROW))
def _drop_doubles(
    live: Rows,
    count: int,
    slot_row: NDArray[np.int64],
    slot_leaving: NDArray[np.int64],
    actions: Rows,
    totals: NDArray[np.int64],
) -> None:
    """A cancel that failed brings an order back beside its successor: the successor stays, the other one goes."""
    for j in range(count):
        slot = live[j, LIVE_SLOT]
        if slot >= 0 and slot_row[slot] != j and live[j, LIVE_STATUS] == IDLE:
            slot_leaving[slot] += 1
            _put(actions, totals, ACT_CANCEL, j, slot, live[j, LIVE_SIDE], live[j, LIVE_PRICE], 0)


@inner(types.void(_MATRIX, _ROW, _INT, _ROW, _ROW))
def _shed(
    live: Rows, slot_row: NDArray[np.int64], position: int, limits: NDArray[np.int64], totals: NDArray[np.int64]
) -> None:
    """A limit that was lowered sheds live orders, the outermost first."""
    excess_buy = position + totals[BUY_STAYING] - limits[MAX_POSITION]
    excess_sell = -position + totals[SELL_STAYING] - limits[MAX_POSITION]
    for slot in range(SLOTS - 1, -1, -1):
        j = slot_row[slot]
        if j < 0 or live[j, LIVE_STATUS] != IDLE:
            continue
        if live[j, LIVE_SIDE] > 0 and excess_buy > 0:
            excess_buy -= live[j, LIVE_REMAINING]
            live[j, LIVE_STATUS] = SHED
        elif live[j, LIVE_SIDE] < 0 and excess_sell > 0:
            excess_sell -= live[j, LIVE_REMAINING]
            live[j, LIVE_STATUS] = SHED


@inner(_INT(_MATRIX, _INT, _MATRIX, _INT, _ROW, _INT))
def judge_order(wanted: Rows, i: int, live: Rows, j: int, limits: NDArray[np.int64], tokens: int) -> int:
    """Verdict on live row `j` when row `i` is wanted in its slot (-1: none is): KEEP, SHRINK, DROP, REPLACE, LEAVE."""
    status = live[j, LIVE_STATUS]
    if status == BUSY:
        return LEAVE
    if i < 0 or status == SHED:
        return DROP
    remaining = live[j, LIVE_REMAINING]
    price = live[j, LIVE_PRICE]
    if remaining < limits[MIN_SIZE] or order_value(price, remaining, limits) < limits[MIN_VALUE]:
        return REPLACE
    behind = live[j, LIVE_SIDE] * (wanted[i, OUT_PRICE] - price)
    # Behind its wanted price and no budget for a successor: it may stay. Ahead of it, it must go in any case.
    if abs(behind) > limits[TOLERANCE] and (behind < 0 or tokens > 0):
        return REPLACE
    if remaining > wanted[i, OUT_SIZE] and tokens > 0:
        return SHRINK
    return KEEP


@inner(types.boolean(_INT, _INT, _ROW))
def crosses_sent(side: int, price: int, totals: NDArray[np.int64]) -> bool:
    """Whether an order of the other side in this very plan stands at or through this price."""
    if side > 0:
        return bool(0 < totals[SENT_ASK] <= price)
    return bool(totals[SENT_BID] >= price)


@inner(types.void(_MATRIX, _INT, _INT, _MATRIX, _INT, _INT, _ROW, _MATRIX, _ROW, _ROW))
def _send(  # noqa: PLR0917 - compiled functions take their arguments by position
    wanted: Rows,
    i: int,
    slot: int,
    live: Rows,
    count: int,
    position: int,
    limits: NDArray[np.int64],
    actions: Rows,
    blocked: NDArray[np.int64],
    totals: NDArray[np.int64],
) -> None:
    """Put the place of wanted row `i` if every check passes, else count why not."""
    side = wanted[i, OUT_SIDE]
    price = wanted[i, OUT_PRICE]
    size = wanted[i, OUT_SIZE]
    exposed = BUY_EXPOSURE if side > 0 else SELL_EXPOSURE
    code = check_order(side, price, size, position, totals[exposed], False, limits)
    if code != PASSED:
        blocked[code] += 1
    elif crosses_own(side, price, live, count) or crosses_sent(side, price, totals):
        blocked[OWN_CROSS] += 1
    elif totals[BUDGET] <= 0:
        blocked[THROTTLED] += 1
    else:
        totals[BUDGET] -= 1
        totals[exposed] += size
        if side > 0:
            totals[SENT_BID] = max(totals[SENT_BID], price)
        elif totals[SENT_ASK] == 0 or price < totals[SENT_ASK]:
            totals[SENT_ASK] = price
        _put(actions, totals, ACT_PLACE, -1, slot, side, price, size)


@compiled(_INT(_MATRIX, _INT, _MATRIX, _INT, _INT, _ROW, _MATRIX, _ROW))
def plan_orders(
    wanted: Rows,
    rows: int,
    live: Rows,
    count: int,
    position: int,
    limits: NDArray[np.int64],
    actions: Rows,
    blocked: NDArray[np.int64],
) -> int:
    """Fill `actions`: cancels and amends by slot, then places from the best level outwards; returns how many.

    Parameters
    ----------
    wanted : ndarray of int64, shape (any, 3)
        Rows (side, price_ticks, size) from the model, best level first on each side; stepped back in place.
    live : ndarray of int64, shape (any, 5)
        Rows (slot, side, price_ticks, remaining, status) of every order that may still fill.
    position : int
        Signed contracts.
    limits : ndarray of int64
        Slots of `workbench.risk.limits`.
    actions : ndarray of int64, shape (any, 6)
        Out: rows (kind, row in `live` or -1, slot, side, price_ticks, size).
    blocked : ndarray of int64
        Out: wanted orders held back, counted by reason code (see `WAITS`).
    """
    blocked[:] = 0
    keep_passive(wanted, rows, limits)
    slot_wanted = np.empty(SLOTS, np.int64)
    slot_row = np.empty(SLOTS, np.int64)
    slot_leaving = np.empty(SLOTS, np.int64)
    totals = np.zeros(8, np.int64)
    totals[BUDGET] = limits[TOKENS]
    _wanted_by_slot(wanted, rows, slot_wanted)
    _live_by_slot(live, count, slot_row, slot_leaving, totals)
    _drop_doubles(live, count, slot_row, slot_leaving, actions, totals)
    _shed(live, slot_row, position, limits, totals)
    for slot in range(SLOTS):
        i = slot_wanted[slot]
        j = slot_row[slot]
        # At most one predecessor may be on its way out when an order is sent.
        crowded = slot_leaving[slot] > 1
        if j >= 0:
            verdict = judge_order(wanted, i, live, j, limits, totals[BUDGET])
            if verdict == SHRINK:
                totals[BUDGET] -= 1
                _put(actions, totals, ACT_AMEND, j, slot, live[j, LIVE_SIDE], live[j, LIVE_PRICE], wanted[i, OUT_SIZE])
            elif verdict in (DROP, REPLACE):
                _put(actions, totals, ACT_CANCEL, j, slot, live[j, LIVE_SIDE], live[j, LIVE_PRICE], 0)
            elif verdict == LEAVE and i >= 0 and abs(live[j, LIVE_PRICE] - wanted[i, OUT_PRICE]) > limits[TOLERANCE]:
                blocked[SLOT_BUSY] += 1
            crowded = slot_leaving[slot] > 0
            if verdict != REPLACE:
                slot_wanted[slot] = -1
        if crowded and slot_wanted[slot] >= 0:
            blocked[SLOT_BUSY] += 1
            slot_wanted[slot] = -1
    for level in range(MAX_LEVELS):
        for slot in (level, MAX_LEVELS + level):
            if slot_wanted[slot] >= 0:
                _send(wanted, slot_wanted[slot], slot, live, count, position, limits, actions, blocked, totals)
    n: int = totals[ACTIONS]
    return n
