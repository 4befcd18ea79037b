"""What the venue does with an order: section 4.2 to 4.5, 6.5 to 6.7 of the API notes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

TICK = Decimal("0.1")


def test_a_limit_order_inside_the_spread_rests_and_shows(bench: Any) -> None:
    order = bench.place("BUY", 77000.1, 10, clOrderID="one")
    assert (order["status"], order["remainingSize"], order["filledSize"]) == (2, 10, 0)
    assert bench.best()[0] == Decimal("77000.1")
    (row,) = bench.get("user/open_orders", "symbol=BTC-PERP")
    assert (row["orderState"], row["clOrderID"], row["price"]) == ("STATUS_ACTIVE", "one", Decimal("77000.1"))


def test_a_marketable_limit_trades_at_the_makers_prices_and_rests_with_the_remainder(bench: Any) -> None:
    bench.maker("SELL", 77000, 20)
    bench.maker("SELL", 77001, 20)
    order = bench.place("BUY", 77002, 50)
    assert (order["status"], order["filledSize"], order["remainingSize"]) == (5, 40, 10)
    assert order["avgFilledPrice"] == Decimal("77000.5")
    assert bench.venue.account().position("BTC-PERP") == 40
    assert bench.best()[0] == 77002


def test_a_post_only_order_that_would_trade_is_cancelled_and_never_rests(bench: Any) -> None:
    bench.maker("SELL", 77000, 20)
    order = bench.place("BUY", 77000, 10, postOnly=True)
    assert (order["status"], order["totalFilledSize"], order["remainingSize"]) == (6, 0, 10)
    assert bench.get("user/open_orders") == []
    assert bench.get("order", f"orderID={order['orderID']}")["status"] == 6


def test_an_ioc_order_takes_what_is_there_and_ends(bench: Any) -> None:
    bench.maker("SELL", 77000, 20)
    order = bench.place("BUY", 77000, 50, time_in_force="IOC")
    assert (order["status"], order["totalFilledSize"], order["remainingSize"]) == (6, 20, 30)
    nothing = bench.place("BUY", 77000, 50, time_in_force="IOC")
    assert (nothing["status"], nothing["totalFilledSize"]) == (6, 0)
    assert bench.get("user/open_orders") == []


def test_a_fok_order_trades_whole_or_not_at_all(bench: Any) -> None:
    bench.maker("SELL", 77000, 20)
    assert bench.place("BUY", 77000, 21, time_in_force="FOK")["totalFilledSize"] == 0
    whole = bench.place("BUY", 77000, 20, time_in_force="FOK")
    assert (whole["status"], whole["totalFilledSize"]) == (4, 20)


def test_a_market_order_reports_its_fill_price(bench: Any) -> None:
    bench.maker("SELL", 77000, 200)
    order = bench.place("BUY", None, 100, type="MARKET")
    assert (order["status"], order["orderType"], order["price"]) == (4, 77, 77000)


def test_a_market_order_is_refunded_beyond_the_price_band(bench: Any) -> None:
    bench.add_account("rich", 10_000_000)
    order = bench.place("BUY", None, 1_000_000, "rich", type="MARKET")
    assert order["status"] == 7
    assert 0 < order["totalFilledSize"] < 1_000_000
    assert order["remainingSize"] == 0


def test_own_orders_never_trade_with_each_other(bench: Any) -> None:
    bench.place("SELL", 77000, 20)
    refused = bench.place("BUY", 77000, 10)
    assert (refused["status"], refused["totalFilledSize"]) == (6, 0)
    bench.add_account("other")
    refunded = bench.place("BUY", None, 10, type="MARKET")
    assert (refunded["status"], refunded["totalFilledSize"]) == (7, 0)
    assert bench.place("BUY", 77000, 10, "other")["status"] == 4


def test_an_order_that_stops_before_its_own_order_may_trade(bench: Any) -> None:
    bench.maker("SELL", 76999, 20)
    bench.place("SELL", 77000, 20)
    assert bench.place("BUY", 77000, 20)["status"] == 4


def test_a_spam_order_is_hidden_and_pays_the_taker_fee(bench: Any) -> None:
    order = bench.place("BUY", 77000, 6)
    assert order["status"] == 2
    assert bench.best()[0] < 77000
    bench.add_account("other")
    bench.place("SELL", 77000, 6, "other")
    (fill,) = bench.get("user/trade_history", "symbol=BTC-PERP")
    assert fill["feeAmount"] == Decimal("77000") * 6 * Decimal("0.00001") * Decimal("0.0006")


def test_a_post_only_spam_order_is_refused(bench: Any) -> None:
    assert bench.place("BUY", 70000, 7, postOnly=True)["status"] == 6
    assert bench.place("BUY", 72000, 7, postOnly=True)["status"] == 2


def test_price_protection_refuses_what_would_trade_beyond_the_band(
    bench: Any, fixture_json: Callable[[str], Any]
) -> None:
    status, body = bench.order("SELL", 70000, 10)
    example = fixture_json("errors/price_protection_33001003")
    assert (status, body["errorCode"], body.keys()) == (400, 33001003, example.keys())
    bound = bench.get("price", "symbol=BTC-PERP")[0]["markPrice"] * Decimal("0.95")
    assert body["extraData"][:3] == ["SELL", "BTC", "lower"]
    assert abs(Decimal(body["extraData"][3]) - bound) <= TICK
    assert bench.place("SELL", 90000, 10)["status"] == 2, "a resting order is exempt"


@pytest.mark.parametrize(
    ("size", "price", "status"),
    [(0, 77000, 301), (-5, 77000, 301), (2.5, 77000, 301), (10, 77000.15, 302), (10, 0, 302), (10, -1, 302)],
)
def test_sizes_and_prices_off_the_increments_are_refused_inside_http_200(
    bench: Any, size: float, price: float, status: int
) -> None:
    order = bench.place("BUY", price, size)
    assert (order["status"], order["orderID"]) == (status, "")
    assert bench.get("user/open_orders") == []


def test_a_size_above_the_maximum_is_an_error_body(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    assert bench.order("BUY", 76000, 7_500_001) == (400, fixture_json("errors/max_order_size_4051"))


def test_the_number_of_open_orders_is_limited(make_bench: Any, fixture_json: Callable[[str], Any]) -> None:
    bench = make_bench(max_open_orders=2)
    for price in (76000, 76001):
        bench.place("BUY", price, 10)
    assert bench.order("BUY", 76002, 10) == (400, fixture_json("errors/max_open_orders_304"))


def test_a_resting_order_without_margin_is_refused_inside_http_200(bench: Any) -> None:
    order = bench.place("BUY", 76000, 5_000_000, postOnly=True, clOrderID="big")
    assert (order["status"], order["orderID"], order["clOrderID"]) == (8, "", "big")
    assert "Insufficient balance" in order["message"]


def test_a_market_order_without_margin_is_an_error_body(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    status, body = bench.order("BUY", None, 5_000_000, type="MARKET")
    example = fixture_json("errors/insufficient_available_33199101")
    assert (status, body | {"extraData": None}) == (400, example | {"extraData": None})
    assert Decimal(body["extraData"][0]) > 0


def test_open_orders_count_against_the_margin(bench: Any) -> None:
    affordable = 1_250_000
    assert bench.place("BUY", 76000, affordable)["status"] == 2
    assert bench.place("BUY", 76000, affordable)["status"] == 8
    assert bench.place("SELL", 78000, affordable)["status"] == 2, "the other side does not add to the worst case"


class TestReduceOnly:
    def test_without_a_position_it_is_refused(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        body = fixture_json("errors/reduce_only_no_position_33199120")
        assert bench.order("SELL", 77000, 10, reduceOnly=True) == (400, body)

    def test_on_the_side_that_would_grow_it_is_refused(self, bench: Any) -> None:
        self.long(bench, 20)
        assert bench.order("BUY", 76000, 10, reduceOnly=True)[1]["errorCode"] == 33199120

    def test_it_is_cut_to_the_position_and_the_reply_says_so(self, bench: Any) -> None:
        self.long(bench, 20)
        order = bench.place("SELL", 77500, 50, reduceOnly=True)
        assert (order["originalOrderSize"], order["currentOrderSize"]) == (50, 20)
        assert bench.order("SELL", 77500, 10, reduceOnly=True)[1]["errorCode"] == 33199120

    def test_it_is_cancelled_when_another_order_closes_the_position(self, bench: Any) -> None:
        self.long(bench, 20)
        reducing = bench.place("SELL", 77010, 20, reduceOnly=True)
        bench.place("SELL", 77005, 15)
        bench.add_account("taker")
        bench.place("BUY", 77020, 40, "taker", time_in_force="IOC")
        assert bench.venue.account().position("BTC-PERP") == 5
        assert bench.get("order", f"orderID={reducing['orderID']}")["status"] == 6

    def test_closing_the_position_is_one_call(self, bench: Any) -> None:
        self.long(bench, 20)
        bench.maker("BUY", 76990, 100)
        status, reply = bench.call("POST", "order/close_position", body={"symbol": "BTC-PERP", "type": "MARKET"})
        assert (status, reply[0]["status"], reply[0]["clOrderID"][:3]) == (200, 4, "_W_")
        assert bench.get("user/positions", "symbol=BTC-PERP") == []

    @staticmethod
    def long(bench: Any, size: int) -> None:
        bench.maker("SELL", 77000, size)
        assert bench.place("BUY", 77000, size)["status"] == 4


class TestAmend:
    def amend(self, bench: Any, **body: Any) -> dict[str, Any]:
        status, reply = bench.call("PUT", "order", body={"symbol": "BTC-PERP", **body})
        assert status == 200
        return reply[0]

    def queue_of_two(self, bench: Any) -> dict[str, Any]:
        """Mine first, then another's, at one price."""
        mine = bench.place("BUY", 77000, 20, clOrderID="mine")
        bench.maker("BUY", 77000, 20)
        return mine

    def hit(self, bench: Any, size: int) -> int:
        bench.add_account("taker")
        bench.place("SELL", 77000, size, "taker", time_in_force="IOC")
        return bench.get("order", "clOrderID=mine")["totalFilledSize"]

    def test_a_smaller_size_keeps_the_place_in_the_queue(self, bench: Any) -> None:
        mine = self.queue_of_two(bench)
        reply = self.amend(bench, clOrderID="mine", type="SIZE", value=12)
        assert (reply["status"], reply["orderID"], reply["currentOrderSize"]) == (123, mine["orderID"], 12)
        assert reply["originalOrderSize"] == 20
        assert self.hit(bench, 10) == 10

    def test_a_larger_size_loses_the_place(self, bench: Any) -> None:
        self.queue_of_two(bench)
        assert self.amend(bench, clOrderID="mine", type="SIZE", value=30)["remainingSize"] == 30
        assert self.hit(bench, 20) == 0
        assert self.hit(bench, 5) == 5

    def test_a_changed_price_loses_the_place(self, bench: Any) -> None:
        mine = self.queue_of_two(bench)
        self.amend(bench, orderID=mine["orderID"], type="PRICE", value=77001)
        self.amend(bench, orderID=mine["orderID"], type="PRICE", value=77000)
        assert self.hit(bench, 20) == 0

    def test_the_size_is_the_total_with_the_filled_part(self, bench: Any) -> None:
        self.queue_of_two(bench)
        assert self.hit(bench, 5) == 5
        assert self.amend(bench, clOrderID="mine", type="SIZE", value=15)["remainingSize"] == 10
        assert self.amend(bench, clOrderID="mine", type="SIZE", value=5)["status"] == 301

    def test_price_and_size_change_together(self, bench: Any) -> None:
        self.queue_of_two(bench)
        reply = self.amend(bench, clOrderID="mine", type="ALL", orderPrice=77001.5, orderSize=40)
        assert (reply["price"], reply["remainingSize"]) == (Decimal("77001.5"), 40)
        assert bench.best()[0] == Decimal("77001.5")

    def test_a_post_only_order_amended_across_the_book_is_cancelled(self, bench: Any) -> None:
        bench.maker("SELL", 77010, 20)
        bench.place("BUY", 77000, 20, clOrderID="mine", postOnly=True)
        assert self.amend(bench, clOrderID="mine", type="PRICE", value=77010)["status"] == 6
        assert bench.get("user/open_orders") == []

    def test_a_plain_order_amended_across_the_book_trades(self, bench: Any) -> None:
        bench.maker("SELL", 77010, 15)
        bench.place("BUY", 77000, 20, clOrderID="mine")
        reply = self.amend(bench, clOrderID="mine", type="PRICE", value=77010)
        assert (reply["status"], reply["totalFilledSize"], reply["remainingSize"]) == (123, 15, 5)

    def test_an_unknown_order_is_status_15_inside_http_200(self, bench: Any) -> None:
        assert self.amend(bench, clOrderID="nobody", type="SIZE", value=5)["status"] == 15

    def test_an_increase_without_margin_changes_nothing(self, bench: Any) -> None:
        bench.place("BUY", 77000, 20, clOrderID="mine")
        assert self.amend(bench, clOrderID="mine", type="SIZE", value=5_000_000)["status"] == 8
        assert bench.get("order", "clOrderID=mine")["currentOrderSize"] == 20


class TestCancel:
    def test_by_id_keeps_what_was_filled_in_the_reply(self, bench: Any) -> None:
        bench.maker("SELL", 77000, 15)
        order = bench.place("BUY", 77000, 20)
        _, (reply,) = bench.call("DELETE", "order", f"symbol=BTC-PERP&orderID={order['orderID']}")
        assert (reply["status"], reply["totalFilledSize"], reply["remainingSize"]) == (6, 15, 5)

    def test_by_client_id_takes_every_order_that_carries_it(self, bench: Any) -> None:
        for price in (76000, 76001):
            bench.place("BUY", price, 10, clOrderID="twin")
        bench.place("BUY", 76002, 10, clOrderID="other")
        _, replies = bench.call("DELETE", "order", "symbol=BTC-PERP&clOrderID=twin")
        assert [r["status"] for r in replies] == [6, 6]
        assert [o["clOrderID"] for o in bench.get("user/open_orders")] == ["other"]

    def test_without_an_id_takes_the_whole_market(self, bench: Any) -> None:
        for price in (76000, 76001):
            bench.place("BUY", price, 10)
        bench.call("POST", "order", body={"symbol": "ETH-PERP", "side": "BUY", "price": 2000, "size": 100})
        _, replies = bench.call("DELETE", "order", "symbol=BTC-PERP")
        assert len(replies) == 2
        assert [o["symbol"] for o in bench.get("user/open_orders")] == ["ETH-PERP"]
        assert bench.call("DELETE", "order", "symbol=BTC-PERP") == (200, [])

    def test_an_unknown_client_id_is_http_429_and_no_rate_limit(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        reply = bench.call("DELETE", "order", "symbol=BTC-PERP&clOrderID=nobody")
        assert reply == (429, fixture_json("errors/order_not_found_429"))

    def test_an_unknown_order_id_is_status_16_inside_http_200(self, bench: Any) -> None:
        status, (reply,) = bench.call("DELETE", "order", "symbol=BTC-PERP&orderID=nothing")
        assert (status, reply["status"], reply["orderID"]) == (200, 16, "nothing")

    def test_an_ended_order_can_be_asked_for_during_thirty_minutes(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        order = bench.place("BUY", 76000, 10, clOrderID="gone")
        bench.call("DELETE", "order", f"symbol=BTC-PERP&orderID={order['orderID']}")
        bench.wait(1799)
        assert bench.get("order", "clOrderID=gone")["status"] == 6
        bench.wait(1)
        assert bench.call("GET", "order", "clOrderID=gone") == (400, fixture_json("errors/order_not_found_400"))
        bench.place("BUY", 76000, 10)
        bench.call("DELETE", "order", "symbol=BTC-PERP")
        assert bench.call("GET", "order", f"orderID={order['orderID']}")[0] == 400


class TestRefusedRequests:
    def test_symbols(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        body = {"side": "BUY", "size": 10, "price": 76000}
        assert bench.call("POST", "order", body=body) == (400, fixture_json("errors/symbol_missing_400"))
        body["symbol"] = "NOPE-PERP"
        assert bench.call("POST", "order", body=body) == (400, fixture_json("errors/symbol_unknown_400"))

    @pytest.mark.parametrize(
        "change",
        [
            {"side": "HOLD"},
            {"type": "OCO"},
            {"time_in_force": "GTX"},
            {"clOrderID": "not allowed!"},
            {"clOrderID": "x" * 37},
            {"size": "many"},
            {"price": None},
        ],
    )
    def test_parameters_that_make_no_order(
        self, bench: Any, fixture_json: Callable[[str], Any], change: dict[str, Any]
    ) -> None:
        body = {"symbol": "BTC-PERP", "side": "BUY", "size": 10, "price": 76000} | change
        assert bench.call("POST", "order", body=body) == (400, fixture_json("errors/invalid_parameters_400"))

    def test_another_position_mode(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        reply = bench.order("BUY", 76000, 10, positionMode="HEDGE")
        assert reply == (400, fixture_json("errors/position_mode_invalid_133"))

    def test_a_body_that_is_no_json(self, bench: Any) -> None:
        status, reply = bench.call("POST", "order", body="just text")
        assert (status, reply["errorCode"]) == (400, -2)
