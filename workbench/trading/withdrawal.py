"""Orders that must go and do not: when to go beyond the cancels that were sent for each of them."""

from __future__ import annotations

from workbench.events import NS
from workbench.trading.orders import OrderStatus, OrderTracker

__all__ = ["Withdrawal"]

PATIENCE_NS = NS // 2
"""Orders that may not rest and are not known to be gone after so long are withdrawn by every means there is."""

AGAIN_NS = 2 * NS
"""Longer than the dead-man timer that was brought forward: set anew before it runs out it would never do so."""

STUCK_NS = 2 * NS
"""A cancel whose outcome is unknown for so long says that we cannot cancel."""


class Withdrawal:
    """Watches the orders that must go, at each timer.

    Attributes
    ----------
    pending : bool
        Orders that must go may still be there: the venue's dead-man timer must not be renewed.
    stuck : str
        The order that is not got rid of although it alone is unwanted; empty when there is none.
    """

    def __init__(self, tracker: OrderTracker) -> None:
        self._tracker = tracker
        self._due_ns = 0
        self.pending = False
        self.stuck = ""

    def due(self, now_ns: int, *, all_must_go: bool) -> bool:
        """Whether to withdraw everything by every means now."""
        self.stuck = self._find_stuck(now_ns)
        self.pending = all_must_go and self._tracker.open_count > 0
        if not self.pending:
            self._due_ns = 0
        elif not self._due_ns:
            self._due_ns = now_ns + PATIENCE_NS
        elif now_ns >= self._due_ns:
            self.begun(now_ns)
            return True
        return False

    def begun(self, now_ns: int) -> None:
        """Everything is being withdrawn as of now."""
        self._due_ns = now_ns + AGAIN_NS

    def refused(self, now_ns: int) -> None:
        """The timer could not be brought forward: try again sooner."""
        if self.pending:
            self._due_ns = min(self._due_ns, now_ns + PATIENCE_NS)

    def _find_stuck(self, now_ns: int) -> str:
        for order in self._tracker.live.values():
            if order.status is OrderStatus.CANCELLING:
                if now_ns - order.unwanted_ns > STUCK_NS:
                    return order.client_id
            elif order.status is OrderStatus.OPEN and not order.questioned:
                # It was to be cancelled once and stayed: the planner would have cancelled it again if it minded.
                order.unwanted_ns = 0
        return ""
