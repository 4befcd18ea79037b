"""The journal keeps what happened, in order, and refuses to be believed once it was touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from workbench.engine.journal import Journal, read_frames, read_journal, read_meta
from workbench.errors import JournalError
from workbench.events import BookDelta, Cancel, Event, Place, StateFrame, Timer

META = {"run_id": "r1", "seed": 7, "config": {"spread_bps": 20.0}}


def written(path: str | Path, events: int = 5) -> Journal:
    journal = Journal(path, META)
    for t_ns in range(1, events + 1):
        journal.add_event(BookDelta(t_ns, t_ns, ((100, 1),), ((102, 0),), t_ns))
        journal.add_command(t_ns, Place(f"id{t_ns}", 0, 1, 99, 10))
        journal.add_frame(StateFrame(seq=t_ns, t_ns=t_ns, symbol="BTC-PERP", state="quoting", why="fine"))
        journal.commit()
    return journal


def test_rows_come_back_in_order_with_what_was_written(tmp_path: Path) -> None:
    journal = written(tmp_path / "j.sqlite", events=2)
    journal.close()
    rows = read_journal(tmp_path / "j.sqlite")
    one_event = [("event", "BookDelta"), ("command", "Place"), ("frame", "StateFrame")]
    assert [(row.kind, row.tag) for row in rows] == one_event * 2
    assert rows[0].decode() == BookDelta(1, 1, ((100, 1),), ((102, 0),), 1)
    assert rows[4].decode() == Place("id2", 0, 1, 99, 10)
    assert [frame.seq for frame in read_frames(tmp_path / "j.sqlite")] == [1, 2]
    assert read_meta(tmp_path / "j.sqlite") == META


def test_equal_runs_have_equal_digests_and_one_different_byte_shows() -> None:
    assert written(":memory:").digest() == written(":memory:").digest()
    assert written(":memory:").digest() != written(":memory:", events=6).digest()
    assert Journal(":memory:", META).digest() != Journal(":memory:", {**META, "seed": 8}).digest()


def test_memory_and_disk_give_the_same_digest_and_rows(tmp_path: Path) -> None:
    in_file, in_memory = written(tmp_path / "j.sqlite"), written(":memory:")
    assert in_memory.digest() == in_file.digest()
    in_memory.close()
    assert in_memory.read() == in_file.read()
    in_file.close()
    assert in_memory.read() == read_journal(tmp_path / "j.sqlite")


def test_a_journal_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    journal = written(tmp_path / "j.sqlite", events=3)
    journal.add_event(Timer(9))
    assert len(read_journal(tmp_path / "j.sqlite")) == 9
    journal.close()
    assert len(read_journal(tmp_path / "j.sqlite")) == 10


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE records SET payload = x'00' WHERE seq = 4",
        "UPDATE records SET t_ns = t_ns + 1 WHERE seq = 4",
        "UPDATE records SET kind = 'engine' WHERE seq = 5",
        "DELETE FROM records WHERE seq = 14",
        "DELETE FROM records WHERE seq = 7",
        "DELETE FROM frames WHERE seq = 15",
        "UPDATE meta SET value = '8' WHERE key = 'seed'",
        "DELETE FROM tip",
        "DROP TABLE records",
    ],
)
def test_a_changed_journal_is_refused(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "j.sqlite"
    written(path).close()
    db = sqlite3.connect(path)
    db.execute(harm)
    db.commit()
    db.close()
    with pytest.raises(JournalError, match="use a copy"):
        read_journal(path)


def test_a_log_torn_at_any_place_gives_a_true_prefix_or_a_refusal(tmp_path: Path) -> None:
    journal = written(tmp_path / "j.sqlite", events=6)
    whole = read_journal(tmp_path / "j.sqlite")
    log = (tmp_path / "j.sqlite-wal").read_bytes()
    lengths = set()
    for cut in range(0, len(log), 997):
        copy = tmp_path / f"cut{cut}"
        copy.mkdir()
        shutil.copy(tmp_path / "j.sqlite", copy / "j.sqlite")
        (copy / "j.sqlite-wal").write_bytes(log[:cut])
        try:
            rows = read_journal(copy / "j.sqlite")
        except JournalError:
            continue
        assert rows == whole[: len(rows)]
        lengths.add(len(rows))
    assert len(lengths) > 2
    journal.close()


def test_what_was_committed_survives_a_kill_without_warning(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys
        from workbench.engine.journal import Journal
        from workbench.events import Timer
        journal = Journal(sys.argv[1], {"run_id": "r1"})
        for t_ns in range(1, 51):
            journal.add_event(Timer(t_ns))
            if t_ns % 20 == 0:
                journal.commit()
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "j.sqlite")], check=False, env=os.environ.copy())
    assert [row.t_ns for row in read_journal(tmp_path / "j.sqlite")] == list(range(1, 41))


def test_a_full_disk_stops_everything_that_follows(tmp_path: Path) -> None:
    journal = written(tmp_path / "j.sqlite", events=1)
    assert journal._db is not None
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")
    event: Event = BookDelta(2, 2, tuple((price, 1) for price in range(2000)), (), 2)
    journal.add_event(event)
    with pytest.raises(JournalError, match="nothing more is sent"):
        journal.commit()
    with pytest.raises(JournalError):
        journal.add_command(3, Cancel("id1", "o1"))
    with pytest.raises(JournalError):
        journal.commit()
    journal.close()


def test_a_journal_is_never_overwritten(tmp_path: Path) -> None:
    written(tmp_path / "j.sqlite").close()
    with pytest.raises(JournalError, match="exists already"):
        Journal(tmp_path / "j.sqlite", META)


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no journal at .*nothing\.sqlite"):
        read_journal(tmp_path / "nothing.sqlite")
    (tmp_path / "text.sqlite").write_text("this is no database, but long enough to be looked at as one" * 10)
    with pytest.raises(JournalError, match=r"text\.sqlite cannot be read"):
        read_journal(tmp_path / "text.sqlite")


def test_market_data_waits_a_tenth_of_a_second_at_most(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite", META)
    assert not journal.due(10**18)
    journal.add_event(Timer(1_000_000_000))
    assert not journal.due(1_099_999_999)
    assert journal.due(1_100_000_000)
    journal.commit()
    assert not journal.due(10**18)
    journal.close()
