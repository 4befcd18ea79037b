"""A venue in this process: the market comes from elsewhere, own orders are filled by the backtest's queue and latency.

A command reaches the venue after the entry latency, its outcome is heard after the response latency. What the venue
does is the compiled matching of `workbench.backtest`; here are the clock, the account and the venue's own lists.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from msgspec import structs

from workbench.backtest import Answer, ConstantLatency, SteppedVenue, queue_model
from workbench.backtest.log import ORDER_REASONS, VENUE_RATE_LIMIT
from workbench.clock import NS, Clock
from workbench.config import VenueConfig
from workbench.engine.venues.local_account import LocalAccount
from workbench.errors import VenueError
from workbench.events import (
    RATE_LIMITED,
    Amend,
    ArmDeadMan,
    Cancel,
    CancelAll,
    Command,
    DeadManArmed,
    Event,
    FundingPaid,
    OpenOrder,
    OpenOrders,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    ReportStatus,
    WalletReport,
)
from workbench.instruments import Instrument

__all__ = ["LocalVenue"]

log = logging.getLogger(__name__)

KEPT_ORDERS = 10_000
"""So many ended orders can still be asked for."""

_FIRST_TO_LAST: dict[type, int] = {CancelAll: 0, Cancel: 1, Amend: 2, ArmDeadMan: 3, Place: 4, Query: 5, Reconcile: 6}

NEVER = 1 << 62

Request = Literal["place", "cancel", "amend", "stream"]
Status = Literal["open", "filled", "cancelled", "rejected"]


class _Order:
    """What the venue itself keeps of an order."""

    __slots__ = ("client_id", "filled", "fills", "order_no", "price_ticks", "reason", "side", "size", "status")

    def __init__(self, command: Place, order_no: int) -> None:
        self.client_id = command.client_id
        self.order_no = order_no
        self.side = command.side
        self.price_ticks = command.price_ticks
        self.size = command.size
        self.filled = 0
        self.status: Status = "open"
        self.reason = ""
        self.fills: list[OwnFill] = []


class LocalVenue(ABC):
    """What the venues `replay` and `paper` have in common; they bring the market.

    Own orders never show in the market's book, and nobody else trades against them. At equal stamps the market is heard
    first, then answers; at the venue the market moves before commands arrive.

    Parameters
    ----------
    config : VenueConfig
        Latency and queue model.
    clock : Clock
        On the time of the market's stamps.
    emit : callable
        Takes every event; must not block.

    Attributes
    ----------
    fills : list of OwnFill
        Every execution at the venue, oldest first.
    """

    def __init__(self, config: VenueConfig, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._config = config
        self._instrument: Instrument | None = None
        self._account: LocalAccount | None = None
        self._orders: dict[str, _Order] = {}
        self._open: dict[int, _Order] = {}
        self._past: deque[str] = deque()
        self.fills: list[OwnFill] = []
        self._batch: list[Command] = []
        self._inbox: deque[tuple[int, int, Command | asyncio.Future[int]]] = deque()
        self._outbox: deque[tuple[int, Event | Callable[[], None]]] = deque()
        self._dead_man_ns = NEVER
        self._wake: asyncio.TimerHandle | None = None
        self._closed = False

    # --- the market, which subclasses bring -------------------------------------------------------------------------

    @abstractmethod
    async def open(self) -> Instrument:
        """Return the instrument. Raises `VenueError`."""

    @abstractmethod
    async def start_streams(self) -> None:
        """Begin to deliver market events. Raises `VenueError`."""

    def _next_heard_ns(self) -> int:
        """When the next market event is heard here."""
        return NEVER

    def _hear(self) -> None:  # noqa: B027 - a market that comes by itself is not fetched
        """Emit what is heard then."""

    def _next_market_ns(self) -> int:
        """When something happens next at the venue that may concern the account."""
        return NEVER

    def _run_market(self, until_ns: int) -> None:  # noqa: B027
        """Let everything happen at the venue up to a time."""

    # --- life -------------------------------------------------------------------------------------------------------

    def _opened(self, instrument: Instrument) -> Instrument:
        entry_ms, response_ms = self._config.latency_ms
        self._matching = SteppedVenue(
            queue_model(self._config.queue, self._config.queue_power),
            ConstantLatency(entry_ms / 1e3, response_ms / 1e3),
            unit=float(instrument.contract_size),
        )
        self._instrument = instrument
        self._account = LocalAccount(instrument)
        return instrument

    @property
    def account(self) -> LocalAccount:
        """The account as the venue itself has it. Raises `VenueError` before `open`."""
        if self._account is None:
            raise VenueError("the venue is not open yet; expected open() first")
        return self._account

    @property
    def open_orders(self) -> int:
        """Orders that rest at the venue now."""
        return len(self._open)

    async def close(self) -> None:
        """Deliver nothing more; closing twice is harmless."""
        self._closed = True
        if self._wake is not None:
            self._wake.cancel()

    # --- commands ---------------------------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Take a command; it leaves in this turn of the loop, cancels before new orders.

        Raises
        ------
        VenueError
            Only before `open`.
        """
        if self._account is None:
            raise VenueError(f"{type(command).__name__} before the venue is open; expected open() first")
        if not self._batch:
            asyncio.get_running_loop().call_soon(self._send)
        self._batch.append(command)

    def _send(self) -> None:
        batch, self._batch = self._batch, []
        batch.sort(key=lambda command: _FIRST_TO_LAST[type(command)])
        now = self._clock.now_ns()
        for command in batch:
            self._inbox.append((self._matching.arrival_ns(now), now, command))
        self._pump()

    async def cancel_all_and_verify(self, deadline_s: float) -> int:
        """Cancel everything and ask the venue for its list; what was sent before arrives before.

        Raises
        ------
        VenueError
            If there was no answer within the deadline.
        """
        if self._account is None:
            raise VenueError("the venue is not open; expected open() first")
        if self._batch:
            self._send()
        now = self._clock.now_ns()
        listed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._inbox.append((self._matching.arrival_ns(now), now, listed))
        self._pump()
        try:
            return await asyncio.wait_for(listed, deadline_s)
        except TimeoutError:
            raise VenueError(f"how many orders are open is not known: no answer within {deadline_s:g} s") from None

    # --- time -------------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Do everything that is due, in the order of its stamps, and come back when the next thing is."""
        if self._closed:
            return
        now = self._clock.now_ns()
        while True:
            arrival = min(self._inbox[0][0] if self._inbox else NEVER, self._dead_man_ns)
            self._run_market(min(now, arrival))
            heard = self._next_heard_ns()
            answer = self._outbox[0][0] if self._outbox else NEVER
            due = min(heard, answer, arrival)
            if due > now:
                break
            if heard == due:
                self._hear()
            elif answer == due:
                self._deliver()
            else:
                self._arrive(arrival)
        due = min(due, self._next_market_ns())
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if due < NEVER:
            loop = asyncio.get_running_loop()
            self._wake = loop.call_at(loop.time() + (due - now) / NS, self._pump)

    def _deliver(self) -> None:
        _, news = self._outbox.popleft()
        if callable(news):
            news()
        else:
            self._emit(news)

    def _arrive(self, at_ns: int) -> None:
        """A command reaches the venue, or the dead-man timer runs out there."""
        if self._dead_man_ns == at_ns:
            self._dead_man_ns = NEVER
            log.warning("the dead-man timer ran out: every order is cancelled")
            self._cancel_all(at_ns, "stream", "the dead-man timer ran out")
            return
        _, sent_ns, command = self._inbox.popleft()
        match command:
            case Place():
                self._place(command, at_ns)
            case Cancel() | Amend():
                self._change(command, at_ns)
            case Query():
                self._query(command, at_ns)
            case CancelAll():
                self._cancel_all(at_ns, "cancel", "")
            case ArmDeadMan():
                self._dead_man_ns = at_ns + command.timeout_ms * 1_000_000 if command.timeout_ms else NEVER
                heard = self._matching.answer_ns(at_ns)
                self._outbox.append((heard, DeadManArmed(heard, True, asked_ns=sent_ns)))
            case Reconcile():
                self._reconcile(sent_ns, at_ns)
            case _:
                self._cancel_all(at_ns, "cancel", "")
                self._outbox.append((self._matching.answer_ns(at_ns), lambda: _resolve(command, len(self._open))))

    # --- orders at the venue ----------------------------------------------------------------------------------------

    def _place(self, command: Place, at_ns: int) -> None:
        refusal = self._refusal(command)
        if refusal:
            heard = self._matching.answer_ns(at_ns)
            report = OrderReport(heard, command.client_id, "rejected", "place", reason=refusal)
            self._outbox.append((heard, report))
            return
        order_no = self._matching.place(
            command.side,
            command.price_ticks,
            command.size,
            at_ns,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            ioc=command.ioc,
        )
        order = _Order(command, order_no)
        self._orders[command.client_id] = self._open[order_no] = order
        self._answers("place")

    def _refusal(self, command: Place) -> str:
        instrument = self._instrument
        assert instrument is not None
        price = instrument.ticks_to_price(command.price_ticks)
        if command.size < instrument.min_size or command.size % instrument.lot or command.size > instrument.max_size:
            return f"size {command.size} is not one that the venue takes"
        if command.post_only and instrument.notional(command.size, price) < instrument.min_notional:
            return f"worth less than {instrument.min_notional} {instrument.quote}: the venue calls that spam"
        if not self._matching.room:
            return "too many open orders"
        return ""

    def _change(self, command: Cancel | Amend, at_ns: int) -> None:
        request: Request = "cancel" if isinstance(command, Cancel) else "amend"
        order = self._orders.get(command.client_id)
        if order is None or order.order_no not in self._open:
            heard = self._matching.answer_ns(at_ns)
            self._outbox.append((heard, OrderReport(heard, command.client_id, "not_found", request)))
            return
        if isinstance(command, Cancel):
            self._matching.cancel(order.order_no, at_ns)
        else:
            self._matching.amend(order.order_no, command.size, at_ns)
        self._answers(request)

    def _cancel_all(self, at_ns: int, request: Request, reason: str) -> None:
        for order_no in list(self._open):
            self._matching.cancel(order_no, at_ns)
        self._answers(request, reason)

    def _answers(self, request: Request = "stream", why: str = "") -> None:
        """Take what the matching says, book it, and put it on its way."""
        for answer in self._matching.take_answers():
            order = self._open[answer.order_no]
            if answer.kind == "fill":
                self._fill(order, answer)
                continue
            status: ReportStatus = "open"
            if answer.kind == "amended":
                order.size = answer.size
            elif answer.kind != "accepted":
                status = "rejected" if answer.kind == "rejected" else "cancelled"
                order.reason = ORDER_REASONS[answer.reason] or why
                self._end(order, status)
            code = RATE_LIMITED if answer.reason == VENUE_RATE_LIMIT else 0
            report = OrderReport(
                answer.t_ns,
                order.client_id,
                status,
                request,
                str(order.order_no),
                order.filled,
                order.size,
                code,
                order.reason,
            )
            self._outbox.append((answer.t_ns, report))

    def _fill(self, order: _Order, answer: Answer) -> None:
        assert self._instrument is not None
        fee = self.account.executed(order.side, answer.size, answer.price_ticks, maker=answer.maker)
        order.filled += answer.size
        fill = OwnFill(
            answer.t_ns,
            answer.venue_ns,
            f"{self._instrument.symbol}-{len(self.fills) + 1}",
            order.client_id,
            str(order.order_no),
            order.side,
            answer.price_ticks,
            answer.size,
            fee,
            self._instrument.settlement,
            answer.maker,
        )
        order.fills.append(fill)
        self.fills.append(fill)
        self._outbox.append((answer.t_ns, fill))
        if order.filled >= order.size:
            self._end(order, "filled")

    def _end(self, order: _Order, status: Status) -> None:
        order.status = status
        del self._open[order.order_no]
        self._past.append(order.client_id)
        if len(self._past) > KEPT_ORDERS:
            del self._orders[self._past.popleft()]

    # --- the venue's own lists --------------------------------------------------------------------------------------

    def _query(self, command: Query, at_ns: int) -> None:
        """Its fills go before its state: whoever hears "filled" has them already."""
        heard = self._matching.answer_ns(at_ns)
        order = self._orders.get(command.client_id)
        if order is None:
            self._outbox.append((heard, OrderReport(heard, command.client_id, "not_found", "query")))
            return
        for fill in order.fills:
            self._outbox.append((heard, structs.replace(fill, t_ns=heard, source="rest")))
        report = OrderReport(
            heard,
            order.client_id,
            order.status,
            "query",
            str(order.order_no),
            order.filled,
            order.size,
            reason=order.reason,
        )
        self._outbox.append((heard, report))

    def _reconcile(self, sent_ns: int, at_ns: int) -> None:
        account = self.account
        heard = self._matching.answer_ns(at_ns)
        rows = tuple(
            OpenOrder(order.client_id, str(order.order_no), order.side, order.price_ticks, order.size, order.filled)
            for order in self._open.values()
        )
        balance, unrealised = account.balance, account.unrealised
        news: tuple[Event, ...] = (
            OpenOrders(heard, sent_ns, rows),
            PositionReport(heard, sent_ns, account.position, account.entry_price),
            WalletReport(heard, sent_ns, balance, balance + unrealised, unrealised),
            ReconcileDone(heard, sent_ns, True),
        )
        self._outbox.extend((heard, event) for event in news)

    def _fund(self, at_ns: int, rate: Decimal, mark: Decimal) -> None:
        """Funding is paid on the position that is held now."""
        assert self._instrument is not None
        funding_id = f"{self._instrument.symbol}@{at_ns}"
        amount = self.account.funded(funding_id, rate, mark)
        if amount:
            heard = self._matching.answer_ns(at_ns)
            self._outbox.append((heard, FundingPaid(heard, funding_id, amount)))


def _resolve(future: asyncio.Future[int], listed: int) -> None:
    if not future.done():
        future.set_result(listed)
