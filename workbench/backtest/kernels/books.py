"""An order book in flat arrays: a window of ticks near the best price of each side, and a table for what is far away.

Real feeds carry levels hundreds of thousands of ticks from the touch. Those live in a hash table; the window moves when
a best price leaves it. All functions are compiled and allocate nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import borrowing, inlined, inner, types

__all__ = ["ASKS", "BIDS", "BOOK", "FAR_FULL", "NO_ASK", "NO_BID", "Book", "clear_side", "grow_far",
    "level_from", "level_size",
           "make_book", "set_level"]  # fmt: skip

BIDS, ASKS = 0, 1
"""Rows of a book's arrays."""

NO_BID = 0
NO_ASK = 1 << 40
"""The best price of an empty side: every price is better."""

FAR_FULL = -1
"""The table of far levels needs more room: call `grow_far`, then the same again."""

OUTSIDE = -2
"""No best price: a level outside the window, or one that moves both."""

BASE, BEST = 0, 2
FAR_USED = 4
MARKS = 8

WINDOW = 1 << 17
FAR_ROOM = 1 << 14
EMPTY = -1


class Book(NamedTuple):
    """One book. `sizes` int32[2, window]: contracts by tick from `marks[BASE + side]` on; `marks` int64: that and the
    best price, by side; `far_keys`, `far_sizes` int64 are the hash table."""

    sizes: NDArray[np.int32]
    marks: NDArray[np.int64]
    far_keys: NDArray[np.int64]
    far_sizes: NDArray[np.int64]


BOOK = types.NamedTuple((types.int32[:, ::1], types.int64[::1], types.int64[::1], types.int64[::1]), Book)
_i = types.int64


def make_book(window: int = WINDOW, far_room: int = FAR_ROOM) -> Book:
    """An empty book; both lengths are powers of two."""
    marks = np.zeros(MARKS, dtype=np.int64)
    marks[BEST + BIDS], marks[BEST + ASKS] = NO_BID, NO_ASK
    return Book(
        np.zeros((2, window), dtype=np.int32),
        marks,
        np.full(far_room, EMPTY, dtype=np.int64),
        np.zeros(far_room, dtype=np.int64),
    )


def grow_far(book: Book) -> Book:
    """The same book with room for more far levels."""
    live = np.flatnonzero(book.far_sizes)
    room = book.far_keys.size
    while room < 4 * live.size or room < FAR_ROOM:
        room *= 2
    grown = book._replace(far_keys=np.full(room, EMPTY, dtype=np.int64), far_sizes=np.zeros(room, dtype=np.int64))
    grown.marks[FAR_USED] = 0
    for at in live.tolist():
        put_far(grown, int(book.far_keys[at]), int(book.far_sizes[at]))
    return grown


@borrowing(_i(BOOK, _i))
def find_far(book: Book, key: int) -> int:
    """Where a key stands in the table, or the empty place where it would."""
    mask = book.far_keys.size - 1
    at = ((key * 0x9E3779B97F4A7C1) >> 17) & mask
    while book.far_keys[at] != EMPTY and book.far_keys[at] != key:
        at = (at + 1) & mask
    return at


@inner(_i(BOOK, _i, _i))
def put_far(book: Book, key: int, size: int) -> int:
    """Set a far level; its size before, or FAR_FULL (and nothing is set)."""
    at = find_far(book, key)
    if book.far_keys[at] == EMPTY:
        if size == 0:
            return 0
        if 2 * book.marks[FAR_USED] >= book.far_keys.size:
            return FAR_FULL
        book.far_keys[at] = key
        book.marks[FAR_USED] += 1
    before = book.far_sizes[at]
    book.far_sizes[at] = size
    return int(before)


@inner(types.boolean(BOOK, _i, _i))
def recentre(book: Book, side: int, tick: int) -> bool:  # noqa: C901 - one loop a step
    """Move the window of a side so that a tick stands in its middle; False: no room for what becomes far."""
    sizes, marks = book.sizes[side], book.marks
    width = sizes.size
    old = marks[BASE + side]
    new = max(0, tick - width // 2)
    leaving = 0
    for i in range(width):
        if sizes[i] > 0 and not new <= old + i < new + width:
            leaving += 1
    if 2 * (marks[FAR_USED] + leaving) > book.far_keys.size:
        return False
    for i in range(width):
        if sizes[i] > 0 and not new <= old + i < new + width:
            put_far(book, (old + i) * 2 + side, sizes[i])
            sizes[i] = 0
    shift = new - old
    if abs(shift) >= width:
        sizes[:] = 0
    elif shift > 0:
        for i in range(width - shift):
            sizes[i] = sizes[i + shift]
        sizes[width - shift :] = 0
    elif shift < 0:
        for i in range(width - 1, -shift - 1, -1):
            sizes[i] = sizes[i + shift]
        sizes[:-shift] = 0
    marks[BASE + side] = new
    for at in range(book.far_keys.size):
        key = book.far_keys[at]
        if book.far_sizes[at] > 0 and (key & 1) == side and new <= (key >> 1) < new + width:
            sizes[(key >> 1) - new] = book.far_sizes[at]
            book.far_sizes[at] = 0
    return True


@borrowing(_i(BOOK, _i, _i))
def level_size(book: Book, side: int, tick: int) -> int:
    """Contracts displayed at a price."""
    i = tick - book.marks[BASE + side]
    if 0 <= i < book.sizes.shape[1]:
        return int(book.sizes[side, i])
    at = find_far(book, tick * 2 + side)
    return int(book.far_sizes[at]) if book.far_keys[at] != EMPTY else 0


@inner(_i(BOOK, _i, _i))
def level_from(book: Book, side: int, start: int) -> int:
    """The best price within the window from `start` on away from the touch; NO_BID or NO_ASK when there is none."""
    away = 2 * side - 1
    i = start - book.marks[BASE + side]
    while 0 <= i < book.sizes.shape[1]:
        if book.sizes[side, i] > 0:
            return int(book.marks[BASE + side] + i)
        i += away
    return NO_BID if side == BIDS else NO_ASK


@inner(_i(BOOK, _i, _i))
def next_best(book: Book, side: int, start: int) -> int:
    """The best price from `start` on away from the touch, `start` itself included; moves the window to it if it must.

    FAR_FULL when there is no room to move.
    """
    marks = book.marks
    base = marks[BASE + side]
    width = book.sizes.shape[1]
    # Whole arrays are indexed here: taking a row of one would cost more than the search.
    if side == BIDS:
        i = min(start - base, width - 1)
        while i >= 0:
            if book.sizes[BIDS, i] > 0:
                return int(base + i)
            i -= 1
    else:
        i = max(start - base, 0)
        while i < width:
            if book.sizes[ASKS, i] > 0:
                return int(base + i)
            i += 1
    if marks[FAR_USED] == 0:
        return NO_BID if side == BIDS else NO_ASK
    best = NO_BID if side == BIDS else NO_ASK
    for at in range(book.far_keys.size):
        key = book.far_keys[at]
        tick = key >> 1
        nearer = best < tick <= start if side == BIDS else start <= tick < best
        if nearer and book.far_sizes[at] > 0 and (key & 1) == side:
            best = tick
    if best not in (NO_BID, NO_ASK) and not recentre(book, side, best):
        return FAR_FULL
    return best


@inner(_i(BOOK, _i, _i, _i))
def move_best(book: Book, side: int, tick: int, size: int) -> int:
    """`set_level` where a best price or the window moves."""
    marks = book.marks
    best = marks[BEST + side]
    better = tick > best if side == BIDS else tick < best
    i = tick - marks[BASE + side]
    if not 0 <= i < book.sizes.shape[1]:
        if size == 0 or not better:
            return put_far(book, tick * 2 + side, size)
        if not recentre(book, side, tick):
            return FAR_FULL
        i = tick - marks[BASE + side]
    before = book.sizes[side, i]
    if size == 0:
        book.sizes[side, i] = 0
        found = next_best(book, side, tick - 1 if side == BIDS else tick + 1)
        if found == FAR_FULL:
            book.sizes[side, i] = before
            return FAR_FULL
        marks[BEST + side] = found
        return int(before)
    other = marks[BEST + 1 - side]
    if (tick >= other) if side == BIDS else (tick <= other):
        found = next_best(book, 1 - side, tick + 1 if side == BIDS else tick - 1)
        if found == FAR_FULL:
            return FAR_FULL
        marks[BEST + 1 - side] = found
    marks[BEST + side] = tick
    book.sizes[side, i] = size
    return int(before)


@inlined
def set_in_window(sizes: NDArray[np.int32], side: int, base: int, tick: int, size: int, best: int, other: int) -> int:
    """Set a level as long as it stands in the window of its side and moves no other best price than this one.

    The best price then, or OUTSIDE (and nothing is changed). For loops that keep the best prices in registers.
    """
    away = 2 * side - 1
    i = tick - base
    found = OUTSIDE
    if 0 <= i < sizes.shape[1]:
        behind = (tick - best) * away
        # Beyond the best price only what is stale can be deleted.
        if behind > 0 or (size == 0 and behind < 0):
            sizes[side, i] = size
            found = best
        elif size > 0:
            if (tick - other) * away > 0:
                sizes[side, i] = size
                found = tick
        else:
            j = i + away
            while 0 <= j < sizes.shape[1] and sizes[side, j] == 0:
                j += away
            if 0 <= j < sizes.shape[1]:
                sizes[side, i] = 0
                found = base + j
    return found


@inlined
def set_level(book: Book, side: int, tick: int, size: int) -> int:
    """Set what is displayed at a price; the size before, or FAR_FULL (and nothing is changed).

    A best price that reaches the other side's moves that one away to its next level beyond: what is left of it is
    stale.
    """
    marks = book.marks
    i = tick - marks[BASE + side]
    before = int(book.sizes[side, i]) if 0 <= i < book.sizes.shape[1] else 0
    best, other = marks[BEST + side], marks[BEST + 1 - side]
    found = set_in_window(book.sizes, side, marks[BASE + side], tick, size, best, other)
    if found == OUTSIDE:
        return move_best(book, side, tick, size)
    marks[BEST + side] = found
    return before


@inner(types.void(BOOK, _i, _i))
def clear_side(book: Book, side: int, tick: int) -> None:
    """Remove the levels of a side from the best down to a price; 0: all of them."""
    marks = book.marks
    base = marks[BASE + side]
    sizes = book.sizes[side]
    if tick == 0:
        sizes[:] = 0
        for at in range(book.far_keys.size):
            if (book.far_keys[at] & 1) == side:
                book.far_sizes[at] = 0
        marks[BEST + side] = NO_BID if side == BIDS else NO_ASK
        return
    for i in range(sizes.size):
        if (base + i >= tick) if side == BIDS else (base + i <= tick):
            sizes[i] = 0
    for at in range(book.far_keys.size):
        key = book.far_keys[at]
        if (key & 1) == side and ((key >> 1 >= tick) if side == BIDS else (key >> 1 <= tick)):
            book.far_sizes[at] = 0
    if (tick <= marks[BEST]) if side == BIDS else (tick >= marks[BEST + ASKS]):
        marks[BEST + side] = next_best(book, side, tick)
