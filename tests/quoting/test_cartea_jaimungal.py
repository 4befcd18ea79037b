"""Cartea-Jaimungal-Penalva: the check values of theory.md section 3, the equation itself, the identity with GLFT."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from workbench.quoting import (
    cartea_jaimungal_depths,
    cartea_jaimungal_stationary,
    glft_constants,
    glft_exact,
    glft_stationary,
)
from workbench.quoting.gueant import filled_at_best

CHECK: dict[str, Any] = {
    "kappa": 100.0,
    "arrival_rate": 1.0,
    "running_penalty": 2e-4,
    "terminal_penalty": 1e-4,
    "max_inventory": 3,
}


def test_the_check_values() -> None:
    depths = cartea_jaimungal_depths(30.0, **CHECK)
    expected = [0.00194664, 0.00582156, 0.00865417, 0.01134583, 0.01417844, 0.01805336]
    np.testing.assert_allclose(depths.bid[:-1], expected, rtol=0, atol=5e-9)
    np.testing.assert_allclose(depths.ask[1:], expected[::-1], rtol=0, atol=5e-9)
    assert depths.value[3] == pytest.approx(0.19552746, abs=5e-9)
    assert depths.bid[-1] == depths.ask[0] == math.inf


def test_with_the_right_penalty_the_depths_are_glfts() -> None:
    """lambda / e = eta, phi = gamma sigma^2 / 2, alpha = 0: the distances without their constants are the same."""
    gamma, sigma, k, arrival_rate = 0.01, 0.3, 0.3, 0.9
    glft: dict[str, Any] = {"gamma": gamma, "sigma": sigma, "k": k, "arrival_rate": arrival_rate, "max_inventory": 30}
    ours: dict[str, Any] = {
        "kappa": k,
        "arrival_rate": math.e * filled_at_best(gamma, k, arrival_rate, 0.0),
        "running_penalty": gamma * sigma**2 / 2,
        "max_inventory": 30,
    }
    c1 = glft_constants(gamma=gamma, sigma=sigma, k=k, arrival_rate=arrival_rate).c1
    for theirs, mine in (
        (glft_exact(600.0, **glft), cartea_jaimungal_depths(600.0, **ours)),
        (glft_stationary(**glft), cartea_jaimungal_stationary(**ours)),
    ):
        np.testing.assert_allclose(mine.bid[:-1] - 1 / k, theirs.bid[:-1] - c1, rtol=0, atol=4e-13)
        np.testing.assert_allclose(mine.ask[1:] - 1 / k, theirs.ask[1:] - c1, rtol=0, atol=4e-13)


def test_an_independent_finite_difference_solver_agrees_with_unequal_arrivals() -> None:
    """PyPI avellaneda-stoikov 0.1.0, 60,000 steps, lam_plus 1.2, lam_minus 0.8, no adverse selection: h(0, q)."""
    peer = [0.17221609, 0.18232937, 0.18855749, 0.19193411, 0.19259837, 0.19041272, 0.18434538]
    depths = cartea_jaimungal_depths(30.0, **(CHECK | {"arrival_rate": (0.8, 1.2)}))
    np.testing.assert_allclose(depths.value, peer, rtol=0, atol=1.2e-7)


@pytest.mark.parametrize(
    ("kappa", "sells", "buys", "phi", "alpha", "bound", "seconds"),
    [(50.0, 0.6, 0.9, 5e-4, 2e-4, 4, 8.0), (20.0, 1.5, 1.5, 1e-3, 0.0, 2, 4.0), (120.0, 0.3, 0.2, 0.0, 1e-3, 3, 10.0)],
)
def test_the_package_on_pypi_gives_the_same_values(
    kappa: float, sells: float, buys: float, phi: float, alpha: float, bound: int, seconds: float
) -> None:
    peer: Any = pytest.importorskip("avellaneda_stoikov", reason="the oracle is not installed (extra: test)")
    given = {"kappa_plus": kappa, "kappa_minus": kappa, "lam_plus": buys, "lam_minus": sells, "sigma": 1.0}
    given |= {"phi": phi, "alpha": alpha, "q_max": bound, "T": seconds, "n_steps": 8_000}
    _, values = peer.solve_value_function(peer.ASParams(**given))
    ours = cartea_jaimungal_depths(
        seconds,
        kappa=kappa,
        arrival_rate=(sells, buys),
        running_penalty=phi,
        terminal_penalty=alpha,
        max_inventory=bound,
    )
    # Its steps are finite differences of the first order: errors of a few steps' length.
    np.testing.assert_allclose(ours.value, values[0], rtol=0, atol=5e-5)


def best_response(gain: float, kappa: float) -> tuple[float, float]:
    """The depth that maximises exp(-kappa depth) (depth + gain), found by looking, and the maximum."""
    grid = np.linspace(-0.2, 0.2, 400_001)
    worth = np.exp(-kappa * grid) * (grid + gain)
    best = int(np.argmax(worth))
    return float(grid[best]), float(worth[best])


def test_with_adverse_selection_the_depths_solve_the_control_problem() -> None:
    """Runge-Kutta steps of the equation of section 10.4, its maxima by formula and, at the end, by search."""
    sells, buys, fall, rise, kappa, phi, alpha, bound = 0.8, 1.2, 0.003, 0.002, 100.0, 2e-4, 1e-4, 3
    q = np.arange(-bound, bound + 1.0)
    h = -alpha * q**2

    def slope(h: np.ndarray) -> np.ndarray:
        found = -phi * q**2 + q * (buys * rise - sells * fall)
        found[:-1] += sells / kappa * np.exp(-1 - kappa * fall + kappa * np.diff(h))
        found[1:] += buys / kappa * np.exp(-1 - kappa * rise - kappa * np.diff(h))
        return found

    dt = 10.0 / 4000
    for _ in range(4000):
        a = slope(h)
        b = slope(h + dt / 2 * a)
        c = slope(h + dt / 2 * b)
        h = h + dt / 6 * (a + 2 * b + 2 * c + slope(h + dt * c))
    depths = cartea_jaimungal_depths(
        10.0,
        kappa=kappa,
        arrival_rate=(sells, buys),
        running_penalty=phi,
        terminal_penalty=alpha,
        max_inventory=bound,
        adverse_selection=(fall, rise),
    )
    np.testing.assert_allclose(depths.value, h, rtol=0, atol=1e-10)
    for i in range(2 * bound):
        # A market sell that hits the bid: the lot is worth `fall` less a moment later.
        depth, worth = best_response(h[i + 1] - h[i] - fall, kappa)
        assert depths.bid[i] == pytest.approx(depth, abs=2e-6)
        assert worth == pytest.approx(math.exp(-1 - kappa * fall + kappa * (h[i + 1] - h[i])) / kappa, rel=1e-8)
        assert depths.ask[i + 1] == pytest.approx(best_response(h[i] - h[i + 1] - rise, kappa)[0], abs=2e-6)


def test_adverse_selection_widens_and_unequal_flow_leans_with_it() -> None:
    plain = cartea_jaimungal_stationary(kappa=100.0, arrival_rate=1.0, running_penalty=2e-4, max_inventory=3)
    picked = cartea_jaimungal_stationary(
        kappa=100.0, arrival_rate=1.0, running_penalty=2e-4, max_inventory=3, adverse_selection=0.002
    )
    assert plain.bid[3] == pytest.approx(plain.ask[3], abs=1e-14)
    assert picked.bid[3] == pytest.approx(picked.ask[3], abs=1e-14)
    assert picked.bid[3] > plain.bid[3] + 0.0015
    buyers = cartea_jaimungal_stationary(
        kappa=100.0, arrival_rate=(0.5, 1.5), running_penalty=2e-4, max_inventory=3, adverse_selection=0.002
    )
    assert buyers.bid[3] < picked.bid[3], "the mid drifts up: inventory is wanted"
    assert buyers.ask[3] > picked.ask[3]


def test_a_long_position_lowers_both_quotes_and_a_larger_penalty_leans_more() -> None:
    depths = cartea_jaimungal_depths(30.0, **CHECK)
    more = cartea_jaimungal_depths(30.0, **(CHECK | {"running_penalty": 1e-3}))
    assert (np.diff(depths.bid[:-1]) > 0).all()
    assert (np.diff(depths.ask[1:]) < 0).all()
    assert more.bid[4] - more.ask[4] > depths.bid[4] - depths.ask[4] > 0


def test_at_the_end_only_the_terminal_penalty_counts() -> None:
    depths = cartea_jaimungal_depths(0.0, **CHECK)
    q = np.arange(-3, 3)
    np.testing.assert_allclose(depths.bid[:-1], 0.01 + 1e-4 * ((q + 1) ** 2 - q**2), rtol=0, atol=1e-15)


def test_long_before_the_end_the_steady_depths_are_reached() -> None:
    steady = cartea_jaimungal_stationary(kappa=100.0, arrival_rate=1.0, running_penalty=2e-4, max_inventory=3)
    np.testing.assert_allclose(cartea_jaimungal_depths(500.0, **CHECK).bid[:-1], steady.bid[:-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kappa": 0.0}, "kappa is 0.0"),
        ({"running_penalty": -1.0}, "running_penalty is -1.0"),
        ({"terminal_penalty": math.nan}, "terminal_penalty is nan"),
        ({"arrival_rate": (1.0, 0.0)}, "arrival_rate of buys is 0.0"),
        ({"arrival_rate": (1.0, 1.0, 1.0)}, "3 numbers"),
        ({"adverse_selection": (-0.1, 0.0)}, "adverse_selection of sells is -0.1"),
        ({"max_inventory": 1000}, "max_inventory is 1000; expected a whole number of lots, 1 to 500"),
    ],
)
def test_input_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cartea_jaimungal_depths(30.0, **(CHECK | changes))
    with pytest.raises(ValueError, match="ascending"):
        cartea_jaimungal_depths([2.0, 1.0], **CHECK)
    with pytest.raises(ValueError, match="time_left is empty"):
        cartea_jaimungal_depths([], **CHECK)
