"""How a session goes, while it goes: a bar on the terminal, and the line that a notebook cell shows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from workbench.clock import NS, Clock, SystemClock
from workbench.engine import Session, run_sync
from workbench.errors import WorkbenchError
from workbench.events import StateFrame
from workbench.headless.folder import RunFolder

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["follow", "frame_line", "terminal_progress"]

ENDED = ("stopped", "halted", "killed")
"""States that nothing but a person leaves: a session without one is over."""

EVERY_S = 0.2


def frame_line(frame: StateFrame) -> str:
    """A state frame in one line: what it does and why, fills, position, profit."""
    return (
        f"{frame.state}: {frame.fills} fills, position {frame.position:+d}, "
        f"PnL {float(frame.equity_change):+.4f} {frame.currency} ({frame.why})"
    )


async def follow(
    session: Session, seconds: float, *, clock: Clock | None = None
) -> Literal["time is over", "ended by itself", "interrupted", "engine died"]:
    """Show how a session goes until its time is over, it has ended by itself, or somebody interrupts the cell.

    An interrupt is an answer here, not an error: the cells after this one stop the session and show what there is.

    Parameters
    ----------
    session : Session
        A started session.
    seconds : float
        How long; of a recording that is replayed, recorded seconds.
    clock : Clock, optional
        For the time left.
    """
    from IPython.display import Pretty, display

    clock = clock or SystemClock()
    shown = display(Pretty("starting"), display_id=True)
    end_ns = clock.monotonic_ns() + round(seconds * NS)
    first_ns = 0
    try:
        while True:
            frame = session.latest
            if not session.running:
                return "ended by itself" if session.has_outcome else "engine died"
            left_ns = end_ns - clock.monotonic_ns()
            if session.venue == "replay":
                # Its clock is the recording's, at whatever pace that is played.
                first_ns = first_ns or (0 if frame is None else frame.t_ns)
                left_ns = round(seconds * NS) - (0 if frame is None else frame.t_ns - first_ns)
            if left_ns <= 0:
                return "time is over"
            if frame is not None:
                shown.update(Pretty(f"{left_ns / NS:.0f} s left, {frame_line(frame)}"))
                if frame.state in ENDED:
                    return "ended by itself"
            await asyncio.sleep(min(EVERY_S, left_ns / NS))
    except asyncio.CancelledError:
        return "interrupted"


@contextmanager
def terminal_progress(folder: RunFolder, seconds: float, *, enabled: bool = True) -> Iterator[None]:
    """Draw a bar of the session's seconds with fills and PnL so far, from the engine's own frames.

    A thread attaches to the engine as soon as there is one. What goes wrong here never disturbs the session.
    """
    if not enabled:
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[state]:<9}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} s"),
    )
    with Progress(
        *columns, TextColumn("{task.fields[line]}"), TimeElapsedColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("session", total=seconds, state="starting", line="notebook and engine start")
        done = threading.Event()
        thread = threading.Thread(target=_draw, args=(folder, bar, task, done), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=5)


def _draw(folder: RunFolder, bar: Progress, task: TaskID, done: threading.Event) -> None:
    session: Session | None = None
    first_ns = 0
    while not done.wait(EVERY_S):
        if session is None:
            session = _attached(folder)
        elif (frame := session.latest) is not None:
            first_ns = first_ns or frame.t_ns
            bar.update(task, completed=(frame.t_ns - first_ns) / NS, state=frame.state, line=_short(frame))
    if session is not None:
        run_sync(session.close(), timeout=5)


def _short(frame: StateFrame) -> str:
    return f"{frame.fills} fills, position {frame.position:+d}, PnL {float(frame.equity_change):+.4f} {frame.currency}"


def _attached(folder: RunFolder) -> Session | None:
    if not folder.connection.exists():
        return None
    try:
        return run_sync(Session.attach(folder.root), timeout=5)
    except WorkbenchError:
        return None
