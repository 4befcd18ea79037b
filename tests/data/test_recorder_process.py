"""`workbench record` as a process, over real sockets: what a kill -9 leaves, and what the next recorder makes of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.headless.demo_process import running_exchange
from workbench.data import GAP_RECORDER, Catalog, record
from workbench.errors import VenueError

pytestmark = pytest.mark.process
BUSY_NS = 3 * 10**9
"""The promise is one second (held to in virtual time); a busy machine may keep a process waiting."""


def until(true: Callable[[], Any], timeout_s: float = 60.0) -> None:
    began, pause = time.monotonic(), threading.Event()
    while not true():
        assert time.monotonic() - began < timeout_s, "not in time"
        pause.wait(0.02)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_exchange(tmp_path_factory.mktemp("venue")) as address:
        yield address


def recorder(folder: Path, url: str, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workbench", "record", "--symbols", "BTC-PERP", "--out", str(folder), "--url", url]
    return subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_recorder_leaves_all_but_its_last_second_to_the_next_one(tmp_path: Path, url: str) -> None:
    def written() -> int:
        return sum(path.stat().st_size for path in tmp_path.rglob("*.arrows"))

    with recorder(tmp_path, url) as doomed:
        until(lambda: written() > 6_000)
        os.kill(doomed.pid, signal.SIGKILL)
        died_ns = time.time_ns()
        doomed.communicate()
    catalog = Catalog(tmp_path)
    assert catalog.files("BTC-PERP") == []
    (segment,) = tmp_path.rglob("*.arrows")
    assert died_ns - newest(segment) < BUSY_NS
    with recorder(tmp_path, url, "--seconds", "2") as second:
        said, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert re.search(r"recorded 2 s of sim into .*\n  BTC-PERP: [\d,]+ messages, .* 1 gap", said), said
    frame = catalog.load("BTC-PERP")
    before = frame[frame["t_ns"] < died_ns]
    assert died_ns - before["t_ns"].iloc[-1] < BUSY_NS
    assert (np.diff(before[before["kind"] == 1]["venue_seq"].unique()) == 1).all()
    gap = frame[frame["kind"] == 9]
    assert gap["size"].tolist() == [GAP_RECORDER]
    assert gap["value_ns"].tolist() == [before["t_ns"].iloc[-1]]
    assert not list(tmp_path.rglob("*.arrows"))


def newest(segment: Path) -> int:
    """Receipt time of the last row in a segment whose writer is dead."""
    last = 0
    with segment.open("rb") as file, pa.ipc.open_stream(file) as stream:
        try:
            while True:
                last = stream.read_next_batch().column(0)[-1].as_py()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return last


def test_ctrl_c_ends_a_recording_in_order(tmp_path: Path, url: str) -> None:
    with recorder(tmp_path, url, "--venue", "rehearsal") as running:
        until(lambda: any(tmp_path.rglob("*.arrows")))
        running.send_signal(signal.SIGINT)
        said, health = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "of rehearsal into" in said
    assert re.search(r"recording \d+ s, [\d,]+ messages/s: BTC-PERP in step", health)
    report = Catalog(tmp_path).check("BTC-PERP")
    assert report.venue == "rehearsal"
    assert report.ok, report


def test_a_venue_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(VenueError, match=r"market_summary at http://127\.0\.0\.1:9 failed"):
        record(["BTC-PERP"], tmp_path, url="http://127.0.0.1:9", show=False)
    assert not list(tmp_path.rglob("*.parquet"))
