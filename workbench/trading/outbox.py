"""Commands on their way out: each order request is entered in the tracker and counted before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.events import Amend, Cancel, Command, Place
from workbench.trading.kernels import ACT_AMEND, ACT_CANCEL
from workbench.trading.orders import Order, OrderTracker
from workbench.trading.planner import PlannedAction
from workbench.trading.stats import SessionStats

__all__ = ["Outbox"]


class Outbox:
    """Collects the commands of one event, in the order in which they must be sent.

    Parameters
    ----------
    tracker : OrderTracker
        Learns of every order request.
    stats : SessionStats
        Counts them.
    run_tag : str
        Head of every client order id.
    """

    def __init__(self, tracker: OrderTracker, stats: SessionStats, run_tag: str) -> None:
        self._tracker = tracker
        self._stats = stats
        self._run_tag = run_tag
        self._counter = 0
        self.waiting: list[Command] = []

    def take(self) -> list[Command]:
        """Hand out what has been collected."""
        commands, self.waiting = self.waiting, []
        return commands

    def add(self, command: Command) -> None:
        """A command that concerns no single order, or only asks."""
        self.waiting.append(command)

    def carry_out(self, actions: Iterable[PlannedAction], orders: Sequence[Order], now_ns: int) -> int:
        """The actions of a plan on its rows of live orders; returns how many took from the message budget."""
        messages = 0
        for kind, row, slot, side, price, size in actions:
            if kind == ACT_CANCEL:
                self.cancel(orders[row], now_ns)
                continue
            messages += 1
            if kind == ACT_AMEND:
                self.amend(orders[row], size, now_ns)
            else:
                self.place(slot, side, price, size, now_ns)
        return messages

    def place(self, slot: int, side: int, price: int, size: int, now_ns: int, *, closing: bool = False) -> None:
        """A new order: post-only, or reduce-only and immediate when it closes the position."""
        self._counter += 1
        client_id = f"{self._run_tag}{'b' if side > 0 else 's'}{self._counter}"
        command = Place(client_id, slot, side, price, size, post_only=not closing, reduce_only=closing, ioc=closing)
        self._tracker.sent(command, now_ns)
        self._stats.orders_sent += 1
        self.waiting.append(command)

    def cancel(self, order: Order, now_ns: int) -> None:
        """Cancel an order."""
        self._tracker.request(order, "cancel", now_ns)
        self._stats.cancels += 1
        self.waiting.append(Cancel(order.client_id, order.order_id))

    def amend(self, order: Order, remaining: int, now_ns: int) -> None:
        """Shrink the rest of an order; the venue is told the new total."""
        size = order.filled + remaining
        self._tracker.request(order, "amend", now_ns, size)
        self._stats.amends += 1
        self.waiting.append(Amend(order.client_id, order.order_id, size))
