"""A feed longer than the memory that it may take: prepared and run piece by piece, from a file and from a catalog."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backtest.long_feed import write_long_feed

pytestmark = pytest.mark.process

COPIES = 100
LIMIT_MIB = {"file": 48.0, "catalog": 96.0}
"""Pieces of the source, and beside a catalog's a group of its rows; the feed has 165 MiB."""


def test_a_feed_longer_than_memory_is_prepared_and_run(tmp_path: Path) -> None:
    write_long_feed(tmp_path, COPIES)
    command = [sys.executable, "-m", "tests.backtest.long_feed", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for source, limit in LIMIT_MIB.items():
        found = json.loads(ended.stdout)[source]
        assert found["feed"] > 1.5 * limit, "the feed must not fit"
        assert found["prepare"] < limit, found
        assert found["run"] < limit, found
        assert found["fills"] > COPIES, "every copy has been traded on"
