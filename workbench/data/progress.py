"""A progress bar that appears only when something takes long enough to wonder."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from workbench.clock import NS, Clock, SystemClock

__all__ = ["LateProgress"]

LATE_S = 2.0


class LateProgress:
    """A bar on standard error, in a terminal or notebook, once `LATE_S` have passed.

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
        self._console = console or Console(stderr=True)
        self._shown = shown and (self._console.is_terminal or self._console.is_jupyter)
        self._bar: Progress | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return (self._clock.monotonic_ns() - self._began_ns) / NS

    def update(self, share: float) -> None:
        """Say how much is done, 0 to 1."""
        if self._bar is None and self._shown and self.elapsed_s > LATE_S:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._bar.add_task(self._what, total=1.0)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=share)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
