"""Poisson regression with a log link and exposure, for the two parameters of an intensity that falls with distance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.quoting.intensity_fit import CalibrationError

__all__ = ["covariance_of", "maximise"]

Vector = NDArray[np.float64]

NEWTON_STEPS = 100


def maximise(levels: Vector, counted: Vector, exposure: Vector) -> tuple[float, float, Vector]:
    """Intercept, decay and expected counts that maximise the Poisson likelihood."""
    total = counted.sum()
    nearest, farthest = levels[0], levels[-1]
    centre = float(counted @ levels / total) if total else math.nan
    if levels.size < 2 or not nearest < centre < farthest:
        raise CalibrationError(
            f"{total:g} events at {np.count_nonzero(counted)} of {levels.size} distances determine no decay; "
            "expected events at two distances or more"
        )
    scale = farthest - nearest
    design = np.column_stack((np.ones(levels.size), (centre - levels) / scale))
    found = np.array([math.log(total / exposure.sum()), 0.0])
    likelihood = _log_likelihood(design, counted, exposure, found)
    for _ in range(NEWTON_STEPS):
        expected = exposure * np.exp(design @ found)
        step = np.linalg.solve(design.T @ (expected[:, None] * design), design.T @ (counted - expected))
        while (better := _log_likelihood(design, counted, exposure, found + step)) < likelihood - 1e-9 * abs(
            likelihood
        ):
            step /= 2.0
        found += step
        likelihood = better
        if np.max(np.abs(step)) < 1e-10:
            break
    else:
        raise CalibrationError(f"Newton's method did not settle in {NEWTON_STEPS} steps; look at the counts: {counted}")
    k = float(found[1]) / scale
    return float(found[0]) + k * centre, k, exposure * np.exp(design @ found)


def _log_likelihood(design: Vector, counted: Vector, exposure: Vector, at: Vector) -> float:
    logs = design @ at
    if np.max(logs) > 700.0:
        return -math.inf
    return float(counted @ logs - exposure @ np.exp(logs))


def covariance_of(levels: Vector, expected: Vector) -> Vector:
    """Of ln A and k: the inverse of the Fisher information X' diag(expected) X."""
    design = np.column_stack((np.ones(levels.size), -levels))
    return np.asarray(np.linalg.inv(design.T @ (expected[:, None] * design)), dtype=np.float64)
