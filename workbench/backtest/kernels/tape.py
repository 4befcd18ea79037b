"""A feed as the compiled loops read it beside the views that are tabulated: what happens, and what is heard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import types

__all__ = ["TAPE", "TICKER", "Tape", "Ticker"]


class Tape(NamedTuple):
    """The venue's side: the rows of a feed, and when funding is paid."""

    code: NDArray[np.uint8]
    price: NDArray[np.int32]
    size: NDArray[np.int32]
    venue_ns: NDArray[np.int64]
    funding_ns: NDArray[np.int64]


class Ticker(NamedTuple):
    """What is heard at a time, local clock.

    `best_ns`, `bests`: best prices. `mark_ns`, `mark_values`: mark prices, as what a contract is worth at them, money
    units. `late` int64[n, 2]: from which message of the book to which it is too late to quote on.
    """

    best_ns: NDArray[np.int64]
    bests: NDArray[np.int32]
    mark_ns: NDArray[np.int64]
    mark_values: NDArray[np.int64]
    late: NDArray[np.int64]


_I = types.int64[::1]
TAPE = types.NamedTuple((types.uint8[::1], types.int32[::1], types.int32[::1], _I, _I), Tape)
TICKER = types.NamedTuple((_I, types.int32[:, ::1], _I, _I, types.int64[:, ::1]), Ticker)
