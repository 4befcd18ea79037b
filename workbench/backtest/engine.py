"""The engine: configurations of one model over a feed in one pass, chunk by chunk, to their raw logs."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.accounts import mark_price, mark_values
from workbench.backtest.feed import Feed, release
from workbench.backtest.kernels import desk_state as d
from workbench.backtest.kernels.books import BEST, NO_ASK, NO_BID, Book, grow_far, make_book
from workbench.backtest.kernels.delays import RESPONSE
from workbench.backtest.kernels.ledger import FUNDING_DUE, FUNDING_DUE_NS, ledger_rules
from workbench.backtest.kernels.loop import (
    CLOCK_SIZE,
    ENDED,
    FAULTY,
    FUNDING_STAMP,
    GROW_BOOK,
    LAST_CHUNK,
    LOG_FULL,
    NEXT_FUNDING,
    NEXT_STEP,
    NEXT_TAPE_ROW,
    SAMPLE_NS,
    TAPE_END_NS,
    TIMER_START_NS,
    run_live,
    run_loop,
    run_parity,
)
from workbench.backtest.kernels.stepping import delay_ns
from workbench.backtest.kernels.tape import Tape, Ticker
from workbench.backtest.kernels.venue_state import ANSWER_COUNT, ANSWERS, POSITION, REQUESTS, SLOTS, make_venue
from workbench.backtest.kernels.writing import log_open_orders
from workbench.backtest.latency import Latency
from workbench.backtest.lateness import late_spells
from workbench.backtest.log import (
    FILLS_DTYPE,
    FUNDING_DTYPE,
    ORDERS_DTYPE,
    QUOTES_DTYPE,
    RunCounters,
    RunLog,
)
from workbench.backtest.log_rows import deal_rows, place_by_number
from workbench.backtest.queues import QueueModel
from workbench.backtest.row_store import RowStore
from workbench.backtest.views import CHUNK, ViewTables
from workbench.config import MarketMakerConfig
from workbench.errors import WorkbenchError
from workbench.events import NS
from workbench.instruments import decimal_of
from workbench.quoting import QuotingModel
from workbench.risk.throttle import make_bucket
from workbench.trading.settings import Settings
from workbench.trading.view_kernels import ViewMemory, make_memory

__all__ = ["Conditions", "Engine", "EngineError", "default_sample_ns", "loop_of"]

LOG_ROWS = 1 << 16

LOG_BYTES, LEAST_LOG_BYTES = 1 << 26, 1 << 20
"""Of the logs of a run, and of each of its tables: what may stay in memory; the rest goes to files."""

KEPT_BYTES = 1 << 22
"""Of each column of a mapped feed: what stays in memory when it was walked, for the next run."""

DTYPES = (ORDERS_DTYPE, FILLS_DTYPE, QUOTES_DTYPE)


class EngineError(WorkbenchError):
    """A run stopped at a step because it cannot go on honestly; the message says which one and why."""


@dataclass(frozen=True)
class Conditions:
    """Under which a run is made, beside its configurations.

    Attributes
    ----------
    times : ndarray of int64, optional
        Decisions, local clock; None: every `step_ns` from the start of the feed.
    live : bool
        Decisions are those of the live maker; `times` are when messages and marks are heard, and its timer's.
    feed_delay_ns : int
        Added to the receiver's stamps of the feed.
    messages_per_s : float
        The venue's limit for requests that place or amend; 0: none.
    impact : bool
        What an immediate order took stays taken until its level is updated.
    """

    latency: Latency
    queue: QueueModel
    parity: bool
    seed: int
    step_ns: int
    times: NDArray[np.int64] | None
    live: bool
    feed_delay_ns: int
    messages_per_s: float
    impact: bool
    sample_ns: int

    @property
    def decide(self) -> str:
        """When decisions are taken, for people."""
        if self.live:
            return "at each message, answer and own fill, as live"
        return f"every {self.step_ns / NS:g} s" if self.times is None else f"at {self.times.size:,} given times"


class Engine:
    """One pass of some configurations, which share the model and nothing else.

    Parameters
    ----------
    feed : Feed
    configs : sequence of MarketMakerConfig
    settings : sequence of Settings
        What each comes to on the feed's instrument.
    conditions : Conditions
    progress : callable, optional
        Called with the share of the feed that is done, after each chunk.
    stop : threading.Event, optional
        Ends the run early, with what there is by then.
    """

    def __init__(
        self,
        feed: Feed,
        configs: Sequence[MarketMakerConfig],
        settings: Sequence[Settings],
        conditions: Conditions,
        progress: Callable[[float], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._feed = feed
        self._conditions = conditions
        self._progress = progress
        self._stop = stop
        self._model: QuotingModel = settings[0].model
        self._count = len(configs)
        unit = float(feed.instrument.contract_size)
        self._venue = make_venue(
            self._count,
            conditions.latency.table(conditions.seed),
            parity=conditions.parity,
            queue=conditions.queue.code,
            queue_power=conditions.queue.power,
            queue_unit=unit,
            messages_per_s=conditions.messages_per_s,
            impact=conditions.impact,
        )
        self._book: Book = make_book()
        memories = [make_memory(config.volatility, config.signals) for config in configs]
        most = max(memory.numbers.size for memory in memories)
        self._desk = d.make_desk(np.array([s.params for s in settings]), most, memories[0].stamps.size)
        self._views = ViewTables(feed, configs, parity=conditions.parity, feed_delay_ns=conditions.feed_delay_ns)
        for c, (config, setting, memory) in enumerate(zip(configs, settings, memories, strict=True)):
            self._brief(c, config, setting, memory)
        self._logs = d.make_logs(max(LOG_ROWS, 4 * self._count), tuple(len(t.names or ()) for t in DTYPES))  # type: ignore[arg-type]
        each = max(LEAST_LOG_BYTES, LOG_BYTES // (len(DTYPES) * self._count))
        self._stores = tuple([RowStore(dtype, each) for _ in configs] for dtype in DTYPES)
        self._clock = np.zeros(CLOCK_SIZE, dtype=np.int64)
        self._clock[TAPE_END_NS] = feed.end_ns + conditions.feed_delay_ns
        self._clock[SAMPLE_NS] = conditions.sample_ns
        self._clock[TIMER_START_NS] = feed.start_ns + conditions.feed_delay_ns
        self._paid: list[list[tuple[int, int, float, float]]] = [[] for _ in configs]
        own = np.ascontiguousarray(feed.funding["venue_ns"])
        self._tape = Tape(feed.code, feed.price_ticks, feed.size, feed.venue_ns, own)
        self._ticker = self._make_ticker()

    def _make_ticker(self) -> Ticker:
        feed, delay_ns = self._feed, self._conditions.feed_delay_ns
        marks = feed.prices[feed.prices["mark"] > 0.0]
        watched = self._desk.counts[:, d.WATCH_LOSS].any()
        return Ticker(
            feed.best_ns + delay_ns if delay_ns else feed.best_ns,
            feed.bests,
            marks["t_ns"] + delay_ns,
            mark_values(marks["mark"] if watched else np.empty(0), feed.instrument),
            self._late_spells() + delay_ns,
        )

    def _late_spells(self) -> NDArray[np.int64]:
        """Of all ages of the book that traders bear, one after the other; each is told which are its own."""
        spells = [np.empty((0, 2), dtype=np.int64)]
        if not self._conditions.parity:
            counts = self._desk.counts
            for most_ns in sorted(set(counts[:, d.MAX_BOOK_AGE_NS].tolist())):
                mine = counts[:, d.MAX_BOOK_AGE_NS] == most_ns
                counts[mine, d.LATE_FROM] = sum(map(len, spells))
                spells.append(late_spells(self._feed, most_ns))
                counts[mine, d.LATE_TO] = sum(map(len, spells))
        return np.concatenate(spells)

    def _brief(self, c: int, config: MarketMakerConfig, setting: Settings, memory: ViewMemory) -> None:
        """Tell a trader its limits."""
        desk = self._desk
        desk.limits[c] = setting.limits
        desk.buckets[c] = make_bucket(config.risk.max_messages_per_s)
        counts = desk.counts[c]
        counts[d.MAX_REJECTS] = config.risk.max_rejects
        counts[d.MAX_BOOK_AGE_NS] = int(config.risk.max_book_age_s * NS)
        counts[d.VIEW_TABLE] = self._views.table_of(config)
        counts[d.MARKOUTS] = not self._conditions.parity
        desk.numbers[c, : memory.numbers.size] = memory.numbers
        desk.stamps[c] = memory.stamps
        desk.shares[c, d.COLLAR] = config.risk.price_collar_bps / 10_000
        desk.shares[c, d.TOLERANCE_SHARE] = config.quoting.refresh_tolerance_bps / 10_000
        if config.risk.max_loss is not None:
            counts[d.WATCH_LOSS] = 1
            desk.ledger[c] = ledger_rules(self._feed.instrument, config.risk.max_loss)

    # --- the run ------------------------------------------------------------------------------------------------

    def run(self) -> list[RunLog]:
        """Walk the feed; a log for each configuration.

        Raises
        ------
        EngineError
            When more messages or orders are under way than there is room for.
        """
        reason = ""
        steps = _steps(self._feed, self._conditions)
        first_ns = last_ns = 0
        try:
            for times, first, last in steps:
                if times.size:
                    first_ns, last_ns = first_ns or int(times[0]), int(times[-1])
                if self._chunk(times, first=first, last=last):
                    break
                self._release()
                if self._stop is not None and self._stop.is_set():
                    reason = "interrupted"
                    break
                if self._progress is not None:
                    self._progress(min(1.0, (last_ns - self._feed.start_ns) / max(1, self._span_ns)))
        except KeyboardInterrupt:
            reason = "interrupted"
        for c in range(self._count):
            if self._logs.ends[d.LOG_ORDERS] + SLOTS > len(self._logs.orders):
                self._flush()
            log_open_orders(self._venue, self._desk, self._logs, c)
        self._flush()
        return [self._log(c, first_ns, reason) for c in range(self._count)]

    def _release(self) -> None:
        """What was walked needs no memory any more, but for its beginning."""
        feed, row = self._feed, int(self._clock[NEXT_TAPE_ROW])
        for column in (feed.code, feed.price_ticks, feed.size, feed.venue_ns):
            release(column, row, KEPT_BYTES)
        release(feed.t_ns, self._views.rows_read, KEPT_BYTES)
        for column in (feed.best_ns, feed.bests):
            release(column, self._views.bests_read, KEPT_BYTES)

    @property
    def _span_ns(self) -> int:
        return self._feed.end_ns - self._feed.start_ns

    def _chunk(self, times: NDArray[np.int64], *, first: int, last: bool) -> bool:
        """Run a chunk of decisions from its `first` on; True when the run is over."""
        run = loop_of(live=self._conditions.live, parity=self._conditions.parity)
        views, heard, codes = self._views.at(times)
        self._clock[NEXT_STEP] = first
        self._clock[LAST_CHUNK] = last
        while True:
            status = run(
                self._venue,
                self._book,
                self._desk,
                self._logs,
                self._tape,
                self._ticker,
                self._clock,
                times,
                views,
                heard,
                codes,
                self._model.function,
                self._conditions.queue.compiled_function,
            )
            if status == GROW_BOOK:
                self._book = grow_far(self._book)
            elif status == LOG_FULL:
                self._flush()
            elif status == FUNDING_STAMP:
                self._pay_funding()
            elif status == FAULTY:
                step = int(self._clock[NEXT_STEP])
                at = int(times[step]) if step < times.size else self._feed.end_ns
                raise EngineError(
                    f"at {np.datetime64(at, 'ns')} a configuration has more than {SLOTS} orders, {REQUESTS} requests "
                    f"or {ANSWERS} answers under way; shorten the latency or decide less often"
                )
            else:
                return bool(status == ENDED)

    def _pay_funding(self) -> None:
        """At a funding stamp: every position pays or receives, and hears of it when an answer would be heard."""
        at_ns, rate, mark = self._feed.funding[self._clock[NEXT_FUNDING]].tolist()
        self._clock[NEXT_FUNDING] += 1
        bid, ask = self._book.marks[BEST : BEST + 2].tolist()
        if math.isnan(mark) and bid != NO_BID and ask != NO_ASK:
            mark = (bid + ask) / 2
        if not mark > 0.0:
            return
        instrument, desk = self._feed.instrument, self._desk
        for c in np.flatnonzero(self._venue.accounts[:, POSITION]).tolist():
            position = int(self._venue.accounts[c, POSITION])
            self._paid[c].append((at_ns, position, rate, mark))
            if desk.counts[c, d.WATCH_LOSS]:
                units = instrument.funding_units(mark_price(mark, instrument), position, decimal_of(rate))
                latency, count = self._venue.latency, int(self._venue.ends[c, ANSWER_COUNT])
                desk.ledger[c, FUNDING_DUE] = units
                desk.ledger[c, FUNDING_DUE_NS] = at_ns + delay_ns(latency, RESPONSE, at_ns, count)

    def _flush(self) -> None:
        """Take what the log holds, by configuration, so that it has room again."""
        logs, counts = self._logs, self._desk.counts
        for stores, rows, end in zip(
            self._stores, (logs.orders, logs.fills, logs.quotes), logs.ends.tolist(), strict=True
        ):
            if not end:
                continue
            for c, part in enumerate(deal_rows(rows, end, self._count)):
                if stores is self._stores[d.LOG_ORDERS]:
                    # Every order is logged once, when it ends.
                    place_by_number(part, stores[c].grown(int(counts[c, d.ORDERS_SENT])))
                else:
                    stores[c].append(part)
                stores[c].rest()
        logs.ends[:] = 0

    def _log(self, c: int, first_ns: int, reason: str) -> RunLog:
        counts = self._desk.counts[c]
        orders, fills, quotes = (stores[c].rows() for stores in self._stores)
        return RunLog(
            orders,
            fills,
            quotes,
            np.array(self._paid[c], FUNDING_DTYPE),
            RunCounters(
                steps=int(counts[d.STEPS]),
                submits=int(counts[d.SUBMITS]),
                cancels=int(counts[d.CANCELS]),
                amends=int(counts[d.AMENDS]),
                rejects=int(counts[d.REJECTS]),
                throttled=int(counts[d.THROTTLED]),
                max_open=int(counts[d.MAX_OPEN]),
                uptime_ns=int(counts[d.UPTIME_NS]),
                position=int(counts[d.KNOWN_POSITION]),
            ),
            start_ns=first_ns,
            end_ns=int(counts[d.LAST_NS]),
            finished=not reason,
            reason=reason,
        )


def loop_of(*, live: bool, parity: bool) -> Callable[..., int]:
    """The compiled loop that goes through a chunk of decisions under these conditions."""
    return run_live if live else run_parity if parity else run_loop


def _steps(feed: Feed, conditions: Conditions) -> Iterator[tuple[NDArray[np.int64], int, bool]]:
    """Chunks of times, the first of each that is new, and whether everything that is left is to be heard after them."""
    times = conditions.times
    if times is not None:
        # Whoever decides between two times looks at what was seen at the one before.
        kept = int(conditions.live)
        for at in range(0, times.size, CHUNK - kept):
            first = min(at, kept)
            yield times[at - first : at - first + CHUNK], first, False
        yield np.empty(0, np.int64), 0, True
        return
    step, start = conditions.step_ns, feed.start_ns
    made = 0
    while True:
        yield start + step * np.arange(made + 1, made + CHUNK + 1, dtype=np.int64), 0, False
        made += CHUNK


def default_sample_ns(feed: Feed, step_ns: int, rows: int) -> int:
    """Time between rows of the quotes table, so that there are about so many at most."""
    return max(step_ns, math.ceil((feed.end_ns - feed.start_ns) / rows))
