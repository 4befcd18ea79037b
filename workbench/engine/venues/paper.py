"""The venue `paper`: LMEX's public streams, own orders filled by the backtest's queue and latency models.

No key is loaded and nothing private is asked for. The market counts as of its receipt here: what is known of it is late
by the way of the stream, and orders are matched against that.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from workbench.client.errors import Rejected
from workbench.client.limiter import RateLimiter, Unlimited
from workbench.client.market import MarketPoll, instrument_of
from workbench.client.messages import MarketSummary
from workbench.client.rest import LmexClient
from workbench.client.stream import Stream
from workbench.client.streams import BookStream, TradeStream
from workbench.client.transport import Transport
from workbench.clock import Clock
from workbench.config import MarketMakerConfig
from workbench.engine.venues.background import Background
from workbench.engine.venues.lmex_opening import read_again
from workbench.engine.venues.local import NEVER, LocalVenue
from workbench.errors import ConfigError, VenueError
from workbench.events import BookDelta, BookLost, BookSnapshot, Event, MarketTrade, MarkPrice, StreamState
from workbench.instruments import Instrument

__all__ = ["LMEX_REST", "LMEX_STREAMS", "PaperVenue"]

LMEX_REST = "https://api.lmex.io"
LMEX_STREAMS = "wss://ws.lmex.io"


class PaperVenue(LocalVenue):
    """One imagined account on one market of LMEX.

    Parameters
    ----------
    config : MarketMakerConfig
    transport : Transport
        Carries the public requests and streams.
    clock : Clock
    emit : callable
        Takes every event; must not block.
    limiter : RateLimiter or Unlimited, optional
        By default half of LMEX's limits.
    rng : random.Random, optional
        Seeded source of the reconnect jitter.
    seed : int
        Of random delays.
    """

    def __init__(
        self,
        config: MarketMakerConfig,
        transport: Transport,
        clock: Clock,
        emit: Callable[[Event], None],
        *,
        limiter: RateLimiter | Unlimited | None = None,
        rng: random.Random | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(config.venue, clock, emit, seed)
        self._client = LmexClient(transport, None, clock, limiter)
        self._transport = transport
        self._symbol = config.symbol
        self._rng = rng or random.Random(0)
        self._summary: MarketSummary | None = None
        self._funding: MarkPrice | None = None
        self._funded_ns = 0
        self._background = Background()

    # --- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> Instrument:
        """Read the instrument; fees are those to be assumed (0.02 % and 0.06 %), since the account's own are private.

        Raises
        ------
        ConfigError
            If the venue does not list the symbol.
        VenueError
            If the market is closed, or the venue does not answer.
        """
        try:
            summary = await read_again("the market", lambda: self._client.instrument_summary(self._symbol))
        except Rejected as error:
            raise ConfigError([f"symbol is {self._symbol!r}; expected one that LMEX lists ({error})"]) from None
        if not summary.active:
            raise VenueError(f"{self._symbol} is not active; expected an open market: try later or choose another")
        self._summary = summary
        self._funded_ns = self._clock.now_ns()
        return self._opened(instrument_of(summary))

    async def start_streams(self) -> None:
        """Run the book and trade streams and the mark price poll until `close`. Raises `VenueError` before `open`."""
        if self._summary is None:
            raise VenueError("the venue cannot stream yet; expected open() first")
        common = (self._symbol, self._summary.min_price_increment, self._clock, self._from_market, self._rng)
        book = BookStream(self._transport, *common)
        streams: list[Stream] = [book, TradeStream(self._transport, *common)]
        # What the account hears of itself comes from here: that way is always up.
        self._emit(StreamState(self._clock.now_ns(), "private", True))
        for stream in streams:
            self._background.start(stream.run(), f"{stream.name} stream")
        poll = MarketPoll(self._client, self._summary, book, self._clock, self._from_market)
        self._background.start(poll.run(), "mark price poll")

    async def close(self) -> None:
        """End the streams; closing twice is harmless."""
        await super().close()
        await self._background.close()

    # --- the market -------------------------------------------------------------------------------------------------

    def _from_market(self, event: Event) -> None:
        """Commands that arrived before it come first; then the market moves, and the event goes on."""
        self._pump()
        now = self._clock.now_ns()
        match event:
            case BookSnapshot() | BookDelta():
                self._matching.levels(event.bids, event.asks, now, whole=isinstance(event, BookSnapshot))
            case BookLost():
                self._matching.clear(now)
            case MarketTrade():
                self._matching.trade(event.side, event.price_ticks, event.size, now)
            case MarkPrice():
                self.account.marked(event.mark)
                if event.funding_time_ns > self._funded_ns:
                    self._funding = event
            case _:
                pass
        self._orders.answers()
        self._emit(event)
        self._pump()

    def _next_market_ns(self) -> int:
        return NEVER if self._funding is None else self._funding.funding_time_ns

    def _run_market(self, until_ns: int) -> None:
        """Funding is paid at the rate and the mark price that were heard last before its time."""
        due = self._funding
        if due is not None and due.funding_time_ns <= until_ns:
            self._funding, self._funded_ns = None, due.funding_time_ns
            self._fund(due.funding_time_ns, due.funding_rate, due.mark)
