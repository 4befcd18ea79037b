"""WebSocket streams without the socket: subscriptions, log-in, heartbeats, and who gets which frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.exchange.accounts import Account, Fill
from workbench.exchange.books import TRADE_TOPICS, trades_frame
from workbench.exchange.matching import Order
from workbench.exchange.notices import (
    NOTIFICATION_TOPICS,
    POSITION_TOPICS,
    fill_frame,
    notification,
    open_order_frame,
    position_record,
    positions_frame,
)
from workbench.exchange.wire import encode
from workbench.exchange.wire_numbers import decimal_number

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = ["BOOK_PATH", "MAIN_PATH", "Hub", "Stream"]

MAIN_PATH = "/ws/futures"
BOOK_PATH = "/ws/oss/futures"
MAX_FAILURES = 10
_HISTORY = 50

Key = tuple[str, str]
"""(kind of topic, symbol or account key)."""


class _Request(msgspec.Struct):
    op: str
    args: list[Any] = []


_decode = msgspec.json.Decoder(_Request).decode
_OSS_TOPIC = re.compile(r"(update|snapshotL1):([^_:]+)(?:_(\d))?")
_OPEN_ORDER_TOPIC = re.compile(r"open-order:(.+)-(?:USD|USDT)")
_OSS_ERRORS = {
    1000: "Market pair provided is currently not supported.",
    1001: "Operation provided is not supported.",
    1002: "Invalid request.",
    1005: "Topic provided does not exist.",
    1008: "Too many failures, session closed.",
}


class Hub:
    """Who follows what."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._followers: dict[Key, dict[Stream, str]] = {}
        self.streams: dict[Stream, None] = {}

    def followers(self, key: Key) -> Mapping[Stream, str]:
        """Streams that follow a topic, each with the spelling it used."""
        return self._followers.get(key, {})

    def follow(self, key: Key, stream: Stream, topic: str) -> None:
        # Replaced rather than changed, so that a frame being sent meanwhile goes to a steady list.
        self._followers[key] = {**self._followers.get(key, {}), stream: topic}

    def unfollow(self, key: Key, stream: Stream) -> None:
        left = {other: topic for other, topic in self._followers.get(key, {}).items() if other is not stream}
        if left:
            self._followers[key] = left
        else:
            self._followers.pop(key, None)

    def leave(self, stream: Stream) -> None:
        """A stream is gone."""
        self.streams.pop(stream, None)
        for key in [key for key, streams in self._followers.items() if stream in streams]:
            self.unfollow(key, stream)

    def close_idle(self, now_ns: int, timeout_ns: int) -> None:
        """Close the streams whose client has been silent for too long."""
        for stream in [s for s in self.streams if s.last_heard_ns + timeout_ns <= now_ns]:
            stream.end("idle")

    def next_idle_ns(self, timeout_ns: int) -> int | None:
        """When the next stream will have been idle for too long; None without streams."""
        return min(stream.last_heard_ns for stream in self.streams) + timeout_ns if self.streams else None

    # --- private topics -----------------------------------------------------------------------------------------

    def tell_order(self, order: Order, filled_now: int, *, maker: bool, now_ns: int, status: int | None = None) -> None:
        """An order changed: its status (unless another is given) and sizes are in the order."""
        status = order.status if status is None else status
        listing = order.account.holdings[order.symbol].listing
        for topic in NOTIFICATION_TOPICS:
            followers = self._followers.get((topic, order.account.key))
            if followers:
                frame = notification(topic, listing, order, status, filled_now, maker, now_ns // 1_000_000)
                for stream in followers:
                    stream.send(frame)
        for stream, topic in self.followers((f"open-order:{order.symbol}", order.account.key)).items():
            stream.send(open_order_frame(topic, "UPDATE", stream.next_serial(topic), listing, [order]))

    def tell_fill(self, fill: Fill) -> None:
        """An order traded: the execution itself and the position that it left."""
        account, symbol = fill.order.account, fill.order.symbol
        followers = self._followers.get(("fillsV2", account.key))
        if followers:
            frame = fill_frame(account.holdings[symbol].listing, fill)
            for stream in followers:
                stream.send(frame)
        for topic in POSITION_TOPICS:
            followers = self._followers.get((topic, account.key))
            if followers:
                frame = self.positions(topic, account, symbol)
                for stream in followers:
                    stream.send(frame)

    def positions(self, topic: str, account: Account, symbol: str) -> bytes:
        """`allPosition*` lists the open positions; `positions*` has the one that changed, closed or not."""
        everything = topic.startswith("allPosition")
        records = []
        for holding in account.holdings.values():
            if (everything and holding.position) or (not everything and holding.listing.symbol == symbol):
                market = self._exchange.market(holding.listing.symbol)
                records.append(position_record(account, holding, market.mark_value, decimal_number(market.mark)))
        return positions_frame(topic, records)


class Stream:
    """One connection's state at the venue.

    Parameters
    ----------
    exchange : SimulatedExchange
    path : str
        `/ws/futures` (trades, private) or `/ws/oss/futures` (book).
    send : callable
        Takes each outgoing text frame; must not block.
    closed : callable
        Told the reason when the venue ends the connection.
    """

    def __init__(
        self, exchange: SimulatedExchange, path: str, send: Callable[[bytes], None], closed: Callable[[str], None]
    ) -> None:
        self._exchange = exchange
        self._hub = exchange.hub
        self._closed = closed
        self._topics: dict[str, Key] = {}
        self._serials: dict[str, int] = {}
        self._failures = 0
        self.path = path
        self.send = send
        self.account: Account | None = None
        self.last_heard_ns = exchange.now_ns()
        self._hub.streams[self] = None

    def close(self) -> None:
        """The client went away."""
        self._hub.leave(self)

    def end(self, reason: str) -> None:
        """The venue ends the connection."""
        self._hub.leave(self)
        self._closed(reason)

    def next_serial(self, topic: str) -> int:
        """Consecutive number of the frames under an open-order topic."""
        self._serials[topic] = self._serials.get(topic, 0) + 1
        return self._serials[topic]

    def on_frame(self, frame: bytes) -> None:
        """A text frame from the client."""
        self._exchange.catch_up()
        self.last_heard_ns = self._exchange.now_ns()
        if frame == b"ping":
            self.send(b"pong")
            return
        try:
            request = _decode(frame)
        except msgspec.DecodeError:
            self._fail([("", 1002)])
            return
        if request.op == "ping":
            self.send(encode({"event": "pong"}))
        elif request.op == "subscribe":
            self._subscribe([str(topic) for topic in request.args])
        elif request.op == "unsubscribe":
            self._unsubscribe([str(topic) for topic in request.args])
        elif request.op in ("login", "authKeyExpires") and self.path == MAIN_PATH:
            self._log_in(request.op, [str(part) for part in request.args])
        else:
            self._fail([(request.op, 1001)])

    def _log_in(self, op: str, args: list[str]) -> None:
        if len(args) == 3:
            self.account = self._exchange.authenticate_stream(*args)
        # What authKeyExpires answers is not documented; clients go on without waiting.
        if op == "login":
            self.send(encode({"event": "login", "success": self.account is not None}))

    def _fail(self, failures: list[tuple[str, int]]) -> None:
        """Refusals: the book socket says why, the other one says nothing."""
        if self.path != BOOK_PATH:
            return
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            failures = [*failures, ("", 1008)]
        errors = [{"arg": arg, "error": {"code": code, "message": _OSS_ERRORS[code]}} for arg, code in failures]
        self.send(encode({"severity": "ERROR", "errors": errors}))
        if self._failures >= MAX_FAILURES:
            self.end("too many failures")

    # --- subscriptions ------------------------------------------------------------------------------------------

    def _subscribe(self, topics: list[str]) -> None:
        accepted, refused = [], []
        for topic in topics:
            key, error = self._book_key(topic) if self.path == BOOK_PATH else self._main_key(topic)
            if key is None:
                refused.append((topic, error))
                continue
            accepted.append(topic)
            self._topics[topic] = key
        self.send(encode({"event": "subscribe", "channel": accepted}))
        if refused:
            self._fail(refused)
        for topic in accepted:
            self._start(topic, self._topics[topic])

    def _unsubscribe(self, topics: list[str]) -> None:
        known = [topic for topic in topics if topic in self._topics]
        for topic in known:
            self._hub.unfollow(self._topics.pop(topic), self)
            self._serials.pop(topic, None)
        self.send(encode({"event": "unsubscribe", "channel": known}))

    def _book_key(self, topic: str) -> tuple[Key | None, int]:
        match = _OSS_TOPIC.fullmatch(topic)
        if match is None:
            return None, 1005
        kind, symbol, group = match.groups()
        if not self._exchange.lists(symbol):
            return None, 1000
        # Only the finest grouping is streamed; REST groups as asked.
        return ((kind, symbol), 0) if group in (None, "0") else (None, 1001)

    def _main_key(self, topic: str) -> tuple[Key | None, int]:
        """Private topics are acknowledged without a log-in too, and then stay silent."""
        owner = self.account.key if self.account is not None else ""
        if topic in NOTIFICATION_TOPICS or topic in POSITION_TOPICS or topic == "fillsV2":
            return (topic, owner), 0
        match = _OPEN_ORDER_TOPIC.fullmatch(topic)
        if match is not None and self._exchange.lists(match[1]):
            return (f"open-order:{match[1]}", owner), 0
        kind, _, symbol = topic.partition(":")
        if kind in TRADE_TOPICS and self._exchange.lists(symbol):
            return (kind, symbol), 0
        return None, 1005

    def _start(self, topic: str, key: Key) -> None:
        """Begin to follow, with what a new follower gets first."""
        kind, name = key
        exchange = self._exchange
        now_ns = exchange.now_ns()
        if kind in ("update", "snapshotL1"):
            feed = exchange.wake(name)
            first = feed.snapshot(topic, now_ns) if kind == "update" else feed.best_frame(topic, now_ns)
            self._hub.follow(key, self, topic)
            self.send(first)
        elif kind in TRADE_TOPICS:
            market = exchange.wake(name).market
            self._hub.follow(key, self, topic)
            if market.trades:
                self.send(trades_frame(kind, market, list(market.trades)[-_HISTORY:]))
        elif self.account is not None:
            self._hub.follow(key, self, topic)
            self._start_private(topic, kind, self.account)

    def _start_private(self, topic: str, kind: str, account: Account) -> None:
        if kind.startswith("allPosition"):
            self.send(self._hub.positions(kind, account, ""))
        elif kind.startswith("open-order:"):
            symbol = kind.partition(":")[2]
            listing = account.holdings[symbol].listing
            self._serials.pop(topic, None)
            orders = account.open_on(symbol)
            self.send(open_order_frame(topic, "SNAPSHOT", self.next_serial(topic), listing, orders))
