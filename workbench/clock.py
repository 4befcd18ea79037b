"""The one seam for time: who needs the time is handed a `Clock`; only this module reads the machine's clocks."""

from __future__ import annotations

import time
from typing import Protocol

from workbench.events import NS

__all__ = ["NS", "Clock", "SystemClock"]


class Clock(Protocol):
    """Where the time comes from."""

    def now_ns(self) -> int:
        """Wall-clock time: integer nanoseconds since the Unix epoch."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never jumps; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()
