"""The WebSocket side: acknowledgements, the numbered book, private topics, heartbeats (section 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float | Decimal) else "text"


def subscribe(stream: Any, *topics: str) -> None:
    stream.on_frame(json.dumps({"op": "subscribe", "args": list(topics)}).encode())


class TestSubscriptions:
    def test_only_accepted_topics_are_acknowledged(self, bench: Any) -> None:
        stream, frames = bench.stream()
        subscribe(stream, "tradeHistoryApiV3:BTC-PERP", "orderBookApi:BTC-PERP_0", "tradeHistoryApiV3:NOPE")
        assert frames == [{"event": "subscribe", "channel": ["tradeHistoryApiV3:BTC-PERP"]}]

    def test_a_request_that_is_refused_whole_has_an_empty_list(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        stream, frames = bench.stream()
        subscribe(stream, "orderBookApi:BTC-PERP_0")
        assert frames == [fixture_json("ws/subscribe_ack_empty")]

    def test_unsubscribing_is_acknowledged_and_ends_the_topic(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        stream, frames = bench.stream("/ws/oss/futures")
        subscribe(stream, "update:BTC-PERP_0")
        stream.on_frame(json.dumps(fixture_json("ws/unsubscribe_request")).encode())
        assert frames[-1] == fixture_json("ws/unsubscribe_ack")
        before = len(frames)
        bench.place("BUY", 77000, 10)
        bench.wait(120)
        assert len(frames) == before

    @pytest.mark.parametrize(
        ("topic", "code"), [("update:NOPE-PERP_0", 1000), ("update:BTC-PERP_7", 1001), ("ticker:BTC-PERP", 1005)]
    )
    def test_the_book_socket_says_why_it_refuses(
        self, bench: Any, fixture_json: Callable[[str], Any], topic: str, code: int
    ) -> None:
        stream, frames = bench.stream("/ws/oss/futures")
        subscribe(stream, topic)
        ack, error = frames
        assert ack == {"event": "subscribe", "channel": []}
        assert shape(error) == shape(fixture_json("ws/oss_error"))
        assert (error["errors"][0]["arg"], error["errors"][0]["error"]["code"]) == (topic, code)

    def test_a_frame_that_is_no_request_is_error_1002_and_ten_of_them_end_the_session(self, bench: Any) -> None:
        stream, frames = bench.stream("/ws/oss/futures")
        for _ in range(10):
            stream.on_frame(b"{not json")
        assert frames[0]["errors"][0]["error"]["code"] == 1002
        assert [e["error"]["code"] for e in frames[9]["errors"]] == [1002, 1008]
        assert frames[10] == {"closed": "too many failures"}


class TestHeartbeat:
    def test_ping_is_answered_by_a_text_that_is_no_json(self, bench: Any) -> None:
        for path in ("/ws/futures", "/ws/oss/futures"):
            stream, frames = bench.stream(path)
            stream.on_frame(b"ping")
            stream.on_frame(b'{"op":"ping"}')
            assert frames == ["pong", {"event": "pong"}]

    def test_a_silent_client_is_dropped_after_a_minute(self, make_bench: Any) -> None:
        bench = make_bench()
        silent, silent_frames = bench.stream()
        talking, talking_frames = bench.stream()
        for _ in range(4):
            bench.wait(20)
            talking.on_frame(b"ping")
        assert silent_frames == [{"closed": "idle"}]
        assert talking_frames == ["pong"] * 4
        assert silent not in bench.venue.hub.streams


class Replica:
    """A book made of the stream alone, by the rules of section 7.3."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, int]] = {"bids": {}, "asks": {}}
        self.last: int | None = None

    def apply(self, data: dict[str, Any]) -> None:
        if data["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert data["prevSeqNum"] == self.last
        assert data["seqNum"] == data["prevSeqNum"] + 1
        self.last = data["seqNum"]
        for name, side in self.sides.items():
            for price, size in data[name]:
                side.pop(Decimal(price), None)
                if int(size):
                    side[Decimal(price)] = int(size)
        if self.sides["bids"] and self.sides["asks"]:
            assert max(self.sides["bids"]) < min(self.sides["asks"])


class TestBook:
    def test_snapshot_and_deltas_have_the_shape_and_quirks_of_the_examples(
        self, make_bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        bench = make_bench()
        stream, frames = bench.stream("/ws/oss/futures")
        subscribe(stream, "update:BTC-PERP_0")
        bench.wait(1)
        _, snapshot, delta, *_ = frames
        assert shape(snapshot) == shape(fixture_json("ws/book_snapshot"))
        example = fixture_json("ws/book_delta_2_topic_without_group")
        assert delta["topic"] == "update:BTC-PERP"
        assert delta["data"].keys() == example["data"].keys()
        asks = [Decimal(price) for price, _ in snapshot["data"]["asks"]]
        assert asks == sorted(asks, reverse=True)
        assert len(asks) <= 50
        assert snapshot["topic"] == "update:BTC-PERP_0"

    def test_the_stream_rebuilds_the_rest_book_while_orders_come_and_go(self, make_bench: Any) -> None:
        bench = make_bench()
        stream, frames = bench.stream("/ws/oss/futures")
        subscribe(stream, "update:BTC-PERP_0")
        replica = Replica()
        bench.add_account("other", 100_000)
        for round_number in range(60):
            bid, ask = bench.best()
            bench.place("BUY", str(bid + 1), 10, postOnly=True)
            bench.place("SELL", str(ask - 1), 10, "other", postOnly=True)
            if round_number % 7 == 0:
                bench.place("BUY", None, 25, "other", type="MARKET")
            if round_number % 5 == 0:
                bench.call("DELETE", "order", "symbol=BTC-PERP")
            bench.wait(0.5)
        bench.venue.wake("BTC-PERP").flush(bench.clock.ns)
        for frame in frames[1:]:
            replica.apply(frame["data"])
        assert replica.last is not None
        book = bench.get("orderbook/L2", "symbol=BTC-PERP&depth=500")
        for mine, theirs in (("bids", "buyQuote"), ("asks", "sellQuote")):
            listed = {Decimal(r["price"]): int(r["size"]) for r in book[theirs]}
            assert replica.sides[mine] == listed

    def test_a_second_subscriber_starts_at_the_same_number(self, make_bench: Any) -> None:
        bench = make_bench()
        first, first_frames = bench.stream("/ws/oss/futures")
        subscribe(first, "update:BTC-PERP_0")
        bench.wait(3)
        bench.place("BUY", 76000, 10)
        second, second_frames = bench.stream("/ws/oss/futures")
        subscribe(second, "update:BTC-PERP")
        bench.wait(3)
        replica = Replica()
        for frame in second_frames[1:]:
            replica.apply(frame["data"])
        assert replica.last == first_frames[-1]["data"]["seqNum"]
        assert Decimal(76000) in replica.sides["bids"]

    def test_best_prices_have_their_own_topic(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        stream, frames = bench.stream("/ws/oss/futures")
        subscribe(stream, "snapshotL1:BTC-PERP_0")
        bench.place("BUY", 77000.5, 10)
        bench.wait(120)
        _, first, second, *_ = frames
        assert shape(first) == shape(second) == shape(fixture_json("ws/book_l1"))
        assert second["data"]["bids"] == [["77000.5", "10"]]


class TestTrades:
    @pytest.mark.parametrize(
        ("topic", "example"),
        [
            ("tradeHistoryApiV3:BTC-PERP", "trades_v3"),
            ("tradeHistoryApiV2:BTC-PERP", "trades_v2"),
            ("tradeHistoryApi:BTC-PERP", "trades_legacy"),
        ],
    )
    def test_each_version_has_its_topic_and_symbol(
        self, bench: Any, fixture_json: Callable[[str], Any], topic: str, example: str
    ) -> None:
        bench.maker("SELL", 77000, 30)
        bench.place("BUY", 77000, 10)
        stream, frames = bench.stream()
        subscribe(stream, topic)
        bench.place("BUY", 77000, 20)
        expected = fixture_json(f"ws/{example}")
        history, live = frames[1:]
        for frame in (history, live):
            assert shape(frame) == shape(expected)
            assert frame["topic"] == expected["topic"]
            assert frame["data"][0]["symbol"] == expected["data"][0]["symbol"]
        assert [(t["size"], t["side"]) for t in history["data"] + live["data"]] == [(10, "BUY"), (20, "BUY")]

    def test_the_trades_of_one_taker_come_newest_first(self, bench: Any) -> None:
        stream, frames = bench.stream()
        subscribe(stream, "tradeHistoryApiV3:BTC-PERP")
        bench.maker("SELL", 77000, 10)
        bench.maker("SELL", 77001, 10)
        bench.place("BUY", 77001, 20)
        rows = frames[1]["data"]
        assert [row["price"] for row in rows] == [77001, 77000]
        assert rows[0]["tradeId"] == rows[1]["tradeId"] + 1


class TestPrivate:
    def test_the_life_of_an_order(self, bench: Any, fixture_json: Callable[[str], Any]) -> None:
        _, frames = bench.private_stream("notificationApiV4")
        bench.place("BUY", 77000, 1000, clOrderID="mmB0001", postOnly=True)
        bench.add_account("taker", 1_000_000)
        bench.place("SELL", 77000, 400, "taker")
        bench.place("SELL", 77000, 600, "taker")
        sell = bench.place("SELL", 77010, 100, clOrderID="mmS0002", postOnly=True)
        bench.call("PUT", "order", body={"symbol": "BTC-PERP", "clOrderID": "mmS0002", "type": "SIZE", "value": 50})
        bench.call("DELETE", "order", f"symbol=BTC-PERP&orderID={sell['orderID']}")
        rows = [frame["data"][0] for frame in frames]
        assert [r["status"] for r in rows] == [2, 5, 4, 2, 123, 6]
        assert [r["filledSize"] for r in rows] == [0, 400, 600, 0, 0, 0]
        assert [r["totalFilledSize"] for r in rows] == [0, 400, 1000, 0, 0, 0]
        assert [r["maker"] for r in rows] == [False, True, True, False, False, False]
        names = ("inserted", "partial", "filled", "inserted", "amended", "cancelled")
        for frame, name in zip(frames, names, strict=True):
            assert shape(frame) == shape(fixture_json(f"ws/notification_v4_{name}"))

    @pytest.mark.parametrize("version", ["V2", "V3"])
    def test_older_notifications_keep_the_older_names(
        self, bench: Any, fixture_json: Callable[[str], Any], version: str
    ) -> None:
        _, frames = bench.private_stream(f"notificationApi{version}")
        bench.place("BUY", 77000, 1000, clOrderID="mmB0001")
        bench.add_account("taker", 1_000_000)
        bench.place("SELL", 77000, 400, "taker")
        example = fixture_json(f"ws/notification_{version.lower()}_partial")
        assert shape(frames[1]) == shape(example)
        for name in ("symbol", "fillSize", "remainingSize", "positionId", "status", "size", "type"):
            assert frames[1]["data"][0][name] == example["data"][0][name]

    def test_a_fill_has_numbers_as_text_and_joins_the_rest_record_by_trade_id(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        _, frames = bench.private_stream("fillsV2")
        bench.place("BUY", 77000, 400, clOrderID="mmB0001")
        bench.maker("SELL", 77050, 5_000)
        bench.place("SELL", 77000, 400, "other")
        assert shape(frames[0]) == shape(fixture_json("ws/fills_v2"))
        (fill,) = frames[0]["data"]
        (record,) = bench.get("user/trade_history", "symbol=BTC-PERP")
        assert fill["tradeId"] == record["tradeId"]
        assert fill["serialId"] != record["serialId"]
        assert (fill["size"], fill["price"], fill["maker"]) == ("400.0", "77000.0", True)
        assert Decimal(fill["feeAmount"]) == record["feeAmount"] == Decimal("0.0616")

    def test_positions_are_listed_while_open_and_announced_when_closed(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        _, frames = bench.private_stream("allPositionV4", "positionsV3")
        assert frames.pop(0) == {"topic": "allPositionV4", "data": []}
        bench.maker("SELL", 77000, 800)
        bench.maker("BUY", 76990, 1300)
        bench.place("BUY", 77000, 800)
        bench.place("SELL", 76990, 800)
        bench.place("SELL", 76990, 500)
        opened_all, opened, closed_all, closed, short_all, _ = frames
        assert shape(opened_all) == shape(fixture_json("ws/all_position_v4_long"))
        assert shape(opened) == shape(fixture_json("ws/positions_v3_open"))
        assert shape(closed) == shape(fixture_json("ws/positions_v3_closed"))
        assert closed_all["data"] == []
        assert (closed["data"][0]["totalContracts"], closed["data"][0]["contractSize"]) == (0, 0)
        (short,) = short_all["data"]
        assert (short["orderMode"], short["totalContracts"]) == (83, 500)
        assert short["totalValue"] < 0
        assert short["entryPrice"] == 76990

    @pytest.mark.parametrize("suffix", ["USD", "USDT"])
    def test_open_orders_are_numbered_without_gaps(
        self, bench: Any, fixture_json: Callable[[str], Any], suffix: str
    ) -> None:
        bench.place("BUY", 77000, 1000, clOrderID="mmB0001")
        _, frames = bench.private_stream(f"open-order:BTC-PERP-{suffix}")
        bench.add_account("taker", 1_000_000)
        bench.place("SELL", 77000, 400, "taker")
        bench.call("DELETE", "order", "symbol=BTC-PERP")
        assert [(f["serialId"], f["type"]) for f in frames] == [(1, "SNAPSHOT"), (2, "UPDATE"), (3, "UPDATE")]
        assert [f["data"][0]["amount"] for f in frames] == [1000, 600, 0]
        for frame, name in zip(frames, ("snapshot", "update", "gone"), strict=True):
            assert shape(frame) == shape(fixture_json(f"ws/open_order_{name}"))

    def test_without_a_log_in_private_topics_are_acknowledged_and_silent(self, bench: Any) -> None:
        stream, frames = bench.stream()
        subscribe(stream, "notificationApiV4", "fillsV2")
        bench.place("BUY", 77000, 10)
        assert frames == [{"event": "subscribe", "channel": ["notificationApiV4", "fillsV2"]}]

    def test_a_wrong_log_in_fails_and_the_other_dialect_answers_nothing(
        self, bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        stream, frames = bench.stream()
        stream.on_frame(json.dumps(fixture_json("ws/login_request")).encode())
        stream.on_frame(json.dumps(fixture_json("ws/authkeyexpires_request")).encode())
        assert frames == [fixture_json("ws/login_failed_response")]

    def test_authkeyexpires_opens_the_private_topics_too(self, bench: Any) -> None:
        from workbench.exchange.signing import signature

        stream, frames = bench.stream()
        nonce = str(bench.clock.ns // 1_000_000)
        (key, secret), *_ = bench.secrets.items()
        sign = signature(secret, "/ws/futures", nonce, b"")
        stream.on_frame(json.dumps({"op": "authKeyExpires", "args": [key, nonce, sign]}).encode())
        subscribe(stream, "notificationApiV4")
        bench.place("BUY", 77000, 10)
        assert [frame.get("topic") for frame in frames] == [None, "notificationApiV4"]

    def test_accounts_hear_only_of_their_own_orders(self, bench: Any) -> None:
        bench.add_account("other")
        _, mine = bench.private_stream("notificationApiV4", "fillsV2")
        bench.place("BUY", 77000, 10, "other")
        bench.place("BUY", 77001, 10)
        assert len(mine) == 1

    def test_a_closed_stream_hears_nothing_more(self, bench: Any) -> None:
        stream, frames = bench.private_stream("notificationApiV4")
        stream.close()
        bench.place("BUY", 77000, 10)
        assert frames == []
        assert not bench.venue.hub.streams
