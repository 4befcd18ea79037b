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
LIMIT_MIB = 104.0
"""Above what is loaded: pieces of the source (groups of a million rows of a catalog), the engine's logs, the result."""


def test_a_feed_longer_than_memory_is_prepared_and_run(tmp_path: Path) -> None:
    write_long_feed(tmp_path, COPIES)
    command = [sys.executable, "-m", "tests.backtest.long_feed", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for found in json.loads(ended.stdout).values():
        assert found["feed"] > 1.5 * LIMIT_MIB, "the feed must not fit"
        assert found["prepare"] < LIMIT_MIB, found
        assert found["run"] < LIMIT_MIB, found
        assert found["fills"] > COPIES, "every copy has been traded on"
