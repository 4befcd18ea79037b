"""The account seen from both ends: our ledger against the venue's own lists; a difference that lasts stops trading."""

from __future__ import annotations

from workbench.events import NS, OpenOrders, OwnFill, PositionReport, ReconcileDone
from workbench.trading.ledger import Ledger
from workbench.trading.orders import Order, OrderTracker

__all__ = ["AccountCheck"]

ANSWER_NS = 10 * NS
"""A reconciliation that has not been answered for this long is asked for again."""

OWED_NS = NS // 2
"""Missing executions are asked for this long after they were noticed."""

MISSING = "executions are missing"


class AccountCheck:
    """When to ask the venue for its lists, and what their difference from ours means.

    Attributes
    ----------
    ready : bool
        The account was reconciled at least once and the private stream has not been lost since.
    """

    def __init__(self, tracker: OrderTracker, ledger: Ledger, run_tag: str) -> None:
        self._tracker = tracker
        self._ledger = ledger
        self._run_tag = run_tag
        self.period_ns = 5 * NS
        self.ready = False
        self._asked_ns = 0
        self._done_ns = 0
        self._lost_ns = 0
        self._soon_ns = 1
        self._missing_ns = 0
        self._why = "start of the session"
        self._difference: int | None = None
        self._fills_at_difference = 0
        self.fills_heard = 0

    def soon(self, at_ns: int, why: str) -> None:
        """Ask no later than this time."""
        if not self._soon_ns or at_ns < self._soon_ns:
            self._soon_ns = at_ns
            self._why = why

    def due(self, now_ns: int) -> str:
        """Why to ask now, or empty."""
        if self._asked_ns and now_ns - self._asked_ns < ANSWER_NS:
            return ""
        if not self._tracker.owed:
            # They came by themselves, as they nearly always do.
            self._missing_ns = 0
        elif not self._missing_ns:
            self._missing_ns = now_ns + OWED_NS
        if self._missing_ns and now_ns >= self._missing_ns:
            why = MISSING
        elif self._soon_ns and now_ns >= self._soon_ns:
            why = self._why
        elif now_ns - self._done_ns >= self.period_ns:
            why = "regular check"
        else:
            return ""
        self._asked_ns = now_ns
        self._soon_ns = 0
        self._missing_ns = 0
        return why

    def done(self, event: ReconcileDone) -> None:
        """All lists of one check have arrived, or could not be had."""
        self._asked_ns = 0
        self._done_ns = event.t_ns
        if event.ok:
            # What was asked for before the stream was lost says nothing of what it missed.
            self.ready = self.ready or event.asked_ns >= self._lost_ns
        else:
            self.soon(event.t_ns + NS, "the last check failed")

    def lost(self, now_ns: int) -> None:
        """The private stream is down: what it missed must be asked for before anything is quoted."""
        self.ready = False
        self._lost_ns = now_ns
        self.soon(now_ns, "the private stream was lost")

    def open_orders(self, event: OpenOrders) -> tuple[list[Order], str]:
        """Orders of ours whose state is in doubt after the venue's list, and the complaint about foreign ones."""
        listed = set()
        doubtful: list[Order] = []
        for row in event.orders:
            order = self._tracker.find(row.client_id, row.order_id)
            if order is not None:
                listed.add(order.client_id)
                if order.terminal and order.done_ns < event.asked_ns:
                    doubtful.append(order)
            elif not row.client_id.startswith(self._run_tag):
                return doubtful, f"order {row.order_id or row.client_id} on this account is not ours"
            else:
                return doubtful, f"order {row.client_id} carries our tag and was never sent by this session"
        for order in self._tracker.live.values():
            settled = order.acked_ns and order.acked_ns < event.asked_ns
            if settled and not order.terminal and order.client_id not in listed:
                doubtful.append(order)
        return doubtful, ""

    def foreign_execution(self, event: OwnFill, *, trading: bool) -> str:
        """Complaint about an execution of an order that we do not know; before we trade it may be somebody's past."""
        if event.client_id.startswith(self._run_tag):
            return f"execution {event.trade_id} of {event.client_id}, which this session never sent"
        if self.ready and trading:
            return f"execution {event.trade_id} on this account is not of an order of ours"
        return ""

    def position(self, event: PositionReport) -> str:
        """Complaint when the venue's position differs from ours twice with no execution in between; else empty."""
        difference = event.position - self._ledger.position
        if not difference or self._tracker.owed:
            self._difference = None
            return ""
        if self._difference == difference and self._fills_at_difference == self.fills_heard:
            return f"the venue's position is {event.position}, ours {self._ledger.position}"
        self._difference = difference
        self._fills_at_difference = self.fills_heard
        self.soon(event.t_ns + NS, "the position differs")
        return ""
