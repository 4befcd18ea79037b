"""Latencies: what a report says of them, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.backtest import ConstantLatency, JitteredLatency, MeasuredLatency
from workbench.errors import ConfigError

MEASURED = MeasuredLatency(np.arange(1_500), np.full(1_500, 8_000_000), np.full(1_500, 12_500_000))


@pytest.mark.parametrize(
    ("latency", "words"),
    [
        (ConstantLatency(), "latency 10 ms each way"),
        (ConstantLatency(0.005, 0.0125), "latency 5 ms there, 12.5 ms back"),
        (JitteredLatency(), "latency 5 ms each way and tails of 5 ms each way on average"),
        (MEASURED, "latency as measured 1,500 times, in the middle 8 ms there, 12.5 ms back"),
    ],
)
def test_a_report_says_a_latency_in_words(latency: ConstantLatency | JitteredLatency, words: str) -> None:
    assert latency.label == words


def test_a_measured_latency_does_not_print_its_arrays() -> None:
    assert repr(MEASURED) == f"<MeasuredLatency: {MEASURED.label}>"


@pytest.mark.parametrize(
    ("latency", "why"),
    [
        (ConstantLatency(-0.001), "entry_s is -0.001"),
        (JitteredLatency(response_tail_s=float("nan")), "response_tail_s is nan"),
        (MeasuredLatency([1, 1], [5, 5], [5, 5]), "t_ns must rise"),
        (MeasuredLatency([1, 2], [5, -5], [5, 5]), "a delay of -5 ns"),
        (MeasuredLatency([], [], []), "0 times"),
    ],
)
def test_what_is_no_latency_is_refused(latency: ConstantLatency | JitteredLatency, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        latency.table(0)
