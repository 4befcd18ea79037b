"""The one seam for time: who needs the time is handed a `Clock`; only this module reads the machine's clocks.

Virtual time is an asyncio loop whose `time()` jumps to the next timer whenever nothing is ready to run. Client, engine
and simulated venue run on it unchanged, an hour of market in seconds, the same seed giving the same interleaving. A
`PacedLoop` is the same with sockets to the world, at a pace that people can watch.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from workbench.events import NS

__all__ = ["NS", "Clock", "LoopClock", "PacedLoop", "SystemClock", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")


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


class LoopClock:
    """A wall clock driven by an asyncio loop: `epoch_ns` at the loop's time zero. For virtual time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch_ns: int = 1_780_000_000 * NS) -> None:
        self._loop = loop
        self.epoch_ns = epoch_ns

    def now_ns(self) -> int:
        return self.epoch_ns + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return self._loop.now_ns if isinstance(self._loop, VirtualTimeLoop) else round(self._loop.time() * NS)


class _VirtualSelector(selectors.SelectSelector):
    """Never waits: asked to sleep, it moves the virtual time forward instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(0)
            if not ready:
                raise RuntimeError("virtual time stands still: every task waits and no timer is set (a deadlock)")
            return ready
        if timeout > 0:
            # At least one nanosecond, else a timer a fraction ahead would spin for ever.
            self.now_ns += max(1, round(timeout * NS))
        return []


class _PacedSelector(_VirtualSelector):
    """Moves the virtual time forward no faster than the wall clock times a speed, and serves sockets meanwhile."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed
        self._anchor = (time.monotonic_ns(), 0)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return selectors.SelectSelector.select(self, timeout)
        target = self.now_ns + max(1, round(timeout * NS))
        if not self._speed:
            ready = selectors.SelectSelector.select(self, 0)
            if not ready:
                self.now_ns = target
            return ready
        wall, virtual = self._anchor
        due = wall + (target - virtual) / self._speed
        behind = time.monotonic_ns() - due
        if behind > _SLACK_NS:
            # What was missed is not made up for: the market waits for whoever computes.
            self._anchor = wall + round(behind), virtual
        ready = selectors.SelectSelector.select(self, max(0.0, -behind / NS))
        if ready:
            wall, virtual = self._anchor
            passed = round((time.monotonic_ns() - wall) * self._speed)
            self.now_ns = min(target, max(self.now_ns, virtual + passed))
        else:
            self.now_ns = target
        return ready


_SLACK_NS = NS // 10


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, with the run's one seeded source of chance in `.random`."""

    def __init__(self, seed: int = 0, selector: _VirtualSelector | None = None) -> None:
        self._virtual = _VirtualSelector() if selector is None else selector
        super().__init__(self._virtual)
        self.seed = seed
        self.random = random.Random(seed)
        # A timer due within the clock's resolution counts as due; one nanosecond is ours.
        self._clock_resolution = 1e-9

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since the loop was made, exact."""
        return self._virtual.now_ns

    def time(self) -> float:
        return self._virtual.now_ns / NS


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
        super().__init__(seed, _PacedSelector(speed))
        self.speed = speed


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
