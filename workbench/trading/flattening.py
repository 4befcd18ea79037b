"""Closing the position: one reduce-only immediate order at a time until it is gone."""

from __future__ import annotations

from workbench.events import NS
from workbench.trading.mode import Mode
from workbench.trading.orders import OrderTracker
from workbench.trading.outbox import Outbox
from workbench.trading.planner import QuotePlanner

__all__ = ["Flattening"]

FLATTEN_EVERY_NS = NS // 5


class Flattening:
    """Sends the closing orders, and tells the mode when the position is flat.

    Parameters
    ----------
    mode : Mode
    tracker : OrderTracker
        Nothing is sent while an order may still fill.
    planner : QuotePlanner
        Prices and checks the closing orders.
    outbox : Outbox
        Takes them.
    """

    def __init__(self, mode: Mode, tracker: OrderTracker, planner: QuotePlanner, outbox: Outbox) -> None:
        self._mode = mode
        self._tracker = tracker
        self._planner = planner
        self._outbox = outbox
        self._next_ns = 0

    def step(self, position: int, now_ns: int, *, can_trade: bool) -> str:
        """Do what is to be done now. Why the position cannot be closed; empty when it can."""
        if self._tracker.live:
            return ""
        if position == 0:
            self._mode.flat()
            return ""
        if not can_trade or now_ns < self._next_ns:
            return ""
        self._next_ns = now_ns + FLATTEN_EVERY_NS
        order = self._planner.closing(now_ns, position)
        if order.refusal:
            return f"the position cannot be closed: {order.refusal}"
        self._outbox.place(-1, order.side, order.price_ticks, order.size, now_ns, closing=True)
        return ""
