"""The composition layer: each part alone, all off, and called from a model of one's own in either form."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import quoting
from workbench.quoting import (
    IMPROVE,
    JOIN,
    LAYER,
    STEP_BACK,
    bounded_half_spread,
    fair_value,
    fee_floor,
    funding_tilt,
    inventory_lots,
    keep_to_touch,
    toxicity_widening,
)
from workbench.quoting.layer import missing
from workbench.quoting.schema import (
    ASK_ADVERSE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    FUNDING_IN_S,
    FUNDING_RATE,
    HALF_SPREAD,
    MAKER_FEE,
    MAX_LEVELS,
    MICRO_PRICE,
    MID,
    ORDER_FLOW,
    PARAMS_SIZE,
    STATE_SIZE,
    VIEW_SIZE,
)

Rows = list[list[int]]

COMMON = [20.0, 10.0, 1000.0, 2.0, 4.0, 1.0, 1.0, 0.5, 1.0, 0.0, 0.8, 0.7, 2.0, 5.0]
"""Two levels, 4 bps apart, no minimum edge."""


@quoting.model(params=(quoting.Slot("distance", "ticks", "of both quotes from the fair value", 0.0), *LAYER))
def ten_away(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    """A person's own model: a fixed distance, leaning a tick a lot, everything else by the layer."""
    q = quoting.inventory_lots(inventory, params[PARAMS_SIZE + 5], params[1])
    distance = params[PARAMS_SIZE]
    return quoting.compose(view, inventory, params, PARAMS_SIZE + 1, distance + q, distance - q, state, out)


def make_view(**slots: float) -> np.ndarray:
    view = np.zeros(VIEW_SIZE)
    view[MID], view[BEST_BID], view[BEST_ASK] = 10_000.5, 10_000, 10_001
    view[MICRO_PRICE] = view[ORDER_FLOW] = view[BID_ADVERSE] = view[ASK_ADVERSE] = view[FUNDING_IN_S] = math.nan
    for name, value in slots.items():
        view[[slot.name for slot in quoting.VIEW].index(name)] = value
    return view


def make_params(distance: float = 10.0, increment: float = 1.0, **layer: float) -> np.ndarray:
    known = {slot.name: slot.default for slot in LAYER}
    assert set(layer) <= set(known)
    params = np.array([*COMMON, distance, *({**known, **layer}).values()], dtype=np.float64)
    params[5] = increment
    return params


def ask_model(view: np.ndarray, inventory: int, params: np.ndarray, state: Any = None) -> int | Rows:
    """Rows, or the reason code; the compiled model and plain Python must agree."""
    answers = []
    states = []
    for function in (ten_away.function, ten_away.py_func):
        out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
        states.append(np.zeros(STATE_SIZE) if state is None else state.copy())
        n = function(view, inventory, params, states[-1], out)
        answers.append(n if n < 0 else out[:n].tolist())
    assert answers[0] == answers[1]
    np.testing.assert_array_equal(states[0], states[1])
    if state is not None:
        state[:] = states[0]
    found: int | Rows = answers[0]
    return found


def best(view: np.ndarray, inventory: int, params: np.ndarray) -> tuple[int, int]:
    rows = ask_model(view, inventory, params)
    assert isinstance(rows, list), ten_away.reasons[rows]
    return max(p for s, p, _ in rows if s > 0), min(p for s, p, _ in rows if s < 0)


def test_with_every_part_off_the_model_stands_where_it_wants_to() -> None:
    rows = ask_model(make_view(), 0, make_params())
    # 10000.5 -+ 10, floored and ceiled; the second level 4 bps of the mid behind.
    assert rows == [[1, 9990, 10], [1, 9986, 10], [-1, 10011, 10], [-1, 10015, 10]]


def test_an_inventory_leans_the_quotes_and_a_target_moves_what_counts_as_none() -> None:
    assert best(make_view(), 50, make_params()) == (9985, 10006)
    assert best(make_view(), 50, make_params(inventory_target=50.0)) == (9990, 10011)
    assert inventory_lots(70, 50.0, 10.0) == 2.0


def test_fair_value_moves_toward_the_micro_price_and_with_the_order_flow() -> None:
    view = make_view(micro_price=10_002.5, order_flow=30.0)
    assert fair_value(view, 0.5, 0.0) == 10_001.5
    assert fair_value(view, 0.0, 0.1) == pytest.approx(10_003.5)
    assert best(view, 0, make_params(micro_weight=1.0)) == (9992, 10013)
    assert best(view, 0, make_params(order_flow_weight=-0.1)) == (9987, 10008)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ({"micro_weight": 0.5}, "micro-price"),
        ({"order_flow_weight": 0.1}, "order-flow"),
        ({"funding_weight": 1.0}, "funding"),
        ({"toxicity_weight": 1.0}, "markouts"),
    ],
)
def test_a_part_that_nobody_measures_is_refused_with_its_reason(layer: dict[str, float], says: str) -> None:
    code = ask_model(make_view(), 0, make_params(**layer))
    assert isinstance(code, int)
    assert says in ten_away.reasons[code]
    unfilled = make_view(micro_price=0.0)
    assert missing(unfilled, make_params(micro_weight=1.0), PARAMS_SIZE + 1) < 0


def test_fees_floor_the_half_spread_and_rebates_lower_the_floor() -> None:
    view = make_view(maker_fee=2e-3)
    assert fee_floor(view, 10.0, 0.0) == pytest.approx(20.001)
    assert fee_floor(view, 30.0, 0.0) == 30.0
    assert fee_floor(view, 10.0, 5.0) == pytest.approx(25.00125)
    assert best(view, 0, make_params()) == (9980, 10021)
    assert fee_floor(make_view(maker_fee=-2e-3), 1.0, 15.0) == 1.0


def test_a_floor_widens_round_the_skewed_centre_and_never_undoes_the_skew() -> None:
    view = make_view(maker_fee=2e-3)
    bid, ask = best(view, 100, make_params())
    # Half 20.001 in place of 10, still leaning by 10 ticks.
    assert (bid, ask) == (9970, 10011)


def test_spread_limits_and_which_goes_first() -> None:
    assert bounded_half_spread(10.0, 10_000.0, 0.0, 12.0) == 6.0
    assert bounded_half_spread(10.0, 10_000.0, 30.0, math.inf) == 15.0
    assert bounded_half_spread(10.0, 10_000.0, 30.0, 12.0) == 15.0
    assert best(make_view(), 0, make_params(max_spread_bps=4.0)) == (9998, 10003)
    assert best(make_view(maker_fee=1e-3), 0, make_params(max_spread_bps=4.0)) == (9990, 10011)


def test_funding_lowers_the_fair_value_of_a_long_as_its_time_comes() -> None:
    window = 3600.0
    for left, tilt in ((7200.0, 0.0), (3600.0, 0.0), (1800.0, -5.0), (0.0, -10.0), (-1.0, 0.0)):
        view = make_view(mid=10_000.0, funding_rate=1e-3, funding_in_s=left)
        assert funding_tilt(view, 1.0, window) == pytest.approx(tilt)
        assert funding_tilt(view, 0.0, window) == 0.0
    view = make_view(funding_rate=-1e-3, funding_in_s=0.0)
    assert funding_tilt(view, 0.5, window) == pytest.approx(5.00025)
    assert best(view, 0, make_params(funding_weight=1.0)) == (10_000, 10_021)


def test_adverse_fills_widen_their_own_side_only() -> None:
    view = make_view(bid_adverse=4.0, ask_adverse=-3.0)
    assert toxicity_widening(view, 10.0, 10.0, 0.5) == (12.0, 10.0)
    assert best(view, 0, make_params(toxicity_weight=1.0)) == (9986, 10011)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(JOIN, (10_000, 10_001)), (IMPROVE, (10_000, 10_001)), (STEP_BACK, (9_999, 10_002)), (-3.0, (9_997, 10_004))],
)
def test_join_improve_and_step_back(offset: float, expected: tuple[int, int]) -> None:
    wide = make_view(best_bid=10_000.0, best_ask=10_001.0)
    assert best(wide, 0, make_params(distance=0.0, touch_offset=offset)) == expected
    assert best(wide, 0, make_params(touch_offset=offset)) == (9990, 10011), "a quote further out is left there"


def test_improving_goes_one_increment_into_a_wide_spread_and_no_further() -> None:
    view = make_view(best_bid=9_980.0, best_ask=10_020.0)
    assert keep_to_touch(view, 10_000.0, 10_001.0, IMPROVE, 5.0) == (9_985.0, 10_015.0)
    assert best(view, 0, make_params(distance=0.0, increment=5.0, touch_offset=IMPROVE)) == (9_985, 10_015)
    assert best(view, 0, make_params(distance=0.0, increment=5.0)) == (9_995, 10_005)


def test_ladder_shapes_reach_the_rows_and_levels_never_share_a_price() -> None:
    rows = ask_model(make_view(), 0, make_params(size_growth=1.5, lot=5.0, distance_growth=2.0))
    assert isinstance(rows, list)
    assert [size for _, _, size in rows] == [10, 15, 10, 15]
    params = make_params()
    params[3], params[4] = 5.0, 0.1  # five levels a tenth of a tick apart
    prices = [row[1] for row in ask_model(make_view(), 0, params)]  # type: ignore[union-attr]
    assert prices == [9990, 9989, 9988, 9987, 9986, 10011, 10012, 10013, 10014, 10015]


def test_a_side_that_is_shut_leaves_the_other_as_the_model_has_it() -> None:
    out = np.zeros((40, 3), dtype=np.int64)
    params, state = make_params(min_spread_bps=100.0), np.zeros(STATE_SIZE)
    n = quoting.compose(make_view(), 0, params, PARAMS_SIZE + 1, math.inf, 3.0, state, out)
    assert out[:n].tolist() == [[-1, 10004, 10], [-1, 10008, 10]]
    assert state[HALF_SPREAD] == 3.0
    assert quoting.compose(make_view(), 0, params, PARAMS_SIZE + 1, math.nan, 3.0, state, out) < 0


def test_the_growing_side_is_gated_with_hysteresis() -> None:
    state = np.zeros(STATE_SIZE)
    seen = []
    for inventory in (790, 800, 750, 690):
        rows = ask_model(make_view(), inventory, make_params(), state)
        assert isinstance(rows, list)
        seen.append({side for side, _, _ in rows})
    assert seen == [{1, -1}, {-1}, {-1}, {1, -1}]


@given(
    mid=st.integers(2_000, 10_000_000).map(lambda half: half / 2),
    inventory=st.integers(-1000, 1000),
    distance=st.floats(0, 5_000),
    increment=st.sampled_from([1.0, 5.0, 10.0]),
    growths=st.tuples(st.floats(0.3, 2.0), st.floats(0.3, 2.0)),
    offset=st.sampled_from([math.inf, JOIN, IMPROVE, STEP_BACK]),
    fee=st.floats(-1e-3, 1e-3),
)
def test_whatever_is_switched_on_the_rows_are_orders_that_may_be_sent(  # the property of every composed model
    mid: float,
    inventory: int,
    distance: float,
    increment: float,
    growths: tuple[float, float],
    offset: float,
    fee: float,
) -> None:
    view = make_view(
        mid=mid, best_bid=math.floor(mid) - 1, best_ask=math.ceil(mid) + 1, maker_fee=fee, micro_price=mid + 0.3,
        order_flow=3.0, bid_adverse=1.0, ask_adverse=0.0, funding_rate=1e-4, funding_in_s=60.0,
    )  # fmt: skip
    params = make_params(
        distance, increment, micro_weight=1.0, order_flow_weight=0.01, funding_weight=1.0, toxicity_weight=0.5,
        min_spread_bps=1.0, touch_offset=offset, distance_growth=growths[0], size_growth=growths[1],
    )  # fmt: skip
    rows = ask_model(view, inventory, params)
    assert isinstance(rows, list)
    for side in (1, -1):
        prices = [price for s, price, _ in rows if s == side]
        assert all(price > 0 and price % increment == 0 for price in prices)
        assert all(side * (a - b) >= increment for a, b in pairwise(prices))
    assert all(size >= 1 for _, _, size in rows)
    bids, asks = [p for s, p, _ in rows if s > 0], [p for s, p, _ in rows if s < 0]
    if bids and asks:
        assert asks[0] - bids[0] >= 2 * mid * max(fee, 0.0) - 1e-6


def test_every_helper_gives_the_same_in_plain_python() -> None:
    view = make_view(
        micro_price=10_002.0, order_flow=-4.0, funding_rate=1e-4, funding_in_s=30.0, bid_adverse=1.0, ask_adverse=2.0,
        maker_fee=1e-4,
    )  # fmt: skip
    for helper, arguments in (
        (fair_value, (view, 0.3, 0.2)),
        (funding_tilt, (view, 1.0, 60.0)),
        (inventory_lots, (7, 2.0, 5.0)),
        (fee_floor, (view, 0.1, 1.0)),
        (bounded_half_spread, (5.0, 1e4, 20.0, 30.0)),
        (toxicity_widening, (view, 3.0, 4.0, 2.0)),
        (keep_to_touch, (view, 10_000.4, 10_000.6, 1.0, 1.0)),
    ):
        compiled_helper: Any = helper
        assert compiled_helper(*arguments) == pytest.approx(compiled_helper.py_func(*arguments), rel=1e-14)


def test_the_layers_parameters_have_defaults_that_switch_it_off() -> None:
    assert all(slot.default is not None for slot in LAYER)
    assert view_names() == ["micro_price", "order_flow", "bid_adverse", "ask_adverse"]
    assert (MICRO_PRICE, ASK_ADVERSE, MAKER_FEE) == (14, 17, 12)
    assert FUNDING_RATE == 10


def view_names() -> list[str]:
    return [slot.name for slot in quoting.VIEW[14:18]]
