"""The realised estimators event by event: the numbers of the arrays over a million events, clocks, holes, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled_loops import feed_prices
from workbench import volatility
from workbench.volatility import stepping
from workbench.volatility.streams import PriceStream

NS = 1_000_000_000
DAY_S = 86_400

PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "RealisedVariance": ("realised_variance", {}),
    "SubsampledVariance": ("subsampled_variance", {"subgrids": 30}),
    "TwoScaleVariance": ("two_scale_variance", {"subgrids": 30}),
    "RealisedKernel": ("realised_kernel", {"bandwidth": 37}),
    "BipowerVariance": ("bipower_variance", {}),
}
CLOCKS: list[dict[str, Any]] = [{}, {"step_s": 1.0}, {"step_s": 0.75, "origin_ns": 123_456_789}]


def million() -> tuple[np.ndarray, np.ndarray]:
    """A million events with many at the same millisecond, at whole seconds, and two holes."""
    rng = np.random.default_rng(11)
    gaps = np.where(rng.random(1_000_000) < 0.3, 0, rng.integers(1, 900, 1_000_000))
    gaps[[300_000, 700_000]] += 5_000_000
    prices = 77_000 * np.exp(np.cumsum(rng.normal(0, 3e-5, 1_000_000)) + rng.normal(0, 2e-5, 1_000_000))
    return np.cumsum(gaps) * 1_000_000, prices


MILLION = million()


def both(name: str, **settings: Any) -> tuple[PriceStream, Callable[..., volatility.Variance]]:
    array, needed = PAIRS[name]
    call = getattr(volatility, array)
    stream: PriceStream = getattr(volatility, name)(**needed, **settings)
    return stream, lambda prices, times: call(prices, times, **needed, **settings)


def agree(stream: volatility.Variance, array: volatility.Variance, rel: float = 1e-10) -> None:
    assert stream == pytest.approx(array, rel=rel)
    assert stream.samples == array.samples
    assert stream.span_s == pytest.approx(array.span_s, rel=1e-12)


@pytest.mark.parametrize("clock", CLOCKS, ids=["ticks", "1 s", "0.75 s off the epoch"])
@pytest.mark.parametrize("name", PAIRS)
def test_a_stream_gives_the_numbers_of_the_array_over_a_million_events(name: str, clock: dict[str, Any]) -> None:
    times, prices = MILLION
    stream, array = both(name, gaps="break", **clock)
    assert feed_prices(stream._clock, stream._sums, times, prices) == -1
    agree(stream.variance, array(prices, times))
    if isinstance(stream, volatility.BipowerVariance):
        tested, expected = stream.jump_test(), volatility.jump_test(prices, times, gaps="break", **clock)
        assert tested.z == pytest.approx(expected.z, rel=1e-9)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", PAIRS)
def test_after_every_event_the_stream_says_what_the_array_says_of_all_before(name: str, clock: dict[str, Any]) -> None:
    times, prices = MILLION[0][299_500:300_500], MILLION[1][299_500:300_500]
    stream, array = both(name, gaps="break", **clock)
    compared = 0
    for i, (t_ns, price) in enumerate(zip(times.tolist(), prices.tolist(), strict=True)):
        stream.update(t_ns, price)
        if i % 41 == 0 and not math.isnan(stream.variance):
            agree(stream.variance, array(prices[: i + 1], times[: i + 1]))
            compared += 1
    assert compared > 10


@given(st.lists(st.tuples(st.integers(0, 3_000), st.floats(0.5, 2.0)), min_size=12, max_size=60), st.booleans())
def test_stream_and_array_agree_on_any_times(events: list[tuple[int, float]], on_clock: bool) -> None:
    times = np.cumsum([gap for gap, _ in events]) * 1_000_000
    prices = np.array([price for _, price in events])
    settings = {"step_s": 1.0} if on_clock else {}
    for name, (array, _) in PAIRS.items():
        needed = {"SubsampledVariance": {"subgrids": 2}, "TwoScaleVariance": {"subgrids": 2}}.get(name, {})
        needed = {"bandwidth": 2} if name == "RealisedKernel" else needed
        stream = getattr(volatility, name)(**needed, **settings)
        for t_ns, price in zip(times.tolist(), prices.tolist(), strict=True):
            stream.update(t_ns, price)
        try:
            expected = getattr(volatility, array)(prices, times, **needed, **settings)
        except ValueError:
            assert math.isnan(stream.variance)
        else:
            assert stream.variance == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", range(5))
def test_compiled_and_plain_python_give_the_same_sums(kind: int) -> None:
    step = NS if kind == stepping.TIME_OF_DAY else 0
    settings = (kind, step, 0, 10**15, 1, 24 if kind == stepping.TIME_OF_DAY else 5, 3_600 * NS)
    weights = volatility.parzen_weights(5)
    fast, slow = stepping.make_state(settings, weights), stepping.make_state(settings, weights)
    for t_ns, price in zip(MILLION[0][:200].tolist(), MILLION[1][:200].tolist(), strict=True):
        assert stepping.step_price(*fast, t_ns, price) == 0
        assert stepping.step_price.py_func(*slow, t_ns, price) == 0  # type: ignore[attr-defined]
    stepping.break_here(*fast)
    stepping.break_here.py_func(*slow)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_allclose(fast[1], slow[1], rtol=1e-12)


@pytest.mark.parametrize("kind", range(5))
def test_the_parts_of_a_step_are_the_same_in_plain_python(kind: int) -> None:
    settings = (kind, 0, 0, 10**15, 1, 24, 3_600 * NS)
    fast = stepping.make_state(settings, volatility.parzen_weights(24))
    slow = stepping.make_state(settings, volatility.parzen_weights(24))
    for t_ns, price in zip(MILLION[0][:100].tolist(), MILLION[1][:100].tolist(), strict=True):
        stepping.observe_price(*fast, t_ns, price)
        stepping.observe_price.py_func(*slow, t_ns, price)  # type: ignore[attr-defined]
        for clock, sums in (fast, slow):
            plain = clock is slow[0]
            for part, args in (
                (stepping.add_to_kernel, (1e-4,)),
                (stepping.add_to_lag, (t_ns, price)),
                (stepping.add_to_bipower, (1e-4,)),
            ):
                if kind in (stepping.KERNEL, stepping.LAGGED, stepping.BIPOWER):
                    (part.py_func if plain else part)(clock, sums, *args)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_allclose(fast[1], slow[1], rtol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_bad_events_are_refused_and_change_nothing(name: str) -> None:
    stream, array = both(name)
    times, prices = MILLION[0][:500], MILLION[1][:500]
    for t_ns, price in zip(times.tolist(), prices.tolist(), strict=True):
        stream.update(t_ns, price)
    last = int(times[-1])
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="positive finite"):
            stream.update(last + 1, bad)
    with pytest.raises(ValueError, match="the one before"):
        stream.update(last - 1, 100.0)
    with pytest.raises(ValueError, match="no price for 301 s"):
        stream.update(last + 301 * NS, 100.0)
    agree(stream.variance, array(prices, times))


@pytest.mark.parametrize("name", PAIRS)
def test_a_broken_series_and_a_reset_take_no_return_over_the_break(name: str) -> None:
    stream, array = both(name)
    times, prices = MILLION[0][:600], MILLION[1][:600]
    assert math.isnan(stream.variance)
    for t_ns, price in zip(times[:300].tolist(), prices[:300].tolist(), strict=True):
        stream.update(t_ns, price)
    stream.break_series()
    for t_ns, price in zip(times[300:].tolist(), prices[300:].tolist(), strict=True):
        stream.update(t_ns + 10**15, 3.0 * price)
    assert stream.samples == 598
    assert stream.variance < 1e-4
    stream.reset()
    assert stream.samples == 0
    for t_ns, price in zip(times.tolist(), prices.tolist(), strict=True):
        stream.update(t_ns, price)
    agree(stream.variance, array(prices, times))


@pytest.mark.parametrize("name", ["SubsampledVariance", "TwoScaleVariance", "RealisedKernel"])
def test_settings_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is 0; expected a whole number"):
        getattr(volatility, name)(0)
    with pytest.raises(ValueError, match="step_s"):
        getattr(volatility, name)(3, step_s=-1.0)
