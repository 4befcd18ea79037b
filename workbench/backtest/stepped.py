"""The backtest's venue, one event after another: for venues that follow a clock, and for judging queue models.

The same arrays, matching, queues and latencies as in a backtest; whoever drives it brings the market and the requests
in the order of their stamps.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import ASKS, BEST, BIDS, NO_ASK, NO_BID, grow_far, make_book
from workbench.backtest.kernels.delays import ENTRY, RESPONSE
from workbench.backtest.kernels.rows import ASK_SIDE, BID_SIDE, CLEAR_ROW, DEPTH_ROW, EXCHANGE, TRADE_ROW
from workbench.backtest.kernels.stepping import amend_order, delay_ns, end_resting, enter_order, play_rows
from workbench.backtest.kernels.venue_state import (
    ACK,
    AHEAD,
    AMENDED,
    ANS_HEAD,
    ANS_PRICE,
    ANS_SIZE,
    ANS_TAIL,
    ANSWER_COUNT,
    ANSWERS,
    END_CANCELLED,
    END_EXPIRED,
    END_REJECTED,
    EXTRA,
    FAULT,
    FILL,
    FLAGS,
    FRONT,
    IMMEDIATE,
    KIND,
    LAST_ANSWER,
    LAST_ARRIVAL,
    NUMBER,
    ORDER_NO,
    POSITION,
    POST_ONLY,
    PRICE,
    REDUCE_ONLY,
    REFUSED,
    RESTING,
    RESTING_COUNT,
    SENT_COUNT,
    SIDE,
    SIZE,
    SLOTS,
    STAMP,
    VENUE_NS,
    make_venue,
)
from workbench.backtest.latency import ConstantLatency, Latency
from workbench.backtest.queues import QueueModel
from workbench.compiled.dispatchers import FunctionByAddress
from workbench.errors import WorkbenchError
from workbench.events import Levels

__all__ = ["Answer", "SteppedVenue"]


class Answer(NamedTuple):
    """What the venue says of an order.

    Attributes
    ----------
    t_ns, venue_ns : int
        When it is heard; when it happened.
    kind : str
        "accepted", "fill", "amended", "refused" (an amend that changes nothing), "cancelled", "rejected", "expired"
        (post-only and would have taken).
    order_no : int
    price_ticks, size : int
        Of a fill; of an amended or refused order, its size; of an accepted one, what was displayed ahead of it.
    maker : bool
    reason : int
        Key of `ORDER_REASONS`.
    """

    t_ns: int
    venue_ns: int
    kind: Literal["accepted", "fill", "amended", "refused", "cancelled", "rejected", "expired"]
    order_no: int
    price_ticks: int
    size: int
    maker: bool
    reason: int


_KINDS: dict[int, Any] = {
    ACK: "accepted",
    FILL: "fill",
    AMENDED: "amended",
    REFUSED: "refused",
    END_CANCELLED: "cancelled",
    END_REJECTED: "rejected",
    END_EXPIRED: "expired",
}


class SteppedVenue:
    """Own orders of one account in a market that does not know of them.

    Parameters
    ----------
    queue : QueueModel
    latency : Latency
    seed : int
        Of latencies that are drawn.
    """

    def __init__(
        self, queue: QueueModel | None = None, latency: Latency | None = None, *, unit: float = 1.0, seed: int = 0
    ) -> None:
        queue = queue or QueueModel()
        self._own = FunctionByAddress(queue.compiled_function)
        self._latency = (latency or ConstantLatency()).table(seed)
        self._venue = make_venue(1, self._latency, queue=queue.code, queue_power=queue.power, queue_unit=unit)
        self._book = make_book()
        self._free = list(range(SLOTS - 1, -1, -1))
        self._rows: dict[int, int] = {}
        self._numbers = 0

    # --- the way of messages ----------------------------------------------------------------------------------------

    def arrival_ns(self, now_ns: int) -> int:
        """When a request that is sent now reaches the venue; requests do not overtake each other."""
        return self._due(ENTRY, now_ns, LAST_ARRIVAL, SENT_COUNT)

    def answer_ns(self, now_ns: int) -> int:
        """When an answer that the venue gives now is heard; answers do not overtake each other."""
        return self._due(RESPONSE, now_ns, LAST_ANSWER, ANSWER_COUNT)

    def _due(self, way: int, now_ns: int, last: int, number: int) -> int:
        ends = self._venue.ends[0]
        due = max(now_ns + delay_ns(self._latency, way, now_ns, ends[number]), int(ends[last]))
        ends[last] = due
        ends[number] += 1
        return due

    # --- the market -------------------------------------------------------------------------------------------------

    @property
    def best(self) -> tuple[int, int]:
        """Best bid and ask of the venue's book, ticks; 0 an empty side."""
        bid, ask = self._book.marks[BEST + BIDS], self._book.marks[BEST + ASKS]
        return (0 if bid == NO_BID else int(bid)), (0 if ask == NO_ASK else int(ask))

    def level(self, side: int, price_ticks: int, size: int, venue_ns: int) -> None:
        """A level of the book has a new size."""
        self.levels(((price_ticks, size),) if side > 0 else (), ((price_ticks, size),) if side < 0 else (), venue_ns)

    def levels(self, bids: Levels, asks: Levels, venue_ns: int, *, whole: bool = False) -> None:
        """Levels of one message; with `whole` they are all there is."""
        codes = [CLEAR_ROW] * whole + [DEPTH_ROW | BID_SIDE] * len(bids) + [DEPTH_ROW | ASK_SIDE] * len(asks)
        self._rows_of(codes, [(0, 0)] * whole + [*bids, *asks], venue_ns)

    def trade(self, taker_side: int, price_ticks: int, size: int, venue_ns: int) -> None:
        """A public trade."""
        self._rows_of([TRADE_ROW | (BID_SIDE if taker_side > 0 else ASK_SIDE)], [(price_ticks, size)], venue_ns)

    def clear(self, venue_ns: int) -> None:
        """What was displayed is not known any more."""
        self._rows_of([CLEAR_ROW], [(0, 0)], venue_ns)

    def _rows_of(self, codes: list[int], levels: list[tuple[int, int]], venue_ns: int) -> None:
        if not codes:
            return
        rows = np.array(levels, dtype=np.int32)
        prices, sizes = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
        code = np.array(codes, dtype=np.uint8) | np.uint8(EXCHANGE)
        self.play(code, prices, sizes, np.full(len(codes), venue_ns), 0, venue_ns)

    def play(
        self,
        code: NDArray[np.uint8],
        price_ticks: NDArray[np.int32],
        size: NDArray[np.int32],
        venue_ns: NDArray[np.int64],
        first: int,
        until_ns: int,
    ) -> int:
        """The venue's rows of a feed's columns from `first` on up to a time; returns the row after them."""
        columns = (code, price_ticks, size, venue_ns)
        while True:
            at = play_rows(self._venue, self._book, *columns, first, until_ns, self._own)
            if at >= 0:
                return at
            self._book = grow_far(self._book)
            first = -1 - at

    # --- orders -----------------------------------------------------------------------------------------------------

    @property
    def room(self) -> bool:
        """One more order can be kept."""
        return bool(self._free)

    @property
    def resting(self) -> bool:
        """Some order rests."""
        return bool(self._venue.edges[RESTING_COUNT] or self._venue.edges[RESTING_COUNT + 1])

    @property
    def position(self) -> int:
        """Signed contracts, for reduce-only orders."""
        return int(self._venue.accounts[0, POSITION])

    def place(
        self,
        side: int,
        price_ticks: int,
        size: int,
        venue_ns: int,
        *,
        post_only: bool = True,
        reduce_only: bool = False,
        ioc: bool = False,
    ) -> int:
        """A new order arrives; returns its number."""
        row = self._free.pop()
        self._numbers += 1
        order = self._venue.orders[row]
        order[:] = 0
        order[ORDER_NO], order[SIDE], order[PRICE], order[SIZE] = self._numbers, side, price_ticks, size
        order[FLAGS] = POST_ONLY * post_only | REDUCE_ONLY * reduce_only | IMMEDIATE * ioc
        order[AHEAD] = -1
        self._rows[self._numbers] = row
        enter_order(self._venue, self._book, row, venue_ns)
        return self._numbers

    def cancel(self, order_no: int, venue_ns: int) -> None:
        """A cancel of a resting order arrives."""
        end_resting(self._venue, self._rows[order_no], venue_ns)

    def amend(self, order_no: int, size: int, venue_ns: int, *, price_ticks: int = 0) -> None:
        """A new size (what is filled included) of a resting order arrives, and a new price unless it is 0."""
        amend_order(self._venue, self._book, self._rows[order_no], size, price_ticks, venue_ns)

    def ahead(self, order_no: int) -> float:
        """Contracts believed ahead of a resting order."""
        return float(self._venue.queue[self._rows[order_no], FRONT])

    def is_resting(self, order_no: int) -> bool:
        """Whether an order rests now."""
        row = self._rows.get(order_no)
        return row is not None and bool(self._venue.orders[row, RESTING])

    def take_answers(self) -> list[Answer]:
        """What the venue has said since the last call, in the order in which it is heard."""
        ends, orders = self._venue.ends[0], self._venue.orders
        if ends[ANS_HEAD] == ends[ANS_TAIL]:
            return []
        if self._venue.accounts[0, FAULT]:
            raise WorkbenchError(f"more than {ANSWERS} answers at once; expected them to be taken more often")
        answers = []
        touched = set()
        for at in range(int(ends[ANS_HEAD]), int(ends[ANS_TAIL])):
            row = self._venue.answers[0, at & (ANSWERS - 1)].tolist()
            kind, extra = row[KIND], row[EXTRA]
            fills = kind == FILL
            answers.append(
                Answer(
                    row[STAMP],
                    row[VENUE_NS],
                    _KINDS[kind],
                    row[NUMBER],
                    row[ANS_PRICE],
                    row[ANS_SIZE],
                    fills and bool(extra),
                    0 if fills else extra,
                )
            )
            touched.add(row[NUMBER])
        ends[ANS_HEAD] = ends[ANS_TAIL]
        for number in touched:
            if not orders[self._rows[number], RESTING]:
                self._free.append(self._rows.pop(number))
        return answers
