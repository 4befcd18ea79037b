"""The message budget: a token bucket on the events' own time, whole numbers only."""

from __future__ import annotations

from workbench.events import NS

__all__ = ["MessageBudget"]


class MessageBudget:
    """How many orders may be sent now. Places and amends take tokens; cancels never wait for one.

    Parameters
    ----------
    per_second : float
        Rate at which tokens come back; a second's worth may be used at once.
    """

    __slots__ = ("_capacity", "_credit", "_last_ns", "_rate_ns")

    def __init__(self, per_second: float) -> None:
        self.set_rate(per_second)
        self._credit = self._capacity
        self._last_ns = 0

    def set_rate(self, per_second: float) -> None:
        """Another rate from now on; what was used up stays used up, however often the rate is set."""
        if not 0 < per_second < 1e6:
            raise ValueError(f"messages per second are {per_second!r}; expected more than 0 and less than a million")
        self._rate_ns = round(NS / per_second)
        self._capacity = max(NS, self._rate_ns)

    def available(self, now_ns: int) -> int:
        """Tokens at this time; time that runs backwards brings none."""
        elapsed = now_ns - self._last_ns
        if elapsed > 0:
            if self._last_ns:
                self._credit = min(self._capacity, self._credit + elapsed)
            self._last_ns = now_ns
        return self._credit // self._rate_ns

    def pause(self, until_ns: int) -> None:
        """No tokens before this time: the venue asked for silence."""
        self._credit = 0
        self._last_ns = max(self._last_ns, until_ns)

    def take(self, count: int = 1) -> None:
        """Use tokens that `available` has shown."""
        self._credit -= count * self._rate_ns
