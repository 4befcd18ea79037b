"""Decimal prices and sizes as floats, to whole ticks and contracts and back, exactly, a column at a time."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from workbench.errors import DataError

__all__ = ["Grid", "finest_decimal", "finest_step"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOLERANCE = 1e-4
"""Of a step: farther off is no rounding of a float but a value between two steps."""
_LARGEST = 1 << 53


class Grid:
    """Multiples of one step.

    Parameters
    ----------
    step : Decimal
        Tick or contract size.
    what : str
        For errors: "price", "size".
    remedy : str
        For errors: what to do when a value does not fit.
    """

    def __init__(self, step: Decimal, what: str, remedy: str) -> None:
        self.step = step
        exponent = step.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        # step = whole / scale, both exact as floats, so that one correctly rounded division makes the nearest float.
        self._scale = float(10 ** max(0, -exponent))
        self._whole = float(step * 10 ** max(0, -exponent))
        self._what = what
        self._remedy = remedy

    def count(self, values: Floats) -> Ints:
        """How many steps each value is.

        Raises
        ------
        DataError
            For a value that is not finite, or no multiple of the step.
        """
        steps = values * self._scale / self._whole
        counts = np.rint(steps)
        bad = ~(np.abs(steps - counts) <= np.maximum(TOLERANCE, np.abs(steps) * 1e-12)) | (np.abs(counts) > _LARGEST)
        if bad.any():
            value = float(values[np.flatnonzero(bad)[0]])
            raise DataError(f"{self._what} {value!r} is no multiple of {self.step}; {self._remedy}")
        return counts.astype(np.int64)

    def value(self, counts: Ints) -> Floats:
        """The float nearest to each decimal value: what reading its text would give."""
        return np.asarray(counts * self._whole / self._scale, dtype=np.float64)


def finest_step(values: Floats, digits: int = 10) -> Decimal:
    """The largest step that all values are multiples of: what a tick looks like, such as 0.1, 0.25 or 5.

    Parameters
    ----------
    values : float64[n]
        Those that are not positive say nothing.
    digits : int
        Decimals after which a value counts as no decimal number.

    Raises
    ------
    DataError
        If there is none, or nothing to look at.
    """
    exponent, counts = _as_decimals(values, digits)
    return Decimal(int(np.gcd.reduce(counts))).scaleb(-exponent).normalize()


def finest_decimal(values: Floats, digits: int = 10) -> Decimal:
    """The largest of 1, 0.1, 0.01, ... that all values are multiples of: what a contract size looks like.

    Raises
    ------
    DataError
        As `finest_step`.
    """
    return Decimal(1).scaleb(-_as_decimals(values, digits)[0])


def _as_decimals(values: Floats, digits: int) -> tuple[int, Ints]:
    """How many decimals the values need, and the values without the point."""
    positive = np.unique(values[values > 0])
    for exponent in range(digits + 1):
        scaled = positive * 10.0**exponent
        counts = np.rint(scaled)
        if positive.size and (np.abs(scaled - counts) <= np.maximum(1e-6, scaled * 1e-12)).all():
            return exponent, counts.astype(np.int64)
    raise DataError(f"{positive.size} values show no decimal step down to 1e-{digits}; say the step yourself")
