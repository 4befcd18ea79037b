"""Every example message decodes to exact, meaningful values, traps included."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from workbench.client import PlaceRequest, UnknownOutcome
from workbench.client import messages as wire
from workbench.client.frames import (
    FrameError,
    fills_of,
    is_pong,
    notifications_of,
    open_orders_of,
    positions_of,
    read_book_frame,
    read_stream_frame,
    trades_of,
)
from workbench.client.messages import decode
from workbench.client.orders import OrderMessage, query_state, stream_state
from workbench.client.requests import amend_body, write_json

D = Decimal
Sample = Callable[[str], bytes]

ORDERS: dict[str, tuple[int, int, str, str, int, int, int, str]] = {
    # status, kind, client id, price, original, current, filled, average
    "order_place_limit_response": (2, 76, "mmB0001", "77050.1", 1000, 1000, 0, "0"),
    "order_market_filled_response": (4, 77, "mmS0009", "77054.5", 200, 200, 200, "77054.5"),
    "order_partial_on_entry_response": (5, 76, "mmB0010", "77054.7", 5000, 5000, 2200, "77054.7"),
    "order_postonly_would_cross_response": (6, 76, "mmB0011", "77060", 1000, 1000, 0, "0"),
    "order_ioc_unfilled_response": (6, 76, "mmB0012", "77040", 1000, 1000, 0, "0"),
    "order_fok_unfillable_response": (6, 76, "mmB0013", "77040", 1000, 1000, 0, "0"),
    "order_refunded_response": (7, 77, "mmB0014", "0", 1000, 1000, 0, "0"),
    "order_insufficient_balance_200_response": (8, 76, "mmB0015", "77050.1", 1000000, 1000000, 0, "0"),
    "order_oco_response": (9, 76, "", "78010", 10, 10, 0, "0"),
    "order_hedge_response": (2, 76, "mmB0016", "77050.1", 1000, 1000, 0, "0"),
    "order_peg_response": (2, 80, "pegB0001", "77500", 1000, 1000, 0, "0"),
    "order_amend_response": (123, 76, "mmS0002", "77059.5", 1000, 1000, 0, "0"),
    "order_amend_size_response": (123, 76, "mmS0002", "77059.5", 1000, 1500, 0, "0"),
    "order_cancel_response": (6, 76, "mmS0002", "77059.5", 1000, 1000, 0, "0"),
    "order_cancel_partially_filled_response": (6, 76, "mmB0001", "77050.1", 1000, 1000, 400, "77050.1"),
    "order_cancel_all_symbol_response": (6, 76, "mmB0001", "77050.1", 1000, 1000, 0, "0"),
    "order_cancel_notfound_response": (16, 76, "", "0", 0, 0, 0, "0"),
    "close_position_response": (4, 77, "_W_demo1779800660027", "77054.5", 800, 800, 800, "77054.5"),
    "legacy_v22_order_response": (2, 76, "mmB0001", "77050.1", 1000, 1000, 0, "0"),
    "legacy_v21_order_response": (2, 76, "mmB0001", "77050.1", 1000, 1000, 0, "0"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_order_replies_of_every_version_say_the_same_things(name: str, sample: Sample) -> None:
    row = decode(sample(f"rest/{name}.json"), list[OrderMessage], name)[0]
    status, kind, client_id, price, original, current, filled, average = ORDERS[name]
    assert (row.status, row.kind, row.client_id) == (status, kind, client_id)
    assert (row.price, row.average) == (D(price), D(average))
    assert (row.original, row.current, row.total_filled) == (original, current, filled)
    assert row.symbol == "BTC-PERP"
    assert row.time_in_force in ("GTC", "IOC", "FOK")
    assert all(isinstance(size, int) for size in (row.original, row.current, row.total_filled))


def test_an_oco_order_answers_with_two_legs(sample: Sample) -> None:
    trigger, limit = decode(sample("rest/order_oco_response.json"), list[OrderMessage], "oco")
    assert (trigger.status, trigger.trigger_price, trigger.remaining) == (9, D(78000), 0)
    assert (limit.status, limit.price, limit.remaining) == (2, D(76000), 10)


def test_json_text_inside_a_message_is_read_for_people(sample: Sample) -> None:
    row = decode(sample("rest/order_insufficient_balance_200_response.json"), list[OrderMessage], "x")[0]
    assert row.reason == "Insufficient balance"
    reply = decode(sample("errors/position_id_missing_135_http200.json"), wire.ConfigReply, "x")
    assert (reply.status, reply.type) == (135, 93)


def test_hedge_and_peg_details_survive(sample: Sample) -> None:
    hedge = decode(sample("rest/order_hedge_response.json"), list[OrderMessage], "x")[0]
    assert (hedge.position_mode, hedge.position_direction, hedge.position_id) == ("HEDGE", "LONG", "BTC-PERP-USDT|LONG")
    peg = decode(sample("rest/order_peg_response.json"), list[OrderMessage], "x")[0]
    assert (peg.deviation, peg.stealth) == (D(-1), D(10))


def test_a_queried_order_is_one_object_with_camel_case_tif(sample: Sample) -> None:
    row = decode(sample("rest/order_query_response.json"), OrderMessage, "query")
    assert (row.status, row.total_filled, row.remaining, row.current) == (5, 400, 600, 1000)
    assert (row.time_in_force, row.reduce_only, row.contract_size) == ("GTC", False, D("0.00001"))


def test_open_orders_have_a_state_in_place_of_a_status(sample: Sample) -> None:
    buy, sell = decode(sample("rest/open_orders.json"), list[OrderMessage], "open orders")
    assert (buy.client_id, buy.status, buy.total_filled, buy.side) == ("mmB0001", 65, 400, "BUY")
    assert (sell.client_id, sell.price, sell.stealth, sell.current) == ("mmS0002", D("77059.5"), D(1), 1000)
    assert decode(sample("rest/open_orders_empty.json"), list[OrderMessage], "open orders") == []


@pytest.mark.parametrize(
    ("text", "status"),
    [("ORDER_INSERTED", 2), ("ORDER_FULLY_TRANSACTED", 4), ("STATUS_INACTIVE", 88), ("5", 5), ("SOMETHING_NEW", 0)],
)
def test_a_status_in_words_is_understood_and_a_new_word_is_nobodys_end(text: str, status: int) -> None:
    row = decode(json.dumps({"status": text}).encode(), OrderMessage, "query")
    assert row.status == status
    assert query_state(0) == "unknown"


def test_old_queries_tell_the_total_by_other_names() -> None:
    old = decode(b'{"size":1000,"filledSize":400,"averageFillPrice":7.5,"orderID":"x"}', OrderMessage, "x")
    assert (old.original, old.current, old.total_filled, old.average) == (1000, 1000, 400, D("7.5"))
    amended = decode(b'{"size":1500,"originalSize":1000,"remainingSize":1500,"fillSize":0}', OrderMessage, "x")
    assert (amended.original, amended.current, amended.total_filled) == (1000, 1500, 0)
    silent = decode(b"{}", OrderMessage, "x")
    assert (silent.total_filled, silent.current, silent.client_id) == (-1, -1, "")


def test_the_last_resort_for_the_total_is_the_fill_itself() -> None:
    assert decode(b'{"fillSize":7}', OrderMessage, "x").total_filled == 7


@pytest.mark.parametrize(
    ("status", "state"),
    [(2, "open"), (4, "filled"), (6, "cancelled"), (7, "cancelled"), (8, "rejected"), (305, "rejected"), (123, "open")],
)
def test_known_statuses_have_a_definite_meaning(status: int, state: str) -> None:
    assert query_state(status) == stream_state(status) == state


@pytest.mark.parametrize("status", [15, 17, 88, 64, 1003, 999_999])
def test_doubtful_and_new_statuses_are_unknown_never_dead(status: int) -> None:
    assert query_state(status) == stream_state(status) == "unknown"


def test_not_found_in_a_push_says_nothing_about_the_order() -> None:
    assert (query_state(16), stream_state(16)) == ("not_found", "unknown")


# --- public -----------------------------------------------------------------------------------------------------------


def test_a_market_summary_has_exact_increments(sample: Sample) -> None:
    row = decode(sample("rest/market_summary.json"), list[wire.MarketSummary], "summary")[0]
    assert (row.min_price_increment, row.contract_size) == (D("0.1"), D("0.00001"))
    assert (row.min_order_size, row.max_order_size, row.min_size_increment) == (1, 7_500_000, 1)
    assert (row.funding_rate, row.open_interest_usd) == (D("0.00005104"), D("54331824.52"))
    assert (row.funding_time, row.funding_interval_minutes) == (None, None)
    full = decode(sample("rest/market_summary_full.json"), list[wire.MarketSummary], "summary")[0]
    assert (full.funding_time, full.funding_interval_minutes) == (1779811200000, 480)
    dated = decode(sample("rest/market_summary_dated.json"), list[wire.MarketSummary], "summary")[0]
    assert (dated.time_based, dated.contract_end, dated.symbol) == (True, 1782460800000, "BTC-260626")


@pytest.mark.parametrize("name", ["rest/orderbook_group.json", "rest/orderbook_L2.json"])
def test_a_rest_book_is_sorted_whatever_the_wire_does(name: str, sample: Sample) -> None:
    book = decode(sample(name), wire.BookReply, "book")
    assert (book.bids[0].price, book.bids[0].size) == (D("77054.5"), 108350)
    assert (book.asks[0].price, book.asks[0].size) == (D("77054.7"), 98250)
    assert book.timestamp == 1779800650027


def test_a_rest_book_may_mix_numbers_and_text() -> None:
    body = b'{"symbol":"BTC-PERP","timestamp":1,"buyQuote":[{"price":77054.5,"size":"3"}],"sellQuote":[]}'
    assert decode(body, wire.BookReply, "book").bids[0].price == D("77054.5")


def test_public_history_keeps_its_own_units(sample: Sample) -> None:
    trades = decode(sample("rest/trades.json"), list[wire.Trade], "trades")
    assert [trade.serial_id for trade in trades] == [35993384, 35993383, 35993382]
    assert (trades[0].size, trades[0].price, trades[0].side) == (6530, D("77054.5"), "SELL")
    rows = decode(sample("rest/ohlcv.json"), list[tuple[int, D, D, D, D, D]], "ohlcv")  # type: ignore[valid-type]
    assert rows[0] == (1779800640, D("77060.1"), D("77061.0"), D("77050.2"), D("77054.5"), D("1532270.41"))
    funding = decode(sample("rest/funding_history.json"), dict[str, list[wire.FundingRate]], "funding")
    assert [(row.time, row.rate) for row in funding["BTC-PERP"]] == [
        (1779782400, D("0.00005104")),
        (1779753600, D("-0.00001251")),
    ]


def test_prices_and_time_are_exact(sample: Sample) -> None:
    price = decode(sample("rest/price.json"), list[wire.PriceReply], "price")[0]
    assert (price.mark, price.index, price.last) == (D("77056.402831145"), D("77061.184964967"), D("77054.5"))
    time = decode(sample("rest/time_spot.json"), wire.ServerTime, "time")
    assert (time.iso, time.epoch) == ("2026-05-26T13:04:10.027Z", 1779800650)


def test_risk_tiers_come_in_an_envelope(sample: Sample) -> None:
    tiers = decode(sample("rest/market_risk_limit.json"), wire.Wrapped[list[wire.MarketRiskLimit]], "tiers")
    assert tiers.data is not None
    assert [(tier.limit, tier.maintenance_margin) for tier in tiers.data] == [
        (D(3000000), D("0.005")),
        (D(6000000), D("0.0073")),
        (D(12000000), D("0.012")),
    ]
    unknown = decode(
        sample("rest/market_risk_limit_unknown_symbol.json"), wire.Wrapped[list[wire.MarketRiskLimit]], "tiers"
    )
    assert (unknown.code, unknown.success, unknown.data) == (-2, False, None)


# --- account ----------------------------------------------------------------------------------------------------------


def test_trade_history_tells_this_fill_apart_from_its_order(sample: Sample) -> None:
    market, limit = decode(sample("rest/trade_history.json"), list[wire.TradeRecord], "history")
    assert (market.filled_price, market.filled_size, market.price) == (D("77054.5"), 200, D(0))
    assert (market.fee, market.realized_pnl, market.total) == (D("0.0924654"), D("0.0088"), D("-0.0836654"))
    assert (limit.trade_id, limit.client_id, limit.filled_size, limit.size) == (
        "f6071829-d4e5-4657-8809-1a2b3c4d5e6f",
        "mmB0001",
        400,
        1000,
    )


def test_positions_are_signed_by_their_side(sample: Sample) -> None:
    long = decode(sample("rest/positions.json"), list[wire.Position], "positions")[0]
    short = decode(sample("rest/positions_short.json"), list[wire.Position], "positions")[0]
    hedge = decode(sample("rest/positions_hedge.json"), list[wire.Position], "positions")[0]
    assert (long.signed, long.entry_price, long.liquidation_price) == (800, D("77050.1"), D(0))
    assert (short.signed, short.unrealised) == (-500, D("0.0155"))
    assert (hedge.position_id, hedge.contract_size) == ("ETH-PERP-USDT|LONG", D("0.0001"))
    assert decode(sample("rest/positions_empty.json"), list[wire.Position], "positions") == []


def test_the_wallet_tells_the_settled_balance_of_a_currency(sample: Sample) -> None:
    wallet = decode(sample("rest/wallet.json"), list[wire.Wallet], "wallet")[0]
    assert (wallet.balance("USDT"), wallet.balance("BTC")) == (D(1000), D(0))
    assert (wallet.available, wallet.unrealised) == (D("990.0134"), D("0.0504"))
    bare = wire.Wallet(wallet="CROSS@", total_value=D(7), available=D(6))
    assert bare.balance("USDT") == D(7)
    spot = decode(sample("rest/wallet_spot.json"), list[wire.WalletAsset], "spot wallet")
    assert [(row.currency, row.total, row.available, row.balance) for row in spot] == [
        ("USDT", D(1000), D(1000), None),
        ("BTC", D("0.01"), D("0.008"), None),
    ]
    unified = decode(sample("rest/unified_wallet_margin.json"), wire.UnifiedMargin, "margin")
    assert (unified.available, unified.unrealised) == (D("990.0134"), D("0.0504"))


def test_funding_is_found_in_the_wallet_history(sample: Sample) -> None:
    funding, realised = decode(sample("rest/wallet_history.json"), list[wire.WalletRecord], "history")
    assert (funding.type, funding.amount, funding.order_id) == (110, D("-0.00315"), "20260526160000001")
    assert (realised.type, realised.amount) == (108, D("0.0088"))


def test_fees_and_settings_decode(sample: Sample) -> None:
    fees = decode(sample("rest/fees.json"), list[wire.Fees], "fees")[0]
    assert fees == decode(sample("rest/fees_object_variant.json"), wire.Fees, "fees")
    assert (fees.maker, fees.taker) == (D("0.0001"), D("0.0006"))
    leverage = decode(sample("rest/leverage_get.json"), list[wire.Leverage], "leverage")[0]
    assert (leverage.leverage, leverage.margin_mode) == (D(10), "CROSS")
    limit = decode(sample("rest/risk_limit_get.json"), wire.RiskLimit, "risk limit")
    assert (limit.limit, limit.level) == (D(3000000), 1)
    assert decode(sample("rest/position_mode_get.json"), list[wire.PositionMode], "mode")[0].position_mode == "ONE_WAY"
    margin = decode(sample("rest/margin_setting.json"), list[wire.MarginSetting], "margin")[0]
    assert (margin.initial, margin.maintenance) == (D("0.01"), D("0.005"))


@pytest.mark.parametrize(("name", "kind"), [("leverage", 93), ("risk_limit", 94), ("position_mode", 129)])
def test_configuration_replies_carry_their_success_in_the_status(name: str, kind: int, sample: Sample) -> None:
    reply = decode(sample(f"rest/{name}_set_response.json"), wire.ConfigReply, name)
    assert (reply.status, reply.type) == (20, kind)


def test_an_unreadable_answer_is_an_unknown_outcome() -> None:
    with pytest.raises(UnknownOutcome, match="cannot be read"):
        decode(b'[{"status":2,', list[OrderMessage], "place x")


def test_side_and_symbol_are_normalised() -> None:
    assert [wire.side_of(text) for text in ("BUY", "Sell", "buy")] == [1, -1, 1]
    assert [wire.new_symbol(name) for name in ("BTCPFC", "BTC-PERP", "1KFLOKIPFC")] == [
        "BTC-PERP",
        "BTC-PERP",
        "1KFLOKI-PERP",
    ]
    with pytest.raises(UnknownOutcome, match="'HOLD'"):
        wire.side_of("HOLD")


# --- requests ---------------------------------------------------------------------------------------------------------

PLACED = [
    "order_place_limit_request",
    "order_place_market_request",
    "order_oco_request",
    "order_peg_request",
]


@pytest.mark.parametrize("name", PLACED)
def test_place_requests_are_written_as_in_the_examples(name: str, sample: Sample) -> None:
    body = sample(f"rest/{name}.json")
    request = msgspec.json.decode(body, type=PlaceRequest, strict=False)
    assert json.loads(request.body()) == json.loads(body)


def test_amend_requests_are_written_as_in_the_examples(sample: Sample) -> None:
    order_id = "2b7d4e10-93c5-4b1a-8f55-60718293a4b5"
    made = {
        "order_amend_price_request": amend_body("BTC-PERP", "mmS0002", "", D("77059.5"), None),
        "order_amend_size_request": amend_body("BTC-PERP", "", order_id, None, 1500),
        "order_amend_all_request": amend_body("BTC-PERP", "", order_id, D("77059.5"), 1500),
        "cancel_all_after_request": write_json({"timeout": 60000}),
    }
    for name, body in made.items():
        assert json.loads(body) == json.loads(sample(f"rest/{name}.json")), name


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-8", "0.00000001"), ("7.70501E+4", "77050.1"), ("1E+3", "1000"), ("77050.10", "77050.10")],
)
def test_numbers_are_written_plain(number: str, text: str) -> None:
    assert write_json({"price": D(number)}) == f'{{"price":{text}}}'.encode()


# --- frames -----------------------------------------------------------------------------------------------------------


def test_book_frames_decode_whole(sample: Sample) -> None:
    snapshot = read_book_frame(sample("ws/book_snapshot.json")).data
    assert snapshot is not None
    assert (snapshot.kind, snapshot.seq, snapshot.prev_seq, snapshot.symbol) == ("snapshot", 628282, 628281, "BTC-PERP")
    assert snapshot.bids[0] == ("77054.5", 108350)
    assert snapshot.asks[0] == ("77056.4", 310000)
    for name, seq in (("1", 628283), ("2_topic_without_group", 628284), ("3_gap", 628287), ("crossed", 628285)):
        delta = read_book_frame(sample(f"ws/book_delta_{name}.json")).data
        assert delta is not None
        assert (delta.kind, delta.seq, delta.symbol) == ("delta", seq, "BTC-PERP")
    best = read_book_frame(sample("ws/book_l1.json")).data
    assert best is not None
    assert (best.kind, best.bids) == ("snapshotL1", [("77054.5", 108350)])


def test_a_refusal_on_the_book_socket_names_its_argument(sample: Sample) -> None:
    (refusal,) = read_book_frame(sample("ws/oss_error.json")).errors
    assert (refusal.arg, refusal.error.code) == ("update:NOPE-PERP_0", 1000)


NOTIFICATIONS: dict[str, tuple[int, int, int, int, bool | None]] = {
    # status, filled, current, remaining, maker
    "v4_inserted": (2, 0, 1000, 1000, False),
    "v4_partial": (5, 400, 1000, 600, True),
    "v4_filled": (4, 1000, 1000, 0, True),
    "v4_cancelled": (6, 0, 1000, 1000, False),
    "v4_amended": (123, 0, 1000, 1000, False),
    "v4_object_data": (2, 0, 1000, 1000, False),
    "v3_partial": (5, 400, 1000, 600, True),
    "v2_partial": (5, 400, 1000, 600, True),
}


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_notifications_of_every_version_say_the_same_things(name: str, sample: Sample) -> None:
    (row,) = notifications_of(read_stream_frame(sample(f"ws/notification_{name}.json")))
    status, filled, current, remaining, maker = NOTIFICATIONS[name]
    assert (row.status, row.total_filled, row.current, row.remaining) == (status, filled, current, remaining)
    assert (row.symbol, row.kind, row.maker, row.original) == ("BTC-PERP", 76, maker, 1000)


@pytest.mark.parametrize("name", ["fills_v2", "fills_v2_whitelabel_typo"])
def test_fills_are_exact_whatever_the_fee_is_called(name: str, sample: Sample) -> None:
    (fill,) = fills_of(read_stream_frame(sample(f"ws/{name}.json")))
    assert (fill.price, fill.size, fill.fee, fill.maker) == (D("77050.1"), 400, D("0.03082004"), True)
    assert (fill.order_id, fill.client_id) == ("0f1c9a52-6a0d-4f0e-9a0c-1d2e3f405162", "mmB0001")
    assert fill.trade_id == "f6071829-d4e5-4657-8809-1a2b3c4d5e6f"


@pytest.mark.parametrize("name", ["trades_v3", "trades_v2", "trades_legacy"])
def test_trades_of_every_version_decode(name: str, sample: Sample) -> None:
    frame = read_stream_frame(sample(f"ws/{name}.json"))
    assert frame.topic.startswith("tradeHistoryApi")
    (trade,) = trades_of(frame)
    assert (wire.new_symbol(trade.symbol), trade.size, trade.trade_id, trade.side) == (
        "BTC-PERP",
        6530,
        35993384,
        "SELL",
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [("all_position_v4_long", 800), ("all_position_v4_short", -500), ("positions_v3_open", 800)],
)
def test_position_frames_are_signed_by_their_mode(name: str, size: int, sample: Sample) -> None:
    (row,) = positions_of(read_stream_frame(sample(f"ws/{name}.json")))
    assert (row.signed, row.market, row.contract_size) == (size, "BTC-PERP-USDT", D("0.00001"))


def test_a_closed_position_has_size_and_contract_size_zero(sample: Sample) -> None:
    (row,) = positions_of(read_stream_frame(sample("ws/positions_v3_closed.json")))
    assert (row.signed, row.contract_size, row.order_mode) == (0, D(0), 0)


def test_a_position_on_no_known_side_is_refused(sample: Sample) -> None:
    (row,) = positions_of(read_stream_frame(sample("ws/positions_v3_open.json")))
    row.order_mode = 0
    with pytest.raises(FrameError, match="orderMode is 0"):
        _ = row.signed


@pytest.mark.parametrize(
    ("name", "serial", "kind", "amount"),
    [("snapshot", 1, "SNAPSHOT", 1000), ("update", 2, "UPDATE", 600), ("gone", 3, "UPDATE", 0)],
)
def test_open_order_frames_count_their_serials(name: str, serial: int, kind: str, amount: int, sample: Sample) -> None:
    frame = read_stream_frame(sample(f"ws/open_order_{name}.json"))
    (row,) = open_orders_of(frame)
    assert (frame.serial_id, frame.type, row.amount) == (serial, kind, amount)


def test_control_frames_are_told_apart(sample: Sample) -> None:
    assert read_stream_frame(sample("ws/subscribe_ack.json")).channel == ["tradeHistoryApiV3:BTC-PERP"]
    assert read_stream_frame(sample("ws/subscribe_ack_empty.json")).channel == []
    assert read_stream_frame(sample("ws/unsubscribe_ack.json")).event == "unsubscribe"
    assert read_stream_frame(sample("ws/login_response.json")).success is True
    assert read_stream_frame(sample("ws/login_failed_response.json")).success is False
    assert read_stream_frame(sample("ws/pong_event.json")).event == "pong"


def test_a_pong_is_no_json_and_a_data_frame_is_no_pong(sample: Sample) -> None:
    assert is_pong(sample("ws/pong.txt"))
    assert not is_pong(sample("ws/pong_event.json"))
    assert not is_pong(sample("ws/ping.txt"))
    with pytest.raises(FrameError):
        read_stream_frame(sample("ws/pong.txt"))


# --- completeness -----------------------------------------------------------------------------------------------------

BY_OTHER_TESTS = {
    "auth_vectors.json",
    "ws/ping.txt",
    "ws/pong.txt",
    "ws/login_request.json",
    "ws/authkeyexpires_request.json",
    "ws/subscribe_request.json",
    "ws/unsubscribe_request.json",
}


def test_every_example_of_the_index_has_a_record_that_reads_it(index: list[dict[str, Any]], sample: Sample) -> None:
    """Signing vectors, requests and error bodies have their own tests; every other file must decode here."""
    kinds: dict[str, Any] = {
        "rest/market_summary": list[wire.MarketSummary],
        "rest/price": list[wire.PriceReply],
        "rest/orderbook": wire.BookReply,
        "rest/trades": list[wire.Trade],
        "rest/ohlcv": list[tuple[int, D, D, D, D, D]],
        "rest/funding_history": dict[str, list[wire.FundingRate]],
        "rest/market_risk_limit": wire.Wrapped[list[wire.MarketRiskLimit]],
        "rest/time_spot": wire.ServerTime,
        "rest/order_query": OrderMessage,
        "rest/order_": list[OrderMessage],
        "rest/close_position": list[OrderMessage],
        "rest/legacy_": list[OrderMessage],
        "rest/open_orders": list[OrderMessage],
        "rest/trade_history": list[wire.TradeRecord],
        "rest/positions": list[wire.Position],
        "rest/wallet_spot": list[wire.WalletAsset],
        "rest/wallet_history": list[wire.WalletRecord],
        "rest/wallet": list[wire.Wallet],
        "rest/unified": wire.UnifiedMargin,
        "rest/fees_object": wire.Fees,
        "rest/fees": list[wire.Fees],
        "rest/leverage_get": list[wire.Leverage],
        "rest/risk_limit_get": wire.RiskLimit,
        "rest/position_mode_get": list[wire.PositionMode],
        "rest/margin_setting": list[wire.MarginSetting],
        "rest/leverage_set": wire.ConfigReply,
        "rest/risk_limit_set": wire.ConfigReply,
        "rest/position_mode_set": wire.ConfigReply,
    }
    read = 0
    for entry in index:
        name = entry["file"]
        if name in BY_OTHER_TESTS or name.startswith("errors/") or name.endswith("_request.json"):
            continue
        if name.startswith("ws/"):
            read_book_frame(sample(name)) if "book" in name else read_stream_frame(sample(name))
        else:
            kind = next(kind for prefix, kind in kinds.items() if name.startswith(prefix))
            decode(sample(name), kind, name)
        read += 1
    assert read == 86
