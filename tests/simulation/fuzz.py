"""Seeded sessions in virtual time with drawn faults, every invariant audited after every event.

Anybody repeats a run: `python -m tests.simulation.fuzz --seeds 0:150` prints each seed that broke something and ends
with 1; `--family` chooses what is drawn, `--show` prints the faults of a seed and runs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from workbench.client.faults import CutStream, DropFrame, Fault, LoseAnswer, LoseRequest, ReplyWith
from workbench.engine import SimulationResult, simulate
from workbench.engine.simulation import Script, SimulatedWorld
from workbench.errors import WorkbenchError

PRIVATE, BOOK = "/ws/futures", "/ws/oss/futures"
ORDER = "/api/v2.3/order"
LIMITED = b'{"status": 429, "errorCode": 303, "message": "Rate limit exceeded"}'


@dataclass(frozen=True)
class Session:
    """What one seed of a family runs."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    script: Script | None = None

    def run(self) -> SimulationResult:
        return simulate(seed=self.seed, seconds=self.seconds, faults=self.faults, audit=True, script=self.script)


def mixed(seed: int) -> Session:
    """Two to seven faults of any kind at any time, while somebody presses buttons."""
    rng = random.Random(seed)
    below = rng.randrange
    draws: tuple[Callable[[], Fault], ...] = (
        lambda: LoseAnswer("POST", ORDER, skip=below(60), times=1 + below(3)),
        lambda: LoseRequest("POST", ORDER, skip=below(60), times=1 + below(3)),
        lambda: LoseAnswer("DELETE", ORDER, skip=below(40), times=1 + below(3)),
        lambda: LoseRequest("DELETE", ORDER, skip=below(40), times=1 + below(3)),
        lambda: DropFrame(PRIVATE, b"fillsV2", skip=below(20), times=1 + below(5)),
        lambda: DropFrame(PRIVATE, b"notificationApi", skip=below(60), times=1 + below(6)),
        lambda: DropFrame(BOOK, b"delta", skip=below(300), times=1 + below(2)),
        lambda: CutStream(BOOK, b"delta", skip=below(300)),
        lambda: CutStream(PRIVATE, b"", skip=below(100)),
        lambda: ReplyWith("POST", ORDER, skip=below(60), times=1 + below(3), status=503),
        lambda: ReplyWith("DELETE", ORDER, skip=below(60), times=1 + below(3), status=502),
        lambda: ReplyWith("POST", ORDER, skip=below(60), status=200, body=b'[{"status": 2, "ord'),
        lambda: LoseAnswer("GET", "open_orders", skip=below(5), times=1 + below(3)),
        lambda: LoseAnswer("POST", "cancelAllAfter", skip=below(20), times=1 + below(4)),
    )
    return Session(seed, 60.0, tuple(rng.choice(draws)() for _ in range(2 + below(6))), _people)


def cut(seed: int) -> Session:
    """The book stream is cut once, and from that moment on cancels are lost, as answers or as requests."""
    rng = random.Random(f"cut {seed}")
    at_s = rng.uniform(4.0, 12.0)
    return Session(seed, 25.0, (CutStream(BOOK, b"delta", after_s=at_s), *_lost_cancels(rng, at_s, most=7)))


def cuts(seed: int) -> Session:
    """The book stream is cut five times in a row, so that it stays away for long, and up to twelve cancels are lost."""
    rng = random.Random(f"cuts {seed}")
    at_s = rng.uniform(4.0, 12.0)
    return Session(seed, 40.0, (CutStream(BOOK, after_s=at_s, times=5), *_lost_cancels(rng, at_s, most=12)))


def kill(seed: int) -> Session:
    """Somebody kills it; from then on one way of cancelling is closed, or both are bad. Then it quotes again."""
    rng = random.Random(f"kill {seed}")
    at_s = rng.uniform(4.0, 12.0)
    wait = {"Retry-After": str(rng.randrange(1, 4))}
    closed: tuple[tuple[Fault, ...], ...] = (
        (LoseRequest("DELETE", ORDER, times=40),),
        (ReplyWith("DELETE", ORDER, times=9, status=429, body=LIMITED, headers=wait),),
        (ReplyWith("DELETE", ORDER, times=9, status=503),),
        (LoseRequest("POST", "cancelAllAfter", times=2), *_lost_cancels(rng, 0.0, most=9)),
    )
    before: tuple[Fault, ...] = (
        LoseAnswer("POST", ORDER, after_s=at_s - 0.5, times=1 + rng.randrange(3)),
        DropFrame(PRIVATE, b"notificationApi", after_s=at_s - 0.5, times=1 + rng.randrange(6)),
        CutStream(PRIVATE, after_s=at_s),
        CutStream(BOOK, after_s=at_s, times=1 + rng.randrange(3)),
    )
    return Session(seed, 30.0, tuple(rng.sample(before, rng.randrange(3))), partial(_kill, at_s, rng.choice(closed)))


async def _kill(at_s: float, closed: Sequence[Fault], world: SimulatedWorld) -> None:
    await asyncio.sleep(at_s - asyncio.get_running_loop().time())
    # Not before: a silence that the venue had asked for already would be kept (test_withdrawal.py).
    for fault in closed:
        world.transport.inject(fault)
    await world.ask("kill", {"reason": "drill"})
    await asyncio.sleep(3)
    await world.ask("rearm", {})
    await world.ask("resume", {})


def start(seed: int) -> Session:
    """The first requests are lost, refused or answered with nonsense, each fewer times than they are tried."""
    rng = random.Random(f"start {seed}")
    paths = ["time", "market_summary", "fees", "position_mode", "leverage", "wallet?", "trade_history", "open_orders"]
    faults: list[Fault] = []
    for path in rng.sample(paths, 1 + rng.randrange(4)):
        times = 1 + rng.randrange(2)
        faults.append(
            rng.choice(
                (
                    LoseAnswer("GET", path, times=times),
                    LoseRequest("GET", path, times=times),
                    ReplyWith("GET", path, times=times, status=503),
                    ReplyWith("GET", path, times=times, status=200, body=b'{"code": 400, "mess'),
                )
            )
        )
    if rng.random() < 0.5:
        faults.append(rng.choice((LoseRequest, LoseAnswer))("DELETE", ORDER, times=1 + rng.randrange(3)))
    if rng.random() < 0.5:
        faults.append(CutStream(rng.choice((BOOK, PRIVATE)), skip=rng.randrange(3), times=1 + rng.randrange(3)))
    return Session(seed, 15.0, tuple(faults))


def _lost_cancels(rng: random.Random, at_s: float, most: int) -> Iterator[Fault]:
    for _ in range(rng.randrange(1, most + 1)):
        yield rng.choice((LoseAnswer, LoseRequest, LoseRequest))("DELETE", ORDER, after_s=at_s)


async def _people(world: SimulatedWorld) -> None:
    """Somebody presses buttons at random."""
    rng = random.Random(world.engine.spec.seed)
    ask = world.ask
    for _ in range(rng.randrange(4)):
        await asyncio.sleep(rng.uniform(3, 15))
        what = rng.choice(["pause", "update", "kill", "flatten"])
        if what == "update":
            await ask("update", {"spread_bps": rng.choice([10, 15, 30])})
            continue
        await ask(what, {})
        await asyncio.sleep(3)
        if what == "kill":
            await ask("rearm", {})
        await ask("resume", {})


FAMILIES: dict[str, Callable[[int], Session]] = {"mixed": mixed, "cut": cut, "cuts": cuts, "kill": kill, "start": start}


def broken(result: SimulationResult) -> list[str]:
    """What a session that was only disturbed must not leave behind; empty when all is well."""
    checks = {
        f"exit code {result.outcome.exit_code}, {result.outcome.message}": result.outcome.exit_code == 0,
        f"wallet {result.wallet_change}, the venue has {result.venue.wallet_change}": (
            result.wallet_change == result.venue.wallet_change
        ),
        f"position {result.outcome.position_at_end}, the venue has {result.venue.position}": (
            result.outcome.position_at_end == result.venue.position
        ),
        f"{result.venue.open_orders} orders are left at the venue": result.venue.open_orders == 0,
        f"backlog of {result.outcome.loop['largest_backlog']} events": result.outcome.loop["largest_backlog"] < 1000,
    }
    return [*result.findings, *(said for said, well in checks.items() if not well)]


def _one(family: str, seed: int) -> tuple[int, list[str], Counter[str]]:
    try:
        result = FAMILIES[family](seed).run()
        found = broken(result)
        result.replay()
    except WorkbenchError as error:
        return seed, [f"{type(error).__name__}: {error}"], Counter()
    return seed, found, result.faults_seen


def _report(family: str, seeds: Sequence[int], results: Iterable[tuple[int, list[str], Counter[str]]]) -> int:
    """Print what broke in the seeds of one family; returns how many seeds did."""
    began = time.perf_counter()
    failed: list[int] = []
    seen: Counter[str] = Counter()
    for seed, found, happened in results:
        seen += happened
        if found:
            failed.append(seed)
            print(f"{family} {seed}: {FAMILIES[family](seed)}", *found[:5], sep="\n    ", flush=True)
    print(f"{family}: {len(seeds)} seeds in {time.perf_counter() - began:.0f} s, {len(failed)} failed {failed}")
    print(f"    faults that happened: {dict(seen)}", flush=True)
    return len(failed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when no seed broke anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.fuzz", description=__doc__)
    parser.add_argument("--seeds", default="0:20", help="one seed, or first:after_last")
    parser.add_argument("--family", choices=[*FAMILIES, "all"], default="all")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--show", action="store_true", help="print the faults of each seed and run nothing")
    chosen = parser.parse_args(arguments)
    first, _, after = chosen.seeds.partition(":")
    seeds = range(int(first), int(after or int(first) + 1))
    families = list(FAMILIES) if chosen.family == "all" else [chosen.family]
    if chosen.show:
        for family in families:
            print(*(FAMILIES[family](seed) for seed in seeds), sep="\n")
        return 0
    if chosen.jobs == 1:
        return 1 if sum(_report(family, seeds, map(partial(_one, family), seeds)) for family in families) else 0
    with ProcessPoolExecutor(chosen.jobs, initializer=_quiet) as pool:
        return 1 if sum(_report(family, seeds, pool.map(partial(_one, family), seeds)) for family in families) else 0


def _quiet() -> None:
    """What is logged at a fault is what was asked for."""
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    _quiet()
    sys.exit(main())
