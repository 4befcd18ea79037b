"""Virtual time: an asyncio loop whose `time()` jumps to the next timer whenever nothing is ready to run.

Client, engine and simulated venue run on it unchanged, an hour of market in seconds, the same seed giving the same
interleaving. A `PacedLoop` is the same with sockets to the world, at a pace that people can watch.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import repeat
from typing import Any, TypeVar

import msgspec

from workbench.clock import SystemClock
from workbench.events import NS

__all__ = ["LoopClock", "PacedLoop", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")

_WALL = SystemClock()


class LoopClock:
    """A wall clock driven by an asyncio loop: `epoch_ns` at the loop's time zero. For virtual time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch_ns: int = 1_780_000_000 * NS) -> None:
        self._loop = loop
        self._virtual = loop if isinstance(loop, VirtualTimeLoop) else None
        self.epoch_ns = epoch_ns

    def now_ns(self) -> int:
        virtual = self._virtual
        return self.epoch_ns + (virtual.now_ns if virtual is not None else self.monotonic_ns())

    def monotonic_ns(self) -> int:
        return self._virtual.now_ns if self._virtual is not None else round(self._loop.time() * NS)


class _Call(msgspec.Struct, eq=False):
    """A callback that waits for its turn or its time: what a loop needs of `asyncio.TimerHandle`, made much faster.

    Its fields have the names of asyncio's, whose own handles come in when a thread calls.
    """

    _callback: Callable[..., object] | None
    _args: tuple[Any, ...]
    _context: Context
    _when: float

    def cancel(self) -> None:
        self._callback = None
        self._args = ()

    def cancelled(self) -> bool:
        return self._callback is None

    def when(self) -> float:
        return self._when


class _NoWaiting(selectors.SelectSelector):
    """Looks for what is ready and never waits; asked to wait without end it reports the deadlock."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("virtual time stands still: every task waits and no timer is set (a deadlock)")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, with the run's one seeded source of chance in `.random`.

    Timers of one instant fire in the order in which they were set. asyncio's own scheduler, which serves sockets and
    threads between any two callbacks, would be the dearest part of a simulation; this one jumps from timer to timer.

    Attributes
    ----------
    now_ns : int
        Virtual nanoseconds since the loop was made, exact.
    """

    # asyncio's own: callbacks that are due, and whether the loop was told to stop or is closed.
    _ready: deque[Any]
    _stopping: bool
    _closed: bool

    def __init__(self, seed: int = 0, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(_NoWaiting() if selector is None else selector)
        self.now_ns = 0
        self.seed = seed
        self.random = random.Random(seed)
        self._timers: list[tuple[float, int, _Call]] = []
        self._timers_set = 0

    def time(self) -> float:
        return self.now_ns / NS

    def call_soon(  # type: ignore[override] # a leaner handle
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        call = _Call(callback, args, copy_context() if context is None else context, 0.0)
        self._ready.append(call)
        return call

    def call_at(  # type: ignore[override] # a leaner handle
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        call = _Call(callback, args, copy_context() if context is None else context, when)
        self._timers_set += 1
        heappush(self._timers, (when, self._timers_set, call))
        return call

    def call_later(  # type: ignore[override] # a leaner handle
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        return self.call_at(self.now_ns / NS + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """Run what is due, turn by turn, until the loop is told to stop."""
        ready, timers, next_call = self._ready, self._timers, self._ready.popleft
        while True:
            if timers:
                now = self.now_ns / NS
                due, _, call = timers[0]
                if not ready and due > now and not self._stopping:
                    if call._callback is None:  # noqa: SLF001 - see `_Call`
                        heappop(timers)
                        continue
                    # At least one nanosecond, else a timer a fraction ahead would spin for ever.
                    self._pass_time(self.now_ns + (round((due - now) * NS) or 1))
                    now = self.now_ns / NS
                # One nanosecond is the clock's resolution: what is due within it is due.
                end = now + 1e-9
                while timers and timers[0][0] < end:
                    ready.append(heappop(timers)[2])
            elif not ready:
                # Only a thread could still call: asyncio looks for one, or reports the deadlock.
                super()._run_once()  # type: ignore[misc]
            for _ in repeat(None, len(ready)):
                call = next_call()
                callback = call._callback  # noqa: SLF001 - see `_Call`
                if callback is None:
                    continue
                try:
                    call._context.run(callback, *call._args)  # noqa: SLF001 - see `_Call`
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever a callback raises, as asyncio does it
                    self.call_exception_handler({"message": f"Exception in callback {callback!r}", "exception": error})
            if self._stopping:
                return

    def _pass_time(self, until_ns: int) -> None:
        """Let time pass until the next timer is due; nothing is ready."""
        self.now_ns = until_ns


class PacedLoop(VirtualTimeLoop):
    """Virtual time held back to the pace of the wall clock, with real sockets and signals served all the while.

    Between two timers no virtual time passes, however long the machine computes: without traffic from outside the same
    run comes out at every speed, to the nanosecond.

    Parameters
    ----------
    speed : float
        Virtual seconds a second of the wall clock; 0: as fast as the machine computes.
    seed : int
        Of `.random`.
    """

    def __init__(self, speed: float, seed: int = 0) -> None:
        self._sockets = selectors.SelectSelector()
        super().__init__(seed, self._sockets)
        self.speed = speed
        self._anchor = (_WALL.monotonic_ns(), 0)
        self._held_until_ns = 0

    def hold(self, seconds: float) -> None:
        """Let no virtual time pass for so long on the wall clock."""
        self._held_until_ns = _WALL.monotonic_ns() + round(seconds * NS)

    def _pass_time(self, until_ns: int) -> None:
        held_ns = self._held_until_ns - _WALL.monotonic_ns()
        if held_ns > 0:
            self._process_events(self._sockets.select(held_ns / NS))  # type: ignore[attr-defined] # asyncio's own
            return
        heard = self._sockets.select(self._wait_s(until_ns) if self.speed else 0)
        if not heard:
            self.now_ns = until_ns
        elif self.speed:
            wall, virtual = self._anchor
            passed = round((_WALL.monotonic_ns() - wall) * self.speed)
            self.now_ns = min(until_ns, max(self.now_ns, virtual + passed))
        self._process_events(heard)  # type: ignore[attr-defined] # asyncio's own

    def _wait_s(self, until_ns: int) -> float:
        """Seconds of the wall clock until a virtual time."""
        wall, virtual = self._anchor
        behind = _WALL.monotonic_ns() - (wall + (until_ns - virtual) / self.speed)
        if behind > _SLACK_NS:
            # What was missed is not made up for: the market waits for whoever computes.
            self._anchor = wall + round(behind), virtual
        return max(0.0, -behind / NS)


_SLACK_NS = NS // 10


def run_virtual(main: Coroutine[Any, Any, T], *, seed: int = 0, loop: VirtualTimeLoop | None = None) -> T:
    """Run a coroutine to its end on virtual time and close the loop; tasks left over are cancelled.

    Parameters
    ----------
    main : coroutine
        What to run. Inside, `asyncio.get_running_loop()` is a `VirtualTimeLoop`.
    seed : int
        Seed of the loop's `.random`; two runs with one seed interleave identically.
    loop : VirtualTimeLoop, optional
        A loop made before, when clocks must be built on it first.
    """
    loop = loop or VirtualTimeLoop(seed)
    try:
        return loop.run_until_complete(main)
    finally:
        pending = [task for task in asyncio.all_tasks(loop) if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
