"""The realised estimators event by event: constant work for each price, the same numbers as their array forms.

Feed `update(t_ns, price)`; read `variance`. A stream sums from its start (or its last `reset`): to follow volatility
as it changes, use `EwmaVolatility`, or reset once a period.
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from workbench.checks import whole
from workbench.volatility import stepping
from workbench.volatility.arrays import Floats, Ints
from workbench.volatility.inputs import NS, Sampling, nanoseconds, read_sampling
from workbench.volatility.kernel import LEAST_RETURNS as LEAST_FOR_KERNEL
from workbench.volatility.kernel import parzen_weights
from workbench.volatility.realised import LEAST_RETURNS, JumpTest, bipower, judged, two_scale
from workbench.volatility.stepping import COUNT, COVERED, CROSS, MAX_GAP, PAIRS, SPAN, SUM
from workbench.volatility.units import Variance

__all__ = ["BipowerVariance", "RealisedKernel", "RealisedVariance", "SubsampledVariance", "TwoScaleVariance"]


class PriceStream:
    """What the streams share: the clock, the holes, the running sums.

    Parameters
    ----------
    kind : int
        Of `stepping`.
    lag : int
        How many observations it remembers.
    weights : ndarray, optional
        Of the lags, for the kernel.
    least : int
        Returns before `variance` is given.
    bin_ns : int
        Width of a time-of-day bin.
    **sampling
        As in `Sampling`.
    """

    __slots__ = ("_clock", "_least", "_sums")

    def __init__(
        self,
        kind: int,
        lag: int,
        weights: Floats | None = None,
        least: int = LEAST_RETURNS,
        bin_ns: int = 0,
        **sampling: Unpack[Sampling],
    ) -> None:
        step_s, origin_ns, max_gap_ns, gaps = read_sampling(**sampling)
        step_ns = 0 if step_s is None else nanoseconds(step_s)
        settings = (kind, step_ns, origin_ns, max_gap_ns, int(gaps == "break"), lag, bin_ns)
        self._clock, self._sums = stepping.make_state(settings, np.zeros(1) if weights is None else weights)
        self._least = least

    def update(self, t_ns: int, price: float) -> None:
        """Take a price at a time in nanoseconds.

        Raises
        ------
        ValueError
            If the price is not a positive finite number, time runs backwards, or a hole is not to be broken at.
        """
        code = stepping.step_price(self._clock, self._sums, t_ns, price)
        if code:
            self._refuse(code, t_ns, price)

    def break_series(self) -> None:
        """Forget the last price, not the estimate: no return is taken over a gap in the data."""
        stepping.break_here(self._clock, self._sums)

    def reset(self) -> None:
        """Start the sums afresh, as before the first price."""
        self._clock[stepping.SETTINGS :] = 0
        weights = self._clock[stepping.LAG] * 2 + stepping.SUMS_SIZE
        self._sums[:weights] = 0.0

    @property
    def samples(self) -> int:
        """Returns taken in so far."""
        return int(self._read()[0][COUNT])

    @property
    def variance(self) -> Variance:
        """Fraction^2 over the time so far; NaN until there are enough returns."""
        clock, sums = self._read()
        count, span_s = int(clock[COUNT]), int(clock[SPAN]) / NS
        return Variance(self._value(clock, sums) if count >= self._least else math.nan, span_s, count)

    def _value(self, clock: Ints, sums: Floats) -> float:  # noqa: ARG002
        return float(sums[SUM])

    def _read(self) -> tuple[Ints, Floats]:
        return stepping.closed(self._clock, self._sums)

    def _refuse(self, code: int, t_ns: int, price: float) -> None:
        last = int(self._clock[stepping.LAST])
        if code == stepping.BAD_PRICE:
            raise ValueError(f"price is {price!r}; expected a positive finite number")
        if code == stepping.BAD_TIME:
            raise ValueError(f"time is {t_ns} ns; expected at least {last} ns, the one before")
        raise ValueError(
            f"no price for {(t_ns - last) / NS:g} s, more than max_gap_s = {self._clock[MAX_GAP] / NS:g}; call "
            "break_series() first, or make the stream with gaps='break'"
        )


class RealisedVariance(PriceStream):
    """Streaming `realised_variance`: O(1) for each price and grid point.

    Parameters
    ----------
    **sampling
        As in `Sampling`.
    """

    __slots__ = ()

    def __init__(self, **sampling: Unpack[Sampling]) -> None:
        super().__init__(stepping.PLAIN, 1, **sampling)


class LaggedStream(PriceStream):
    """What the streams over sub-grids share.

    Parameters
    ----------
    subgrids : int
        K, at least 2.
    **sampling
        As in `Sampling`.
    """

    __slots__ = ("_subgrids",)

    def __init__(self, subgrids: int, **sampling: Unpack[Sampling]) -> None:
        whole("subgrids", subgrids, "grids", low=2)
        super().__init__(stepping.LAGGED, subgrids, None, 2 * subgrids, **sampling)
        self._subgrids = subgrids


class SubsampledVariance(LaggedStream):
    """Streaming `subsampled_variance`, parameters as there: O(1) for each price and grid point."""

    __slots__ = ()

    @property
    def variance(self) -> Variance:
        """Fraction^2 over the mean time that a grid covers so far; NaN before 2 K returns."""
        found = super().variance
        return Variance(float(found), int(self._read()[0][COVERED]) / self._subgrids / NS, found.samples)

    def _value(self, clock: Ints, sums: Floats) -> float:  # noqa: ARG002
        return float(sums[CROSS]) / self._subgrids


class TwoScaleVariance(LaggedStream):
    """Streaming `two_scale_variance`, parameters as there: O(1) for each price and grid point."""

    __slots__ = ()

    def _value(self, clock: Ints, sums: Floats) -> float:
        return two_scale(float(sums[SUM]), float(sums[CROSS]), int(clock[COUNT]), int(clock[PAIRS]), self._subgrids)


class RealisedKernel(PriceStream):
    """Streaming `realised_kernel` with a given bandwidth: O(H) for each price and grid point, whatever came before.

    Parameters
    ----------
    bandwidth : int
        H; the rule that chooses it needs the whole sample, so take that of yesterday (`parzen_bandwidth`).
    **sampling
        As in `Sampling`.
    """

    __slots__ = ()

    def __init__(self, bandwidth: int, **sampling: Unpack[Sampling]) -> None:
        weights = parzen_weights(bandwidth)
        super().__init__(stepping.KERNEL, bandwidth, weights, max(bandwidth + 1, LEAST_FOR_KERNEL), **sampling)

    def _value(self, clock: Ints, sums: Floats) -> float:  # noqa: ARG002
        return float(sums[SUM] + 2.0 * sums[CROSS])


class BipowerVariance(PriceStream):
    """Streaming `bipower_variance` and `jump_test`: O(1) for each price and grid point.

    Parameters
    ----------
    **sampling
        As in `Sampling`.
    """

    __slots__ = ()

    def __init__(self, **sampling: Unpack[Sampling]) -> None:
        super().__init__(stepping.BIPOWER, 1, **sampling)

    def jump_test(self) -> JumpTest:
        """The test of all returns so far; raises `ValueError` while they are too few."""
        clock, sums = self._read()
        counts = int(clock[COUNT]), int(clock[PAIRS]), int(clock[stepping.TRIPLES])
        return judged(float(sums[SUM]), float(sums[CROSS]), float(sums[stepping.TRIPLE]), counts, int(clock[SPAN]) / NS)

    def _value(self, clock: Ints, sums: Floats) -> float:
        return bipower(float(sums[CROSS]), int(clock[COUNT]), int(clock[PAIRS])) if clock[PAIRS] else math.nan
