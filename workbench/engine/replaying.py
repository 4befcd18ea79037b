"""A whole session on a recorded market in one process, as fast as it can be computed.

Engine, core and journal are those of every session; the market is the recording and the venue the one named `replay`.
One recording, configuration and seed give one journal, to the last byte; a session at a pace that people can watch
gives the same one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from workbench.backtest import Feed
from workbench.config import MarketMakerConfig
from workbench.engine.engine import Engine
from workbench.engine.own_models import self_contained
from workbench.engine.preflight import check_before_start
from workbench.engine.protocol import EngineSpec
from workbench.engine.requests import Requests
from workbench.engine.simulation import FRAME_NS, SimulationResult, VenueTruth
from workbench.engine.venues.local_account import BALANCE
from workbench.engine.venues.recording import find_recording
from workbench.engine.venues.replay import LEAD_NS, ReplayVenue, tape_of
from workbench.errors import ConfigError
from workbench.events import Event
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

__all__ = ["ReplayedWorld", "replay_market"]


@dataclass(frozen=True)
class ReplayedWorld:
    """What a script may look at and pull on while a recording is played."""

    engine: Engine
    ask: Callable[[str, Mapping[str, Any]], Awaitable[Any]]
    venue: ReplayVenue
    clock: LoopClock


Script = Callable[[ReplayedWorld], Awaitable[None]]


def replay_market(
    config: MarketMakerConfig | Mapping[str, Any],
    *,
    feed: Feed | None = None,
    seed: int = 1,
    seconds: float | None = None,
    script: Script | None = None,
) -> SimulationResult:
    """Run a session on recorded data in virtual time and return everything about it.

    Parameters
    ----------
    config : MarketMakerConfig or mapping
        `venue.name` is taken for "replay"; `venue.data`, `.start` and `.end` say what is played, `.latency_...` and
        `.queue...` how orders fill.
    feed : Feed, optional
        A prepared market in place of `venue.data`.
    seed : int
        Of the run.
    seconds : float, optional
        Recorded time from the first valid book to the stop; by default to the end of the recording.
    script : coroutine function, optional
        Runs beside the session and may do what a person would.

    Raises
    ------
    ConfigError
        If the configuration is refused, or the data are not there.
    WorkbenchError
        If the session could not start.
    """
    if not isinstance(config, MarketMakerConfig):
        config = MarketMakerConfig.from_dict(config)
    config = config.replace(**{"venue.name": "replay"})
    if seconds is not None and not seconds > 0:
        raise ConfigError([f"seconds is {seconds!r}; expected more than 0, or None for the whole recording"])
    if feed is None:
        check_before_start(config)
        feed = find_recording(config).feed()
    config = self_contained(config, leaves_process=False)

    def go() -> SimulationResult:
        return run_virtual(_run(config, feed, seed, seconds, script), loop=VirtualTimeLoop(seed))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return go()
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-replay") as pool:
        return pool.submit(go).result()


async def _run(
    config: MarketMakerConfig, feed: Feed, seed: int, seconds: float | None, script: Script | None
) -> SimulationResult:
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    clock = LoopClock(loop, feed.start_ns - LEAD_NS)
    venues: list[ReplayVenue] = []

    def make_venue(emit: Callable[[Event], None]) -> ReplayVenue:
        venues.append(ReplayVenue(config, feed, clock, emit, lambda: engine.end("data"), seed=seed))
        return venues[0]

    spec = EngineSpec(run_id=f"replay{seed}", config=config.model_dump(mode="json"), seed=seed, seconds=seconds)
    engine = Engine(spec, config, make_venue, clock, ":memory:", frame_ns=FRAME_NS)
    await engine.start()
    scripted = None
    if script is not None:
        world = ReplayedWorld(engine, Requests(engine).handle, venues[0], clock)
        scripted = asyncio.ensure_future(script(world))
    outcome = await engine.run()
    engine.announce_end()
    if scripted is not None:
        await scripted
    assert engine.instrument is not None
    venue = venues[0]
    fills = ((fill.trade_id, fill.client_id, fill.side * fill.size, fill.price_ticks) for fill in venue.fills)
    return SimulationResult(
        outcome=msgspec.structs.replace(outcome, **tape_of(feed)),
        venue=VenueTruth(
            position=venue.account.position,
            wallet_change=venue.account.balance - BALANCE,
            open_orders=venue.open_orders,
            fills=tuple(fills),
        ),
        rows=engine.journal.read(),
        instrument=engine.instrument,
        wallet_change=engine.maker.ledger.wallet_change,
        faults_seen=Counter(),
        findings=[],
        meta=engine.journal.meta,
        notes=list(engine.maker.notes),
        simulated_s=loop.time(),
        wall_s=time.perf_counter() - began,
    )
