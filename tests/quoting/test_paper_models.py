"""The papers' models as they trade: the formulas in ticks and lots, their defaults, their reasons, both forms equal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import quoting
from workbench.quoting import (
    QuotingModel,
    cartea_jaimungal_stationary,
    glft_closed_form,
    glft_stationary,
    stationary_avellaneda_stoikov_quotes,
)
from workbench.quoting.definition import NOT_FINITE
from workbench.quoting.papers import EXACT, FINITE, STATIONARY
from workbench.quoting.schema import (
    MAKER_FEE,
    MAX_LEVELS,
    MID,
    PARAMS,
    SIGMA,
    STATE_SIZE,
    TIME_S,
    VIEW_SIZE,
)

MODELS = [quoting.avellaneda_stoikov, quoting.glft, quoting.cartea_jaimungal, quoting.grid]

COMMON = {
    "spread_bps": 20.0,
    "order_size": 10.0,
    "max_position": 300.0,
    "levels": 1.0,
    "level_step_bps": 4.0,
    "increment": 1.0,
    "inventory_skew": 1.0,
    "volatility_weight": 0.5,
    "holding_s": 1.0,
    "min_edge_bps": 0.0,
    "gate_enter": 1.0,
    "gate_leave": 1.0,
    "volatility_multiplier": 2.0,
    "volatility_cap": 5.0,
}
FIGURES = {"gamma": 0.01, "k": 0.3, "arrival_rate": 0.9}
MID_TICKS = 1_000_000.0


def make_view(mid: float = MID_TICKS, sigma_ticks: float = 0.3, fee: float = 0.0, time_s: float = 0.0) -> np.ndarray:
    view = np.zeros(VIEW_SIZE)
    view[MID], view[MID + 1], view[MID + 2] = mid, mid - 0.5, mid + 0.5
    view[SIGMA], view[MAKER_FEE], view[TIME_S] = sigma_ticks / mid, fee, time_s
    view[14:18] = math.nan
    return view


def make_params(model: QuotingModel, common: dict[str, float] | None = None, **own: float) -> np.ndarray:
    assert list(COMMON) == [slot.name for slot in PARAMS]
    assert set(own) <= {slot.name for slot in model.params}
    values = [own.get(slot.name, slot.default) for slot in model.params]
    assert None not in values, "a parameter without a default must be given"
    return np.array([*{**COMMON, **(common or {})}.values(), *values], dtype=np.float64)


def run(model: QuotingModel, view: np.ndarray, inventory: int, params: np.ndarray) -> int | list[list[int]]:
    """Rows or reason; the compiled model and plain Python must agree on them and on the state."""
    answers, states = [], []
    for function in (model.function, model.py_func):
        out, state = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64), np.zeros(STATE_SIZE)
        n = function(view, inventory, params, state, out)
        answers.append(n if n < 0 else out[:n].tolist())
        states.append(state)
    assert answers[0] == answers[1]
    np.testing.assert_array_equal(*states)
    found: int | list[list[int]] = answers[0]
    return found


def quotes(model: QuotingModel, view: np.ndarray, inventory: int, params: np.ndarray) -> tuple[int | None, int | None]:
    """Best bid and ask, None where a side is not quoted."""
    rows = run(model, view, inventory, params)
    assert isinstance(rows, list), model.reasons[rows]
    bids, asks = [p for s, p, _ in rows if s > 0], [p for s, p, _ in rows if s < 0]
    return (bids[0] if bids else None), (asks[0] if asks else None)


def rounded(bid: float, ask: float) -> tuple[int | None, int | None]:
    """What distances come to in ticks round the mid."""
    return (
        None if math.isinf(bid) else math.floor(MID_TICKS - bid),
        None if math.isinf(ask) else math.ceil(MID_TICKS + ask),
    )


@pytest.mark.parametrize("lots", [-30, -29, -10, 0, 5, 29, 30])
def test_the_exact_form_trades_the_eigenvector_and_stops_at_the_bound(lots: int) -> None:
    params = make_params(quoting.glft, **FIGURES, form=EXACT)
    depths = glft_stationary(**FIGURES, sigma=0.3, max_inventory=30)
    expected = rounded(float(depths.bid[30 + lots]), float(depths.ask[30 + lots]))
    assert quotes(quoting.glft, make_view(), 10 * lots, params) == (
        expected if abs(lots) < 30 else {30: (None, expected[1]), -30: (expected[0], None)}[lots]
    )


@pytest.mark.parametrize("lots", [-10, 0, 5])
@pytest.mark.parametrize(("drift", "impact"), [(0.0, 0.0), (0.001, 0.0), (0.0, 8.0)])
def test_the_closed_form_trades_c1_and_c2(lots: int, drift: float, impact: float) -> None:
    params = make_params(quoting.glft, **FIGURES, drift=drift, impact=impact)
    closed = glft_closed_form(lots, **FIGURES, sigma=0.3, drift=drift, impact=impact)
    assert quotes(quoting.glft, make_view(), 10 * lots, params) == rounded(closed.bid, closed.ask)


def test_avellaneda_stoikov_rolls_counts_down_or_looks_ahead_for_ever() -> None:
    model = quoting.avellaneda_stoikov
    own = {"gamma": 0.01, "k": 0.3, "horizon_s": 600.0}
    c1 = math.log(1 + 0.01 / 0.3) / 0.01

    def expected(left: float) -> tuple[int | None, int | None]:
        risk = 0.01 * 0.09 * left
        return rounded(c1 + risk / 2 + 5 * risk, c1 + risk / 2 - 5 * risk)

    for time_s in (0.0, 599.0, 9e9):
        assert quotes(model, make_view(time_s=time_s), 50, make_params(model, **own)) == expected(600.0)
    finite = make_params(model, **own, horizon=FINITE)
    assert quotes(model, make_view(time_s=0.0), 50, finite) == expected(600.0)
    assert quotes(model, make_view(time_s=590.0), 50, finite) == expected(10.0)
    over = run(model, make_view(time_s=601.0), 50, finite)
    assert isinstance(over, int)
    assert "horizon has passed" in model.reasons[over]
    forever = make_params(model, **own, horizon=STATIONARY)
    for lots in (-30, -4, 0, 4, 30):
        bid, ask = stationary_avellaneda_stoikov_quotes(0.0, lots, gamma=0.01, k=0.3, max_inventory=30)
        got = quotes(model, make_view(), 10 * lots, forever)
        gate = {30: 0, -30: 1}.get(lots)
        want = tuple(None if side == gate else value for side, value in enumerate(rounded(-float(bid), float(ask))))
        assert got == want


@pytest.mark.parametrize("lots", [-29, -3, 0, 7])
def test_cartea_jaimungal_trades_the_steady_depths(lots: int) -> None:
    own = {
        "kappa": 0.3,
        "sell_rate": 0.8,
        "buy_rate": 1.2,
        "running_penalty": 5e-3,
        "adverse_fall": 0.7,
        "adverse_rise": 0.4,
    }
    depths = cartea_jaimungal_stationary(
        kappa=0.3,
        arrival_rate=(0.8, 1.2),
        running_penalty=5e-3,
        max_inventory=30,
        adverse_selection=(0.7, 0.4),
    )
    got = quotes(quoting.cartea_jaimungal, make_view(), 10 * lots, make_params(quoting.cartea_jaimungal, **own))
    assert got == rounded(float(depths.bid[30 + lots]), float(depths.ask[30 + lots]))


def test_a_fee_moves_each_quote_out_as_if_fewer_orders_came() -> None:
    fee = 2e-6
    fewer = FIGURES["arrival_rate"] * math.exp(-0.3 * fee * MID_TICKS)
    closed = glft_closed_form(5, gamma=0.01, sigma=0.3, k=0.3, arrival_rate=fewer)
    got = quotes(quoting.glft, make_view(fee=fee), 50, make_params(quoting.glft, **FIGURES))
    assert got == rounded(closed.bid + 2.0, closed.ask + 2.0)
    rebate = quotes(quoting.glft, make_view(fee=-fee), 50, make_params(quoting.glft, **FIGURES))
    assert rebate[0] is not None
    assert got[0] is not None
    assert rebate[0] > got[0]


@pytest.mark.parametrize("model", MODELS[:3])
@pytest.mark.parametrize("mid", [20_000.0, 770_000.5, 30_000_000.0])
def test_with_nothing_given_they_quote_about_the_configured_spread(model: QuotingModel, mid: float) -> None:
    """Whatever the tick is worth: defaults are in proportion to spread_bps."""
    calm = make_view(mid=mid, sigma_ticks=1e-5 * mid)
    bid, ask = quotes(model, calm, 0, make_params(model))
    assert bid is not None
    assert ask is not None
    assert (ask - bid) / mid * 1e4 == pytest.approx(20.0, rel=0.12)
    assert mid - bid == pytest.approx(ask - mid, abs=1.0)


@pytest.mark.parametrize("model", MODELS[:3])
def test_at_no_inventory_they_are_symmetric_and_a_long_position_lowers_both(model: QuotingModel) -> None:
    view, params = make_view(sigma_ticks=100.0), make_params(model)
    flat, long, short = (quotes(model, view, inventory, params) for inventory in (0, 50, -50))
    assert flat[0] is not None
    assert flat[1] is not None
    assert MID_TICKS - flat[0] == pytest.approx(flat[1] - MID_TICKS, abs=1e-9)
    for side in (0, 1):
        assert long[side] < flat[side] < short[side]  # type: ignore[operator]
    calm = quotes(model, make_view(sigma_ticks=10.0), 0, params)
    assert flat[1] - flat[0] > calm[1] - calm[0]  # type: ignore[operator]


@pytest.mark.parametrize("model", MODELS[:3])
def test_without_a_market_or_a_volatility_they_say_so(model: QuotingModel) -> None:
    nothing = run(model, make_view(mid=1.0) * 0.0, 0, make_params(model))
    assert isinstance(nothing, int)
    assert "no market" in model.reasons[nothing]
    view = make_view()
    view[SIGMA] = math.nan
    unknown = run(model, view, 0, make_params(model))
    assert isinstance(unknown, int)
    assert "volatility" in model.reasons[unknown]
    needs = run(model, make_view(), 0, make_params(model, micro_weight=1.0))
    assert isinstance(needs, int)
    assert "micro-price" in model.reasons[needs]


def test_what_a_model_cannot_solve_it_refuses_with_the_remedy() -> None:
    wide = {"max_position": 10_000.0}
    for model, own in ((quoting.glft, {"form": float(EXACT)}), (quoting.cartea_jaimungal, {})):
        code = run(model, make_view(), 0, make_params(model, wide, **own))
        assert isinstance(code, int)
        assert "over 500 orders" in model.reasons[code]
    code = run(quoting.glft, make_view(), 0, make_params(quoting.glft, gamma=0.0, drift=0.1))
    assert isinstance(code, int)
    assert "hold all it can" in quoting.glft.reasons[code]
    code = run(
        quoting.avellaneda_stoikov,
        make_view(),
        0,
        make_params(quoting.avellaneda_stoikov, gamma=0.0, horizon=STATIONARY),
    )
    assert isinstance(code, int)
    assert "minds the risk" in quoting.avellaneda_stoikov.reasons[code]


def test_parts_of_lots_lie_between_whole_ones_and_the_last_part_is_not_bought() -> None:
    params = make_params(quoting.glft, gamma=0.001, k=0.003, arrival_rate=0.9, form=EXACT)
    view = make_view(sigma_ticks=30.0)
    whole, part, next_one = (quotes(quoting.glft, view, inventory, params)[0] for inventory in (50, 55, 60))
    assert whole is not None
    assert part is not None
    assert next_one is not None
    assert part == pytest.approx((whole + next_one) / 2, abs=1.5)
    assert quotes(quoting.glft, view, 290, params)[0] is not None
    assert quotes(quoting.glft, view, 291, params)[0] is None, "one lot more would pass the bound"


@given(
    model=st.sampled_from(MODELS[:3]),
    mid=st.integers(2_000, 20_000_000).map(lambda half: half / 2),
    inventory=st.integers(-300, 300),
    sigma=st.floats(0, 2e-3),
    spread=st.floats(0.1, 300),
    fee=st.floats(-5e-4, 5e-4),
    code=st.sampled_from([0.0, 1.0]),
    levels=st.integers(1, 5),
)
def test_compiled_and_plain_python_agree_to_the_last_tick(  # `run` compares the two
    model: QuotingModel, mid: float, inventory: int, sigma: float, spread: float, fee: float, code: float, levels: int
) -> None:
    own = {"glft": {"form": code}, "avellaneda_stoikov": {"horizon": 2 * code}}.get(model.name, {})
    view = make_view(mid=mid, sigma_ticks=sigma * mid, fee=fee)
    rows = run(model, view, inventory, make_params(model, {"spread_bps": spread, "levels": float(levels)}, **own))
    assert isinstance(rows, list), model.reasons[rows]
    bids, asks = [p for s, p, _ in rows if s > 0], [p for s, p, _ in rows if s < 0]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    if bids and asks:
        assert bids[0] < asks[0]


def test_a_grid_rests_on_its_lines_while_the_mid_moves_between_them() -> None:
    params = make_params(quoting.grid, {"levels": 3.0}, grid_ticks=500.0, size_growth=2.0)
    rows = run(quoting.grid, make_view(mid=1_000_100.0), 0, params)
    assert rows == [
        [1, 999_000, 10], [-1, 1_001_500, 10],
        [1, 998_500, 20], [-1, 1_002_000, 20],
        [1, 998_000, 40], [-1, 1_002_500, 40],
    ]  # fmt: skip
    assert run(quoting.grid, make_view(mid=1_000_300.0), 0, params) == rows
    assert run(quoting.grid, make_view(mid=1_000_600.0), 0, params) != rows
    assert {side for side, _, _ in run(quoting.grid, make_view(), 300, params)} == {-1}  # type: ignore[union-attr]
    assert "missing" not in quoting.grid.doc
    assert quoting.grid.params[0].default is None


def test_a_grid_keeps_its_spread_and_its_lines_meet_the_increment() -> None:
    params = make_params(quoting.grid, {"increment": 10.0}, grid_ticks=7.0)
    bid, ask = quotes(quoting.grid, make_view(fee=2e-3), 0, params)
    assert (bid, ask) == (998_000, 1_002_000)
    assert run(quoting.grid, make_view(mid=math.nan), 0, params) == -1
    wide = make_params(quoting.grid, {"spread_bps": 30_000.0}, grid_ticks=7.0)
    assert run(quoting.grid, make_view(), 0, wide) == -4


def test_they_are_found_by_name_without_being_loaded_before() -> None:
    assert set(quoting.model_names()) >= {"avellaneda_stoikov", "cartea_jaimungal", "glft", "grid", "skewed_spread"}
    for model in MODELS:
        assert quoting.find_model(model.name) is model
    assert "by its own formula of gamma, k, arrival_rate" in repr(quoting.glft)
    assert math.isnan(quoting.glft.effective_spread_bps(20.0))


def test_a_mistyped_name_of_the_folder_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no name 'gltf'"):
        _: Any = quoting.gltf  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", [quoting.glft, quoting.cartea_jaimungal])
def test_a_fee_that_leaves_no_fill_to_expect_is_a_reason_and_no_crash(model: QuotingModel) -> None:
    # exp(-k fee) is 0 in floats: twenty ticks of fee against a decay of a hundred a tick.
    own = {"kappa": 100.0} if model is quoting.cartea_jaimungal else {"k": 100.0}
    assert run(model, make_view(fee=2e-5), 0, make_params(model, **own)) == NOT_FINITE
