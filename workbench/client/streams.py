"""LMEX's three streams: the book, public trades, own orders and fills; frames in, events out (lmex-api 7.3 to 7.6)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from workbench.client.book import BookSync, TickTable
from workbench.client.frames import (
    BookFrame,
    FillMessage,
    FrameError,
    StreamFrame,
    fills_of,
    is_pong,
    notifications_of,
    read_book_frame,
    read_stream_frame,
    trades_of,
)
from workbench.client.messages import Trade, new_symbol, side_of
from workbench.client.orders import OrderMessage, stream_state
from workbench.client.signing import Signer
from workbench.client.stream import Stream
from workbench.client.transport import ConnectionLost, Transport
from workbench.clock import Clock
from workbench.errors import VenueError
from workbench.events import BookLost, BookSnapshot, Event, MarketTrade, OrderReport, OwnFill

__all__ = ["BookStream", "PrivateStream", "TradeStream"]

BOOK_PATH = "/ws/oss/futures"
FUTURES_PATH = "/ws/futures"
UNSUBSCRIBE_ACK_S = 1.0
SNAPSHOT_S = 5.0
RESUBSCRIBE_WAITS_S = (0.0, 1.0, 2.0)
"""Before the first, second and third resubscription; after that the connection is made anew (7.3 rule 3)."""
CALM_S = 30.0
"""A book that held so long starts again at the first wait."""


class BookStream(Stream):
    """The order book of one symbol, kept in sync; subscribes again by itself after a gap.

    Emits `BookSnapshot`, `BookDelta`, `BookLost` and `StreamState("book")`.
    """

    def __init__(
        self,
        transport: Transport,
        symbol: str,
        tick_size: Decimal,
        clock: Clock,
        emit: Callable[[Event], None],
        rng: random.Random,
    ) -> None:
        super().__init__(transport, BOOK_PATH, "book", clock, emit, rng)
        self.sync = BookSync(symbol, tick_size)
        self.resubscriptions = 0
        self._topics = (f"update:{symbol}_0", f"update:{symbol}")
        self._topic = self._topics[0]
        self._tries = 0
        self._snapshot_s = 0.0
        self._snapshot: asyncio.Event = asyncio.Event()
        self._repairing = False

    def check(self, event: BookLost | None) -> None:
        """Act on the outcome of a comparison with REST (`BookSync.check`)."""
        if event is not None:
            self._emit(event)
            self._repair()

    async def _prepare(self) -> None:
        self._repairing = False
        self._tries = 0
        self._topic = await self._subscribe_first(self._topics)
        if not self._topic:
            raise ConnectionLost(f"no book topic was accepted of {', '.join(self._topics)}")

    def _went_down(self, reason: str) -> None:
        lost = self.sync.lose(reason, self._clock.now_ns())
        if lost is not None:
            self._emit(lost)
        super()._went_down(reason)

    def _on_frame(self, frame: bytes) -> None:
        if is_pong(frame):
            return
        try:
            message = read_book_frame(frame)
        except FrameError as error:
            # It may have been a delta: what the book is now is not known.
            self._bad_frame(error)
            self.check(self.sync.lose("unreadable frame", self._clock.now_ns()))
            return
        if message.data is None:
            self._on_control(message)
            return
        event = self.sync.on_data(message.data, self._clock.now_ns())
        if event is None:
            return
        # A book that arrives is the acknowledgement, though the task that waits for it has not run yet.
        self._came_up()
        self._emit(event)
        if isinstance(event, BookLost):
            # While a snapshot is waited for, this is one that was no good.
            self._snapshot.set()
            self._repair()
        elif isinstance(event, BookSnapshot):
            self._snapshot_s = self._heard_s
            self._snapshot.set()
        elif self.sync.wants_snapshot:
            self._repair()

    def _on_control(self, message: BookFrame) -> None:
        if message.event:
            self._answered(message.event, message.channel)
        for refusal in message.errors:
            self._bad_frame(FrameError(f"{refusal.arg}: {refusal.error.message} (code {refusal.error.code})"))
        if message.errors:
            # A refused topic is one that is missing from the acknowledgement.
            self._answered("subscribe", [])

    def _repair(self) -> None:
        if not self._repairing and self._connection is not None:
            self._repairing = True
            self._snapshot.clear()
            self._spawn(self._resubscribe())

    async def _resubscribe(self) -> None:
        """Unsubscribe, subscribe, wait for a snapshot that holds; give the connection up after three tries."""
        if self._heard_s - self._snapshot_s > CALM_S:
            self._tries = 0
        try:
            while True:
                if self._tries >= len(RESUBSCRIBE_WAITS_S):
                    await self._end(f"resubscribed {self._tries} times without a book that holds")
                    return
                await asyncio.sleep(RESUBSCRIBE_WAITS_S[self._tries])
                self._tries += 1
                self.resubscriptions += 1
                if await self._fresh_snapshot():
                    return
        except ConnectionLost:
            return
        finally:
            self._repairing = False

    async def _fresh_snapshot(self) -> bool:
        with suppress(TimeoutError):
            await self._ask("unsubscribe", [self._topic], "unsubscribe", UNSUBSCRIBE_ACK_S)
        self._snapshot.clear()
        try:
            if self._topic not in await self._subscribe([self._topic]):
                return False
            async with asyncio.timeout(SNAPSHOT_S):
                await self._snapshot.wait()
        except TimeoutError:
            return False
        return self.sync.valid


class TradeStream(Stream):
    """Public trades of one symbol, each once and in order.

    Emits `MarketTrade` and `StreamState("trades")`. The batch of history that comes first on the first connection is
    not news and is not emitted; after a reconnection the batch fills the hole.
    """

    def __init__(
        self,
        transport: Transport,
        symbol: str,
        tick_size: Decimal,
        clock: Clock,
        emit: Callable[[Event], None],
        rng: random.Random,
    ) -> None:
        super().__init__(transport, FUTURES_PATH, "trades", clock, emit, rng)
        self._symbol = symbol
        self._ticks = TickTable(tick_size)
        self._last_id = 0
        self._fresh = True
        self._topics: tuple[str, ...] = (
            f"tradeHistoryApiV3:{symbol}",
            f"tradeHistoryApiV2:{symbol}",
            f"tradeHistoryApi:{symbol}",
        )

    async def _prepare(self) -> None:
        topic = await self._subscribe_first(self._topics)
        if not topic:
            raise ConnectionLost(f"no trade topic was accepted of {', '.join(self._topics)}")
        # The version that worked is tried first from now on.
        self._topics = (topic, *(other for other in self._topics if other != topic))

    def _on_frame(self, frame: bytes) -> None:
        if is_pong(frame):
            return
        try:
            message = read_stream_frame(frame)
            if message.event:
                self._answered(message.event, message.channel)
            elif message.topic.startswith("tradeHistoryApi"):
                self._on_trades(trades_of(message))
        except (FrameError, ValueError, VenueError) as error:
            self._bad_frame(error)

    def _on_trades(self, trades: list[Trade]) -> None:
        news = [
            (trade.trade_id, trade)
            for trade in trades
            if trade.trade_id is not None
            and trade.trade_id > self._last_id
            and new_symbol(trade.symbol) == self._symbol
        ]
        if not news:
            return
        history = self._fresh and len(trades) > 1
        self._fresh = False
        now = self._clock.now_ns()
        # The wire has the newest first.
        for trade_id, trade in sorted(news, key=lambda pair: pair[0]):
            self._last_id = trade_id
            if not history:
                ticks = self._ticks[str(trade.price)]
                self._emit(
                    MarketTrade(now, trade.timestamp * 1_000_000, trade_id, side_of(trade.side), ticks, trade.size)
                )


NOTIFICATIONS = ("notificationApiV4", "notificationApiV3", "notificationApiV2")
FILLS = ("fillsV2", "fills")
DIALECTS = ("login", "authKeyExpires")


class PrivateStream(Stream):
    """Own order events and fills of one symbol.

    Emits `OrderReport` (request "stream"), `OwnFill` and `StreamState("private")`. There is no sequence number: what is
    lost is found by reconciling, which is due whenever the stream comes up.
    """

    def __init__(
        self,
        transport: Transport,
        signer: Signer,
        symbol: str,
        tick_size: Decimal,
        clock: Clock,
        emit: Callable[[Event], None],
        rng: random.Random,
    ) -> None:
        super().__init__(transport, FUTURES_PATH, "private", clock, emit, rng)
        self._signer = signer
        self._symbol = symbol
        self._ticks = TickTable(tick_size)
        self._notifications: tuple[str, ...] = NOTIFICATIONS
        self._fills: tuple[str, ...] = FILLS
        self.dialect = DIALECTS[0]

    async def _prepare(self) -> None:
        await self._log_in()
        wanted = [self._notifications[0], self._fills[0]]
        accepted = await self._subscribe(wanted)
        if self._notifications[0] not in accepted:
            topic = await self._subscribe_first(self._notifications[1:])
            if not topic:
                self._other_dialect()
                raise ConnectionLost(f"no order topic was accepted of {', '.join(self._notifications)}")
            self._notifications = (topic, *(other for other in NOTIFICATIONS if other != topic))
        if self._fills[0] not in accepted:
            topic = await self._subscribe_first(self._fills[1:])
            if topic:
                self._fills = (topic, *(other for other in FILLS if other != topic))

    async def _log_in(self) -> None:
        """Authenticate by the dialect that worked last; when it fails the next connection tries the other one (2.3)."""
        args = self._signer.login_args(self._path)
        if self.dialect == "authKeyExpires":
            # Its reply is not documented: a live client subscribes right after it.
            await self._send(_login_frame(self.dialect, args))
            return
        try:
            success = await self._ask("login", args, "login")
        except TimeoutError:
            success = None
        if not success:
            self._other_dialect()
            said = "refused" if success is False else "not answered"
            raise ConnectionLost(f"login {said}; next {self.dialect}. Check the key if both fail")

    def _other_dialect(self) -> None:
        self.dialect = DIALECTS[1 - DIALECTS.index(self.dialect)]

    def _on_frame(self, frame: bytes) -> None:
        if is_pong(frame):
            return
        try:
            message = read_stream_frame(frame)
            if message.topic:
                self._on_topic(message)
            elif message.event:
                self._answered(message.event, message.success if message.event == "login" else message.channel)
        except (FrameError, ValueError, VenueError) as error:
            self._bad_frame(error)

    def _on_topic(self, message: StreamFrame) -> None:
        if message.topic.startswith("notificationApi"):
            for row in notifications_of(message):
                if row.symbol == self._symbol:
                    self._emit(self._report(row))
        elif message.topic.startswith("fills"):
            for fill in fills_of(message):
                if fill.symbol == self._symbol:
                    self._on_fill(fill)

    def _report(self, row: OrderMessage) -> OrderReport:
        return OrderReport(
            self._clock.now_ns(),
            row.client_id,
            stream_state(row.status),
            "stream",
            row.order_id,
            row.total_filled,
            row.current,
            row.status,
            row.reason,
        )

    def _on_fill(self, fill: FillMessage) -> None:
        if fill.fee is None:
            # Without its fee it cannot be booked to the last digit: the trade history brings it whole.
            raise FrameError(f"fill {fill.trade_id} has no fee; left to the next reconciliation")
        self._emit(
            OwnFill(
                self._clock.now_ns(),
                fill.timestamp * 1_000_000,
                fill.trade_id,
                fill.client_id,
                fill.order_id,
                side_of(fill.side),
                self._ticks[str(fill.price)],
                fill.size,
                fill.fee,
                fill.fee_currency,
                fill.maker,
            )
        )


def _login_frame(op: str, args: tuple[str, str, str]) -> bytes:
    key, nonce, sign = args
    return f'{{"op":"{op}","args":["{key}","{nonce}","{sign}"]}}'.encode()
