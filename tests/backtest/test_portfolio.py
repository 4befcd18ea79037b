"""Several symbols share a clock and an account, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.backtest.made_feed import TIGHT, make_feed
from workbench.backtest import Feed, backtest, backtest_symbols
from workbench.errors import ConfigError
from workbench.instruments import Instrument

BTC = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), maker_fee=Decimal("-0.00005"))
ETH = replace(BTC, symbol="ETH-USDT", base="ETH")
PARAMS = {"spread_bps": 0.4, "quoting.min_edge_bps": 0, "quoting.volatility_weight": 0, "quoting.level_step_bps": 0.2}


def test_the_account_is_the_sum_of_its_symbols_on_one_clock() -> None:
    feeds = {
        "BTC-USDT": Feed.prepare(make_feed(8_000, seed=31, market=TIGHT), BTC, cache=False),
        "ETH-USDT": Feed.prepare(make_feed(8_000, seed=32, market=TIGHT), ETH, cache=False),
    }
    together = backtest_symbols(feeds, "skewed_spread", dict.fromkeys(feeds, PARAMS))
    times = [result.log.quotes["t_ns"] for result in together.results.values()]
    shared = min(map(len, times))
    assert np.array_equal(times[0][:shared], times[1][:shared])
    assert all(len(result.log.fills) for result in together.results.values())
    assert together.total == sum(result.pnl.total for result in together.results.values())
    last = sum(result.equity.iloc[-1] for result in together.results.values())
    assert together.equity.iloc[-1] == pytest.approx(last)
    alone = backtest(feeds["ETH-USDT"], "skewed_spread", PARAMS, decide=max(times, key=len))
    assert alone.log.fills.tobytes() == together.results["ETH-USDT"].log.fills.tobytes()
    with pytest.raises(ConfigError, match="settled in"):
        backtest_symbols({**feeds, "X": replace(feeds["BTC-USDT"], instrument=replace(BTC, quote="USD"))})
