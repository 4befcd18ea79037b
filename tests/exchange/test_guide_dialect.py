"""The guide's own /v1 dialect."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any


def test_ticker_and_position_answer_as_the_guide_prints_them(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    examples = fixture_json("guide_v1")["replies"]
    bench.maker("SELL", 77000, 120)
    bench.place("BUY", 77000, 120)
    status, position = bench.guide("GET", "/v1/positions/BTC-PERP")
    assert (status, position) == (200, examples["positions"])
    status, ticker = bench.guide("GET", "/v1/ticker/BTC-PERP")
    assert status == 200
    assert ticker["data"].keys() == examples["ticker"]["data"].keys()
    assert all(isinstance(value, str) for value in ticker["data"].values())
    assert Decimal(ticker["data"]["last_price"]) == 77000
    assert Decimal(ticker["data"]["volume_24h"]) == Decimal("92.4")


def test_an_order_is_placed_found_and_cancelled(bench: Any) -> None:
    body = {"symbol": "BTC-PERP", "side": "buy", "price": "77000.1", "size": "1000"}
    status, reply = bench.guide("POST", "/v1/orders", body=body)
    assert (status, reply["success"]) == (200, True)
    order = reply["data"]
    assert (order["status"], order["side"], order["price"], order["filled"]) == ("open", "buy", "77000.1", "0")
    assert bench.guide("GET", "/v1/orders", "symbol=BTC-PERP")[1]["data"] == [order]
    assert bench.guide("GET", f"/v1/orders/{order['id']}")[1]["data"] == order
    status, reply = bench.guide("DELETE", f"/v1/orders/{order['id']}")
    assert (status, reply["data"]["status"]) == (200, "cancelled")
    assert bench.guide("DELETE", f"/v1/orders/{order['id']}")[0] == 404
    assert bench.get("user/open_orders") == []


def test_a_whole_market_is_cancelled_at_once(bench: Any) -> None:
    for price in ("76000", "76001"):
        body = {"symbol": "BTC-PERP", "side": "buy", "price": price, "size": "10", "post_only": True}
        bench.guide("POST", "/v1/orders", body=body)
    _, reply = bench.guide("DELETE", "/v1/orders", "symbol=BTC-PERP")
    assert [row["status"] for row in reply["data"]] == ["cancelled", "cancelled"]


def test_refusals_have_one_shape(bench: Any) -> None:
    for method, path, body in (
        ("GET", "/v1/ticker/NOPE", None),
        ("GET", "/v1/nothing", None),
        ("DELETE", "/v1/orders/unknown", None),
        ("POST", "/v1/orders", {"symbol": "BTC-PERP", "side": "buy", "price": "77000.15", "size": "10"}),
    ):
        status, reply = bench.guide(method, path, body=body)
        assert status >= 400
        assert reply.keys() == {"success", "error"}
        assert reply["error"].keys() == {"code", "message"}


def test_a_wrong_signature_is_refused(bench: Any) -> None:
    headers = {"LMEX-API-KEY": "x", "LMEX-TIMESTAMP": "1", "LMEX-SIGNATURE": "y"}
    status, _, raw = bench.raw("GET", "/v1/positions/BTC-PERP", headers)
    assert status == 400
    assert b"Authenticate failed" in raw
