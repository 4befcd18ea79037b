"""Every public function and model of `workbench.quoting` with empty, single, NaN, negative and unsorted input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.refusals import assert_refused, call, cases
from workbench import quoting as q
from workbench.quoting.definition import QuotingModel
from workbench.quoting.schema import BEST_ASK, BEST_BID, MARK, MAX_LEVELS, MICRO_PRICE, MID, STATE_SIZE, VIEW_SIZE

RNG = np.random.default_rng(2013)
NS = 1_000_000_000
DEPTHS = RNG.exponential(2.0, 2_000)
EDGES = np.arange(0.0, 9.0)
COUNTS = np.array([400.0, 240.0, 140.0, 90.0])
LEVELS = np.array([0.0, 1.0, 2.0, 3.0])
TIMES = np.sort(RNG.integers(0, 3_600 * NS, 2_000))
SIDES = RNG.choice([-1, 1], 2_000)
MIDS = np.full(2_000, 1_000.5)
TRADED = MIDS + SIDES * DEPTHS
FIT = q.fit_tail(DEPTHS, 3_600.0)
FITS = q.fit_by_time_of_day(q.Sweeps(TIMES, SIDES, DEPTHS), 0, 3_600 * NS, lambda d, s, side: q.fit_tail(d, s))
WORLD = q.PaperWorld(steps=20)
QUOTED = q.symmetric_table(WORLD, 0.1)

GLFT: dict[str, Any] = {"gamma": 0.01, "sigma": 0.3, "k": 0.3, "arrival_rate": 0.9, "drift": 0.1, "impact": 0.1}
AS: dict[str, Any] = {"gamma": 0.1, "sigma": 2.0, "time_left": 1.0}
CJ: dict[str, Any] = {
    "kappa": 100.0,
    "arrival_rate": 1.0,
    "running_penalty": 2e-4,
    "max_inventory": 3,
    "adverse_selection": 0.001,
}
# Prices below zero exist (a spread contract), and inventory has a sign; rows of them may come in any order.
ANY_MID = ("mid: negative", "mid: single", "mid: unsorted")
ANY_INVENTORY = ("inventory: negative", "inventory: single", "inventory: unsorted")
EITHER_WAY = ("drift: negative",)
# One row of depths is spoilt by what is no number; any order of them, and depths inside of the mid, are data.
ANY_DEPTHS = ("depths: unsorted", "depths: negative")
FEW: np.ndarray = np.array([-1.0, 0.0, 2.0])
PRICES: np.ndarray = np.array([100.0, 101.0, 102.0])

CALLS = {
    "avellaneda_stoikov_quotes": call(
        q.avellaneda_stoikov_quotes, *ANY_MID, *ANY_INVENTORY, mid=PRICES, inventory=FEW, k=1.5, **AS
    ),
    "avellaneda_stoikov_spread": call(q.avellaneda_stoikov_spread, k=1.5, **AS),
    "avellaneda_stoikov_table": call(q.avellaneda_stoikov_table, world=WORLD, gamma=0.1),
    "cartea_jaimungal_depths": call(q.cartea_jaimungal_depths, time_left=30.0, terminal_penalty=1e-4, **CJ),
    "cartea_jaimungal_stationary": call(q.cartea_jaimungal_stationary, **CJ),
    "distance_schedule": call(q.distance_schedule, levels=3, step=1.0, growth=1.5),
    "exact_outcome": call(q.exact_outcome, world=WORLD, table=QUOTED, rule="poisson"),
    "fit_by_time_of_day": call(
        q.fit_by_time_of_day,
        "start_ns: negative",
        sweeps=q.Sweeps(TIMES, SIDES, DEPTHS),
        start_ns=0,
        end_ns=3_600 * NS,
        fit=lambda depths, seconds, side: q.fit_tail(depths, seconds, side=side),
        bucket_s=3_600.0,
        sides=("buy", "sell"),
    ),
    "fit_counts": call(q.fit_counts, distances=LEVELS, fills=COUNTS, exposure_s=600.0, nested=True, side="buy"),
    "fit_depth_bins": call(q.fit_depth_bins, *ANY_DEPTHS, depths=DEPTHS, duration_s=600.0, edges=EDGES, side="buy"),
    "fit_log_rates": call(q.fit_log_rates, *ANY_DEPTHS, depths=DEPTHS, duration_s=600.0, distances=EDGES, side="buy"),
    "fit_survival": call(
        q.fit_survival,
        "alive_s: unsorted",
        distance=np.repeat(LEVELS, 50),
        alive_s=RNG.exponential(1.0, 200),
        filled=RNG.random(200) < 0.5,
        side="buy",
    ),
    "fit_table": call(q.fit_table, fits=FITS),
    "fit_tail": call(q.fit_tail, *ANY_DEPTHS, depths=DEPTHS, duration_s=600.0, start=0.5, end=9.0, side="buy"),
    "glft_closed_form": call(q.glft_closed_form, *ANY_INVENTORY, *EITHER_WAY, inventory=FEW, **GLFT),
    "glft_constants": call(q.glft_constants, **{name: value for name, value in GLFT.items() if name != "drift"}),
    "glft_exact": call(q.glft_exact, *EITHER_WAY, time_left=60.0, max_inventory=5, **GLFT),
    "glft_stationary": call(q.glft_stationary, *EITHER_WAY, max_inventory=5, **GLFT),
    "glft_table": call(q.glft_table, world=WORLD, gamma=0.1, max_inventory=5),
    "mid_before": call(
        q.mid_before,
        "order: single",
        "order: unsorted",
        "mid: unsorted",
        "mid: negative",
        order=TIMES[5:50],
        quote_order=TIMES[:40],
        mid=MIDS[:40],
    ),
    "quotes_of": call(
        q.quotes_of,
        "inventory: negative",
        model="skewed_spread",
        inventory=1,
        view={"mid": 1_000.0, "sigma": 1e-5},
        params={},
    ),
    "quoting_parameters": call(
        q.quoting_parameters,
        fit=FIT,
        volatility=0.03,
        per="day",
        price=60_000.0,
        tick_size=0.1,
        gamma=0.005,
        horizon_s=60.0,
        min_p_value=0.0,
    ),
    "reservation_price": call(q.reservation_price, *ANY_MID, *ANY_INVENTORY, mid=PRICES, inventory=FEW, **AS),
    "simulate_paper": call(
        q.simulate_paper, world=WORLD, table=QUOTED, paths=100, rng=np.random.default_rng(1), rule="poisson"
    ),
    "size_schedule": call(q.size_schedule, levels=3, size=10.0, growth=1.5, lot=1),
    "split_size": call(q.split_size, total=100, levels=3, growth=1.5, lot=1),
    "stationary_avellaneda_stoikov_quotes": call(
        q.stationary_avellaneda_stoikov_quotes,
        *ANY_MID,
        *ANY_INVENTORY,
        mid=PRICES,
        inventory=FEW,
        gamma=0.1,
        k=1.5,
        max_inventory=5,
    ),
    "sweep_depths": call(
        q.sweep_depths,
        "side: unsorted",
        "side: negative",
        "price_ticks: unsorted",
        "mid_ticks: unsorted",
        t_ns=TIMES,
        side=SIDES,
        price_ticks=TRADED,
        mid_ticks=MIDS,
    ),
    "symmetric_table": call(q.symmetric_table, world=WORLD, gamma=0.1, constant=True),
    "virtual_orders": call(
        q.virtual_orders,
        "mid_ticks: unsorted",
        "trade_side: unsorted",
        "trade_side: negative",
        "price_ticks: unsorted",
        "distances: single",
        mid_t_ns=TIMES,
        mid_ticks=MIDS,
        trade_t_ns=TIMES,
        trade_side=SIDES,
        price_ticks=TRADED,
        side="buy",
        distances=EDGES,
        restart_s=5.0,
    ),
}
ABOUT_MODELS = ("definition", "written", "model_files", "compiling")
"""Modules whose functions take models and names, not numbers."""


MODELS = [name for name in q.__all__ if isinstance(getattr(q, name), QuotingModel)]


def functions() -> set[str]:
    """Public functions: not types, constants, models, or the compiled parts of models, which answer with codes."""
    found = {name: getattr(q, name) for name in q.__all__}
    plain = {name: value for name, value in found.items() if type(value).__name__ == "function"}
    return {name for name, value in plain.items() if value.__module__.rpartition(".")[2] not in ABOUT_MODELS}


def test_no_public_function_is_left_out() -> None:
    assert functions() == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_the_call_works_and_tries_every_argument(name: str) -> None:
    assert CALLS[name].missing() == set()
    CALLS[name].function(**CALLS[name].arguments)


@pytest.mark.parametrize(("name", "spoilt"), cases(CALLS))
def test_bad_input_to_a_function_is_refused_in_one_clear_sentence(name: str, spoilt: str) -> None:
    assert_refused(CALLS[name], spoilt)


def answer(name: str, slot: int, value: float) -> tuple[int, np.ndarray]:
    """What a model returns and writes when one slot of an ordinary view holds another number."""
    model: QuotingModel = q.find_model(name)
    view, out = np.full(VIEW_SIZE, 1e-3), np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    view[[MID, MARK, BEST_BID, BEST_ASK, MICRO_PRICE]] = 1_000.0, 1_000.0, 999.0, 1_001.0, 1_000.2
    view[slot] = value
    defaults = [10.0 if slot.default is None else slot.default for slot in (*q.PARAMS, *model.params)]
    code = model(view, 0, np.array(defaults), np.zeros(STATE_SIZE), out)
    assert code >= 0 or model.reasons[code]
    return code, out


@pytest.mark.parametrize("mid", [math.nan, math.inf, -math.inf, 0.0, -5.0])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_without_a_mid_says_why_and_writes_no_order(name: str, mid: float) -> None:
    code, out = answer(name, MID, mid)
    assert code < 0
    assert not out.any()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", MODELS)
def test_whatever_a_view_holds_a_model_refuses_or_writes_orders_that_can_be(name: str, value: float) -> None:
    assert answer(name, MID, 1_000.0)[0] > 0
    for number, slot in enumerate(q.VIEW):
        code, out = answer(name, number, value)
        rows = out[: max(code, 0)]
        assert (np.abs(rows[:, 1] - 1_000) < 1_000).all(), slot.name
        assert (rows[:, 2] > 0).all(), slot.name
