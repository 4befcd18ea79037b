"""The diff of wanted against live orders, compiled: which to leave, shrink, cancel, and which to send.

Rules. An order within the refresh tolerance of its wanted price is left alone, unless it is too large (shrunk, which
keeps its priority) or its remainder is spam (cancelled). A new price is cancel then place in one batch, the worst case
counting both. An order that has a request in flight, or whose fate is unknown, is not touched and keeps its slot. A bid
never reaches the best ask or an own ask that may still be live (and the other way round): it waits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.compiled import compiled
from workbench.quoting.schema import MAX_LEVELS, OUT_PRICE, OUT_SIDE, OUT_SIZE
from workbench.risk.checks import PASSED, REFUSALS, check_order, order_value
from workbench.risk.limits import BEST_ASK, BEST_BID, INCREMENT, MAX_POSITION, MIN_SIZE, MIN_VALUE, TOKENS, TOLERANCE

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
    "crosses_own",
    "keep_passive",
    "plan_orders",
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


@compiled(types.void(types.int64[:, ::1], types.int64, types.int64[::1]))
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


@compiled(types.boolean(types.int64, types.int64, types.int64[:, ::1], types.int64))
def crosses_own(side: int, price: int, live: Rows, count: int) -> bool:
    """Whether an own order of the other side that may still be live stands at or through this price."""
    for j in range(count):
        if live[j, LIVE_SIDE] == -side and side * (price - live[j, LIVE_PRICE]) >= 0:
            return True
    return False


_MATRIX = types.int64[:, ::1]


@compiled(
    types.int64(_MATRIX, types.int64, _MATRIX, types.int64, types.int64, types.int64[::1], _MATRIX, types.int64[::1])
)
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
        Out: wanted orders held back, counted by reason code.
    """
    blocked[:] = 0
    keep_passive(wanted, rows, limits)
    slot_wanted = np.full(SLOTS, -1, np.int64)
    bids = 0
    asks = 0
    for i in range(rows):
        if wanted[i, OUT_SIDE] > 0:
            slot_wanted[bids] = i
            bids += 1
        else:
            slot_wanted[MAX_LEVELS + asks] = i
            asks += 1

    slot_row = np.full(SLOTS, -1, np.int64)
    slot_leaving = np.zeros(SLOTS, np.int64)
    exposure_buy = 0
    exposure_sell = 0
    excess_buy = position - limits[MAX_POSITION]
    excess_sell = -position - limits[MAX_POSITION]
    for j in range(count):
        leaving = live[j, LIVE_STATUS] == CANCELLING
        if live[j, LIVE_SIDE] > 0:
            exposure_buy += live[j, LIVE_REMAINING]
            excess_buy += 0 if leaving else live[j, LIVE_REMAINING]
        else:
            exposure_sell += live[j, LIVE_REMAINING]
            excess_sell += 0 if leaving else live[j, LIVE_REMAINING]
        slot = live[j, LIVE_SLOT]
        if slot < 0:
            continue
        if leaving:
            slot_leaving[slot] += 1
        else:
            slot_row[slot] = j
    # A limit that was lowered sheds live orders, the outermost first.
    for slot in range(SLOTS - 1, -1, -1):
        j = slot_row[slot]
        if j >= 0 and live[j, LIVE_STATUS] == IDLE:
            if live[j, LIVE_SIDE] > 0 and excess_buy > 0:
                excess_buy -= live[j, LIVE_REMAINING]
                live[j, LIVE_STATUS] = SHED
            elif live[j, LIVE_SIDE] < 0 and excess_sell > 0:
                excess_sell -= live[j, LIVE_REMAINING]
                live[j, LIVE_STATUS] = SHED

    tokens = limits[TOKENS]
    n = 0
    place = np.zeros(SLOTS, np.int64)
    for slot in range(SLOTS):
        i = slot_wanted[slot]
        j = slot_row[slot]
        if j < 0:
            if i >= 0:
                if slot_leaving[slot] > 1:
                    blocked[SLOT_BUSY] += 1
                else:
                    place[slot] = 1
            continue
        status = live[j, LIVE_STATUS]
        if status == BUSY:
            if i >= 0 and abs(live[j, LIVE_PRICE] - wanted[i, OUT_PRICE]) > limits[TOLERANCE]:
                blocked[SLOT_BUSY] += 1
            continue
        keep = False
        remaining = live[j, LIVE_REMAINING]
        spam = remaining < limits[MIN_SIZE] or order_value(live[j, LIVE_PRICE], remaining, limits) < limits[MIN_VALUE]
        if i >= 0 and status == IDLE and not spam:
            distance = live[j, LIVE_SIDE] * (live[j, LIVE_PRICE] - wanted[i, OUT_PRICE])
            if abs(distance) <= limits[TOLERANCE]:
                keep = True
            elif distance < 0 and tokens <= 0:
                # Less aggressive than wanted and no budget for its successor: it may stay. Too aggressive must go.
                keep = True
                blocked[THROTTLED] += 1
        if keep:
            if live[j, LIVE_REMAINING] > wanted[i, OUT_SIZE] and tokens > 0:
                tokens -= 1
                actions[n, ACT_KIND] = ACT_AMEND
                actions[n, ACT_ROW] = j
                actions[n, ACT_SLOT] = slot
                actions[n, ACT_SIDE] = live[j, LIVE_SIDE]
                actions[n, ACT_PRICE] = live[j, LIVE_PRICE]
                actions[n, ACT_SIZE] = wanted[i, OUT_SIZE]
                n += 1
            continue
        actions[n, ACT_KIND] = ACT_CANCEL
        actions[n, ACT_ROW] = j
        actions[n, ACT_SLOT] = slot
        actions[n, ACT_SIDE] = live[j, LIVE_SIDE]
        actions[n, ACT_PRICE] = live[j, LIVE_PRICE]
        actions[n, ACT_SIZE] = 0
        n += 1
        if i >= 0:
            if slot_leaving[slot] > 0:
                blocked[SLOT_BUSY] += 1
            else:
                place[slot] = 1

    for level in range(MAX_LEVELS):
        for half in range(2):
            slot = level + half * MAX_LEVELS
            if place[slot] == 0:
                continue
            i = slot_wanted[slot]
            side = wanted[i, OUT_SIDE]
            price = wanted[i, OUT_PRICE]
            size = wanted[i, OUT_SIZE]
            exposure = exposure_buy if side > 0 else exposure_sell
            code = check_order(side, price, size, position, exposure, False, limits)
            if code != PASSED:
                blocked[code] += 1
            elif crosses_own(side, price, live, count):
                blocked[OWN_CROSS] += 1
            elif tokens <= 0:
                blocked[THROTTLED] += 1
            else:
                tokens -= 1
                if side > 0:
                    exposure_buy += size
                else:
                    exposure_sell += size
                actions[n, ACT_KIND] = ACT_PLACE
                actions[n, ACT_ROW] = -1
                actions[n, ACT_SLOT] = slot
                actions[n, ACT_SIDE] = side
                actions[n, ACT_PRICE] = price
                actions[n, ACT_SIZE] = size
                n += 1
    return n
