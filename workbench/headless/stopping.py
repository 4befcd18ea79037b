"""Ctrl-C and SIGTERM as a request that is looked at, never as an exception in the middle of something.

Cheap to import on purpose: the handlers must stand before anything heavy is loaded, so that a stop at any moment ends
in an orderly way.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["StopRequest"]


class StopRequest:
    """The first SIGINT or SIGTERM that arrived, if any; later ones change nothing."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._arrived = threading.Event()

    def install(self) -> None:
        """Take over both signals; call it in the main thread, before the heavy imports."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._remember)

    def release(self) -> None:
        """Give both signals their usual effect again, for commands that hold nothing; one that came acts now."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.signal is not None:
            signal.raise_signal(self.signal)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        # A second signal may interrupt this very function: only the first one touches the event's lock.
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._arrived.set()

    @property
    def requested(self) -> bool:
        """Whether a stop has been asked for."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What the shell is told: 130 after SIGINT, 143 after SIGTERM, 0 when nobody asked."""
        return 0 if self.signal is None else 128 + self.signal.value

    def wait(self, timeout_s: float) -> bool:
        """Wait until a stop is asked for, at most so long; True when it was."""
        return self._arrived.wait(timeout_s)
