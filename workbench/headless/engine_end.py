"""Making sure that no engine of a run is alive: it ends by itself, or it is told to, or it is killed."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable

from workbench.clock import NS, Clock
from workbench.headless.folder import RunFolder

__all__ = ["await_engine_end", "engine_pid", "wait_until"]

END_S = 30.0
"""How long an engine that lost its notebook may take to cancel, verify and say so."""

_log = logging.getLogger(__name__)


def await_engine_end(folder: RunFolder, clock: Clock, patience_s: float = END_S) -> None:
    """Return when the run's engine is gone: waited for, then asked by SIGTERM, then killed.

    Killing is the last resort; the venue's dead-man timer clears the orders then.
    """
    for insist in (None, signal.SIGTERM, signal.SIGKILL):
        pid = engine_pid(folder)
        if pid is None:
            return
        if insist is not None:
            _log.warning("the engine, process %d, has not ended; sending %s", pid, insist.name)
            _send(pid, insist)
        if wait_until(lambda: engine_pid(folder) is None, patience_s, clock):
            return


def engine_pid(folder: RunFolder) -> int | None:
    """The process of the run's living engine, or None: whoever lives holds the lock of the folder."""
    try:
        handle = os.open(folder.lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Empty for the moment between taking the lock and writing the number.
        return int(os.read(handle, 32) or 0)
    finally:
        os.close(handle)
    return None


def wait_until(condition: Callable[[], bool], seconds: float, clock: Clock) -> bool:
    """Wait for a condition, looking often; False when it has not come true in time."""
    pause = threading.Event()
    deadline = clock.monotonic_ns() + int(seconds * NS)
    while not condition():
        if clock.monotonic_ns() > deadline:
            return False
        pause.wait(0.05)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    if pid == 0:
        return
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
