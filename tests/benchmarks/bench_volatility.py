"""Volatility: what a streaming update costs, and how fast the array forms are beside other people's packages.

`python tests/benchmarks/run.py volatility`. Updates are timed in a compiled loop (what they cost the engine's own
kernels) and called from Python. Array forms run on the same prices as `arch`, `mfe-toolbox` and `volstats` in the same
run; each of these is left out, and said so, when it is not installed. A ratio above 1 means that ours is faster.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.timing import EVENTS, Case, time_pairs, time_updates
from tests.compiled_loops import feed_bars, feed_decay, feed_ewma, feed_guide, feed_irregular, feed_prices
from workbench import volatility as v
from workbench.volatility.bar_steps import STATE_SIZE
from workbench.volatility.bars import KINDS

BANDWIDTH = 40
FEW = 50_000


def make_prices() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(1, 200, EVENTS)) * 1_000_000
    return times, 77_000 * np.exp(np.cumsum(rng.normal(0, 2e-5, EVENTS)))


def make_rows(n: int) -> np.ndarray:
    _, prices = make_prices()
    paths = prices[: n * 10].reshape(n, 10)
    return np.ascontiguousarray(np.column_stack([paths[:, 0], paths.max(1), paths.min(1), paths[:, -1]]))


def updates() -> list[Case]:
    times, prices = make_prices()
    times_s, moves, rows = times / 1e9, np.diff(np.log(prices)), make_rows(100_000)
    out = np.empty(EVENTS)
    streams: dict[str, Callable[..., Any]] = {
        "RealisedVariance": v.RealisedVariance,
        "SubsampledVariance(60)": lambda **k: v.SubsampledVariance(60, **k),
        "TwoScaleVariance(60)": lambda **k: v.TwoScaleVariance(60, **k),
        f"RealisedKernel({BANDWIDTH})": lambda **k: v.RealisedKernel(BANDWIDTH, **k),
        "BipowerVariance": v.BipowerVariance,
        "TimeOfDayVariance": lambda **_: v.TimeOfDayVariance(step_s=1.0),
    }
    events = list(zip(times[:FEW].tolist(), prices[:FEW].tolist(), strict=True))
    cases = []
    for label, make in streams.items():
        for clock in ({}, {"step_s": 1.0}) if label.startswith("Realised") else ({},):

            def compiled(make: Callable[..., Any] = make, clock: dict[str, float] = clock) -> None:
                stream = make(**clock)
                feed_prices(stream._clock, stream._sums, times, prices)

            name = label + (", 1 s clock" if clock else "")
            cases.append(Case(name, compiled, lambda make=make, clock=clock: make(**clock), events))
    seconds = list(zip(times_s[:FEW].tolist(), prices[:FEW].tolist(), strict=True))
    cases += [
        Case(
            "EwmaVolatility",
            lambda: feed_ewma(np.zeros(5), times_s, prices, 30.0, 0.0, out),
            v.EwmaVolatility,
            seconds,
        ),
        Case(
            "IrregularEwmaVariance",
            lambda: feed_irregular(np.array([0.0, np.nan, 0.0]), np.zeros(1, np.int64), times, prices, 3e10, out),
            v.IrregularEwmaVariance,
            events,
        ),
        Case(
            "EwmaVariance",
            lambda: feed_decay(np.nan, moves, 0.94, out),
            v.EwmaVariance,
            [(x,) for x in moves[:FEW].tolist()],
        ),
        Case(
            "GuideVolatility",
            lambda: feed_guide(np.ones(20), prices, out),
            v.GuideVolatility,
            [(x,) for x in prices[:FEW].tolist()],
        ),
    ]
    fed = [tuple(row) for row in rows[:FEW].tolist()]
    for kind, name in enumerate(KINDS):

        def bars(kind: int = kind) -> None:
            for _ in range(EVENTS // len(rows)):
                feed_bars(np.zeros(STATE_SIZE), np.zeros((3, 100)), kind, rows, out)

        cases.append(Case(f"BarVariance({name})", bars, lambda name=name: v.BarVariance(name, 100), fed))
    return cases


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
            "mfe: noise variance, 1e6 ticks",
            lambda: v.noise_variance(prices),
            lambda: mfe.estimate_noise_variance(returns(prices)),
        ),
        (
            "mfe: sub-sampled variance K=30, 1e6 ticks",
            lambda: v.subsampled_variance(prices, subgrids=30),
            lambda: mfe.realized_variance(returns(prices), subsamples=30).value,
        ),
        (
            "mfe: two-scale K=60, 1e6 ticks (theirs is wrong)",
            lambda: v.two_scale_variance(prices, subgrids=60),
            lambda: mfe.tsrv(returns(prices), K=60),
        ),
        ("mfe: jump test, 1e6 ticks", lambda: v.jump_test(prices), lambda: mfe.bns_jump_test(returns(prices))),
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
    return time_pairs("array forms", pairs)


def main() -> None:
    """Print both tables; fail when a limit is not held."""
    began = perf_counter_ns()
    held = [time_updates(updates()), time_arrays()]
    print(f"({(perf_counter_ns() - began) / 1e9:.0f} s in all)")
    if not all(held):
        sys.exit(1)


if __name__ == "__main__":
    main()
