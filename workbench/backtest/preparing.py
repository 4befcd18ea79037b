"""Preparation of feeds: sources are read in pieces, put in order, coded, and kept by their content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.backtest.feed import COLUMNS, FORMAT, FUNDING_STAMPS, PRICES, Feed, instrument_to_json
from workbench.backtest.kernels import rows as row
from workbench.backtest.kernels.books import grow_far, make_book
from workbench.backtest.ordering import event_chunks
from workbench.compiled import compiled
from workbench.errors import DataError
from workbench.instruments import Instrument

__all__ = ["CHUNK", "HFTBACKTEST_ROW", "Columns", "content_digest", "prepare"]

CHUNK = 1 << 19
"""Rows that are worked on at once."""

HFTBACKTEST_ROW = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ]
)

Columns = dict[str, NDArray[Any]]

_COMPLAINTS = {
    row.BAD_PRICE: "its price is not a positive finite number of ticks under 2^31",
    row.BAD_SIZE: "its quantity is not between 0 and 2^31 contracts",
    row.OFF_TICK_PRICE: "its price is no multiple of the tick",
    row.OFF_LOT_SIZE: "its quantity is no whole number of contracts",
    row.BAD_KIND: "its kind is none of depth, trade, clear, snapshot (market-by-order rows cannot be used)",
    row.UNSORTED: "its stamp is older than the one before in the same view",
}


def prepare(source: Any, instrument: Instrument | None, cache: str | Path | bool, least_latency_s: float) -> Feed:
    """See `Feed.prepare`."""
    if isinstance(source, Feed):
        return source
    if instrument is None:
        raise DataError("instrument is missing; expected what the data are of, for ticks and contract sizes")
    if isinstance(source, (str, Path)):
        source = _open_rows(Path(source))
    if isinstance(source, np.ndarray):
        source = _Rows(_checked(source))
    if isinstance(source, _Rows):
        pieces: Callable[[], Iterator[tuple[Any, Any]]] = source.pieces
        fill: Any = _fill_from_rows
        words = source.words()
        most = source.count
        settings = "hftbacktest"
    else:
        tables = event_chunks(source, instrument, least_latency_s)
        pieces, words, most, fill = tables.pieces, tables.words(), 2 * tables.count, _fill_from_tables
        settings = f"events {least_latency_s}"
    if most == 0:
        raise DataError("the source has no rows; nothing to prepare")
    if cache is False:
        store = _Store(None, most)
        fill(store, pieces, instrument)
        return store.feed(instrument)
    home = _cache_home() if cache is True else Path(cache)
    key = hashlib.sha256(
        json.dumps([FORMAT, settings, instrument_to_json(instrument), content_digest(words)]).encode()
    ).hexdigest()[:24]
    folder = home / key
    if (folder / "feed.json").is_file():
        return Feed.open(folder)
    home.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=home))
    try:
        store = _Store(work, most)
        fill(store, pieces, instrument)
        store.save(instrument)
        try:
            work.rename(folder)
        except OSError:  # another process was faster: its feed is the same
            if not (folder / "feed.json").is_file():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Feed.open(folder)


def _cache_home() -> Path:
    named = os.environ.get("WORKBENCH_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench"
    return base / "feeds"


@compiled(types.void(types.Array(types.uint64, 1, "C", readonly=True), types.uint64[::1]))
def mix_words(words: NDArray[np.uint64], lanes: NDArray[np.uint64]) -> None:
    """Fold words into four lanes; what tells one recording from another, not one that an enemy made."""
    k1 = np.uint64(0x9E3779B97F4A7C15)
    k2 = np.uint64(0xC2B2AE3D27D4EB4F)
    a, b, c, d = lanes[0], lanes[1], lanes[2], lanes[3]
    whole = words.size // 4 * 4
    for i in range(0, whole, 4):
        a = (a ^ words[i]) * k1
        b = (b ^ words[i + 1]) * k1
        c = (c ^ words[i + 2]) * k1
        d = (d ^ words[i + 3]) * k1
        a ^= a >> np.uint64(29)
        b ^= b >> np.uint64(29)
        c ^= c >> np.uint64(29)
        d ^= d >> np.uint64(29)
    for i in range(whole, words.size):
        a = (a ^ words[i]) * k2
        a ^= a >> np.uint64(31)
    lanes[0], lanes[1], lanes[2], lanes[3] = a, b, c, d


def content_digest(pieces: Iterator[NDArray[Any]]) -> str:
    lanes = np.arange(1, 5, dtype=np.uint64)
    length = 0
    for piece in pieces:
        data = np.ascontiguousarray(piece).reshape(-1).view(np.uint8)
        length += data.size
        if data.size % 8:
            data = np.concatenate([data, np.zeros(-data.size % 8, np.uint8)])
        mix_words(data.view(np.uint64), lanes)
    return hashlib.sha256(lanes.tobytes() + length.to_bytes(8, "little")).hexdigest()


# --- hftbacktest's rows ---------------------------------------------------------------------------------------------


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.names != HFTBACKTEST_ROW.names or array.dtype.itemsize != 64 or array.ndim != 1:
        raise DataError(f"array has dtype {array.dtype}; expected hftbacktest's rows {HFTBACKTEST_ROW.names}")
    return np.ascontiguousarray(array)


class _Rows:
    """hftbacktest's rows in an array or a file, piece by piece."""

    def __init__(self, array: NDArray[Any] | None, path: Path | None = None, start: int = 0, count: int = 0) -> None:
        self._array, self._path, self._start = array, path, start
        self.count = count if array is None else array.size

    def pieces(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        for piece in self._read():
            yield piece.view(np.int64).reshape(-1, 8), piece.view(np.float64).reshape(-1, 8)

    def words(self) -> Iterator[NDArray[Any]]:
        yield from self._read()

    def _read(self) -> Iterator[NDArray[Any]]:
        if self._array is not None:
            for at in range(0, self.count, CHUNK):
                yield self._array[at : at + CHUNK]
            return
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(self._start)
            for at in range(0, self.count, CHUNK):
                count = min(CHUNK, self.count - at)
                piece = np.fromfile(file, HFTBACKTEST_ROW, count)
                if piece.size < count:
                    raise DataError(f"{self._path} ends early: {at + piece.size} rows of {self.count}")
                yield piece


def _open_rows(path: Path) -> _Rows:
    """The rows of an `.npz` (key `data`) or `.npy` file; those of a compressed archive are read at once."""
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return _npy_rows(file, path)
        with zipfile.ZipFile(path) as archive:
            if "data.npy" not in archive.namelist():
                raise DataError(f"{path} has no array named 'data'; it has {archive.namelist()}")
            member = archive.getinfo("data.npy")
        if member.compress_type == zipfile.ZIP_STORED:
            with path.open("rb") as file:
                file.seek(member.header_offset + 26)
                name, extra = np.frombuffer(file.read(4), "<u2").tolist()
                file.seek(name + extra, os.SEEK_CUR)
                return _npy_rows(file, path)
        with np.load(path) as archive:
            return _Rows(_checked(archive["data"]))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _npy_rows(file: Any, path: Path) -> _Rows:
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    _checked(np.empty(0, dtype))
    return _Rows(None, path, file.tell(), int(np.prod(shape)))


def _fill_from_rows(store: _Store, pieces: Callable[[], Iterator[tuple[Any, Any]]], instrument: Instrument) -> None:
    last = np.zeros(3, dtype=np.int64)
    tick, lot = float(instrument.tick_size), float(instrument.contract_size)
    at = 0
    for whole, real in pieces():
        if at == 0:
            # Rows before the first one of a view carry that one's stamp.
            for view, (flag, column) in enumerate(((row.HBT_EXCH, row.EXCH_TS), (row.HBT_LOCAL, row.LOCAL_TS))):
                seen = (whole[:, row.EV] & flag) != 0
                last[view] = whole[seen.argmax(), column] if seen.any() else 0
        room = store.room(len(whole))
        made = row.read_rows(
            whole,
            real,
            tick,
            lot,
            room["code"],
            room["price_ticks"],
            room["size"],
            room["venue_ns"],
            room["t_ns"],
            last,
        )
        if made < 0:
            where = at + int(last[2])
            raise DataError(f"row {where}: {_COMPLAINTS[made]} ({_shown(whole, real, int(last[2]))})")
        store.add(made)
        at += len(whole)
    if at != store.rows:
        store.notes.append(f"{at - store.rows:,} rows of a best-price stream were left out: the book says the same")


def _shown(whole: NDArray[np.int64], real: NDArray[np.float64], i: int) -> str:
    kind = int(whole[i, row.EV]) & 0xFF
    return f"kind {kind}, exch_ts {whole[i, 1]}, local_ts {whole[i, 2]}, px {real[i, 3]!r}, qty {real[i, 4]!r}"


# --- event tables ---------------------------------------------------------------------------------------------------


def _fill_from_tables(store: _Store, pieces: Callable[[], Iterator[tuple[Any, Any]]], _: Instrument) -> None:
    for columns, extras in pieces():
        if columns is not None:
            count = columns["code"].size
            for name, into in store.room(count).items():
                into[:count] = columns[name]
            store.add(count)
        for name, value in extras.items():
            if name == "notes":
                store.notes += value
            else:
                setattr(store, name, value)


# --- where the columns go -------------------------------------------------------------------------------------------


class _Store:
    """Growing columns in memory or in files, and the best prices that follow from them."""

    def __init__(self, folder: Path | None, most: int) -> None:
        self._folder = folder
        self.rows = 0
        self.changes = 0
        self.notes: list[str] = []
        self.prices = np.empty(0, PRICES)
        self.funding = np.empty(0, FUNDING_STAMPS)
        self._columns = {name: self._array(name, dtype, most) for name, dtype in COLUMNS.items()}
        self._best_ns: list[NDArray[np.int64]] = []
        self._bests: list[NDArray[np.int32]] = []
        self._book = make_book()
        self._state = np.zeros(6, dtype=np.int64)
        self._scratch_ns = np.empty(CHUNK + 1, dtype=np.int64)
        self._scratch = np.empty((CHUNK + 1, row.BEST_COLUMNS), dtype=np.int32)

    def _array(self, name: str, dtype: Any, count: int) -> NDArray[Any]:
        if self._folder is None:
            return np.empty(count, dtype)
        return np.memmap(self._folder / name, dtype=dtype, mode="w+", shape=(count,)).view(np.ndarray)

    def room(self, count: int) -> Columns:
        """Where the next rows go."""
        return {name: column[self.rows : self.rows + count] for name, column in self._columns.items()}

    def add(self, count: int) -> None:
        """So many rows were written there."""
        first, self.rows = self.rows, self.rows + count
        for at in range(first, self.rows, CHUNK):
            self._follow({name: column[at : min(at + CHUNK, self.rows)] for name, column in self._columns.items()})

    def _follow(self, piece: Columns) -> None:
        self._state[0] = 0
        while self._state[0] < piece["code"].size:
            made = row.tabulate_bests(
                self._book,
                self._state,
                piece["code"],
                piece["price_ticks"],
                piece["size"],
                piece["t_ns"],
                row.LOCAL,
                self._scratch_ns,
                self._scratch,
            )
            self._best_ns.append(self._scratch_ns[:made].copy())
            self._bests.append(self._scratch[:made].copy())
            if self._state[0] < piece["code"].size:
                self._book = grow_far(self._book)

    def feed(self, instrument: Instrument) -> Feed:
        """What has been gathered, in memory."""
        self._check()
        columns: dict[str, Any] = {name: column[: self.rows] for name, column in self._columns.items()}
        return Feed(
            instrument,
            **columns,
            best_ns=np.concatenate(self._best_ns),
            bests=np.concatenate(self._bests),
            prices=self.prices,
            funding=self.funding,
            notes=tuple(self.notes),
        )

    def save(self, instrument: Instrument) -> None:
        """Finish the files; the description comes last."""
        self._check()
        assert self._folder is not None
        self._columns.clear()
        for name, dtype in COLUMNS.items():
            os.truncate(self._folder / name, self.rows * np.dtype(dtype).itemsize)
        with (self._folder / "best_ns").open("wb") as file:
            for stamps in self._best_ns:
                stamps.tofile(file)
        with (self._folder / "bests").open("wb") as file:
            for bests in self._bests:
                bests.tofile(file)
        np.save(self._folder / "prices.npy", self.prices)
        np.save(self._folder / "funding.npy", self.funding)
        about = {
            "format": FORMAT,
            "instrument": instrument_to_json(instrument),
            "rows": self.rows,
            "changes": sum(part.size for part in self._best_ns),
            "notes": self.notes,
        }
        (self._folder / "feed.json").write_text(json.dumps(about, indent=1))

    def _check(self) -> None:
        if self.rows == 0:
            raise DataError("no row of the source belongs into a feed; expected book levels and trades")
