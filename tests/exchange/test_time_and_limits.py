"""What happens by itself: the dead-man timer, funding, and the ladder of rate-limit blocks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from workbench.exchange import SIM_KEY, SimulatedExchange, drive
from workbench.exchange.limits import RateLimiter
from workbench.virtual_time import LoopClock, run_virtual

from .conftest import QUIET


class TestDeadMan:
    def arm(self, bench: Any, timeout_ms: int) -> tuple[int, Any]:
        return bench.call("POST", "order/cancelAllAfter", body={"timeout": timeout_ms})

    def test_after_the_silence_every_order_of_the_account_is_cancelled(self, bench: Any) -> None:
        bench.add_account("other")
        _, frames = bench.private_stream("notificationApiV4")
        bench.place("BUY", 76000, 10)
        bench.call("POST", "order", body={"symbol": "ETH-PERP", "side": "BUY", "price": 2000, "size": 100})
        bench.place("BUY", 76000, 10, "other")
        assert self.arm(bench, 5000)[0] == 200
        bench.wait(4.999)
        assert len(bench.get("user/open_orders")) == 2
        bench.wait(0.001)
        assert bench.get("user/open_orders") == []
        assert len(bench.get("user/open_orders", key="other")) == 1
        assert [frame["data"][0]["status"] for frame in frames] == [2, 2, 6, 6]
        assert not bench.venue.status()["dead_man_armed"]

    def test_every_call_starts_the_timer_again(self, bench: Any) -> None:
        bench.place("BUY", 76000, 10)
        for _ in range(5):
            self.arm(bench, 5000)
            bench.wait(4)
        assert len(bench.get("user/open_orders")) == 1
        bench.wait(1)
        assert bench.get("user/open_orders") == []

    def test_zero_disarms(self, bench: Any) -> None:
        bench.place("BUY", 76000, 10)
        self.arm(bench, 5000)
        self.arm(bench, 0)
        bench.wait(60)
        assert len(bench.get("user/open_orders")) == 1

    @pytest.mark.parametrize("timeout_ms", [-1, 1_780_000_000_000])
    def test_what_is_no_duration_is_refused(self, bench: Any, timeout_ms: int) -> None:
        assert self.arm(bench, timeout_ms)[0] == 400

    def test_it_fires_on_time_between_two_market_events(self, make_bench: Any) -> None:
        bench = make_bench()
        bench.place("BUY", 76000, 10, clOrderID="mine")
        self.arm(bench, 1234)
        bench.wait(10)
        ended = bench.venue.account().find("", "mine", bench.clock.ns)[0].updated_ns
        assert ended == bench.clock.ns - 10_000_000_000 + 1_234_000_000


class TestFunding:
    def test_longs_pay_at_the_stamp_and_the_wallet_says_so(self, make_bench: Any) -> None:
        bench = make_bench(**QUIET, funding_interval_s=60, funding_rate=Decimal("0.0001"))
        bench.maker("SELL", 77000, 1000)
        bench.place("BUY", 77000, 1000)
        before = bench.get("user/wallet")[0]["totalValue"]
        stamp = bench.get("market_summary", "symbol=BTC-PERP&listFullAttributes=true")[0]["fundingTime"]
        assert stamp % 60_000 == 0
        bench.wait((stamp * 1_000_000 - bench.clock.ns) / 1e9 - 0.001)
        assert bench.get("user/wallet")[0]["totalValue"] == before
        bench.wait(0.001)
        mark = bench.get("price", "symbol=BTC-PERP")[0]["markPrice"]
        row = bench.get("user/wallet_history", "count=1")[0]
        value = (mark * Decimal("0.00001")).quantize(Decimal("1e-8")) * 1000
        assert (row["type"], row["timestamp"]) == (110, stamp)
        assert row["amount"] == -(value * Decimal("0.0001")).quantize(Decimal("1e-8"), "ROUND_CEILING")
        assert bench.get("user/wallet")[0]["totalValue"] == before + row["amount"]
        other = bench.get("user/wallet_history", "count=1", key="other")[0]
        assert 0 < other["amount"] <= -row["amount"]

    def test_only_positions_held_at_the_stamp_pay(self, make_bench: Any) -> None:
        bench = make_bench(**QUIET, funding_interval_s=60)
        bench.wait(300)
        assert [row["type"] for row in bench.get("user/wallet_history")] == [105]

    def test_every_stamp_of_a_long_wait_is_paid(self, make_bench: Any) -> None:
        bench = make_bench(**QUIET, funding_interval_s=60)
        bench.maker("SELL", 77000, 100)
        bench.place("BUY", 77000, 100)
        bench.wait(600)
        rows = [row for row in bench.get("user/wallet_history") if row["type"] == 110]
        assert len(rows) == 10
        assert len({row["orderId"] for row in rows}) == 10

    def test_the_wallet_history_keeps_to_its_window_and_count(self, make_bench: Any) -> None:
        bench = make_bench(**QUIET, funding_interval_s=60)
        bench.maker("SELL", 77000, 100)
        bench.place("BUY", 77000, 100)
        bench.wait(600)
        stamps = [row["timestamp"] for row in bench.get("user/wallet_history") if row["type"] == 110]
        window = f"startTime={stamps[5]}&endTime={stamps[2]}"
        for query, expected in ((window, stamps[2:6]), (f"{window}&count=2", stamps[2:4])):
            assert [row["timestamp"] for row in bench.get("user/wallet_history", query)] == expected
        backwards = f"startTime={stamps[2]}&endTime={stamps[5]}"
        assert bench.get("user/wallet_history", backwards) == []


class TestRateLimits:
    def hammer(self, limiter: RateLimiter, count: int, now_s: float, group: Any = "query") -> list[int]:
        return [limiter.blocked_for_s("key", group, round(now_s * 1e9)) for _ in range(count)]

    def test_fifteen_queries_and_seventy_five_orders_in_any_second(self) -> None:
        limiter = RateLimiter()
        assert self.hammer(limiter, 15, 10.0) == [0] * 15
        assert self.hammer(limiter, 75, 10.0, "order") == [0] * 75
        assert self.hammer(limiter, 1, 10.999) == [1]
        assert self.hammer(limiter, 1, 10.999, "order") == [1]

    def test_the_window_slides(self) -> None:
        limiter = RateLimiter()
        assert self.hammer(limiter, 10, 0.0) == [0] * 10
        assert self.hammer(limiter, 5, 0.9) == [0] * 5
        assert self.hammer(limiter, 10, 1.0) == [0] * 10
        assert self.hammer(limiter, 1, 1.1) == [1]

    def test_blocks_grow_from_a_second_to_five_and_fifteen_minutes(self) -> None:
        limiter, now = RateLimiter(), 0.0
        for block in (1, 300, 900, 900):
            assert self.hammer(limiter, 16, now)[-1] == block
            assert self.hammer(limiter, 1, now + block - 0.5) == [1]
            now += block
            assert self.hammer(limiter, 1, now) == [0]
            now += 1

    def test_requests_during_a_block_do_not_lengthen_it(self) -> None:
        limiter = RateLimiter()
        self.hammer(limiter, 16, 0.0)
        assert set(self.hammer(limiter, 100, 0.5)) == {1}
        assert self.hammer(limiter, 1, 1.0) == [0]

    def test_an_hour_without_violation_resets_the_ladder(self) -> None:
        limiter = RateLimiter()
        self.hammer(limiter, 16, 0.0)
        assert self.hammer(limiter, 16, 3600.0)[-1] == 1

    def test_keys_do_not_share_their_budget(self) -> None:
        limiter = RateLimiter()
        self.hammer(limiter, 16, 0.0)
        assert limiter.blocked_for_s("another", "query", 0) == 0

    def test_over_the_limit_the_answer_is_429_with_code_303_and_retry_after(
        self, make_bench: Any, fixture_json: Callable[[str], Any]
    ) -> None:
        bench = make_bench(rate_limits=True)
        for _ in range(15):
            bench.get("user/open_orders")
        assert bench.call("GET", "user/open_orders") == (429, fixture_json("errors/rate_limit_429"))
        status, headers, _ = bench.raw("GET", "/futures/api/v2.3/price", {"request-api": SIM_KEY})
        assert (status, headers["Retry-After"]) == (429, "1")
        assert bench.place("BUY", 76000, 10)["status"] == 2, "orders have a budget of their own"
        bench.wait(1)
        assert bench.get("user/open_orders")

    def test_switched_off_they_never_act(self, bench: Any) -> None:
        assert [bench.call("GET", "user/open_orders")[0] for _ in range(100)] == [200] * 100


class TestMarkets:
    def test_a_market_that_nobody_follows_costs_nothing_and_is_right_when_asked(self, make_bench: Any) -> None:
        idle, followed = make_bench(), make_bench()
        followed.venue.wake("ETH-PERP")
        for bench in (idle, followed):
            bench.wait(45)
        assert not idle.venue.market("ETH-PERP").live
        query = "symbol=ETH-PERP&depth=50"
        assert idle.get("orderbook/L2", query) == followed.get("orderbook/L2", query)
        assert idle.get("trades", "symbol=ETH-PERP&count=500") == followed.get("trades", "symbol=ETH-PERP&count=500")

    def test_the_mark_moves_once_a_second(self, make_bench: Any) -> None:
        bench = make_bench()
        bench.venue.wake("BTC-PERP")
        marks = []
        for _ in range(100):
            bench.wait(0.1)
            marks.append(bench.get("price", "symbol=BTC-PERP")[0]["markPrice"])
        assert 9 <= len(set(marks)) <= 11


class TestSimulationCalls:
    def test_status_and_tape_need_no_signature(self, bench: Any) -> None:
        bench.place("BUY", 76000, 10)
        status, _, raw = bench.raw("GET", "/sim/status")
        reply = json.loads(raw)
        assert (status, reply["open_orders"], reply["seed"], reply["preset"]) == (200, 1, 7, "lively")
        _, _, raw = bench.raw("GET", "/sim/tape?seconds=30")
        assert json.loads(raw) == {"tape_hash": bench.venue.tape_hash(30)}

    @pytest.mark.parametrize("path", ["/sim/other", "/sim/tape", "/sim/tape?seconds=-1"])
    def test_anything_else_is_not_found(self, bench: Any, path: str) -> None:
        assert bench.raw("GET", path)[0] == 404


def test_a_driver_lets_the_venue_follow_virtual_time() -> None:
    async def scenario() -> tuple[int, int, int]:
        clock = LoopClock(asyncio.get_running_loop())
        venue = SimulatedExchange("lively", seed=3, clock=clock, rate_limits=False)
        frames: list[bytes] = []
        stream = venue.open_stream("/ws/oss/futures", frames.append)
        stream.on_frame(b'{"op":"subscribe","args":["update:BTC-PERP_0"]}')
        driver = asyncio.create_task(drive(venue, clock))
        await asyncio.sleep(30)
        driver.cancel()
        return len(frames), venue.now_ns(), clock.now_ns()

    frames, venue_ns, clock_ns = run_virtual(scenario())
    assert 295 <= frames <= 305
    assert clock_ns - venue_ns < 200_000_000
