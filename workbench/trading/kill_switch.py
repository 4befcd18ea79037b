"""What stops trading, limits and people; and how: everything is withdrawn, by two ways."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from workbench.config import RiskConfig
from workbench.events import RATE_LIMITED, ArmDeadMan, CancelAll, DeadManArmed, OrderReport
from workbench.trading.dead_man import DeadMan
from workbench.trading.ledger import Ledger
from workbench.trading.mode import Mode
from workbench.trading.orders import Order, OrderStatus
from workbench.trading.outbox import Outbox
from workbench.trading.withdrawal import Withdrawal

__all__ = ["KillSwitch"]


class KillSwitch:
    """Knows the limits that end quoting until a person re-arms, and pulls every order when one is reached.

    Parameters
    ----------
    mode : Mode
        Takes the halt.
    withdrawal : Withdrawal
        Says when what must go has not gone.
    dead_man : DeadMan
        The second way: the venue cancels by itself.
    outbox : Outbox
        Takes the commands.
    ledger : Ledger
        The loss is read from it.
    notes : deque of str
        Takes the news of a halt.
    """

    def __init__(
        self,
        mode: Mode,
        withdrawal: Withdrawal,
        dead_man: DeadMan,
        outbox: Outbox,
        ledger: Ledger,
        notes: deque[str],
    ) -> None:
        self._mode = mode
        self._withdrawal = withdrawal
        self._dead_man = dead_man
        self._outbox = outbox
        self._ledger = ledger
        self._notes = notes
        self._withdrawn_ns = 0
        self._refused_in_a_row = 0

    def configure(self, risk: RiskConfig) -> None:
        """Take new limits."""
        self._risk = risk

    # --- limits -------------------------------------------------------------------------------------------------

    def loss(self, mark_value: int | None) -> str:
        """Why to halt, the position at this value; empty when the loss is within its limit or it is halted already."""
        most = self._risk.max_loss
        if most is None or self._mode.halted_by:
            return ""
        change = self._ledger.parts(mark_value).total
        if change > -Decimal(str(most)):
            return ""
        return f"equity has fallen by {-change} {self._ledger.currency}, risk.max_loss is {most:g}"

    def is_refusal(self, order: Order, before: OrderStatus, event: OrderReport) -> bool:
        """Whether the venue did not take an order: it may say so by the stream before it answers."""
        if order.status is not OrderStatus.CANCELLED:
            return order.status is OrderStatus.REJECTED
        in_flight = before is OrderStatus.IN_FLIGHT and order.sent_ns > self._withdrawn_ns
        unasked = event.request == "stream" and in_flight and self._mode.runs
        return (event.request == "place" or unasked) and not order.filled and not order.reduce_only

    def refused(self, event: OrderReport) -> str:
        """Count a refused order. Why to halt; empty while they are few."""
        # Too fast is no reason to halt: silence is what helps.
        if event.code != RATE_LIMITED:
            self._refused_in_a_row += 1
        if self._refused_in_a_row < self._risk.max_rejects:
            return ""
        return f"{self._refused_in_a_row} orders in a row were refused, the last: {event.reason}"

    def forget_refusals(self) -> None:
        """The venue took an order, or a person re-armed: the count starts anew."""
        self._refused_in_a_row = 0

    # --- stopping -----------------------------------------------------------------------------------------------

    def halt(self, reason: str, now_ns: int) -> bool:
        """A limit was reached; True if that changes the mode, and then everything is withdrawn."""
        news = not self._mode.halted_by
        halts = self._mode.halt(reason)
        if halts:
            self.withdraw(self._mode.text, now_ns)
        if news:
            self._notes.append(f"halted: {reason}")
        return halts

    def withdraw(self, why: str, now_ns: int) -> None:
        """Everything must go, by two ways: what refuses or loses the one request need not do so to the other."""
        self._withdrawal.begun(now_ns)
        self._withdrawn_ns = now_ns
        self._outbox.add(CancelAll(why))
        self._outbox.add(ArmDeadMan(self._dead_man.bring_forward()))

    def on_timer(self, doubt: str, now_ns: int) -> None:
        """Withdraw again what should have gone, or renew the venue's dead-man timer."""
        if self._withdrawal.due(now_ns, all_must_go=bool(doubt)):
            self.withdraw(doubt, now_ns)
        # An engine that cannot cancel lets the venue do it.
        timeout_ms = 0 if self._withdrawal.pending else self._dead_man.due(now_ns)
        if timeout_ms:
            self._outbox.add(ArmDeadMan(timeout_ms))

    def on_armed(self, event: DeadManArmed, now_ns: int) -> None:
        """The venue's answer about its dead-man timer."""
        self._dead_man.answered(event.ok, event.asked_ns)
        if not event.ok:
            self._withdrawal.refused(now_ns)
