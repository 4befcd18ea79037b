"""The LMEX adapter against the simulated LMEX on virtual time: commands in, events out, faults in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from workbench.client import (
    Credentials,
    CutStream,
    DropFrame,
    Fault,
    FaultyTransport,
    LmexClient,
    LoseAnswer,
    LoseRequest,
    MemoryTransport,
    ReplyWith,
    Response,
    Unlimited,
)
from workbench.clock import NS
from workbench.config import MarketMakerConfig, VenueConfig
from workbench.engine.venues import LmexVenue, make_lmex_venue
from workbench.errors import ConfigError, VenueError
from workbench.events import (
    Amend,
    ArmDeadMan,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    CancelAll,
    DeadManArmed,
    Event,
    FundingPaid,
    MarketTrade,
    MarkPrice,
    OpenOrders,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    StreamState,
    WalletReport,
    encode,
)
from workbench.exchange import SIM_KEY, SIM_SECRET, SimulatedExchange, drive
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

SYMBOL = "BTC-PERP"
ORDER = "/futures/api/v2.3/order"
E = TypeVar("E", bound=Event)


class Wire(FaultyTransport):
    """A faulty transport that also notes the order in which requests left and answers came."""

    def __init__(self, inner: MemoryTransport, script: Iterable[Fault]) -> None:
        super().__init__(inner, script)
        self.log: list[str] = []

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        name = f"{method} {path.removeprefix('/futures/api/v2.3/').partition('?')[0]}"
        self.log.append(f"> {name}")
        try:
            return await super().request(method, path, headers, body, timeout_s)
        finally:
            self.log.append(f"< {name}")


class Desk:
    """A venue, the exchange behind it, and everything it emitted."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 7, **market: Any) -> None:
        self.loop = asyncio.get_running_loop()
        assert isinstance(self.loop, VirtualTimeLoop)
        self.clock = LoopClock(self.loop)
        self.exchange = SimulatedExchange("lively", seed=seed, clock=self.clock, **market)
        self.account = self.exchange.account()
        self.wire = Wire(MemoryTransport(self.exchange), faults)
        self.events: list[Event] = []
        client = LmexClient(self.wire, Credentials(SIM_KEY, SIM_SECRET), self.clock, Unlimited())
        self.venue = LmexVenue(client, self.wire, self.clock, SYMBOL, self.events.append, rng=self.loop.random)
        self.driver = self.loop.create_task(drive(self.exchange, self.clock))

    async def start(self) -> None:
        await self.venue.open()
        await self.venue.start_streams()
        await asyncio.sleep(1)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def reports(self, client_id: str) -> list[tuple[str, str]]:
        """(request, status) of everything said about an order, news from the stream left out."""
        return [
            (event.request, event.status)
            for event in self.of(OrderReport)
            if event.client_id == client_id and event.request != "stream"
        ]

    def bid(self, offset: int) -> int:
        """A price so many ticks above the best bid."""
        return self.exchange.market(SYMBOL).book.bids.best_shown + offset

    def ask(self, offset: int) -> int:
        return self.exchange.market(SYMBOL).book.asks.best_shown + offset

    def place(self, client_id: str, side: int = 1, size: int = 10, far: int = 3000, **options: bool) -> None:
        """An order so many ticks away from the market that nobody trades with it."""
        price = self.bid(-far) if side > 0 else self.ask(far)
        self.venue.submit(Place(client_id, 0, side, price, size, **options))

    def take(self, client_id: str, side: int = 1, size: int = 10) -> None:
        """An order that trades at once."""
        price = self.ask(300) if side > 0 else self.bid(-300)
        self.venue.submit(Place(client_id, 0, side, price, size, post_only=False, ioc=True))

    async def reconcile(self) -> ReconcileDone:
        self.venue.submit(Reconcile("test"))
        count = len(self.of(ReconcileDone))
        async with asyncio.timeout(120):
            while len(self.of(ReconcileDone)) == count:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.01)
        return self.of(ReconcileDone)[-1]


def at_the_desk(
    script: Callable[[Desk], Coroutine[Any, Any, None]], faults: Iterable[Fault] = (), seed: int = 7, **market: Any
) -> Desk:
    """Open a venue, run a script, close; the desk as it was left."""

    async def main() -> Desk:
        desk = Desk(faults, seed, **market)
        await desk.start()
        await script(desk)
        await desk.venue.close()
        desk.driver.cancel()
        return desk

    return run_virtual(main(), seed=seed)


# --- opening ----------------------------------------------------------------------------------------------------------


def test_opening_reads_the_instrument_with_the_accounts_own_fees() -> None:
    async def main() -> None:
        desk = Desk(maker_fee="-0.00005", funding_interval_s=90)
        instrument = await desk.venue.open()
        assert (instrument.symbol, instrument.tick_size, instrument.contract_size) == (
            SYMBOL,
            Decimal("0.1"),
            Decimal("0.00001"),
        )
        assert (instrument.maker_fee, instrument.taker_fee) == (Decimal("-0.00005"), Decimal("0.0006"))
        assert (instrument.funding_interval_ns, instrument.perpetual) == (90 * NS, True)
        desk.driver.cancel()

    run_virtual(main())


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("position_mode", b'[{"symbol":"BTC-PERP","positionMode":"HEDGE"}]', "is HEDGE; expected ONE_WAY"),
        (
            "leverage",
            b'[{"symbol":"BTC-PERP","leverage":10,"marginMode":"ISOLATED"}]',
            "is ISOLATED; expected CROSS",
        ),
        ("user/fees", b"<html>", "the fees could not be read in 3 tries"),
    ],
)
def test_an_account_that_is_set_up_another_way_is_refused(path: str, body: bytes, message: str) -> None:
    async def main() -> None:
        desk = Desk([ReplyWith("GET", path, times=3, status=200, body=body)])
        with pytest.raises(VenueError, match=message):
            await desk.venue.open()
        desk.driver.cancel()

    run_virtual(main())


READ_AT_THE_START = ["time", "market_summary", "fees", "position_mode", "leverage", "wallet?", "trade_history"]


@pytest.mark.parametrize("path", READ_AT_THE_START)
@pytest.mark.parametrize("fault", [LoseAnswer, LoseRequest, ReplyWith])
def test_what_is_only_read_at_the_start_is_asked_for_again(fault: type[Fault], path: str) -> None:
    async def main() -> None:
        desk = Desk([fault("GET", path, times=2)])
        assert (await desk.venue.open()).symbol == SYMBOL
        assert desk.wire.pending == 0
        assert desk.loop.time() < 15
        desk.driver.cancel()

    run_virtual(main())


@pytest.mark.parametrize("path", READ_AT_THE_START)
def test_a_start_that_gets_no_answer_ends_and_says_what_it_asked_for(path: str) -> None:
    async def main() -> None:
        desk = Desk([LoseRequest("GET", path, times=1000)])
        with pytest.raises(VenueError, match=r"the .* could not be read in 3 tries, .*is the venue up"):
            await desk.venue.open()
        assert desk.loop.time() < 20
        desk.driver.cancel()

    run_virtual(main())


def test_a_refusal_at_the_start_is_not_asked_for_again() -> None:
    async def main() -> None:
        refused = ReplyWith("GET", "user/fees", times=9, status=400, body=b'{"errorCode": 400, "message": "no"}')
        desk = Desk([refused])
        with pytest.raises(VenueError, match=r"no \(code 400"):
            await desk.venue.open()
        assert desk.wire.seen["ReplyWith"] == 1
        desk.driver.cancel()

    run_virtual(main())


def test_a_market_that_is_not_active_is_refused() -> None:
    body = (
        b'[{"symbol":"BTC-PERP","base":"BTC","quote":"USDT","active":false,"minPriceIncrement":0.1,"minOrderSize":1,'
        b'"maxOrderSize":5,"minSizeIncrement":1,"contractSize":0.00001}]'
    )

    async def main() -> None:
        desk = Desk([ReplyWith("GET", "market_summary", status=200, body=body)])
        with pytest.raises(VenueError, match="not active"):
            await desk.venue.open()
        desk.driver.cancel()

    run_virtual(main())


def test_nothing_can_be_sent_or_streamed_before_it_is_open() -> None:
    async def main() -> None:
        desk = Desk()
        with pytest.raises(VenueError, match=r"expected open\(\) first"):
            desk.venue.submit(Cancel("a", ""))
        with pytest.raises(VenueError, match=r"expected open\(\) first"):
            await desk.venue.start_streams()
        desk.driver.cancel()

    run_virtual(main())


def test_the_guides_dialect_is_refused_for_a_session_with_the_way_out() -> None:
    async def main() -> None:
        desk = Desk()
        config = MarketMakerConfig(venue=VenueConfig(dialect="v1"))
        with pytest.raises(ConfigError, match="GuideClient"):
            make_lmex_venue(config, desk.wire, Credentials(SIM_KEY, SIM_SECRET), desk.clock, desk.events.append)
        venue = make_lmex_venue(
            MarketMakerConfig(), desk.wire, Credentials(SIM_KEY, SIM_SECRET), desk.clock, desk.events.append
        )
        assert (await venue.open()).symbol == SYMBOL
        desk.driver.cancel()

    run_virtual(main())


# --- market data ------------------------------------------------------------------------------------------------------


def test_book_trades_and_mark_price_flow() -> None:
    async def script(desk: Desk) -> None:
        await asyncio.sleep(20)

    desk = at_the_desk(script, funding_interval_s=3600)
    assert {(event.stream, event.up) for event in desk.of(StreamState)} == {
        ("book", True),
        ("trades", True),
        ("private", True),
    }
    (snapshot,) = desk.of(BookSnapshot)
    assert snapshot.bids[0][0] < snapshot.asks[0][0]
    assert len(desk.of(BookDelta)) > 150
    assert len(desk.of(MarketTrade)) > 10
    marks = desk.of(MarkPrice)
    assert 20 <= len(marks) <= 22
    assert marks[0].funding_rate == Decimal("0.0001")
    assert marks[0].funding_time_ns % (3600 * NS) == 0
    assert abs(marks[0].mark - 77050) < 1000


def test_a_lost_book_frame_costs_the_book_for_two_round_trips_only() -> None:
    async def script(desk: Desk) -> None:
        await asyncio.sleep(10)

    desk = at_the_desk(script, [DropFrame("/ws/oss/futures", b'"delta"', skip=20)])
    assert desk.wire.seen == {"DropFrame": 1}
    (lost,) = desk.of(BookLost)
    after = [event for event in desk.of(BookSnapshot) if event.t_ns > lost.t_ns]
    assert len(after) == 1
    assert after[0].t_ns - lost.t_ns < 20_000_000
    assert [event for event in desk.of(BookDelta) if event.t_ns > after[0].t_ns]


def test_the_book_is_compared_with_rest_and_agrees() -> None:
    async def script(desk: Desk) -> None:
        await asyncio.sleep(100)

    desk = at_the_desk(script)
    assert desk.wire.log.count("> GET orderbook/L2") == 3
    assert not desk.of(BookLost)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_rests_shrinks_and_is_cancelled() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        (order,) = desk.account.open_orders.values()
        assert (order.client_id, order.current_size) == ("a1", 10)
        desk.venue.submit(Amend("a1", order.order_id, 8))
        await asyncio.sleep(0.1)
        assert order.current_size == 8
        desk.venue.submit(Cancel("a1", order.order_id))
        await asyncio.sleep(0.1)
        assert not desk.account.open_orders

    desk = at_the_desk(script)
    assert desk.reports("a1") == [("place", "open"), ("amend", "open"), ("cancel", "cancelled")]
    sizes = [event.size for event in desk.of(OrderReport) if event.request in ("place", "amend")]
    assert sizes == [10, 8]
    assert {event.order_id for event in desk.of(OrderReport)} == {desk.of(OrderReport)[0].order_id}


def test_a_post_only_order_that_would_trade_is_ended_with_its_reason() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.submit(Place("a1", 0, 1, desk.ask(50), 10))
        await asyncio.sleep(0.1)

    desk = at_the_desk(script)
    (report,) = [event for event in desk.of(OrderReport) if event.request == "place"]
    assert (report.status, report.code, report.total_filled) == ("cancelled", 6, 0)
    assert "post-only" in report.reason


def test_an_order_that_trades_brings_its_fill_to_the_last_digit() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(0.1)

    desk = at_the_desk(script)
    assert desk.reports("a1") == [("place", "filled")]
    fills = desk.of(OwnFill)
    assert [(fill.trade_id, fill.size, fill.price_ticks) for fill in fills] == [
        (fill.trade_id, fill.size, fill.price) for fill in desk.account.fills
    ]
    assert sum(fill.size for fill in fills) == desk.account.position(SYMBOL) == 10
    assert desk.account.money == 10_000 - sum(fill.fee for fill in fills)
    assert not fills[0].maker
    assert {fill.source for fill in fills} == {"stream"}


def test_an_order_under_the_spam_rule_and_one_beyond_the_wallet_are_refused() -> None:
    async def script(desk: Desk) -> None:
        desk.place("tiny", size=1)
        desk.place("huge", size=7_000_000)
        await asyncio.sleep(0.1)

    desk = at_the_desk(script)
    ((request, tiny),) = desk.reports("tiny")
    assert (request, tiny in ("rejected", "cancelled")) == ("place", True)
    assert desk.reports("huge") == [("place", "rejected")]
    codes = {event.client_id: event.code for event in desk.of(OrderReport) if event.request == "place"}
    assert codes["huge"] in (8, 33199101, 51523)
    assert not desk.account.open_orders


def test_cancels_of_a_batch_leave_before_its_new_orders() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        desk.wire.log.clear()
        desk.place("b1")
        desk.venue.submit(ArmDeadMan(5000))
        desk.venue.submit(Cancel("a1", ""))
        desk.place("b2", -1)
        await asyncio.sleep(0.5)
        sent = [line for line in desk.wire.log if line.startswith(">") and "price" not in line]
        assert sent == ["> DELETE order", "> POST order/cancelAllAfter", "> POST order", "> POST order"]
        assert {order.client_id for order in desk.account.open_orders.values()} == {"b1", "b2"}

    at_the_desk(script)


def test_requests_of_one_order_wait_for_each_other_and_those_of_others_do_not() -> None:
    async def script(desk: Desk) -> None:
        desk.wire.log.clear()
        desk.place("a1")
        await asyncio.sleep(0)
        desk.venue.submit(Query("a1"))
        desk.place("b1")
        await asyncio.sleep(0.5)
        log = [line for line in desk.wire.log if "price" not in line]
        assert log.index("> GET order") > log.index("< POST order")
        assert log[:2] == ["> POST order", "> POST order"]

    desk = at_the_desk(script)
    assert desk.reports("a1") == [("place", "open"), ("query", "open")]
    assert desk.reports("b1") == [("place", "open")]


def test_a_cancel_does_not_wait_for_the_answer_to_the_order_that_it_cancels() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        assert desk.account.open_orders
        desk.venue.submit(Cancel("a1", ""))
        await asyncio.sleep(0.1)
        assert not desk.account.open_orders
        await asyncio.sleep(10)

    desk = at_the_desk(script, [LoseAnswer("POST", ORDER)])
    assert desk.reports("a1") == [("cancel", "cancelled"), ("place", "unknown")]


def test_a_cancel_of_an_order_that_is_gone_is_not_found() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.submit(Cancel("never", ""))
        await asyncio.sleep(0.1)

    assert at_the_desk(script).reports("never") == [("cancel", "not_found")]


def test_cancel_all_reports_every_order_it_ended() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.place("a2", -1)
        await asyncio.sleep(0.1)
        desk.venue.submit(CancelAll("test"))
        await asyncio.sleep(0.1)
        assert not desk.account.open_orders

    desk = at_the_desk(script)
    assert desk.reports("a1")[-1] == desk.reports("a2")[-1] == ("cancel", "cancelled")


# --- ambiguous writes -------------------------------------------------------------------------------------------------


def test_a_timed_out_order_that_did_arrive_is_unknown_until_a_query_adopts_it() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(4.9)
        assert desk.reports("a1") == []
        await asyncio.sleep(0.2)
        assert desk.reports("a1") == [("place", "unknown")]
        desk.venue.submit(Query("a1"))
        await asyncio.sleep(0.1)

    desk = at_the_desk(script, [LoseAnswer("POST", ORDER)])
    assert desk.wire.seen == {"LoseAnswer": 1}
    assert desk.reports("a1") == [("place", "unknown"), ("query", "open")]
    assert len(desk.account.open_orders) == 1


def test_a_timed_out_order_that_never_arrived_is_unknown_and_then_not_found() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(6)
        desk.venue.submit(Query("a1"))
        await asyncio.sleep(0.1)

    desk = at_the_desk(script, [LoseRequest("POST", ORDER)])
    assert desk.reports("a1") == [("place", "unknown"), ("query", "not_found")]


def test_a_query_of_a_filled_order_brings_its_fills_before_its_state() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(6)
        desk.venue.submit(Query("a1"))
        await asyncio.sleep(0.1)

    # Both the answer and the stream's news of it are lost.
    faults = [LoseAnswer("POST", ORDER), DropFrame("/ws/futures", b'"a1"', times=10)]
    desk = at_the_desk(script, faults)
    news = [event for event in desk.events if isinstance(event, OwnFill | OrderReport)]
    fills = desk.of(OwnFill)
    assert news == [news[0], *fills, news[-1]]
    assert sum(fill.size for fill in fills) == 10
    assert {(fill.source, fill.maker) for fill in fills} == {("rest", False)}
    assert desk.reports("a1") == [("place", "unknown"), ("query", "filled")]


GATEWAY = b"<html>Bad Gateway</html>"
LIMITED = b'{"status":429,"errorCode":303,"message":"Rate limit exceeded","extraData":null}'


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (502, GATEWAY, "unknown"),
        (408, b"", "unknown"),
        (200, b"[{", "unknown"),
        (200, b"[]", "unknown"),
        (200, b'[{"status":17,"clOrderID":"a1"}]', "unknown"),
        (200, b'[{"status":15,"clOrderID":"a1","message":""}]', "unknown"),
        (200, b'[{"status":88,"clOrderID":"a1"}]', "unknown"),
        (200, b'[{"status":424242,"clOrderID":"a1"}]', "unknown"),
        (200, b'[{"status":2,"clOrderID":"a1"}]', "open"),
        (200, b'[{"status":8,"clOrderID":"a1"}]', "rejected"),
        (429, LIMITED, "rejected"),
        (400, b'{"status":400,"errorCode":-2,"message":"Invalid request parameters"}', "rejected"),
        (401, b"", "rejected"),
    ],
)
def test_a_new_order_is_rejected_only_when_the_venue_proves_it(status: int, body: bytes, outcome: str) -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.2)

    desk = at_the_desk(script, [ReplyWith("POST", ORDER, status=status, body=body)])
    assert desk.reports("a1") == [("place", outcome)]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (502, GATEWAY, "unknown"),
        (200, b'[{"status":17,"clOrderID":"a1"}]', "unknown"),
        (200, b'[{"status":16,"clOrderID":"a1"}]', "not_found"),
        (429, b'{"status":429,"errorCode":-1,"message":"Order not found","extraData":null}', "not_found"),
        (429, LIMITED, "cancel_rejected"),
        (400, b'{"status":400,"errorCode":-2,"message":"Invalid request parameters"}', "cancel_rejected"),
        (200, b'[{"status":2,"clOrderID":"a1"}]', "cancel_rejected"),
        (200, b'[{"status":4,"clOrderID":"a1","totalFilledSize":10}]', "filled"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_cancel_or_amend_without_proof_leaves_the_order_alive(
    method: str, status: int, body: bytes, outcome: str
) -> None:
    if method == "PUT" and body.startswith(b'[{"status":2'):
        outcome = "open"

    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.2)
        desk.venue.submit(Cancel("a1", "") if method == "DELETE" else Amend("a1", "", 8))
        await asyncio.sleep(0.2)
        assert len(desk.account.open_orders) == 1

    desk = at_the_desk(script, [ReplyWith(method, ORDER, status=status, body=body)])
    assert desk.reports("a1")[-1] == ("cancel" if method == "DELETE" else "amend", outcome)


@pytest.mark.parametrize("path", [ORDER, "trade_history"])
def test_a_query_without_an_answer_proves_nothing(path: str) -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(0.2)
        desk.wire.inject(ReplyWith("GET", path, status=500))
        desk.venue.submit(Query("a1"))
        await asyncio.sleep(0.2)

    assert at_the_desk(script).reports("a1")[-1] == ("query", "unknown")


def test_an_ioc_order_that_is_said_to_rest_has_to_be_asked_for() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(0.2)

    body = b'[{"status":5,"clOrderID":"a1","totalFilledSize":4,"currentOrderSize":10}]'
    desk = at_the_desk(script, [ReplyWith("POST", ORDER, status=200, body=body)])
    assert desk.reports("a1") == [("place", "unknown")]
    assert desk.of(OrderReport)[0].total_filled == 4


def test_a_cancel_all_or_a_price_that_fails_stops_nothing() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.venue.submit(CancelAll("test"))
        await asyncio.sleep(5)
        assert len(desk.account.open_orders) == 1

    faults = [ReplyWith("DELETE", ORDER, status=500), ReplyWith("GET", "/price", status=500, times=2)]
    desk = at_the_desk(script, faults)
    assert desk.wire.seen == {"ReplyWith": 3}
    assert len(desk.of(MarkPrice)) == 4


# --- account ----------------------------------------------------------------------------------------------------------


def test_a_reconciliation_tells_the_account_as_the_venue_has_it() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.take("a2")
        await asyncio.sleep(0.5)
        done = await desk.reconcile()
        assert (done.ok, done.reason) == (True, "")
        (orders,) = desk.of(OpenOrders)
        assert [(row.client_id, row.side, row.size, row.total_filled) for row in orders.orders] == [("a1", 1, 10, 0)]
        assert desk.of(PositionReport)[-1].position == 10
        assert desk.of(WalletReport)[-1].balance == desk.account.money
        assert done.asked_ns == orders.asked_ns <= desk.of(PositionReport)[-1].asked_ns <= done.t_ns
        kinds = [type(event) for event in desk.events if event.t_ns >= done.asked_ns]
        wanted = [OpenOrders, PositionReport, WalletReport, ReconcileDone]
        assert [kind for kind in kinds if kind in wanted] == wanted

    desk = at_the_desk(script)
    # The stream had brought the fill already.
    assert {fill.source for fill in desk.of(OwnFill)} == {"stream"}


def test_a_fill_whose_message_was_lost_is_found_once_and_before_the_list_that_lacks_the_order() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(0.5)
        assert len(desk.of(OwnFill)) < len(desk.account.fills)
        desk.take("a2")
        await asyncio.sleep(0.5)
        for _ in range(3):
            await desk.reconcile()
            await asyncio.sleep(15)

    desk = at_the_desk(script, [DropFrame("/ws/futures", b'"topic":"fillsV2"')])
    assert desk.wire.seen == {"DropFrame": 1}
    fills = desk.of(OwnFill)
    assert len({fill.trade_id for fill in fills}) == len(fills) == len(desk.account.fills)
    assert sum(fill.size for fill in fills) == desk.account.position(SYMBOL)
    lost = next(fill for fill in fills if fill.source == "rest")
    assert desk.events.index(lost) < desk.events.index(desk.of(OpenOrders)[0])
    assert lost.fee > 0


def test_fills_and_bookings_from_before_the_session_are_old_news() -> None:
    async def main() -> None:
        first = Desk(funding_interval_s=10)
        await first.start()
        first.take("a1")
        await asyncio.sleep(12)
        await first.venue.close()
        events: list[Event] = []
        client = LmexClient(first.wire, Credentials(SIM_KEY, SIM_SECRET), first.clock, Unlimited())
        second = LmexVenue(client, first.wire, first.clock, SYMBOL, events.append)
        await second.open()
        second.submit(Reconcile("start"))
        await asyncio.sleep(1)
        assert not [event for event in events if isinstance(event, OwnFill | FundingPaid)]
        (position,) = [event for event in events if isinstance(event, PositionReport)]
        assert position.position == 10

        again: list[Event] = []
        since = first.account.fills[0].time_ns
        third = LmexVenue(client, first.wire, first.clock, SYMBOL, again.append, fills_since_ns=since)
        await third.open()
        third.submit(Reconcile("start"))
        await asyncio.sleep(1)
        assert sum(event.size for event in again if isinstance(event, OwnFill)) == 10
        first.driver.cancel()

    run_virtual(main())


def test_funding_is_told_once_with_its_exact_amount() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1", size=100)
        for _ in range(8):
            await asyncio.sleep(4)
            await desk.reconcile()
        fees = sum((fill.fee for fill in desk.of(OwnFill)), Decimal(0))
        paid = sum((event.amount for event in desk.of(FundingPaid)), Decimal(0))
        assert desk.account.money == 10_000 - fees + paid

    desk = at_the_desk(script, funding_interval_s=10)
    paid = desk.of(FundingPaid)
    assert len(paid) == len({event.funding_id for event in paid}) == 3
    assert all(event.amount < 0 for event in paid)


def test_a_reconciliation_that_cannot_be_had_says_so_and_the_next_one_works() -> None:
    async def script(desk: Desk) -> None:
        failed = await desk.reconcile()
        assert (failed.ok, "user/positions" in failed.reason) == (False, True)
        assert (await desk.reconcile()).ok

    at_the_desk(script, [ReplyWith("GET", "user/positions", status=503)])


def test_reconciliations_never_overlap_and_one_asked_for_meanwhile_follows() -> None:
    async def script(desk: Desk) -> None:
        for _ in range(3):
            desk.venue.submit(Reconcile("test"))
            await asyncio.sleep(0.001)
        await asyncio.sleep(1)

    desk = at_the_desk(script)
    first, second = desk.of(ReconcileDone)
    assert first.t_ns <= second.asked_ns


def test_after_the_private_stream_was_cut_it_says_so_and_the_missed_fill_is_found() -> None:
    async def script(desk: Desk) -> None:
        desk.take("a1")
        await asyncio.sleep(5)
        assert [event.up for event in desk.of(StreamState) if event.stream == "private"] == [True, False, True]
        await desk.reconcile()

    desk = at_the_desk(script, [CutStream("/ws/futures", b'"a1"')])
    assert desk.wire.seen == {"CutStream": 1}
    assert sum(fill.size for fill in desk.of(OwnFill)) == desk.account.position(SYMBOL) == 10


# --- the dead-man timer and the last word -----------------------------------------------------------------------------


def test_the_dead_man_timer_is_armed_and_clears_a_silent_account() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.venue.submit(ArmDeadMan(5000))
        await asyncio.sleep(4.5)
        assert desk.account.open_orders
        await asyncio.sleep(1)
        assert not desk.account.open_orders

    desk = at_the_desk(script)
    assert [event.ok for event in desk.of(DeadManArmed)] == [True]
    assert desk.of(OrderReport)[-1].status == "cancelled"


def test_a_renewal_that_fails_is_told() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.submit(ArmDeadMan(5000))
        await asyncio.sleep(0.1)

    desk = at_the_desk(script, [ReplyWith("POST", "cancelAllAfter", status=500)])
    (armed,) = desk.of(DeadManArmed)
    assert (armed.ok, "cancelAllAfter" in armed.reason) == (False, True)


def test_cancel_all_is_verified_at_the_venue() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.place("a2", -1)
        await asyncio.sleep(0.1)
        assert await desk.venue.cancel_all_and_verify(5) == 0
        assert not desk.account.open_orders

    at_the_desk(script)


def test_an_order_on_its_way_is_waited_for_before_zero_is_verified() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        assert await desk.venue.cancel_all_and_verify(5) == 0
        await asyncio.sleep(1)
        assert not desk.account.open_orders

    desk = at_the_desk(script)
    assert desk.reports("a1")[0] == ("place", "open")


def test_after_an_unknown_order_the_list_must_stay_empty_for_a_while() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(5.1)
        assert desk.reports("a1") == [("place", "unknown")]
        before = desk.loop.time()
        assert await desk.venue.cancel_all_and_verify(10) == 0
        assert desk.loop.time() - before > 1.5
        assert not desk.account.open_orders

    at_the_desk(script, [LoseAnswer("POST", ORDER)])


def test_orders_that_the_venue_does_not_cancel_are_counted() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        desk.place("a2", -1)
        await asyncio.sleep(0.1)
        before = desk.loop.time()
        assert await desk.venue.cancel_all_and_verify(3) == 2
        assert desk.loop.time() - before <= 3.1

    # The venue says that nothing was open, and cancels nothing.
    at_the_desk(script, [ReplyWith("DELETE", ORDER, status=200, body=b"[]", times=1000)])


def test_a_venue_that_does_not_answer_leaves_the_number_unknown_by_the_deadline() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        before = desk.loop.time()
        with pytest.raises(VenueError, match="not known how many orders are open"):
            await desk.venue.cancel_all_and_verify(4)
        assert desk.loop.time() - before <= 4.1

    at_the_desk(script, [LoseRequest("DELETE", ORDER, times=1000)])


def test_one_request_that_hangs_does_not_use_up_the_time() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        assert await desk.venue.cancel_all_and_verify(5) == 0
        assert not desk.account.open_orders

    at_the_desk(script, [LoseRequest("DELETE", ORDER), LoseRequest("GET", "open_orders")])


def test_it_is_verified_even_after_errors_in_between() -> None:
    async def script(desk: Desk) -> None:
        desk.place("a1")
        await asyncio.sleep(0.1)
        assert await desk.venue.cancel_all_and_verify(10) == 0

    faults = [ReplyWith("DELETE", ORDER, status=500, times=3), ReplyWith("GET", "open_orders", status=502, times=2)]
    desk = at_the_desk(script, faults)
    assert desk.wire.seen == {"ReplyWith": 5}


# --- the whole --------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_events() -> None:
    async def script(desk: Desk) -> None:
        for i in range(10):
            desk.place(f"a{i}", -1 if i % 2 else 1)
            desk.take(f"b{i}", 1 if i % 2 else -1)
            desk.venue.submit(Reconcile("test"))
            await asyncio.sleep(1.5)
            desk.venue.submit(Cancel(f"a{i}", ""))

    def story(seed: int) -> list[bytes]:
        return [encode(event) for event in at_the_desk(script, seed=seed).events]

    assert story(3) == story(3)
    assert story(3) != story(4)


def test_closing_twice_is_harmless_and_leaves_no_task() -> None:
    async def main() -> None:
        desk = Desk()
        await desk.start()
        await desk.venue.close()
        await desk.venue.close()
        desk.driver.cancel()
        await asyncio.sleep(0.1)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    run_virtual(main())
