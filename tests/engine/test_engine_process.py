"""Real processes on loopback: whatever dies, the venue is empty within the dead-man time; the run folder is true."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from workbench.config import MarketMakerConfig
from workbench.engine import Session, read_frames, read_journal, read_meta, replay_journal, run_sync
from workbench.engine.connection import is_running
from workbench.engine.protocol import ConnectionFile, read_struct
from workbench.errors import ConfigError, SessionError
from workbench.events import FILLS_COLUMNS
from workbench.exchange import SIM_KEY, SIM_SECRET

pytestmark = pytest.mark.process

DEAD_MAN_S = 2.0
QUICK = MarketMakerConfig.from_dict({"venue": {"dead_man_s": DEAD_MAN_S}})


def until(true: Callable[[], Any], timeout_s: float = 30.0) -> float:
    """Wait until something is true; returns how long it took, seconds."""
    began = time.monotonic()
    pause = threading.Event()
    while not true():
        assert time.monotonic() - began < timeout_s, "not in time"
        pause.wait(0.02)
    return time.monotonic() - began


def venue_status(url: str) -> dict[str, Any]:
    """The simulated venue's own account of itself."""
    with urllib.request.urlopen(f"{url}/sim/status", timeout=5) as answer:
        status: dict[str, Any] = json.load(answer)
        return status


def open_orders(url: str) -> int:
    return int(venue_status(url)["open_orders"])


def started(run_dir: Path, config: MarketMakerConfig = QUICK, **settings: Any) -> Session:
    session: Session = run_sync(Session.start(config, run_dir, seed=7, **settings), timeout=120)
    return session


def quoting(run_dir: Path, **settings: Any) -> Session:
    """A session with orders at the venue."""
    session = started(run_dir, **settings)
    until(lambda: open_orders(session.venue_url) >= 4)
    return session


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session that several tests look at; each leaves it quoting."""
    session = quoting(tmp_path_factory.mktemp("desk") / "run")
    yield session
    run_sync(session.stop(), timeout=60)
    end_exchange(session.run_dir)


def end_exchange(run_dir: Path) -> None:
    """The venue would outlive its engine for a while; nobody looks at this one any more."""
    os.kill(json.loads((run_dir / "venue.json").read_text())["pid"], signal.SIGTERM)


# --- a running session ------------------------------------------------------------------------------------------------


def test_the_status_page_says_what_is_quoted_and_why(desk: Session) -> None:
    status = run_sync(desk.status(), timeout=10)
    assert status.state == "quoting"
    assert "half spread" in status.why
    assert status.open_orders >= 4
    assert sum(status.pnl.values()) == status.equity_change
    assert status.why in repr(status)
    assert "<table>" in status._repr_html_()
    assert desk.run_id in repr(desk)


def test_frames_arrive_by_themselves_and_have_no_holes(desk: Session) -> None:
    newest = desk.latest
    assert newest is not None
    until(lambda: desk.latest is not None and desk.latest.seq >= newest.seq + 10)
    numbers = [frame.seq for frame in desk.frames()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [frame.seq for frame in desk.frames(since_seq=5)] == numbers[5:]


def test_an_update_reaches_the_core_and_a_wrong_one_is_refused(desk: Session) -> None:
    config = run_sync(desk.update(spread_bps=33, quoting={"inventory_skew": 0.5}), timeout=10)
    assert config.spread_bps == 33
    assert config.quoting.inventory_skew == 0.5
    assert config.venue.dead_man_s == DEAD_MAN_S
    until(lambda: desk.latest is not None and desk.latest.config["spread_bps"] == 33)
    with pytest.raises(ConfigError) as refused:
        run_sync(desk.update(spread_bps=-5, order_sise=3), timeout=10)
    assert len(refused.value.problems) == 2
    with pytest.raises(ConfigError, match="stop it and start another"):
        run_sync(desk.update(symbol="ETH-PERP"), timeout=10)
    with pytest.raises(ConfigError, match="spam"):
        run_sync(desk.update(order_size=1), timeout=10)
    assert run_sync(desk.status(), timeout=10).frame.config["spread_bps"] == 33
    run_sync(desk.update(spread_bps=20), timeout=10)


def test_a_pause_empties_the_venue_and_a_resume_fills_it_again(desk: Session) -> None:
    assert run_sync(desk.pause("lunch"), timeout=10).state == "paused"
    until(lambda: open_orders(desk.venue_url) == 0)
    assert run_sync(desk.resume(), timeout=10).state != "paused"
    until(lambda: open_orders(desk.venue_url) >= 4)


def test_a_kill_is_verified_and_lasts_until_somebody_rearms(desk: Session) -> None:
    report = run_sync(desk.kill("test"), timeout=30)
    assert report.verified
    assert open_orders(desk.venue_url) == 0
    assert run_sync(desk.resume(), timeout=10).state == "killed"
    assert run_sync(desk.kill("again"), timeout=30).verified
    run_sync(desk.rearm("looked at it"), timeout=10)
    run_sync(desk.resume(), timeout=10)
    until(lambda: open_orders(desk.venue_url) >= 4)


def test_somebody_else_may_attach_and_sees_the_whole_history(desk: Session) -> None:
    second = run_sync(Session.attach(desk.run_dir), timeout=20)
    assert second.run_id == desk.run_id
    assert [frame.seq for frame in second.frames()][:5] == [1, 2, 3, 4, 5]
    until(lambda: second.latest is not None and desk.latest is not None and second.latest.seq >= desk.latest.seq)
    run_sync(second.close(), timeout=10)
    assert run_sync(desk.status(), timeout=10).state == "quoting"


def test_the_keys_are_for_their_owner_only(desk: Session) -> None:
    for name in ("engine.json", "spec.json", "venue.json", "journal.sqlite", "engine.log"):
        assert stat.S_IMODE((desk.run_dir / name).stat().st_mode) == 0o600, name


def test_a_second_engine_on_the_run_folder_or_the_account_is_refused(desk: Session, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="holds a run already"):
        started(desk.run_dir)
    same_account = QUICK.replace(venue={"url": desk.venue_url})
    with pytest.raises(SessionError, match=rf"in use by another engine \(process {desk.pid}\)"):
        started(tmp_path / "second", same_account)
    assert run_sync(desk.status(), timeout=10).state == "quoting"


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_session_ends_by_itself_and_leaves_a_true_run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DESK_KEY", SIM_KEY)
    monkeypatch.setenv("WORKBENCH_DESK_SECRET", SIM_SECRET)
    config = QUICK.replace(venue={"credentials": "desk"})
    session = started(tmp_path / "run", config, seconds=6)
    with pytest.raises(SessionError, match="cannot be read"):
        session.outcome()
    report = run_sync(session.wait(), timeout=60)
    outcome = session.outcome()
    assert (report.exit_code, report.stopped_by, report.verified) == (0, "seconds", True)
    assert open_orders(session.venue_url) == 0
    assert 5.5 < outcome.ran_s < 7.5
    assert outcome.fills > 0
    assert sum(map(Decimal, outcome.pnl.values())) == Decimal(outcome.equity_change)
    assert outcome.position_at_end == venue_status(session.venue_url)["position"].get("BTC-PERP", 0)
    assert outcome.reconciled
    meta = read_meta(session.journal_path)
    assert meta["config_hash"] == outcome.config_hash == config.digest()
    assert (outcome.tape_seconds, len(outcome.tape_hash or "")) == (6, 64)
    table = pq.read_table(tmp_path / "run" / "fills.parquet")
    assert table.column_names == list(FILLS_COLUMNS)
    assert table.num_rows == outcome.fills
    assert sum(table["fee"].to_pylist()) == -Decimal(outcome.pnl["fees"])
    replay = replay_journal(session.journal_path)
    assert replay.commands > outcome.orders_sent
    assert len(read_journal(session.journal_path)) == outcome.journal_rows
    assert read_frames(session.journal_path)[-1].state == "stopped"
    for file in (tmp_path / "run").iterdir():
        assert SIM_SECRET.encode() not in file.read_bytes(), f"the secret is in {file.name}"
    assert run_sync(session.stop(), timeout=10) == report
    end_exchange(tmp_path / "run")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_session_cleanly(tmp_path: Path, number: signal.Signals, code: int) -> None:
    session = quoting(tmp_path / "run")
    os.kill(session.pid, number)
    report = run_sync(session.wait(), timeout=30)
    assert (report.exit_code, report.stopped_by) == (code, number.name)
    assert report.verified
    assert open_orders(session.venue_url) == 0
    assert session._process is not None
    assert session._process.exit_code == code
    end_exchange(tmp_path / "run")


def test_a_killed_engine_leaves_an_empty_venue_within_the_dead_man_time(tmp_path: Path) -> None:
    session = quoting(tmp_path / "run")
    os.kill(session.pid, signal.SIGKILL)
    assert until(lambda: open_orders(session.venue_url) == 0, DEAD_MAN_S + 1.0) <= DEAD_MAN_S + 1.0
    until(lambda: not session.running)
    assert replay_journal(session.journal_path).commands > 0
    with pytest.raises(SessionError, match="has ended"):
        run_sync(session.status(), timeout=10)
    with pytest.raises(SessionError, match="has ended"):
        run_sync(Session.attach(session.run_dir), timeout=10)
    run_sync(session.close(), timeout=10)
    end_exchange(tmp_path / "run")


@contextmanager
def owner(run_dir: Path, *, lifeline: bool) -> Iterator[ConnectionFile]:
    """Another process that starts a session and then does nothing more; killed when it has been looked at."""
    script = (
        "import sys, threading; from pathlib import Path; from workbench.engine import Session, run_sync; "
        f"session = run_sync(Session.start({{'venue.dead_man_s': {DEAD_MAN_S}}}, sys.argv[1], seed=7, "
        f"owner_lifeline={lifeline})); threading.Event().wait()"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, str(run_dir)], env=os.environ.copy())
    try:
        until((run_dir / "engine.json").exists, 60)
        yield read_struct(run_dir / "engine.json", ConnectionFile)
    finally:
        starter.kill()
        starter.wait(10)


def test_an_owner_that_is_killed_takes_its_engine_along_and_the_venue_is_empty(tmp_path: Path) -> None:
    with owner(tmp_path / "run", lifeline=True) as address:
        until(lambda: open_orders(address.venue_url) >= 4)
    assert until(lambda: open_orders(address.venue_url) == 0, DEAD_MAN_S) <= DEAD_MAN_S
    until((tmp_path / "run" / "outcome.json").exists)
    until(lambda: not is_running(address.pid))
    outcome = json.loads((tmp_path / "run" / "outcome.json").read_text())
    assert (outcome["stopped_by"], outcome["exit_code"], outcome["open_orders_at_end"]) == ("owner", 143, 0)
    end_exchange(tmp_path / "run")


def test_an_engine_without_lifeline_outlives_its_starter_and_is_found_again(tmp_path: Path) -> None:
    with owner(tmp_path / "run", lifeline=False):
        pass
    session = run_sync(Session.attach(tmp_path / "run"), timeout=20)
    until(lambda: open_orders(session.venue_url) >= 4)
    assert session.frames()[0].seq == 1
    report = run_sync(session.stop(flatten=True), timeout=60)
    assert report.verified
    assert report.position_at_end == 0
    assert venue_status(session.venue_url)["position"] == {}
    end_exchange(tmp_path / "run")


def test_a_bad_configuration_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'BTC-PERP'"):
        run_sync(Session.start({"symbol": "BTC-PREP"}, tmp_path / "run"), timeout=30)
    with pytest.raises(ConfigError, match=r"spread_bps is -5"):
        run_sync(Session.start({"spread_bps": -5}, tmp_path / "run"), timeout=30)
    assert not (tmp_path / "run").exists()


def test_an_engine_that_cannot_start_says_why_and_is_gone(tmp_path: Path) -> None:
    nobody = QUICK.replace(venue={"url": "http://127.0.0.1:9"})
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as refused:
        started(tmp_path / "run", nobody)
    assert type(refused.value).__name__ in ("VenueError", "SessionError")
    unknown = QUICK.replace(venue={"credentials": "nobody"})
    with pytest.raises(ConfigError, match="WORKBENCH_NOBODY_KEY"):
        started(tmp_path / "other", unknown)
    assert not (tmp_path / "other" / "venue.json").exists()
