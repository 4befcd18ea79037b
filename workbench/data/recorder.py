"""The recorder: LMEX's public streams of some markets into a catalog, for as long as it is left alone.

Everything comes through a `Transport`, so that it records LMEX, the simulated LMEX over sockets and the one in memory
alike. It never stops for a lost connection: streams come back by themselves, and what is missing stands in the record.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.client import ApiError, BookStream, LmexClient, TradeStream, Transport
from workbench.client.market import MarketPoll, instrument_of
from workbench.client.messages import MarketSummary
from workbench.clock import NS, Clock
from workbench.data.catalog import Catalog
from workbench.data.heard import HeardRows
from workbench.data.partition import HOUR_NS, Partition
from workbench.data.segments import Segment, Spool
from workbench.errors import DataError, VenueError
from workbench.events import BookDelta, BookSnapshot, Event, MarketTrade

__all__ = ["Recorder", "RecorderHealth"]

log = logging.getLogger(__name__)

FLUSH_S = 0.5
"""How often rows are handed to the operating system: a killed recorder loses no more than this."""
MOST_WAITING = 20_000
"""Events that are written at once, whatever the time."""
POLL_SPREAD_S = 0.1
RETRY_S = 60.0
"""Until a finished hour that could not be written into the catalog is tried again."""


@dataclass(frozen=True)
class RecorderHealth:
    """How the recording of one market stands."""

    symbol: str
    book: str
    messages: int
    trades: int
    rows: int
    gaps: int
    age_s: float
    bytes_waiting: int


class Recorder:
    """Records the public streams of some markets.

    Parameters
    ----------
    transport : Transport
        To the venue; no key is needed.
    catalog : Catalog
    symbols : sequence of str
    clock : Clock
        Stamps what is received.
    venue : str
        The name in the catalog.
    spool : Path, optional
        Where the current hour is kept, on the local disk; by default inside a local catalog (`.recording`), else in the
        user's cache folder. The next recorder must find it there.
    rng : random.Random, optional
        Seeded source of the reconnect jitter.
    in_thread : bool
        Rewrite finished hours in a thread; False where time is virtual.

    Notes
    -----
    The rows of an hour are in the catalog once it is over, or when the recorder stops; until then in the spool.

    Mark, index and funding have no public stream: they are asked for once a second by market, as far as the client's
    request budget goes (seven a second).
    """

    def __init__(
        self,
        transport: Transport,
        catalog: Catalog,
        symbols: Sequence[str],
        clock: Clock,
        *,
        venue: str = "lmex",
        spool: Path | None = None,
        rng: random.Random | None = None,
        in_thread: bool = True,
    ) -> None:
        repeated = sorted({symbol for symbol in symbols if list(symbols).count(symbol) > 1})
        if not symbols or repeated:
            raise DataError(f"symbols are {', '.join(symbols) or 'none'}; expected different ones, at least one")
        self.venue = venue
        self.markets: list[_Market] = []
        self._transport = transport
        self._catalog = catalog
        self._symbols = tuple(symbols)
        self._clock = clock
        self._client = LmexClient(transport, None, clock)
        self._spool = spool or _spool_of(catalog)
        self._rng = rng or random.Random(0)
        self._in_thread = in_thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Queue[tuple[_Market, Path]] = asyncio.Queue()
        self._rewriting = asyncio.Lock()
        self._rewriter: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None

    async def start(self) -> None:
        """Read what is traded, save what an earlier recorder left over, and open the streams.

        Raises
        ------
        VenueError
            If the venue does not answer, or does not know a symbol.
        DataError
            If another recorder writes one of the markets, or the catalog holds it in another tick or contract size.
        """
        try:
            for symbol in self._symbols:
                summary = await self._summary(symbol)
                self._catalog.write_instrument(self.venue, instrument_of(summary))
                self.markets.append(self._market(summary))
        except BaseException:
            self._close_markets()
            raise
        for number, market in enumerate(self.markets):
            works = (market.book.run(), market.trades.run(), _later(number * POLL_SPREAD_S, market.poll.run))
            for work in works:
                self._spawn(work)
        self._spawn(self._flush_for_ever())
        self._rewriter = asyncio.get_running_loop().create_task(self._rewrite_for_ever())

    async def stop(self) -> None:
        """Close the streams, write what is held and turn it into Parquet; stopping twice is harmless.

        Raises
        ------
        Exception
            What the catalog's file system raises when it cannot be written: the rows are safe in the spool, the next
            recorder brings them in.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            for market in self.markets:
                market.finish()
            # A thread that has begun cannot be cancelled: its hour is waited for, the others are rewritten here.
            async with self._rewriting:
                if self._rewriter is not None:
                    self._rewriter.cancel()
                for market in self.markets:
                    for path in market.spool.left_over():
                        await self._rewritten(market, path)
        finally:
            self._close_markets()

    def check(self) -> None:
        """Raise what ended the recording from inside, such as a full disk; nothing while it runs."""
        for fault in (self._fault, *(market.fault for market in self.markets)):
            if fault is not None:
                raise fault

    def health(self) -> list[RecorderHealth]:
        """How it stands, market by market."""
        return [market.health(self._clock.now_ns()) for market in self.markets]

    async def _summary(self, symbol: str) -> MarketSummary:
        try:
            return await self._client.instrument_summary(symbol)
        except ApiError as error:
            listed = [market.symbol for market in await self._client.market_summary()]
            if symbol in listed:
                raise
            near = difflib.get_close_matches(symbol, listed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it lists {', '.join(listed)}"
            raise VenueError(f"the venue does not know {symbol} ({error}); {hint}") from None

    def _market(self, summary: MarketSummary) -> _Market:
        spool = Spool(self._spool, self._catalog, Partition(self.venue, summary.symbol))
        try:
            for path in spool.left_over():
                spool.compact(path)
            since_ns = 0
            if self._catalog.files(summary.symbol, venue=self.venue):
                since_ns = self._catalog.span(summary.symbol, self.venue)[1]
            return _Market(self._transport, self._client, summary, spool, self._clock, self._rng, since_ns)
        except BaseException:
            spool.close()
            raise

    def _close_markets(self) -> None:
        for market in self.markets:
            market.spool.close()

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            for market in self.markets:
                market.flush()
                while market.finished:
                    self._finished.put_nowait((market, market.finished.pop()))

    async def _rewrite_for_ever(self) -> None:
        """Turn finished hours into Parquet; where the catalog cannot be reached, later: the segment keeps the rows."""
        while True:
            market, path = await self._finished.get()
            while path.exists():
                async with self._rewriting:
                    try:
                        await self._rewritten(market, path)
                    except Exception:
                        # Object stores fail in ways of their own.
                        log.exception("%s cannot be written into %s yet", path.name, self._catalog.url)
                if path.exists():
                    await asyncio.sleep(RETRY_S)

    async def _rewritten(self, market: _Market, path: Path) -> None:
        if self._in_thread:
            await asyncio.to_thread(market.spool.compact, path)
        else:
            market.spool.compact(path)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and self._fault is None:
            self._fault = task.exception()


class _Market:
    """The streams of one market and where their rows go."""

    def __init__(
        self,
        transport: Transport,
        client: LmexClient,
        summary: MarketSummary,
        spool: Spool,
        clock: Clock,
        rng: random.Random,
        since_ns: int,
    ) -> None:
        self.symbol = summary.symbol
        self.spool = spool
        self.finished: list[Path] = []
        self.fault: DataError | None = None
        common = (self.symbol, summary.min_price_increment, clock, self._take, rng)
        self.book = BookStream(transport, *common)
        self.trades = TradeStream(transport, *common)
        self.poll = MarketPoll(client, summary, self.book, clock, self._take)
        self._rows = HeardRows(lambda: self.book.connected, since_ns)
        self._rows.begin(clock.now_ns())
        self._segment: Segment | None = None
        self._hour = -1
        self._heard_ns = 0

    def health(self, now_ns: int) -> RecorderHealth:
        rows = self._rows
        state = "in step" if self.book.sync.valid else "lost" if self.book.up else "down"
        return RecorderHealth(
            self.symbol,
            state,
            rows.messages + rows.waiting,
            rows.trades,
            rows.rows,
            rows.gaps,
            (now_ns - self._heard_ns) / NS if self._heard_ns else float("nan"),
            self._segment.bytes if self._segment is not None else 0,
        )

    def _take(self, event: Event) -> None:
        hour = event.t_ns // HOUR_NS
        if hour > self._hour:
            if self._hour >= 0:
                self._turn_hour(event)
            self._hour = hour
        self._rows.add(event)
        if isinstance(event, BookDelta | BookSnapshot | MarketTrade):
            self._heard_ns = event.t_ns
        if self._rows.waiting >= MOST_WAITING:
            self.flush()

    def _turn_hour(self, event: Event) -> None:
        """Begin a new file, with the book as it stands, for those who read from here on."""
        self.flush()
        if self._segment is not None:
            self.finished.append(self._segment.path)
            self._close_segment()
        sync = self.book.sync
        if sync.valid and not isinstance(event, BookSnapshot):
            bids, asks = tuple(sorted(sync.bids.items(), reverse=True)), tuple(sorted(sync.asks.items()))
            self._rows.repeat_book(event.t_ns, sync.venue_ms * 1_000_000, sync.last_seq, bids, asks)

    def flush(self) -> None:
        """Hand the rows that wait to the operating system; what goes wrong with that stands in `fault`."""
        table = self._rows.table()
        if not table.num_rows or self.fault is not None:
            return
        try:
            if self._segment is None:
                self._segment = self.spool.open(table.column("t_ns")[0].as_py())
            self._segment.write(table)
        except DataError as error:
            # Not raised: the stream whose event it was would take it for an end of its connection.
            self.fault = error

    def finish(self) -> None:
        """Write everything that waits and close the hour."""
        self.flush()
        self._close_segment()

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None


async def _later(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.sleep(seconds)
    await work()


def _spool_of(catalog: Catalog) -> Path:
    protocol = catalog.filesystem.protocol
    if "file" in ((protocol,) if isinstance(protocol, str) else protocol):
        return Path(catalog.root) / ".recording"
    name = hashlib.sha256(catalog.url.encode()).hexdigest()[:16]
    return Path.home() / ".cache" / "lmex-workbench" / "recording" / name
