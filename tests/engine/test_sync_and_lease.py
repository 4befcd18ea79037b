"""Waiting without a loop, and one engine at a time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workbench.engine.lease import Lease, account_lease_path
from workbench.engine.sync import in_background, run_sync
from workbench.errors import SessionError, VenueError


async def thread_name() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


def test_a_coroutine_runs_without_a_loop_of_ones_own() -> None:
    assert run_sync(thread_name(), timeout=10) == "workbench-io"


def test_a_coroutine_runs_from_inside_a_running_loop_too() -> None:
    async def cell() -> str:
        return run_sync(thread_name(), timeout=10)

    assert asyncio.run(cell()) == "workbench-io"


def test_background_work_can_be_awaited_on_any_loop() -> None:
    async def twice() -> list[str]:
        return [await in_background(thread_name()), run_sync(in_background(thread_name()), timeout=10)]

    assert asyncio.run(twice()) == ["workbench-io", "workbench-io"]


def test_an_error_comes_through_as_it_is() -> None:
    async def fails() -> None:
        raise VenueError("closed")

    with pytest.raises(VenueError, match="closed"):
        run_sync(fails(), timeout=10)


def test_a_timeout_cancels_what_was_started() -> None:
    cancelled = threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(SessionError, match=r"no result after 0\.05 s"):
        run_sync(for_ever(), timeout=0.05)
    assert cancelled.wait(5.0)


def test_a_timeout_of_the_coroutine_itself_is_not_taken_for_ours() -> None:
    async def fails() -> None:
        raise TimeoutError("inner")

    with pytest.raises(TimeoutError, match="inner"):
        run_sync(fails(), timeout=5.0)


def test_waiting_in_the_background_thread_itself_is_refused() -> None:
    async def nested() -> None:
        run_sync(thread_name())

    with pytest.raises(SessionError, match="await instead"):
        run_sync(nested(), timeout=10)


def test_a_second_engine_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = Lease(tmp_path / "engine.lock", "the run folder")
    with pytest.raises(SessionError, match=rf"the run folder is in use by another engine \(process {os.getpid()}\)"):
        Lease(tmp_path / "engine.lock", "the run folder")
    first.release()
    Lease(tmp_path / "engine.lock", "the run folder").release()


def test_a_killed_engine_leaves_no_lease_behind(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from workbench.engine.lease import Lease; "
        "lease = Lease(Path(sys.argv[1]), 'x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "engine.lock")]
    subprocess.run(command, check=False, env=os.environ.copy(), timeout=60)
    killed = (tmp_path / "engine.lock").read_text()
    Lease(tmp_path / "engine.lock", "x").release()
    assert (tmp_path / "engine.lock").read_text() == f"{os.getpid()}\n" != killed


def test_the_lock_of_an_account_tells_nothing_about_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = account_lease_path("http://127.0.0.1:1", "my-api-key")
    assert "my-api-key" not in str(path)
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path != account_lease_path("http://127.0.0.1:2", "my-api-key")
