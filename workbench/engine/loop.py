"""The one door to the core: a queue with a single consumer that journals, decides, commits and only then sends.

It runs unchanged on a real loop and on virtual time. Everything it does is a callback of the loop it lives in, so that
no event is decided upon while another one is, and the timer below stops when the loop does: the dead-man renewals that
the core orders from it prove that the loop is alive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.clock import NS, Clock
from workbench.engine.backlog import conflate
from workbench.engine.journal import Journal
from workbench.events import (
    TIMER_NS,
    BookSnapshot,
    Command,
    Event,
    StateFrame,
    Timer,
)

__all__ = ["LoopStats", "Maker", "TradingLoop"]

BACKLOG = 256
"""More waiting events than this, and the market data among them is conflated."""

ALARM_MS = 500.0
"""A timer that comes later than this is logged: something blocks the loop."""

JOURNALLED_FRAME_NS = NS
"""A state frame is journalled this often, and at each change of state."""


_log = logging.getLogger(__name__)


class Maker(Protocol):
    """What the loop needs of the trading core."""

    @property
    def state(self) -> str: ...

    def on_event(self, event: Event) -> list[Command]:
        """Take one event, return what to do."""
        ...

    def frame(self, t_ns: int, seq: int) -> StateFrame:
        """What a dashboard needs to know now."""
        ...


@dataclass
class LoopStats:
    """Counters of one loop. Lags in milliseconds: how late the 100 ms timer came."""

    events: int = 0
    commands: int = 0
    frames: int = 0
    conflated: int = 0
    dropped_trades: int = 0
    largest_backlog: int = 0
    lag_ms: float = 0.0
    max_lag_ms: float = 0.0


class TradingLoop:
    """Feeds events to the core and its commands to the venue, through the journal.

    Parameters
    ----------
    maker : Maker
        The trading core.
    journal : Journal
        Where events and commands go first.
    clock : Clock
        Stamps timers and commits.
    submit : callable
        Sends one command; returns at once and never raises.
    publish : callable, optional
        Given each state frame.
    frame_ns : int
        Least time between two frames; at most ten a second.
    audit : callable, optional
        Called after every event with the event and its commands; raises to stop the loop.
    failed : callable, optional
        Called once with what broke; nothing is decided or sent from then on.
    """

    def __init__(
        self,
        maker: Maker,
        journal: Journal,
        clock: Clock,
        submit: Callable[[Command], None],
        publish: Callable[[StateFrame], None] | None = None,
        *,
        frame_ns: int = TIMER_NS,
        audit: Callable[[Event, Sequence[Command]], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.stats = LoopStats()
        self.first_book_ns = 0
        self.last_frame: StateFrame | None = None
        self.failure: Exception | None = None
        self._maker = maker
        self._journal = journal
        self._clock = clock
        self._submit = submit
        self._publish = publish
        self._frame_ns = frame_ns
        self._audit = audit
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._queue: list[Event] = []
        self._scheduled = False
        self._running = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._journalled_ns = 0
        self._journalled_state = ""
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []

    def start(self) -> None:
        """Begin to consume, and to tick every 100 ms."""
        self._running = True
        self._timer_due = self._loop.time() + TIMER_NS / NS
        self._timer = self._loop.call_at(self._timer_due, self._tick)
        self._schedule()

    def emit(self, event: Event) -> None:
        """Put an event in the queue; from the loop's own thread only."""
        self._queue.append(event)
        if not self._scheduled:
            self._schedule()

    def order(self, command: Command) -> None:
        """Journal and send a command of the engine's own (the cancel and reconcile of a stop), outside the core."""
        self._journal.add_command(self._clock.now_ns(), command, by_engine=True)
        self._journal.commit()
        self._submit(command)

    async def wait_until(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something is true after an event; False when it is not in time or the loop has failed."""
        if self.failure is not None or predicate():
            return predicate()
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiters.append((predicate, future))
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return predicate()
        finally:
            self._waiters = [(test, waiting) for test, waiting in self._waiters if waiting is not future]

    async def consumed(self) -> None:
        """Wait until everything that is queued now has been decided upon."""
        await self.wait_until(lambda: not self._queue, 5.0)

    def refresh_frame(self) -> None:
        """Take a state frame now, for somebody who asks."""
        if self.failure is None:
            self._take_frame(self._clock.now_ns(), now=True)

    def stop(self) -> None:
        """Consume what is queued, take the last frame and end; the journal is committed but stays open."""
        if self._running and self.failure is None:
            self._drain()
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        if self.failure is None:
            self._take_frame(self._clock.now_ns(), now=True)
            self._journal.commit()

    def _schedule(self) -> None:
        if self._running and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _tick(self) -> None:
        stats = self.stats
        stats.lag_ms = max(0.0, (self._loop.time() - self._timer_due) * 1e3)
        stats.max_lag_ms = max(stats.max_lag_ms, stats.lag_ms)
        if stats.lag_ms > ALARM_MS:
            _log.warning("the trading loop stood still for %.0f ms", stats.lag_ms)
        # After a stall the ticks that were missed are not made up for: one tells the core all that it can know.
        self._timer_due = max(self._timer_due + TIMER_NS / NS, self._loop.time())
        self._timer = self._loop.call_at(self._timer_due, self._tick)
        self._queue.append(Timer(self._clock.now_ns()))
        self._drain()

    def _drain(self) -> None:
        self._scheduled = False
        if not self._running:
            return
        queue, self._queue = self._queue, []
        self.stats.largest_backlog = max(self.stats.largest_backlog, len(queue))
        try:
            self._consume(queue if len(queue) <= BACKLOG else self._thinned(queue))
        except Exception as error:  # noqa: BLE001 - whatever breaks in the core must end trading, not just this callback
            self._fail(error)
        if self._waiters:
            self._wake()

    def _thinned(self, queue: list[Event]) -> list[Event]:
        stats = self.stats
        kept, dropped_trades = conflate(queue)
        stats.conflated += len(queue) - len(kept) - dropped_trades
        stats.dropped_trades += dropped_trades
        return kept

    def _consume(self, queue: list[Event]) -> None:
        journal, on_event, audit = self._journal, self._maker.on_event, self._audit
        batch: list[Command] = []
        frame_at = 0
        for event in queue:
            journal.add_event(event)
            commands = on_event(event)
            for command in commands:
                journal.add_command(event.t_ns, command)
            batch += commands
            if audit is not None:
                audit(event, commands)
            if type(event) is Timer:
                frame_at = event.t_ns
            elif not self.first_book_ns and type(event) is BookSnapshot and event.bids and event.asks:
                self.first_book_ns = event.t_ns
        self.stats.events += len(queue)
        if frame_at:
            self._take_frame(frame_at)
        if batch or journal.due(self._clock.now_ns()):
            journal.commit()
        elif frame_at:
            journal.tend()
        self.stats.commands += len(batch)
        for command in batch:
            self._submit(command)

    def _take_frame(self, t_ns: int, *, now: bool = False) -> None:
        last = self.last_frame
        # Timers jitter: half a tick of slack, else every second frame would be missed.
        if last is not None and not now and 0 <= t_ns - last.t_ns < self._frame_ns - TIMER_NS // 2:
            return
        self.stats.frames += 1
        frame = self._maker.frame(t_ns, self.stats.frames)
        self.last_frame = frame
        old = t_ns - self._journalled_ns
        if now or old >= JOURNALLED_FRAME_NS or old < 0 or frame.state != self._journalled_state:
            self._journal.add_frame(frame)
            self._journalled_ns, self._journalled_state = t_ns, frame.state
        if self._publish is not None:
            self._publish(frame)

    def _fail(self, error: Exception) -> None:
        """Nothing is decided or sent from here on; the engine, which waits for this, cancels everything."""
        self._running = False
        self.failure = error
        if self._timer is not None:
            self._timer.cancel()
        if self._failed is not None:
            self._failed(error)

    def _wake(self) -> None:
        for predicate, future in self._waiters:
            if not future.done() and (self.failure is not None or predicate()):
                future.set_result(predicate())
