"""LMEX (real or simulated) as the engine's venue: streams and REST in, events out; commands in, requests out."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable

from workbench.client.limiter import RateLimiter, Unlimited
from workbench.client.market import MarketPoll
from workbench.client.messages import MarketSummary
from workbench.client.orders import query_state
from workbench.client.rest import LmexClient
from workbench.client.signing import Credentials
from workbench.client.stream import Stream
from workbench.client.streams import BookStream, PrivateStream, TradeStream
from workbench.client.transport import Transport
from workbench.clock import Clock
from workbench.config import MarketMakerConfig
from workbench.engine.venues.background import Background
from workbench.engine.venues.lmex_account import AccountReader
from workbench.engine.venues.lmex_opening import read_again, read_market
from workbench.engine.venues.lmex_orders import OrderRequests
from workbench.errors import ConfigError, VenueError
from workbench.events import (
    Amend,
    ArmDeadMan,
    Cancel,
    CancelAll,
    Command,
    DeadManArmed,
    Event,
    OrderReport,
    OwnFill,
    Place,
    Query,
    Reconcile,
)
from workbench.instruments import Instrument

__all__ = ["LmexVenue", "make_lmex_venue"]

log = logging.getLogger(__name__)

VERIFY_PAUSE_S = 0.25
ATTEMPT_S = 2.0
DOUBT_S = 2.0
OrderCommand = Place | Amend | Query
_FIRST_TO_LAST: dict[type, int] = {CancelAll: 0, Cancel: 1, Amend: 2, ArmDeadMan: 3, Place: 4, Query: 5, Reconcile: 6}


def make_lmex_venue(
    config: MarketMakerConfig,
    transport: Transport,
    credentials: Credentials,
    clock: Clock,
    emit: Callable[[Event], None],
    *,
    limiter: RateLimiter | Unlimited | None = None,
    rng: random.Random | None = None,
) -> LmexVenue:
    """The venue of a configuration on a transport.

    Parameters
    ----------
    limiter : RateLimiter or Unlimited, optional
        By default half of LMEX's limits.
    rng : random.Random, optional
        Seeded source of the reconnect jitter.

    Raises
    ------
    ConfigError
        If the configuration asks for the guide's dialect: it has neither streams nor client order ids to query by.
    """
    if config.venue.dialect != "v2.3":
        problem = (
            f"venue.dialect is {config.venue.dialect!r}; expected 'v2.3': a session needs streams, a dead-man timer "
            "and queries by client order id, which /v1 lacks (for single calls use workbench.client.GuideClient)"
        )
        raise ConfigError([problem])
    client = LmexClient(transport, credentials, clock, limiter)
    return LmexVenue(client, transport, clock, config.symbol, emit, rng=rng)


class LmexVenue:
    """One account on one market of LMEX.

    Requests of different orders run side by side, those of one order one after the other; only a cancel waits for
    nothing. Of the commands submitted in one go cancels are sent first, new orders after them.

    Parameters
    ----------
    client : LmexClient
        With credentials.
    transport : Transport
        Carries the streams.
    clock : Clock
        Stamps the events.
    symbol : str
    emit : callable
        Takes every event; must not block.
    rng : random.Random, optional
        Seeded source of the reconnect jitter.
    fills_since_ns : int, optional
        Fills from this venue time on are emitted by the first reconciliation; by default only those after `open`.
    """

    def __init__(
        self,
        client: LmexClient,
        transport: Transport,
        clock: Clock,
        symbol: str,
        emit: Callable[[Event], None],
        *,
        rng: random.Random | None = None,
        fills_since_ns: int | None = None,
    ) -> None:
        self._client = client
        self._transport = transport
        self._clock = clock
        self._symbol = symbol
        self._emit = emit
        self._rng = rng or random.Random(0)
        self._fills_since_ns = fills_since_ns
        self._instrument: Instrument | None = None
        self._orders: OrderRequests | None = None
        self._account: AccountReader | None = None
        self._summary: MarketSummary | None = None
        self._background = Background()
        self._batch: list[Command] = []
        self._in_flight: dict[str, deque[OrderCommand]] = {}
        self._reconciling = False
        self._reconcile_again = False
        self._doubt_until_s = 0.0

    # --- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> Instrument:
        """Measure the clock, read the instrument and fees, check that the account is one-way and cross.

        Raises
        ------
        VenueError
            If the market is closed or unknown, the account is set up in another way, or the venue does not answer.
        """
        summary, instrument = await read_market(self._client, self._symbol)
        self._summary = summary
        self._instrument = instrument
        self._orders = OrderRequests(self._client, instrument, self._clock, self._from_orders)
        self._account = AccountReader(self._client, instrument, self._clock, self._emit, self._fills_since_ns)
        await read_again("the account's history", self._account.start)
        return instrument

    async def start_streams(self) -> None:
        """Run the book, trades and private streams and the mark price poll until `close`.

        Raises
        ------
        VenueError
            If the venue is not open yet or has no credentials.
        """
        if self._instrument is None or self._summary is None or self._client.signer is None:
            raise VenueError("the venue cannot stream yet; expected open() first, and a client with credentials")
        tick = self._instrument.tick_size
        common = (self._symbol, tick, self._clock)
        book = BookStream(self._transport, *common, self._emit, self._rng)
        streams: list[Stream] = [
            PrivateStream(self._transport, self._client.signer, *common, self._from_private, self._rng),
            book,
            TradeStream(self._transport, *common, self._emit, self._rng),
        ]
        for stream in streams:
            self._background.start(stream.run(), f"{stream.name} stream")
        poll = MarketPoll(self._client, self._summary, book, self._clock, self._emit)
        self._background.start(poll.run(), "mark price poll")

    async def close(self) -> None:
        """End the streams and whatever is still in flight; closing twice is harmless."""
        await self._background.close()

    # --- commands ---------------------------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Take a command; it is sent in this turn of the loop, cancels before new orders, its outcome is an event.

        Raises
        ------
        VenueError
            Only before `open`.
        """
        if self._orders is None:
            raise VenueError(f"{type(command).__name__} before the venue is open; expected open() first")
        if not self._batch:
            asyncio.get_running_loop().call_soon(self._send_batch)
        self._batch.append(command)

    def _send_batch(self) -> None:
        assert self._orders is not None
        batch, self._batch = self._batch, []
        if len(batch) > 1:
            batch.sort(key=lambda command: _FIRST_TO_LAST[type(command)])
        for command in batch:
            if isinstance(command, Cancel):
                self._background.start(self._orders.run(command), f"cancel of {command.client_id}")
            elif isinstance(command, Place | Amend | Query):
                self._send_order_command(command)
            elif isinstance(command, Reconcile):
                self._reconcile()
            elif isinstance(command, ArmDeadMan):
                self._background.start(self._arm(command), "dead-man timer")
            else:
                self._background.start(self._cancel_all(), "cancel all")

    def _send_order_command(self, command: OrderCommand) -> None:
        """At once, or after the request of the same order that is still in flight."""
        waiting = self._in_flight.get(command.client_id)
        if waiting is not None:
            waiting.append(command)
            return
        self._in_flight[command.client_id] = deque()
        self._background.start(self._run_orders(command), f"requests of {command.client_id}")

    async def _run_orders(self, command: OrderCommand) -> None:
        """Requests of one order, one after the other."""
        assert self._orders is not None
        client_id = command.client_id
        waiting = self._in_flight[client_id]
        try:
            await self._orders.run(command)
            while waiting:
                await self._orders.run(waiting.popleft())
        finally:
            del self._in_flight[client_id]

    async def _arm(self, command: ArmDeadMan) -> None:
        asked = self._clock.now_ns()
        try:
            await self._client.cancel_all_after(command.timeout_ms)
        except VenueError as error:
            self._emit(DeadManArmed(self._clock.now_ns(), False, str(error), asked))
        else:
            self._emit(DeadManArmed(self._clock.now_ns(), True, asked_ns=asked))

    def _reconcile(self) -> None:
        """One reconciliation at a time; one asked for meanwhile follows it."""
        if self._reconciling:
            self._reconcile_again = True
            return
        self._reconciling = True
        self._background.start(self._run_reconciliations(), "reconciliation")

    async def _run_reconciliations(self) -> None:
        assert self._account is not None
        try:
            await self._account.reconcile()
            while self._reconcile_again:
                self._reconcile_again = False
                await self._account.reconcile()
        finally:
            self._reconciling = False

    async def _cancel_all(self) -> None:
        try:
            await self._cancel_everything()
        except VenueError as error:
            # The core asks for the venue's own list until it is empty.
            log.warning("cancel all failed: %s", error)

    async def _cancel_everything(self) -> None:
        for row in await self._client.cancel_all(self._symbol):
            status = query_state(row.status)
            if status in ("cancelled", "filled"):
                now = self._clock.now_ns()
                self._emit(
                    OrderReport(now, row.client_id, status, "cancel", row.order_id, row.total_filled, row.current)
                )

    # --- the last word ----------------------------------------------------------------------------------------------

    async def cancel_all_and_verify(self, deadline_s: float) -> int:
        """Cancel everything on the market and ask until the venue lists no order.

        Orders on their way are waited for, and after one whose outcome is unknown the list must stay empty for 2 s: it
        may arrive late.

        Parameters
        ----------
        deadline_s : float
            How long to try, seconds.

        Returns
        -------
        int
            Orders that the venue still lists at the deadline; 0 means verified.

        Raises
        ------
        VenueError
            If the venue's list could not be had, or orders were still on their way: how many are open is not known.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_s
        left: int | None = None
        while True:
            settled = not self._in_flight and not self._batch and loop.time() >= self._doubt_until_s
            try:
                async with asyncio.timeout_at(min(deadline, loop.time() + ATTEMPT_S)):
                    await self._cancel_everything()
                    left = len(await self._client.open_orders(self._symbol, lane="verify"))
            except TimeoutError:
                left, trouble = None, "no answer in time"
            except VenueError as error:
                left, trouble = None, str(error)
            else:
                if left == 0 and settled:
                    return 0
                trouble = "orders are still on their way"
            if loop.time() + VERIFY_PAUSE_S >= deadline:
                break
            await asyncio.sleep(VERIFY_PAUSE_S)
        if left:
            return left
        raise VenueError(
            f"it is not known how many orders are open on {self._symbol} after {deadline_s:g} s: {trouble}; "
            "look at the venue, its dead-man timer clears them"
        )

    # --- what passes by ---------------------------------------------------------------------------------------------

    def _from_orders(self, event: Event) -> None:
        if isinstance(event, OrderReport) and event.status == "unknown" and event.request == "place":
            self._doubt_until_s = asyncio.get_running_loop().time() + DOUBT_S
        self._emit(event)

    def _from_private(self, event: Event) -> None:
        if isinstance(event, OwnFill) and self._account is not None:
            self._account.heard(event)
        self._emit(event)
