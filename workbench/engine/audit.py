"""The invariants of risk-and-faults.md, checked from outside after every event of a simulated session.

The auditor keeps its own books from events and commands alone and looks at the venue itself, which no part of the
engine can: what it finds does not depend on the code that it checks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.clock import NS
from workbench.config import MarketMakerConfig
from workbench.events import (
    Amend,
    BookDelta,
    BookLost,
    BookSnapshot,
    Command,
    Control,
    Event,
    FundingPaid,
    MarkPrice,
    OrderReport,
    OwnFill,
    Place,
    StreamState,
)
from workbench.exchange import SimulatedExchange
from workbench.trading import MarketMaker, Order, OrderStatus

__all__ = ["Auditor"]

MAX_FINDINGS = 20
KILL_DEADLINE_NS = 2 * NS
"""No order may be open so long after a kill (I8), as long as cancels or the timer brought forward reach the venue.

A silence that the venue asked for before the kill comes on top of it. Where nothing arrives at all, the bound of I6 and
I8 is the dead-man time: the venue clears the account by itself, since the timer is not renewed.
"""

PULL_DEADLINE_NS = 3 * NS
"""Quotes may stay this long after the book was lost (I6), on the same condition: a lost cancel is repeated after 0.5 s,
and so are all of them together; a timer of 1 s runs beside them from the first 0.5 s on."""

FINAL = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED)
WAITING = (OrderStatus.IN_FLIGHT, OrderStatus.OPEN, OrderStatus.AMENDING, OrderStatus.UNKNOWN)


@dataclass
class _Ours:
    """An order as the auditor remembers it from the command that sent it."""

    side: int
    size: int
    filled: int = 0
    reported: int = 0
    final: bool = False

    @property
    def exposure(self) -> int:
        """Contracts that may still come of it."""
        return max(0, self.reported - self.filled) if self.final else self.size - self.filled


class Auditor:
    """Checks a session while it runs; what is broken is collected in `findings`, with the invariant's number.

    Parameters
    ----------
    exchange : SimulatedExchange
        The venue, for its own truth.
    config : MarketMakerConfig
        Its position limit must be in contracts and must not change during the run.
    """

    def __init__(self, exchange: SimulatedExchange, config: MarketMakerConfig) -> None:
        self.findings: list[str] = []
        self.events = 0
        self._account = exchange.account()
        self._symbol = config.symbol
        self._instrument = exchange.listing(config.symbol).instrument
        self._limit = int(config.max_position_size)
        self._book_age_ns = int(config.risk.max_book_age_s * NS)
        self._budget = 2 * int(config.risk.max_messages_per_s) + 1
        self._live: dict[str, _Ours] = {}
        self._ids: set[str] = set()
        self._trades: set[str] = set()
        self._funding: set[str] = set()
        self._known: dict[str, tuple[OrderStatus, int]] = {}
        self._position = 0
        self._cash = 0
        self._book_ns = 0
        self._book_lost_ns = 1
        self._messages: deque[int] = deque()
        self._killed_ns = 0
        self._doubled_ns = 0

    def check(self, maker: MarketMaker, event: Event, commands: Sequence[Command]) -> None:
        """Look at one event, the commands that it led to, and the core and the venue after it."""
        self.events += 1
        t_ns = event.t_ns
        self._hear(event)
        for command in commands:
            if isinstance(command, Place):
                self._check_place(maker, command, t_ns)
            if isinstance(command, Place | Amend):
                self._messages.append(t_ns)
        if commands:
            self._check_rate(t_ns)
        self._check_slots(maker, t_ns)
        self._check_limits(maker, t_ns)
        if isinstance(event, OwnFill | MarkPrice | FundingPaid):
            self._check_money(maker)
        if isinstance(event, OwnFill | OrderReport):
            self._check_order(maker, event)
        self._check_deadlines(maker, t_ns)

    def check_end(self, maker: MarketMaker) -> None:
        """After the last event: everything that we believe is what the venue has."""
        venue_fills = {fill.trade_id for fill in self._account.fills}
        self._equal("I1 position at the end", maker.position, self._account.position(self._symbol))
        self._equal("I1 fills at the end", sorted(self._trades), sorted(venue_fills))
        start = self._account.wallet_rows[0].amount
        change = self._instrument.money(self._account.balance - start)
        self._equal("I1 wallet at the end", maker.ledger.wallet_change, change)
        self._equal("I8 open orders at the end", len(self._account.open_orders), 0)
        self._equal("I4 orders of ours that are still in doubt", maker.unknown_orders, 0)

    # --- own books --------------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        match event:
            case OwnFill() if event.trade_id not in self._trades:
                self._book_fill(event)
            case FundingPaid() if event.funding_id not in self._funding:
                self._funding.add(event.funding_id)
                self._cash += self._instrument.units(event.amount)
            case OrderReport() if event.client_id in self._live:
                self._hear_report(event)
            case BookSnapshot():
                self._book_ns, self._book_lost_ns = event.t_ns, 0
            case BookDelta():
                self._book_ns = event.t_ns
            case BookLost():
                self._book_lost_ns = self._book_lost_ns or event.t_ns
            case StreamState() if event.stream == "book" and not event.up:
                self._book_lost_ns = self._book_lost_ns or event.t_ns
            case Control() if event.action == "kill":
                self._killed_ns = event.t_ns
            case Control() if event.action == "rearm":
                self._killed_ns = 0

    def _book_fill(self, fill: OwnFill) -> None:
        self._trades.add(fill.trade_id)
        self._position += fill.side * fill.size
        value = self._instrument.value_of_half_ticks(2 * fill.price_ticks)
        self._cash -= fill.side * fill.size * value + self._instrument.units(fill.fee)
        order = self._live.get(fill.client_id)
        if order is not None:
            order.filled += fill.size
            self._settle(fill.client_id, order)

    def _hear_report(self, report: OrderReport) -> None:
        order = self._live[report.client_id]
        order.reported = max(order.reported, report.total_filled)
        if report.size > 0:
            order.size = min(order.size, report.size)
        order.final = order.final or report.status in ("filled", "cancelled", "rejected")
        self._settle(report.client_id, order)

    def _settle(self, client_id: str, order: _Ours) -> None:
        if not order.exposure:
            del self._live[client_id]

    # --- checks -----------------------------------------------------------------------------------------------------

    def _check_place(self, maker: MarketMaker, command: Place, t_ns: int) -> None:
        name = f"{command.client_id} at {t_ns}"
        if command.client_id in self._ids:
            self._find(f"I7 client id {name} is used twice")
        self._ids.add(command.client_id)
        self._live[command.client_id] = _Ours(command.side, command.size)
        if self._killed_ns:
            self._find(f"I8 {name} was sent after the kill at {self._killed_ns}")
        if self._book_lost_ns or t_ns - self._book_ns > self._book_age_ns:
            self._find(f"I6 {name} was sent without a book that can be trusted (newest {self._book_ns})")
        for other in _in_slot(maker, command.slot):
            if other.status is OrderStatus.UNKNOWN:
                self._find(f"I4 {name} was sent while the outcome of {other.client_id} in its slot was unknown")
            elif other.status in WAITING and other.client_id != command.client_id:
                self._find(f"I7 {name} was sent into the slot of {other.client_id}, which is {other.status.name}")

    def _check_rate(self, t_ns: int) -> None:
        while self._messages and self._messages[0] <= t_ns - NS:
            self._messages.popleft()
        if len(self._messages) > self._budget:
            self._find(f"I9 {len(self._messages)} orders within a second at {t_ns}; budget {self._budget}")

    def _check_slots(self, maker: MarketMaker, t_ns: int) -> None:
        taken = [order.slot for order in maker.tracker.live.values() if order.slot >= 0 and order.status in WAITING]
        if len(taken) == len(set(taken)):
            self._doubled_ns = 0
            return
        # A cancel that failed brings an order back beside its successor; one of them must go at once.
        self._doubled_ns = self._doubled_ns or t_ns
        if t_ns - self._doubled_ns > KILL_DEADLINE_NS:
            self._find(f"I7 two live orders in one slot from {self._doubled_ns} to {t_ns}: {sorted(taken)}")

    def _check_limits(self, maker: MarketMaker, t_ns: int) -> None:
        worst = [self._position, self._position]
        for client_id, order in self._live.items():
            ours = maker.tracker.find(client_id)
            if ours is None or ours.status is not OrderStatus.ABSENT:
                worst[order.side < 0] += order.side * order.exposure
        held = self._account.holdings[self._symbol]
        true = (held.position + held.open_buy, held.position - held.open_sell)
        for what, (high, low) in (("we could come to", worst), ("the venue could bring us to", true)):
            if high > self._limit or low < -self._limit:
                self._find(f"I5 {what} {low}..{high} contracts at {t_ns}; limit {self._limit}")

    def _check_money(self, maker: MarketMaker) -> None:
        self._equal("I1 I2 position from distinct fills", maker.position, self._position)
        parts = maker.pnl
        if maker.view.mark_value is not None:
            equity = self._instrument.money(self._cash + self._position * maker.view.mark_value)
            self._equal("I11 sum of the PnL parts", sum(parts), equity)

    def _check_order(self, maker: MarketMaker, event: OwnFill | OrderReport) -> None:
        order = maker.tracker.find(event.client_id, event.order_id)
        if order is None:
            return
        status, filled = self._known.get(order.client_id, (order.status, 0))
        if status in FINAL and order.status is not status:
            self._find(f"I3 {order.client_id} went from {status.name} to {order.status.name}")
        if order.filled < filled or order.filled > order.size:
            self._find(f"I3 {order.client_id} filled {filled} then {order.filled} of {order.size}")
        self._known[order.client_id] = (order.status, order.filled)

    def _check_deadlines(self, maker: MarketMaker, t_ns: int) -> None:
        if self._killed_ns and t_ns - self._killed_ns > KILL_DEADLINE_NS and self._account.open_orders:
            self._find(f"I8 {len(self._account.open_orders)} orders are open at {t_ns}, kill was at {self._killed_ns}")
        if self._book_lost_ns > 1 and t_ns - self._book_lost_ns > PULL_DEADLINE_NS and self._account.open_orders:
            self._find(f"I6 {maker.open_orders} quotes stand at {t_ns}, the book was lost at {self._book_lost_ns}")

    def _equal(self, what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            self._find(f"{what}: ours {ours}, expected {theirs}")

    def _find(self, text: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(text)


def _in_slot(maker: MarketMaker, slot: int) -> list[Order]:
    return [order for order in maker.tracker.live.values() if order.slot == slot >= 0]
