"""The venue `replay`: a recorded market played again, own orders filled by the backtest's queue and latency models.

The session's clock is the recording's. It starts a second before the first row and no time passes while the machine
computes, so ages, dead-man timer, funding and reports are those of the recorded day, and the same data, configuration
and seed give the same journal at every speed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from workbench.backtest import Feed
from workbench.clock import NS, Clock
from workbench.config import MarketMakerConfig
from workbench.engine.venues.local import NEVER, LocalVenue
from workbench.engine.venues.recorded import heard_events
from workbench.errors import VenueError
from workbench.events import Event, MarkPrice, StreamState
from workbench.instruments import Instrument

__all__ = ["LEAD_NS", "ReplayVenue", "tape_of"]

LEAD_NS = NS
"""The session's clock starts so long before the first row, for what a session does before it hears of the market."""


def tape_of(feed: Feed) -> dict[str, Any]:
    """`tape_hash` and `tape_seconds` of an outcome: the key of the prepared data, and how long they are."""
    return {
        "tape_hash": feed.key,
        "tape_seconds": max(1, (feed.end_ns - feed.start_ns) // NS),
    }


class ReplayVenue(LocalVenue):
    """One account on a recorded market.

    Parameters
    ----------
    config : MarketMakerConfig
    feed : Feed
        What was recorded.
    clock : Clock
        On the recording's time.
    emit : callable
        Takes every event; must not block.
    finished : callable, optional
        Called once when the recording is at its end. Orders rest on, and nothing fills them any more.
    seed : int
        Of random delays.
    """

    def __init__(
        self,
        config: MarketMakerConfig,
        feed: Feed,
        clock: Clock,
        emit: Callable[[Event], None],
        finished: Callable[[], None] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(config.venue, clock, emit, seed)
        self._feed = feed
        self._finished = finished
        self._heard = heard_events(feed)
        self._next: tuple[int, list[Event]] | None = None
        self._streaming = False
        self._row = 0
        self._stamps = feed.funding.tolist()
        self._funded = 0

    async def open(self) -> Instrument:
        """The instrument as it was recorded."""
        return self._opened(self._feed.instrument)

    async def start_streams(self) -> None:
        """Let the recording run from where the clock stands.

        Raises
        ------
        VenueError
            Before `open`, or when the clock stands behind the end of the recording.
        """
        if self._account is None:
            raise VenueError("the venue cannot stream yet; expected open() first")
        now = self._clock.now_ns()
        if now > self._feed.end_ns:
            raise VenueError("the clock stands behind the recording's end; expected one that starts before its start")
        for stream in ("private", "book", "trades"):
            self._emit(StreamState(now, stream, True))
        self._streaming = True
        self._next = next(self._heard, None)
        self._pump()

    # --- the market -------------------------------------------------------------------------------------------------

    def _next_heard_ns(self) -> int:
        return NEVER if self._next is None else self._next[0]

    def _hear(self) -> None:
        assert self._next is not None
        t_ns, events = self._next
        for event in events:
            if isinstance(event, MarkPrice):
                self.account.marked(event.mark)
            self._emit(event)
        self._next = next(self._heard, None)
        if self._next is None:
            self._emit(StreamState(t_ns, "book", False, "the recording has ended"))
            if self._finished is not None:
                self._finished()

    def _next_market_ns(self) -> int:
        stamp = int(self._stamps[self._funded][0]) if self._funded < len(self._stamps) else NEVER
        if self._streaming and self._matching.resting and self._row < self._feed.rows:
            return min(stamp, int(self._feed.venue_ns[self._row]))
        return stamp

    def _run_market(self, until_ns: int) -> None:
        while self._funded < len(self._stamps) and self._stamps[self._funded][0] <= until_ns:
            at_ns, rate, ticks = self._stamps[self._funded]
            self._play(at_ns)
            self._funded += 1
            self._pay(at_ns, rate, ticks)
        self._play(until_ns)

    def _play(self, until_ns: int) -> None:
        feed = self._feed
        if self._row < feed.rows and feed.venue_ns[self._row] <= until_ns:
            columns = (feed.code, feed.price_ticks, feed.size, feed.venue_ns)
            self._row = self._matching.play(*columns, self._row, until_ns)
            self._orders.answers()

    def _pay(self, at_ns: int, rate: float, ticks: float) -> None:
        bid, ask = self._matching.best
        mark = ticks if ticks == ticks else (bid + ask) / 2  # noqa: PLR0124 - NaN: no mark price was known
        if mark > 0:
            self._fund(at_ns, Decimal(repr(rate)), Decimal(repr(mark)) * self._feed.instrument.tick_size)
