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

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return (self._clock.monotonic_ns() - self._began_ns) / NS

    def update(self, share: float) -> None:
        """Say how much is done, 0 to 1."""
        if not self._shown or self.elapsed_s <= LATE_S:
            return
        with self._lock:
            if self._bar is None:
                self._bar = self._begun()
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=share)

    def _begun(self) -> Progress | None:
        """The bar, or None where nobody would see it. Loaded late, too: most work is done before."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = self._console or Console(stderr=True)
        if not (console.is_terminal or console.is_jupyter):
            self._shown = False
            return None
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=console, transient=True)
        bar.start()
        bar.add_task(self._what, total=1.0)
        return bar

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
