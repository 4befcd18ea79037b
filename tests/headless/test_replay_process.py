"""A recorded market replayed from the command line: notebook, engine process, journal, summary."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from workbench.data import synthetic_day
from workbench.engine import read_journal, replay_journal, replay_market

pytestmark = pytest.mark.process


def test_a_recording_is_replayed_as_fast_as_it_can_be_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    data, folder = tmp_path / "data", tmp_path / "run"
    synthetic_day(data, seconds=60, preset="lively", seed=3, progress=False)
    command = ["run", "--venue", "replay", "--data", str(data), "--speed", "0", "--seconds", "45", "--out", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "workbench", *command], check=False, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["venue"], summary["stopped_by"], summary["open_orders_at_end"]) == ("replay", "data", 0)
    assert summary["ran_s"] == pytest.approx(45, abs=0.5)
    assert summary["fills"] > 20
    assert sum(Decimal(part) for part in summary["pnl"].values()) == Decimal(summary["equity_change"])
    assert replay_journal(folder / "journal.sqlite").commands > 50
    # In this process, in virtual time: the same events and commands but for the names of orders.
    settings = json.loads((folder / "spec.json").read_text())["config"]
    virtual = replay_market(settings, seed=summary["seed"])
    assert summary["tape_hash"] == virtual.outcome.tape_hash
    told = [(row.t_ns, row.tag) for row in read_journal(folder / "journal.sqlite") if row.kind in ("event", "command")]
    assert told == [(row.t_ns, row.tag) for row in virtual.rows if row.kind in ("event", "command")]
    assert summary["equity_change"] == virtual.outcome.equity_change
