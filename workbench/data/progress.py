"""A progress bar that appears only when something takes long enough to wonder."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from workbench.clock import NS, Clock, SystemClock

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["LateProgress"]

LATE_S = 2.0


class LateProgress:
    """A bar on standard error, in a terminal or notebook, once `LATE_S` have passed; any thread may tell it.

    It comes by itself: what takes long may be at work before it can say how much is done.

    Parameters
    ----------
    what : str
        Stands before the bar.
    shown : bool
        False: never.
    clock, console : optional
        The machine's own by default.
    """

    def __init__(
        self, what: str, shown: bool = True, *, clock: Clock | None = None, console: Console | None = None
    ) -> None:
        self._what = what
        self._clock = clock or SystemClock()
        self._began_ns = self._clock.monotonic_ns()
        self._console = console
        self._shown = shown
        self._lock = threading.Lock()
        self._bar: Progress | None = None
        self._timer = threading.Timer(LATE_S, self._show)
        self._timer.daemon = True

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return (self._clock.monotonic_ns() - self._began_ns) / NS

    def update(self, share: float) -> None:
        """Say how much is done, 0 to 1."""
        if self._shown and self.elapsed_s > LATE_S:
            self._show(share)

    def _show(self, share: float | None = None) -> None:
        with self._lock:
            if self._bar is None and self._shown:
                self._bar = self._begun()
            if self._bar is not None and share is not None:
                self._bar.update(self._bar.task_ids[0], completed=share, total=1.0)

    def _begun(self) -> Progress | None:
        """The bar, or None where nobody would see it. Loaded late, too: most work is done before."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = self._console or Console(stderr=True)
        if not (console.is_terminal or console.is_jupyter):
            self._shown = False
            return None
        told = (TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        columns = (TextColumn("{task.description}"), BarColumn(), *told)
        bar = Progress(*columns, console=console, transient=True)
        bar.start()
        bar.add_task(self._what, total=None)
        return bar

    def __enter__(self) -> Self:
        if self._shown:
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._shown = False
            if self._bar is not None:
                self._bar.stop()
