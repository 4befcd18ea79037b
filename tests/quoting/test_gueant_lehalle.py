"""Gueant-Lehalle-Fernandez-Tapia: the reference values of theory.md section 2, the equation itself, the symmetries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.quoting import Depths, glft_closed_form, glft_constants, glft_exact, glft_stationary
from workbench.quoting.gueant import closed_form_distances, filled_at_best, skew_per_lot

FIGURES = {"gamma": 0.01, "sigma": 0.3, "k": 0.3, "arrival_rate": 0.9}
LEFT = FIGURES | {"sigma": 0.4}


def at(depths: Depths, q: int) -> tuple[float, float]:
    row = int(np.flatnonzero(depths.inventory == q)[0])
    return float(depths.bid[row]), float(depths.ask[row])


def test_the_constants_of_the_captions() -> None:
    assert glft_constants(**FIGURES) == pytest.approx((3.278982, 0.067866), abs=5e-7)
    assert glft_constants(**LEFT) == pytest.approx((3.278982, 0.090488), abs=5e-7)
    assert filled_at_best(0.01, 0.3, 0.9, 0.0) == pytest.approx(0.325678, abs=5e-7)


@pytest.mark.parametrize(
    ("q", "exact", "closed"),
    [
        (0, (3.313045, 3.313045), (3.312915, 3.312915)),
        (5, (3.653479, 2.972522), (3.652244, 2.973586)),
        (10, (3.992933, 2.632802), (3.991574, 2.634257)),
        (20, (4.665542, 1.959200), (4.670232, 1.955599)),
    ],
)
def test_figures_1_to_3(q: int, exact: tuple[float, float], closed: tuple[float, float]) -> None:
    assert at(glft_exact(600.0, **FIGURES, max_inventory=30), q) == pytest.approx(exact, abs=5e-7)
    assert glft_closed_form(q, **FIGURES)[1:3] == pytest.approx(closed, abs=5e-7)


def test_the_approximation_figure_and_the_spreads() -> None:
    depths = glft_exact(600.0, **LEFT, max_inventory=30)
    assert at(depths, 0)[0] == pytest.approx(3.324458, abs=5e-7)
    assert at(depths, 10) == pytest.approx((4.230704, 2.417367), abs=5e-7)
    assert glft_closed_form(0, **LEFT).bid == pytest.approx(3.324226, abs=5e-7)
    assert glft_closed_form(10, **LEFT)[1:3] == pytest.approx((4.229104, 2.419348), abs=5e-7)
    assert sum(at(glft_exact(600.0, **FIGURES, max_inventory=30), 0)) == pytest.approx(6.626091, abs=5e-7)
    closed = glft_closed_form(0, **FIGURES)
    assert closed.bid + closed.ask == pytest.approx(6.625830, abs=5e-7)
    c1, c2 = glft_constants(**FIGURES)
    assert closed.bid + closed.ask == pytest.approx(2 * c1 + c2, abs=1e-12)


def test_the_bound_matters_near_itself() -> None:
    depths = glft_exact(600.0, **FIGURES, max_inventory=10)
    assert at(depths, 0)[0] == pytest.approx(3.323558, abs=5e-7)
    assert at(depths, 10)[0] == math.inf
    assert at(depths, -10)[1] == math.inf


def test_after_600_seconds_the_eigenvector_is_reached_to_a_millionth() -> None:
    depths, steady = glft_exact(600.0, **FIGURES, max_inventory=30), glft_stationary(**FIGURES, max_inventory=30)
    np.testing.assert_allclose(depths.bid[:-1], steady.bid[:-1], rtol=0, atol=1e-6)
    later = glft_exact(3_000.0, **FIGURES, max_inventory=30)
    np.testing.assert_allclose(later.bid[:-1], steady.bid[:-1], rtol=0, atol=1e-11)
    assert np.abs(depths.bid[:-1] - steady.bid[:-1]).max() > 1e-8, "the two are computed in different ways"


def test_the_eigenvalue_gap_of_the_caption() -> None:
    q = np.arange(-30, 31.0)
    eta = filled_at_best(0.01, 0.3, 0.9, 0.0)
    values = np.linalg.eigvalsh(np.diag(0.000135 * q**2) - eta * (np.eye(61, k=1) + np.eye(61, k=-1)))
    assert values[1] - values[0] == pytest.approx(0.013228, abs=5e-7)


@pytest.mark.parametrize("drift", [0.0, 0.01, -0.02])
@pytest.mark.parametrize("impact", [0.0, 0.5])
def test_the_depths_solve_the_control_problem(drift: float, impact: float) -> None:
    """An independent method: the equation of theta = ln(v)/k in small Runge-Kutta steps, the quotes read off it."""
    k, gamma, sigma, bound, seconds, steps = 0.3, 0.01, 0.3, 6, 20.0, 4000
    q = np.arange(-bound, bound + 1.0)
    eta = filled_at_best(gamma, k, 0.9, impact)
    theta = -impact * q**2 / 2

    def slope(theta: np.ndarray) -> np.ndarray:
        found = drift * q - gamma * sigma**2 * q**2 / 2
        found[:-1] += eta / k * np.exp(k * np.diff(theta))
        found[1:] += eta / k * np.exp(-k * np.diff(theta))
        return found

    dt = seconds / steps
    for _ in range(steps):
        a = slope(theta)
        b = slope(theta + dt / 2 * a)
        c = slope(theta + dt / 2 * b)
        theta = theta + dt / 6 * (a + 2 * b + 2 * c + slope(theta + dt * c))
    depths = glft_exact(seconds, **FIGURES, max_inventory=bound, drift=drift, impact=impact)
    c1 = glft_constants(**FIGURES).c1
    np.testing.assert_allclose(depths.value, theta, rtol=0, atol=1e-9)
    np.testing.assert_allclose(depths.bid[:-1], c1 + impact / 2 - np.diff(theta), rtol=0, atol=1e-9)
    np.testing.assert_allclose(depths.ask[1:], c1 + impact / 2 + np.diff(theta), rtol=0, atol=1e-9)


def test_the_matrix_exponential_is_scipys() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    q = np.arange(-30, 31.0)
    eta, c1 = filled_at_best(0.01, 0.3, 0.9, 0.0), glft_constants(**FIGURES).c1
    matrix = np.diag(0.5 * 0.3 * 0.01 * 0.09 * q**2) - eta * (np.eye(61, k=1) + np.eye(61, k=-1))
    for seconds in (0.5, 60.0, 600.0):
        v = linalg.expm(-matrix * seconds) @ np.ones(61)
        bid = glft_exact(seconds, **FIGURES, max_inventory=30).bid[:-1]
        np.testing.assert_allclose(bid, c1 + np.log(v[:-1] / v[1:]) / 0.3, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "depths", [glft_exact(60.0, **FIGURES, max_inventory=12), glft_stationary(**FIGURES, max_inventory=12)]
)
def test_at_no_inventory_both_distances_are_equal_and_a_long_position_lowers_both_quotes(depths: Depths) -> None:
    bid, ask = at(depths, 0)
    assert bid == pytest.approx(ask, abs=1e-12)
    for q in range(1, 12):
        assert at(depths, q)[0] > bid
        assert at(depths, q)[1] < ask
        assert at(depths, q) == pytest.approx(at(depths, -q)[::-1], abs=1e-11)


def test_a_rising_mid_and_an_own_impact_move_the_closed_form_as_printed() -> None:
    c1, c2 = glft_constants(**FIGURES)
    rising = glft_closed_form(2, **FIGURES, drift=0.001)
    shift = 0.001 / (0.01 * 0.3**2) * c2
    assert rising.bid == pytest.approx(c1 + 2.5 * c2 - shift, abs=1e-12)
    assert rising.ask == pytest.approx(c1 - 1.5 * c2 + shift, abs=1e-12)
    moved = glft_closed_form(2, **FIGURES, impact=0.5)
    wider = c2 * math.exp(0.3 * 0.5 / 4)
    assert moved.bid == pytest.approx(c1 + 0.25 + 2.5 * wider, abs=1e-12)
    assert moved.ask == pytest.approx(c1 + 0.25 - 1.5 * wider, abs=1e-12)


def test_the_closed_form_is_near_the_exact_one_with_drift_and_impact() -> None:
    exact = glft_stationary(**FIGURES, max_inventory=60, drift=0.002, impact=0.4)
    for q in (-5, 0, 5):
        closed = glft_closed_form(q, **FIGURES, drift=0.002, impact=0.4)
        assert at(exact, q) == pytest.approx((closed.bid, closed.ask), abs=0.02)


@pytest.mark.parametrize(("gamma", "sigma", "bound"), [(0.1, 2.0, 200), (1.0, 20.0, 200), (0.05, 50.0, 100)])
def test_far_tails_are_as_exact_as_the_middle(gamma: float, sigma: float, bound: int) -> None:
    """v there is e^-1000 and less; each row of M v = lambda v holds to rounding in terms of its neighbours' ratios."""
    k, arrival_rate = 1.5, 140.0
    steady = glft_stationary(gamma=gamma, sigma=sigma, k=k, arrival_rate=arrival_rate, max_inventory=bound)
    eta = filled_at_best(gamma, k, arrival_rate, 0.0)
    growth = -0.5 * k * gamma * sigma**2 * np.arange(-bound, bound + 1.0) ** 2
    up = np.exp(k * np.diff(steady.value))
    rows = growth[1:-1] + eta * (up[1:] + 1 / up[:-1])
    scale = np.abs(growth[1:-1]).max()
    np.testing.assert_allclose(rows, rows[bound - 1], rtol=0, atol=1e-10 * scale)
    long = glft_exact(100.0, gamma=gamma, sigma=sigma, k=k, arrival_rate=arrival_rate, max_inventory=bound)
    np.testing.assert_allclose(long.bid[:-1], steady.bid[:-1], rtol=1e-9)


def test_several_times_give_one_row_each_the_same_as_alone() -> None:
    times = [0.0, 0.1, 1.0, 1.0, 60.0]
    together = glft_exact(times, **FIGURES, max_inventory=8)
    assert together.bid.shape == (5, 17)
    for row, time_left in enumerate(times):
        alone = glft_exact(time_left, **FIGURES, max_inventory=8)
        np.testing.assert_allclose(together.bid[row], alone.bid, rtol=0, atol=1e-11)
        np.testing.assert_allclose(together.value[row], alone.value, rtol=0, atol=1e-11)
    c1 = glft_constants(**FIGURES).c1
    np.testing.assert_allclose(together.bid[0, :-1], c1, rtol=0, atol=1e-12)


def test_without_risk_aversion_the_quotes_do_not_lean() -> None:
    calm = FIGURES | {"gamma": 0.0}
    depths = glft_closed_form(np.array([-3, 0, 3]), **calm)
    np.testing.assert_allclose(depths.bid, 1 / 0.3, rtol=1e-12)
    wide = glft_stationary(**calm, max_inventory=300)
    assert at(wide, 0) == pytest.approx((1 / 0.3, 1 / 0.3), abs=1e-3)


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    for function, arguments in (
        (filled_at_best, (0.01, 0.3, 0.9, 0.2)),
        (filled_at_best, (0.0, 0.3, 0.9, 0.2)),
        (skew_per_lot, (0.01, 0.3, 0.3, 0.9, 0.2)),
        (skew_per_lot, (0.0, 0.3, 0.3, 0.9, 0.2)),
        (closed_form_distances, (4.0, 0.01, 0.3, 0.3, 0.9, 0.001, 0.2)),
    ):
        plain: Any = function
        assert function(*arguments) == pytest.approx(plain.py_func(*arguments), rel=1e-13)
    kernel = closed_form_distances(4.0, 0.01, 0.3, 0.3, 0.9, 0.001, 0.2)
    assert kernel == pytest.approx(glft_closed_form(4, **FIGURES, drift=0.001, impact=0.2)[1:3], rel=1e-13)


def test_a_table_for_looking_at() -> None:
    table = glft_stationary(**FIGURES, max_inventory=2).frame()
    assert list(table.index) == [-2, -1, 0, 1, 2]
    assert table.loc[0, "value"] == 0.0
    with pytest.raises(ValueError, match="one time left"):
        glft_exact([1.0, 2.0], **FIGURES, max_inventory=2).frame()


def test_pandas_in_pandas_out() -> None:
    inventory = pd.Series([0, 1, 2], index=[10, 20, 30])
    sigma = pd.Series([0.3, 0.4, 0.5], index=[10, 20, 30])
    depths = glft_closed_form(inventory, **(FIGURES | {"sigma": sigma}))
    assert depths.bid.index.equals(inventory.index)
    assert depths.bid[20] == pytest.approx(glft_closed_form(1, **LEFT).bid, rel=1e-13)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"gamma": math.nan}, "gamma is nan"),
        ({"sigma": -0.3}, "sigma is -0.3; expected a finite number of at least 0"),
        ({"k": 0.0}, "k is 0.0; expected a finite number over 0 in 1/price"),
        ({"arrival_rate": 0.0}, "arrival_rate is 0.0"),
        ({"impact": -1.0}, "impact is -1.0"),
        ({"max_inventory": 0}, "max_inventory is 0; expected a whole number of lots, 1 to 500"),
        ({"max_inventory": 501}, "max_inventory is 501"),
        ({"time_left": []}, "time_left is empty"),
        ({"time_left": [2.0, 1.0]}, "ascending"),
        ({"time_left": [0.0, -1.0]}, r"time_left\[1\] is .*-1.0"),
        ({"time_left": math.nan}, "time_left is .*nan"),
    ],
)
def test_input_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"time_left": 60.0, **FIGURES, "max_inventory": 10} | changes
    with pytest.raises(ValueError, match=says):
        glft_exact(given.pop("time_left"), **given)


def test_a_trend_without_a_dislike_of_risk_has_no_closed_form() -> None:
    with pytest.raises(ValueError, match="hold all it can"):
        glft_closed_form(0, **(FIGURES | {"gamma": 0.0}), drift=0.1)
    with pytest.raises(ValueError, match="inventory is empty"):
        glft_closed_form([], **FIGURES)
