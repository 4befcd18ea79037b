"""Rate limits with priority lanes: cancels go first and keep a reserve, the dead-man timer has its own budget.

Plans for half of what the venue allows (lmex-api section 6.4): 7 queries and 35 order requests a second, of which new
and amended orders leave 10 to cancels. The list that verifies a cancel is a query to the venue and counts as one, from
a reserve of its own: a kill that ran into the venue's limit would be answered with five minutes of silence.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from workbench.client.errors import RateLimited
from workbench.clock import NS, Clock

__all__ = ["Lane", "RateLimiter", "Unlimited"]

Lane = Literal["query", "verify", "order", "cancel", "deadman"]
LANES: tuple[Lane, ...] = ("query", "verify", "order", "cancel", "deadman")
URGENT: tuple[Lane, ...] = ("cancel", "verify", "deadman")


class _Bucket:
    """Tokens that refill with time, at most one second's worth."""

    def __init__(self, rate: float, now_ns: int) -> None:
        self.rate = rate
        self.tokens = rate
        self._at_ns = now_ns

    def level(self, now_ns: int) -> float:
        self.tokens = min(self.rate, self.tokens + self.rate * (now_ns - self._at_ns) / NS)
        self._at_ns = now_ns
        return self.tokens


class RateLimiter:
    """The client's request budget.

    Parameters
    ----------
    clock : Clock
        Its monotonic time refills the buckets.
    queries_per_s, orders_per_s : float
        Sustained rates; a burst of one second's worth is possible after silence.
    cancel_reserve : float
        Tokens of the order bucket that only cancels may take.
    verify_reserve : float
        Tokens of the query bucket that only the check after a cancel may take.
    deadman_per_s : float
        Own budget of the cancel-all-after renewals.
    """

    def __init__(
        self,
        clock: Clock,
        queries_per_s: float = 7.0,
        orders_per_s: float = 35.0,
        cancel_reserve: float = 10.0,
        verify_reserve: float = 2.0,
        deadman_per_s: float = 2.0,
    ) -> None:
        now = clock.monotonic_ns()
        self._clock = clock
        orders = _Bucket(orders_per_s, now)
        queries = _Bucket(queries_per_s, now)
        self._buckets: dict[Lane, _Bucket] = {
            "query": queries,
            "verify": queries,
            "order": orders,
            "cancel": orders,
            "deadman": _Bucket(deadman_per_s, now),
        }
        self._floors: dict[Lane, float] = {
            "query": verify_reserve,
            "verify": 0.0,
            "order": cancel_reserve,
            "cancel": 0.0,
            "deadman": 0.0,
        }
        self._queues: dict[Lane, asyncio.Lock] = {lane: asyncio.Lock() for lane in LANES}
        self._blocked_until_ns = dict.fromkeys(LANES, 0)
        self._violations = 0
        self._violated_ns = 0
        self._silent_until_ns = 0

    def try_acquire(self, lane: Lane) -> bool:
        """Take one request from the lane's budget if it has one now and nobody waits in front."""
        return not self._queues[lane].locked() and self._take(lane) <= 0

    async def acquire(self, lane: Lane, max_wait_s: float) -> None:
        """Wait for the lane's turn, first come first served within the lane.

        Raises
        ------
        RateLimited
            If it takes longer than `max_wait_s`. The request was never sent.
        """
        if self.try_acquire(lane):
            return
        deadline = self._clock.monotonic_ns() + round(max_wait_s * NS)
        async with self._queues[lane]:
            while (wait := self._take(lane)) > 0:
                if self._clock.monotonic_ns() + round(wait * NS) > deadline:
                    raise RateLimited(
                        f"the {lane} budget is empty for another {wait:.2f} s; not sent (patience {max_wait_s:g} s)",
                        code=303,
                        retry_after_s=wait,
                    )
                await asyncio.sleep(wait)

    def penalise(self, retry_after_s: float | None) -> float:
        """Be silent after the venue said "rate limit"; returns for how long, seconds.

        Without a Retry-After the silence is 1 s and doubles with every further violation within an hour; what takes
        orders out of the market (cancels, their check, the dead-man timer) then waits no more than the one second.
        A refusal while the silence lasts (requests that were on their way, urgent ones) is no further violation.
        """
        now = self._clock.monotonic_ns()
        if now - self._violated_ns > 3600 * NS:
            self._violations = 0
        if not self._violations or now >= self._silent_until_ns:
            self._violated_ns = now
            self._violations += 1
        silence = float(2 ** min(self._violations - 1, 9)) if retry_after_s is None else retry_after_s
        for lane in LANES:
            own = 1.0 if retry_after_s is None and lane in URGENT else silence
            self._blocked_until_ns[lane] = max(self._blocked_until_ns[lane], now + round(own * NS))
        self._silent_until_ns = self._blocked_until_ns["query"]
        return silence

    def _take(self, lane: Lane) -> float:
        """Take one token and return 0, or return the seconds until there may be one."""
        now = self._clock.monotonic_ns()
        if now < self._blocked_until_ns[lane]:
            return (self._blocked_until_ns[lane] - now) / NS
        bucket = self._buckets[lane]
        missing = self._floors[lane] + 1.0 - bucket.level(now)
        # A rounding error of the refill must not cost another sleep.
        if missing > 1e-6:
            return max(missing / bucket.rate, 1e-6)
        bucket.tokens -= 1.0
        return 0.0


class Unlimited:
    """No budget at all: for a simulated venue with its limits off, and for benchmarks."""

    def try_acquire(self, lane: Lane) -> bool:  # noqa: ARG002 - the signature of `RateLimiter`
        """Always."""
        return True

    async def acquire(self, lane: Lane, max_wait_s: float) -> None:
        """At once."""

    def penalise(self, retry_after_s: float | None) -> float:
        """Nothing is kept; returns what the venue asked for, seconds."""
        return 1.0 if retry_after_s is None else retry_after_s
