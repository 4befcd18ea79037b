"""Volatility: what a streaming update costs, and how fast the array forms are beside other people's packages.

`python tests/benchmarks/run.py volatility`. Updates are timed in a compiled loop (what they cost the engine's own
kernels) and called from Python. Array forms run on the same prices as `arch`, `mfe-toolbox` and `volstats` in the same
run; each of these is left out, and said so, when it is not installed. A ratio above 1 means that ours is faster.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from workbench import volatility as v
from workbench.volatility import stepping
from workbench.volatility.bar_steps import STATE_SIZE, bar_update
from workbench.volatility.bars import KINDS
from workbench.volatility.ewma import ewma_update
from workbench.volatility.guide import spread_of_returns
from workbench.volatility.recursion import irregular_update, next_variance

EVENTS = 1_000_000
LIMIT_NS = 1_000.0
REPEATS = 15
BANDWIDTH = 40


@njit
def loop_prices(clock, sums, times, prices):
    for i in range(times.size):
        stepping.step_price(clock, sums, times[i], prices[i])


@njit
def loop_ewma(state, times_s, prices):
    for i in range(prices.size):
        ewma_update(state, times_s[i], prices[i], 30.0, 0.0)


@njit
def loop_irregular(state, time, times, prices):
    for i in range(prices.size):
        irregular_update(state, time, times[i], prices[i], 3e10)


@njit
def loop_decay(moves):
    variance = np.nan
    for i in range(moves.size):
        variance = next_variance(variance, moves[i], 0.94)
    return variance


@njit
def loop_guide(ring, prices):
    at, sigma = 0, 0.0
    for i in range(prices.size):
        ring[at] = prices[i]
        at = (at + 1) % ring.size
        sigma = spread_of_returns(ring, at)
    return sigma


@njit
def loop_bars(state, ring, kind, rows):
    for i in range(rows.shape[0]):
        bar_update(state, ring, kind, rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3])


def best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several runs, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times)


def make_prices() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(1, 200, EVENTS)) * 1_000_000
    return times, 77_000 * np.exp(np.cumsum(rng.normal(0, 2e-5, EVENTS)))


def make_rows(n: int) -> np.ndarray:
    _, prices = make_prices()
    paths = prices[: n * 10].reshape(n, 10)
    return np.ascontiguousarray(np.column_stack([paths[:, 0], paths.max(1), paths.min(1), paths[:, -1]]))


def updates() -> list[tuple[str, Callable[[], Any], Callable[[], Any], int]]:
    """Name, compiled loop, loop in Python, events of the latter."""
    times, prices = make_prices()
    times_s, moves, rows = times / 1e9, np.diff(np.log(prices)), make_rows(100_000)
    few = 50_000
    cases: list[tuple[str, Callable[[], Any], Callable[[], Any], int]] = []
    streams: dict[str, Callable[..., Any]] = {
        "RealisedVariance": v.RealisedVariance,
        "SubsampledVariance(60)": lambda **k: v.SubsampledVariance(60, **k),
        "TwoScaleVariance(60)": lambda **k: v.TwoScaleVariance(60, **k),
        f"RealisedKernel({BANDWIDTH})": lambda **k: v.RealisedKernel(BANDWIDTH, **k),
        "BipowerVariance": v.BipowerVariance,
        "TimeOfDayVariance": lambda **_: v.TimeOfDayVariance(step_s=1.0),
    }

    def through(make: Callable[[], Any], rows_: list[tuple[Any, ...]]) -> Callable[[], None]:
        def run() -> None:
            update = make().update
            for row in rows_:
                update(*row)

        return run

    events = list(zip(times[:few].tolist(), prices[:few].tolist(), strict=True))
    for label, make in streams.items():
        for clock in ({}, {"step_s": 1.0}) if label.startswith("Realised") else ({},):

            def compiled(make: Callable[..., Any] = make, clock: dict[str, float] = clock) -> None:
                stream = make(**clock)
                loop_prices(stream._clock, stream._sums, times, prices)

            name = label + (", 1 s clock" if clock else "")
            cases.append((name, compiled, through(lambda make=make, clock=clock: make(**clock), events), few))
    seconds = list(zip(times_s[:few].tolist(), prices[:few].tolist(), strict=True))
    cases += [
        ("EwmaVolatility", lambda: loop_ewma(np.zeros(5), times_s, prices), through(v.EwmaVolatility, seconds), few),
        (
            "IrregularEwmaVariance",
            lambda: loop_irregular(np.array([0.0, np.nan, 0.0]), np.zeros(1, np.int64), times, prices),
            through(v.IrregularEwmaVariance, events),
            few,
        ),
        ("EwmaVariance", lambda: loop_decay(moves), through(v.EwmaVariance, [(x,) for x in moves[:few].tolist()]), few),
        (
            "GuideVolatility",
            lambda: loop_guide(np.ones(20), prices),
            through(v.GuideVolatility, [(x,) for x in prices[:few].tolist()]),
            few,
        ),
    ]
    for kind, name in enumerate(KINDS):

        def bars(kind: int = kind) -> None:
            for _ in range(EVENTS // len(rows)):
                loop_bars(np.zeros(STATE_SIZE), np.zeros((3, 100)), kind, rows)

        fed = [tuple(row) for row in rows[:few].tolist()]
        cases.append((f"BarVariance({name})", bars, through(lambda name=name: v.BarVariance(name, 100), fed), few))
    return cases


def time_updates() -> bool:
    print(f"streaming update, nanoseconds ({EVENTS:,} events compiled, 50,000 from Python)")
    print(f"{'':44}{'compiled':>10}{'Python':>10}")
    slowest = 0.0
    for name, compiled, python, few in updates():
        inside, outside = best(compiled, 3) / EVENTS * 1e9, best(python, 3) / few * 1e9
        slowest = max(slowest, inside)
        print(f"{name:44}{inside:10.0f}{outside:10.0f}")
    print(f"slowest compiled update {slowest:.0f} ns; the limit is {LIMIT_NS:.0f} ns")
    return slowest < LIMIT_NS


def oracle(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{package} is not installed: left out (pip install {package} into an environment of its own)")
        return None


def beside_mfe(pairs: list[tuple[str, Callable[[], Any], Callable[[], Any]]]) -> None:
    mfe = oracle("mfe.realized", "mfe-toolbox")
    if mfe is None:
        return
    sampling = importlib.import_module("mfe.realized.sampling")
    times, prices = make_prices()
    day_t, day = np.arange(86_401) * 1_000_000_000, prices[:86_401]

    def returns(values: np.ndarray) -> np.ndarray:
        return np.asarray(sampling.returns_from_prices(values))

    def clocked() -> float:
        sampled, _ = sampling.price_filter(prices, times / 1e9, sampling_interval=1.0)
        return float(mfe.realized_variance(returns(sampled)).value)

    def kernel() -> float:
        return float(mfe.realized_kernel(returns(day), bandwidth=BANDWIDTH, jitter=False).rk)

    pairs += [
        (
            "mfe: realised variance, 1e6 ticks",
            lambda: v.realised_variance(prices),
            lambda: mfe.realized_variance(returns(prices)).value,
        ),
        ("mfe: realised variance, 1e6 ticks on 1 s", lambda: v.realised_variance(prices, times, step_s=1.0), clocked),
        (
            "mfe: bipower, 1e6 ticks",
            lambda: v.bipower_variance(prices),
            lambda: mfe.realized_bipower_variation(returns(prices)).value,
        ),
        (
            f"mfe: Parzen kernel H={BANDWIDTH}, a day of seconds",
            lambda: v.realised_kernel(day, day_t, bandwidth=BANDWIDTH),
            kernel,
        ),
    ]


def beside_arch(pairs: list[tuple[str, Callable[[], Any], Callable[[], Any]]]) -> None:
    arch = oracle("arch.univariate", "arch")
    if arch is None:
        return
    moves = np.diff(np.log(make_prices()[1]))
    process, bounds = arch.EWMAVariance(0.94), np.column_stack([np.full(len(moves), 1e-30), np.full(len(moves), 1e3)])
    empty = np.array([])
    pairs.append(
        (
            "arch: EWMA variance, 1e6 returns",
            lambda: v.ewma_variance(moves, 0.94, 1e-10),
            lambda: process.compute_variance(empty, moves, np.empty_like(moves), 1e-10, bounds),
        )
    )


def beside_volstats(pairs: list[tuple[str, Callable[[], Any], Callable[[], Any]]]) -> None:
    volstats = oracle("volstats", "volstats")
    if volstats is None:
        return
    rows = make_rows(100_000)
    theirs = pd.DataFrame(rows, columns=["Open", "High", "Low", "Close"])
    ours, short = theirs.rename(columns=str.lower), theirs.iloc[:500]
    short_ours = ours.iloc[:500]
    for name in ("close_to_close", "parkinson", "garman_klass", "rogers_satchell"):
        mine, other = getattr(v, f"{name}_variance"), getattr(volstats, f"{name}_vol")
        pairs.append(
            (f"volstats: {name}, 1e5 bars", lambda f=mine: f(ours), lambda f=other: f(theirs, return_annualized=False))
        )
        pairs.append(
            (
                f"volstats: {name}, rolling 50 of 500",
                lambda f=mine: f(short_ours, 50),
                lambda f=other: f(short, window=50, rolling=True, return_annualized=False),
            )
        )


def time_arrays() -> bool:
    pairs: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = []
    for add in (beside_mfe, beside_arch, beside_volstats):
        add(pairs)
    if not pairs:
        return True
    print(f"\narray forms, milliseconds (best of {REPEATS}, turn and turn about)")
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


def main() -> None:
    """Print both tables; fail when a limit is not held."""
    began = perf_counter_ns()
    held = [time_updates(), time_arrays()]
    print(f"({(perf_counter_ns() - began) / 1e9:.0f} s in all)")
    if not all(held):
        sys.exit(1)


if __name__ == "__main__":
    main()
