"""The engine: configurations of one model over a feed in one pass, chunk by chunk, to their raw logs."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import Feed, release
from workbench.backtest.kernels import desk_state as d
from workbench.backtest.kernels.books import Book, grow_far, make_book
from workbench.backtest.kernels.loop import (
    CLOCK_SIZE,
    ENDED,
    FAULTY,
    FEED_DELAY_NS,
    GROW_BOOK,
    LAST_CHUNK,
    LOG_FULL,
    NEXT_STEP,
    NEXT_TAPE_ROW,
    SAMPLE_NS,
    TAPE_END_NS,
    Tape,
    run_loop,
)
from workbench.backtest.kernels.venue_state import ANSWERS, REQUESTS, SLOTS, make_venue
from workbench.backtest.kernels.writing import log_open_orders
from workbench.backtest.latency import Latency
from workbench.backtest.log import (
    FILLS_DTYPE,
    FUNDING_DTYPE,
    ORDERS_DTYPE,
    QUOTES_DTYPE,
    RunCounters,
    RunLog,
)
from workbench.backtest.log_rows import deal_rows, place_by_number
from workbench.backtest.mids import add_mids
from workbench.backtest.queues import QueueModel
from workbench.backtest.views import CHUNK, ViewTables
from workbench.config import MarketMakerConfig
from workbench.errors import WorkbenchError
from workbench.events import NS
from workbench.quoting import QuotingModel
from workbench.risk.throttle import make_bucket
from workbench.trading.planner import Settings
from workbench.trading.view_kernels import make_memory

__all__ = ["Conditions", "Engine", "EngineError", "default_sample_ns"]

LOG_ROWS = 1 << 16
DTYPES = (ORDERS_DTYPE, FILLS_DTYPE, QUOTES_DTYPE, FUNDING_DTYPE)


class EngineError(WorkbenchError):
    """A run stopped at a step because it cannot go on honestly; the message says which one and why."""


@dataclass(frozen=True)
class Conditions:
    """Under which a run is made, beside its configurations.

    Attributes
    ----------
    times : ndarray of int64, optional
        Decisions; None: every `step_ns` from the start of the feed.
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
    feed_delay_ns: int
    messages_per_s: float
    impact: bool
    sample_ns: int

    @property
    def decide(self) -> str:
        """When decisions are taken, for people."""
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
        memory = make_memory(configs[0].volatility, configs[0].signals)
        self._desk = d.make_desk(np.array([s.params for s in settings]), memory.numbers.size, memory.stamps.size)
        self._views = ViewTables(feed, configs, parity=conditions.parity, feed_delay_ns=conditions.feed_delay_ns)
        for c, (config, setting) in enumerate(zip(configs, settings, strict=True)):
            self._brief(c, config, setting)
        self._logs = d.make_logs(max(LOG_ROWS, 4 * self._count), tuple(len(t.names or ()) for t in DTYPES))  # type: ignore[arg-type]
        self._kept: tuple[list[list[NDArray[np.int64]]], ...] = tuple([[] for _ in configs] for _ in DTYPES)
        self._clock = np.zeros(CLOCK_SIZE, dtype=np.int64)
        self._clock[TAPE_END_NS] = feed.end_ns + conditions.feed_delay_ns
        self._clock[FEED_DELAY_NS] = conditions.feed_delay_ns
        self._clock[SAMPLE_NS] = conditions.sample_ns
        own = feed.funding
        self._tape = Tape(
            feed.code,
            feed.price_ticks,
            feed.size,
            feed.venue_ns,
            np.ascontiguousarray(own["venue_ns"]),
            np.column_stack([own["rate"], own["mark"]]).astype(np.float64).reshape(-1, 2),
            feed.best_ns,
            feed.bests,
        )

    def _brief(self, c: int, config: MarketMakerConfig, setting: Settings) -> None:
        """Tell a trader its limits."""
        desk, instrument = self._desk, self._feed.instrument
        desk.limits[c] = setting.limits
        desk.buckets[c] = make_bucket(config.risk.max_messages_per_s)
        counts, money = desk.counts[c], desk.money[c]
        counts[d.MAX_REJECTS] = config.risk.max_rejects
        counts[d.MAX_BOOK_AGE_NS] = int(config.risk.max_book_age_s * NS)
        counts[d.VIEW_TABLE] = self._views.table_of(config)
        counts[d.MARKOUTS] = not self._conditions.parity
        memory = make_memory(config.volatility, config.signals)
        desk.numbers[c, : memory.numbers.size] = memory.numbers
        desk.stamps[c] = memory.stamps
        money[d.COLLAR] = config.risk.price_collar_bps / 10_000
        money[d.TOLERANCE_SHARE] = config.quoting.refresh_tolerance_bps / 10_000
        if config.risk.max_loss is not None:
            counts[d.WATCH_LOSS] = 1
            money[d.MAX_LOSS] = config.risk.max_loss
            money[d.MAKER_RATE], money[d.TAKER_RATE] = float(instrument.maker_fee), float(instrument.taker_fee)
            size, tick = float(instrument.contract_size), float(instrument.tick_size)
            money[d.INVERSE] = instrument.inverse
            money[d.UNIT] = size / tick if instrument.inverse else size * tick

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
            for times, last in steps:
                if times.size:
                    first_ns, last_ns = first_ns or int(times[0]), int(times[-1])
                if self._chunk(times, last=last):
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
        logs = [self._log(c, first_ns, reason) for c in range(self._count)]
        add_mids(self._feed, [log.fills for log in logs], self._conditions.feed_delay_ns)
        return logs

    def _release(self) -> None:
        """What was walked needs no memory any more."""
        feed, row = self._feed, int(self._clock[NEXT_TAPE_ROW])
        for column in (feed.code, feed.price_ticks, feed.size, feed.venue_ns):
            release(column, row)
        release(feed.t_ns, self._views.rows_read)
        for column in (feed.best_ns, feed.bests):
            release(column, self._views.bests_read)

    @property
    def _span_ns(self) -> int:
        return self._feed.end_ns - self._feed.start_ns

    def _chunk(self, times: NDArray[np.int64], *, last: bool) -> bool:
        """Run a chunk of decisions; True when the run is over."""
        views, heard, codes = self._views.at(times)
        self._clock[NEXT_STEP] = 0
        self._clock[LAST_CHUNK] = last
        while True:
            status = run_loop(
                self._venue,
                self._book,
                self._desk,
                self._logs,
                self._tape,
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
            elif status == FAULTY:
                step = int(self._clock[NEXT_STEP])
                at = int(times[step]) if step < times.size else self._feed.end_ns
                raise EngineError(
                    f"at {np.datetime64(at, 'ns')} a configuration has more than {SLOTS} orders, {REQUESTS} requests "
                    f"or {ANSWERS} answers under way; shorten the latency or decide less often"
                )
            else:
                return bool(status == ENDED)

    def _flush(self) -> None:
        """Take what the log holds, by configuration, so that it has room again."""
        logs = self._logs
        for kept, rows, end in zip(
            self._kept, (logs.orders, logs.fills, logs.quotes, logs.funding), logs.ends.tolist(), strict=True
        ):
            if end:
                for mine, part in zip(kept, deal_rows(rows, end, self._count), strict=True):
                    mine.append(part)
        logs.ends[:] = 0

    def _log(self, c: int, first_ns: int, reason: str) -> RunLog:
        counts = self._desk.counts[c]
        orders = np.empty(int(counts[d.ORDERS_SENT]), ORDERS_DTYPE)
        rows = orders.view(np.int64).reshape(orders.size, -1)
        for part in self._kept[d.LOG_ORDERS][c]:
            # Every order is logged once, when it ends.
            place_by_number(part, rows)
        fills, quotes, funding = (
            np.concatenate(kept[c]).view(dtype).reshape(-1) if kept[c] else np.empty(0, dtype)
            for kept, dtype in zip(self._kept[1:], DTYPES[1:], strict=True)
        )
        return RunLog(
            orders,
            fills,
            quotes,
            funding,
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


def _steps(feed: Feed, conditions: Conditions) -> Any:
    """Chunks of decision times, and whether everything that is left is to be heard after them."""
    if conditions.times is not None:
        for at in range(0, conditions.times.size, CHUNK):
            yield conditions.times[at : at + CHUNK], False
        yield np.empty(0, np.int64), True
        return
    step, start = conditions.step_ns, feed.start_ns
    made = 0
    while True:
        yield start + step * np.arange(made + 1, made + CHUNK + 1, dtype=np.int64), False
        made += CHUNK


def default_sample_ns(feed: Feed, step_ns: int, rows: int) -> int:
    """Time between rows of the quotes table, so that there are about so many at most."""
    return max(step_ns, math.ceil((feed.end_ns - feed.start_ns) / rows))
