"""Files of others into a catalog: what a file is, is seen from its content."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.data.binance import BinanceRows
from workbench.data.binance_lines import LineReader
from workbench.data.catalog import Catalog
from workbench.data.grid import Grid, finest_decimal, finest_step
from workbench.data.hftbacktest import read_hftbacktest, tables_of_hftbacktest
from workbench.data.level_tables import LEVELS_FILE, tables_of_level_tables, what_level_tables_say
from workbench.data.progress import LateProgress
from workbench.data.schema import CLEAR, GAP, KIND_NAMES
from workbench.errors import DataError
from workbench.instruments import Instrument, decimal_of

__all__ = ["ImportReport", "import_file"]

BINANCE = "binance-usd-m"
BLOCK_BYTES = 8 << 20
_GZIP = 31
"""What zlib calls the format of gzip."""
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH")
_ASSUMED_FEES = {BINANCE: (Decimal("0.0002"), Decimal("0.0005"))}


@dataclass(frozen=True)
class ImportReport:
    """What came of an import; its repr is for people."""

    source: str
    format: str
    venue: str
    instrument: Instrument
    rows: int
    kinds: dict[str, int]
    start_ns: int
    end_ns: int
    files: list[str]
    seconds: float
    notes: list[str] = field(default_factory=list)

    @property
    def gaps(self) -> int:
        """Places where something is missing."""
        return self.kinds.get(KIND_NAMES[GAP], 0)

    def __repr__(self) -> str:
        instrument = self.instrument
        start, end = (pd.Timestamp(ns).strftime("%Y-%m-%d %H:%M:%S") for ns in (self.start_ns, self.end_ns))
        kinds = ", ".join(f"{count:,} {name}" for name, count in self.kinds.items())
        lines = [
            f"{self.venue} {instrument.symbol} from {self.source} ({self.format})",
            f"  {self.rows:,} rows in {self.seconds:.1f} s: {kinds}",
            f"  {start} to {end} UTC, {(self.end_ns - self.start_ns) / 1e9:,.0f} s; {len(self.files)} file(s)",
            f"  tick {instrument.tick_size}, contract {instrument.contract_size} {instrument.base}; {self.gaps} gap(s)",
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def import_file(
    source: str | Path,
    catalog: Catalog | str | Path,
    *,
    symbol: str | None = None,
    venue: str | None = None,
    tick_size: Decimal | str | float | None = None,
    contract_size: Decimal | str | float | None = None,
    maker_fee: Decimal | str | float | None = None,
    taker_fee: Decimal | str | float | None = None,
    progress: bool = True,
) -> ImportReport:
    """Read a recording into a catalog; rows keep the order in which they were received, gaps stay visible.

    Parameters
    ----------
    source : path
        An hftbacktest `.npz` or `.npy`; Binance lines (`<receipt time> <JSON>`, gzip or plain), or a folder of such
        files; a folder with l2_updates.parquet, trades.parquet and bbo.parquet.
    catalog : Catalog or its URL
        Importing the same source again replaces its files.
    symbol : str, optional
        Needed where the source does not say it (hftbacktest), or holds several.
    venue : str, optional
        The name in the catalog; by default what the source says.
    tick_size, contract_size : optional
        Quote currency, and base currency per contract; by default what the source says or its numbers show.
    maker_fee, taker_fee : optional
        Fractions, kept with the instrument; by default those of the venue's lowest tier.
    progress : bool
        A bar when it takes longer than two seconds.

    Raises
    ------
    DataError
        If the source is missing, damaged or of no known kind, or something that it does not say is not given.
    """
    path = Path(source)
    target = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    numbers = {"tick_size": tick_size, "contract_size": contract_size, "maker_fee": maker_fee, "taker_fee": taker_fee}
    given = _Given(symbol, venue, **{name: _number(value, name) for name, value in numbers.items()})
    with LateProgress(f"importing {path.name}", progress) as bar:
        opened = _reader_of(path)(path, given, bar.update)
        tally = _Tally()
        with target.writer(opened.venue, opened.instrument) as files:
            for table in opened.tables:
                files.write(table)
                tally.add(table)
        if not tally.rows:
            raise DataError(f"{path} holds no market data of {opened.instrument.symbol}; expected some")
        return ImportReport(
            str(path),
            opened.format,
            opened.venue,
            opened.instrument,
            tally.rows,
            {name: tally.kinds[kind] for kind, name in KIND_NAMES.items() if tally.kinds[kind]},
            tally.start_ns,
            tally.end_ns,
            files.files,
            bar.elapsed_s,
            opened.notes(),
        )


def _number(value: Decimal | str | float | None, what: str) -> Decimal | None:
    return None if value is None else decimal_of(value, what)


@dataclass(frozen=True)
class _Given:
    """What the caller said; None: see for yourself."""

    symbol: str | None
    venue: str | None
    tick_size: Decimal | None
    contract_size: Decimal | None
    maker_fee: Decimal | None
    taker_fee: Decimal | None

    def instrument(self, venue: str, symbol: str, tick_size: Decimal, contract_size: Decimal) -> Instrument:
        base, quote = _currencies(symbol)
        maker, taker = _ASSUMED_FEES.get(venue, (Instrument.maker_fee, Instrument.taker_fee))
        return Instrument(
            symbol=symbol,
            base=base,
            quote=quote,
            tick_size=tick_size,
            contract_size=contract_size,
            maker_fee=maker if self.maker_fee is None else self.maker_fee,
            taker_fee=taker if self.taker_fee is None else self.taker_fee,
        )


@dataclass
class _Opened:
    """A source whose market is known and whose rows are still to be read."""

    format: str
    venue: str
    instrument: Instrument
    tables: Iterator[pa.Table]
    notes: Callable[[], list[str]]


class _Tally:
    def __init__(self) -> None:
        self.rows = 0
        self.kinds: Counter[int] = Counter()
        self.start_ns, self.end_ns = 1 << 62, -(1 << 62)

    def add(self, table: pa.Table) -> None:
        if table.num_rows:
            self.rows += table.num_rows
            counts = np.bincount(table.column("kind").to_numpy(), minlength=max(KIND_NAMES) + 1)
            self.kinds.update({kind: int(counts[kind]) for kind in KIND_NAMES})
            t_ns = table.column("t_ns").to_numpy()
            self.start_ns = min(self.start_ns, int(t_ns.min()))
            self.end_ns = max(self.end_ns, int(t_ns.max()))


Done = Callable[[float], None]


def _reader_of(path: Path) -> Callable[[Path, _Given, Done], _Opened]:
    """Which of the formats this is, by what is in it."""
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a recording")
    if path.is_dir():
        if (path / LEVELS_FILE).exists():
            return _open_level_tables
        if _line_files(path):
            return _open_lines
        raise DataError(f"{path} holds neither {LEVELS_FILE} nor files of Binance lines; expected one of them")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith((b"PK", b"\x93NUMPY")):
        return _open_hftbacktest
    if _line_files(path):
        return _open_lines
    raise DataError(
        f"{path} starts {start!r}; expected an hftbacktest .npz or .npy, lines '<receipt time> <JSON>' (gzip or "
        f"plain), or a folder with {LEVELS_FILE}"
    )


# --- hftbacktest ----------------------------------------------------------------------------------------------------


def _open_hftbacktest(path: Path, given: _Given, done: Done) -> _Opened:
    if given.symbol is None:
        raise DataError(f"{path.name} does not say what it is of; give the symbol, for example BTCUSDT")
    first = next(read_hftbacktest(path), None)
    if first is None:
        raise DataError(f"{path} holds no rows; expected events")
    venue = given.venue or "hftbacktest"
    tick, lot = given.tick_size, given.contract_size
    notes: list[str] = []
    if tick is None or lot is None:
        levels = first[((first["ev"] & np.uint64(0xFF)) != CLEAR) & np.isfinite(first["px"])]
        tick = tick or finest_step(levels["px"])
        lot = lot or finest_decimal(levels["qty"])
        notes.append(f"tick {tick} and contract size {lot} are what the first {first.size:,} rows show")
    instrument = given.instrument(venue, given.symbol, tick, lot)
    total = path.stat().st_size

    def chunks() -> Iterator[Any]:
        read = 0
        for rows in read_hftbacktest(path):
            yield rows
            read += rows.nbytes
            done(min(1.0, read / total))

    tables = tables_of_hftbacktest(chunks(), instrument, path.name, notes)
    return _Opened("hftbacktest", venue, instrument, tables, lambda: notes)


# --- three tables ---------------------------------------------------------------------------------------------------


def _open_level_tables(path: Path, given: _Given, done: Done) -> _Opened:
    said = what_level_tables_say(path)
    symbol = given.symbol or said.get("symbol")
    tick = given.tick_size or (Decimal(said["tick_size"]) if "tick_size" in said else None)
    lot = given.contract_size or (Decimal(said["lot_size"]) if "lot_size" in said else None)
    for value, name in ((symbol, "symbol"), (tick, "tick_size"), (lot, "contract_size")):
        if value is None:
            raise DataError(f"{path / LEVELS_FILE} does not say its {name} (metadata key 'dataset'); give it")
    assert symbol is not None
    assert tick is not None
    assert lot is not None
    venue = given.venue or re.sub("[^a-z0-9]+", "-", said.get("venue", BINANCE).lower()).strip("-")
    rows = BinanceRows()
    tables = tables_of_level_tables(path, rows, done)
    return _Opened("level tables", venue, given.instrument(venue, symbol, tick, lot), tables, lambda: _told(rows))


def _told(rows: BinanceRows) -> list[str]:
    notes = []
    if rows.stale:
        notes.append(f"{rows.stale} book messages left out: the snapshot before them contains them")
    if rows.gaps:
        notes.append(f"the book's chain of updates breaks {rows.gaps} time(s)")
    if rows.trade_gaps:
        notes.append(f"trade ids are missing in {rows.trade_gaps} place(s)")
    return notes


# --- lines ----------------------------------------------------------------------------------------------------------


def _open_lines(path: Path, given: _Given, done: Done) -> _Opened:
    reader, rows = LineReader(given.symbol), BinanceRows()
    notes: list[str] = []
    chunks = (reader.read(lines) for lines in _blocks_of_lines(_line_files(path), notes, done))
    early = []
    for chunk in chunks:
        early.append(chunk)
        if chunk.books or chunk.trades or chunk.aggregates:
            break
    if not reader.symbol or not early:
        raise DataError(f"{path} holds no market data; expected depth and trade streams of Binance")
    tick, lot = given.tick_size, given.contract_size
    if tick is None or lot is None:
        shown = early[-1].steps()
        tick, lot = tick or shown[0], lot or shown[1]
        notes.append(f"tick {tick} and contract size {lot} are what the first {reader.lines:,} lines show")
    venue = given.venue or BINANCE
    prices = Grid(tick, f"{path.name}: price", "give the right tick size")
    sizes = Grid(lot, f"{path.name}: size", "give the right contract size")

    def tables() -> Iterator[pa.Table]:
        while early:
            early.pop(0).into(rows, prices, sizes)
        yield rows.table()
        for chunk in chunks:
            chunk.into(rows, prices, sizes)
            yield rows.table()

    def told() -> list[str]:
        return [*notes, *_told(rows), *(f"{count:,} {what} left out" for what, count in reader.ignored.items())]

    return _Opened("Binance lines", venue, given.instrument(venue, reader.symbol, tick, lot), tables(), told)


def _line_files(path: Path) -> list[Path]:
    """The file, or the files of the folder in order of their names, that begin with a stamped message."""
    candidates = sorted(path.iterdir()) if path.is_dir() else [path]
    found = []
    for candidate in candidates:
        if candidate.is_file():
            with candidate.open("rb") as raw:
                start = next(_unpacked(raw, [], 1 << 12), b"")
            if re.match(rb"\d{13,19} \{", start):
                found.append(candidate)
    return found


def _blocks_of_lines(paths: list[Path], notes: list[str], done: Done) -> Iterator[list[bytes]]:
    total = sum(path.stat().st_size for path in paths)
    before = 0
    for path in paths:
        rest = b""
        faults: list[str] = []
        with path.open("rb") as raw:
            for block in _unpacked(raw, faults, BLOCK_BYTES):
                head, newline, tail = block.rpartition(b"\n")
                if newline:
                    yield (rest + head).split(b"\n")
                rest = tail if newline else rest + block
                done((before + raw.tell()) / total)
        notes += [f"{path.name} {fault}: read as far as it goes" for fault in faults]
        if rest.rstrip().endswith(b"}"):
            yield [rest]
        elif rest.strip():
            notes.append(f"{path.name}: its last line is cut off, and left out")
        before += path.stat().st_size


def _unpacked(raw: BinaryIO, faults: list[str], block_bytes: int) -> Iterator[bytes]:
    """The content of a plain or gzip file in blocks; a recorder that was killed leaves gzip without its end."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    if not packed:
        yield from iter(lambda: raw.read(block_bytes), b"")
        return
    unpacker = zlib.decompressobj(_GZIP)
    while data := raw.read(block_bytes // 8):
        while data:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            try:
                yield unpacker.decompress(data)
            except zlib.error as error:
                faults.append(f"is damaged ({error})")
                return
            data = unpacker.unused_data
    if not unpacker.eof:
        faults.append("is cut off")


def _currencies(symbol: str) -> tuple[str, str]:
    """Base and quote currency, as far as a symbol shows them."""
    if "-" in symbol or "/" in symbol:
        base, _, rest = symbol.replace("/", "-").partition("-")
        return base, "USDT" if rest.startswith("PERP") else rest or "USDT"
    plain = symbol.partition("_")[0]
    for quote in _QUOTES:
        if plain.endswith(quote) and len(plain) > len(quote):
            return plain[: -len(quote)], quote
    return symbol, "USDT"
