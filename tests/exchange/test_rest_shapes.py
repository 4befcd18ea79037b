"""Replies have the fields and types of the LMEX example messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from workbench.exchange.signing import guide_signature, signature


def shape(value: Any) -> Any:
    """Field names and kinds of values; lists by their first row; whole and broken numbers are one kind."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float | Decimal) else "text"


@pytest.fixture
def story(bench: Any) -> Any:
    """The little session of the examples: a buy that fills partly, a sell that rests, a fill by a taker."""
    bench.place("BUY", 77000, 1000, clOrderID="mmB0001", postOnly=True)
    bench.place("SELL", 77020, 1000, clOrderID="mmS0002", postOnly=True)
    bench.add_account("taker", 1_000_000)
    bench.place("SELL", 77000, 400, "taker", time_in_force="IOC")
    return bench


@pytest.mark.parametrize(
    ("example", "path", "query"),
    [
        ("market_summary", "market_summary", "symbol=BTC-PERP"),
        ("market_summary_full", "market_summary", "symbol=BTC-PERP&listFullAttributes=true"),
        ("price", "price", "symbol=BTC-PERP"),
        ("orderbook_group", "orderbook", "symbol=BTC-PERP&group=0"),
        ("orderbook_L2", "orderbook/L2", "symbol=BTC-PERP&depth=5"),
        ("trades", "trades", "symbol=BTC-PERP&count=3"),
        ("ohlcv", "ohlcv", "symbol=BTC-PERP&resolution=1"),
        ("funding_history", "funding_history", "symbol=BTC-PERP&count=2"),
        ("market_risk_limit", "market/risk_limit", "symbol=BTC-PERP"),
        ("order_query_response", "order", "clOrderID=mmB0001"),
        ("open_orders", "user/open_orders", "symbol=BTC-PERP"),
        ("trade_history", "user/trade_history", "symbol=BTC-PERP"),
        ("positions", "user/positions", "symbol=BTC-PERP"),
        ("wallet", "user/wallet", "wallet=CROSS%40"),
        ("wallet_history", "user/wallet_history", "wallet=CROSS%40"),
        ("unified_wallet_margin", "user/unifiedWallet/margin", "symbol=BTC-PERP"),
        ("fees", "user/fees", "symbol=BTC-PERP"),
        ("leverage_get", "leverage", "symbol=BTC-PERP"),
        ("risk_limit_get", "risk_limit", "symbol=BTC-PERP"),
        ("position_mode_get", "position_mode", "symbol=BTC-PERP"),
        ("margin_setting", "user/margin_setting", "symbol=BTC-PERP"),
    ],
)
def test_a_query_answers_in_the_shape_of_its_example(
    story: Any, fixture_json: Callable[[str], Any], example: str, path: str, query: str
) -> None:
    assert shape(story.get(path, query)) == shape(fixture_json(f"rest/{example}"))


@pytest.mark.parametrize(
    ("example", "method", "path", "query", "body"),
    [
        ("order_place_limit_response", "POST", "order", "", {"side": "BUY", "price": 76000.1, "size": 10}),
        ("order_amend_response", "PUT", "order", "", {"clOrderID": "mmS0002", "type": "PRICE", "value": 77030}),
        ("order_cancel_response", "DELETE", "order", "symbol=BTC-PERP&clOrderID=mmS0002", None),
        ("order_cancel_all_symbol_response", "DELETE", "order", "symbol=BTC-PERP", None),
        ("order_cancel_notfound_response", "DELETE", "order", "symbol=BTC-PERP&orderID=x", None),
        ("leverage_set_response", "POST", "leverage", "", {"leverage": 10, "marginMode": "CROSS"}),
        ("risk_limit_set_response", "POST", "risk_limit", "", {"riskLimitLevel": 2}),
        ("position_mode_set_response", "POST", "position_mode", "", {"positionMode": "ONE_WAY"}),
    ],
)
def test_a_command_answers_in_the_shape_of_its_example(
    story: Any, fixture_json: Callable[[str], Any], example: str, method: str, path: str, query: str, body: Any
) -> None:
    body = None if body is None else {"symbol": "BTC-PERP", **body}
    status, reply = story.call(method, path, query, body)
    assert (status, shape(reply)) == (200, shape(fixture_json(f"rest/{example}")))


def test_every_number_is_written_plainly(story: Any) -> None:
    for path in ("market_summary", "price", "user/wallet", "user/fees", "user/positions", "user/trade_history"):
        _, _, raw = story.raw("GET", f"/futures/api/v2.3/{path}", signed(story, path))
        written: list[str] = []
        json.loads(raw, parse_float=written.append)
        assert written
        assert not [text for text in written if "e" in text.lower()]


def signed(bench: Any, path: str) -> dict[str, str]:
    (key, secret), *_ = bench.secrets.items()
    nonce = str(bench.clock.ns // 1_000_000)
    sign = signature(secret, f"/api/v2.3/{path}", nonce, b"")
    return {"Request-Api": key, "Request-Nonce": nonce, "Request-Sign": sign}


def test_a_book_listed_by_group_has_its_asks_in_descending_order(story: Any) -> None:
    book = story.get("orderbook", "symbol=BTC-PERP")
    asks = [Decimal(level["price"]) for level in book["sellQuote"]]
    assert asks == sorted(asks, reverse=True)
    assert len(asks) > 3


def test_a_grouped_book_rounds_away_from_the_market_and_keeps_every_contract(story: Any) -> None:
    fine, coarse = (story.get("orderbook", f"symbol=BTC-PERP&group={group}") for group in (0, 2))
    for side in ("buyQuote", "sellQuote"):
        assert sum(int(r["size"]) for r in fine[side]) == sum(int(r["size"]) for r in coarse[side])
        assert all(Decimal(r["price"]) % 10 == 0 for r in coarse[side])
    assert Decimal(coarse["buyQuote"][0]["price"]) <= Decimal(fine["buyQuote"][0]["price"])
    assert Decimal(coarse["sellQuote"][-1]["price"]) >= Decimal(fine["sellQuote"][-1]["price"])


def test_time_is_told_by_the_spot_service(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    status, _, raw = bench.raw("GET", "/spot/api/v3.3/time")
    reply = json.loads(raw)
    assert (status, shape(reply)) == (200, shape(fixture_json("rest/time_spot")))
    assert reply == {"iso": "2026-05-28T20:26:40.000Z", "epoch": 1_780_000_000}


def test_unknown_symbols_have_their_documented_errors(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    unknown = fixture_json("errors/symbol_unknown_400")
    assert bench.call("GET", "price", "symbol=NOPE") == (400, unknown)
    assert bench.call("GET", "orderbook", "") == (400, fixture_json("errors/symbol_missing_400"))
    _, reply = bench.call("GET", "market/risk_limit", "symbol=NOPE")
    assert reply | {"time": 0} == fixture_json("rest/market_risk_limit_unknown_symbol") | {"time": 0}


def test_too_many_rows_are_refused(bench: Any, fixture_json: Callable[[str], Any]) -> None:
    body = fixture_json("errors/count_too_large_400")
    assert bench.call("GET", "trades", "symbol=BTC-PERP&count=501") == (400, body)
    assert bench.call("GET", "user/trade_history", "count=501") == (400, body)
    status, reply = bench.call("GET", "ohlcv", "symbol=BTC-PERP&resolution=1&start=0&end=99999999")
    assert (status, reply | {"time": 0}) == (400, fixture_json("errors/ohlcv_range_too_long") | {"time": 0})


class TestSignatures:
    def test_the_vectors_of_the_api_notes(self, fixture_json: Callable[[str], Any]) -> None:
        vectors = fixture_json("auth_vectors")["vectors"]
        assert len(vectors) > 5
        for v in vectors:
            assert signature(v["secret"], v["signed_path"], v["nonce"], v["body"].encode()) == v["digest"]

    def test_the_vectors_of_the_guide(self, fixture_json: Callable[[str], Any]) -> None:
        guide = fixture_json("guide_v1")
        for v in guide["vectors"]:
            got = guide_signature(guide["api_secret"], v["timestamp"], v["method"], v["path"], v["body"].encode())
            assert got == v["digest"]

    def test_a_wrong_signature_is_refused_in_two_dialects(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        headers = signed(bench, "user/positions") | {"Request-Sign": hashlib.sha384(b"").hexdigest()}
        status, _, raw = bench.raw("GET", "/futures/api/v2.3/user/positions", headers)
        assert (status, json.loads(raw)) == (400, fixture_json("errors/auth_failed_400"))
        status, _, raw = bench.raw("GET", "/futures/api/v2.3/user/wallet", headers)
        assert status == 401
        assert json.loads(raw) | {"time": 0} == fixture_json("errors/auth_failed_wallet_10002") | {"time": 0}

    def test_the_body_is_part_of_the_signature(self, bench: Any) -> None:
        nonce = str(bench.clock.ns // 1_000_000)
        (key, secret), *_ = bench.secrets.items()
        sign = signature(secret, "/api/v2.3/order", nonce, b'{"size":1}')
        headers = {"request-api": key, "request-nonce": nonce, "request-sign": sign}
        status, _, raw = bench.raw("POST", "/futures/api/v2.3/order", headers, b'{"size":2}')
        assert (status, json.loads(raw)["errorCode"]) == (400, -7)

    def test_an_old_nonce_is_refused(self, bench: Any) -> None:
        headers = signed(bench, "user/positions")
        bench.wait(59)
        assert bench.raw("GET", "/futures/api/v2.3/user/positions", headers)[0] == 200
        bench.wait(2)
        status, _, raw = bench.raw("GET", "/futures/api/v2.3/user/positions", headers)
        assert (status, json.loads(raw)["message"]) == (400, "Invalid nonce")


def test_unknown_paths_and_methods_are_told_apart(bench: Any) -> None:
    assert bench.raw("GET", "/futures/api/v2.3/nothing")[0] == 404
    assert bench.raw("PATCH", "/futures/api/v2.3/order")[0] == 405


class TestRecords:
    def test_fills_are_found_by_serial_id_time_and_order(self, bench: Any) -> None:
        for size in (10, 20, 30):
            bench.maker("SELL", 77000, size)
            bench.place("BUY", 77000, size, clOrderID=f"n{size}")
            bench.wait(1)
        rows = bench.get("user/trade_history", "symbol=BTC-PERP")
        assert [r["filledSize"] for r in rows] == [30, 20, 10]
        newest, middle, oldest = (r["serialId"] for r in rows)
        assert newest > middle > oldest
        sizes = {
            f"afterSerialId={oldest}": [30, 20],
            f"beforeSerialId={middle}": [10],
            f"afterSerialId={oldest}&beforeSerialId={newest}": [20],
            "count=1": [30],
            "clOrderID=n20": [20],
            f"orderID={rows[2]['orderId']}": [10],
            f"startTime={rows[1]['timestamp']}": [30, 20],
            f"endTime={rows[1]['timestamp']}": [20, 10],
            "symbol=ETH-PERP": [],
        }
        for query, expected in sizes.items():
            assert [r["filledSize"] for r in bench.get("user/trade_history", query)] == expected, query

    def test_a_window_is_seven_days_at_most(self, bench: Any) -> None:
        bench.maker("SELL", 77000, 10)
        bench.place("BUY", 77000, 10)
        now, day = bench.clock.ns // 1_000_000, 86_400_000
        found = {
            "": 1,
            f"startTime={now - 6 * day}": 1,
            f"startTime={now - 8 * day}": 0,
            f"endTime={now + 6 * day}": 1,
            f"endTime={now + 8 * day}": 0,
            f"startTime={now - day}&endTime={now + 5 * day}": 1,
            f"startTime={now - day}&endTime={now + 8 * day}": 0,
        }
        for query, rows in found.items():
            assert len(bench.get("user/trade_history", query)) == rows, query

    def test_public_trades_page_by_serial_id(self, bench: Any) -> None:
        for size in (10, 20, 30):
            bench.maker("SELL", 77000, size)
            bench.place("BUY", 77000, size)
        rows = bench.get("trades", "symbol=BTC-PERP&count=500")
        assert [(r["size"], r["side"]) for r in rows] == [(30, "BUY"), (20, "BUY"), (10, "BUY")]
        after = bench.get("trades", f"symbol=BTC-PERP&afterSerialId={rows[2]['serialId']}")
        assert [r["size"] for r in after] == [30, 20]
        before = bench.get("trades", f"symbol=BTC-PERP&beforeSerialId={rows[1]['serialId']}")
        assert [r["size"] for r in before] == [10]

    def test_candles_of_any_resolution_hold_the_same_volume(self, make_bench: Any) -> None:
        bench = make_bench()
        bench.venue.wake("BTC-PERP")
        bench.wait(600)
        fine, coarse = (bench.get("ohlcv", f"symbol=BTC-PERP&resolution={m}") for m in (1, 5))
        assert 10 <= len(fine) <= 11
        assert len(coarse) <= 3
        assert sum(row[5] for row in fine) == sum(row[5] for row in coarse) > 0
        for time_s, opened, high, low, closed, _ in coarse:
            inside = [row for row in fine if time_s <= row[0] < time_s + 300]
            assert (opened, closed) == (inside[-1][1], inside[0][4])
            assert (high, low) == (max(row[2] for row in inside), min(row[3] for row in inside))
