"""The venue's dead-man timer: when to renew it, and whether it can be trusted to be armed."""

from __future__ import annotations

from workbench.events import NS

__all__ = ["DeadMan"]

FAILURES_ALLOWED = 1
"""Two failed renewals in a row end quoting (API notes, section 4.6)."""


SHORTEST_NS = NS
"""The least time that the timer is set to: what the venue accepts below is not known (API notes, section 4.6)."""

VENUE_SHARE_PCT = 80
"""The venue's timer is set to this share of the promised time: the rest is for a request on its way and the cancels."""


class DeadMan:
    """Renews the venue's timer four times within its time; counted from when a renewal was asked for, not answered.

    While orders that must go may still be there it is not renewed, and can be brought forward: then the venue cancels
    by itself, whatever happens to our cancels.

    Parameters
    ----------
    within_ns : int
        The promise: this long after the engine has died no order of ours is open.
    """

    def __init__(self, within_ns: int) -> None:
        self.promise(within_ns)
        self._asked_ns = 0
        self._armed_ns = 0
        self._brought_forward = False
        self._renewed_ns = 0
        self._failures = 0

    def promise(self, within_ns: int) -> None:
        """Change the promised time; holds from the next renewal on."""
        self._timer_ns = within_ns * VENUE_SHARE_PCT // 100

    def due(self, now_ns: int) -> int:
        """Milliseconds to arm the timer with now, or 0 when it is not due."""
        if now_ns - self._asked_ns < self._timer_ns // 4:
            return 0
        self._asked_ns = now_ns
        if self._brought_forward:
            self._brought_forward = False
            self._renewed_ns = now_ns
        return self._timer_ns // 1_000_000

    def bring_forward(self) -> int:
        """Milliseconds to set the timer to so that it runs out soon; only a renewal after this arms it again."""
        self._brought_forward = True
        self._asked_ns = 0
        self._armed_ns = 0
        return min(SHORTEST_NS, self._timer_ns) // 1_000_000

    def answered(self, ok: bool, asked_ns: int = 0) -> None:
        """The venue confirmed the renewal asked for at `asked_ns` (0: the newest one), or did not."""
        asked_ns = asked_ns or self._asked_ns
        if self._brought_forward or asked_ns < self._renewed_ns:
            return
        if ok:
            self._armed_ns = max(self._armed_ns, asked_ns)
            self._failures = 0
        else:
            self._failures += 1

    def armed(self, now_ns: int) -> bool:
        """The timer runs, with a quarter of its time to spare."""
        return self._failures <= FAILURES_ALLOWED and now_ns - self._armed_ns <= self._timer_ns * 3 // 4
