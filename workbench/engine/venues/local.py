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

from workbench.backtest import SteppedVenue
from workbench.clock import NS, Clock
from workbench.config import VenueConfig
from workbench.engine.venues.local_account import LocalAccount
from workbench.engine.venues.local_orders import LocalOrders
from workbench.engine.venues.local_terms import latency_of, queue_of
from workbench.errors import VenueError
from workbench.events import (
    Amend,
    ArmDeadMan,
    Cancel,
    CancelAll,
    Command,
    DeadManArmed,
    Event,
    FundingPaid,
    OpenOrders,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    WalletReport,
)
from workbench.instruments import Instrument

__all__ = ["LocalVenue"]

log = logging.getLogger(__name__)

_FIRST_TO_LAST: dict[type, int] = {CancelAll: 0, Cancel: 1, Amend: 2, ArmDeadMan: 3, Place: 4, Query: 5, Reconcile: 6}

NEVER = 1 << 62


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
    seed : int
        Of random delays.
    """

    def __init__(self, config: VenueConfig, clock: Clock, emit: Callable[[Event], None], seed: int = 0) -> None:
        self._clock = clock
        self._emit = emit
        self._config = config
        self._seed = seed
        self._instrument: Instrument | None = None
        self._account: LocalAccount | None = None
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
        self._matching = SteppedVenue(
            queue_of(self._config),
            latency_of(self._config),
            unit=float(instrument.contract_size),
            seed=self._seed,
        )
        self._instrument = instrument
        self._account = LocalAccount(instrument)
        self._orders = LocalOrders(instrument, self._matching, self._account, self._tell)
        return instrument

    def _tell(self, heard_ns: int, news: Event | Callable[[], None]) -> None:
        """Put an event (or what is to be done then) on its way; answers do not overtake each other."""
        self._outbox.append((heard_ns, news))

    @property
    def account(self) -> LocalAccount:
        """The account as the venue itself has it. Raises `VenueError` before `open`."""
        if self._account is None:
            raise VenueError("the venue is not open yet; expected open() first")
        return self._account

    @property
    def open_orders(self) -> int:
        """Orders that rest at the venue now."""
        return 0 if self._account is None else len(self._orders.open)

    @property
    def fills(self) -> list[OwnFill]:
        """Every execution at the venue, oldest first."""
        return [] if self._account is None else self._orders.fills

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
        orders = self._orders
        if self._dead_man_ns == at_ns:
            self._dead_man_ns = NEVER
            log.warning("the dead-man timer ran out: every order is cancelled")
            orders.cancel_all(at_ns, "stream", "the dead-man timer ran out")
            return
        _, sent_ns, command = self._inbox.popleft()
        match command:
            case Place():
                orders.place(command, at_ns)
            case Cancel() | Amend():
                orders.change(command, at_ns)
            case Query():
                orders.query(command, at_ns)
            case CancelAll():
                orders.cancel_all(at_ns)
            case ArmDeadMan():
                self._dead_man_ns = at_ns + command.timeout_ms * 1_000_000 if command.timeout_ms else NEVER
                heard = self._matching.answer_ns(at_ns)
                self._tell(heard, DeadManArmed(heard, True, asked_ns=sent_ns))
            case Reconcile():
                self._reconcile(sent_ns, at_ns)
            case _:
                orders.cancel_all(at_ns)
                listed = len(orders.open)
                self._tell(self._matching.answer_ns(at_ns), lambda: _resolve(command, listed))

    def _reconcile(self, sent_ns: int, at_ns: int) -> None:
        """The venue's own lists, as they are now."""
        account = self.account
        heard = self._matching.answer_ns(at_ns)
        balance, unrealised = account.balance, account.unrealised
        self._tell(heard, OpenOrders(heard, sent_ns, self._orders.listed()))
        self._tell(heard, PositionReport(heard, sent_ns, account.position, account.entry_price))
        self._tell(heard, WalletReport(heard, sent_ns, balance, balance + unrealised, unrealised))
        self._tell(heard, ReconcileDone(heard, sent_ns, True))

    def _fund(self, at_ns: int, rate: Decimal, mark: Decimal) -> None:
        """Funding is paid on the position that is held now."""
        assert self._instrument is not None
        funding_id = f"{self._instrument.symbol}@{at_ns}"
        amount = self.account.funded(funding_id, rate, mark)
        if amount:
            heard = self._matching.answer_ns(at_ns)
            self._tell(heard, FundingPaid(heard, funding_id, amount))


def _resolve(future: asyncio.Future[int], listed: int) -> None:
    if not future.done():
        future.set_result(listed)
