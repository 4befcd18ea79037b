"""The streams against a scripted venue: acknowledgements, fall-backs, gaps, silence, reconnection."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from workbench.client import (
    BookStream,
    Credentials,
    CutStream,
    DropFrame,
    FaultyTransport,
    MemoryTransport,
    PrivateStream,
    Signer,
    TradeStream,
    Transport,
)
from workbench.client.stream import Stream, reconnect_delay_s
from workbench.events import BookDelta, BookLost, BookSnapshot, Event, MarketTrade, OrderReport, OwnFill, StreamState
from workbench.virtual_time import LoopClock, run_virtual

Sample = Callable[[str], bytes]
TICK = Decimal("0.1")
BOOK = "update:BTC-PERP_0"


class ScriptedStream:
    """The venue's end of one stream: acknowledges what it serves and remembers what it was told."""

    def __init__(self, venue: ScriptedVenue, send: Callable[[bytes], None], closed: Callable[[str], None]) -> None:
        self.venue = venue
        self.send = send
        self.closed = closed
        self.told: list[tuple[float, str, list[str]]] = []
        self.gone = False

    def say(self, message: Mapping[str, Any]) -> None:
        self.send(json.dumps(message).encode())

    def on_frame(self, frame: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if frame == b"ping":
            self.told.append((now, "ping", []))
            if self.venue.answers_pings:
                self.send(b"pong")
            return
        request = json.loads(frame)
        op, args = request["op"], request["args"]
        self.told.append((now, op, args))
        if op == "login" and self.venue.login is not None:
            self.say({"event": "login", "success": self.venue.login})
        elif op == "subscribe" and self.venue.acknowledges:
            self.say({"event": "subscribe", "channel": [topic for topic in args if self.venue.serves(topic)]})
            self.venue.subscribed(self, [topic for topic in args if self.venue.serves(topic)])
        elif op == "unsubscribe" and self.venue.acknowledges_unsubscribe:
            self.say({"event": "unsubscribe", "channel": args})

    def close(self) -> None:
        self.gone = True

    def ops(self) -> list[str]:
        return [op for _, op, _ in self.told if op != "ping"]


class ScriptedVenue:
    """A venue of which every habit can be set."""

    def __init__(self) -> None:
        self.streams: list[ScriptedStream] = []
        self.opened_s: list[float] = []
        self.answers_pings = True
        self.acknowledges = True
        self.acknowledges_unsubscribe = True
        self.login: bool | None = True
        self.serves: Callable[[str], bool] = lambda topic: True
        self.subscribed: Callable[[ScriptedStream, list[str]], None] = lambda stream, topics: None

    def handle(self, *request: Any) -> tuple[int, dict[str, str], bytes]:
        raise AssertionError(f"no request was expected, got {request}")

    def open_stream(
        self, path: str, send: Callable[[bytes], None], closed: Callable[[str], None] = lambda _: None
    ) -> ScriptedStream:
        self.opened_s.append(asyncio.get_running_loop().time())
        self.streams.append(ScriptedStream(self, send, closed))
        return self.streams[-1]

    @property
    def stream(self) -> ScriptedStream:
        return self.streams[-1]


Make = Callable[[Transport, LoopClock, Callable[[Event], None]], Stream]


def book(transport: Transport, clock: LoopClock, emit: Callable[[Event], None]) -> BookStream:
    return BookStream(transport, "BTC-PERP", TICK, clock, emit, random.Random(1))


def trades(transport: Transport, clock: LoopClock, emit: Callable[[Event], None]) -> TradeStream:
    return TradeStream(transport, "BTC-PERP", TICK, clock, emit, random.Random(1))


def private(transport: Transport, clock: LoopClock, emit: Callable[[Event], None]) -> PrivateStream:
    signer = Signer(Credentials("key", "secret"), clock)
    return PrivateStream(transport, signer, "BTC-PERP", TICK, clock, emit, random.Random(1))


def play(
    make: Make,
    venue: ScriptedVenue,
    script: Callable[[Any, list[Event]], Coroutine[Any, Any, None]],
    wrap: Callable[[Transport], Transport] = lambda transport: transport,
) -> list[Event]:
    """Run a stream against a venue while a script acts on both; the events it emitted."""
    events: list[Event] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport = wrap(MemoryTransport(venue, latency=lambda: 0.001))
        stream = make(transport, LoopClock(loop), events.append)
        task = loop.create_task(stream.run())
        await script(stream, events)
        assert not task.done(), task
        task.cancel()

    run_virtual(main())
    return events


def snapshot(seq: int, bid: str = "100.0", ask: str = "100.1") -> dict[str, Any]:
    return book_message("snapshot", seq, [[bid, "5"]], [[ask, "5"]])


def delta(seq: int, prev: int | None = None) -> dict[str, Any]:
    return book_message("delta", seq, [["99.0", str(seq)]], [], prev)


def book_message(
    kind: str, seq: int, bids: list[list[str]], asks: list[list[str]], prev: int | None = None
) -> dict[str, Any]:
    data = {
        "bids": bids,
        "asks": asks,
        "seqNum": seq,
        "prevSeqNum": seq - 1 if prev is None else prev,
        "type": kind,
        "timestamp": seq,
        "symbol": "BTC-PERP",
    }
    return {"topic": BOOK, "data": data}


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def states(events: list[Event]) -> list[tuple[bool, str]]:
    return [(event.up, event.reason) for event in events if isinstance(event, StreamState)]


# --- every stream -----------------------------------------------------------------------------------------------------


def test_a_text_ping_is_sent_every_15_seconds_and_its_answer_keeps_the_stream() -> None:
    venue = ScriptedVenue()

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(100)

    events = play(trades, venue, script)
    pings = [round(at) for at, op, _ in venue.stream.told if op == "ping"]
    assert pings == [15, 30, 45, 60, 75, 90]
    assert states(events) == [(True, "")]


def test_a_stream_without_any_frame_for_30_seconds_is_dead_and_made_anew() -> None:
    venue = ScriptedVenue()
    venue.answers_pings = False

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(40)
        assert venue.streams[0].gone

    events = play(trades, venue, script)
    assert states(events) == [(True, ""), (False, "dead: no frame for 30 s"), (True, "")]
    assert len(venue.streams) == 2


@pytest.mark.parametrize("make", [book, trades, private])
def test_a_stream_that_the_venue_ends_comes_back_and_says_both(make: Make) -> None:
    venue = ScriptedVenue()

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(20)
        venue.stream.closed("maintenance")
        await asyncio.sleep(5)

    events = play(make, venue, script)
    assert [up for up, _ in states(events)] == [True, False, True]
    assert "maintenance" in states(events)[1][1]


def test_reconnection_is_patient_and_jittered_by_the_seed() -> None:
    rng = random.Random(3)
    delays = [reconnect_delay_s(attempt, rng) for attempt in range(9)]
    for delay, base in zip(delays, [1, 2, 4, 8, 16, 30, 30, 30, 30], strict=True):
        assert 0.75 * base <= delay <= 1.25 * base
    again = random.Random(3)
    assert delays == [reconnect_delay_s(attempt, again) for attempt in range(9)]
    assert delays[5] != delays[6]


def test_a_storm_of_losses_makes_the_stream_wait_longer_and_a_steady_connection_forgives() -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: False

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(60)
        venue.serves = lambda topic: True
        await asyncio.sleep(60)
        venue.stream.closed("bye")
        await asyncio.sleep(1.5)

    play(trades, venue, script)
    gaps = [later - earlier for earlier, later in pairwise(venue.opened_s)]
    assert gaps[:4] == sorted(gaps[:4])
    assert gaps[3] > 4
    assert venue.opened_s[-1] - 120 < 1.3
    assert venue.stream.ops() == ["subscribe"]


def test_a_refused_connection_is_tried_again() -> None:
    venue = ScriptedVenue()
    open_stream = venue.open_stream
    refusals = iter([True, True, False])

    def sometimes(*args: Any) -> ScriptedStream:
        if next(refusals):
            raise ValueError("not yet")
        return open_stream(*args)

    venue.open_stream = sometimes  # type: ignore[method-assign]

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(10)

    events = play(trades, venue, script)
    assert [up for up, _ in states(events)] == [False, False, True]
    assert "not yet" in states(events)[0][1]


@pytest.mark.parametrize("make", [book, trades, private])
def test_no_frame_that_a_venue_may_send_kills_the_reader(make: Make, sample: Sample) -> None:
    venue = ScriptedVenue()
    garbage = [
        b"",
        b"pong",
        b"PONG\n",
        b'{"event":"pong"}',
        b'{"op":"pong"}',
        b"{",
        b"<html>",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"topic":"fillsV2","data":[{"price":"x"}]}',
        b'{"topic":"notificationApiV4","data":7}',
        b'{"topic":"tradeHistoryApiV3:BTC-PERP","data":[{"symbol":"BTC-PERP","side":"HOLD"}]}',
        b'{"topic":"update:BTC-PERP_0","data":{"bids":[["a","b"]]}}',
        b'{"topic":"somethingNew","data":{}}',
        b'{"severity":"ERROR","errors":[{"arg":"update:X","error":{"code":1007,"message":"buffer full"}}]}',
        b'{"event":"brandNew","channel":["x"]}',
        sample("ws/positions_v3_closed.json"),
        sample("ws/open_order_gone.json"),
    ]

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        for frame in garbage:
            venue.streams[0].send(frame)
        await asyncio.sleep(1)
        assert stream.up
        assert stream.bad_frames > 0

    play(make, venue, script)


def test_a_fault_of_ours_is_reported_and_the_stream_comes_back() -> None:
    venue = ScriptedVenue()
    heard: list[Event] = []

    def fragile(event: Event) -> None:
        if isinstance(event, MarketTrade) and not heard:
            heard.append(event)
            raise ZeroDivisionError("a bug of the listener")
        heard.append(event)

    def make(transport: Transport, clock: LoopClock, emit: Callable[[Event], None]) -> TradeStream:
        return trades(transport, clock, fragile)

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        heard.clear()
        for trade_id in (1, 2):
            venue.stream.say({"topic": "tradeHistoryApiV3:BTC-PERP", "data": [trade(trade_id)]})
            await asyncio.sleep(3)
        assert stream.up

    play(make, venue, script)
    assert kinds(heard) == ["MarketTrade", "StreamState", "StreamState", "MarketTrade"]
    assert "ZeroDivisionError" in states(heard)[0][1]


# --- book -------------------------------------------------------------------------------------------------------------


def test_the_book_is_subscribed_with_suffix_and_followed() -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: Stream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say(delta(11))
        await asyncio.sleep(1)

    events = play(book, venue, script)
    assert venue.stream.told[0][1:] == ("subscribe", [BOOK])
    assert kinds(events) == ["StreamState", "BookSnapshot", "BookDelta"]


def test_without_an_acknowledgement_the_bare_topic_is_tried() -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: topic == "update:BTC-PERP"

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        assert stream.up

    play(book, venue, script)
    assert [args for _, op, args in venue.stream.told] == [[BOOK], ["update:BTC-PERP"]]


def test_a_book_that_no_topic_serves_is_tried_on_a_new_connection() -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: False

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(3)
        venue.serves = lambda topic: True
        await asyncio.sleep(10)
        assert stream.up

    events = play(book, venue, script)
    assert "no book topic was accepted" in states(events)[0][1]


@pytest.mark.parametrize("trouble", ["no snapshot", "no acknowledgement", "refused"])
def test_a_resubscription_that_brings_no_book_is_repeated(trouble: str) -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        if trouble == "no snapshot":
            venue.subscribed = lambda stream, topics: None
        elif trouble == "no acknowledgement":
            venue.acknowledges = False
        else:
            venue.serves = lambda topic: False
        venue.stream.say(delta(13, 12))
        await asyncio.sleep(0.5)
        venue.subscribed = lambda stream, topics: stream.say(snapshot(20))
        venue.acknowledges = True
        venue.serves = lambda topic: True
        await asyncio.sleep(8)
        assert (stream.sync.valid, stream.resubscriptions, stream.connections) == (True, 2, 1)

    play(book, venue, script)


def test_a_calm_half_minute_makes_the_next_resubscription_immediate_again() -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: BookStream, events: list[Event]) -> None:
        for _ in range(6):
            await asyncio.sleep(40)
            venue.stream.say(delta(13, 12))
        await asyncio.sleep(1)
        assert (stream.sync.valid, stream.resubscriptions, stream.connections) == (True, 6, 1)

    play(book, venue, script)


def test_an_error_for_the_topic_counts_as_a_refusal() -> None:
    venue = ScriptedVenue()
    venue.acknowledges = False

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(0.5)
        refusal = {"arg": BOOK, "error": {"code": 1005, "message": "Topic provided does not exist."}}
        venue.stream.say({"severity": "ERROR", "errors": [refusal]})
        venue.acknowledges = True
        await asyncio.sleep(0.5)
        assert stream.up

    play(book, venue, script)
    assert venue.stream.told[-1][2] == ["update:BTC-PERP"]


def test_after_a_gap_the_book_is_lost_and_subscribed_again_at_once() -> None:
    venue = ScriptedVenue()
    numbers = iter([10, 50])
    venue.subscribed = lambda stream, topics: stream.say(snapshot(next(numbers)))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        for seq, prev in ((11, 10), (13, 12), (14, 13)):
            venue.stream.say(delta(seq, prev))
        await asyncio.sleep(0.1)
        venue.stream.say(delta(51))
        await asyncio.sleep(0.1)
        assert (stream.sync.valid, stream.resubscriptions) == (True, 1)

    events = play(book, venue, script)
    assert kinds(events) == ["StreamState", "BookSnapshot", "BookDelta", "BookLost", "BookSnapshot", "BookDelta"]
    assert venue.stream.ops() == ["subscribe", "unsubscribe", "subscribe"]
    lost, fresh = (
        event.t_ns for event in events if isinstance(event, BookLost | BookSnapshot) and event is not events[1]
    )
    assert fresh - lost < 10_000_000


def test_a_frame_dropped_on_the_way_is_found_by_its_sequence() -> None:
    venue = ScriptedVenue()
    numbers = iter([10, 100])
    venue.subscribed = lambda stream, topics: stream.say(snapshot(next(numbers)))
    faulty: list[FaultyTransport] = []

    def wrap(transport: Transport) -> Transport:
        faulty.append(FaultyTransport(transport, [DropFrame("/ws/oss/futures", b'"delta"', skip=2)]))
        return faulty[0]

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        for seq in range(11, 20):
            venue.stream.say(delta(seq))
        await asyncio.sleep(1)
        assert stream.sync.last_seq == 100

    events = play(book, venue, script, wrap)
    assert faulty[0].seen == {"DropFrame": 1}
    (lost,) = [event for event in events if isinstance(event, BookLost)]
    assert lost.reason == "sequence gap: 13 does not follow 12"


def test_without_an_unsubscribe_acknowledgement_it_goes_on_after_a_second() -> None:
    venue = ScriptedVenue()
    venue.acknowledges_unsubscribe = False
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say(delta(13, 12))
        await asyncio.sleep(3)
        assert stream.sync.valid

    play(book, venue, script)
    (_, unsubscribed, subscribed) = [at for at, _, _ in venue.stream.told]
    assert subscribed - unsubscribed == pytest.approx(1.0, abs=0.01)


def test_after_three_resubscriptions_without_a_good_book_the_connection_is_made_anew() -> None:
    venue = ScriptedVenue()
    # Every snapshot of the first connection is crossed.
    venue.subscribed = lambda stream, topics: stream.say(
        snapshot(10, "100.0", "100.0" if len(venue.streams) == 1 else "100.1")
    )

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(10)
        assert stream.sync.valid

    events = play(book, venue, script)
    first, second = venue.streams
    assert first.ops() == ["subscribe", *["unsubscribe", "subscribe"] * 3]
    times = [at for at, op, _ in first.told if op == "unsubscribe"]
    assert [round(later - earlier) for earlier, later in pairwise(times)] == [1, 2]
    assert second.ops() == ["subscribe"]
    assert (False, "resubscribed 3 times without a book that holds") in states(events)


def test_an_unreadable_frame_costs_the_book_since_it_may_have_been_a_delta() -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.send(b'{"topic":"update:BTC-PERP_0","data":{"bi')
        await asyncio.sleep(1)

    events = play(book, venue, script)
    assert kinds(events) == ["StreamState", "BookSnapshot", "BookLost", "BookSnapshot"]


def test_a_disconnection_loses_the_book_before_the_stream_is_reported_down() -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    def wrap(transport: Transport) -> Transport:
        return FaultyTransport(transport, [CutStream("/ws/oss/futures", b'"delta"')])

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say(delta(11))
        await asyncio.sleep(3)

    events = play(book, venue, script, wrap)
    assert kinds(events) == [
        "StreamState",
        "BookSnapshot",
        "BookLost",
        "StreamState",
        "StreamState",
        "BookSnapshot",
    ]
    assert [up for up, _ in states(events)] == [True, False, True]


def test_a_thin_book_is_refreshed_without_being_lost() -> None:
    venue = ScriptedVenue()
    full = [[f"{100 - i / 10:.1f}", "5"] for i in range(50)]
    venue.subscribed = lambda stream, topics: stream.say(book_message("snapshot", 10, full, [["100.1", "1"]]))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say(book_message("delta", 11, [[price, "0"] for price, _ in full[:41]], []))
        await asyncio.sleep(1)
        assert len(stream.sync.bids) == 50

    events = play(book, venue, script)
    assert kinds(events) == ["StreamState", "BookSnapshot", "BookDelta", "BookSnapshot"]


# --- trades -----------------------------------------------------------------------------------------------------------


def trade(trade_id: int, side: str = "BUY", symbol: str = "BTC-PERP") -> dict[str, Any]:
    return {
        "symbol": symbol,
        "side": side,
        "size": 3,
        "price": 77054.5,
        "tradeId": trade_id,
        "timestamp": 1779800648269,
    }


def test_trades_come_once_in_order_and_without_the_history_of_the_first_connection() -> None:
    venue = ScriptedVenue()
    topic = "tradeHistoryApiV3:BTC-PERP"

    async def script(stream: TradeStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say({"topic": topic, "data": [trade(3), trade(2), trade(1)]})
        venue.stream.say({"topic": topic, "data": [trade(5, "SELL"), trade(4)]})
        venue.stream.say({"topic": topic, "data": [trade(5), trade(6, symbol="ETH-PERP")]})
        await asyncio.sleep(1)
        venue.stream.closed("bye")
        await asyncio.sleep(3)
        venue.stream.say({"topic": topic, "data": [trade(8), trade(7), trade(5)]})
        await asyncio.sleep(1)

    events = play(trades, venue, script)
    heard = [event for event in events if isinstance(event, MarketTrade)]
    assert [(event.trade_id, event.side) for event in heard] == [(4, 1), (5, -1), (7, 1), (8, 1)]
    assert (heard[0].price_ticks, heard[0].size, heard[0].venue_ns) == (770545, 3, 1779800648269 * 1_000_000)


def test_a_first_push_of_one_trade_is_news() -> None:
    venue = ScriptedVenue()

    async def script(stream: TradeStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say({"topic": "tradeHistoryApiV3:BTC-PERP", "data": [trade(9)]})
        await asyncio.sleep(1)

    assert kinds(play(trades, venue, script)) == ["StreamState", "MarketTrade"]


def test_the_legacy_topic_is_the_last_resort_and_its_old_symbol_is_understood(sample: Sample) -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: topic == "tradeHistoryApi:BTC-PERP"

    async def script(stream: TradeStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.send(sample("ws/trades_legacy.json"))
        await asyncio.sleep(20)
        venue.stream.closed("bye")
        await asyncio.sleep(3)

    events = play(trades, venue, script)
    assert [event.price_ticks for event in events if isinstance(event, MarketTrade)] == [770999]
    first, second = venue.streams
    versions = ["tradeHistoryApiV3:BTC-PERP", "tradeHistoryApiV2:BTC-PERP", "tradeHistoryApi:BTC-PERP"]
    assert [args[0] for _, op, args in first.told if op == "subscribe"] == versions
    # What worked is tried first from then on.
    assert [args[0] for _, op, args in second.told] == versions[2:]


# --- private ----------------------------------------------------------------------------------------------------------


def test_login_then_order_events_and_fills() -> None:
    venue = ScriptedVenue()

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        assert (stream.up, stream.dialect) == (True, "login")

    play(private, venue, script)
    (_, login, args), (_, subscribe, topics) = venue.stream.told
    assert (login, subscribe, topics) == ("login", "subscribe", ["notificationApiV4", "fillsV2"])
    key, nonce, sign = args
    assert (key, sign) == ("key", Credentials("key", "secret").hmac_hex(f"/ws/futures{nonce}".encode(), "sha384"))


@pytest.mark.parametrize(("answer", "seconds"), [(False, 3.0), (None, 8.0)])
def test_a_login_that_fails_is_followed_by_the_other_dialect(answer: bool | None, seconds: float) -> None:
    venue = ScriptedVenue()
    venue.login = answer

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(seconds)
        assert (stream.up, stream.dialect) == (True, "authKeyExpires")
        await asyncio.sleep(20)
        venue.stream.closed("bye")
        await asyncio.sleep(3)

    events = play(private, venue, script)
    assert [stream.ops()[0] for stream in venue.streams] == ["login", "authKeyExpires", "authKeyExpires"]
    assert "login" in states(events)[0][1]
    assert "authKeyExpires" in states(events)[0][1]


@pytest.mark.parametrize("served", ["notificationApiV3", "notificationApiV2"])
def test_older_versions_of_the_order_topic_are_fallen_back_to(served: str, sample: Sample) -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: topic in (served, "fillsV2")

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        assert stream.up
        venue.stream.send(sample(f"ws/notification_v{served[-1]}_partial.json"))
        await asyncio.sleep(1)

    events = play(private, venue, script)
    (report,) = [event for event in events if isinstance(event, OrderReport)]
    assert (report.client_id, report.status, report.total_filled, report.size) == ("mmB0001", "open", 400, 1000)


def test_the_older_fills_topic_is_fallen_back_to_and_remembered() -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: topic in ("notificationApiV4", "fills")

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(20)
        venue.stream.closed("bye")
        await asyncio.sleep(3)
        assert stream.up

    play(private, venue, script)
    first, second = ([args for _, op, args in stream.told if op == "subscribe"] for stream in venue.streams)
    assert first == [["notificationApiV4", "fillsV2"], ["fills"]]
    assert second == [["notificationApiV4", "fills"]]


def test_without_any_order_topic_the_stream_does_not_count_as_up() -> None:
    venue = ScriptedVenue()
    venue.serves = lambda topic: topic == "fillsV2"

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(30)
        assert not stream.up

    events = play(private, venue, script)
    assert not any(up for up, _ in states(events))
    assert "no order topic" in states(events)[0][1]


REPORTS = {
    "v4_inserted": ("open", 0, "mmB0001", 2),
    "v4_partial": ("open", 400, "mmB0001", 5),
    "v4_filled": ("filled", 1000, "mmB0001", 4),
    "v4_cancelled": ("cancelled", 0, "mmS0002", 6),
    "v4_amended": ("open", 0, "mmS0002", 123),
    "v4_object_data": ("open", 0, "mmB0001", 2),
}


@pytest.mark.parametrize("name", REPORTS)
def test_notifications_become_order_reports(name: str, sample: Sample) -> None:
    venue = ScriptedVenue()

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.send(sample(f"ws/notification_{name}.json"))
        await asyncio.sleep(1)

    (report,) = [event for event in play(private, venue, script) if isinstance(event, OrderReport)]
    status, filled, client_id, code = REPORTS[name]
    assert (report.status, report.total_filled, report.client_id, report.code) == (status, filled, client_id, code)
    assert (report.request, report.size) == ("stream", 1000)


@pytest.mark.parametrize("name", ["fills_v2", "fills_v2_whitelabel_typo"])
def test_fills_become_exact_events(name: str, sample: Sample) -> None:
    venue = ScriptedVenue()

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.send(sample(f"ws/{name}.json"))
        await asyncio.sleep(1)

    (fill,) = [event for event in play(private, venue, script) if isinstance(event, OwnFill)]
    assert (fill.trade_id, fill.client_id, fill.side, fill.price_ticks, fill.size) == (
        "f6071829-d4e5-4657-8809-1a2b3c4d5e6f",
        "mmB0001",
        1,
        770501,
        400,
    )
    assert (fill.fee, fill.fee_currency, fill.maker, fill.source) == (Decimal("0.03082004"), "USDT", True, "stream")


def test_a_fill_without_its_fee_and_news_of_other_markets_are_left_out(sample: Sample) -> None:
    venue = ScriptedVenue()
    fill = json.loads(sample("ws/fills_v2.json"))
    del fill["data"][0]["feeAmount"]
    other = json.loads(sample("ws/fills_v2.json").replace(b"BTC-PERP", b"ETH-PERP"))
    note = json.loads(sample("ws/notification_v4_partial.json").replace(b"BTC-PERP", b"ETH-PERP"))

    async def script(stream: PrivateStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        for message in (fill, other, note):
            venue.stream.say(message)
        await asyncio.sleep(1)
        assert stream.bad_frames == 1

    assert kinds(play(private, venue, script)) == ["StreamState"]


def test_snapshots_and_deltas_are_events_of_the_vocabulary() -> None:
    venue = ScriptedVenue()
    venue.subscribed = lambda stream, topics: stream.say(snapshot(10))

    async def script(stream: BookStream, events: list[Event]) -> None:
        await asyncio.sleep(1)
        venue.stream.say(delta(11))
        await asyncio.sleep(1)

    events = play(book, venue, script)
    assert isinstance(events[1], BookSnapshot)
    assert (events[1].bids, events[1].asks) == (((1000, 5),), ((1001, 5),))
    assert isinstance(events[2], BookDelta)
    assert (events[2].bids, events[2].seq) == (((990, 11),), 11)
