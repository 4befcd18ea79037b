"""The message budget: a token bucket on the events' own time, whole numbers only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types
from workbench.events import NS

__all__ = ["RATE_PAUSE_NS", "MessageBudget", "available_tokens", "make_bucket", "pause_bucket", "take_tokens"]

RATE_PAUSE_NS = NS
"""Nothing new is sent for so long after the venue's rate limits refused an order."""

CREDIT, LAST_NS, RATE_NS, CAPACITY = range(4)
"""Slots of a bucket, ns: a message costs RATE_NS of credit."""

_BUCKET = types.int64[::1]


def make_bucket(per_second: float) -> NDArray[np.int64]:
    """A full bucket: so many tokens come back a second, and a second's worth may be used at once."""
    if not 0 < per_second < 1e6:
        raise ValueError(f"messages per second are {per_second!r}; expected more than 0 and less than a million")
    rate_ns = round(NS / per_second)
    capacity = max(NS, rate_ns)
    return np.array([capacity, 0, rate_ns, capacity], dtype=np.int64)


@compiled(types.int64(_BUCKET, types.int64))
def available_tokens(bucket: NDArray[np.int64], now_ns: int) -> int:
    """Tokens at this time; time that runs backwards brings none."""
    elapsed = now_ns - bucket[LAST_NS]
    if elapsed > 0:
        if bucket[LAST_NS] > 0:
            bucket[CREDIT] = min(bucket[CAPACITY], bucket[CREDIT] + elapsed)
        bucket[LAST_NS] = now_ns
    return int(bucket[CREDIT] // bucket[RATE_NS])


@compiled(types.void(_BUCKET, types.int64))
def take_tokens(bucket: NDArray[np.int64], count: int) -> None:
    """Use tokens that `available_tokens` has shown."""
    bucket[CREDIT] -= count * bucket[RATE_NS]


@compiled(types.void(_BUCKET, types.int64))
def pause_bucket(bucket: NDArray[np.int64], until_ns: int) -> None:
    """No tokens before this time: the venue asked for silence."""
    bucket[CREDIT] = 0
    bucket[LAST_NS] = max(bucket[LAST_NS], until_ns)


class MessageBudget:
    """How many orders may be sent now. Places and amends take tokens; cancels never wait for one.

    Parameters
    ----------
    per_second : float
        Rate at which tokens come back; a second's worth may be used at once.
    """

    __slots__ = ("_bucket",)

    def __init__(self, per_second: float) -> None:
        self._bucket = make_bucket(per_second)

    def set_rate(self, per_second: float) -> None:
        """Another rate from now on; what was used up stays used up, however often the rate is set."""
        self._bucket[RATE_NS:] = make_bucket(per_second)[RATE_NS:]

    def available(self, now_ns: int) -> int:
        """Tokens at this time; time that runs backwards brings none."""
        tokens: int = available_tokens(self._bucket, now_ns)
        return tokens

    def pause(self, until_ns: int) -> None:
        """No tokens before this time: the venue asked for silence."""
        pause_bucket(self._bucket, until_ns)

    def take(self, count: int = 1) -> None:
        """Use tokens that `available` has shown."""
        take_tokens(self._bucket, count)
