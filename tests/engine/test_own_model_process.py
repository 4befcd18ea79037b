"""A model that only this process knows, traded by an engine process, edited while it trades, replayed by a third."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import quoting
from workbench.clock import SystemClock
from workbench.config import MarketMakerConfig
from workbench.engine import Session, read_meta, run_sync
from workbench.errors import ConfigError
from workbench.headless.folder import RunFolder
from workbench.headless.post_mortem import post_mortem
from workbench.quoting import QuotingModel
from workbench.quoting.schema import HALF_SPREAD, MID, ORDER_SIZE

pytestmark = pytest.mark.process

TABLE = np.zeros(10_000)


def half_spread(mid: float, bps: float) -> float:
    return mid * bps * 1e-4


def typed(bps: float) -> QuotingModel:
    """The cell, run with one or another number in it."""

    @quoting.model
    def typed_in_a_cell(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        half = half_spread(view[MID], bps)
        state[HALF_SPREAD] = half
        out[0, 0], out[0, 1], out[0, 2] = 1, int(view[MID] - half), int(params[ORDER_SIZE])
        out[1, 0], out[1, 1], out[1, 2] = -1, int(view[MID] + half), int(params[ORDER_SIZE])
        return 2

    model: QuotingModel = typed_in_a_cell
    return model


def until(true: Callable[[], Any], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "not in time"
        pause.wait(0.02)


REPLAY = """
import sys
from workbench.engine import replay_journal
from workbench.quoting import model_names
assert "typed_in_a_cell" not in model_names()
print(replay_journal(sys.argv[1]).commands)
"""


def test_a_cells_model_trades_in_the_engine_is_edited_there_and_replayed_elsewhere(tmp_path: Path) -> None:
    typed(6.0)
    config = MarketMakerConfig(quoting={"model": "typed_in_a_cell"}, venue={"dead_man_s": 2.0})
    session = run_sync(Session.start(config, tmp_path / "run", seed=7), timeout=120)

    def quotes(half_bps: float) -> bool:
        frame = session.latest
        return frame is not None and f"1 bids, 1 asks, half spread {half_bps:.2f} bps" in frame.why

    try:
        until(lambda: quotes(6.0))
        new = typed(9.0)
        told = run_sync(session.update(quoting={"model": "typed_in_a_cell"}, spread_bps=12), timeout=60)
        assert (told.quoting.source, told.spread_bps) == (new.source, 12)
        until(lambda: quotes(9.0))

        @quoting.model
        def reads_a_table(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
            return int(TABLE[0])

        with pytest.raises(ConfigError, match=r"TABLE at line \d+ of .* is an array of 10000 float64; expected a num"):
            run_sync(session.update(quoting={"model": reads_a_table}), timeout=60)
        broken = new.source.replace("int(", "imt(")
        with pytest.raises(ConfigError, match=r"quoting\.source: model typed_in_a_cell cannot be compiled .* 'imt'"):
            run_sync(session.update(quoting={"source": broken}), timeout=60)
        status = run_sync(session.status(), timeout=10)
        assert status.state == "quoting"
        assert status.max_lag_ms < 1_000
        assert "source" not in status.frame.config["quoting"]
    finally:
        report = run_sync(session.stop(), timeout=60)
        os.kill(json.loads((tmp_path / "run" / "venue.json").read_text())["pid"], signal.SIGTERM)
    assert (report.exit_code, report.verified) == (0, True)
    outcome, meta = session.outcome(), read_meta(session.journal_path)
    assert outcome.config_hash == config.replace(quoting={"source": new.source}, spread_bps=12).digest()
    counted = post_mortem(RunFolder(session.run_dir), config, None, seconds=60, clock=SystemClock()).summary
    assert (counted.fills, counted.orders_sent) == (outcome.fills, outcome.orders_sent)
    assert counted.config_hash == outcome.config_hash
    assert "half_spread" in meta["config"]["quoting"]["source"]
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(session.journal_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > outcome.orders_sent
