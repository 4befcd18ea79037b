"""hftbacktest's event arrays (`.npz`, `.npy`), in and out, without a row lost or changed.

There a row carries the flags EXCH and LOCAL; where the order of the venue and the order of arrival disagree it stands
twice, once for each. Our rows stand once, in the order of arrival; `venue_seq` keeps their place at the venue.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from workbench.data.grid import Grid
from workbench.data.schema import CLEAR, DEPTH, SNAPSHOT, TRADE, event_table
from workbench.errors import DataError
from workbench.instruments import Instrument

__all__ = ["HFTBACKTEST_DTYPE", "export_hftbacktest", "read_hftbacktest", "tables_of_hftbacktest"]

HFTBACKTEST_DTYPE = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ],
    align=True,
)
"""One event of 64 bytes, as hftbacktest 2 lays it out."""

EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
KINDS = (DEPTH, TRADE, CLEAR, SNAPSHOT)
CHUNK_ROWS = 1 << 19
MOST_HELD = 8
"""Chunks that may wait for a twin: a feed latency longer than millions of rows is an error of the data."""

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]


def read_hftbacktest(source: Any, chunk_rows: int = CHUNK_ROWS) -> Iterator[Rows]:
    """The rows of a `.npz` (array `data`), a `.npy` or an array, some hundred thousand at a time.

    Raises
    ------
    DataError
        If the file is missing or damaged, or does not hold such rows.
    """
    if isinstance(source, np.ndarray):
        _check_dtype(source.dtype, "the array")
        for start in range(0, source.size, chunk_rows):
            yield source[start : start + chunk_rows]
        return
    path = Path(source)
    try:
        with _npy_stream(path) as stream:
            shape, _, dtype = _header(stream)
            _check_dtype(dtype, str(path))
            left = int(np.prod(shape))
            while left:
                rows = np.empty(min(left, chunk_rows), HFTBACKTEST_DTYPE)
                read = stream.readinto(rows.view(np.uint8))  # type: ignore[attr-defined]
                if read < rows.nbytes:
                    raise DataError(f"{path} ends {left - read // rows.itemsize} rows early; copy or make it again")
                left -= rows.size
                yield rows
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read as .npz or .npy: {error}") from None


@contextmanager
def _npy_stream(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            yield file
            return
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            member = archive.getinfo("data.npy" if "data.npy" in names else names[0])
            with archive.open(member) as stream:
                if member.compress_type != zipfile.ZIP_STORED:
                    yield stream  # type: ignore[misc]
                    return
        # What is not packed is read without the check sum of zip files, which takes longer than all the rest.
        file.seek(member.header_offset + 26)
        name, extra = np.frombuffer(file.read(4), "<u2").tolist()
        file.seek(name + extra, os.SEEK_CUR)
        yield file


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


def _check_dtype(dtype: np.dtype[Any], what: str) -> None:
    if (
        dtype.itemsize != HFTBACKTEST_DTYPE.itemsize
        or dtype.names is None
        or dtype.names[:5]
        != (
            "ev",
            "exch_ts",
            "local_ts",
            "px",
            "qty",
        )
    ):
        raise DataError(
            f"{what} holds {dtype}; expected hftbacktest 2 events (ev, exch_ts, local_ts, px, qty, ...; 64 bytes)"
        )


def tables_of_hftbacktest(
    chunks: Iterable[Rows], instrument: Instrument, what: str = "data", notes: list[str] | None = None
) -> Iterator[pa.Table]:
    """Event tables of hftbacktest rows, in the order of arrival.

    Rows that happen and are never heard (as at the end of a slice) are left out; `venue_seq` is 0 for those that are
    heard and never happen (as at its start).

    Parameters
    ----------
    chunks : iterable of array
        From `read_hftbacktest`.
    instrument : Instrument
        Its tick and contract size count the prices and sizes.
    what : str
        For errors: which data.
    notes : list of str, optional
        Gets a sentence about such rows.

    Raises
    ------
    DataError
        For kinds other than depth, trade, clear and snapshot, rows without EXCH or LOCAL, and prices or sizes that are
        no multiples.
    """
    reader = _Reader(instrument, what)
    for rows in chunks:
        yield from reader.add(rows)
    yield from reader.finish()
    for count, sentence in (
        (reader.unheard, "happen (EXCH) and are never heard (LOCAL): left out"),
        (reader.unknown_place, "are heard (LOCAL) and never happen (EXCH): kept"),
    ):
        if count and notes is not None:
            notes.append(f"{count:,} rows {sentence}")


class _Reader:
    """Rows of arrival, held back until the place of each in the order of the venue is known."""

    def __init__(self, instrument: Instrument, what: str) -> None:
        self._what = what
        self._prices = Grid(instrument.tick_size, f"{what}: price", "give the right tick size")
        self._sizes = Grid(instrument.contract_size, f"{what}: size", "give the right contract size")
        self.unheard = 0
        self.unknown_place = 0
        self._seq = -1
        self._happened = 0
        self._held: list[dict[str, npt.NDArray[Any]]] = []
        # Lone rows that still want their twin: what they say, and the place at the venue, or where that is to be put.
        self._early = _Lone.none()
        self._late = _Lone.none()

    def add(self, rows: Rows) -> Iterator[pa.Table]:
        flags = rows["ev"] & np.uint64(EXCH | LOCAL)
        self._check(rows, flags)
        happened = np.flatnonzero(flags & np.uint64(EXCH))
        place = np.zeros(rows.size, dtype=np.int64)
        place[happened] = self._happened + 1 + np.arange(happened.size)
        self._happened += happened.size
        heard = np.flatnonzero(flags & np.uint64(LOCAL))
        early = np.flatnonzero(flags == np.uint64(EXCH))
        late = np.flatnonzero(flags == np.uint64(LOCAL))
        self._early = self._early.and_(_Lone(_contents(rows[early]), place[early]))
        first = sum(columns["seq"].size for columns in self._held)
        self._late = self._late.and_(_Lone(_contents(rows[late]), first + np.searchsorted(heard, late)))
        self._held.append(self._columns(rows[heard], place[heard]))
        self._pair()
        if not self._late.count or len(self._held) > MOST_HELD:
            yield from self._release()

    def finish(self) -> Iterator[pa.Table]:
        yield from self._release()
        self.unheard = self._early.count

    def _check(self, rows: Rows, flags: npt.NDArray[np.uint64]) -> None:
        kinds = np.unique(rows["ev"] & np.uint64(0xFF)).tolist()
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise DataError(f"{self._what}: events of kind {unknown[0]}; expected {KINDS} (levels and trades)")
        if (flags == 0).any():
            raise DataError(f"{self._what}: an event is neither EXCH nor LOCAL; expected one of them or both")

    def _columns(self, rows: Rows, place: Ints) -> dict[str, npt.NDArray[Any]]:
        if self._seq < 0 and rows.size:
            self._seq = int(rows["local_ts"][0])
        kind = (rows["ev"] & np.uint64(0xFF)).astype(np.int8)
        side = np.where(rows["ev"] & np.uint64(BUY), 1, np.where(rows["ev"] & np.uint64(SELL), -1, 0))
        whole = (kind == CLEAR) & ~np.isfinite(rows["px"])
        seq = np.arange(self._seq, self._seq + rows.size)
        self._seq += rows.size
        return {
            "t_ns": rows["local_ts"],
            "venue_ns": rows["exch_ts"],
            "seq": seq,
            "kind": kind,
            "side": side.astype(np.int8),
            "price_ticks": self._prices.count(np.where(whole, 0.0, rows["px"])),
            "size": self._sizes.count(rows["qty"]),
            "venue_seq": place,
        }

    def _pair(self) -> None:
        """Give the rows heard late the places of their twins, the first to the first."""
        early, late = self._early, self._late
        if not early.count or not late.count:
            return
        order = np.argsort(early.key, kind="stable")
        at = np.searchsorted(early.key[order], late.key)
        found = at < early.count
        found[found] = early.key[order][at[found]] == late.key[found]
        twin = order[at[found]]
        starts = np.cumsum([0, *(columns["seq"].size for columns in self._held)])
        targets, places = late.value[found], early.value[twin]
        chunk = np.searchsorted(starts, targets, side="right") - 1
        for number in np.unique(chunk):
            mine = chunk == number
            self._held[number]["venue_seq"][targets[mine] - starts[number]] = places[mine]
        left = np.ones(early.count, dtype=np.bool_)
        left[twin] = False
        self._early = early.only(left)
        self._late = late.only(~found)

    def _release(self) -> Iterator[pa.Table]:
        held, self._held = self._held, []
        self.unknown_place += self._late.count
        self._late = _Lone.none()
        yield from (event_table(columns) for columns in held if columns["seq"].size)


@dataclass(frozen=True)
class _Lone:
    """Rows that stand for one order alone: a hash of what they say, and a number."""

    contents: npt.NDArray[np.uint64]
    value: Ints

    @staticmethod
    def none() -> _Lone:
        return _Lone(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))

    @property
    def count(self) -> int:
        return self.value.size

    @cached_property
    def key(self) -> npt.NDArray[np.uint64]:
        """The contents, made different for the second, third, ... row that says the same."""
        order = np.argsort(self.contents, kind="stable")
        ordered = self.contents[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if self.count else order
        again = np.arange(self.count) - np.repeat(starts, np.diff([*starts, self.count]))
        key = np.empty_like(self.contents)
        key[order] = _mixed(ordered + again.astype(np.uint64))
        return key

    def and_(self, other: _Lone) -> _Lone:
        return _Lone(np.concatenate([self.contents, other.contents]), np.concatenate([self.value, other.value]))

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Lone:
        return _Lone(self.contents[chosen], self.value[chosen])


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A bijection that leaves no pattern: multiply and fold."""
    bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    return bits ^ (bits >> np.uint64(29))


def _contents(rows: Rows) -> npt.NDArray[np.uint64]:
    """A hash of everything that a row says, but for whom it stands."""
    hashed = rows["ev"] & np.uint64(EXCH - 1 - LOCAL)
    for name in ("exch_ts", "local_ts", "px", "qty"):
        hashed = _mixed(hashed ^ np.ascontiguousarray(rows[name]).view(np.uint64))
    return hashed


# --- out ------------------------------------------------------------------------------------------------------------


def export_hftbacktest(
    events: pd.DataFrame | pa.Table,
    instrument: Instrument,
    path: str | Path | None = None,
    *,
    least_latency_ns: int = 1,
) -> Rows:
    """Event rows as hftbacktest takes them: EXCH rows sorted by venue time, LOCAL rows by receipt, latency positive.

    Parameters
    ----------
    events : DataFrame or Arrow table
        With `EVENT_COLUMNS`; what hftbacktest does not know (bbo, mark, index, funding, gap, resync) is left out.
    instrument : Instrument
    path : str or Path, optional
        Write it: `.npy`, else `.npz` with the array as `data`.
    least_latency_ns : int
        Where the clocks give a shorter way from the venue than this, all receipt times are moved by the same amount.

    Returns
    -------
    array[n] of HFTBACKTEST_DTYPE
        An event that overtook another stands twice, once for the venue and once for the arrival.

    Raises
    ------
    DataError
        If there is nothing to export.
    """
    table = pa.Table.from_pandas(events, preserve_index=False) if isinstance(events, pd.DataFrame) else events
    column = {name: table.column(name).to_numpy() for name in ("t_ns", "venue_ns", "kind", "venue_seq")}
    chosen = np.flatnonzero(np.isin(column["kind"], KINDS))
    if not chosen.size:
        raise DataError("no depth, trade, clear or snapshot rows; expected some to export")
    chosen = chosen[np.argsort(column["t_ns"][chosen], kind="stable")]
    heard, happened = column["t_ns"][chosen], column["venue_ns"][chosen]
    heard = heard + max(0, least_latency_ns - int((heard - happened).min()))
    place = _venue_order(happened, column["venue_seq"][chosen])
    rows, flags = _merged(place)
    out = np.zeros(rows.size, dtype=HFTBACKTEST_DTYPE)
    out["exch_ts"], out["local_ts"] = happened[rows], heard[rows]
    at = chosen[rows]
    kind = column["kind"][at]
    side = table.column("side").to_numpy()[at]
    out["ev"] = kind.astype(np.uint64) | flags | _SIDE_FLAGS[side + 1]
    price = table.column("price_ticks").to_numpy()[at]
    out["px"] = Grid(instrument.tick_size, "price", "").value(price)
    out["px"][(kind == CLEAR) & (price == 0)] = np.nan
    out["qty"] = Grid(instrument.contract_size, "size", "").value(table.column("size").to_numpy()[at])
    if path is not None:
        if Path(path).suffix == ".npy":
            np.save(path, out)
        else:
            np.savez(path, data=out)
    return out


_SIDE_FLAGS = np.array([SELL, 0, BUY], dtype=np.uint64)


def _venue_order(venue_ns: Ints, venue_seq: Ints) -> Ints:
    """The place of each row in the venue's order, 0 to n-1: by time, and at one time in the order of arrival.

    Where the venue's own numbers order all the rows and agree with its clock, they decide.
    """
    order = np.argsort(venue_seq, kind="stable")
    numbers = venue_seq[order]
    if not (numbers[0] > 0 and (np.diff(numbers) > 0).all() and (np.diff(venue_ns[order]) >= 0).all()):
        order = np.argsort(venue_ns, kind="stable")
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    return place


def _merged(place: Ints) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """One sequence of both orders: row numbers and flags.

    Rows happen in the order of `place` and are heard in their own; one that is heard as soon as it has happened stands
    once, with both flags. A row is heard right after the last that had to happen before it or before an earlier one.
    """
    count = place.size
    needs = np.maximum.accumulate(place)
    once = needs == place
    lone = np.flatnonzero(~once)
    by_place = np.empty(count, dtype=np.int64)
    by_place[place] = np.arange(count)
    # Before the row that happens at place i stand i rows that happened, and those heard alone which needed less.
    at_venue = np.arange(count) + np.searchsorted(needs[lone], np.arange(count), side="left")
    heard_alone = needs[lone] + 1 + np.arange(lone.size)
    rows = np.empty(count + lone.size, dtype=np.int64)
    flags = np.full(rows.size, EXCH, dtype=np.uint64)
    rows[at_venue] = by_place
    flags[at_venue] |= np.where(once[by_place], np.uint64(LOCAL), np.uint64(0))
    rows[heard_alone] = lone
    flags[heard_alone] = LOCAL
    return rows, flags
