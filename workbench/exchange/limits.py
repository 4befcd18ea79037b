"""Rate limits with the documented ladder of blocks (lmex-api.md section 6.4)."""

from __future__ import annotations

from collections import deque
from typing import Literal

from workbench.clock import NS

__all__ = ["RateLimiter"]

Group = Literal["query", "order"]

PER_SECOND: dict[Group, int] = {"query": 15, "order": 75}
BLOCKS_S = (1, 300, 900)
FORGIVEN_NS = 3600 * NS


class _Counter:
    """The requests of one key in one group."""

    __slots__ = ("blocked_until_ns", "limit", "rung", "times", "violated_ns")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.times: deque[int] = deque()
        self.rung = 0
        self.violated_ns = -FORGIVEN_NS
        self.blocked_until_ns = 0


class RateLimiter:
    """15 queries and 75 order requests in any second and key; over it a block of 1 s, 5 min, then 15 min.

    Requests during a block are refused and do not lengthen it. An hour without violation resets the ladder. An account
    has one key here, so the limits per user (30 and 75) cannot be reached separately.
    """

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Group], _Counter] = {}

    def blocked_for_s(self, key: str, group: Group, now_ns: int) -> int:
        """Count one request; 0 if it may pass, else whole seconds until the key is free again."""
        counter = self._counters.get((key, group))
        if counter is None:
            counter = self._counters[key, group] = _Counter(PER_SECOND[group])
        if now_ns < counter.blocked_until_ns:
            return -(-(counter.blocked_until_ns - now_ns) // NS)
        times = counter.times
        while times and times[0] <= now_ns - NS:
            times.popleft()
        if len(times) < counter.limit:
            times.append(now_ns)
            return 0
        if now_ns - counter.violated_ns >= FORGIVEN_NS:
            counter.rung = 0
        block_s = BLOCKS_S[min(counter.rung, len(BLOCKS_S) - 1)]
        counter.rung += 1
        counter.violated_ns = now_ns
        counter.blocked_until_ns = now_ns + block_s * NS
        return block_s
