"""What happened and what was decided, on disk before it is on the wire: SQLite in WAL mode under one hash chain.

Every event that reaches the core and every command that leaves it is a row; commands are committed before they are sent
(one commit a batch). A row that was changed, lost or torn breaks the chain, and reading then refuses loudly.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from workbench.errors import JournalError
from workbench.events import Command, Event, StateFrame, decode_command, decode_event, encode

__all__ = ["Journal", "JournalRow", "read_frames", "read_journal", "read_meta"]

FORMAT = 1
"""Version of the tables and of the hash chain."""

MARKET_DATA_DELAY_NS = 100_000_000
"""Events without commands wait at most this long for the next commit."""

LOGGED_COMMITS = 500
"""So many commits stay in the write-ahead log before `tend` moves them into the file: less than a minute of trading."""

MEMORY = ":memory:"
"""The path of a journal that ends with its process: rows are chained as in a file and stay where they are."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE records (seq INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, kind TEXT NOT NULL, tag TEXT NOT NULL,
                      payload BLOB NOT NULL);
CREATE TABLE frames (seq INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE tip (id INTEGER PRIMARY KEY CHECK (id = 0), seq INTEGER NOT NULL, digest TEXT NOT NULL);
"""

_ALL_ROWS = """
SELECT seq, t_ns, kind, tag, payload FROM records
UNION ALL SELECT seq, t_ns, 'frame', 'StateFrame', payload FROM frames ORDER BY seq
"""

RowKind = Literal["event", "command", "engine", "frame"]

_link_head = struct.Struct("<qqII").pack
_frame_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(StateFrame)


class JournalRow(NamedTuple):
    """One row: what happened (`event`), what the core ordered (`command`), or what the engine itself ordered
    (`engine`: the cancel and reconcile at the end). `frame` rows are the down-sampled state frames.

    `seq` counts from 1 without holes over all kinds; commands carry the `t_ns` of the event that caused them and follow
    it directly.
    """

    seq: int
    t_ns: int
    kind: RowKind
    tag: str
    payload: bytes

    def decode(self) -> Event | Command | StateFrame:
        """The event, command or frame of this row."""
        if self.kind == "event":
            return decode_event(self.payload)
        if self.kind == "frame":
            return _frame_decoder.decode(self.payload)
        return decode_command(self.payload)


_journal_row = partial(tuple.__new__, JournalRow)
"""`JournalRow._make` without its check, which the columns of the query make needless."""


class Journal:
    """The write side. Rows are chained when added and become durable with `commit`.

    Parameters
    ----------
    path : str or Path
        A file that does not exist yet, or ":memory:" for a list of rows without a file: nothing outlives the process.
    meta : mapping
        What one must know to replay: run_id, run_tag, config, instrument, sizes, seed, code_hash, versions, ... JSON
        values; they are the first link of the chain.

    Raises
    ------
    JournalError
        If the file exists or cannot be created; from any later call once a write has failed (disk full, say): the
        engine must stop sending then, for an order that is not journalled must not reach the wire.
    """

    def __init__(self, path: str | Path, meta: Mapping[str, Any]) -> None:
        self.path = str(path)
        self._seq = 0
        self._rows: list[tuple[int, int, str, str, bytes]] = []
        self._chained = 0
        self._oldest_ns = 0
        self._commits = 0
        self._failure: str | None = None
        self.meta = dict(meta)
        texts = {key: json.dumps(value, sort_keys=True) for key, value in meta.items()}
        self._chain = _genesis(texts)
        self._db = None if self.path == MEMORY else self._create(texts)

    def _create(self, texts: Mapping[str, str]) -> sqlite3.Connection:
        if Path(self.path).exists():
            raise JournalError(f"{self.path} exists already; expected a new run folder (journals are kept)")
        with self._writing():
            db = sqlite3.connect(self.path, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            # Moving the log into the file waits for the disk: `tend` does it, when nothing has to be sent.
            db.execute("PRAGMA wal_autocheckpoint=0")
            db.executescript(_SCHEMA)
            db.execute("BEGIN")
            db.executemany("INSERT INTO meta VALUES (?, ?)", sorted(texts.items()))
            db.execute("INSERT INTO tip VALUES (0, 0, ?)", (self.digest(),))
            db.execute("COMMIT")
        return db

    @property
    def rows(self) -> int:
        """How many rows have been added so far."""
        return self._seq

    def add_event(self, event: Event) -> None:
        """Chain an event; it becomes durable with the next commit."""
        self._add(event.t_ns, "event", type(event).__name__, encode(event))

    def add_command(self, t_ns: int, command: Command, *, by_engine: bool = False) -> None:
        """Chain a command; it must be committed before it is sent."""
        self._add(t_ns, "engine" if by_engine else "command", type(command).__name__, encode(command))

    def add_frame(self, frame: StateFrame) -> None:
        """Chain a state frame."""
        self._add(frame.t_ns, "frame", "StateFrame", _frame_encoder.encode(frame))

    def due(self, now_ns: int) -> bool:
        """Whether rows have waited long enough that they should be committed without commands; never in memory."""
        if self._db is None or not self._rows:
            return False
        return not 0 <= now_ns - self._oldest_ns < MARKET_DATA_DELAY_NS

    def commit(self) -> None:
        """Make everything added so far durable, in one transaction."""
        if self._db is None or not self._rows:
            return
        with self._writing():
            execute = self._db.execute
            execute("BEGIN")
            records = [row for row in self._rows if row[2] != "frame"]
            self._db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", records)
            if len(records) < len(self._rows):
                frames = [(seq, t_ns, payload) for seq, t_ns, kind, _, payload in self._rows if kind == "frame"]
                self._db.executemany("INSERT INTO frames VALUES (?, ?, ?)", frames)
            execute("UPDATE tip SET seq = ?, digest = ?", (self._seq, self.digest()))
            execute("COMMIT")
        self._rows.clear()
        self._chained = 0
        self._commits += 1

    def tend(self) -> None:
        """Keep the write-ahead log short; called when nothing has to be sent."""
        if self._db is None or self._commits < LOGGED_COMMITS:
            return
        self._commits = 0
        with self._writing():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def digest(self) -> str:
        """SHA-256 over everything added so far, in order: equal runs have equal digests."""
        update = self._chain.update
        for seq, t_ns, kind, tag, payload in self._rows[self._chained :]:
            update(_link(seq, t_ns, _label(kind, tag), payload))
        self._chained = len(self._rows)
        return self._chain.copy().hexdigest()

    def read(self) -> list[JournalRow]:
        """Everything added so far (after a failed write: everything written); the way to read a journal in memory."""
        if self._db is None:
            return list(map(_journal_row, self._rows))
        if self._failure is None:
            self.commit()
        return list(_rows(self._db))

    def close(self) -> None:
        """Commit and close; the file then stands alone, without its write-ahead log."""
        if self._db is None:
            return
        try:
            if self._failure is None:
                self.commit()
                with self._writing():
                    self._db.execute("PRAGMA journal_mode=DELETE")
        finally:
            self._db.close()

    def _add(self, t_ns: int, kind: RowKind, tag: str, payload: bytes) -> None:
        if self._failure is not None:
            raise JournalError(self._failure)
        if not self._rows:
            self._oldest_ns = t_ns
        self._seq = seq = self._seq + 1
        self._rows.append((seq, t_ns, kind, tag, payload))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._failure is not None:
            raise JournalError(self._failure)
        try:
            yield
        except sqlite3.Error as error:
            self._failure = (
                f"the journal {self.path} cannot be written ({error}); expected a writable disk with free space: "
                f"nothing more is sent, make room and start a new session"
            )
            raise JournalError(self._failure) from error


def read_journal(path: str | Path) -> list[JournalRow]:
    """The events, commands and state frames of a session in order, after the whole hash chain has been checked.

    Works while the engine writes (one consistent snapshot) and after a kill -9 (everything committed is there).

    Raises
    ------
    JournalError
        If it is missing, torn, or a row was changed.
    """
    with _reading(path) as db:
        return _verified(db, path)


def read_frames(path: str | Path) -> list[StateFrame]:
    """The journalled state frames (one a second and one at each change of state), chain checked.

    Raises
    ------
    JournalError
        If it is missing, torn, or a row was changed.
    """
    with _reading(path) as db:
        return [_frame_decoder.decode(row.payload) for row in _verified(db, path) if row.kind == "frame"]


def read_meta(path: str | Path) -> dict[str, Any]:
    """What the journal says about its run: run_id, config, instrument, seed, versions, ...

    Raises
    ------
    JournalError
        If it is missing or torn.
    """
    with _reading(path) as db:
        return {key: json.loads(value) for key, value in _meta(db).items()}


def _genesis(texts: Mapping[str, str]) -> hashlib._Hash:
    chain = hashlib.sha256(b"workbench journal %d" % FORMAT)
    for key, value in sorted(texts.items()):
        chain.update(_link(0, 0, key.encode(), value.encode()))
    return chain


@lru_cache(maxsize=64)
def _label(kind: str, tag: str) -> bytes:
    return f"{kind} {tag}".encode()


def _link(seq: int, t_ns: int, label: bytes, payload: bytes) -> bytes:
    # Lengths are part of the link, so that no two different rows have the same bytes.
    return _link_head(seq, t_ns, len(label), len(payload)) + label + payload


def _rows(db: sqlite3.Connection) -> Iterator[JournalRow]:
    return map(_journal_row, db.execute(_ALL_ROWS))


def _meta(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT key, value FROM meta").fetchall())


def _verified(db: sqlite3.Connection, path: str | Path) -> list[JournalRow]:
    """All rows, or a refusal: the chain is walked from the first link to the committed tip."""
    chain = _genesis(_meta(db))
    rows = list(_rows(db))
    for expected, row in enumerate(rows, start=1):
        if row.seq != expected:
            raise JournalError(f"the journal {path} lacks row {expected}; expected no holes: use a copy")
        chain.update(_link(row.seq, row.t_ns, _label(row.kind, row.tag), row.payload))
    seq, digest = db.execute("SELECT seq, digest FROM tip").fetchone()
    if seq != len(rows) or digest != chain.hexdigest():
        raise JournalError(
            f"the journal {path} breaks its hash chain ({len(rows)} rows, {seq} committed); expected the rows as they "
            f"were written: it was changed or torn, use a copy"
        )
    return rows


@contextmanager
def _reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    file = Path(path)
    if not file.is_file():
        raise JournalError(f"there is no journal at {path}; expected the journal.sqlite of a run folder")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            yield db
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise JournalError(
            f"the journal {path} cannot be read ({error}); expected journal.sqlite: use a copy"
        ) from error
