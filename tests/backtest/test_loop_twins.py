"""The whole run in plain Python: every kernel replaced by its twin, the same orders, fills and quotes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from tests.backtest.made_feed import TIGHT, make_feed
from tests.backtest.test_engine import INSTRUMENT, LIVELY
from workbench.backtest import ConstantLatency, Feed, JitteredLatency, run_configurations
from workbench.backtest.kernels import books, loop
from workbench.backtest.log import RunLog
from workbench.compiled import Kernel

PARTS = tuple(f"workbench.{part}" for part in ("market", "volatility", "risk", "quoting", "trading", "backtest"))
DRAWN = JitteredLatency(0.001, 0.001, 0.005, 0.005)
TABLES = ("orders", "fills", "quotes", "funding")
PARAMS = [LIVELY | {"spread_bps": 0.2}, LIVELY | {"risk.max_loss": 0.05, "max_orders_per_side": 1}]


@contextmanager
def plain_python() -> Iterator[int]:
    """Every kernel that a module can call is its plain Python twin; how many there were."""
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        replaced = 0
        for name, module in list(sys.modules.items()):
            if name.startswith(PARTS):
                for key, value in list(vars(module).items()):
                    if isinstance(value, Kernel):
                        patch.setattr(module, key, value.py_func)
                        replaced += 1
        yield replaced


def run(feed: Feed, **options: Any) -> list[RunLog]:
    return [made.log for made in run_configurations(feed, "skewed_spread", PARAMS, threads=1, **options)]


@pytest.mark.parametrize(
    "options",
    [
        {"step_s": 0.02},
        {"step_s": 0.02, "rules": "parity"},
        {"decide": "live", "queue": "log2"},
        {"decide": "live", "latency": DRAWN, "venue_messages_per_s": 20.0},
    ],
    ids=["steps", "parity", "live", "live, drawn delays and a venue that refuses"],
)
def test_plain_python_leaves_the_same_log(options: dict[str, Any]) -> None:
    feed = Feed.prepare(make_feed(6_000, seed=4, market=TIGHT), INSTRUMENT, cache=False)
    options = {"latency": ConstantLatency(0.003, 0.003)} | options
    compiled = run(feed, **options)
    with plain_python() as replaced:
        plain = run(feed, **options)
    assert replaced > 50
    assert sum(len(log.fills) for log in compiled) > 5
    assert same_logs(compiled, plain)


@pytest.mark.parametrize("rules", ["honest", "parity"])
def test_rows_that_touch_no_own_order_are_walked_as_all_others_are(rules: str) -> None:
    feed = Feed.prepare(make_feed(6_000, seed=5, market=TIGHT), INSTRUMENT, cache=False)
    options: dict[str, Any] = {"step_s": 0.02, "latency": ConstantLatency(0.003, 0.003), "rules": rules}
    quick = run(feed, **options)
    with plain_python(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "pass_quiet_rows", lambda venue, book, tape, start, until_ns: start)
        patch.setattr(books, "set_in_window", lambda *levels: books.OUTSIDE)
        slow = run(feed, **options)
    assert sum(len(log.fills) for log in quick) > 5
    assert same_logs(quick, slow)


def same_logs(first: list[RunLog], second: list[RunLog]) -> bool:
    return all(
        ours.counters == theirs.counters
        and all(getattr(ours, name).tobytes() == getattr(theirs, name).tobytes() for name in TABLES)
        for ours, theirs in zip(first, second, strict=True)
    )
