"""Every public function and stream of `workbench.volatility` with empty, single, NaN, negative and unsorted input."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.refusals import Call, assert_refused, call, cases
from workbench import volatility as v

RNG = np.random.default_rng(1948)
COUNT = 4_000
TIMES = np.arange(COUNT) * 30_000_000_000 + 1_780_000_000_000_000_000
PRICES = 77_000 * np.exp(np.cumsum(RNG.normal(0, 1e-4, COUNT)))
MOVES = RNG.normal(0, 1e-3, 500)
PATHS = PRICES.reshape(-1, 20)
BARS = pd.DataFrame(
    {"open": PATHS[:, 0], "high": PATHS.max(1), "low": PATHS.min(1), "close": PATHS[:, -1]},
    index=pd.date_range("2026-01-01", periods=len(PATHS), freq="10min", tz="UTC"),
)
TABLE = v.time_of_day_variance(PRICES, TIMES, bin_s=3_600.0)
SEEN = TIMES[:1_000]

PRICED: dict[str, Any] = {"prices": PRICES, "times": TIMES}
# Prices backwards are prices: only times tell what is unsorted.
ANY_ORDER = "prices: unsorted"
BARRED: dict[str, Any] = {"bars": BARS, "window": 5, "bar_s": 600.0, "gaps": "refuse"}

CALLS = {
    "bipower_variance": call(v.bipower_variance, ANY_ORDER, **PRICED),
    "by_period": call(v.by_period, ANY_ORDER, estimator=v.realised_variance, period_s=3_600.0, **PRICED),
    "calculate_volatility": call(
        v.calculate_volatility,
        ANY_ORDER,
        "prices: empty",
        "prices: single",
        prices=PRICES[:20],
        window=20,
        default=0.01,
    ),
    "close_to_close_variance": call(v.close_to_close_variance, **BARRED),
    "convert_volatility": call(v.convert_volatility, "volatility: NaN", volatility=0.03, given="day", wanted="second"),
    "ewma_variance": call(
        v.ewma_variance, "returns: unsorted", "returns: negative", returns=MOVES, decay=0.94, initial=1e-6
    ),
    "ewma_volatility": call(
        v.ewma_volatility, ANY_ORDER, times_s=TIMES / 1e9, prices=PRICES, half_life_s=30.0, sample_s=0.5
    ),
    "fit_garch": call(
        v.fit_garch,
        "returns: unsorted",
        returns=MOVES,
        p=1,
        o=0,
        q=1,
        distribution="normal",
        horizon=3,
        min_samples=250,
    ),
    "garman_klass_variance": call(v.garman_klass_variance, **BARRED),
    "garman_klass_yang_zhang_variance": call(v.garman_klass_yang_zhang_variance, **BARRED),
    "guide_estimator": call(v.guide_estimator, ANY_ORDER, "prices: single", prices=PRICES, window=20, default=0.01),
    "horizon_seconds": call(v.horizon_seconds, horizon=60.0),
    "irregular_ewma_variance": call(v.irregular_ewma_variance, ANY_ORDER, half_life_s=30.0, initial=1e-9, **PRICED),
    "jump_test": call(v.jump_test, ANY_ORDER, **PRICED),
    "make_bars": call(v.make_bars, ANY_ORDER, bar_s=60.0, **PRICED),
    "noise_variance": call(v.noise_variance, ANY_ORDER, **PRICED),
    "parkinson_variance": call(v.parkinson_variance, **BARRED),
    "parzen_bandwidth": call(v.parzen_bandwidth, returns=1_000, noise=1e-8, variance=1e-4),
    "parzen_weights": call(v.parzen_weights, bandwidth=9),
    "realised_kernel": call(v.realised_kernel, ANY_ORDER, bandwidth=9, **PRICED),
    "realised_variance": call(v.realised_variance, ANY_ORDER, **PRICED),
    "rogers_satchell_variance": call(v.rogers_satchell_variance, **BARRED),
    "sample_prices": call(v.sample_prices, ANY_ORDER, **PRICED),
    "seasonal_factors": call(
        v.seasonal_factors,
        "table: single",
        "table: NaN",
        "times: single",
        "times: unsorted",
        "times: negative",
        table=TABLE,
        times=SEEN,
    ),
    "signature": call(
        v.signature, ANY_ORDER, "steps_s: single", "steps_s: unsorted", steps_s=np.array([60.0, 120.0]), **PRICED
    ),
    "subsampled_variance": call(v.subsampled_variance, ANY_ORDER, subgrids=9, **PRICED),
    "time_of_day_variance": call(
        v.time_of_day_variance, ANY_ORDER, bin_s=3_600.0, step_s=60.0, min_samples=30, **PRICED
    ),
    "to_volatility": call(v.to_volatility, "variance: NaN", variance=1e-6, over_s=60.0, horizon="day"),
    "two_scale_variance": call(v.two_scale_variance, ANY_ORDER, subgrids=9, **PRICED),
    "yang_zhang_variance": call(v.yang_zhang_variance, **BARRED),
}
SAMPLING: dict[str, Any] = {"step_s": 1.0, "origin_ns": 0, "max_gap_s": 600.0, "gaps": "refuse"}
EVENTS = [(1_000_000_000 * i, 100.0 + i) for i in range(1, 5)]
STREAMS: dict[str, tuple[Call, list[tuple[Any, ...]]]] = {
    "BarVariance": (
        call(v.BarVariance, estimator="parkinson", window=5),
        [(100.0, 102.0, 99.0, 101.0), (101.0, 103.0, 100.0, 102.0)],
    ),
    "BipowerVariance": (call(v.BipowerVariance, "origin_ns: negative", **SAMPLING), EVENTS),
    "EwmaVariance": (call(v.EwmaVariance, decay=0.9, initial=1e-6), [(0.01,), (0.02,)]),
    "EwmaVolatility": (
        call(v.EwmaVolatility, half_life_s=30.0, sample_s=0.5, min_samples=2),
        [(float(t_ns) / 1e9, price) for t_ns, price in EVENTS],
    ),
    "GuideVolatility": (call(v.GuideVolatility, window=3, history=10, default=0.01), [(100.0,), (101.0,)]),
    "IrregularEwmaVariance": (call(v.IrregularEwmaVariance, half_life_s=30.0, initial=1e-6), EVENTS),
    "RealisedKernel": (call(v.RealisedKernel, "origin_ns: negative", bandwidth=3, **SAMPLING), EVENTS),
    "RealisedVariance": (call(v.RealisedVariance, "origin_ns: negative", **SAMPLING), EVENTS),
    "SubsampledVariance": (call(v.SubsampledVariance, "origin_ns: negative", subgrids=3, **SAMPLING), EVENTS),
    "TimeOfDayVariance": (
        call(v.TimeOfDayVariance, "origin_ns: negative", bin_s=3_600.0, min_samples=30, **(SAMPLING)),
        EVENTS,
    ),
    "TwoScaleVariance": (call(v.TwoScaleVariance, "origin_ns: negative", subgrids=3, **SAMPLING), EVENTS),
}
RESULTS = {"GarchFit", "JumpTest", "Variance"}
"""What is given back, and the types of settings: nothing is computed from input there."""
SETTINGS = {"HORIZONS", "Holes", "Sampling"}


def test_no_public_name_is_left_out() -> None:
    assert set(CALLS) | set(STREAMS) | RESULTS | SETTINGS == set(v.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_the_call_works_and_tries_every_argument(name: str) -> None:
    assert CALLS[name].missing() == set()
    CALLS[name].function(**CALLS[name].arguments)


@pytest.mark.parametrize(("name", "spoilt"), cases(CALLS))
def test_bad_input_to_a_function_is_refused_in_one_clear_sentence(name: str, spoilt: str) -> None:
    assert_refused(CALLS[name], spoilt)


@pytest.mark.parametrize(("name", "spoilt"), cases({name: made for name, (made, _) in STREAMS.items()}))
def test_bad_settings_of_a_stream_are_refused_in_one_clear_sentence(name: str, spoilt: str) -> None:
    assert_refused(STREAMS[name][0], spoilt)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_refuses_bad_events_and_goes_on_as_if_they_had_not_come(name: str) -> None:
    made, events = STREAMS[name]
    spoilt, plain = made.function(**made.arguments), made.function(**made.arguments)
    assert {*made.missing()} <= {"sampling", "holes"}
    timed = len(inspect.signature(spoilt.update).parameters) == 2
    for event in events:
        for place in range(1 if timed else 0, len(event)):
            for wrong in (math.nan, math.inf) if name == "EwmaVariance" else (math.nan, math.inf, -1.0, 0.0):
                bad = [*event[:place], wrong, *event[place + 1 :]]
                with pytest.raises(ValueError, match="expected"):
                    spoilt.update(*bad)
        spoilt.update(*event)
        plain.update(*event)
        if timed:
            with pytest.raises(ValueError, match="expected at least"):
                spoilt.update(event[0] - 1, event[1])
    for memory in ("state", "_state", "_sums", "_clock", "_ring"):
        if hasattr(plain, memory):
            np.testing.assert_array_equal(getattr(spoilt, memory), getattr(plain, memory))
