"""Whatever arrives, the venue answers with a documented body; nothing that a client sends makes it fall over."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.exchange import SIM_KEY, SIM_SECRET
from workbench.exchange.routes import ROUTES
from workbench.exchange.signing import signature

from .conftest import QUIET, Bench

VENUE = Bench(**QUIET)
"""One venue for all examples: what one leaves behind is the next one's surroundings."""

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False),
    st.text(max_size=6),
    st.sampled_from(["NaN", "Infinity", "sNaN", "1e400", "BUY", "SELL", "LIMIT", "MARKET", "IOC", "SIZE", "ALL"]),
    st.sampled_from([77000, 77000.1, "77000.10000000000000000000000000001", 10, 1_000_000, [1], {"a": 1}]),
)
names = [
    "symbol",
    "side",
    "type",
    "price",
    "size",
    "time_in_force",
    "txType",
    "postOnly",
    "reduceOnly",
    "clOrderID",
    "positionMode",
    "orderID",
    "value",
    "orderPrice",
    "orderSize",
    "timeout",
    "leverage",
    "marginMode",
    "riskLimitLevel",
]
bodies = st.one_of(
    st.binary(max_size=40),
    st.dictionaries(st.sampled_from(names), odd_values, max_size=8).map(
        lambda body: json.dumps({"symbol": "BTC-PERP"} | body).encode()
    ),
)
queries = st.dictionaries(
    st.sampled_from(
        [
            "symbol",
            "orderID",
            "clOrderID",
            "count",
            "startTime",
            "endTime",
            "beforeSerialId",
            "afterSerialId",
            "group",
            "depth",
            "resolution",
            "start",
            "end",
            "from",
            "to",
            "wallet",
        ]
    ),
    st.sampled_from(["BTC-PERP", "ETH-PERP", "", "0", "-1", "5", "²", "--5", "9" * 30, "a b", "%"]),
    max_size=4,
)
KNOWN = {200, 400, 401, 429}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(ROUTES)), queries, bodies)
def test_any_parameters_get_a_json_answer_with_a_known_status(
    route: tuple[str, str], query: dict[str, str], body: bytes
) -> None:
    bench = VENUE
    method, path = route
    nonce = str(bench.clock.ns // 1_000_000)
    payload = body if method in ("POST", "PUT") else b""
    sign = signature(SIM_SECRET, path[path.index("/api/") :], nonce, payload)
    headers = {"request-api": SIM_KEY, "request-nonce": nonce, "request-sign": sign}
    text = "&".join(f"{name}={value}" for name, value in query.items())
    status, _, reply = bench.venue.handle(method, f"{path}?{text}", headers, payload)
    assert status in KNOWN
    json.loads(reply)
    book = bench.venue.market("BTC-PERP").book
    assert all(level.price == int(level.price) > 0 for side in (book.bids, book.asks) for level in side.from_best())


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.lists(odd_values, max_size=4)), st.sampled_from(["", "oss/"]))
def test_any_frame_leaves_the_stream_open_or_ended_for_a_reason(frame: Any, book: str) -> None:
    stream, frames = VENUE.stream(f"/ws/{book}futures")
    texts = (
        [frame]
        if isinstance(frame, bytes)
        else [json.dumps({"op": op, "args": frame}).encode() for op in ("subscribe", "unsubscribe", "login", "dance")]
    )
    for text in texts:
        stream.on_frame(text)
    stream.on_frame(b"ping")
    assert frames[-1] == "pong"
    stream.close()


def test_headers_that_are_no_text_fail_the_signature_and_nothing_else(bench: Any) -> None:
    headers = {"request-api": SIM_KEY, "request-nonce": "1\udcff", "request-sign": "\udcff"}
    status, _, raw = bench.raw("GET", "/futures/api/v2.3/user/positions", headers)
    assert (status, json.loads(raw)["errorCode"]) == (400, -7)


def test_a_price_a_hair_off_the_tick_is_off_the_tick(bench: Any) -> None:
    body = {"symbol": "BTC-PERP", "side": "BUY", "price": "77000.10000000000000000000000000001", "size": 10}
    _, (order,) = bench.call("POST", "order", body=body)
    assert order["status"] == 302
