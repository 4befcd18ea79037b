"""Bipower variance leaves jumps out, and the test finds them and little else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.volatility import BipowerVariance, bipower_variance, jump_test, realised_variance
from workbench.volatility.realised import MU_43

SEED = 20263
STEPS, DAYS = 288, 2_000


def days(jump: float = 0.0) -> np.ndarray:
    """Prices of five-minute steps at 3 % a day, each day with one jump at a random place."""
    rng = np.random.default_rng(SEED)
    moves = rng.normal(0.0, 0.03 / math.sqrt(STEPS), (DAYS, STEPS))
    moves[np.arange(DAYS), rng.integers(0, STEPS, DAYS)] += jump
    return np.exp(np.cumsum(np.column_stack([np.zeros(DAYS), moves]), axis=1))


def test_the_statistic_is_the_ratio_form_of_the_paper() -> None:
    moves = np.diff(np.log(days(0.02)[0]))
    n, size = len(moves), np.abs(moves)
    rv, bv = moves @ moves, math.pi / 2 * n / (n - 1) * (size[1:] @ size[:-1])
    drawn = np.abs(np.random.default_rng(SEED).normal(size=10**6)) ** (4 / 3)
    assert float(np.mean(drawn)) == pytest.approx(MU_43, rel=0.003)
    triple = np.sum((size[2:] * size[1:-1] * size[:-2]) ** (4 / 3))
    tq = n * MU_43**-3 * n / (n - 2) * triple
    z = (1 - bv / rv) / math.sqrt((math.pi**2 / 4 + math.pi - 5) / n * max(1, tq / bv**2))
    found = jump_test(days(0.02)[0])
    assert found.z == pytest.approx(z, rel=1e-9)
    assert found.p_value == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)), rel=1e-9)
    assert found.jump_share == pytest.approx(max(0.0, 1 - bv / rv), rel=1e-9)


def test_without_jumps_one_day_in_a_hundred_is_called_one() -> None:
    found = [jump_test(day).p_value for day in days()]
    # 20 of 2,000 expected, the statistic being a little wide in samples of 288: three times the error of a count of 30.
    assert np.mean(np.array(found) < 0.01) == pytest.approx(0.012, abs=0.009)
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.05)


def test_a_jump_of_a_third_of_the_variance_is_found_and_left_out() -> None:
    with_jumps = days(0.0212)  # 0.0212^2 is half of 0.03^2
    tested = [jump_test(day) for day in with_jumps[:500]]
    assert np.mean([test.p_value < 0.01 for test in tested]) > 0.95
    # A third, less what the two products of the jump with its neighbours leave in bipower on so coarse a grid.
    left_in = 2 * 0.0212 * 0.03 / math.sqrt(STEPS) * math.sqrt(2 / math.pi) * math.pi / 2
    expected = 1 - (9e-4 + left_in) / (1.5 * 9e-4)
    assert np.mean([test.jump_share for test in tested]) == pytest.approx(expected, abs=0.02)
    smooth = np.mean([bipower_variance(day) for day in with_jumps])
    whole = np.mean([realised_variance(day) for day in with_jumps])
    assert smooth == pytest.approx(9e-4 + left_in, rel=0.02)
    assert whole == pytest.approx(1.5 * 9e-4, rel=0.02)


def test_nothing_is_said_of_too_few_returns_or_of_prices_that_do_not_move() -> None:
    with pytest.raises(ValueError, match="expected at least 20"):
        jump_test(days()[0][:15])
    with pytest.raises(ValueError, match="no two neighbouring returns moved"):
        jump_test(np.ones(100))
    stream = BipowerVariance()
    with pytest.raises(ValueError, match="expected at least 20"):
        stream.jump_test()
