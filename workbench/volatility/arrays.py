"""The types of the arrays that estimators pass about, for the type checker and for compiled functions."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

__all__ = ["FLOATS", "INTS", "READ_FLOATS", "READ_INTS", "Floats", "Ints"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOATS = types.float64[::1]
INTS = types.int64[::1]

# What pandas hands out is read-only; a function that takes such an array takes a writable one as well.
READ_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
READ_INTS = types.Array(types.int64, 1, "C", readonly=True)
