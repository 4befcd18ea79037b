"""How benchmarks of estimators measure: the fastest of several runs, and two programs turn and turn about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

EVENTS = 1_000_000
LIMIT_NS = 1_000.0
REPEATS = 15


class Case(NamedTuple):
    """A streaming estimator: `compiled` takes a million events; `make` gives one that takes `rows` from Python."""

    name: str
    compiled: Callable[[], Any]
    make: Callable[[], Any]
    rows: Sequence[tuple[Any, ...]]

    def from_python(self) -> None:
        update = self.make().update
        for row in self.rows:
            update(*row)


def best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several runs, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times)


def time_updates(cases: Sequence[Case]) -> bool:
    """Print what an update costs in a compiled loop and from Python; False when one is over the limit."""
    print(f"streaming update, nanoseconds ({EVENTS:,} events compiled, {len(cases[0].rows):,} from Python)")
    print(f"{'':44}{'compiled':>10}{'Python':>10}")
    slowest = 0.0
    for case in cases:
        inside, outside = best(case.compiled, 3) / EVENTS * 1e9, best(case.from_python, 3) / len(case.rows) * 1e9
        slowest = max(slowest, inside)
        print(f"{case.name:44}{inside:10.0f}{outside:10.0f}")
    print(f"slowest compiled update {slowest:.0f} ns; the limit is {LIMIT_NS:.0f} ns")
    return slowest < LIMIT_NS


def time_pairs(what: str, pairs: Sequence[tuple[str, Callable[[], Any], Callable[[], Any]]]) -> bool:
    """Print ours beside theirs in milliseconds; False when ours is the slower."""
    if not pairs:
        return True
    print(f"\n{what}, milliseconds (best of {REPEATS}, turn and turn about)")
    print(f"{'':52}{'ours':>10}{'theirs':>10}{'ratio':>8}")
    worst = float("inf")
    for name, ours, theirs in pairs:
        mine = other = float("inf")
        for _ in range(REPEATS):
            mine, other = min(mine, best(ours, 1)), min(other, best(theirs, 1))
        worst = min(worst, other / mine)
        print(f"{name:52}{mine * 1e3:10.3f}{other * 1e3:10.3f}{other / mine:8.2f}")
    print(f"smallest ratio {worst:.2f}; below 1 means slower than theirs")
    return worst >= 1.0
