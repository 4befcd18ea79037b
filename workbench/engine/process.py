"""The engine process: everything between its start by a session and the exit code it leaves."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from workbench.client.http import AiohttpTransport
from workbench.clock import NS, Clock, SystemClock
from workbench.config import MarketMakerConfig
from workbench.engine.control import ControlServer
from workbench.engine.credentials import load_credentials
from workbench.engine.engine import EXIT_CODES, Engine, MakeVenue, StoppedBy
from workbench.engine.journal import read_journal
from workbench.engine.launch import Ready, spawn_exchange, until_listening
from workbench.engine.lease import Lease, account_lease_path
from workbench.engine.outcome import Outcome, write_fills
from workbench.engine.preflight import check_venue_allowed
from workbench.engine.protocol import (
    CONNECTION_FILE,
    FILLS_FILE,
    JOURNAL_FILE,
    LOG_FILE,
    OUTCOME_FILE,
    ConnectionFile,
    EngineSpec,
    Failure,
    read_struct,
    write_struct,
)
from workbench.engine.requests import Requests
from workbench.engine.venues import make_lmex_venue
from workbench.errors import ConfigError, JournalError, VenueError, WorkbenchError
from workbench.events import TIMER_NS
from workbench.virtual_time import LoopClock, PacedLoop

__all__ = ["main"]

_log = logging.getLogger(__name__)

ATTACH_S = 1.0
"""A recording waits so long for whoever started its session to attach."""

_SIGNALS: dict[signal.Signals, StoppedBy] = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM"}


def main(spec_path: Path) -> int:
    """Run one session as its spec says; the exit code says how it ended (design.md, exit codes)."""
    os.umask(0o077)
    spec = read_struct(spec_path, EngineSpec)
    _log_to(spec_path.parent / LOG_FILE)
    return _run(EngineProcessRun(spec, spec_path.parent).run(), _loop_factory(spec))


def _run(coro: Coroutine[Any, Any, int], loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> int:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(coro)


def _loop_factory(spec: EngineSpec) -> Callable[[], asyncio.AbstractEventLoop]:
    venue = spec.config.get("venue", {})
    if venue.get("name") == "replay":
        return lambda: PacedLoop(venue.get("speed", 1.0), spec.seed)
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Place(NamedTuple):
    """Where a session trades: its address, its clock, its adapter, and how often a state frame is due."""

    url: str
    clock: Clock
    make_venue: MakeVenue
    frame_ns: int = TIMER_NS


class EngineProcessRun:
    """One run of the process: opens what a session needs, in order, and closes it in the opposite one."""

    def __init__(self, spec: EngineSpec, run_dir: Path) -> None:
        self._spec = spec
        self._run_dir = run_dir
        self._signal: StoppedBy | None = None
        self._engine: Engine | None = None
        self._starting: asyncio.Task[Engine] | None = None
        self._transport: AiohttpTransport | None = None
        self._made: Engine | None = None
        self._tape: dict[str, Any] = {}

    async def run(self) -> int:
        """From start to exit code."""
        loop = asyncio.get_running_loop()
        for number, name in _SIGNALS.items():
            loop.add_signal_handler(number, self._end, name)
        if self._spec.lifeline_fd is not None:
            os.set_inheritable(self._spec.lifeline_fd, False)
            loop.add_reader(self._spec.lifeline_fd, self._owner_gone, self._spec.lifeline_fd)
        if self._spec.ready_fd is not None:
            os.set_inheritable(self._spec.ready_fd, False)
        async with AsyncExitStack() as stack:
            self._starting = loop.create_task(self._start(stack))
            try:
                engine = await self._starting
            except asyncio.CancelledError:
                assert self._signal is not None
                _log.info("ended by %s before it traded", self._signal)
                self._tell(Failure("SessionError", (f"the engine was ended by {self._signal} before it traded",)))
                return EXIT_CODES[self._signal]
            except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it was
                _log.error("the session was not started: %s", error, exc_info=not isinstance(error, WorkbenchError))
                self._tell(Failure.of(error))
                return 2 if isinstance(error, ConfigError) else 4
            self._engine = engine
            self._tell(None)
            if isinstance(loop, PacedLoop):
                # Whoever started it is to see it from the beginning.
                loop.hold(ATTACH_S)
            # What was made at the start lives for long; without it collections are short.
            gc.freeze()
            try:
                outcome = await engine.run()
            except Exception:  # noqa: BLE001 - whatever broke, the orders must go
                _log.exception("the session did not end as it should")
                return 4 if await engine.abandon() else 5
            self._leave_behind(await self._with_tape(outcome), engine)
            engine.announce_end()
            return outcome.exit_code

    async def _start(self, stack: AsyncExitStack) -> Engine:
        config = MarketMakerConfig.from_dict(self._spec.config)
        check_venue_allowed(config)
        run_lease = Lease(self._run_dir / "engine.lock", f"the run folder {self._run_dir}")
        stack.callback(run_lease.release)
        place = await self._place(config, stack)
        publish: list[Callable[[bytes], None]] = []
        engine = Engine(
            self._spec,
            config,
            place.make_venue,
            place.clock,
            self._run_dir / JOURNAL_FILE,
            publish=lambda frame: publish[0](frame) if publish else None,
            frame_ns=place.frame_ns,
        )
        self._made = engine
        server = ControlServer(Requests(engine, place.url).handle)
        stack.push_async_callback(server.close)
        publish.append(server.publish)
        await engine.start()
        write_struct(self._run_dir / CONNECTION_FILE, self._connection(engine, server, place.url))
        return engine

    async def _place(self, config: MarketMakerConfig, stack: AsyncExitStack) -> _Place:
        """Where the session will trade."""
        match config.venue.name:
            case "replay":
                return await self._recording(config)
            case "paper":
                return self._public_market(config, stack)
        credentials = load_credentials(config.venue.credentials)
        url = config.venue.url
        if url is None:
            seed, preset = self._spec.seed, config.venue.preset
            exchange = spawn_exchange(self._run_dir, seed=seed, preset=preset, dead_man_s=config.venue.dead_man_seconds)
            url = (await until_listening(exchange, self._run_dir, seed=seed, preset=preset)).url
        account_lease = Lease(account_lease_path(url, credentials.key), f"the account at {url}")
        stack.callback(account_lease.release)
        transport = self._transport = AiohttpTransport(url)
        stack.push_async_callback(transport.close)
        clock = SystemClock()
        return _Place(url, clock, lambda emit: make_lmex_venue(config, transport, credentials, clock, emit))

    async def _recording(self, config: MarketMakerConfig) -> _Place:
        """Recorded data on their own clock; the session ends when they do."""
        from workbench.engine.venues.recording import find_recording
        from workbench.engine.venues.replay import LEAD_NS, ReplayVenue, tape_of

        loop = asyncio.get_running_loop()
        assert isinstance(loop, PacedLoop)
        feed = await asyncio.to_thread(find_recording(config).feed)
        self._tape = tape_of(feed)
        clock = LoopClock(loop, feed.start_ns - LEAD_NS - loop.now_ns)

        def finished() -> None:
            assert self._made is not None
            self._made.end("data")

        return _Place(
            str(config.venue.data),
            clock,
            lambda emit: ReplayVenue(config, feed, clock, emit, finished, seed=self._spec.seed),
            round(TIMER_NS * max(1.0, loop.speed)) if loop.speed else NS,
        )

    def _public_market(self, config: MarketMakerConfig, stack: AsyncExitStack) -> _Place:
        from workbench.engine.venues.paper import LMEX_REST, LMEX_STREAMS, PaperVenue

        url = config.venue.url
        transport = AiohttpTransport(LMEX_REST, LMEX_STREAMS) if url is None else AiohttpTransport(url)
        stack.push_async_callback(transport.close)
        clock = SystemClock()
        return _Place(
            url or LMEX_REST, clock, lambda emit: PaperVenue(config, transport, clock, emit, seed=self._spec.seed)
        )

    def _connection(self, engine: Engine, server: ControlServer, url: str) -> ConnectionFile:
        return ConnectionFile(
            run_id=self._spec.run_id,
            pid=os.getpid(),
            control=server.control,
            frames=server.frames,
            server_public=server.server_public,
            client_public=server.client_public,
            client_secret=server.client_secret,
            venue=engine.config.venue.name,
            venue_url=url,
            symbol=engine.config.symbol,
            seed=self._spec.seed,
            started_ns=SystemClock().now_ns(),
        )

    def _end(self, by: StoppedBy) -> None:
        if self._signal is None:
            self._signal = by
        if self._engine is not None:
            self._engine.end(by)
        elif self._starting is not None:
            self._starting.cancel()

    def _owner_gone(self, fd: int) -> None:
        """The pipe to the owner is at its end: nobody watches any more."""
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
        _log.warning("the process that owns this session is gone: everything is cancelled")
        self._end("owner")

    def _tell(self, failure: Failure | None) -> None:
        """Say through the ready pipe that trading has begun, or why it has not."""
        fd = self._spec.ready_fd
        if fd is None:
            return
        try:
            os.write(fd, msgspec.json.encode(Ready(failure)))
        except BrokenPipeError:
            _log.warning("whoever started this engine did not wait for it")
        os.close(fd)

    async def _with_tape(self, outcome: Outcome) -> Outcome:
        """What was played: the key of recorded data, or the hash of the simulated market's tape."""
        if self._transport is None:
            return msgspec.structs.replace(outcome, **self._tape)
        seconds = max(1, math.floor(outcome.ran_s if outcome.seconds is None else outcome.seconds))
        try:
            response = await self._transport.request("GET", f"/sim/tape?seconds={seconds}", {}, b"", timeout_s=10.0)
            tape_hash = msgspec.json.decode(response.body, type=dict[str, Any])["tape_hash"]
        except (VenueError, msgspec.DecodeError, KeyError) as error:
            _log.warning("the tape's hash could not be had: %s", error)
            return outcome
        return msgspec.structs.replace(outcome, tape_hash=tape_hash, tape_seconds=seconds)

    def _leave_behind(self, outcome: Outcome, engine: Engine) -> None:
        """fills.parquet, then outcome.json: who finds the second has both."""
        assert engine.instrument is not None
        try:
            write_fills(self._run_dir / FILLS_FILE, read_journal(self._run_dir / JOURNAL_FILE), engine.instrument)
        except (JournalError, OSError):
            _log.exception("the fills could not be written; the journal has them")
        write_struct(self._run_dir / OUTCOME_FILE, outcome)
        _log.info("ended by %s, exit code %d: %s", outcome.stopped_by, outcome.exit_code, outcome.message)
