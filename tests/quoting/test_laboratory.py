"""The papers' world: the tables of Avellaneda and Stoikov, exactly and by simulation, under both fill rules."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest

from workbench.quoting import (
    DepthTable,
    Outcome,
    PaperWorld,
    avellaneda_stoikov_table,
    exact_outcome,
    glft_constants,
    glft_table,
    simulate_paper,
    symmetric_table,
)
from workbench.quoting.laboratory import FillRule

WORLD = PaperWorld()
SEED = 2008
PATHS = 100_000


def four(outcome: Outcome) -> tuple[float, float, float, float]:
    return outcome.profit, outcome.profit_std, outcome.inventory_std, outcome.fills


@pytest.mark.parametrize(
    ("strategy", "rule", "profit", "std", "std_q", "fills"),
    [
        ("inventory", "linear", 64.8925, 6.5432, 2.9268, 96.96),
        ("inventory", "poisson", 57.1717, 6.3616, 2.9952, 85.54),
        ("symmetric", "linear", 68.2228, 13.4558, 8.3994, 91.47),
        ("symmetric", "poisson", 60.9848, 12.9205, 8.0653, 81.76),
    ],
)
def test_the_exact_values(strategy: str, rule: FillRule, profit: float, std: float, std_q: float, fills: float) -> None:
    table = (avellaneda_stoikov_table if strategy == "inventory" else symmetric_table)(WORLD, 0.1)
    found = exact_outcome(WORLD, table, rule)
    assert four(found)[:3] == pytest.approx((profit, std, std_q), abs=5e-5)
    assert found.fills == pytest.approx(fills, abs=5e-3)
    assert found.inventory == pytest.approx(0.0, abs=1e-12)
    assert found.spread == pytest.approx(1.491770, abs=5e-7)


def test_the_symmetric_strategy_has_a_closed_form() -> None:
    n, w = 200, 1.4917704227514232
    p = 140 * math.exp(-1.5 * w / 2) / n
    found = exact_outcome(WORLD, symmetric_table(WORLD, 0.1), "linear")
    variance = 2 * n * p * (1 - p) * w**2 / 4 + 4 / n * p * (1 - p) * n * (n + 1)
    assert found.profit == pytest.approx(n * p * w, rel=1e-9)
    assert found.inventory_std == pytest.approx(math.sqrt(2 * n * p * (1 - p)), rel=1e-9)
    assert found.profit_std == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_the_linear_rule_gives_the_journals_table() -> None:
    """Means within one standard error of 1000 paths; the printed symmetric std, 12.7, lies 1.7 of its scatter low."""
    inventory = exact_outcome(WORLD, avellaneda_stoikov_table(WORLD, 0.1), "linear")
    symmetric = exact_outcome(WORLD, symmetric_table(WORLD, 0.1), "linear")
    assert inventory.profit == pytest.approx(65.0, abs=6.54 / math.sqrt(1000))
    assert symmetric.profit == pytest.approx(68.4, abs=13.46 / math.sqrt(1000))
    assert inventory.profit_std == pytest.approx(6.6, abs=0.16)
    assert symmetric.profit_std == pytest.approx(12.7, abs=2 * 0.44)
    assert (inventory.inventory_std, symmetric.inventory_std) == pytest.approx((2.9, 8.4), abs=0.06)


def test_the_true_probability_takes_a_ninth_of_the_profit() -> None:
    """theory.md: A dt = 0.7 is not small, the exact Poisson probability loses 11 to 12 % at gamma 0.1."""
    for table in (avellaneda_stoikov_table(WORLD, 0.1), symmetric_table(WORLD, 0.1)):
        lost = 1 - exact_outcome(WORLD, table).profit / exact_outcome(WORLD, table, "linear").profit
        assert 0.10 < lost < 0.12


@pytest.mark.parametrize(("gamma", "share"), [(1.0, 0.026), (0.5, 0.013), (0.1, 0.0001)])
def test_intensities_over_one_a_step_are_capped_and_counted(gamma: float, share: float) -> None:
    table = avellaneda_stoikov_table(WORLD, gamma)
    assert exact_outcome(WORLD, table, "linear").capped == pytest.approx(share, rel=0.16)
    assert exact_outcome(WORLD, table, "poisson").capped == 0.0
    assert exact_outcome(WORLD, symmetric_table(WORLD, gamma), "linear").capped == 0.0


def test_the_spread_that_narrows_with_time_in_place_of_its_average() -> None:
    found = exact_outcome(WORLD, symmetric_table(WORLD, 0.1, constant=False), "linear")
    assert four(found)[:3] == pytest.approx((68.02, 13.27, 8.40), abs=5e-3)


def test_the_skew_keeps_inventory_that_a_step_would_let_walk() -> None:
    """theory.md section 9, fault 6: std of the last inventory 8.4 without a skew against 2.9 with it."""
    assert exact_outcome(WORLD, symmetric_table(WORLD, 0.1), "linear").inventory_std == pytest.approx(8.4, abs=0.05)
    assert exact_outcome(WORLD, avellaneda_stoikov_table(WORLD, 0.1), "linear").inventory_std == pytest.approx(
        2.9, abs=0.05
    )


@pytest.mark.parametrize(
    ("strategy", "profit", "std", "std_q", "scatter"),
    [("inventory", 64.91, 6.54, 2.93, (0.23, 0.16, 0.06)), ("symmetric", 68.29, 13.49, 8.40, (0.49, 0.44, 0.17))],
)
def test_theorys_own_simulation_lies_within_its_error_of_the_exact_values(
    strategy: str, profit: float, std: float, std_q: float, scatter: tuple[float, float, float]
) -> None:
    """100,000 paths, linear rule; and the scatter of 60 runs of 1000 paths, itself known to one part in eleven."""
    table = (avellaneda_stoikov_table if strategy == "inventory" else symmetric_table)(WORLD, 0.1)
    exact = exact_outcome(WORLD, table, "linear")
    for printed, value, spread in zip((profit, std, std_q), four(exact)[:3], scatter, strict=True):
        assert printed == pytest.approx(value, abs=4 * spread / 10 + 0.005)
    errors = simulate_paper(WORLD, table, 1_000, np.random.default_rng(SEED), "linear").errors
    stated = errors.profit, errors.profit_std, errors.inventory_std
    assert stated == pytest.approx(scatter, rel=4 / math.sqrt(2 * 60)), f"seed {SEED}"


def assert_within_errors(world: PaperWorld, table: DepthTable, rule: FillRule, paths: int = PATHS) -> None:
    exact = exact_outcome(world, table, rule)
    drawn = simulate_paper(world, table, paths, np.random.default_rng(SEED), rule)
    for name, value, mean, error in zip(
        Outcome.__dataclass_fields__, astuple(exact), astuple(drawn.outcome), astuple(drawn.errors), strict=True
    ):
        assert mean == pytest.approx(value, abs=4 * error + 1e-9), f"{name}, seed {SEED}"
    assert drawn.errors.profit == pytest.approx(exact.profit_std / math.sqrt(paths), rel=0.02)


@pytest.mark.parametrize("rule", ["linear", "poisson"])
@pytest.mark.parametrize("strategy", [avellaneda_stoikov_table, symmetric_table])
def test_a_hundred_thousand_paths_lie_within_four_standard_errors(strategy: Any, rule: FillRule) -> None:
    assert_within_errors(WORLD, strategy(WORLD, 0.1), rule)


def test_with_drift_impact_and_a_bound_paths_and_exact_values_agree_too() -> None:
    world = PaperWorld(drift=1.5, impact=0.1, steps=100)
    table = glft_table(world, 0.1, 6)
    exact = exact_outcome(world, table)
    assert exact.inventory > 0.5, "a rising mid is bought"
    assert_within_errors(world, table, "poisson", 50_000)


def test_the_same_generator_state_draws_the_same_paths() -> None:
    table = avellaneda_stoikov_table(WORLD, 0.1)
    first, again, other = (simulate_paper(WORLD, table, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.profits, again.profits)
    assert (first.profits != other.profits).any()
    assert first.inventories.shape == first.profits.shape == (50,)


def test_in_fine_steps_the_optimal_quotes_beat_both_in_the_makers_own_utility() -> None:
    """Mean - gamma/2 variance of the profit, which is what CARA utility sees of a near-normal profit."""
    world = replace(WORLD, steps=400)

    def utility(table: DepthTable) -> float:
        found = exact_outcome(world, table)
        return found.profit - 0.05 * found.profit_std**2

    optimal = utility(glft_table(world, 0.1, 25))
    assert optimal > utility(avellaneda_stoikov_table(world, 0.1))
    assert optimal > utility(symmetric_table(world, 0.1))


def test_a_table_of_glft_ends_in_the_distance_without_inventory_risk() -> None:
    table = glft_table(WORLD, 0.1, 10)
    c1 = glft_constants(gamma=0.1, sigma=2.0, k=1.5, arrival_rate=140.0).c1
    assert table.max_inventory == 10
    assert table.bid.shape == (200, 21)
    np.testing.assert_allclose(table.bid[-1, 10], c1, atol=0.01)
    assert table.bid[0, 12] - table.bid[0, 10] > table.bid[-1, 12] - table.bid[-1, 10] > 0


def test_fine_steps_bring_the_two_rules_together() -> None:
    lost = []
    for steps in (200, 1000):
        world = replace(WORLD, steps=steps)
        table = glft_table(world, 0.1, 8)
        lost.append(1 - exact_outcome(world, table).profit / exact_outcome(world, table, "linear").profit)
    assert lost[1] == pytest.approx(lost[0] / 5, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sigma": -1.0}, "sigma is -1.0"),
        ({"k": 0.0}, "k is 0.0"),
        ({"arrival_rate": math.nan}, "arrival_rate is nan"),
        ({"horizon": 0.0}, "horizon is 0.0"),
        ({"steps": 0}, "steps is 0; expected a whole number"),
    ],
)
def test_a_world_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PaperWorld(**changes)


def test_tables_and_rules_that_do_not_fit_are_refused() -> None:
    table = symmetric_table(WORLD, 0.1)
    with pytest.raises(ValueError, match="the table has 200 steps; expected 100"):
        exact_outcome(replace(WORLD, steps=100), table)
    with pytest.raises(ValueError, match="rule is 'bernoulli'"):
        exact_outcome(WORLD, table, "bernoulli")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="paths is 1"):
        simulate_paper(WORLD, table, 1, np.random.default_rng(1))
    with pytest.raises(ValueError, match="expected inf there"):
        DepthTable(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        DepthTable(np.full((2, 3), math.nan), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"expected one shape \(steps, 2 Q \+ 1\)"):
        DepthTable(np.ones((2, 4)), np.ones((2, 4)))
