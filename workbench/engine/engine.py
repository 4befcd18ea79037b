"""One trading session from preflight to verified end: the object that the engine process and virtual time both run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from workbench.clock import NS, Clock
from workbench.config import MarketMakerConfig
from workbench.engine.control import FrameHistory
from workbench.engine.journal import Journal
from workbench.engine.loop import TradingLoop
from workbench.engine.outcome import Outcome, outcome_of, stop_report
from workbench.engine.own_models import load_model
from workbench.engine.preflight import check_venue_allowed, clear_account, contract_sizes
from workbench.engine.protocol import EngineSpec
from workbench.engine.status import StopReport
from workbench.errors import JournalError, SessionError, VenueError
from workbench.events import (
    TIMER_NS,
    BookSnapshot,
    Command,
    Control,
    Event,
    MarkPrice,
    PositionReport,
    Reconcile,
    ReconcileDone,
    StateFrame,
)
from workbench.instruments import Instrument
from workbench.provenance import code_hash, versions
from workbench.trading import MarketMaker, Venue

__all__ = ["EXIT_CODES", "EndRequest", "Engine", "MakeVenue"]

MakeVenue = Callable[[Callable[[Event], None]], Venue]
"""Makes a venue's adapter that emits its events through the given function."""

READY_S = 20.0
"""How long the first valid book and price may take."""

CANCEL_S = 10.0
"""How long the venue may take to list nothing."""

RECONCILE_S = 5.0
RECONCILE_TRIES = 3
FLATTEN_S = 20.0

EXIT_CODES = {
    "request": 0,
    "seconds": 0,
    "data": 0,
    "SIGINT": 130,
    "SIGTERM": 143,
    "owner": 143,
    "failure": 4,
}
"""Exit code by what ended the session; 3 replaces 0 when a limit had stopped it, 5 goes before all."""

_log = logging.getLogger(__name__)

StoppedBy = Literal["request", "seconds", "data", "SIGINT", "SIGTERM", "owner", "failure"]


class EndRequest(NamedTuple):
    """Why the session ends, and whether the position is to be closed first."""

    by: StoppedBy
    flatten: bool = False


class Engine:
    """Runs one configuration on one venue.

    Parameters
    ----------
    spec : EngineSpec
        Run id, seed, time limit.
    config : MarketMakerConfig
        Validated.
    make_venue : callable
        Makes the venue's adapter on the given emit function.
    clock : Clock
        Wall and monotonic time.
    journal_path : path or ":memory:"
        Where the journal is made.
    publish : callable, optional
        Given the encoded bytes of each state frame.
    frame_ns : int
        Least time between two frames.
    audit : callable, optional
        Called with the core, each event and its commands; raising ends the session as a failure.
    """

    def __init__(
        self,
        spec: EngineSpec,
        config: MarketMakerConfig,
        make_venue: MakeVenue,
        clock: Clock,
        journal_path: str | Path,
        *,
        publish: Callable[[bytes], None] | None = None,
        frame_ns: int = TIMER_NS,
        audit: Callable[[MarketMaker, Event, Sequence[Command]], None] | None = None,
    ) -> None:
        self.spec = spec
        self.config = config
        self.history = FrameHistory()
        self.instrument: Instrument | None = None
        self.clock = clock
        self._journal_path = journal_path
        self._publish = publish
        self._frame_ns = frame_ns
        self._audit = audit
        self._venue: Venue = make_venue(self._emit)
        self._loop: TradingLoop | None = None
        self._early: list[Event] = []
        self._price: Decimal | None = None
        self._reconciled: ReconcileDone | None = None
        self._venue_position: int | None = None
        self._end: asyncio.Future[EndRequest] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[StopReport] = asyncio.get_running_loop().create_future()
        self.report: StopReport | None = None
        self._started_ns = 0
        self._ended_ns = 0

    # --- start ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Preflight, then trade; returns when the book is valid and the core decides.

        Raises
        ------
        ConfigError
            If the configuration does not fit the market.
        SessionError, VenueError
            If the venue cannot be used. Whatever was opened is closed again.
        """
        check_venue_allowed(self.config)
        await load_model(self.config)
        try:
            self.instrument = await self._venue.open()
            await clear_account(self._venue, CANCEL_S)
            await self._venue.start_streams()
            self._price = await self._first_price()
            self._begin(self.instrument, self._price)
            if not await self.loop.wait_until(lambda: bool(self.loop.first_book_ns), READY_S):
                raise self.loop.failure or SessionError(
                    f"no valid book of {self.config.symbol} within {READY_S:g} s; expected one: is the venue up?"
                )
        except BaseException:
            await self.abandon()
            raise
        self._started_ns = self.clock.monotonic_ns()
        _log.info("ready: %s on %s, run %s", self.config.symbol, self.config.venue.name, self.spec.run_id)

    async def _first_price(self) -> Decimal:
        """The mark price if the venue tells it first, else the mid of the first book; events wait meanwhile."""
        assert self.instrument is not None
        deadline = self.clock.monotonic_ns() + round(READY_S * NS)
        while self.clock.monotonic_ns() < deadline:
            for event in self._early:
                if isinstance(event, MarkPrice):
                    return event.mark
            for event in self._early:
                if isinstance(event, BookSnapshot) and event.bids and event.asks:
                    half_ticks = max(price for price, _ in event.bids) + min(price for price, _ in event.asks)
                    return half_ticks * self.instrument.tick_size / 2
            await asyncio.sleep(0.01)
        raise SessionError(f"no price of {self.config.symbol} within {READY_S:g} s; expected one: is the venue up?")

    def _begin(self, instrument: Instrument, price: Decimal) -> None:
        sizes = contract_sizes(self.config, instrument, price)
        self.journal = Journal(
            self._journal_path,
            {
                "run_id": self.spec.run_id,
                "run_tag": self.spec.run_id[-8:],
                "seed": self.spec.seed,
                "seconds": self.spec.seconds,
                "started_ns": self.clock.now_ns(),
                "config": self.config.model_dump(mode="json", exclude_unset=True),
                "config_hash": self.config.digest(),
                "instrument": msgspec.to_builtins(instrument),
                "sizes": sizes._asdict(),
                "preflight_price": str(price),
                "code_hash": code_hash(),
                "versions": versions(),
            },
        )
        self.maker = self.make_maker(self.config)
        audit = self._audit
        self._loop = TradingLoop(
            self.maker,
            self.journal,
            self.clock,
            self._venue.submit,
            self._frame,
            frame_ns=self._frame_ns,
            audit=None if audit is None else lambda event, commands: audit(self.maker, event, commands),
            failed=self._failed,
        )
        for event in self._early:
            self._loop.emit(event)
        self._early.clear()
        self._loop.start()

    def make_maker(self, config: MarketMakerConfig) -> MarketMaker:
        """A fresh core of this run. Raises `ConfigError` when the configuration does not fit the market."""
        assert self.instrument is not None
        assert self._price is not None
        return MarketMaker(self.instrument, config, self._price, self.spec.run_id[-8:])

    async def abandon(self) -> bool:
        """Leave nothing behind when the orderly way is closed; whether no order can be open at the venue."""
        clean = True
        if self._loop is not None:
            clean = await self.cancel_all() == 0
            self._loop.stop()
            self._close_journal()
        await self._venue.close()
        return clean

    @property
    def loop(self) -> TradingLoop:
        """The trading loop, once it has begun."""
        if self._loop is None:
            raise SessionError("the engine has not begun to trade; expected a started session: call start first")
        return self._loop

    # --- events and frames ------------------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        if self._loop is None:
            self._early.append(event)
            return
        if type(event) is ReconcileDone:
            self._reconciled = event
        elif type(event) is PositionReport:
            self._venue_position = event.position
        self._loop.emit(event)

    def _frame(self, frame: StateFrame) -> None:
        data = self.history.add(frame)
        if self._publish is not None:
            self._publish(data)

    def _failed(self, error: Exception) -> None:
        _log.error("trading ends: %s", error, exc_info=error)
        self.end("failure")

    def end(self, by: StoppedBy, *, flatten: bool = False) -> None:
        """Ask for the end of the session; the first to ask is who ended it."""
        if not self._end.done():
            self._end.set_result(EndRequest(by, flatten))

    # --- to the end -------------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Trade until the time is over or somebody ends it; then cancel, verify, reconcile and close."""
        try:
            request = await asyncio.wait_for(asyncio.shield(self._end), self._time_left())
        except TimeoutError:
            self.end("seconds")
            request = self._end.result()
        report = await self._finish(request)
        self.report = report
        return self._outcome(report)

    def announce_end(self) -> None:
        """Tell whoever asked for the stop: everything that a run leaves behind is in place."""
        if self.report is not None and not self.ended.done():
            self.ended.set_result(self.report)

    def _time_left(self) -> float | None:
        if self.spec.seconds is None:
            return None
        return max(0.0, self.spec.seconds - (self.clock.now_ns() - self.loop.first_book_ns) / NS)

    async def _finish(self, request: EndRequest) -> StopReport:
        loop = self.loop
        if request.flatten and loop.failure is None:
            loop.emit(Control(self.clock.now_ns(), "flatten", "flatten before the stop"))
            await loop.wait_until(lambda: self.maker.position == 0, FLATTEN_S)
        if loop.failure is None:
            loop.emit(Control(self.clock.now_ns(), "stop", request.by))
            await loop.consumed()
        self._ended_ns = self.clock.monotonic_ns()
        left = await self.cancel_all()
        if left is not None and loop.failure is None:
            await self._reconcile()
        loop.stop()
        await self._venue.close()
        self._close_journal()
        code = EXIT_CODES[request.by] or (3 if self.maker.halted_by else 0)
        report = stop_report(request.by, left, 5 if left != 0 else code, self.last_frame)
        if request.flatten and report.position_at_end:
            _log.warning("the position could not be closed within %g s", FLATTEN_S)
        return report

    async def cancel_all(self) -> int | None:
        """Cancel at the venue whatever else is broken; how many orders it still lists, None when it cannot be known."""
        try:
            return await self._venue.cancel_all_and_verify(CANCEL_S)
        except VenueError as error:
            _log.error("zero open orders could not be verified: %s", error)
            return None

    async def _reconcile(self) -> None:
        """Hear of the last fills: the books close only on what the venue says after the cancel."""
        asked_ns = self.clock.now_ns()

        def answered() -> bool:
            # An answer to a question from before the cancel says nothing.
            return self._reconciled is not None and self._reconciled.asked_ns >= asked_ns

        for _ in range(RECONCILE_TRIES):
            try:
                self.loop.order(Reconcile("the session ends"))
            except JournalError as error:
                _log.error("the last reconciliation is left out: %s", error)
                return
            await self.loop.wait_until(answered, RECONCILE_S)
            await self.loop.consumed()
            if self._reconciled is not None and answered() and self._reconciled.ok:
                return
            asked_ns = self.clock.now_ns()
        _log.warning("the venue did not answer the last reconciliation; its own lists may say more than our books")

    def _close_journal(self) -> None:
        self._digest, self._rows = self.journal.digest(), self.journal.rows
        try:
            self.journal.close()
        except JournalError as error:
            _log.error("the journal could not be closed: %s", error)

    def _outcome(self, report: StopReport) -> Outcome:
        return outcome_of(
            report,
            self.last_frame,
            self.maker.stats,
            spec=self.spec,
            config=self.config,
            ran_s=self.running_s,
            failure=self.loop.failure,
            journal_digest=self._digest,
            journal_rows=self._rows,
            loop_stats=self.loop.stats,
            venue_position=self._venue_position,
        )

    @property
    def last_frame(self) -> StateFrame:
        """The newest state frame."""
        frame = self.loop.last_frame
        if frame is None:
            raise SessionError("there is no state frame yet; expected a session that trades")
        return frame

    @property
    def running_s(self) -> float:
        """Seconds since the session was ready, up to its end."""
        if not self._started_ns:
            return 0.0
        return round(((self._ended_ns or self.clock.monotonic_ns()) - self._started_ns) / NS, 3)
