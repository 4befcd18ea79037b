"""The engine over whole feeds: limits hold, sums agree, and neither chunks, company nor threads change a number."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench.backtest.engine as engine_module
from tests.backtest.made_feed import CALM, TIGHT, make_feed
from workbench.backtest import (
    ConstantLatency,
    Feed,
    JitteredLatency,
    MeasuredLatency,
    QueueModel,
    backtest,
    run_configurations,
)
from workbench.backtest.kernels.delays import ENTRY, RESPONSE, uniform, varying_delay
from workbench.backtest.log import (
    CANCELLED,
    EXPIRED,
    FILLED,
    HALTED_LOSS,
    HALTED_REJECTS,
    REJECTED,
    VENUE_RATE_LIMIT,
    RunLog,
)
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.instruments import Instrument

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), maker_fee=Decimal("-0.00005"))
LIVELY: dict[str, Any] = {
    "spread_bps": 0.4,
    "order_size": 10,
    "max_position_size": 30,
    "max_orders_per_side": 2,
    "quoting.level_step_bps": 0.2,
    "quoting.min_edge_bps": 0,
    "quoting.volatility_weight": 0,
    "quoting.refresh_tolerance_bps": 0.05,
}
TABLES = ("orders", "fills", "quotes", "funding")


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed.prepare(make_feed(20_000, seed=21, market=TIGHT), INSTRUMENT, cache=False)


@pytest.fixture(scope="module")
def calm() -> Feed:
    return Feed.prepare(make_feed(20_000, seed=22, market=CALM), INSTRUMENT, cache=False)


def run(feed: Feed, params: dict[str, Any] | None = None, **options: Any) -> RunLog:
    (made,) = run_configurations(feed, "skewed_spread", [LIVELY | (params or {})], threads=1, **options)
    return made.log


def same(first: RunLog, second: RunLog) -> bool:
    return first.counters == second.counters and all(
        getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in TABLES
    )


@pytest.mark.parametrize("queue", ["risk_averse", "power3", "log2"])
@pytest.mark.parametrize(
    "latency", [ConstantLatency(0.01, 0.01), JitteredLatency(0.002, 0.002, 0.05, 0.05)], ids=["constant", "jittered"]
)
def test_positions_are_sums_of_fills_and_never_pass_the_worst_case(feed: Feed, queue: str, latency: Any) -> None:
    log = run(feed, queue=queue, latency=latency, step_s=0.05, seed=3)
    fills, orders = log.fills, log.orders
    assert len(fills) > 50
    assert np.array_equal(np.cumsum(fills["side"] * fills["size"]), fills["position"])
    assert log.counters.position == fills["position"][-1]
    assert np.abs(fills["position"]).max() <= 30
    filled = np.bincount(fills["order_no"], fills["size"], minlength=len(orders) + 1)[1:]
    assert np.array_equal(filled, orders["filled"])
    assert (orders["filled"] <= orders["size"]).all()
    assert np.array_equal(orders["order_no"], np.arange(1, len(orders) + 1))
    assert ((orders["status"] == FILLED) == (orders["filled"] == orders["size"])).all()
    assert (fills["t_ns"] > fills["venue_ns"]).all()
    assert (np.diff(fills["t_ns"]) >= 0).all()
    assert (fills["venue_ns"] > orders["sent_ns"][fills["order_no"] - 1]).all()
    limit = orders["price_ticks"][fills["order_no"] - 1]
    assert (fills["price_ticks"] == limit).all(), "passive orders fill at their own price"
    counts = log.counters
    assert counts.submits == len(orders)
    assert counts.rejects == np.isin(orders["status"], (REJECTED, EXPIRED)).sum()
    assert counts.max_open <= 8
    assert 0 < counts.uptime_ns <= log.end_ns - log.start_ns


def test_worst_case_at_every_moment_counts_all_that_may_still_fill(feed: Feed) -> None:
    log = run(feed, latency=ConstantLatency(0.2, 0.2), step_s=0.05)
    orders = log.orders
    for sent in orders["sent_ns"][::7].tolist():
        known = log.fills["position"][log.fills["t_ns"] <= sent]
        position = int(known[-1]) if known.size else 0
        alive = (orders["sent_ns"] <= sent) & ((orders["done_ns"] == 0) | (orders["done_ns"] > sent))
        for side in (1, -1):
            mine = alive & (orders["side"] == side)
            heard = (log.fills["t_ns"] <= sent) & (log.fills["side"] == side)
            done = np.bincount(log.fills["order_no"][heard], log.fills["size"][heard], minlength=len(orders) + 1)[1:]
            exposure = int((orders["size"] - done)[mine].sum())
            assert side * position + exposure <= 30


def test_neither_chunks_nor_full_logs_nor_company_nor_threads_change_a_number(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run(feed)
    monkeypatch.setattr(engine_module, "LOG_ROWS", 20)
    monkeypatch.setattr(engine_module, "CHUNK", 7)
    monkeypatch.setattr(engine_module, "LOG_BYTES", 1)
    monkeypatch.setattr(engine_module, "LEAST_LOG_BYTES", 1)
    pieces = run(feed)
    monkeypatch.undo()
    assert same(alone, pieces)
    params = [LIVELY | {"spread_bps": spread} for spread in (0.3, 0.4, 0.8, 2.0, 5.0)]
    alone = run(feed, quote_sample_s=0.5)
    for threads in (1, 3):
        together = run_configurations(feed, "skewed_spread", params, threads=threads, quote_sample_s=0.5)
        assert [r.config.spread_bps for r in together] == [0.3, 0.4, 0.8, 2.0, 5.0]
        assert same(together[1].log, alone)


@pytest.mark.parametrize("rules", ["honest", "parity"])
def test_the_mid_of_a_fill_is_the_one_heard_then(feed: Feed, rules: str) -> None:
    bests = feed.bests.copy()
    bests[5::11, 0] = 0
    bests[9::13] = -1
    gappy = replace(feed, bests=bests)
    fills = run(gappy, rules=rules, feed_delay_s=0.003, step_s=0.05).fills
    at = np.searchsorted(feed.best_ns + 3_000_000, fills["t_ns"], side="right") - 1
    quoted = (bests[at, :2] > 0).all(axis=1)
    assert 10 < quoted.sum() < quoted.size
    expected = np.where(quoted, bests[at, :2].sum(axis=1), 2 * fills["price_ticks"])
    assert np.array_equal(fills["mid_half_ticks"], expected)


def test_seeds_draw_delays_and_nothing_else_does(feed: Feed) -> None:
    latency = JitteredLatency(0.001, 0.001, 0.02, 0.02)
    first, again, other = (run(feed, latency=latency, seed=seed) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_slower_orders_and_a_slower_feed_do_not_fill_as_well(calm: Feed) -> None:
    quick = run(calm, latency=ConstantLatency(0.0, 0.0))
    slow = run(calm, latency=ConstantLatency(0.3, 0.3), feed_delay_s=0.2)
    assert not same(quick, slow)
    waits = slow.orders["acked_ns"] - slow.orders["sent_ns"]
    assert (waits[slow.orders["acked_ns"] > 0] == 0.6 * NS).all()


def test_a_pessimist_fills_less_than_an_optimist(calm: Feed) -> None:
    fewer = run(calm, {"spread_bps": 0.1}, queue="risk_averse").fills["size"].sum()
    more = run(calm, {"spread_bps": 0.1}, queue=lambda front, back: 0.0).fills["size"].sum()
    assert 0 < fewer < more


def test_a_queue_function_of_ones_own_is_the_model_of_its_formula(calm: Feed) -> None:
    def half(front: float, back: float) -> float:
        return back / (back + front) if back + front > 0 else 0.0

    first, second = (run(calm, {"spread_bps": 0.1}, queue=queue) for queue in (half, QueueModel("power", 1.0)))
    assert same(first, second)
    assert not same(first, run(calm, {"spread_bps": 0.1}, queue="risk_averse"))


@pytest.mark.parametrize(
    ("queue", "why"),
    [
        ("powr", "known: risk_averse"),
        (lambda front, back: 2.0, "expected 0 to 1"),
        (lambda front, back: "much", "queue function"),
    ],
)
def test_queues_that_make_no_sense_are_refused(calm: Feed, queue: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        run(calm, queue=queue)


def test_the_loss_limit_halts_and_cancels(feed: Feed) -> None:
    unpaid = replace(feed, instrument=replace(INSTRUMENT, maker_fee=Decimal(0)))
    log = run(unpaid, {"risk.max_loss": 0.02})
    assert len(run(unpaid).fills) > len(log.fills) > 0
    halted = log.quotes[log.quotes["reason"] == HALTED_LOSS]
    assert len(halted) > 5
    after = log.orders["sent_ns"] > halted["t_ns"][0]
    assert not after.any()
    assert (halted["own_bid"][-3:] == 0).all()


def test_rejects_in_a_row_halt(feed: Feed) -> None:
    log = run(feed, {"risk.max_rejects": 2, "spread_bps": 0.02}, latency=ConstantLatency(0.5, 0.01))
    assert HALTED_REJECTS in log.quotes["reason"]
    assert (log.orders["status"] == EXPIRED).sum() >= 2


def test_the_venues_rate_limit_refuses_and_the_desk_pauses(feed: Feed) -> None:
    log = run(feed, venue_messages_per_s=2.0)
    limited = log.orders["reason"] == VENUE_RATE_LIMIT
    assert limited.sum() > 2
    assert log.counters.throttled > 0
    heard = log.orders["done_ns"][limited][0]
    sent = log.orders["sent_ns"]
    assert not ((sent > heard) & (sent < heard + NS)).any()


def test_given_times_and_book_messages_are_decided_at(feed: Feed) -> None:
    times = np.arange(feed.start_ns + 2 * NS, feed.start_ns + 4 * NS, NS // 20)
    log = run(feed, decide=times, quote_sample_s=0.0)
    assert log.quotes["t_ns"].tolist() == times.tolist()
    assert set(log.orders["sent_ns"].tolist()) <= set(times.tolist())
    by_book = run(feed, decide="book", quote_sample_s=0.0)
    assert set(by_book.quotes["t_ns"].tolist()) <= set(feed.t_ns.tolist())
    assert by_book.counters.steps > log.counters.steps


def test_what_is_wrong_with_a_run_is_said_at_once(feed: Feed) -> None:
    with pytest.raises(ConfigError, match="did you mean 'spread_bps'"):
        backtest(feed, "skewed_spread", {"spred_bps": 3})
    with pytest.raises(ConfigError, match="did you mean 'latency'"):
        backtest(feed, latncy=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigError) as refusal:
        backtest(feed, step_s=-1, rules="fair", feed_delay_s=-2)  # type: ignore[arg-type]
    assert len(refusal.value.problems) == 3
    with pytest.raises(ConfigError, match="do not rise"):
        backtest(feed, decide=[5, 5])
    with pytest.raises(ConfigError, match="must rise"):
        backtest(feed, latency=MeasuredLatency([2, 1], [5, 5], [5, 5]))


def test_measured_delays_are_interpolated_and_drawn_ones_have_their_mean() -> None:
    table = MeasuredLatency([100, 200], [10, 30], [50, 10]).table(0)
    for t_ns, entry, response in ((0, 10, 50), (100, 10, 50), (150, 20, 30), (200, 30, 10), (999, 30, 10)):
        assert varying_delay(table, ENTRY, t_ns, 0) == varying_delay.py_func(table, ENTRY, t_ns, 0) == entry
        assert varying_delay(table, RESPONSE, t_ns, 0) == response
    drawn = JitteredLatency(0.001, 0.002, 0.01, 0.0).table(7)
    entries = [varying_delay(drawn, ENTRY, 0, count) for count in range(4_000)]
    assert min(entries) >= 1_000_000
    assert np.mean(entries) == pytest.approx(11_000_000, rel=0.05)
    assert varying_delay(drawn, RESPONSE, 0, 5) == 2_000_000
    assert 0.0 < uniform(0, 0) < 1.0


def test_an_interrupted_run_keeps_what_it_has(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CHUNK", 20)

    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    log = run(feed, progress=stop)
    assert (log.finished, log.reason) == (False, "interrupted")
    assert 0 < log.counters.steps < run(feed).counters.steps
    assert (log.orders["status"] != CANCELLED).any()


FRESH = """
import sys
from workbench.backtest.kernels import loop, view_table
from workbench.quoting import skewed_spread
loop.run_loop.load()
view_table.tabulate_view.load()
assert "numba" not in sys.modules
stats = (loop.run_venue.load(), loop.run_venue.dispatcher.stats)[1]
assert sum(stats.cache_hits.values()) == 1 and not stats.cache_misses
print("hit")
"""


def test_a_fresh_process_finds_every_kernel_compiled() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.strip() == "hit", done.stderr
