"""In parity mode every number is hftbacktest's: reference made by it on generated feeds, its faults included."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.backtest.made_feed import CALM, MESSAGES, TIGHT, make_feed
from tests.benchmarks.grid_model import comparison_grid, grid_config
from workbench.backtest import ConstantLatency, Feed, run_configurations
from workbench.backtest.run import Run
from workbench.instruments import Instrument

CASES = json.loads(Path(__file__).with_name("hftbacktest_reference.json").read_text())["cases"]
QUEUES = {"power1": "power"}
MARKETS = {"tight": TIGHT, "messages": MESSAGES, "calm": CALM}
INSTRUMENT = Instrument(
    "BTC-USDT",
    "BTC",
    "USDT",
    Decimal("0.1"),
    Decimal("0.001"),
    maker_fee=Decimal("-0.00005"),
    taker_fee=Decimal("0.0007"),
)


def counted(run: Run) -> dict[str, float]:
    fills, counters = run.log.fills, run.log.counters
    value = fills["price_ticks"] * fills["size"] * 1e-4
    return {
        "steps": counters.steps,
        "submits": counters.submits,
        "cancels": counters.cancels,
        "max_open": counters.max_open,
        "trades": len(fills),
        "volume": fills["size"].sum() * 1e-3,
        "position": counters.position * 1e-3,
        "balance": -(fills["side"] * value).sum(),
        "fee": value.sum() * -0.00005,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['feed']['market']}-{case['feed']['seed']}")
def test_every_counter_is_the_oracles(case: dict[str, Any]) -> None:
    made = make_feed(case["feed"]["rows"], case["feed"]["seed"], MARKETS[case["feed"]["market"]])
    feed = Feed.prepare(made, INSTRUMENT, cache=False)
    groups: dict[tuple[str, float, int], list[dict[str, Any]]] = {}
    for run in case["runs"]:
        name, power = run["queue"]
        groups.setdefault((name, power, run["configuration"]["step_ns"]), []).append(run)
    for (name, power, step_ns), runs in groups.items():
        params = [
            grid_config(**{key: run["configuration"][key] for key in ("n_side", "c1", "c2", "alpha")}) for run in runs
        ]
        runs_here = run_configurations(
            feed,
            comparison_grid,
            params,
            step_s=step_ns / 1e9,
            rules="parity",
            latency=ConstantLatency(0.01, 0.01),
            queue=QUEUES.get(name, name),
            queue_power=power or 3.0,
            threads=1,
        )
        for run, ours in zip(runs, runs_here, strict=True):
            got = counted(ours)
            wanted = {key: run["result"][key] for key in got}
            assert got == pytest.approx(wanted, abs=1e-6, rel=0), (name, run["configuration"])
