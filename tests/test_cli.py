"""The command line, each as a user types it: what is refused, with which words and which exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).parent.parent


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


def test_help_lists_the_commands_and_the_exit_codes() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for word in ("demo", "exchange", "run", "status", "stop", "kill", "import", "check", "backtest", "sweep", "130"):
        assert word in shown.stdout


def test_version_is_the_package_version() -> None:
    assert run("version").stdout.strip() == f"lmex-workbench {workbench.__version__}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spread_bps=-5"], ["spread_bps is -5", "greater than 0"]),
        (["symbol=NOPE-PERP"], ["symbol is 'NOPE-PERP'", "BTC-PERP"]),
        (["size_unit=quote", "order_size=1"], ["order_size is 1 quote", "at least"]),
        (["sprad_bps=20"], ["sprad_bps: no such setting", "did you mean 'spread_bps'"]),
        (["quoting.inventry_skew=1"], ["did you mean 'inventory_skew'"]),
        (["quoting.model=guide_fixt"], ["guide_fixt", "guide_fixed"]),
        (["order_size=10.5"], ["order_size is 10.5", "whole number"]),
        (["venue.name=lmex"], ["venue.name is 'lmex'", "sim"]),
        (["spread_bps"], ["name=value"]),
        (["--seconds", "0"], ["--seconds is 0"]),
        (["--seconds", "nan"], ["--seconds is nan"]),
        (["--config", "nowhere.toml"], ["nowhere.toml"]),
        (["--set", "spread_bps=0"], ["spread_bps is 0"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_a_bad_configuration_is_refused_before_anything_starts(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    out = tmp_path / "run"
    refused = run("demo", "--out", str(out), *arguments)
    assert refused.returncode == 2
    for word in words:
        assert word in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert refused.stdout == ""
    assert not out.exists()


def test_each_problem_gets_its_own_line() -> None:
    refused = run("demo", "spread_bps=-5", "max_orders_per_side=0")
    assert refused.returncode == 2
    lines = refused.stderr.strip().splitlines()
    assert [line.split()[1] for line in lines] == ["spread_bps", "max_orders_per_side"]


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    refused = run("demo", "--seconds", "5", "--out", str(tmp_path))
    assert refused.returncode == 2
    assert "holds a run already" in refused.stderr
    assert (tmp_path / "summary.json").read_text() == "{}"


def test_run_needs_a_venue() -> None:
    refused = run("run", "--seconds", "5")
    assert refused.returncode == 2
    assert "--url is missing" in refused.stderr


def test_a_replay_without_its_data_is_refused_before_anything_starts(tmp_path: Path) -> None:
    refused = run("run", "--venue", "replay", "--data", "nowhere", "--out", str(tmp_path / "run"))
    assert refused.returncode == 2
    assert "the catalog nowhere is empty" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["status", "stop", "kill"])
def test_a_folder_without_a_run_is_a_failure_with_its_name(tmp_path: Path, command: str) -> None:
    failed = run(command, str(tmp_path))
    assert failed.returncode == 4
    assert str(tmp_path) in failed.stderr


def test_rate_limits_are_on_or_off() -> None:
    refused = run("exchange", "--rate-limits", "maybe")
    assert refused.returncode == 2
    assert "on or off" in refused.stderr


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("dmeo").returncode == 2
