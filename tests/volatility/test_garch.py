"""GARCH through `arch`: the fit is arch's own in our units, known parameters are found; without arch, how to get it."""

from __future__ import annotations

import math
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.volatility import fit_garch

SEED = 20266
OMEGA, ALPHA, BETA = 2e-8, 0.08, 0.88


def simulated(n: int = 6_000, gamma: float = 0.0) -> pd.Series:
    rng = np.random.default_rng(SEED)
    returns, variance = np.empty(n), OMEGA / (1 - ALPHA - gamma / 2 - BETA)
    for i, shock in enumerate(rng.standard_normal(n)):
        returns[i] = math.sqrt(variance) * shock
        variance = OMEGA + (ALPHA + gamma * (returns[i] < 0)) * returns[i] ** 2 + BETA * variance
    return pd.Series(returns, index=pd.date_range("2026-01-01", periods=n, freq="5min", tz="UTC"))


def test_without_arch_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(ImportError, match=r"pip install 'lmex-workbench\[research\]'"):
        fit_garch(simulated(300))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_returns_that_cannot_be_fitted_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="return 5 is"):
        fit_garch(np.where(np.arange(300) == 5, bad, simulated(300)))
    with pytest.raises(ValueError, match="at least 250"):
        fit_garch(simulated(200))
    with pytest.raises(ValueError, match="at least 2"):
        fit_garch([])
    with pytest.raises(ValueError, match="do not move"):
        fit_garch(np.zeros(300))
    with pytest.raises(ValueError, match="horizon"):
        fit_garch(simulated(300), horizon=0)


def test_known_parameters_are_found_within_four_errors_and_in_our_units() -> None:
    pytest.importorskip("arch", reason="arch is not installed (extra: research)")
    returns = simulated()
    fit = fit_garch(returns, horizon=500)
    for name, true in (("omega", OMEGA), ("alpha[1]", ALPHA), ("beta[1]", BETA)):
        value, error = fit.parameters.loc[name]
        assert abs(value - true) < 4 * error, name
    assert fit.persistence == pytest.approx(0.96, abs=0.03)
    assert fit.variance.index.equals(returns.index)
    assert fit.long_run_variance == pytest.approx(5e-7, rel=0.3)
    # Far ahead the expected variance goes to the long run's, by the persistence at each step.
    gap = fit.expected - fit.long_run_variance
    np.testing.assert_allclose(gap.to_numpy()[1:] / gap.to_numpy()[:-1], fit.persistence, rtol=1e-3)


def test_the_recursion_and_the_likelihood_are_those_of_the_formula() -> None:
    pytest.importorskip("arch", reason="arch is not installed (extra: research)")
    returns = simulated(2_000, gamma=0.05)
    fit = fit_garch(returns, o=1)
    omega, alpha, gamma, beta = (
        float(fit.parameters.loc[n, "value"]) for n in ("omega", "alpha[1]", "gamma[1]", "beta[1]")
    )  # type: ignore[arg-type]
    assert fit.persistence == pytest.approx(alpha + gamma / 2 + beta)
    r, s = returns.to_numpy(), fit.variance.to_numpy()
    np.testing.assert_allclose(s[1:], omega + (alpha + gamma * (r[:-1] < 0)) * r[:-1] ** 2 + beta * s[:-1], rtol=1e-9)
    likelihood = -0.5 * np.sum(np.log(2 * math.pi * s) + r**2 / s)
    assert fit.log_likelihood == pytest.approx(likelihood, rel=1e-9)
    assert fit.expected.loc[1] == pytest.approx(
        omega + (alpha + gamma * (r[-1] < 0)) * r[-1] ** 2 + beta * s[-1], rel=1e-9
    )
