"""Quoting models: what they quote, and that the compiled form and plain Python agree."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import quoting
from workbench.errors import ConfigError
from workbench.quoting import QuotingModel, guide_fixed, guide_volatility, skewed_spread
from workbench.quoting.schema import (
    BEST_ASK,
    BEST_BID,
    GUIDE_VOLATILITY,
    INVENTORY_SKEW,
    LEVELS,
    MAKER_FEE,
    MAX_LEVELS,
    MID,
    PARAMS,
    PARAMS_SIZE,
    SIGMA,
    SPREAD_BPS,
    STATE_SIZE,
    VIEW_SIZE,
    VOLATILITY_WEIGHT,
)

COMMON = {
    "spread_bps": 20.0,
    "order_size": 10.0,
    "max_position": 1000.0,
    "levels": 3.0,
    "level_step_bps": 4.0,
    "increment": 1.0,
    "inventory_skew": 1.0,
    "volatility_weight": 0.5,
    "holding_s": 1.0,
    "min_edge_bps": 0.5,
    "gate_enter": 0.8,
    "gate_leave": 0.7,
    "volatility_multiplier": 2.0,
    "volatility_cap": 5.0,
}


def make_params(**changes: float) -> np.ndarray:
    assert list(COMMON) == [slot.name for slot in PARAMS]
    return np.array(list({**COMMON, **changes}.values()))


def make_view(mid: float = 770_000.5, sigma: float = 1e-5, fee: float = 1e-4, guide: float = 0.01) -> np.ndarray:
    view = np.zeros(VIEW_SIZE)
    view[MID], view[BEST_BID], view[BEST_ASK] = mid, mid - 0.5, mid + 0.5
    view[SIGMA], view[MAKER_FEE], view[GUIDE_VOLATILITY] = sigma, fee, guide
    return view


def quote(
    model: QuotingModel, view: np.ndarray, inventory: int, params: np.ndarray, state: Any = None
) -> list[list[int]]:
    out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    state = np.zeros(STATE_SIZE) if state is None else state
    rows = model(view, inventory, params, state, out)
    assert rows >= 0, model.reasons[rows]
    return out[:rows].tolist()


def sides(rows: list[list[int]]) -> tuple[list[int], list[int]]:
    return [p for s, p, _ in rows if s > 0], [p for s, p, _ in rows if s < 0]


def test_the_corrected_spread_is_ask_minus_bid() -> None:
    bids, asks = sides(quote(skewed_spread, make_view(), 0, make_params()))
    assert (bids[0], asks[0]) == (769_230, 770_771)
    assert (asks[0] - bids[0]) / 770_000.5 == pytest.approx(20e-4, rel=1e-3)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len(bids) == len(asks) == 3


def test_the_guides_form_quotes_mid_minus_and_plus_the_named_spread() -> None:
    bids, asks = sides(quote(guide_fixed, make_view(mid=500_000.0), 0, make_params()))
    assert (bids[0], asks[0]) == (499_000, 501_000)


def test_the_guide_rounds_half_up() -> None:
    # mid 1000 ticks, 5 bps: 999.5 and 1000.5 ticks.
    bids, asks = sides(quote(guide_fixed, make_view(mid=1000.0), 0, make_params(spread_bps=5, levels=1)))
    assert (bids[0], asks[0]) == (1000, 1001)


def test_the_guides_volatility_widens_its_spread_up_to_five_times() -> None:
    for guide, half in ((0.01, 1000), (1.0, 2000), (50.0, 5000)):
        _, asks = sides(quote(guide_volatility, make_view(mid=500_000.0, guide=guide), 0, make_params()))
        assert asks[0] == 500_000 + half


def test_the_guide_stops_both_sides_over_its_gate() -> None:
    out = np.zeros((40, 3), dtype=np.int64)
    for model in (guide_fixed, guide_volatility):
        code = model(make_view(), 801, make_params(), np.zeros(STATE_SIZE), out)
        assert "both sides stop" in model.reasons[code]


def test_inventory_moves_both_quotes_against_it() -> None:
    flat = sides(quote(skewed_spread, make_view(), 0, make_params()))
    long = sides(quote(skewed_spread, make_view(), 500, make_params()))
    short = sides(quote(skewed_spread, make_view(), -500, make_params()))
    assert long[0][0] < flat[0][0] < short[0][0]
    assert long[1][0] < flat[1][0] < short[1][0]
    # Half of the limit moves the centre by half of the half spread: 385 ticks.
    assert flat[1][0] - long[1][0] == pytest.approx(385, abs=1)


def test_near_the_limit_only_the_reducing_side_is_quoted_and_comes_back_with_hysteresis() -> None:
    state = np.zeros(STATE_SIZE)
    seen = []
    for inventory in (790, 800, 750, 700, 690, -800, -701, -699):
        bids, asks = sides(quote(skewed_spread, make_view(), inventory, make_params(), state))
        seen.append((bool(bids), bool(asks)))
    both, reduce_long, reduce_short = (True, True), (False, True), (True, False)
    assert seen == [both, reduce_long, reduce_long, reduce_long, both, reduce_short, reduce_short, both]


def test_fees_and_volatility_set_the_floor_of_the_spread() -> None:
    narrow = make_params(spread_bps=0.1)
    by_fee = sides(quote(skewed_spread, make_view(sigma=0.0, fee=2e-4), 0, narrow))
    assert by_fee[1][0] == math.ceil(770_000.5 * (1 + 2.5e-4))
    by_sigma = sides(quote(skewed_spread, make_view(sigma=1e-3, fee=2e-4), 0, narrow))
    assert by_sigma[1][0] == math.ceil(770_000.5 * (1 + 2.5e-4 + 5e-4))


def test_without_a_volatility_estimate_it_says_so_and_does_not_quote() -> None:
    out = np.zeros((40, 3), dtype=np.int64)
    code = skewed_spread(make_view(sigma=math.nan), 0, make_params(), np.zeros(STATE_SIZE), out)
    assert "volatility" in skewed_spread.reasons[code]
    assert skewed_spread(make_view(sigma=math.nan), 0, make_params(volatility_weight=0), np.zeros(STATE_SIZE), out) == 6


def test_numbers_that_are_not_finite_never_become_quotes() -> None:
    out = np.zeros((40, 3), dtype=np.int64)
    for bad in (math.nan, 0.0, -1.0):
        assert skewed_spread(make_view(mid=bad), 0, make_params(), np.zeros(STATE_SIZE), out) < 0
    assert skewed_spread(make_view(sigma=math.inf), 0, make_params(), np.zeros(STATE_SIZE), out) < 0
    assert skewed_spread(make_view(), 0, make_params(spread_bps=30_000), np.zeros(STATE_SIZE), out) < 0


@given(
    model=st.sampled_from([guide_fixed, guide_volatility, skewed_spread]),
    mid=st.integers(2_000, 10_000_000).map(lambda half: half / 2),
    inventory=st.integers(-1000, 1000),
    spread=st.floats(0.01, 500),
    skew=st.floats(0, 2),
    increment=st.sampled_from([1, 5, 10]),
    sigma=st.floats(0, 1e-3),
)
def test_compiled_and_plain_python_agree_to_the_last_tick(
    model: QuotingModel, mid: float, inventory: int, spread: float, skew: float, increment: int, sigma: float
) -> None:
    view = make_view(mid=mid, sigma=sigma, guide=sigma * 1e4)
    params = make_params(spread_bps=spread, inventory_skew=skew, increment=float(increment))
    outs, states, rows = [], [], []
    for function in (model.function, model.py_func):
        out, state = np.zeros((40, 3), dtype=np.int64), np.zeros(STATE_SIZE)
        rows.append(function(view, inventory, params, state, out))
        outs.append(out)
        states.append(state)
    assert rows[0] == rows[1]
    assert (outs[0] == outs[1]).all()
    assert (states[0] == states[1]).all()


@given(
    mid=st.integers(20_000, 10_000_000).map(lambda half: half / 2),
    inventory=st.integers(-1000, 1000),
    spread=st.floats(0.01, 500),
    skew=st.floats(0, 1),
    increment=st.sampled_from([1, 5, 10]),
)
def test_rounding_never_gives_edge_away(mid: float, inventory: int, spread: float, skew: float, increment: int) -> None:
    view = make_view(mid=mid, sigma=0.0)
    params = make_params(spread_bps=spread, inventory_skew=skew, increment=float(increment))
    half = mid * max(spread / 2e4, 1.5e-4)
    centre = mid - skew * half * inventory / 1000
    bids, asks = sides(quote(skewed_spread, view, inventory, params))
    for bid in bids[:1]:
        assert bid % increment == 0
        assert centre - half - increment < bid <= centre - half + 1e-6 * increment
    for ask in asks[:1]:
        assert ask % increment == 0
        assert centre + half - 1e-6 * increment <= ask < centre + half + increment


def test_a_model_of_ones_own_is_one_function() -> None:
    @quoting.model(params=(quoting.Slot("offset", "ticks", "distance from the mid", 1.0, 100.0),))
    def one_tick_wide(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        """Quote a fixed number of ticks around the mid."""
        out[0, 0], out[0, 1], out[0, 2] = 1, int(view[MID] - params[PARAMS_SIZE]), 5
        return 1

    params = np.append(make_params(), 7.0)
    assert quote(one_tick_wide, make_view(mid=1000.0), 0, params) == [[1, 993, 5]]
    assert quoting.find_model("one_tick_wide") is one_tick_wide
    assert "ask - bid = spread_bps" in repr(one_tick_wide)


def test_a_model_that_cannot_be_compiled_is_refused_with_its_line_and_a_remedy() -> None:
    with pytest.raises(quoting.ModelError, match=r"(?s)at line \d+ of .*Use numbers"):

        @quoting.model
        def opens_a_file(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
            return len(open("prices.txt").read())  # noqa: PTH123

    with pytest.raises(quoting.ModelError, match="expected five arguments"):

        @quoting.model
        def too_short(view: Any) -> int:
            return 0


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="skewed_spread"):
        quoting.find_model("magic")
    with pytest.raises(ConfigError, match="expected a function decorated"):
        quoting.find_model("workbench.quoting.gate:inventory_gate")
    assert quoting.find_model("workbench.quoting.builtin:guide_fixed") is guide_fixed


def test_the_repr_tells_the_effective_spread() -> None:
    assert "2 x spread_bps" in repr(guide_fixed)
    assert guide_fixed.effective_spread_bps(20) == 40
    assert skewed_spread.effective_spread_bps(20) == 20


def test_schema_names_match_their_indices() -> None:
    assert PARAMS[SPREAD_BPS].name == "spread_bps"
    assert PARAMS[LEVELS].name == "levels"
    assert PARAMS[INVENTORY_SKEW].name == "inventory_skew"
    assert PARAMS[VOLATILITY_WEIGHT].name == "volatility_weight"
    assert quoting.VIEW[SIGMA].name == "sigma"
    assert quoting.VIEW[MAKER_FEE].name == "maker_fee"


FRESH_PROCESS = """
import numpy as np
from workbench.compiled import compiled, types
from workbench.quoting import MODEL_FUNCTION_TYPE, skewed_spread
from kernel_of_this_test import run
view = np.zeros(32); view[0] = 1000.5; view[12] = 1e-4
params = np.array([20, 10, 1000, 3, 4, 1, 1, 0, 1, .5, .8, .7, 2, 5.])
rows = run(skewed_spread.function, view, params, np.zeros(16), np.zeros((40, 3), np.int64))
print(*(sum(kernel.dispatcher.stats.cache_hits.values()) for kernel in (run, skewed_spread.function)), rows)
"""

KERNEL = """
from workbench.compiled import compiled, types
from workbench.quoting import MODEL_FUNCTION_TYPE
V = types.float64[::1]
@compiled(types.int64(MODEL_FUNCTION_TYPE, V, V, V, types.int64[:, ::1]))
def run(model, view, params, state, out):
    total = 0
    for _ in range(10):
        total += model(view, 0, params, state, out)
    return total
"""


def test_a_loop_that_takes_a_model_hits_the_cache_in_a_fresh_process(tmp_path: Path) -> None:
    (tmp_path / "kernel_of_this_test.py").write_text(KERNEL)
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", FRESH_PROCESS],
            env={
                "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}",
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout.split())
    assert answers[1] == ["1", "1", "60"]
