"""The catalog: a folder or object store of Parquet files, by venue, symbol, day and hour; read as one table."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fsspec
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.data.choosing import chosen_rows, groups_within, kinds_named
from workbench.data.instants import Instant, instant_ns, range_ns
from workbench.data.partition import HOUR_NS, HourFiles, Partition, hour_of, read_hive
from workbench.data.progress import LateProgress
from workbench.data.schema import CLEAR, DEPTH, EVENT_SCHEMA, SNAPSHOT, event_frame
from workbench.errors import DataError
from workbench.instruments import Instrument

if TYPE_CHECKING:
    from workbench.data.check_report import CheckReport

__all__ = ["Catalog"]

BATCH_ROWS = 1 << 20


class Catalog:
    """Market events of many markets and days in one place.

    Parameters
    ----------
    url : str or path
        A folder, or any fsspec URL such as "s3://bucket/lmex" or "memory://test". It need not exist yet.
    **storage : optional
        What the file system behind the URL takes (keys, end points).

    Notes
    -----
    `venue=V/symbol=S/instrument.json` says what is traded, `venue=V/symbol=S/day=YYYY-MM-DD/HH-*.parquet` hold the rows
    (`EVENT_COLUMNS`) in the order in which they were received. Other programs may read the files as they are.
    """

    def __init__(self, url: Any, **storage: Any) -> None:
        self.url = str(url)
        self.filesystem, root = fsspec.core.url_to_fs(self.url, **storage)
        self.root = root.rstrip("/")

    def __repr__(self) -> str:
        markets = self._partitions()
        if not markets:
            return f"Catalog({self.url!r}): empty"
        lines = [f"Catalog({self.url!r}): {len(markets)} market{'s' if len(markets) > 1 else ''}"]
        for market in markets:
            days = self._days(market)
            span = f"{len(days)} day{'s' if len(days) != 1 else ''}" + (f", {days[0]} to {days[-1]}" if days else "")
            lines.append(f"  {market.venue} {market.symbol}: {span}")
        return "\n".join(lines)

    # --- what is there ----------------------------------------------------------------------------------------------

    def venues(self) -> list[str]:
        """Venues, in order of their names."""
        return sorted({market.venue for market in self._partitions()})

    def symbols(self, venue: str | None = None) -> list[str]:
        """Symbols of one venue or of all."""
        return sorted({market.symbol for market in self._partitions() if venue in (None, market.venue)})

    def markets(self, venue: str | None = None) -> list[tuple[str, str]]:
        """Venue and symbol of every market, of one venue or of all.

        Raises
        ------
        DataError
            If there is none.
        """
        found = [(market.venue, market.symbol) for market in self._partitions() if venue in (None, market.venue)]
        if not found:
            whose = f" of {venue}" if venue else ""
            raise DataError(f"the catalog {self.url} has no market{whose}; record or import something first")
        return found

    def days(self, symbol: str, venue: str | None = None) -> list[str]:
        """Days with data, "YYYY-MM-DD" in UTC, oldest first."""
        return self._days(self._market(symbol, venue))

    def files(
        self, symbol: str, start: Instant | None = None, end: Instant | None = None, *, venue: str | None = None
    ) -> list[str]:
        """Paths of the files that may hold rows received in [start, end), in order."""
        first, last = range_ns(start, end)
        market = self._market(symbol, venue)
        first_day, last_day = hour_of(max(0, first - HOUR_NS))[0], hour_of(min(last + HOUR_NS, 1 << 62))[0]
        found: list[str] = []
        for day in self._days(market):
            if first_day <= day <= last_day:
                listed = self._list(f"{self.root}/{market.folder}/day={day}")
                paths = sorted((path for path in listed if path.endswith(".parquet")), key=_first_ns)
                found += [path for path in paths if _may_hold(path, first, last)]
        return found

    def instrument(self, symbol: str, venue: str | None = None) -> Instrument:
        """What is traded: tick, contract size, fees.

        Raises
        ------
        DataError
            For a symbol that is not there, or a damaged `instrument.json`.
        """
        path = f"{self.root}/{self._market(symbol, venue).instrument_file}"
        try:
            return msgspec.json.decode(self.filesystem.cat_file(path), type=Instrument)
        except FileNotFoundError:
            raise DataError(f"{path} is missing; expected what {symbol} is: write it with write_instrument") from None
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}; correct it or write it with write_instrument") from None

    def span(self, symbol: str, venue: str | None = None) -> tuple[int, int]:
        """Receipt times of the first and of the last row, ns.

        Raises
        ------
        DataError
            If there is no row.
        """
        files = self.files(symbol, venue=venue)
        if not files:
            raise DataError(f"the catalog {self.url} has no rows of {symbol}; record or import something first")
        column = EVENT_SCHEMA.names.index("t_ns")
        found = []
        for path in (files[0], files[-1]):
            with self._opened(path) as file:
                groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
                found += [group.column(column).statistics for group in groups]
        return min(statistics.min for statistics in found), max(statistics.max for statistics in found)

    def _partitions(self) -> list[Partition]:
        found = []
        for venue_path in self._list(self.root):
            venue = read_hive(venue_path.rpartition("/")[2], "venue")
            for path in self._list(venue_path) if venue is not None else ():
                symbol = read_hive(path.rpartition("/")[2], "symbol")
                if venue is not None and symbol is not None:
                    found.append(Partition(venue, symbol))
        return found

    def _market(self, symbol: str, venue: str | None) -> Partition:
        markets = self._partitions()
        found = [market for market in markets if market.symbol == symbol and venue in (None, market.venue)]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{symbol} is there of {', '.join(m.venue for m in found)}; say which: venue=...")
        if not markets:
            raise DataError(f"the catalog {self.url} is empty; expected {symbol}: record or import something first")
        known = sorted({market.symbol for market in markets})
        near = difflib.get_close_matches(symbol, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        raise DataError(f"the catalog {self.url} has no {symbol}{f' of {venue}' if venue else ''}; {hint}")

    def _only_market(self) -> Partition:
        markets = self.markets()
        if len(markets) > 1:
            known = ", ".join(f"{symbol} of {venue}" for venue, symbol in markets)
            raise DataError(f"the catalog {self.url} holds {known}; say which symbol to check")
        return Partition(*markets[0])

    def _days(self, market: Partition) -> list[str]:
        days = (read_hive(path.rpartition("/")[2], "day") for path in self._list(f"{self.root}/{market.folder}"))
        return sorted(day for day in days if day is not None)

    def _list(self, folder: str) -> list[str]:
        self.filesystem.invalidate_cache(folder)
        try:
            return sorted(self.filesystem.ls(folder, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    # --- reading ----------------------------------------------------------------------------------------------------

    def load(
        self,
        symbol: str,
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        kinds: Collection[int | str] | None = None,
        venue: str | None = None,
    ) -> pd.DataFrame:
        """Rows received in [start, end) as one DataFrame, columns and dtypes of `EVENT_COLUMNS`.

        Parameters
        ----------
        symbol : str
        start, end : int, str or datetime, optional
            Receipt time, UTC; by default everything.
        kinds : collection of int or str, optional
            Only these, for example `["trade", "mark"]`.
        venue : str, optional
            Where a symbol is there of several venues.

        Raises
        ------
        DataError
            For an unknown symbol or kind, and for a file that cannot be read.
        """
        tables = list(self.iter_batches(symbol, start, end, kinds=kinds, venue=venue))
        return event_frame(pa.concat_tables(tables) if tables else EVENT_SCHEMA.empty_table())

    def iter_batches(
        self,
        symbol: str,
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        kinds: Collection[int | str] | None = None,
        venue: str | None = None,
        rows: int = BATCH_ROWS,
    ) -> Iterator[pa.Table]:
        """The same rows as Arrow tables of at most `rows` rows, in order of arrival, whatever the range in memory."""
        first, last = range_ns(start, end)
        wanted = None if kinds is None else kinds_named(kinds)
        for path in self.files(symbol, start, end, venue=venue):
            yield from self._read(path, first, last, wanted, rows)

    def _read(self, path: str, first: int, last: int, wanted: pa.Array | None, rows: int) -> Iterator[pa.Table]:
        with self._opened(path) as file:
            # One group after another: what was read of a group is let go with it.
            for group in groups_within(file.metadata, first, last):
                for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                    table = chosen_rows(pa.Table.from_batches([batch]), first, last, wanted)
                    if table.num_rows:
                        yield table

    @contextmanager
    def _opened(self, path: str) -> Iterator[pq.ParquetFile]:
        try:
            with self.filesystem.open(path, "rb") as handle:
                file = pq.ParquetFile(handle, pre_buffer=True)
                if not file.schema_arrow.equals(EVENT_SCHEMA):
                    raise DataError(f"{path} has other columns than an event table: {file.schema_arrow.names}")
                yield file
        except FileNotFoundError:
            raise DataError(f"{path} vanished while it was read; read again") from None
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{path} cannot be read ({error}); it is damaged: remove it, then record or import its hour again"
            ) from None

    def book(self, symbol: str, at: Instant, *, venue: str | None = None) -> pd.DataFrame:
        """The book as it was known just before an instant: columns side, price_ticks, size, best prices first.

        Raises
        ------
        DataError
            If no whole book was received before, in the hours since the day before.
        """
        from workbench.data.replayed import BookReplay

        moment = instant_ns(at)
        for hours in (1, 24):
            book, whole = BookReplay(), False
            for table in self.iter_batches(
                symbol, moment - hours * HOUR_NS, moment, kinds=(DEPTH, CLEAR, SNAPSHOT), venue=venue
            ):
                columns = {name: table.column(name).to_numpy() for name in ("kind", "side", "price_ticks", "size")}
                book.play(columns, np.zeros(table.num_rows, dtype=np.bool_))
                whole |= bool((columns["kind"] == SNAPSHOT).any())
            if whole:
                return book.levels()
        raise DataError(f"{symbol}: no whole book was received in the 24 hours before {at}; start later")

    def query(self, sql: str) -> pd.DataFrame:
        """Ask the whole catalog a question in SQL (DuckDB): the table is `events`.

        Parameters
        ----------
        sql : str
            Columns are `EVENT_COLUMNS` and venue, symbol, day: those three pick the files that are read.

        Raises
        ------
        DataError
            For an empty catalog, a damaged file, or SQL that does not hold.

        Examples
        --------
        Contracts traded by day: ``SELECT symbol, day, sum(size) FROM events WHERE kind = 2 GROUP BY ALL ORDER BY ALL``.
        """
        import duckdb

        if not any(self._days(market) for market in self._partitions()):
            raise DataError(f"the catalog {self.url} is empty; record or import something first")
        local = "file" in _protocols(self.filesystem)
        pattern = f"{self.root}/venue=*/symbol=*/day=*/*.parquet"
        with duckdb.connect() as connection:
            if not local:
                connection.register_filesystem(self.filesystem)
                pattern = f"{_protocols(self.filesystem)[0]}://{pattern.lstrip('/')}"
            try:
                connection.read_parquet(pattern, hive_partitioning=True).create_view("events")
                return connection.execute(sql).df()
            except duckdb.Error as error:
                raise DataError(f"the query failed: {error}") from None

    # --- writing ----------------------------------------------------------------------------------------------------

    def write_instrument(self, venue: str, instrument: Instrument) -> None:
        """Say what is traded. Rows count in its ticks and contracts, so those cannot change once there are rows.

        Raises
        ------
        DataError
            If the catalog holds the market in another tick or contract size.
        """
        market = Partition(venue, instrument.symbol)
        path = f"{self.root}/{market.instrument_file}"
        if self.filesystem.exists(path) and self._days(market):
            known = self.instrument(instrument.symbol, venue)
            for name in ("tick_size", "contract_size", "inverse"):
                if getattr(known, name) != getattr(instrument, name):
                    raise DataError(
                        f"{self.url} holds {venue} {instrument.symbol} with {name} {getattr(known, name)}, not "
                        f"{getattr(instrument, name)}; use another venue name or another catalog"
                    )
        self.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.filesystem.pipe_file(path, msgspec.json.format(msgspec.json.encode(instrument), indent=2))

    def writer(self, venue: str, instrument: Instrument) -> HourFiles:
        """A context manager whose `write(table)` appends rows in order of arrival; see `HourFiles`.

        A file of the same first row is replaced: importing something twice changes nothing.
        """
        self.write_instrument(venue, instrument)
        return HourFiles(self.filesystem, self.root, Partition(venue, instrument.symbol))

    # --- judging ----------------------------------------------------------------------------------------------------

    def check(
        self,
        symbol: str | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        venue: str | None = None,
        progress: bool = True,
    ) -> CheckReport:
        """What is wrong with the rows of a range: gaps, crossed books, clocks, duplicates, order, far levels; by hour.

        Parameters
        ----------
        symbol : str, optional
            May be left out where the catalog holds one market.
        start, end : int, str or datetime, optional
            Receipt time, UTC; by default everything.
        venue : str, optional
            Where a symbol is there of several venues.
        progress : bool
            A bar when it takes longer than two seconds.

        Raises
        ------
        DataError
            For an unknown symbol, a range without rows, and for a file that cannot be read.
        """
        from workbench.data.checks import check_events

        market = self._only_market() if symbol is None else self._market(symbol, venue)
        batches = self.iter_batches(market.symbol, start, end, venue=market.venue)
        there, wanted = self.span(market.symbol, market.venue), range_ns(start, end)
        span_ns = max(there[0], wanted[0]), min(there[1], wanted[1])
        with LateProgress(f"checking {market.symbol}", progress) as bar:
            seen = _seen(batches, span_ns, bar)
            return check_events(seen, self.instrument(market.symbol, market.venue), market.venue)


def _seen(batches: Iterator[pa.Table], span_ns: tuple[int, int], bar: LateProgress) -> Iterator[pa.Table]:
    """The batches, with a bar that follows their times."""
    first, last = span_ns
    for table in batches:
        yield table
        bar.update((table.column("t_ns")[-1].as_py() - first) / max(1, last - first))


def _first_ns(path: str) -> int:
    """The receipt time in a file's name; files from elsewhere come first."""
    stem = path.rpartition("/")[2].removesuffix(".parquet")
    number = stem.partition("-")[2]
    return int(number) if number.lstrip("-").isdigit() else 0


def _may_hold(path: str, first: int, last: int) -> bool:
    began = _first_ns(path) // HOUR_NS * HOUR_NS
    # A clock that was set back leaves its rows in the file of the hour before.
    return not began or (began - HOUR_NS < last and first < began + HOUR_NS)


def _protocols(filesystem: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
