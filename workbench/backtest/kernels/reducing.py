"""Reduce-only orders at the venue: cut to what is left to close when they come, cancelled when it is there no more.

As the simulated LMEX has it: those that rest may together close the position and no more; when it shrinks beneath them
the newest go first.
"""

from __future__ import annotations

from workbench.backtest.kernels.codes import NO_REASON
from workbench.backtest.kernels.venue_state import (
    ACCEPTED_NS,
    ANY_REDUCING,
    CONFIG,
    DONE,
    END_CANCELLED,
    FLAGS,
    ORDER_NO,
    POSITION,
    PRICE,
    REDUCE_ONLY,
    RESTING,
    SIDE,
    SIZE,
    SLOTS,
    VENUE,
    WITHDRAWN,
    Venue,
    answer,
    unlink,
)
from workbench.compiled import inlined, inner, types

__all__ = ["end_withdrawn", "left_to_reduce", "withdraw_excess"]

_i = types.int64


@inlined
def closable(venue: Venue, c: int, side: int) -> int:
    """Contracts that orders of a side can take off a position."""
    return int(max(0, -side * venue.accounts[c, POSITION]))


@inlined
def reduces(venue: Venue, r: int) -> bool:
    """Whether an order rests, can only reduce, and is to stay."""
    flags = venue.orders[r, FLAGS]
    return bool(venue.orders[r, RESTING] != 0 and flags & REDUCE_ONLY != 0 and flags & WITHDRAWN == 0)


@inlined
def is_newer(venue: Venue, r: int, than: int) -> bool:
    """Whether an order came to rest after another one."""
    orders = venue.orders
    if orders[r, ACCEPTED_NS] == orders[than, ACCEPTED_NS]:
        return bool(orders[r, ORDER_NO] > orders[than, ORDER_NO])
    return bool(orders[r, ACCEPTED_NS] > orders[than, ACCEPTED_NS])


@inner(_i(VENUE, _i))
def left_to_reduce(venue: Venue, r: int) -> int:
    """Contracts of its account's position that an order can close beside the reduce-only orders that rest already."""
    orders = venue.orders
    c = orders[r, CONFIG]
    left = closable(venue, c, orders[r, SIDE])
    for other in range(c * SLOTS, (c + 1) * SLOTS):
        if other != r and reduces(venue, other):
            left -= orders[other, SIZE] - orders[other, DONE]
    return int(left)


@inner(types.void(VENUE, _i))
def withdraw_excess(venue: Venue, c: int) -> None:
    """Mark resting reduce-only orders beyond the position, the newest first: they fill no more."""
    orders = venue.orders
    total = 0
    for r in range(c * SLOTS, (c + 1) * SLOTS):
        if reduces(venue, r):
            total += orders[r, SIZE] - orders[r, DONE]
    while total > 0:
        newest = -1
        for r in range(c * SLOTS, (c + 1) * SLOTS):
            if reduces(venue, r) and (newest < 0 or is_newer(venue, r, newest)):
                newest = r
        if total <= closable(venue, c, orders[newest, SIDE]):
            return
        orders[newest, FLAGS] |= WITHDRAWN
        total -= orders[newest, SIZE] - orders[newest, DONE]


@inner(types.void(VENUE, _i))
def end_withdrawn(venue: Venue, now_ns: int) -> None:
    """Cancel what was marked: between two events, when nobody walks the lists of orders."""
    if venue.edges[ANY_REDUCING] == 0:
        return
    orders = venue.orders
    for r in range(orders.shape[0]):
        if orders[r, RESTING] and orders[r, FLAGS] & WITHDRAWN:
            unlink(venue, r)
            answer(venue, r, END_CANCELLED, now_ns, orders[r, PRICE], 0, NO_REASON)
