"""Rows of a log stay what they are, in memory, in a file, and on the way from the one to the other."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.backtest.row_store as row_store
from workbench.backtest.log import FUNDING_DTYPE as PAIRS
from workbench.backtest.row_store import RowStore


def cells(first: int, count: int) -> np.ndarray[Any, Any]:
    return np.arange(4 * first, 4 * (first + count), dtype=np.int64).reshape(count, 4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(parts=st.lists(st.integers(0, 3_000), max_size=8), spill=st.sampled_from([1, 20_000, 1 << 22]))
def test_what_was_appended_is_there_wherever_it_stands(parts: list[int], spill: int) -> None:
    store = RowStore(PAIRS, spill)
    for count in parts:
        store.append(cells(len(store), count))
        store.rest()
    rows = store.rows()
    assert len(store) == len(rows) == sum(parts)
    assert np.array_equal(rows.view(np.int64).reshape(-1, 4), cells(0, len(rows)))


def test_rows_outlive_their_store_and_travel() -> None:
    store = RowStore(PAIRS, 1)
    store.append(cells(0, 1_000))
    rows = store.rows()
    del store
    assert pickle.loads(pickle.dumps(rows)).tobytes() == rows.tobytes() == cells(0, 1_000).tobytes()


def test_a_file_takes_the_memory_of_a_long_table() -> None:
    def held() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Rss")).split()[1])

    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("the system does not say how much memory a process holds")
    store = RowStore(PAIRS, 1 << 20)
    before, part = held(), cells(0, 10_000)
    for _ in range(200):
        store.append(part)
        store.rest()
    assert store.rows().nbytes == 64_000_000
    assert held() - before < 32_000


def test_without_room_on_the_disk_memory_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    store = RowStore(PAIRS, 20_000)
    store.append(cells(0, 1_000))

    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    store.append(cells(1_000, 5_000))
    assert store.rows().tobytes() == cells(0, 6_000).tobytes()


def test_only_so_many_tables_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_store, "MOST_FILES", len(row_store._rooms) + 3)
    stores = [RowStore(PAIRS, 1) for _ in range(6)]
    for store in stores:
        store.append(cells(0, 300))
    assert [store._file is not None for store in stores] == [True] * 3 + [False] * 3
    for store in stores:
        store.append(cells(300, 700))
        assert store.rows().tobytes() == cells(0, 1_000).tobytes()
