"""What a session has done so far: counters, extremes and the share of time with both sides live."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SessionStats"]


@dataclass
class SessionStats:
    """Counters of one session; sizes in contracts, times in nanoseconds."""

    orders_sent: int = 0
    amends: int = 0
    cancels: int = 0
    fills: int = 0
    rejects: int = 0
    unknown_outcomes: int = 0
    late_fills: int = 0
    volume: int = 0
    maker_volume: int = 0
    max_abs_position: int = 0
    first_book_ns: int = 0
    stop_requested_ns: int = 0
    both_sides_ns: int = 0
    _both_since_ns: int = 0

    @property
    def maker_share(self) -> float:
        """Share of the traded contracts that were passive; 0 when nothing traded."""
        return self.maker_volume / self.volume if self.volume else 0.0

    def traded(self, size: int, position: int, *, maker: bool) -> None:
        """An execution of this size left this position."""
        self.fills += 1
        self.volume += size
        self.maker_volume += size if maker else 0
        self.max_abs_position = max(self.max_abs_position, abs(position))

    def both_sides(self, live: bool, now_ns: int) -> None:
        """Both sides are live at the venue from now on, or no longer."""
        if self.stop_requested_ns:
            live = False
        if live and not self._both_since_ns:
            self._both_since_ns = now_ns
        elif not live and self._both_since_ns:
            self.both_sides_ns += now_ns - self._both_since_ns
            self._both_since_ns = 0

    def uptime(self, now_ns: int) -> float:
        """Share of the time from the first valid book to the stop request (or now) with both sides live."""
        if not self.first_book_ns:
            return 0.0
        end = self.stop_requested_ns or now_ns
        total = end - self.first_book_ns
        running = end - self._both_since_ns if self._both_since_ns else 0
        return min(1.0, (self.both_sides_ns + running) / total) if total > 0 else 0.0
