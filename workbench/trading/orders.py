"""Order truth: one record an order, moved only along a transition table, whatever the wire does.

An order counts at full remaining size from the moment it is sent until its end is known. A report that says more was
filled than executions have been heard of leaves the difference *owed*: it keeps counting until the fills arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import takewhile

from workbench.events import NS, OrderReport, OwnFill, Place

__all__ = ["TRANSITIONS", "Order", "OrderStatus", "OrderTracker"]


class OrderStatus(IntEnum):
    """Where an order is."""

    IN_FLIGHT = 0  # sent, no answer yet
    OPEN = 1  # resting at the venue
    CANCELLING = 2  # a cancel is in flight, or its outcome is not known
    AMENDING = 3  # an amend is in flight
    UNKNOWN = 4  # the outcome of sending it is not known: counts as live, is asked for
    FILLED = 5
    CANCELLED = 6
    REJECTED = 7
    ABSENT = 8  # the venue twice did not know it; late news revives it


S = OrderStatus
_TERMINAL = frozenset({S.FILLED, S.CANCELLED, S.REJECTED})
_ENDED = _TERMINAL | {S.ABSENT}

TRANSITIONS: Mapping[tuple[OrderStatus, str], OrderStatus] = {
    # News of a resting order. While a cancel or amend is in flight, only the answer to a question settles it.
    (S.IN_FLIGHT, "open"): S.OPEN,
    (S.UNKNOWN, "open"): S.OPEN,
    (S.ABSENT, "open"): S.OPEN,
    (S.OPEN, "open"): S.OPEN,
    (S.CANCELLING, "open"): S.CANCELLING,
    (S.AMENDING, "open"): S.AMENDING,
    (S.CANCELLING, "still_open"): S.OPEN,
    (S.AMENDING, "still_open"): S.OPEN,
    # The ends.
    **{(status, "filled"): S.FILLED for status in S if status not in _TERMINAL},
    **{(status, "cancelled"): S.CANCELLED for status in S if status not in _TERMINAL},
    **{(status, "rejected"): S.REJECTED for status in (S.IN_FLIGHT, S.UNKNOWN, S.ABSENT)},
    # Outcomes that are not known.
    (S.IN_FLIGHT, "unknown"): S.UNKNOWN,
    (S.UNKNOWN, "unknown"): S.UNKNOWN,
    (S.OPEN, "unknown"): S.OPEN,
    (S.CANCELLING, "unknown"): S.CANCELLING,
    (S.AMENDING, "unknown"): S.AMENDING,
    **{(status, "absent"): S.ABSENT for status in S if status not in _TERMINAL},
    # Our own requests.
    (S.OPEN, "cancel"): S.CANCELLING,
    (S.UNKNOWN, "cancel"): S.CANCELLING,
    (S.IN_FLIGHT, "cancel"): S.CANCELLING,
    (S.AMENDING, "cancel"): S.CANCELLING,
    (S.OPEN, "amend"): S.AMENDING,
}
"""(status, news) -> status. News that is not in the table changes nothing: a final state is final."""

QUERY_DELAYS_NS = (int(0.3 * NS), 1 * NS, 3 * NS)
"""An unknown outcome is asked for after 0.3 s, 1 s, then every 3 s (API notes, section 6.1)."""

ABSENCE_DELAY_NS = 2 * NS
"""The venue may show an order this late; "not found" earlier proves nothing."""

ABSENCES_NEEDED = 2

UNANSWERED_NS = 15 * NS
"""Longer than any time-out of the client."""

_WAITING = (S.IN_FLIGHT, S.CANCELLING, S.AMENDING)

KEEP_ORDERS_NS = 3_600 * NS
"""The venue shows a cancelled order for half an hour."""

KEEP_FILLS_NS = 8 * 86_400 * NS
"""The venue's trade history reaches back a week."""


class Order:
    """One order and everything that is known about it."""

    __slots__ = (
        "absences",
        "acked_ns",
        "client_id",
        "done_ns",
        "filled",
        "order_id",
        "pending_size",
        "price_ticks",
        "queries",
        "query_at_ns",
        "reason",
        "reduce_only",
        "reported_filled",
        "requested_ns",
        "sent_ns",
        "side",
        "size",
        "slot",
        "status",
        "unwanted_ns",
    )

    def __init__(self, command: Place, sent_ns: int) -> None:
        self.client_id = command.client_id
        self.order_id = ""
        self.slot = command.slot
        self.side = command.side
        self.price_ticks = command.price_ticks
        self.size = command.size
        self.reduce_only = command.reduce_only
        self.filled = 0
        self.reported_filled = 0
        self.pending_size = 0
        self.status = OrderStatus.IN_FLIGHT
        self.sent_ns = sent_ns
        self.requested_ns = sent_ns
        self.acked_ns = 0
        self.done_ns = 0
        self.unwanted_ns = 0
        self.query_at_ns = 0
        self.queries = 0
        self.absences = 0
        self.reason = ""

    @property
    def terminal(self) -> bool:
        """Nothing more can come of it but fills that are owed."""
        return self.status in _ENDED

    @property
    def owed(self) -> int:
        """Contracts that the venue says are filled and whose executions have not been heard of."""
        missing = self.reported_filled - self.filled
        return missing if missing > 0 else 0

    @property
    def exposure(self) -> int:
        """Contracts that may still change the position: the rest of a live order, or what is owed by a dead one."""
        return self.owed if self.status in _ENDED else self.size - self.filled

    @property
    def questioned(self) -> bool:
        """Its state is being asked for."""
        return self.query_at_ns > 0

    def __repr__(self) -> str:
        side = "buy" if self.side > 0 else "sell"
        return (
            f"Order({self.client_id} {side} {self.size} @ {self.price_ticks} ticks, "
            f"{self.status.name.lower()}, filled {self.filled})"
        )


class OrderTracker:
    """All orders that can still matter, by client id and by the venue's id."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._by_venue_id: dict[str, str] = {}
        self._live: dict[str, Order] = {}
        self._fill_ids: dict[str, int] = {}
        self.version = 0
        """Grows whenever a live order changed."""

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def live(self) -> Mapping[str, Order]:
        """Orders that may still fill or are owed fills, by client id, oldest first."""
        return self._live

    def find(self, client_id: str, order_id: str = "") -> Order | None:
        """The order of an id of ours or of the venue."""
        order = self._orders.get(client_id)
        if order is None and order_id:
            order = self._orders.get(self._by_venue_id.get(order_id, ""))
        return order

    def exposure(self, side: int) -> int:
        """Contracts of a side that may still fill."""
        return sum(order.exposure for order in self._live.values() if order.side == side)

    @property
    def open_count(self) -> int:
        """Orders that may be resting at the venue."""
        return sum(1 for order in self._live.values() if not order.terminal)

    @property
    def unknown_count(self) -> int:
        """Orders whose state is being asked for."""
        return sum(1 for order in self._live.values() if order.questioned or order.owed)

    @property
    def owed(self) -> int:
        """Contracts filled according to the venue whose executions are missing."""
        return sum([order.owed for order in self._live.values() if order.reported_filled > order.filled])

    def due_queries(self, now_ns: int) -> list[Order]:
        """Orders whose state is to be asked for now; each is rescheduled as it is given out."""
        due = [order for order in self._live.values() if 0 < order.query_at_ns <= now_ns]
        for order in due:
            delay = QUERY_DELAYS_NS[min(order.queries + 1, len(QUERY_DELAYS_NS) - 1)]
            order.queries += 1
            order.query_at_ns = now_ns + delay
        return due

    # --- changing -----------------------------------------------------------------------------------------------

    def sent(self, command: Place, now_ns: int) -> Order:
        """A new order goes out: from here it counts."""
        order = Order(command, now_ns)
        self._orders[order.client_id] = order
        self._live[order.client_id] = order
        self.version += 1
        return order

    def request(self, order: Order, what: str, now_ns: int, size: int = 0) -> None:
        """A cancel or an amend of the order goes out."""
        order.requested_ns = now_ns
        if what == "cancel" and not order.unwanted_ns:
            order.unwanted_ns = now_ns
        order.status = TRANSITIONS.get((order.status, what), order.status)
        order.pending_size = size
        self.version += 1

    def question(self, order: Order, now_ns: int) -> None:
        """Start asking for an order's state."""
        if not order.query_at_ns:
            self.version += 1
            order.queries = 0
            order.absences = 0
            order.query_at_ns = now_ns + QUERY_DELAYS_NS[0]

    def question_unanswered(self, now_ns: int) -> None:
        """Ask for orders whose request nobody has answered for too long, not even with a time-out."""
        for order in self._live.values():
            if order.status in _WAITING and now_ns - order.requested_ns > UNANSWERED_NS:
                self.question(order, now_ns)

    def report(self, report: OrderReport, now_ns: int) -> Order | None:
        """Take what the venue says; returns the order, or None for one that is not ours."""
        order = self.find(report.client_id, report.order_id)
        if order is None:
            return None
        before = (order.status, order.exposure, order.query_at_ns)
        if report.order_id and not order.order_id:
            order.order_id = report.order_id
            self._by_venue_id[report.order_id] = order.client_id
        if report.size > 0 and report.status in ("filled", "cancelled"):
            # Its end may be heard before the answer to the amend that shrank it: the last size is the true one.
            order.size = max(min(order.size, report.size), order.filled)
        order.reported_filled = min(order.size, max(order.reported_filled, report.total_filled))
        self._move(order, self._news(order, report, now_ns), now_ns, report.reason)
        if (order.status, order.exposure, order.query_at_ns) != before:
            self.version += 1
        return order

    def fill(self, fill: OwnFill, now_ns: int) -> tuple[Order | None, bool]:
        """Apply an execution once. Returns the order (None: not ours) and whether it was new."""
        if fill.trade_id in self._fill_ids:
            return self.find(fill.client_id, fill.order_id), False
        order = self.find(fill.client_id, fill.order_id)
        self._fill_ids[fill.trade_id] = now_ns
        if order is None:
            return None, True
        self.version += 1
        order.filled += fill.size
        if order.filled >= order.size:
            self._move(order, "filled", now_ns, "")
        elif order.status is S.ABSENT:
            self._revive(order)
            self._move(order, "open", now_ns, "")
            self.question(order, now_ns)
        elif order.status is S.IN_FLIGHT:
            self._move(order, "open", now_ns, "")
        self._settle(order)
        return order, True

    def prune(self, now_ns: int) -> None:
        """Forget orders and execution ids that the venue itself no longer repeats, so that memory stays bounded."""
        old = takewhile(lambda order: now_ns - order.sent_ns > KEEP_ORDERS_NS, self._orders.values())
        for order in [o for o in old if o.done_ns and now_ns - o.done_ns > KEEP_ORDERS_NS]:
            if order.client_id not in self._live:
                del self._orders[order.client_id]
                self._by_venue_id.pop(order.order_id, None)
        for trade_id, heard_ns in list(self._fill_ids.items()):
            if now_ns - heard_ns <= KEEP_FILLS_NS:
                break
            del self._fill_ids[trade_id]

    def _move(self, order: Order, news: str, now_ns: int, reason: str) -> None:
        before = order.status
        after = TRANSITIONS.get((before, news), before)
        if after is S.OPEN and before is S.ABSENT:
            self._revive(order)
        if after is S.FILLED:
            order.reported_filled = order.size
        if after is not before and reason:
            order.reason = reason
        order.status = after
        if not order.acked_ns and after in (S.OPEN, S.FILLED, S.CANCELLED):
            order.acked_ns = now_ns
        if order.terminal:
            order.query_at_ns = 0
            if not order.done_ns:
                order.done_ns = now_ns
        self._settle(order)

    def _revive(self, order: Order) -> None:
        order.done_ns = 0
        self._live[order.client_id] = order

    def _settle(self, order: Order) -> None:
        if order.terminal:
            if order.owed:
                self._live[order.client_id] = order
            else:
                self._live.pop(order.client_id, None)

    def _news(self, order: Order, report: OrderReport, now_ns: int) -> str:
        """The row of the transition table that a report stands for, questions started or settled on the way."""
        match report.status:
            case "open":
                return self._news_of_open(order, report)
            case "unknown" | "cancel_rejected" | "not_found" if order.terminal:
                return "unknown"
            case "unknown":
                self.question(order, now_ns)
                return "unknown"
            case "not_found" if report.request == "query":
                self.question(order, now_ns)
                order.absences += now_ns - order.sent_ns >= ABSENCE_DELAY_NS
                return "absent" if order.absences >= ABSENCES_NEEDED else "unknown"
            case "cancel_rejected" | "not_found":
                # A cancel of an order that is not there: filled, gone, or not there yet. Ask at once.
                self.question(order, now_ns)
                order.query_at_ns = now_ns
                return "unknown"
            case end:
                return end

    def _news_of_open(self, order: Order, report: OrderReport) -> str:
        asked = report.request in ("query", "amend")
        if asked or order.status in (S.IN_FLIGHT, S.UNKNOWN, S.ABSENT):
            order.query_at_ns = 0
        if asked and report.size > 0:
            order.size = max(report.size, order.filled)
        amended = report.request == "amend" and order.status is S.AMENDING
        if amended or (report.request == "query" and order.status in (S.CANCELLING, S.AMENDING)):
            return "still_open"
        return "open"
