"""One background event loop for everything that a session sends and hears, whatever loop the caller has, or none."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from workbench.errors import SessionError

__all__ = ["background_loop", "enable_nested_asyncio", "in_background", "run_sync"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop of the background thread; started when first needed, ended with the interpreter."""
    global _loop  # noqa: PLW0603 - one thread a process is the point
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name="workbench-io", daemon=True)
            thread.start()
            atexit.register(_end, _loop, thread)
        return _loop


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    for task in asyncio.all_tasks(loop):
        loop.call_soon_threadsafe(task.cancel)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    if not thread.is_alive():
        loop.close()


async def in_background(coro: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine that runs on the background loop; cancelling the caller cancels it there."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, background_loop()))


def run_sync(coro: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Run a coroutine of the workbench from code that cannot await, and return its result.

    It works in scripts, in callbacks and in a notebook cell alike, because the coroutine runs in a thread of its own.

    Parameters
    ----------
    coro : coroutine
        For example `Session.start(config)`.
    timeout : float, optional
        Seconds to wait.

    Raises
    ------
    SessionError
        If it has not ended after `timeout`; it is cancelled then.
    """
    if threading.current_thread().name == "workbench-io":
        coro.close()
        raise SessionError(
            "run_sync was called from the background loop itself; expected another thread: await instead"
        )
    future = asyncio.run_coroutine_threadsafe(coro, background_loop())
    try:
        return future.result(timeout)
    except FutureTimeout:
        if future.done():
            raise
        future.cancel()
        raise SessionError(
            f"no result after {timeout:g} s; expected one: give more time, or look at engine.log"
        ) from None
    except BaseException:
        # Ctrl-C while waiting: what was started must not run on unseen.
        future.cancel()
        raise


def enable_nested_asyncio() -> None:
    """Allow `loop.run_until_complete` inside a running cell, for libraries that insist. Nothing here needs it.

    Patches asyncio through nest-asyncio2; the older nest-asyncio loses queued cells on Run All and is never applied.
    """
    import nest_asyncio2

    nest_asyncio2.apply()
