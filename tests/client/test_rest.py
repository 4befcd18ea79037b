"""Every call sends what the examples show, signed, and reads what they answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from tests.client.conftest import RecordingTransport
from workbench.client import (
    AuthFailed,
    Credentials,
    FaultyTransport,
    InsufficientBalance,
    LmexClient,
    LoseRequest,
    OrderNotFound,
    PlaceRequest,
    RateLimited,
    Rejected,
    ReplyWith,
    Response,
    TransportError,
    UnknownOutcome,
    Unlimited,
)
from workbench.errors import VenueError
from workbench.virtual_time import LoopClock, run_virtual

BASE = "/futures/api/v2.3"
ORDER = f"{BASE}/order"
D = Decimal
Sample = Callable[[str], bytes]
CREDENTIALS = Credentials("demo-key-not-real-0001", "demo-secret-not-real-0001")


def run(recorder: RecordingTransport, call: Callable[[LmexClient], Coroutine[Any, Any, Any]]) -> Any:
    """The result of one call, on virtual time that starts a millisecond before the first vector's nonce."""

    async def main() -> Any:
        clock = LoopClock(asyncio.get_running_loop(), epoch_ns=1_780_000_000_002 * 1_000_000)
        return await call(LmexClient(recorder, CREDENTIALS, clock, Unlimited()))

    return run_virtual(main())


def test_a_limit_order_is_sent_as_the_signing_vector_has_it(recorder: RecordingTransport, sample: Sample) -> None:
    vector = next(v for v in json.loads(sample("auth_vectors.json"))["vectors"] if v["name"] == "futures-post-order")
    recorder.answer(f"POST {ORDER}", sample("rest/order_place_limit_response.json"))
    row = run(recorder, lambda client: client.place("BTC-PERP", 1, D("77050.1"), 1000, "mmB0001"))
    ((method, path, headers, body),) = recorder.requests
    assert (method, path, body.decode()) == ("POST", ORDER, vector["body"])
    assert headers["request-sign"] == vector["digest"]
    assert headers["request-api"] == vector["api_key"]
    assert headers["Content-Type"] == "application/json"
    assert (row.status, row.order_id) == (2, "0f1c9a52-6a0d-4f0e-9a0c-1d2e3f405162")


def test_options_of_a_limit_order_reach_the_body(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}", sample("rest/order_ioc_unfilled_response.json"))
    row = run(
        recorder,
        lambda client: client.place(
            "BTC-PERP", -1, D("77040"), 1000, "mmB0012", post_only=False, reduce_only=True, time_in_force="IOC"
        ),
    )
    sent = json.loads(recorder.requests[0][3])
    assert (sent["side"], sent["postOnly"], sent["reduceOnly"], sent["time_in_force"]) == ("SELL", False, True, "IOC")
    assert (row.status, row.total_filled) == (6, 0)


def test_amend_and_cancel_are_sent_and_signed_as_the_vectors_have_them(
    recorder: RecordingTransport, sample: Sample
) -> None:
    vectors = {v["name"]: v for v in json.loads(sample("auth_vectors.json"))["vectors"]}
    recorder.answer(f"PUT {ORDER}", sample("rest/order_amend_response.json"))
    recorder.answer(f"DELETE {ORDER}", sample("rest/order_cancel_response.json"))

    async def both(client: LmexClient) -> tuple[int, int]:
        await asyncio.sleep(0.001)
        amended = await client.amend("BTC-PERP", client_id="mmS0002", price=D("77059.5"))
        cancelled = await client.cancel("BTC-PERP", client_id="mmS0002")
        return amended.status, cancelled.status

    assert run(recorder, both) == (123, 6)
    put, delete = recorder.requests
    assert (put[3].decode(), put[2]["request-sign"]) == (
        vectors["futures-put-order"]["body"],
        vectors["futures-put-order"]["digest"],
    )
    assert delete[1] == f"{ORDER}?{vectors['futures-delete-order']['query']}"
    assert (delete[3], delete[2]["request-sign"]) == (b"", vectors["futures-delete-order"]["digest"])


@pytest.mark.parametrize("lost", [1, 2])
def test_a_cancel_that_is_not_answered_is_sent_again_with_a_signature_of_its_own(
    recorder: RecordingTransport, sample: Sample, lost: int
) -> None:
    for _ in range(lost):
        recorder.answer(f"DELETE {ORDER}", TransportError("no answer"))
    recorder.answer(f"DELETE {ORDER}", sample("rest/order_cancel_response.json"))
    assert run(recorder, lambda client: client.cancel("BTC-PERP", client_id="mmS0002")).status == 6
    assert len({path for _, path, _, _ in recorder.requests}) == 1
    assert len({headers["request-sign"] for _, _, headers, _ in recorder.requests}) == lost + 1


def test_the_list_that_verifies_a_cancel_is_asked_for_again_and_the_regular_one_is_not(
    recorder: RecordingTransport, sample: Sample
) -> None:
    path = f"GET {BASE}/user/open_orders"
    recorder.answer(path, TransportError("no answer"))
    recorder.answer(path, TransportError("no answer"))
    recorder.answer(path, sample("rest/open_orders.json"))
    assert run(recorder, lambda client: client.open_orders("BTC-PERP", lane="verify"))
    recorder.answers[path].insert(0, Response(200, {}, b"[]"))
    recorder.answers[path].insert(0, TransportError("no answer"))
    with pytest.raises(TransportError):
        run(recorder, lambda client: client.open_orders("BTC-PERP"))


@pytest.mark.parametrize("call", ["cancel", "cancel_all"])
def test_a_cancel_that_is_never_answered_is_given_up_after_three_requests_and_two_seconds(call: str) -> None:
    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        wire = FaultyTransport(RecordingTransport(), [LoseRequest("DELETE", ORDER, times=9)])
        client = LmexClient(wire, CREDENTIALS, clock)
        with pytest.raises(UnknownOutcome, match="whether it was done is not known"):
            await (client.cancel("BTC-PERP", client_id="a") if call == "cancel" else client.cancel_all("BTC-PERP"))
        return loop.time(), wire.seen["LoseRequest"]

    assert run_virtual(main()) == (pytest.approx(2.0), 3)


def test_a_cancel_that_meets_a_rate_limit_is_not_repeated_within_the_silence() -> None:
    async def main() -> tuple[float, dict[str, int]]:
        loop = asyncio.get_running_loop()
        limited = ReplyWith("DELETE", ORDER, status=429, body=b"", headers={"Retry-After": "3"})
        wire = FaultyTransport(RecordingTransport(), [limited, LoseRequest("DELETE", ORDER, times=9)])
        client = LmexClient(wire, CREDENTIALS, LoopClock(loop))
        with pytest.raises(RateLimited):
            await client.cancel_all("BTC-PERP")
        assert wire.seen == {"ReplyWith": 1}
        with pytest.raises(UnknownOutcome):
            await client.cancel_all("BTC-PERP")
        return loop.time(), dict(wire.seen)

    assert run_virtual(main()) == (pytest.approx(5.0, abs=0.01), {"ReplyWith": 1, "LoseRequest": 3})


def test_a_cancel_without_an_id_never_reaches_the_wire(recorder: RecordingTransport) -> None:
    for call in (
        lambda client: client.cancel("BTC-PERP"),
        lambda client: client.amend("BTC-PERP", size=5),
        lambda client: client.order(),
    ):
        with pytest.raises(VenueError, match="without an id"):
            run(recorder, call)
    assert recorder.requests == []


def test_an_amendment_that_changes_nothing_is_refused(recorder: RecordingTransport) -> None:
    with pytest.raises(VenueError, match="changes nothing"):
        run(recorder, lambda client: client.amend("BTC-PERP", client_id="a"))


@pytest.mark.parametrize("client_id", ["", "a-b", "x" * 33, "_W_1", 'a"b'])
def test_client_ids_that_the_venue_may_refuse_are_not_sent(client_id: str, recorder: RecordingTransport) -> None:
    with pytest.raises(VenueError, match="1 to 32 letters and digits"):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 1, client_id))
    assert recorder.requests == []


def test_an_order_without_size_is_not_sent(recorder: RecordingTransport) -> None:
    with pytest.raises(VenueError, match="at least 1 contract"):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 0, "a"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rest/order_insufficient_balance_200_response.json", InsufficientBalance),
        ("rest/order_cancel_notfound_response.json", UnknownOutcome),
    ],
)
def test_a_refusal_inside_http_200_is_raised(
    name: str, kind: type[Exception], recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"POST {ORDER}", sample(name))
    with pytest.raises(kind):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D("77050.1"), 1000, "mmB0015"))


def test_order_not_found_on_a_new_order_is_a_wrong_position_mode(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}", sample("errors/order_not_found_429.json"), 429)
    with pytest.raises(Rejected, match="position mode"):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 1, "a"))


@pytest.mark.parametrize("call", ["place", "amend", "cancel", "cancel_all", "cancel_all_after"])
@pytest.mark.parametrize("trouble", [TransportError("no answer within 5 s"), 503, 408, b"[{"])
def test_a_write_without_a_usable_answer_has_an_unknown_outcome(
    call: str, trouble: Exception | int | bytes, recorder: RecordingTransport
) -> None:
    if call == "cancel_all_after" and trouble == b"[{":
        return  # its body is not specified: HTTP 200 is all there is
    body = trouble if isinstance(trouble, bytes | Exception) else b"<html>"
    status = trouble if isinstance(trouble, int) else 200
    for request in (f"POST {ORDER}", f"PUT {ORDER}", f"DELETE {ORDER}", f"POST {ORDER}/cancelAllAfter"):
        recorder.answer(request, body, status)
    calls: dict[str, Callable[[LmexClient], Coroutine[Any, Any, Any]]] = {
        "place": lambda client: client.place("BTC-PERP", 1, D(1), 1, "a"),
        "amend": lambda client: client.amend("BTC-PERP", client_id="a", size=3),
        "cancel": lambda client: client.cancel("BTC-PERP", order_id="x"),
        "cancel_all": lambda client: client.cancel_all("BTC-PERP"),
        "cancel_all_after": lambda client: client.cancel_all_after(5000),
    }
    with pytest.raises(UnknownOutcome):
        run(recorder, calls[call])


def test_a_read_without_an_answer_is_a_transport_error(recorder: RecordingTransport) -> None:
    recorder.answer(f"GET {BASE}/price", TransportError("reset"))
    with pytest.raises(TransportError, match="reset"):
        run(recorder, lambda client: client.price("BTC-PERP"))


def test_an_empty_answer_to_a_place_is_unknown_and_to_a_cancel_all_is_done(recorder: RecordingTransport) -> None:
    recorder.answer(f"POST {ORDER}", b"[]")
    recorder.answer(f"DELETE {ORDER}", b"[]")
    with pytest.raises(UnknownOutcome, match="no order"):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 1, "a"))
    assert run(recorder, lambda client: client.cancel_all("BTC-PERP")) == []


def test_cancel_all_names_what_it_cancelled_and_nothing_open_is_success(
    recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"DELETE {ORDER}", sample("rest/order_cancel_all_symbol_response.json"))
    recorder.answer(f"DELETE {ORDER}", sample("errors/order_not_found_429.json"), 429)
    rows = run(recorder, lambda client: client.cancel_all("BTC-PERP"))
    assert [row.client_id for row in rows] == ["mmB0001", "mmS0002"]
    assert recorder.requests[0][1] == f"{ORDER}?symbol=BTC-PERP"
    assert run(recorder, lambda client: client.cancel_all("BTC-PERP")) == []


def test_a_cancel_tells_what_had_been_filled_before(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"DELETE {ORDER}", sample("rest/order_cancel_partially_filled_response.json"))
    row = run(recorder, lambda client: client.cancel("BTC-PERP", client_id="mmB0001"))
    assert (row.status, row.total_filled) == (6, 400)


@pytest.mark.parametrize("name", ["errors/order_not_found_429.json", "rest/order_cancel_notfound_response.json"])
def test_a_cancel_of_an_order_that_is_gone_is_not_found(
    name: str, recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"DELETE {ORDER}", sample(name), 429 if "errors" in name else 200)
    with pytest.raises(OrderNotFound):
        run(recorder, lambda client: client.cancel("BTC-PERP", client_id="a"))


def test_any_kind_of_order_can_be_placed(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}", sample("rest/order_oco_response.json"))
    recorder.answer(f"POST {ORDER}/peg", sample("rest/order_peg_response.json"))
    oco = PlaceRequest(symbol="BTC-PERP", side="BUY", size=10, type="OCO", price=D(76000), stop_price=D(78010))
    assert [row.status for row in run(recorder, lambda client: client.place_request(oco))] == [9, 2]
    peg = PlaceRequest(symbol="BTC-PERP", side="BUY", size=1000, price=D(77500), client_id="pegB0001", deviation=D(-1))
    assert run(recorder, lambda client: client.place_request(peg))[0].kind == 80


def test_one_order_is_asked_for_by_its_client_id(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"GET {ORDER}", sample("rest/order_query_response.json"))
    row = run(recorder, lambda client: client.order(client_id="mmB0001"))
    assert recorder.requests[0][1] == f"{ORDER}?clOrderID=mmB0001"
    assert (row.status, row.total_filled) == (5, 400)


def test_a_position_is_closed_with_the_body_of_the_example(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}/close_position", sample("rest/close_position_response.json"))
    (row,) = run(recorder, lambda client: client.close_position("BTC-PERP"))
    assert json.loads(recorder.requests[0][3]) == json.loads(sample("rest/close_position_request.json"))
    assert (row.status, row.client_id) == (4, "_W_demo1779800660027")


def test_the_dead_man_timer_is_armed_in_milliseconds(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}/cancelAllAfter", b"")
    run(recorder, lambda client: client.cancel_all_after(60_000))
    assert json.loads(recorder.requests[0][3]) == json.loads(sample("rest/cancel_all_after_request.json"))


CONFIGURATION: dict[str, Callable[[LmexClient], Coroutine[Any, Any, Any]]] = {
    "leverage": lambda client: client.set_leverage("BTC-PERP", 10),
    "risk_limit": lambda client: client.set_risk_limit("BTC-PERP", 2),
    "position_mode": lambda client: client.set_position_mode("BTC-PERP", "ONE_WAY"),
}


@pytest.mark.parametrize("name", CONFIGURATION)
def test_settings_are_changed_with_the_bodies_of_the_examples(
    name: str, recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"POST {BASE}/{name}", sample(f"rest/{name}_set_response.json"))
    run(recorder, CONFIGURATION[name])
    assert json.loads(recorder.requests[0][3]) == json.loads(sample(f"rest/{name}_set_request.json"))


def test_a_setting_that_failed_inside_http_200_is_refused(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {BASE}/leverage", sample("errors/position_id_missing_135_http200.json"))
    with pytest.raises(Rejected, match="ISOLATE_HEDGE"):
        run(recorder, lambda client: client.set_leverage("BTC-PERP", 10))


READS: dict[str, tuple[str, str, Callable[[LmexClient], Coroutine[Any, Any, Any]], Callable[[Any], Any], Any]] = {
    "summary": (
        "market_summary",
        "rest/market_summary_full.json",
        lambda client: client.instrument_summary("BTC-PERP"),
        lambda row: row.funding_time,
        1779811200000,
    ),
    "orderbook": (
        "orderbook",
        "rest/orderbook_group.json",
        lambda client: client.orderbook("BTC-PERP"),
        lambda book: book.asks[0].price,
        D("77054.7"),
    ),
    "L2": (
        "orderbook/L2",
        "rest/orderbook_L2.json",
        lambda client: client.orderbook_l2("BTC-PERP", 5),
        lambda book: book.bids[0].size,
        108350,
    ),
    "trades": (
        "trades",
        "rest/trades.json",
        lambda client: client.trades("BTC-PERP"),
        lambda rows: rows[0].serial_id,
        35993384,
    ),
    "ohlcv": (
        "ohlcv",
        "rest/ohlcv.json",
        lambda client: client.ohlcv("BTC-PERP"),
        lambda rows: rows[2][1],
        D(77080),
    ),
    "price": ("price", "rest/price.json", lambda client: client.price("BTC-PERP"), lambda r: r.last, D("77054.5")),
    "funding": (
        "funding_history",
        "rest/funding_history.json",
        lambda client: client.funding_history("BTC-PERP"),
        lambda rows: rows[1].rate,
        D("-0.00001251"),
    ),
    "tiers": (
        "market/risk_limit",
        "rest/market_risk_limit.json",
        lambda client: client.market_risk_limit("BTC-PERP"),
        len,
        3,
    ),
    "open orders": (
        "user/open_orders",
        "rest/open_orders.json",
        lambda client: client.open_orders("BTC-PERP"),
        lambda rows: [row.client_id for row in rows],
        ["mmB0001", "mmS0002"],
    ),
    "fills": (
        "user/trade_history",
        "rest/trade_history.json",
        lambda client: client.trade_history("BTC-PERP"),
        lambda rows: rows[0].serial_id,
        374029602,
    ),
    "positions": (
        "user/positions",
        "rest/positions_short.json",
        lambda client: client.positions("BTC-PERP"),
        lambda rows: rows[0].signed,
        -500,
    ),
    "wallet": (
        "user/wallet",
        "rest/wallet.json",
        lambda client: client.wallet(),
        lambda w: w.balance("USDT"),
        D(1000),
    ),
    "bookings": (
        "user/wallet_history",
        "rest/wallet_history.json",
        lambda client: client.wallet_history(),
        lambda rows: rows[0].type,
        110,
    ),
    "fees": ("user/fees", "rest/fees.json", lambda client: client.fees("BTC-PERP"), lambda f: f.maker, D("0.0001")),
    "fees object": (
        "user/fees",
        "rest/fees_object_variant.json",
        lambda client: client.fees("BTC-PERP"),
        lambda f: f.taker,
        D("0.0006"),
    ),
    "leverage": (
        "leverage",
        "rest/leverage_get.json",
        lambda client: client.leverage("BTC-PERP"),
        lambda rows: rows[0].margin_mode,
        "CROSS",
    ),
    "mode": (
        "position_mode",
        "rest/position_mode_get.json",
        lambda client: client.position_mode("BTC-PERP"),
        str,
        "ONE_WAY",
    ),
    "risk limit": (
        "risk_limit",
        "rest/risk_limit_get.json",
        lambda client: client.risk_limit("BTC-PERP"),
        lambda limit: limit.level,
        1,
    ),
    "margins": (
        "user/margin_setting",
        "rest/margin_setting.json",
        lambda client: client.margin_setting("BTC-PERP"),
        lambda rows: rows[0].initial,
        D("0.01"),
    ),
    "unified": (
        "user/unifiedWallet/margin",
        "rest/unified_wallet_margin.json",
        lambda client: client.unified_margin("BTC-PERP"),
        lambda margin: margin.available,
        D("990.0134"),
    ),
}


@pytest.mark.parametrize("name", READS)
def test_every_read_asks_at_its_path_and_decodes_its_example(
    name: str, recorder: RecordingTransport, sample: Sample
) -> None:
    path, file, call, view, expected = READS[name]
    recorder.answer(f"GET {BASE}/{path}", sample(file))
    assert view(run(recorder, call)) == expected
    assert recorder.requests[0][3] == b""


def test_the_wallet_name_is_quoted_and_not_signed(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"GET {BASE}/user/wallet", sample("rest/wallet.json"))
    run(recorder, lambda client: client.wallet())
    _, path, headers, _ = recorder.requests[0]
    assert path == f"{BASE}/user/wallet?wallet=CROSS%40"
    assert headers["request-sign"] == CREDENTIALS.hmac_hex(b"/api/v2.3/user/wallet1780000000002", "sha384")


def test_an_unlisted_symbol_is_refused_by_name(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"GET {BASE}/market_summary", sample("rest/market_summary.json"))
    with pytest.raises(Rejected, match="DOGE-PERP is not listed"):
        run(recorder, lambda client: client.instrument_summary("DOGE-PERP"))


def test_the_clock_offset_is_measured_from_the_milliseconds(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer("GET /spot/api/v3.3/time", sample("rest/time_spot.json"))
    assert run(recorder, lambda client: client.measure_clock_offset_ms()) == 1779800650027 - 1780000000002
    assert recorder.requests[0][2] == {}


def test_a_read_that_fails_to_authenticate_is_tried_once_more_with_the_venues_time(
    recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"GET {BASE}/user/positions", sample("errors/auth_failed_400.json"), 400)
    recorder.answer(f"GET {BASE}/user/positions", b"[]")
    recorder.answer("GET /spot/api/v3.3/time", b'{"iso":"2026-05-28T20:26:45.002Z","epoch":1780000005}')
    assert run(recorder, lambda client: client.positions("BTC-PERP")) == []
    first, _, second = recorder.requests
    assert int(second[2]["request-nonce"]) - int(first[2]["request-nonce"]) == 5000


def test_a_write_that_fails_to_authenticate_is_never_repeated(recorder: RecordingTransport, sample: Sample) -> None:
    recorder.answer(f"POST {ORDER}", sample("errors/auth_failed_400.json"), 400)
    with pytest.raises(AuthFailed):
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 1, "a"))
    assert len(recorder.requests) == 1


def test_a_rate_limit_silences_the_client_for_as_long_as_the_venue_asks(
    recorder: RecordingTransport, sample: Sample
) -> None:
    recorder.answer(f"DELETE {ORDER}", sample("errors/rate_limit_429.json"), 429, {"retry-after": "3"})
    recorder.answer(f"DELETE {ORDER}", sample("rest/order_cancel_response.json"))

    async def main() -> float:
        loop = asyncio.get_running_loop()
        client = LmexClient(recorder, CREDENTIALS, LoopClock(loop))
        with pytest.raises(RateLimited):
            await client.cancel("BTC-PERP", client_id="mmS0002")
        with pytest.raises(RateLimited, match="not sent"):
            await client.place("BTC-PERP", 1, D(1), 1, "a")
        await client.cancel("BTC-PERP", client_id="mmS0002")
        return loop.time()

    assert run_virtual(main()) == pytest.approx(3.0, abs=1e-3)
    assert [method for method, *_ in recorder.requests] == ["DELETE", "DELETE"]


def test_an_order_that_the_venue_does_not_know_is_not_found_even_inside_http_200(recorder: RecordingTransport) -> None:
    recorder.answer(f"GET {ORDER}", b'{"status":16,"clOrderID":"a"}')
    with pytest.raises(OrderNotFound, match="status 16"):
        run(recorder, lambda client: client.order(client_id="a"))


def test_replies_without_what_was_asked_for_are_refused(recorder: RecordingTransport) -> None:
    recorder.answer(f"GET {BASE}/price", b"[]")
    recorder.answer(f"GET {BASE}/user/wallet", b"[]")
    with pytest.raises(VenueError, match="BTC-PERP is not in the reply"):
        run(recorder, lambda client: client.price("BTC-PERP"))
    with pytest.raises(Rejected, match="CROSS@"):
        run(recorder, lambda client: client.wallet())


@pytest.mark.parametrize("symbol", ["", "BTC", 'BTC-"PERP', "btc-perp", "BTC-PERP&x=1"])
def test_symbols_that_would_break_out_of_a_request_are_not_sent(symbol: str, recorder: RecordingTransport) -> None:
    with pytest.raises(VenueError, match="expected something like BTC-PERP"):
        run(recorder, lambda client: client.cancel_all(symbol))
    with pytest.raises(VenueError, match="expected something like BTC-PERP"):
        run(recorder, lambda client: client.place_request(PlaceRequest(symbol=symbol, side="BUY", size=1)))
    assert recorder.requests == []


def test_errors_never_carry_the_secret(recorder: RecordingTransport) -> None:
    recorder.answer(f"POST {ORDER}", TransportError("no answer"))
    with pytest.raises(UnknownOutcome) as caught:
        run(recorder, lambda client: client.place("BTC-PERP", 1, D(1), 1, "a"))
    assert "demo-secret" not in repr(caught.value) + str(caught.value.__cause__)
