"""What a recorder has written and not yet turned into Parquet: one growing Arrow stream an hour, safe against kill -9.

A Parquet file cannot be read before its end is written, so that a recorder which dies would lose its hour. An Arrow
stream is whole after every batch: what was handed to the operating system survives the process, a batch cut off at the
end is left out. Once its hour is over, and at the next start, a stream is rewritten as Parquet and removed.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench.data.catalog import Catalog
from workbench.data.partition import HourFiles, Partition
from workbench.data.schema import EVENT_SCHEMA
from workbench.errors import DataError

__all__ = ["Segment", "Spool"]

SUFFIX = ".arrows"


class Segment:
    """One hour of one market that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.bytes = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=0)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._stream = pa.ipc.new_stream(self._file, EVENT_SCHEMA, options=options)

    def write(self, table: pa.Table) -> None:
        """Append rows; when this returns they survive the end of this process, however it comes.

        Raises
        ------
        DataError
            If they cannot be written (a full disk): recording on would hide what is lost.
        """
        try:
            self._stream.write_table(table.combine_chunks())
        except OSError as error:
            raise DataError(f"{self.path} cannot be written: {error}; what was recorded before is safe") from None
        self.rows += table.num_rows
        self.bytes = self._file.tell()

    def close(self) -> None:
        """Write the end; closing twice is harmless."""
        self._stream.close()
        self._file.close()


class Spool:
    """Where the segments of one market lie, on the local disk, and one recorder at a time writes them.

    Parameters
    ----------
    folder : Path
        Made if need be.
    catalog : Catalog
        Takes the finished hours.
    partition : Partition

    Raises
    ------
    DataError
        If another recorder writes this market into this catalog.
    """

    def __init__(self, folder: Path, catalog: Catalog, partition: Partition) -> None:
        self._folder = folder / partition.folder
        self._catalog = catalog
        self._partition = partition
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            pid = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise DataError(
                f"another recorder (process {pid}) writes {partition.venue} {partition.symbol} into {catalog.url}; "
                "stop it, or record into another catalog"
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def open(self, t_ns: int) -> Segment:
        """A new segment whose first row is received at `t_ns`."""
        return Segment(self._folder / f"{t_ns}{SUFFIX}")

    def left_over(self) -> list[Path]:
        """Segments of recorders that did not come to their end, oldest first."""
        return sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: int(path.stem))

    def compact(self, path: Path) -> int:
        """Rewrite a segment as Parquet and remove it; how many rows it held. Done again, it gives the same file."""
        files = HourFiles(self._catalog.filesystem, self._catalog.root, self._partition)
        with files:
            for table in _batches(path):
                files.write(table)
        path.unlink()
        return files.rows

    def close(self) -> None:
        """Let another recorder in."""
        self._lock.close()


def _batches(path: Path) -> Any:
    """The whole batches of a stream; one that was cut off ends it."""
    with pa.OSFile(str(path)) as file:
        try:
            stream = pa.ipc.open_stream(file)
            while True:
                yield pa.Table.from_batches([stream.read_next_batch()])
        except (StopIteration, pa.ArrowInvalid, OSError):
            return
