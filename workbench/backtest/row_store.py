"""Rows that keep coming: in memory while they are few, then in a file without a name, so that memory stays bounded."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO
from weakref import WeakSet, finalize

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import release

__all__ = ["RowStore"]

MOST_FILES = 256
"""Tables in files at once: a process may have some thousand files open, and others want some too."""

_rooms: WeakSet[mmap.mmap] = WeakSet()


class RowStore:
    """A growing table of one structured dtype whose columns are all eight bytes wide.

    Parameters
    ----------
    dtype : dtype
    most_bytes : int
        A longer one goes to a file in the system's folder for temporary ones, which ends with whoever holds its rows.
    """

    def __init__(self, dtype: np.dtype[np.void], most_bytes: int) -> None:
        self._dtype = dtype
        self._most_bytes = most_bytes
        self._cells: NDArray[np.int64] = np.empty((0, len(dtype.names or ())), dtype=np.int64)
        self._file: IO[bytes] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def grown(self, count: int) -> NDArray[np.int64]:
        """The cells of at least so many rows, int64[any, columns], those of before unchanged; later ones hold anything.

        A reference to what an earlier call returned must not be written to any more.
        """
        if count > len(self._cells):
            # Memory that is not written to costs nothing.
            self._make_room(max(count, 3 * len(self._cells) // 2, self._most_bytes // self._dtype.itemsize))
        self._count = max(self._count, count)
        return self._cells

    def append(self, cells: NDArray[np.int64]) -> None:
        """Add rows at the end."""
        at = self._count
        self.grown(at + len(cells))[at : at + len(cells)] = cells

    def rows(self) -> NDArray[np.void]:
        """The rows as records, not copied."""
        return self._cells[: self._count].view(self._dtype).reshape(-1)

    def rest(self) -> None:
        """Let go of the memory of what stands in a file; it is read again when it is wanted."""
        release(self._cells, len(self._cells))

    def _make_room(self, rows: int) -> None:
        columns = self._cells.shape[1]
        old, on_file = self._cells, self._file is not None
        room = self._file_of(8 * columns * rows)
        if room is None:
            self._cells = np.empty((rows, columns), dtype=np.int64)
        else:
            self._cells = np.ndarray((rows, columns), dtype=np.int64, buffer=room)
        if room is None or not on_file:
            self._cells[: len(old)] = old

    def _file_of(self, size: int) -> mmap.mmap | None:
        """A mapped file of so many bytes, or None where memory has to do."""
        file = self._file
        full = file is None and len(_rooms) >= MOST_FILES
        if size <= self._most_bytes or full or not hasattr(os, "posix_fallocate"):
            return None
        try:
            if file is None:
                file = self._file = tempfile.TemporaryFile(prefix="workbench-log-")  # noqa: SIM115 - see finalize
                finalize(self, file.close)
            # Without room on the disk a write to the mapping would kill the process.
            os.posix_fallocate(file.fileno(), 0, size)
            room = mmap.mmap(file.fileno(), size)
        except OSError:
            self._file = None
            return None
        _rooms.add(room)
        return room
