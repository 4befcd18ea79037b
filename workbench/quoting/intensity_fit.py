"""What a calibration hands over: A and k with their errors, the range they were fitted on, and how well they fit.

Units everywhere: distances and depths in ticks from the mid, A per second, k per tick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from workbench.checks import number, whole
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CalibrationError", "IntensityFit", "Rings", "chi_square_tail", "compare_rings"]

SIDES = ("buy", "sell", "both")
FEWEST_EXPECTED = 5.0
"""Rings with fewer expected events are merged with the next: the chi-square law is poor below (Cochran 1954)."""


class CalibrationError(WorkbenchError, ValueError):
    """The data allow no estimate of A and k, or the estimate is too poor to quote by."""


class Rings(NamedTuple):
    """Events counted against events expected, in disjoint rings of distance that the fit is judged by."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class IntensityFit:
    """An arrival intensity A exp(-k distance), how sure it is and where it holds.

    Parameters
    ----------
    method : str
        How it was estimated.
    side : str
        Takers who were counted: "buy" (they fill asks), "sell" (they fill bids) or "both" (A is the sum of the two).
    a, a_error : float
        A and its standard error, per second: orders that would reach the mid, extrapolated from `fit_range`.
    k, k_error : float
        Decay and its standard error, per tick.
    correlation : float
        Of the errors of ln A and k.
    fit_range : tuple of float
        Distances that were fitted, ticks; beyond them the fit says nothing.
    events : int
        Sweeps or fills that were counted.
    exposure_s : float
        Seconds observed; summed over the orders where orders were counted.
    rings : Rings
        Counts against expectations.
    deviance, chi_square : float
        2 sum [o ln(o/e) - (o - e)] and sum (o - e)^2 / e over the rings; see `fit_log_rates` for its own chi-square.
    degrees_of_freedom : int
        Of the chi-square: rings (distances in a log fit) less the two parameters.
    p_value : float
        Chance of a chi-square this large if the intensity were exponential; NaN without a degree of freedom.
    """

    method: str
    side: str
    a: float
    a_error: float
    k: float
    k_error: float
    correlation: float
    fit_range: tuple[float, float]
    events: int
    exposure_s: float
    rings: Rings = field(repr=False)
    deviance: float
    chi_square: float
    degrees_of_freedom: int
    p_value: float

    UNITS: ClassVar[dict[str, str]] = {
        "a": "1/s",
        "a_error": "1/s",
        "k": "1/tick",
        "k_error": "1/tick",
        "fit_range": "ticks",
        "exposure_s": "s",
    }

    def rate(self, distance: float) -> tuple[float, float]:
        """Fills a second of an order at a distance inside the fit range, and their standard error.

        Raises
        ------
        CalibrationError
            Outside the fit range.
        """
        distance = number("distance", distance, "ticks")
        if not self.fit_range[0] <= distance <= self.fit_range[1]:
            low, high = self.fit_range
            raise CalibrationError(
                f"distance is {distance:g} ticks; this fit holds from {low:g} to {high:g} ticks: fit where you quote"
            )
        found = self.a * math.exp(-self.k * distance)
        relative = self.a_error / self.a
        spread = relative**2 + (distance * self.k_error) ** 2
        spread -= 2.0 * distance * self.correlation * relative * self.k_error
        return found, found * math.sqrt(max(spread, 0.0))

    def require(
        self, *, min_p_value: float = 0.01, min_events: int = 100, max_relative_error: float = 0.25
    ) -> IntensityFit:
        """This fit, if it is good enough to quote by.

        Parameters
        ----------
        min_p_value : float
            Least chance of so large a chi-square; 0 accepts any shape, which is then your own judgement.
        min_events : int
            Fewest events.
        max_relative_error : float
            Largest standard error of A and of k, as a share of each.

        Returns
        -------
        IntensityFit
            Itself.

        Raises
        ------
        CalibrationError
            With every reason why not.
        """
        problems = []
        min_p_value = number("min_p_value", min_p_value, "1", low=0.0)
        max_relative_error = number("max_relative_error", max_relative_error, "1", above=0.0)
        whole("min_events", min_events, "events", low=0)
        if self.events < min_events:
            problems.append(f"{self.events} events; expected {min_events} or more: observe longer")
        for name, value, error in (("A", self.a, self.a_error), ("k", self.k, self.k_error)):
            if not error <= max_relative_error * value:
                problems.append(
                    f"{name} is {value:.4g} +- {error:.2g}; expected an error of at most {max_relative_error:.0%}: "
                    "observe longer or widen the range"
                )
        if self.degrees_of_freedom < 1:
            problems.append("no degree of freedom is left to judge the shape by: take more distances or more events")
        elif not self.p_value >= min_p_value:
            problems.append(
                f"chi-square {self.chi_square:.1f} on {self.degrees_of_freedom} degrees, p {self.p_value:.2g}; "
                f"expected p of at least {min_p_value:g}: the intensity is not exponential over this range, narrow it"
            )
        if problems:
            low, high = self.fit_range
            raise CalibrationError(f"{self.method} over {low:g} to {high:g} ticks is refused: " + "; ".join(problems))
        return self

    def frame(self) -> pd.DataFrame:
        """The rings as a table: bounds in ticks, events observed and expected."""
        import pandas as pd

        return pd.DataFrame(self.rings._asdict())

    def __str__(self) -> str:
        low, high = self.fit_range
        return (
            f"{self.method}, {self.side}: A {self.a:.4g} +- {self.a_error:.2g} /s, k {self.k:.4g} +- {self.k_error:.2g}"
            f" /tick over {low:g} to {high:g} ticks; {self.events} events in {self.exposure_s:g} s; chi-square "
            f"{self.chi_square:.1f} on {self.degrees_of_freedom}, p {self.p_value:.2g}"
        )

    @classmethod
    def judged(
        cls,
        method: str,
        side: str,
        log_a: float,
        k: float,
        covariance: NDArray[np.float64],
        fit_range: tuple[float, float],
        events: int,
        exposure_s: float,
        rings: Rings,
        *,
        test: tuple[float, int] | None = None,
    ) -> Self:
        """A fit from ln A, k and their covariance, judged by its rings, or by a test that is given."""
        if side not in SIDES:
            raise ValueError(f"side is {side!r}; expected one of {', '.join(SIDES)}")
        if not k > 0.0:
            raise CalibrationError(
                f"k is {k:.4g} per tick; expected over 0: these events do not get fewer with distance, "
                "look at more distances or at more data"
            )
        merged, deviance, chi_square = compare_rings(rings)
        freedom = merged.observed.size - 2
        if test is not None:
            chi_square, freedom = test
        errors = np.sqrt(np.diag(covariance))
        correlation = float(covariance[0, 1] / (errors[0] * errors[1]))
        a = math.exp(log_a)
        return cls(
            method=method,
            side=side,
            a=a,
            a_error=a * float(errors[0]),
            k=k,
            k_error=float(errors[1]),
            correlation=correlation,
            fit_range=fit_range,
            events=events,
            exposure_s=exposure_s,
            rings=merged,
            deviance=deviance,
            chi_square=chi_square,
            degrees_of_freedom=freedom,
            p_value=chi_square_tail(chi_square, freedom) if freedom > 0 else math.nan,
        )


def compare_rings(rings: Rings) -> tuple[Rings, float, float]:
    """The rings merged to at least five expected events each, their deviance and their Pearson chi-square.

    The deviance is NaN if a ring has fewer than no events, which virtual orders of different distances can leave.
    """
    starts, total = [0], 0.0
    for place, expected in enumerate(rings.expected):
        if total >= FEWEST_EXPECTED:
            starts.append(place)
            total = 0.0
        total += expected
    if total < FEWEST_EXPECTED and len(starts) > 1:
        starts.pop()
    observed = np.add.reduceat(rings.observed, starts)
    expected = np.add.reduceat(rings.expected, starts)
    ends = np.array([*starts[1:], rings.expected.size]) - 1
    merged = Rings(rings.lower[starts], rings.upper[ends], observed, expected)
    for column in merged:
        column.flags.writeable = False
    chi_square = float(np.sum((observed - expected) ** 2 / expected))
    if np.any(observed < 0.0):
        return merged, math.nan, chi_square
    ratio = np.where(observed > 0.0, observed, 1.0) / expected
    deviance = 2.0 * float(np.sum(np.where(observed > 0.0, observed * np.log(ratio), 0.0) - (observed - expected)))
    return merged, deviance, chi_square


def chi_square_tail(value: float, degrees_of_freedom: int) -> float:
    """Chance that a chi-square variable exceeds `value`: the finite sums for whole degrees of freedom.

    Notes
    -----
    Abramowitz and Stegun 26.4.4 and 26.4.5, each term taken through logarithms so that none overflows.
    """
    half = value / 2.0
    if half <= 0.0:
        return 1.0
    odd = degrees_of_freedom % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    for step in range(degrees_of_freedom // 2):
        power = step + odd / 2.0
        total += math.exp(-half + power * math.log(half) - math.lgamma(power + 1.0))
    return min(total, 1.0)
