"""Our backtest beside hftbacktest on the same feeds, in one session: `python tests/benchmarks/bench_backtest.py`.

On first use it makes an environment for hftbacktest and two feeds (5 million rows each: levels one by one, and levels
in messages); `--feed FILE.npz` takes any feed in hftbacktest's layout (tick 0.1, lot 0.001). For each feed it prints

- whether parity mode counts what hftbacktest counts, for its default configuration and eight of a sweep;
- one configuration: hot, and with the feed's preparation, against both of hftbacktest's books;
- 32 configurations: one pass on one thread, and on all cores, against its loop;
- a fresh process to its first result, and the peak of its memory.

The two take turns, and the best of several counts: neighbours on the machine disturb both alike. A ratio above 1 means
that ours is faster (or smaller). Nothing of it is part of the ordinary tests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from tests.backtest.made_feed import MESSAGES, TIGHT, make_feed  # noqa: E402
from tests.benchmarks.grid_model import SWEEP_32, comparison_grid, grid_config  # noqa: E402
from tests.benchmarks.oracle_home import Oracle, cache_folder, oracle_python  # noqa: E402
from tests.benchmarks.reference_results import DEFAULT, SWEEP  # noqa: E402
from workbench.backtest import Feed, run_configurations  # noqa: E402
from workbench.backtest.log import RunLog  # noqa: E402
from workbench.instruments import Instrument  # noqa: E402

INSTRUMENT = Instrument(
    "BTC-USDT",
    "BTC",
    "USDT",
    Decimal("0.1"),
    Decimal("0.001"),
    maker_fee=Decimal("-0.00005"),
    taker_fee=Decimal("0.0007"),
)
ROWS = 5_000_000
TURNS = 7
OF_A_TRADER = ("steps", "submits", "cancels", "max_open", "trades", "volume", "position", "balance", "fee")
OURS = {"n_side", "c1", "c2", "alpha"}

FRESH = """
import sys
from tests.benchmarks.bench_backtest import first_result
first_result(sys.argv[1])
"""


def main(arguments: list[str] | None = None) -> int:
    """Run on the feeds asked for; how many of them are not counted alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feed", type=Path, action="append", help=".npz in hftbacktest's layout, key `data`")
    parser.add_argument("--rows", type=int, default=ROWS, help="length of the made feeds")
    parser.add_argument("--turns", type=int, default=TURNS, help="repeats of the quick measurements")
    asked = parser.parse_args([] if arguments is None else arguments)
    feeds = asked.feed or [made_feed(name, asked.rows) for name in ("tight", "messages")]
    return sum(not compare(file, asked.turns) for file in feeds)


def made_feed(name: str, rows: int) -> Path:
    """The file of a made feed; made when it is not there yet."""
    from numba import njit

    file = cache_folder() / f"{name}-{rows}-seed7.npz"
    if not file.exists():
        print(f"making {file}", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        market = {"tight": TIGHT, "messages": MESSAGES}[name]
        draft = file.with_suffix(".draft.npz")
        np.savez(draft, data=make_feed(rows, 7, market, compile_with=njit))
        draft.replace(file)
    return file


def compare(file: Path, turns: int) -> bool:
    """Print everything about one feed; whether both count alike."""
    data = np.load(file)["data"]
    feeds = cache_folder() / "feeds"
    feed = Feed.prepare(file, INSTRUMENT, cache=feeds)
    assert feed.path is not None
    print(f"\n{file.name}: {len(data):,} rows, {(feed.end_ns - feed.start_ns) / 1e9:,.0f} s")
    with Oracle(file) as theirs:
        theirs.ask([DEFAULT], warm_up=True)
        theirs.ask([DEFAULT], book="HashMap", warm_up=True)
        run(feed, [DEFAULT], "honest")
        alike = counted_alike(feed, theirs)
        one_configuration(feed, data, theirs, turns)
        many_configurations(feed, theirs)
    fresh_processes(file, feed.path)
    return alike


def counted_alike(feed: Feed, theirs: Oracle) -> bool:
    """Whether parity mode has hftbacktest's numbers, configuration by configuration."""
    configurations = [DEFAULT, *SWEEP]
    expected = [answer["result"] for answer in theirs.ask(configurations)["answers"]]
    differ = 0
    for number, (log, wanted) in enumerate(zip(run(feed, configurations, "parity"), expected, strict=True)):
        found = counters(log)
        wrong = {name: (found[name], wanted[name]) for name in OF_A_TRADER if abs(found[name] - wanted[name]) > 1e-6}
        if wrong:
            print(f"  configuration {number} differs (ours, theirs): {wrong}")
        differ += bool(wrong)
    trades, number = sum(wanted["trades"] for wanted in expected), len(expected)
    print(f"  parity: {number - differ} of {number} configurations equal to 1e-6 ({trades:,} trades)")
    return not differ


def one_configuration(feed: Feed, data: np.ndarray[Any, Any], theirs: Oracle, turns: int) -> None:
    ours, hot = Turns(), Turns()
    for _ in range(turns):
        hot.add("ROIVector", theirs.ask([DEFAULT])["answers"][0]["run_s"])
        ours.take("parity", lambda: run(feed, [DEFAULT], "parity"))
        hot.add("HashMap", theirs.ask([DEFAULT], book="HashMap")["answers"][0]["run_s"])
        ours.take("honest", lambda: run(feed, [DEFAULT], "honest"))
        ours.take("prepared", lambda: run(Feed.prepare(data, INSTRUMENT, cache=False), [DEFAULT], "honest"))
    print("  one configuration, s: " + ", ".join(f"hftbacktest {book} {hot[book]:.3f}" for book in hot))
    for name, label in (
        ("honest", "ours, honest rules"),
        ("parity", "ours, parity rules"),
        ("prepared", "ours with preparation"),
    ):
        ratios = ", ".join(f"{hot[book] / ours[name]:.2f}x {book}" for book in hot)
        print(f"    {label:<24}{ours[name]:.3f}   {ratios}")


def many_configurations(feed: Feed, theirs: Oracle) -> None:
    configurations = [DEFAULT | {name: point[name] for name in ("c1", "c2")} for point in SWEEP_32]
    loop = theirs.ask(configurations)["seconds"]
    print(f"  {len(configurations)} configurations, s: hftbacktest ROIVector in a loop {loop:.2f}")
    for rules in ("honest", "parity"):
        for threads in (1, os.cpu_count() or 1):
            ours = Turns()
            for _ in range(2):
                ours.take("all", lambda threads=threads, rules=rules: run(feed, configurations, rules, threads))
            label = f"ours, {rules} rules, {threads} thread{'s' if threads > 1 else ''}"
            print(f"    {label:<36}{ours['all']:.2f}   {loop / ours['all']:.1f}x")


def fresh_processes(file: Path, folder: Path) -> None:
    """From the start of an interpreter to the first result, and what it took of the memory."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    question = json.dumps({"configurations": [DEFAULT]}) + "\n"
    commands: dict[str, tuple[list[str], str]] = {
        "ours": ([sys.executable, "-c", FRESH, str(folder)], ""),
        "hftbacktest": ([str(oracle_python()), str(ROOT / "tests/benchmarks/oracle.py"), str(file)], question),
    }
    seconds, mib = Turns(), Turns()
    for _ in range(3):
        for name, (command, said) in commands.items():
            started = time.perf_counter()
            ended = subprocess.run(command, input=said, capture_output=True, text=True, check=True, env=environment)
            seconds.add(name, time.perf_counter() - started)
            mib.add(name, json.loads(ended.stdout)["peak_mib"])
    for label, found in (("fresh process to first result, s", seconds), ("peak memory of it, MiB", mib)):
        ours, theirs = found["ours"], found["hftbacktest"]
        print(f"  {label}: hftbacktest {theirs:.4g}, ours {ours:.4g}   {theirs / ours:.2f}x")


def first_result(folder: str) -> None:
    """What a fresh process does: open the prepared feed, run one configuration, say its profit."""
    from workbench.backtest import backtest

    result = backtest(Feed.open(folder), comparison_grid, configuration_of(DEFAULT))
    lines = Path("/proc/self/status").read_text().splitlines()
    peak_mib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    print(json.dumps({"profit": str(result.pnl.total), "peak_mib": peak_mib}))


def configuration_of(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration of the comparison as ours has it."""
    return grid_config(**{name: float(value) for name, value in configuration.items() if name in OURS})


def run(feed: Feed, configurations: list[dict[str, Any]], rules: Any, threads: int = 1) -> list[RunLog]:
    """Run ours: a log for each configuration."""
    settings = [configuration_of(configuration) for configuration in configurations]
    runs = run_configurations(feed, comparison_grid, settings, rules=rules, queue="power3", threads=threads)
    return [found.log for found in runs]


def counters(log: RunLog) -> dict[str, float]:
    """What hftbacktest counts, from a log of ours; balance and fee as it has them."""
    fills, counts = log.fills, log.counters
    unit = float(INSTRUMENT.tick_size * INSTRUMENT.contract_size)
    traded = fills["price_ticks"] * fills["size"]
    return {
        "steps": counts.steps,
        "submits": counts.submits,
        "cancels": counts.cancels,
        "max_open": counts.max_open,
        "trades": len(fills),
        "volume": int(fills["size"].sum()) / 1000,
        "position": counts.position / 1000,
        "balance": -float((fills["side"] * traded).sum()) * unit,
        "fee": float(traded.sum()) * unit * float(INSTRUMENT.maker_fee),
    }


class Turns:
    """Measurements by name; what counts is the best of each."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self._found.setdefault(name, []).append(value)

    def take(self, name: str, work: Callable[[], Any]) -> None:
        """Seconds of some work."""
        started = time.perf_counter()
        work()
        self.add(name, time.perf_counter() - started)

    def __getitem__(self, name: str) -> float:
        return min(self._found[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
