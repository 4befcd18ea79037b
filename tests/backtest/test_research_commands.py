"""`workbench import`, `backtest` and `sweep` as typed, without a process each: what they leave, say and exit with."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.backtest.made_feed import make_feed
from workbench.backtest import BacktestResult, SweepResult
from workbench.commands import run_command
from workbench.data import Catalog, synthetic_day
from workbench.headless.stopping import StopRequest

CLOSE = ["spread_bps=4", "quoting.min_edge_bps=0"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> str:
    return synthetic_day(tmp_path_factory.mktemp("data") / "catalog", seconds=60, preset="lively", progress=False).url


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


def workbench(*arguments: str, stop: StopRequest | None = None) -> int:
    return run_command([str(argument) for argument in arguments], stop or StopRequest())


def test_a_recording_is_imported_and_backtested_to_its_tear_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "feed.npz", data=make_feed(12_000, 5))
    data, out = tmp_path / "data", tmp_path / "run1"
    numbers = ["--tick-size", "0.1", "--contract-size", "0.001", "--maker-fee=-0.00005"]
    assert workbench("import", tmp_path / "feed.npz", "--to", data, "--symbol", "BTCUSDT", *numbers) == 0
    assert Catalog(data).symbols() == ["BTCUSDT"]
    assert workbench("backtest", "--data", data, "--symbol", "BTCUSDT", "--out", out, *CLOSE) == 0
    said = capsys.readouterr().out
    assert "Backtest of BTCUSDT" in said
    assert "report.html" in said
    told = json.loads((out / "summary.json").read_text())
    assert (told["symbol"], told["exit_code"], told["finished"]) == ("BTCUSDT", 0, True)
    assert BacktestResult.load(out).summary.fills == told["fills"] == len(pd.read_parquet(out / "fills.parquet"))
    assert "plotly" in (out / "report.html").read_text()


def test_recorded_data_are_checked_in_words_and_in_a_picture(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workbench("check", "--data", catalog) == 0
    assert "sim BTC-PERP, 2026-01-05 00:00:00 to 2026-01-05 00:00:59 UTC: clean" in capsys.readouterr().out
    synthetic_day(tmp_path / "two", seconds=5, progress=False)
    synthetic_day(tmp_path / "two", symbol="ETH-PERP", seconds=5, progress=False)
    out = tmp_path / "new" / "folder"
    assert workbench("check", "--data", tmp_path / "two", "--out", out) == 0
    said = capsys.readouterr().out
    assert "sim BTC-PERP" in said
    assert "sim ETH-PERP" in said
    page = (out / "check.html").read_text()
    assert page.count("Plotly.newPlot(") == 2
    assert workbench("check", "--data", tmp_path / "two", "--symbol", "ETH-PERP", "--out", out) == 0
    assert "BTC-PERP" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--symbol", "BTC-PRP"], 4, "did you mean 'BTC-PERP'"),
        (["--venue", "elsewhere"], 4, "no BTC-PERP of elsewhere"),
        (["--start", "2027-01-01"], 4, "no rows of BTC-PERP in that range"),
        (["--start", "soon"], 4, "'soon' is not a time"),
        (["--out", "/dev/null/x"], 2, "cannot be made"),
    ],
)
def test_a_check_that_cannot_be_made_says_why(
    catalog: str, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    named = [] if "--symbol" in options else ["--symbol", "BTC-PERP"]
    assert workbench("check", "--data", catalog, *named, *options) == code
    assert words in capsys.readouterr().err


def test_a_check_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workbench("check", "--data", tmp_path) == 4
    assert "has no market; record or import something first" in capsys.readouterr().err


def test_a_run_without_a_fill_says_how_far_its_quotes_stood(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", catalog, "--symbol", "BTC-PERP", "--out", tmp_path / "run"]
    assert workbench("backtest", *options, "spread_bps=200") == 0
    found = re.search(r"quotes stood (\S+) bps from the mid; the maker fee, (\S+) bps, and", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) >= 100.0
    assert float(found[2]) == float(Catalog(catalog).instrument("BTC-PERP").maker_fee) * 1e4


def test_delays_and_moments_of_decision_are_those_of_the_options(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delays = tmp_path / "delays.csv"
    delays.write_text("t_ns,entry_ns,response_ns\n0,4000000,5000000\n")
    options = ["--data", catalog, "--symbol", "BTC-PERP", *CLOSE]
    said = []
    for i, more in enumerate((["--latency-file", delays], ["--latency-ms", "4,5"], ["--latency-tail-ms", "3,30"])):
        out = tmp_path / f"run{i}"
        assert workbench("backtest", *options, "--decide", "live", "--out", out, *more) == 0
        said.append(capsys.readouterr().out)
        assert json.loads((out / "summary.json").read_text())["fills"] > 0
    measured, constant = (pd.read_parquet(tmp_path / f"run{i}" / "fills.parquet") for i in (0, 1))
    pd.testing.assert_frame_equal(measured, constant)
    assert all("at each message, answer and own fill, as live" in text for text in said)
    assert "as measured 1 times" in said[0]
    assert "tails of 3 ms there, 30 ms back on average" in said[2]


def test_a_sweep_leaves_its_table(catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid, out = tmp_path / "grid.toml", tmp_path / "run2"
    grid.write_text("spread_bps = [4, 12]\n[quoting]\ninventory_skew = [0.0, 1.0]\nmin_edge_bps = 0\n")
    options = ["--data", catalog, "--symbol", "BTC-PERP", "--grid", str(grid), "--out", str(out)]
    assert workbench("sweep", *options, "--split", "0.6", "--threads", "1") == 0
    assert "4 configurations" in capsys.readouterr().out
    table = pd.read_parquet(out / "table.parquet")
    assert len(table) == 4
    assert table["test_fills"].sum() > 0
    pd.testing.assert_frame_equal(SweepResult.load(out).table, table)


def test_ctrl_c_leaves_what_there_is_and_exits_130(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class OncePrepared(StopRequest):
        @property
        def requested(self) -> bool:
            if list(tmp_path.glob("cache/feeds/*/feed.json")):
                self.signal = signal.SIGINT
            return self.signal is not None

    stop, out = OncePrepared(), tmp_path / "run3"
    arguments = ["--data", catalog, "--symbol", "BTC-PERP", "--out", str(out), "--step", "0.005"]
    assert workbench("backtest", *arguments, *CLOSE, stop=stop) == 130
    assert "PARTIAL" in capsys.readouterr().out
    assert json.loads((out / "summary.json").read_text())["finished"] is False


def test_ctrl_c_while_data_are_prepared_leaves_nothing_half_made(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = StopRequest()
    stop.signal = signal.SIGINT
    assert workbench("backtest", "--data", catalog, "--symbol", "BTC-PERP", "--out", tmp_path / "run", stop=stop) == 130
    assert "stopped before there was anything to show" in capsys.readouterr().err
    assert not list(tmp_path.glob("cache/feeds/*"))
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sprad_bps=4"], ["did you mean 'spread_bps'"]),
        (["--model", "skewed_spred"], ["skewed_spred"]),
        (["--latency-ms", "fast", "--queue", "powr3", "--step", "0"], ["--latency-ms is 'fast'", "queue is 'powr3'"]),
        (["--config", "nowhere.toml"], ["nowhere.toml"]),
        (["--latency-tail-ms", "1,2,3", "--step", "-1"], ["--latency-tail-ms is '1,2,3'", "--step is -1"]),
        (["--latency-tail-ms", "1", "--latency-file", "delays.csv"], ["--latency-file and --latency-tail-ms"]),
        (["--latency-file", "nowhere.csv"], ["nowhere.csv"]),
        (["--decide", "live", "--rules", "parity"], ["--decide is live under the rules of parity"]),
    ],
    ids=["setting", "model", "conditions", "file", "tails", "two latencies", "no delays", "live parity"],
)
def test_what_cannot_be_run_is_refused_with_everything_that_is_wrong(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    out = tmp_path / "run"
    assert workbench("backtest", "--data", catalog, "--symbol", "BTC-PERP", "--out", out, *arguments) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words)
    assert not (out / "summary.json").exists()


def test_a_wrong_grid_is_refused_before_any_data_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text("sprad_bps = [4, 12]\nmax_orders_per_side = [0, 1]\n")
    options = ["--data", tmp_path / "nowhere", "--symbol", "X", "--grid", grid, "--out", tmp_path / "run"]
    assert workbench("sweep", *options) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
    assert not (tmp_path / "run").exists()


def test_data_that_are_not_there_are_a_failure_with_the_likely_name(
    catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workbench("backtest", "--data", catalog, "--symbol", "BTC-PRP", "--out", tmp_path / "run") == 4
    assert "did you mean 'BTC-PERP'" in capsys.readouterr().err


def test_a_run_is_not_overwritten(catalog: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "summary.json").write_text("{}")
    assert workbench("backtest", "--data", catalog, "--symbol", "BTC-PERP", "--out", tmp_path) == 2
    assert "holds a run already" in capsys.readouterr().err
