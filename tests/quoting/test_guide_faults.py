"""The faults of the guide's formulas, as theory.md section 9 numbers them, and the right forms beside."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.quoting import (
    PaperWorld,
    adjust_spread_for_volatility,
    avellaneda_stoikov_table,
    calculate_order_prices,
    exact_outcome,
    fair_value,
    fee_floor,
    glft_constants,
    guide_fixed,
    guide_volatility,
    should_place_orders,
    skewed_spread,
    symmetric_table,
    toxicity_widening,
)
from workbench.quoting.schema import (
    ASK_SIZE,
    BID_ADVERSE,
    BID_SIZE,
    MAKER_FEE,
    MAX_LEVELS,
    MICRO_PRICE,
    MID,
    SIGMA,
    STATE_SIZE,
    VIEW_SIZE,
)
from workbench.risk.checks import OVER_POSITION_LIMIT, PASSED, check_order
from workbench.risk.limits import (
    COLLAR_HIGH,
    COLLAR_LOW,
    INCREMENT,
    LIMITS_SIZE,
    LOT,
    MAX_POSITION,
    MAX_SIZE,
    MAX_VALUE,
    MIN_SIZE,
    VALUE_PER_TICK,
)
from workbench.volatility import calculate_volatility, ewma_volatility

SEED = 9
DAILY = 0.03
SECONDS_A_DAY = 86_400
PARAMS = np.array([20.0, 10.0, 1000.0, 1.0, 4.0, 1.0, 1.0, 0.5, 1.0, 0.5, 0.8, 0.7, 2.0, 5.0])
"""The guide's 20 bps, order 10 and limit 1000; one level."""


def make_view(sigma: float = 1e-5, fee: float = 0.0) -> np.ndarray:
    view = np.zeros(VIEW_SIZE)
    view[MID], view[MID + 1], view[MID + 2] = 770_000.0, 769_999.0, 770_001.0
    view[SIGMA], view[MAKER_FEE] = sigma, fee
    return view


def sides(rows: np.ndarray) -> set[int]:
    return set(rows[:, 0].tolist())


def test_1_twenty_named_basis_points_are_forty_quoted() -> None:
    bid, ask = calculate_order_prices(100_000.0, 20.0)
    assert (ask - bid) / 100_000.0 == pytest.approx(40e-4, rel=1e-12)
    out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    assert skewed_spread(make_view(), 0, PARAMS, np.zeros(STATE_SIZE), out) == 2
    assert (out[1, 1] - out[0, 1]) / 770_000 == pytest.approx(20e-4, abs=2 / 770_000)


@pytest.mark.parametrize(("spacing_s", "share", "shown"), [(1.0, 0.129, 0.0039), (0.1, 0.041, 0.0012)])
def test_2_its_volatility_shows_the_root_of_the_spacing_over_a_minute(
    spacing_s: float, share: float, shown: float
) -> None:
    """A true 3.0 % a day shows as .39 % from one-second ticks and .12 % from 100 ms ticks."""
    rng = np.random.default_rng(SEED)
    returns = rng.normal(0, DAILY * math.sqrt(spacing_s / SECONDS_A_DAY), 40_000)
    prices = 100 * np.exp(np.cumsum(returns))
    whole = calculate_volatility(prices, window=40_000)
    assert whole / DAILY == pytest.approx(math.sqrt(spacing_s / 60), rel=0.02), f"seed {SEED}"
    assert whole / DAILY == pytest.approx(share, abs=0.003), f"seed {SEED}"
    assert whole == pytest.approx(shown, abs=6e-5), f"seed {SEED}"
    right = ewma_volatility(spacing_s * np.arange(40_000), prices, half_life_s=20_000 * spacing_s)[-1]
    assert right * math.sqrt(SECONDS_A_DAY) == pytest.approx(DAILY, rel=0.03), f"seed {SEED}"


def test_3_bounce_is_taken_for_volatility_and_repeats_for_calm() -> None:
    rng = np.random.default_rng(SEED)
    mids = 100 * np.exp(np.cumsum(rng.normal(0, 1e-5, 5_000)))
    bounced = mids * (1 + 1e-4 * rng.choice([-1, 1], 5_000))
    repeated = np.repeat(mids[::10], 10)
    honest, noisy, calm = (calculate_volatility(p, window=5_000) for p in (mids, bounced, repeated))
    assert noisy > 5 * honest, f"seed {SEED}"
    window = [calculate_volatility(repeated[i : i + 10], window=10) for i in range(0, 5_000, 10)]
    assert max(window) == 0.0, "ten repeats of a quote show no volatility at all"
    assert calm == pytest.approx(honest, rel=0.2), f"seed {SEED}"


def test_4_the_multiplier_needs_a_half_which_is_132_basis_points_a_tick() -> None:
    tick = 0.5 / math.sqrt(1440)
    assert tick == pytest.approx(132e-4, abs=0.5e-4)
    assert tick * math.sqrt(1440) == pytest.approx(0.50)
    assert 0.5 * math.sqrt(365) == pytest.approx(9.55, abs=0.005)
    assert tick * math.sqrt(SECONDS_A_DAY) == pytest.approx(3.87, abs=0.005)
    for volatility in (0.0, 0.01, 0.040, 0.5):
        assert adjust_spread_for_volatility(20.0, volatility, 2.0, 5.0) == 20.0
    assert adjust_spread_for_volatility(20.0, 0.51, 2.0, 5.0) > 20.0


def test_4_the_right_form_widens_in_proportion_to_sigma() -> None:
    one = glft_constants(gamma=0.01, sigma=0.3, k=0.3, arrival_rate=0.9)
    two = glft_constants(gamma=0.01, sigma=0.6, k=0.3, arrival_rate=0.9)
    assert two.c1 == one.c1
    assert two.c2 == pytest.approx(2 * one.c2, rel=1e-12)


def test_5_the_cap_needs_six_and_a_half_percent_a_tick() -> None:
    assert 2.5 / math.sqrt(1440) == pytest.approx(0.066, abs=0.0005)
    assert adjust_spread_for_volatility(20.0, 2.4, 2.0, 5.0) < 100.0
    assert adjust_spread_for_volatility(20.0, 2.5, 2.0, 5.0) == adjust_spread_for_volatility(20.0, 9.0, 2.0, 5.0) == 100


def test_6_the_gate_stops_both_sides_and_leaves_the_position_stuck() -> None:
    assert should_place_orders(800.0, 1000.0)
    assert not should_place_orders(801.0, 1000.0)
    out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    for model in (guide_fixed, guide_volatility):
        assert model(make_view(), 801, PARAMS, np.zeros(STATE_SIZE), out) < 0
    n = skewed_spread(make_view(), 801, PARAMS, np.zeros(STATE_SIZE), out)
    assert sides(out[:n]) == {-1}, "the right form keeps the reducing side"


def test_6_without_a_skew_the_inventory_walks_almost_three_times_as_far() -> None:
    world = PaperWorld()
    walk = exact_outcome(world, symmetric_table(world, 0.1), "linear").inventory_std
    kept = exact_outcome(world, avellaneda_stoikov_table(world, 0.1), "linear").inventory_std
    assert (walk, kept) == pytest.approx((8.4, 2.9), abs=0.05)


def test_8_neither_fee_nor_tick_is_in_its_quote() -> None:
    out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    narrow = PARAMS.copy()
    narrow[0] = 2.0
    costly = make_view(fee=5e-4)
    assert guide_fixed(costly, 0, narrow, np.zeros(STATE_SIZE), out) == 2
    assert (out[1, 1] - out[0, 1]) / 770_000 < 2 * 5e-4, "a round trip loses money"
    assert skewed_spread(costly, 0, narrow, np.zeros(STATE_SIZE), out) == 2
    assert (out[1, 1] - out[0, 1]) / 770_000 >= 2 * (5e-4 + 0.5e-4)
    assert fee_floor(costly, 1.0, 0.5) == pytest.approx(770_000 * 5.5e-4)


def test_7_its_gate_counts_the_position_only_and_a_ladder_in_flight_passes_the_limit() -> None:
    position, each, levels, limit = 790, 100, 3, 1000
    assert should_place_orders(float(position), float(limit))
    assert position + levels * each > limit, "three bids of a ladder, filled, are over it"
    limits = np.zeros(LIMITS_SIZE, dtype=np.int64)
    limits[[INCREMENT, LOT, MIN_SIZE]] = 1
    limits[[MAX_SIZE, MAX_VALUE, COLLAR_HIGH]] = 2**40
    limits[[COLLAR_LOW, VALUE_PER_TICK, MAX_POSITION]] = 1, 1, limit
    exposure, answers = 0, []
    for _ in range(levels):
        answers.append(check_order(1, 769_000, each, position, exposure, False, limits))
        # In flight, unknown or open: it counts in full from the moment it is sent.
        exposure += each * (answers[-1] == PASSED)
    assert answers == [PASSED, PASSED, OVER_POSITION_LIMIT]
    assert check_order(-1, 771_000, each, position, 0, False, limits) == PASSED, "the other side may trade"


def test_9_it_takes_the_mid_for_the_fair_value_whatever_the_book_says() -> None:
    heavy, even = make_view(), make_view()
    heavy[[BID_SIZE, ASK_SIZE]], even[[BID_SIZE, ASK_SIZE]] = (900.0, 100.0), (500.0, 500.0)
    heavy[MICRO_PRICE], even[MICRO_PRICE] = 770_000.4, 770_000.0
    out = np.zeros((2, 2 * MAX_LEVELS, 3), dtype=np.int64)
    for rows, view in zip(out, (heavy, even), strict=True):
        guide_fixed(view, 0, PARAMS, np.zeros(STATE_SIZE), rows)
    np.testing.assert_array_equal(out[0], out[1])
    assert fair_value(even, 1.0, 0.0) == 770_000.0
    assert fair_value(heavy, 1.0, 0.0) == 770_000.4, "the right form leans to where the mid will settle"
    assert toxicity_widening(adverse(2.0), 10.0, 10.0, 1.5) == (13.0, 10.0), "and widens where fills went against it"


def adverse(bid: float) -> np.ndarray:
    view = make_view()
    view[BID_ADVERSE] = bid
    return view


def test_10_its_prices_are_floats_that_fall_off_the_tick_and_ours_are_whole_ticks() -> None:
    mids = 77_000.0 + 0.1 * np.arange(200)
    off = [abs(price * 10 - round(price * 10)) > 1e-6 for mid in mids for price in calculate_order_prices(mid, 20.0)]
    assert np.mean(off) > 0.9
    out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    for half_ticks in range(200):
        view = make_view()
        view[MID] = 770_000 + half_ticks / 2
        count = skewed_spread(view, 17, PARAMS, np.zeros(STATE_SIZE), out)
        bids, asks = (out[:count][out[:count, 0] == side, 1] for side in (1, -1))
        assert bids.max() < view[MID] < asks.min()
