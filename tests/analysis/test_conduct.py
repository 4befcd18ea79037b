"""Inventory half-life, quote uptime and profit by steps, against paths whose answer is known."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import inventory_half_life, pnl_steps, quote_uptime
from workbench.events import NS

SEED = 1930


def table(**columns: object) -> pd.DataFrame:
    length = max(len(values) for values in columns.values())  # type: ignore[arg-type]
    return pd.DataFrame({"t_ns": 1_780_000_000 * NS + NS * np.arange(length), **columns})


def test_a_position_that_halves_every_seven_seconds_has_that_half_life() -> None:
    quotes = table(position=20.0 + 1000.0 * 0.5 ** (np.arange(60) / 7.0))
    told = inventory_half_life(quotes)
    assert told.seconds == pytest.approx(7.0, rel=1e-9)
    assert told.mean == pytest.approx(20.0, rel=1e-9)
    assert inventory_half_life(quotes, step_s=3.0).seconds == pytest.approx(7.0, rel=1e-9)


def test_a_noisy_position_is_found_within_its_error() -> None:
    noise = np.random.default_rng(SEED).normal(0.0, 5.0, 20_000)
    position = np.zeros(20_000)
    for i in range(1, 20_000):
        position[i] = 0.9 * position[i - 1] + noise[i]
    told = inventory_half_life(table(position=position))
    assert abs(told.persistence - 0.9) < 4 * told.persistence_error, SEED
    assert told.persistence_error == pytest.approx(math.sqrt((1 - 0.9**2) / 20_000), rel=0.05)
    assert told.low < told.seconds < told.high


def test_frames_need_not_come_at_equal_times() -> None:
    quotes = table(position=1000.0 * 0.5 ** (np.arange(60) / 7.0))
    often = pd.concat([quotes, quotes.assign(t_ns=quotes["t_ns"] + NS // 3)]).sort_values("t_ns")
    assert inventory_half_life(often).seconds == pytest.approx(7.0, rel=1e-9)


def test_a_position_that_runs_away_has_no_half_life() -> None:
    told = inventory_half_life(table(position=1.1 ** np.arange(40)))
    assert told.seconds == math.inf
    assert math.isnan(told.mean)


@pytest.mark.parametrize(
    ("position", "why"),
    [
        ([], "span 0 steps"),
        ([1.0], "span 0 steps"),
        ([3.0] * 40, "is 3 throughout"),
        ([1.0, -1.0] * 20, "take shorter steps"),
        ([1.0, math.nan] * 20, "position 1 is nan"),
    ],
)
def test_positions_without_a_half_life_are_refused(position: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        inventory_half_life(table(position=position))


def test_uptime_weighs_by_time_from_the_first_known_mid() -> None:
    none = math.nan
    quotes = table(mid=[none, 10, 10, 10, 10], own_bid=[none, none, 9, 9, none], own_ask=[none, none, none, 11, none])
    quotes["t_ns"] = [0, 10 * NS, 11 * NS, 13 * NS, 20 * NS]
    told = quote_uptime(quotes)
    assert (told.both, told.bid, told.ask, told.neither) == (0.7, 0.9, 0.7, 0.1)
    assert told.observed_s == 10.0
    assert str(told) == "both sides 70.0%, bid 90.0%, ask 70.0% of 10 s"


def test_uptime_without_a_market_is_refused() -> None:
    none = [math.nan] * 3
    with pytest.raises(ValueError, match="knows a mid"):
        quote_uptime(table(mid=none, own_bid=none, own_ask=none))
    with pytest.raises(ValueError, match="no time passes"):
        quote_uptime(table(mid=[1.0], own_bid=[1.0], own_ask=[1.0]))
    with pytest.raises(ValueError, match="order of time"):
        quote_uptime(table(mid=[1.0, 1.0], own_bid=none[:2], own_ask=none[:2]).iloc[::-1])
    with pytest.raises(ValueError, match="no column 'own_ask'"):
        quote_uptime(table(mid=none, own_bid=none))


def test_profit_is_cut_into_equal_steps_that_add_up() -> None:
    quotes = table(equity_change=[Decimal(i * i) for i in range(41)])
    steps = pnl_steps(quotes, step_s=4.0)
    assert steps.tolist() == [float((4 * i + 4) ** 2 - (4 * i) ** 2) for i in range(10)]
    assert steps.index[-1] == quotes["t_ns"].iloc[-1]
    with pytest.raises(ValueError, match="span 8 steps"):
        pnl_steps(quotes, step_s=5.0)
    with pytest.raises(ValueError, match="step_s is -1"):
        pnl_steps(quotes, step_s=-1)
