"""Other people's packages give the same numbers where they are right; each is skipped where it is not installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench import volatility

SEED = 20267


def moves(n: int = 5_000) -> np.ndarray:
    return np.random.default_rng(SEED).normal(0, 1e-4, n)


def test_arch_gives_the_same_ewma_variance() -> None:
    arch: Any = pytest.importorskip("arch.univariate")
    values = moves()
    bounds = np.column_stack([np.full(len(values), 1e-18), np.full(len(values), 1e3)])
    theirs = arch.EWMAVariance(0.94).compute_variance(np.array([]), values, np.empty_like(values), 1e-8, bounds)
    np.testing.assert_allclose(volatility.ewma_variance(values, 0.94, 1e-8), theirs, rtol=0, atol=1e-17)


def test_volstats_gives_the_same_four_bar_estimates() -> None:
    # Its Yang-Zhang and its Garman-Klass-Yang-Zhang are wrong, so they are no oracles.
    volstats: Any = pytest.importorskip("volstats")
    paths = np.exp(np.cumsum(moves(6_000).reshape(300, 20), axis=1))
    bars = pd.DataFrame({"Open": paths[:, 0], "High": paths.max(1), "Low": paths.min(1), "Close": paths[:, -1]})
    for name in ("close_to_close", "parkinson", "garman_klass", "rogers_satchell"):
        ours = getattr(volatility, f"{name}_variance")(bars)
        theirs = getattr(volstats, f"{name}_vol")(bars, return_annualized=False)
        assert math.sqrt(ours) == pytest.approx(theirs, rel=1e-12), name


def test_mfe_toolbox_gives_the_same_realised_measures() -> None:
    # Its two-scale estimator is broken, so it is no oracle.
    mfe: Any = pytest.importorskip("mfe.realized")
    values = moves()
    prices = np.exp(np.r_[0.0, np.cumsum(values)])
    n = len(values)
    assert volatility.realised_variance(prices) == pytest.approx(mfe.realized_variance(values).value, rel=1e-10)
    bipower = mfe.realized_bipower_variation(values).value * n / (n - 1)
    assert volatility.bipower_variance(prices) == pytest.approx(bipower, rel=1e-10)
    kernel = mfe.realized_kernel(values, bandwidth=35, jitter=False).rk
    assert volatility.realised_kernel(prices, bandwidth=35) == pytest.approx(kernel, rel=1e-10)
