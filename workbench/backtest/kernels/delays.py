"""How long a message takes, compiled: constant, interpolated between measurements, or with a random tail."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import borrowing, inlined, inner, types

__all__ = [
    "CONSTANT",
    "ENTRY",
    "JITTERED",
    "LATENCY",
    "MEASURED",
    "RESPONSE",
    "LatencyTable",
    "delay",
    "first_after",
]

ENTRY, RESPONSE = 0, 1
CONSTANT, MEASURED, JITTERED = range(3)
MODE, BASE, JITTER, SEED = 0, 1, 3, 5


class LatencyTable(NamedTuple):
    """What the compiled loop reads: `settings` int64[6], measured stamps and delays, ns."""

    settings: NDArray[np.int64]
    stamps: NDArray[np.int64]
    delays: NDArray[np.int64]


LATENCY = types.NamedTuple((types.int64[::1], types.int64[::1], types.int64[:, ::1]), LatencyTable)


@borrowing(types.float64(types.int64, types.int64))
def uniform(seed: int, count: int) -> float:
    """A number in (0, 1) that depends on seed and count alone: the same message waits as long in every run."""
    z = np.uint64(seed) + np.uint64(count + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (np.float64(z >> np.uint64(11)) + 0.5) / 9007199254740992.0


@inner(types.int64(types.int64[::1], types.int64))
def last_at(stamps: NDArray[np.int64], t_ns: int) -> int:
    """The last of sorted stamps at or before a time; -1 before the first."""
    low, high = 0, stamps.size
    while low < high:
        middle = (low + high) // 2
        if stamps[middle] <= t_ns:
            low = middle + 1
        else:
            high = middle
    return low - 1


@inner(types.int64(types.int64[::1], types.int64, types.int64))
def first_after(stamps: NDArray[np.int64], start: int, stamp: int) -> int:
    """Index of the first entry from `start` on that is later than a stamp, in steps that double: it is mostly near."""
    step, low = 1, start
    while low + step <= stamps.size and stamps[low + step - 1] <= stamp:
        low += step
        step *= 2
    high = min(low + step, stamps.size)
    while low < high:
        middle = (low + high) // 2
        if stamps[middle] <= stamp:
            low = middle + 1
        else:
            high = middle
    return low


@borrowing(types.int64(LATENCY, types.int64, types.int64, types.int64))
def varying_delay(latency: LatencyTable, way: int, t_ns: int, count: int) -> int:
    """Delay of a message that is not constant."""
    settings = latency.settings
    if settings[MODE] == JITTERED:
        tail = -math.log(uniform(settings[SEED], 2 * count + way)) * settings[JITTER + way]
        return int(settings[BASE + way] + int(tail))
    stamps = latency.stamps
    after = last_at(stamps, t_ns) + 1
    if after == 0:
        return int(latency.delays[0, way])
    if after == stamps.size:
        return int(latency.delays[stamps.size - 1, way])
    share = (t_ns - stamps[after - 1]) / (stamps[after] - stamps[after - 1])
    low, high = latency.delays[after - 1, way], latency.delays[after, way]
    return int(low + int(share * (high - low)))


@inlined
def delay(latency: LatencyTable, way: int, t_ns: int, count: int) -> int:
    """How long message number `count` of a way (ENTRY, RESPONSE) takes from `t_ns` on."""
    if latency.settings[MODE] == CONSTANT:
        return int(latency.settings[BASE + way])
    return varying_delay(latency, way, t_ns, count)
