"""Latencies: what a report says of them, and which are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_measured_delays_are_read_from_a_table(tmp_path: Path, suffix: str) -> None:
    table = pd.DataFrame({"t_ns": [1, 5], "response_ns": [7, 8], "entry_ns": [3, 4], "more": [0, 0]})
    path = tmp_path / f"latency{suffix}"
    (table.to_csv if suffix == ".csv" else table.to_parquet)(path)
    found = MeasuredLatency.read(path).table(0)
    assert (found.stamps.tolist(), found.delays.tolist()) == ([1, 5], [[3, 7], [4, 8]])


def test_a_file_without_delays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latency.csv"
    for text, why in (
        ("t_ns,entry_ns\n1,2\n", "no column 'response_ns'"),
        ("t_ns,entry_ns,response_ns\n1,2,x\n", "cannot be read"),
        ("t_ns,entry_ns,response_ns\n1,2.5,3\n", "cannot be read"),
        ("t_ns,entry_ns,response_ns\n1,-2,3\n", "a delay of -2 ns"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=why):
            MeasuredLatency.read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        MeasuredLatency.read(tmp_path / "none.parquet")
