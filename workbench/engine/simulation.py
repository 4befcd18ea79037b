"""A whole session in one process on virtual time: client, engine and simulated venue, an hour in seconds.

The engine, the core, the client and the venue are the very same as in a session over sockets; only the loop, the clock
and the pipe between client and venue are others. One seed gives one run, to the last byte of its journal.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.client.faults import Fault, FaultyTransport
from workbench.client.memory import MemoryTransport
from workbench.client.transport import Transport
from workbench.clock import NS
from workbench.config import MarketMakerConfig
from workbench.engine.audit import Auditor
from workbench.engine.credentials import load_credentials
from workbench.engine.engine import Engine
from workbench.engine.journal import JournalRow
from workbench.engine.outcome import Outcome
from workbench.engine.own_models import self_contained
from workbench.engine.preflight import check_before_start
from workbench.engine.protocol import EngineSpec
from workbench.engine.replay import Replay, maker_of, replay_rows
from workbench.engine.requests import Requests
from workbench.engine.venues.lmex import make_lmex_venue
from workbench.errors import ConfigError
from workbench.exchange import SimulatedExchange
from workbench.instruments import Instrument
from workbench.trading import Venue
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SimulatedWorld", "SimulationResult", "simulate"]

LOOK_NS = NS // 4
"""The venue is looked at this often at least: a request may have made an event that comes earlier than the next one."""

FRAME_NS = NS
"""Nobody watches live: one state frame a second is what the tables need."""

Script = Callable[["SimulatedWorld"], Awaitable[None]]


@dataclass(frozen=True)
class SimulatedWorld:
    """What a script may look at and pull on while a simulation runs."""

    engine: Engine
    ask: Callable[[str, Mapping[str, Any]], Awaitable[Any]]
    exchange: SimulatedExchange
    transport: FaultyTransport
    clock: LoopClock


@dataclass(frozen=True)
class VenueTruth:
    """The account as the venue itself has it at the end."""

    position: int
    wallet_change: Decimal
    open_orders: int
    fills: tuple[tuple[str, str, int, int], ...]
    """(trade id, client id, signed size, price in ticks) of every execution, oldest first."""


@dataclass(frozen=True)
class SimulationResult:
    """How a simulated session went. Its repr is the report; `orders`, `fills` and `quotes` are its tables."""

    outcome: Outcome
    venue: VenueTruth
    rows: list[JournalRow]
    instrument: Instrument
    wallet_change: Decimal
    faults_seen: Counter[str]
    findings: list[str]
    meta: dict[str, Any]
    notes: list[str]
    simulated_s: float
    wall_s: float

    @property
    def digest(self) -> str:
        """Hash of the whole journal: the same seed gives the same."""
        return self.outcome.journal_digest

    @property
    def rate(self) -> float:
        """Simulated seconds a second."""
        return self.simulated_s / self.wall_s

    @property
    def orders(self) -> pd.DataFrame:
        """The orders table."""
        from workbench.analysis import orders_table

        return orders_table(self.rows, self.instrument)

    @property
    def fills(self) -> pd.DataFrame:
        """The fills table."""
        from workbench.analysis import fills_table

        return fills_table(self.rows, self.instrument)

    @property
    def quotes(self) -> pd.DataFrame:
        """The quotes table, one row a second."""
        from workbench.analysis import quotes_table

        return quotes_table(self.rows)

    def replay(self) -> Replay:
        """Decide again from the journal alone; raises `JournalError` unless every command comes out the same."""
        return replay_rows(self.rows, lambda: maker_of(self.meta))

    def __repr__(self) -> str:
        out = self.outcome
        parts = ", ".join(f"{name} {amount}" for name, amount in out.pnl.items())
        speed = f"{self.simulated_s:.0f} s in {self.wall_s:.1f} s, {self.rate:.0f} times real time"
        lines = [
            f"Simulation of {out.symbol}, seed {out.seed}: {speed}",
            f"  {out.orders_sent} orders, {out.fills} fills, {out.volume} contracts, {out.quote_uptime:.1%} quoting",
            f"  profit {out.equity_change} {out.fee_currency} = {parts}",
            f"  position {out.position_at_end}, at most {out.max_abs_position}; {out.message}",
        ]
        if self.faults_seen:
            lines.append(f"  faults: {dict(self.faults_seen)}")
        lines += [f"  BROKEN: {finding}" for finding in self.findings]
        return "\n".join(lines)


def simulate(
    config: MarketMakerConfig | Mapping[str, Any] | None = None,
    *,
    seed: int = 1,
    seconds: float = 60.0,
    preset: str | None = None,
    book_rate: float | None = None,
    trade_rate: float | None = None,
    faults: Iterable[Fault] = (),
    audit: bool = False,
    script: Script | None = None,
    latency: tuple[float, float] = (0.001, 0.003),
    rate_limits: bool = True,
    **market: Any,
) -> SimulationResult:
    """Run a session on the simulated LMEX in virtual time and return everything about it.

    Parameters
    ----------
    config : MarketMakerConfig or mapping, optional
        By default the guide's numbers.
    seed : int
        Of the market, of the latencies and of the client's jitter.
    seconds : float
        Simulated time from the first valid book to the stop.
    preset : str, optional
        "lively" or "btc"; by default the configuration's.
    book_rate, trade_rate : float, optional
        Book updates and takers a second; by default the preset's.
    faults : iterable of Fault
        See `workbench.client.faults`.
    audit : bool
        Check the invariants I1 to I11 of risk-and-faults.md after every event; what is broken is in `findings`.
    script : coroutine function, optional
        Runs beside the session and may do what a person would; given a `SimulatedWorld`.
    latency : (float, float)
        One-way delay between client and venue, seconds.
    rate_limits : bool
        Whether the venue's documented limits apply.
    market
        Further market settings, see `workbench.exchange.MarketSettings`.

    Raises
    ------
    ConfigError
        If the configuration is refused.
    WorkbenchError
        If the session could not start.
    """
    if not isinstance(config, MarketMakerConfig):
        config = MarketMakerConfig.from_dict(config or {})
    if not seconds > 0:
        raise ConfigError([f"seconds is {seconds!r}; expected more than 0"])
    check_before_start(config)
    config = self_contained(config, leaves_process=False)
    rates = {"book_rate": book_rate, "trade_rate": trade_rate}
    settings = {**{name: value for name, value in rates.items() if value is not None}, **market}
    plan = _Plan(
        config=config,
        seed=seed,
        seconds=seconds,
        preset=preset or config.venue.preset,
        market=settings,
        faults=tuple(faults),
        audit=audit,
        script=script,
        latency=latency,
        rate_limits=rate_limits,
    )
    return _in_own_loop(plan)


@dataclass(frozen=True)
class _Plan:
    """The arguments of `simulate`, checked."""

    config: MarketMakerConfig
    seed: int
    seconds: float
    preset: str
    market: dict[str, Any]
    faults: tuple[Fault, ...]
    audit: bool
    script: Script | None
    latency: tuple[float, float]
    rate_limits: bool


def _in_own_loop(plan: _Plan) -> SimulationResult:
    """Run on a virtual loop; in a thread when this one already runs a loop (a notebook cell)."""

    def go() -> SimulationResult:
        return run_virtual(_run(plan), loop=VirtualTimeLoop(plan.seed))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return go()
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-simulation") as pool:
        return pool.submit(go).result()


async def _run(plan: _Plan) -> SimulationResult:
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    clock = LoopClock(loop)
    exchange = SimulatedExchange(plan.preset, seed=plan.seed, clock=clock, rate_limits=plan.rate_limits, **plan.market)
    _follow(exchange, clock, loop)
    wire = MemoryTransport(exchange, plan.latency, loop.random)
    transport = FaultyTransport(wire, plan.faults)
    auditor = Auditor(exchange, plan.config) if plan.audit else None
    engine = _engine(plan, transport if plan.faults or plan.script else wire, clock, auditor)
    await engine.start()
    scripted = None
    if plan.script is not None:
        scripted = loop.create_task(
            _scripted(plan.script, SimulatedWorld(engine, Requests(engine).handle, exchange, transport, clock))
        )
    outcome = await engine.run()
    engine.announce_end()
    if scripted is not None:
        await scripted
    if auditor is not None:
        auditor.check_end(engine.maker)
    assert engine.instrument is not None
    tape_seconds = max(1, int(plan.seconds))
    tape_hash = exchange.tape_hash(tape_seconds)
    return SimulationResult(
        outcome=msgspec.structs.replace(outcome, tape_hash=tape_hash, tape_seconds=tape_seconds),
        venue=_truth(exchange, plan.config.symbol),
        rows=engine.journal.read(),
        instrument=engine.instrument,
        wallet_change=engine.maker.ledger.wallet_change,
        faults_seen=transport.seen,
        findings=[] if auditor is None else auditor.findings,
        meta=engine.journal.meta,
        notes=list(engine.maker.notes),
        simulated_s=loop.time(),
        wall_s=time.perf_counter() - began,
    )


def _follow(exchange: SimulatedExchange, clock: LoopClock, loop: VirtualTimeLoop) -> None:
    """Let the venue's time follow the loop's: one timer, set anew from event to event until the loop ends."""
    now_ns = clock.now_ns()
    exchange.advance(now_ns)
    wait_ns = min(max(0, exchange.next_event_ns() - now_ns), LOOK_NS)
    loop.call_later(wait_ns / NS, _follow, exchange, clock, loop)


def _engine(plan: _Plan, transport: Transport, clock: LoopClock, auditor: Auditor | None) -> Engine:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    credentials = load_credentials("sim")

    def make_venue(emit: Callable[..., None]) -> Venue:
        return make_lmex_venue(plan.config, transport, credentials, clock, emit, rng=loop.random)

    return Engine(
        EngineSpec(
            run_id=f"sim{plan.seed}",
            config=plan.config.model_dump(mode="json"),
            seed=plan.seed,
            seconds=plan.seconds,
        ),
        plan.config,
        make_venue,
        clock,
        ":memory:",
        frame_ns=FRAME_NS,
        audit=None if auditor is None else auditor.check,
    )


async def _scripted(script: Script, world: SimulatedWorld) -> None:
    await script(world)


def _truth(exchange: SimulatedExchange, symbol: str) -> VenueTruth:
    account = exchange.account()
    start = Decimal(exchange.settings.balance)
    return VenueTruth(
        position=account.holdings[symbol].position,
        wallet_change=account.money - start,
        open_orders=len(account.open_orders),
        fills=tuple(
            (fill.trade_id, fill.order.client_id, fill.order.side * fill.size, fill.price) for fill in account.fills
        ),
    )
