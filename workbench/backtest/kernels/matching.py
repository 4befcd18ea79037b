"""What happens to own orders at the venue: acceptance, trades, changes of their level, prices that come through.

Honest rules: an order fills by what trades past the queue ahead of it, and no further; orders of one account stand
behind each other and share a trade; a print beyond an order's price fills it; so does a price of the other side that
arrives at it, as far as it has size. Parity rules are hftbacktest's with `NoPartialFillExchange`, for comparison.
"""

from __future__ import annotations

import math
from typing import Any

from workbench.backtest.kernels.books import ASKS, BEST, BIDS, BOOK, NO_ASK, NO_BID, Book, level_from, level_size
from workbench.backtest.kernels.codes import (
    AMEND_TOO_SMALL,
    NO_REASON,
    NOTHING_TO_TAKE,
    POST_ONLY_CROSSES,
    REDUCE_ONLY_GROWS,
    VENUE_RATE_LIMIT,
)
from workbench.backtest.kernels.reducing import end_withdrawn, left_to_reduce, withdraw_excess
from workbench.backtest.kernels.shares import PESSIMISTIC, QUEUE_FUNCTION_TYPE, share_from_behind
from workbench.backtest.kernels.venue_state import (
    ACCEPTED_NS,
    ACK,
    AHEAD,
    AMENDED,
    ANY_REDUCING,
    ANY_TAKEN,
    BEST_OWN,
    BUCKETS,
    CANCEL,
    CONFIG,
    CREDIT_NS,
    CREDITED_NS,
    DONE,
    END_CANCELLED,
    END_EXPIRED,
    END_REJECTED,
    FILL,
    FLAGS,
    FRONT,
    IMMEDIATE,
    IMPACT,
    KIND,
    NEXT,
    NUMBER,
    ORDER_NO,
    PARITY,
    PLACE,
    POSITION,
    POST_ONLY,
    PRICE,
    QUEUE,
    QUEUE_POWER,
    QUEUE_UNIT,
    RATE_NS,
    RATE_ROOM,
    REDUCE_ONLY,
    REFUSED,
    REQ_HEAD,
    REQ_PRICE,
    REQ_SIZE,
    REQ_TAIL,
    REQUESTS,
    RESTING,
    ROW,
    SIDE,
    SIZE,
    STAMP,
    TAKEN,
    TRADE_NO,
    TRADED,
    VENUE,
    WITHDRAWN,
    Venue,
    answer,
    link,
    unlink,
)
from workbench.compiled import inlined, inner, types

__all__ = ["level_changed", "price_came", "serve_requests", "traded"]

_i = types.int64

HAIR = 1e-9
"""A float's last digits are not a reason to lose a contract."""


@inner(types.void(VENUE, _i, _i, _i, _i, _i))
def fill(venue: Venue, r: int, size: int, price: int, maker: int, now_ns: int) -> None:
    """Execute a part of an order."""
    orders = venue.orders
    orders[r, DONE] += size
    venue.accounts[orders[r, CONFIG], POSITION] += orders[r, SIDE] * size
    answer(venue, r, FILL, now_ns, price, size, maker)
    if orders[r, RESTING] and orders[r, DONE] >= orders[r, SIZE]:
        unlink(venue, r)
    if venue.edges[ANY_REDUCING]:
        withdraw_excess(venue, orders[r, CONFIG])


@inner(types.void(VENUE, _i, _i, _i, _i, _i, _i))
def tell(venue: Venue, r: int, kind: int, now_ns: int, price: int, size: int, extra: int) -> None:
    """Answer its owner about an order; one that has ended leaves the book."""
    if kind == END_CANCELLED and venue.orders[r, RESTING]:
        unlink(venue, r)
    answer(venue, r, kind, now_ns, price, size, extra)


@inlined
def fillable(venue: Venue, r: int) -> int:
    """Contracts that an order may still fill: a reduce-only one, no more than the position."""
    orders = venue.orders
    size = orders[r, SIZE] - orders[r, DONE]
    if orders[r, FLAGS] & WITHDRAWN:
        size = 0
    elif orders[r, FLAGS] & REDUCE_ONLY:
        size = min(size, max(0, -orders[r, SIDE] * venue.accounts[orders[r, CONFIG], POSITION]))
    return int(size)


@inlined
def share_left(venue: Venue, c: int, size: int) -> int:
    """What is left of this market event for an account."""
    left = venue.left
    if left[c, 0] != venue.edges[TRADE_NO]:
        left[c, 0] = venue.edges[TRADE_NO]
        left[c, 1] = size
    return int(left[c, 1])


@inner(types.void(VENUE, _i, _i, _i, _i))
def traded(venue: Venue, s: int, price: int, size: int, now_ns: int) -> None:
    """A public trade of `size` at a price whose taker hit side `s`, as far as own orders stand there or before it."""
    orders, queue = venue.orders, venue.queue
    parity = venue.rules[PARITY] != 0
    venue.edges[TRADE_NO] += 1
    away = 2 * s - 1
    tick = venue.edges[BEST_OWN + s]
    while (price - tick) * away >= 0:
        r = venue.heads[s, tick & (BUCKETS - 1)]
        while r >= 0:
            after = orders[r, NEXT]
            if orders[r, PRICE] == tick:
                c = orders[r, CONFIG]
                if parity:
                    if tick == price:
                        queue[r, FRONT] -= size
                        queue[r, TRADED] += size
                    if tick != price or -queue[r, FRONT] >= 0.5:
                        fill(venue, r, orders[r, SIZE] - orders[r, DONE], tick, 1, now_ns)
                else:
                    left = share_left(venue, c, size)
                    part = min(fillable(venue, r), left)
                    if tick == price:
                        queue[r, TRADED] += size
                        front = queue[r, FRONT] - left
                        part = min(part, max(0, int(math.floor(-front + HAIR))))  # noqa: RUF046
                        queue[r, FRONT] = front + part
                    else:
                        queue[r, FRONT] = min(queue[r, FRONT], 0.0)
                    if part > 0:
                        venue.left[c, 1] -= part
                        fill(venue, r, part, tick, 1, now_ns)
            r = after
        best = venue.edges[BEST_OWN + s]
        tick = best if (best - tick) * away > 0 else tick + away
    end_withdrawn(venue, now_ns)


@inner(types.void(VENUE, _i, _i, _i, _i, QUEUE_FUNCTION_TYPE))
def level_changed(venue: Venue, s: int, price: int, before: int, size: int, own: Any) -> None:
    """The displayed size at a price where own orders rest went from `before` to `size`."""
    orders, queue = venue.orders, venue.queue
    code, power, unit = venue.rules[QUEUE], venue.numbers[QUEUE_POWER], venue.numbers[QUEUE_UNIT]
    parity = venue.rules[PARITY] != 0
    r = venue.heads[s, price & (BUCKETS - 1)]
    while r >= 0:
        if orders[r, PRICE] == price:
            front = queue[r, FRONT]
            gone = before - size - queue[r, TRADED]
            queue[r, TRADED] = 0.0
            if gone < 0.0 or code == PESSIMISTIC:
                queue[r, FRONT] = min(front, float(size))
            elif parity or front > 0.0:
                back = before - front
                behind = share_from_behind(code, power, unit, own, front, back)
                if math.isnan(behind):
                    queue[r, FRONT] = float(size)
                else:
                    if math.isinf(behind):
                        behind = 1.0
                    front -= (1.0 - behind) * gone - min(back - behind * gone, 0.0)
                    queue[r, FRONT] = min(front, float(size))
        r = orders[r, NEXT]


@inner(types.void(VENUE, _i, _i, _i, _i))
def price_came(venue: Venue, s: int, price: int, size: int, now_ns: int) -> None:
    """The other side now shows `size` more at a price that own orders of side `s` stand at or beyond."""
    orders = venue.orders
    parity = venue.rules[PARITY] != 0
    venue.edges[TRADE_NO] += 1
    away = 2 * s - 1
    tick = venue.edges[BEST_OWN + s]
    while (price - tick) * away >= 0:
        r = venue.heads[s, tick & (BUCKETS - 1)]
        while r >= 0:
            after = orders[r, NEXT]
            if orders[r, PRICE] == tick:
                part = orders[r, SIZE] - orders[r, DONE]
                if not parity:
                    c = orders[r, CONFIG]
                    part = min(fillable(venue, r), share_left(venue, c, size))
                    venue.left[c, 1] -= part
                    venue.queue[r, FRONT] = min(venue.queue[r, FRONT], 0.0)
                if part > 0:
                    fill(venue, r, part, tick, 1, now_ns)
            r = after
        best = venue.edges[BEST_OWN + s]
        tick = best if (best - tick) * away > 0 else tick + away
    end_withdrawn(venue, now_ns)


# --- requests -------------------------------------------------------------------------------------------------------


@inner(_i(VENUE, _i, _i, _i, _i))
def taken_at(venue: Venue, c: int, s: int, tick: int, more: int) -> int:
    """Contracts that an account has taken from a level since it was last updated, `more` of them now."""
    taken = venue.taken
    empty = -1
    for k in range(TAKEN):
        if taken[c, k, 2] == 0:
            empty = k
        elif taken[c, k, 0] == s and taken[c, k, 1] == tick:
            taken[c, k, 2] += more
            return int(taken[c, k, 2])
    if more > 0 and empty >= 0:
        taken[c, empty, 0], taken[c, empty, 1], taken[c, empty, 2] = s, tick, more
    return more


@inner(types.void(VENUE, _i, _i))
def forget_taken(venue: Venue, s: int, tick: int) -> None:
    """A level was updated: what it shows is there."""
    for c in range(venue.taken.shape[0]):
        for k in range(TAKEN):
            if venue.taken[c, k, 0] == s and venue.taken[c, k, 1] == tick:
                venue.taken[c, k, 2] = 0


@inner(types.void(VENUE, BOOK, _i, _i))
def take(venue: Venue, book: Book, r: int, now_ns: int) -> None:
    """Execute an order against the displayed levels of the other side up to its price."""
    orders = venue.orders
    c = orders[r, CONFIG]
    s = ASKS if orders[r, SIDE] > 0 else BIDS
    away = 2 * s - 1
    tick = book.marks[BEST + s]
    if venue.rules[PARITY]:
        fill(venue, r, orders[r, SIZE] - orders[r, DONE], tick, 0, now_ns)
        return
    left = fillable(venue, r)
    while left > 0 and tick not in (NO_BID, NO_ASK) and (orders[r, PRICE] - tick) * away >= 0:
        shown = level_size(book, s, tick)
        if venue.rules[IMPACT]:
            shown -= taken_at(venue, c, s, tick, 0)
        part = min(left, shown)
        if part > 0:
            left -= part
            if venue.rules[IMPACT]:
                taken_at(venue, c, s, tick, part)
                venue.edges[ANY_TAKEN] = 1
            fill(venue, r, part, tick, 0, now_ns)
        tick = level_from(book, s, tick + away)


@inner(types.void(VENUE, BOOK, _i, _i, _i))
def enter(venue: Venue, book: Book, r: int, now_ns: int, reason: int) -> None:
    """An order arrives in the book: it takes, rests or ends. `reason`: why it has to end, if it has."""
    orders = venue.orders
    s = BIDS if orders[r, SIDE] > 0 else ASKS
    price = orders[r, PRICE]
    if orders[r, FLAGS] & REDUCE_ONLY and reason == NO_REASON:
        left = left_to_reduce(venue, r)
        if left <= 0:
            reason = REDUCE_ONLY_GROWS
        elif left < orders[r, SIZE] - orders[r, DONE]:
            orders[r, SIZE] = orders[r, DONE] + left
            tell(venue, r, AMENDED, now_ns, price, orders[r, SIZE], NO_REASON)
    crosses = (price - book.marks[BEST + 1 - s]) * (1 - 2 * s) >= 0
    kind, ahead = ACK, 0
    if reason:
        kind = END_REJECTED
    elif crosses and orders[r, FLAGS] & POST_ONLY:
        kind, reason = END_EXPIRED, POST_ONLY_CROSSES
    else:
        if crosses:
            take(venue, book, r, now_ns)
            end_withdrawn(venue, now_ns)
        if orders[r, DONE] >= orders[r, SIZE]:
            return
        if orders[r, FLAGS] & IMMEDIATE:
            kind, reason = END_CANCELLED, NOTHING_TO_TAKE
        else:
            ahead = level_size(book, s, price)
            venue.queue[r, FRONT] = ahead
            venue.queue[r, TRADED] = 0.0
            orders[r, ACCEPTED_NS] = now_ns
            orders[r, AHEAD] = ahead
            link(venue, r, s, price)
            if orders[r, FLAGS] & REDUCE_ONLY:
                venue.edges[ANY_REDUCING] = 1
    answer(venue, r, kind, now_ns, price, ahead, reason)


@inlined
def within_rate(venue: Venue, c: int, now_ns: int) -> bool:
    """Whether the venue takes one more message of an account."""
    each = venue.rules[RATE_NS]
    if each == 0:
        return True
    accounts = venue.accounts
    if accounts[c, CREDITED_NS] > 0:
        accounts[c, CREDIT_NS] = min(venue.rules[RATE_ROOM], accounts[c, CREDIT_NS] + now_ns - accounts[c, CREDITED_NS])
    accounts[c, CREDITED_NS] = now_ns
    if accounts[c, CREDIT_NS] < each:
        return False
    accounts[c, CREDIT_NS] -= each
    return True


@inner(types.void(VENUE, BOOK, _i, _i, _i, _i))
def amend(venue: Venue, book: Book, r: int, size: int, price: int, now_ns: int) -> None:
    """Change an order: less size keeps its place, anything else loses it."""
    orders = venue.orders
    if size <= orders[r, DONE]:
        tell(venue, r, REFUSED, now_ns, orders[r, PRICE], orders[r, SIZE], AMEND_TOO_SMALL)
        return
    if orders[r, FLAGS] & REDUCE_ONLY and size > orders[r, SIZE] and size - orders[r, DONE] > left_to_reduce(venue, r):
        tell(venue, r, REFUSED, now_ns, orders[r, PRICE], orders[r, SIZE], REDUCE_ONLY_GROWS)
        return
    moves = price > 0 and price != orders[r, PRICE]
    stays = not moves and size <= orders[r, SIZE]
    if not stays:
        unlink(venue, r)
    orders[r, SIZE] = size
    if moves:
        orders[r, PRICE] = price
    tell(venue, r, AMENDED, now_ns, orders[r, PRICE], size, NO_REASON)
    if not stays:
        enter(venue, book, r, now_ns, NO_REASON)


@inner(types.void(VENUE, BOOK, _i, _i))
def serve_requests(venue: Venue, book: Book, c: int, until_ns: int) -> None:
    """Every request of an account that has arrived by a time."""
    ends, requests, orders = venue.ends, venue.requests, venue.orders
    while ends[c, REQ_HEAD] < ends[c, REQ_TAIL]:
        at = ends[c, REQ_HEAD] & (REQUESTS - 1)
        now_ns = requests[c, at, STAMP]
        if now_ns > until_ns:
            return
        ends[c, REQ_HEAD] += 1
        kind, r = requests[c, at, KIND], requests[c, at, ROW]
        if kind == PLACE:
            enter(venue, book, r, now_ns, NO_REASON if within_rate(venue, c, now_ns) else VENUE_RATE_LIMIT)
            continue
        if orders[r, ORDER_NO] != requests[c, at, NUMBER]:
            continue
        if not orders[r, RESTING]:
            tell(venue, r, REFUSED, now_ns, 0, 0, NO_REASON)
        elif kind == CANCEL:
            tell(venue, r, END_CANCELLED, now_ns, orders[r, PRICE], 0, NO_REASON)
        elif not within_rate(venue, c, now_ns):
            tell(venue, r, REFUSED, now_ns, 0, 0, VENUE_RATE_LIMIT)
        else:
            amend(venue, book, r, requests[c, at, REQ_SIZE], requests[c, at, REQ_PRICE], now_ns)
