"""Tick to order: from the bytes of a book message to the bytes of a signed order, risk checks and journal included.

`python tests/benchmarks/bench_tick_to_order.py` runs a session against the simulated LMEX in one process and stamps
each tick that leads to an order: when its frame is handed to the client, when its event is emitted, when the core and
the journal (on disk) are done, when the first signed order reaches the transport.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any, NoReturn

import numpy as np

from workbench.client.memory import MemoryTransport
from workbench.client.transport import Connection, Response
from workbench.config import MarketMakerConfig
from workbench.engine.credentials import load_credentials
from workbench.engine.engine import Engine
from workbench.engine.protocol import EngineSpec
from workbench.engine.venues.lmex import make_lmex_venue
from workbench.exchange import SimulatedExchange, drive
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

PARTS = ("decode and book sync", "hop to the loop", "core (model, risk, plan)", "journal", "sign and encode")


class Stopwatch:
    """Stamps of the tick that is under way, and the parts of those that led to an order."""

    def __init__(self) -> None:
        self.parts: dict[str, list[int]] = defaultdict(list)
        self.totals: list[int] = []
        self._stamps: dict[str, int] = {}
        self._spent: dict[str, int] = defaultdict(int)

    def frame_in(self) -> None:
        self._stamps = {"frame": perf_counter_ns()}
        self._spent.clear()

    def stamp(self, name: str) -> None:
        self._stamps.setdefault(name, perf_counter_ns())

    def timed(self, part: str, function: Any) -> Any:
        def run(*arguments: Any, **named: Any) -> Any:
            began = perf_counter_ns()
            result = function(*arguments, **named)
            self._spent[part] += perf_counter_ns() - began
            return result

        return run

    def decided(self) -> None:
        """A tick after which nothing was sent is not a tick to an order, whatever a later fill leads to."""
        if "submit" not in self._stamps:
            self._stamps = {}

    def order_out(self) -> None:
        now, stamps = perf_counter_ns(), self._stamps
        if {"frame", "emit", "drain", "submit"} <= set(stamps):
            took = (stamps["emit"] - stamps["frame"], stamps["drain"] - stamps["emit"])
            took += (self._spent["core"], self._spent["journal"], now - stamps["submit"])
            for part, time_ns in zip(PARTS, took, strict=True):
                self.parts[part].append(time_ns)
            self.totals.append(now - stamps["frame"])
        self._stamps = {}


class WatchedTransport:
    """Tells the stopwatch of book frames that come in and orders that go out."""

    def __init__(self, inner: MemoryTransport, watch: Stopwatch) -> None:
        self._inner = inner
        self._watch = watch

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        if method == "POST" and path.endswith("/order"):
            self._watch.order_out()
        return await self._inner.request(method, path, headers, body, timeout_s)

    async def connect(self, path: str) -> Connection:
        connection = await self._inner.connect(path)
        return WatchedConnection(connection, self._watch) if path == "/ws/oss/futures" else connection

    async def close(self) -> None:
        await self._inner.close()


class WatchedConnection:
    """A book stream whose frames start the stopwatch."""

    def __init__(self, inner: Connection, watch: Stopwatch) -> None:
        self._inner = inner
        self._watch = watch
        self.send, self.close = inner.send, inner.close

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        def timed(frame: bytes) -> None:
            self._watch.frame_in()
            take(frame)

        await self._inner.read(timed)


def watched(engine: Engine, watch: Stopwatch) -> None:
    """Put the stopwatch around what the engine does with an event."""
    loop, maker, journal = engine.loop, engine.maker, engine.journal
    emit, drain, submit = loop.emit, loop._drain, loop._submit
    maker.on_event = watch.timed("core", maker.on_event)  # type: ignore[method-assign]
    for name in ("add_event", "add_command", "commit"):
        setattr(journal, name, watch.timed("journal", getattr(journal, name)))

    def stamped(name: str, function: Any) -> Any:
        def run(*arguments: Any) -> Any:
            watch.stamp(name)
            return function(*arguments)

        return run

    loop.emit = stamped("emit", emit)  # type: ignore[method-assign]
    loop._drain = stamped("drain", lambda: (drain(), watch.decided()))  # type: ignore[method-assign]
    loop._submit = stamped("submit", submit)


async def session(seconds: float, folder: Path, watch: Stopwatch) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    clock = LoopClock(loop)
    exchange = SimulatedExchange("lively", seed=7, clock=clock)
    driving = loop.create_task(drive(exchange, clock))
    transport = WatchedTransport(MemoryTransport(exchange, (0.001, 0.003), loop.random), watch)
    config = MarketMakerConfig()
    credentials = load_credentials("sim")
    engine = Engine(
        EngineSpec(run_id="bench", config={}, seed=7, seconds=seconds),
        config,
        lambda emit: make_lmex_venue(config, transport, credentials, clock, emit, rng=loop.random),
        clock,
        folder / "journal.sqlite",
    )
    await engine.start()
    watched(engine, watch)
    await engine.run()
    driving.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="simulated seconds")
    seconds = parser.parse_args().seconds
    for warm in (True, False):
        # Once before, so that compiling and first calls are not measured.
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            run_virtual(session(10.0 if warm else seconds, Path(folder), watch), seed=7)
    print(f"tick to order, {len(watch.totals)} ticks that led to an order (microseconds)")
    print(f"{'':28}{'median':>9}{'p90':>9}{'p99':>9}")
    for part, times in [*watch.parts.items(), ("total", watch.totals)]:
        median, p90, p99 = np.percentile(np.array(times) / 1e3, [50, 90, 99])
        print(f"{part:28}{median:9.1f}{p90:9.1f}{p99:9.1f}")


if __name__ == "__main__":
    main()
