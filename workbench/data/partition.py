"""Where a catalog keeps what, and how a Parquet file of it is written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote, unquote

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.schema import EVENT_COLUMNS, EVENT_SCHEMA
from workbench.events import NS

__all__ = ["HOUR_NS", "HourFiles", "Partition", "hour_of", "read_hive"]

HOUR_NS = 3600 * NS
ROW_GROUP = 1 << 20
_PLAIN_NAME = "-_.~"
# Stamps and numbers differ little from row to row; prices, sizes and kinds repeat. Any reader of Parquet knows both.
_DELTAS = dict.fromkeys(("t_ns", "venue_ns", "seq", "venue_seq"), "DELTA_BINARY_PACKED")
_DICTIONARIES = [name for name in EVENT_COLUMNS if name not in _DELTAS]


def hour_of(t_ns: int) -> tuple[str, str]:
    """Day ("2026-05-26") and hour ("13") of an instant, UTC."""
    moment = datetime.fromtimestamp(t_ns // NS, UTC)
    return moment.strftime("%Y-%m-%d"), moment.strftime("%H")


def read_hive(path: str, key: str) -> str | None:
    """The value of `key=value` in a path; None where it is not there."""
    for part in path.split("/"):
        name, equals, value = part.partition("=")
        if equals and name == key:
            return unquote(value)
    return None


@dataclass(frozen=True)
class Partition:
    """One market of one venue, as folders: `venue=V/symbol=S/day=YYYY-MM-DD/HH-<first t_ns>.parquet`."""

    venue: str
    symbol: str

    @property
    def folder(self) -> str:
        return f"venue={quote(self.venue, _PLAIN_NAME)}/symbol={quote(self.symbol, _PLAIN_NAME)}"

    @property
    def instrument_file(self) -> str:
        return f"{self.folder}/instrument.json"

    def file(self, t_ns: int) -> str:
        """The file of rows from `t_ns` to the end of its hour: the same rows always have the same name."""
        day, hour = hour_of(t_ns)
        return f"{self.folder}/day={day}/{hour}-{t_ns}.parquet"


class HourFiles:
    """Writes rows in order of arrival into Parquet files of one hour each.

    A file appears under its name when it is complete; until then, and when something fails, there is none. A row whose
    clock has jumped back stays with the rows it arrived with.

    Parameters
    ----------
    filesystem : fsspec filesystem
    root : str
        The catalog's folder on it.
    partition : Partition
    """

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str, partition: Partition) -> None:
        self.rows = 0
        self.files: list[str] = []
        self._filesystem = filesystem
        self._root = root
        self._partition = partition
        self._hour = -1
        self._path = ""
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._handle: Any = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Append rows of the event schema."""
        if table.num_rows == 0:
            return
        self.rows += table.num_rows
        hours = np.maximum.accumulate(table.column("t_ns").to_numpy() // HOUR_NS)
        np.maximum(hours, self._hour, out=hours)
        starts = np.flatnonzero(np.diff(hours, prepend=hours[0] - 1))
        for start, end in zip(starts, [*starts[1:], len(hours)], strict=True):
            part = table.slice(start, end - start)
            if hours[start] != self._hour:
                self.finish_hour()
                self._open(part.column("t_ns")[0].as_py(), int(hours[start]))
            self._held.append(part)
            self._held_rows += part.num_rows
            if self._held_rows >= ROW_GROUP:
                self._write_held()

    def _write_held(self) -> None:
        # Few rows at a time would make as many row groups.
        if self._held and self._writer is not None:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=ROW_GROUP)
        self._held = []
        self._held_rows = 0

    def _open(self, t_ns: int, hour: int) -> None:
        self._hour = hour
        self._path = f"{self._root}/{self._partition.file(t_ns)}"
        self._filesystem.makedirs(self._path.rpartition("/")[0], exist_ok=True)
        self._handle = self._filesystem.open(f"{self._path}.part", "wb")
        self._writer = pq.ParquetWriter(
            self._handle,
            EVENT_SCHEMA,
            compression="zstd",
            use_dictionary=_DICTIONARIES,
            column_encoding=_DELTAS,
            write_statistics=True,
        )

    def finish_hour(self) -> None:
        """Complete the file that is open, if any."""
        if self._writer is None:
            return
        self._write_held()
        self._writer.close()
        self._handle.close()
        self._writer = None
        if self._filesystem.exists(self._path):
            self._filesystem.rm_file(self._path)
        self._filesystem.mv(f"{self._path}.part", self._path)
        self.files.append(self._path)

    def abandon(self) -> None:
        """Forget the file that is open; complete ones stay."""
        if self._writer is not None:
            self._held = []
            self._writer.close()
            self._handle.close()
            self._writer = None
            self._filesystem.rm_file(f"{self._path}.part")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish_hour()
        else:
            self.abandon()
