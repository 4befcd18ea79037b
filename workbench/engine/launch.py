"""Starting processes: the engine from a notebook, the simulated venue from the engine. Each in a session of its own.

A terminal's Ctrl-C therefore reaches neither; the engine is told by its owner, by a signal of its own, or by the end of
the pipe that ties it to its owner.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

import workbench
from workbench.engine.protocol import (
    LOG_FILE,
    SPEC_FILE,
    VENUE_FILE,
    EngineSpec,
    Failure,
    VenueFile,
    write_struct,
)
from workbench.errors import SessionError

__all__ = ["EngineProcess", "Ready", "spawn_engine", "spawn_exchange", "until_listening", "until_ready"]

EXCHANGE_READY_S = 60.0
ENGINE_READY_S = 180.0
"""The first start compiles the trading core."""

LINGER_S = 15.0
"""How long the simulated venue outlives its engine beyond the dead-man time, for whoever checks that it is empty."""

_SECRETS = re.compile(r"^WORKBENCH_.*_(KEY|SECRET)$")
_READY_LINE = re.compile(r"listening on (http://\S+)")


class Ready(msgspec.Struct, frozen=True):
    """What the engine says through its ready pipe, once."""

    failure: Failure | None = None


class EngineProcess:
    """A started engine process; `lifeline` is the pipe end whose closing tells it that its owner is gone."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int | None) -> None:
        self.pid = process.pid
        self._lifeline = lifeline
        self._ended = threading.Event()
        self._process = process
        threading.Thread(target=self._reap, name=f"workbench-engine-{process.pid}", daemon=True).start()

    def _reap(self) -> None:
        self._process.wait()
        self._ended.set()
        self.let_go()

    @property
    def exit_code(self) -> int | None:
        """Exit code once it has ended."""
        return self._process.returncode if self._ended.is_set() else None

    def terminate(self) -> None:
        """Ask it to end (SIGTERM) and let go of it."""
        self._process.terminate()
        self.let_go()

    def let_go(self) -> None:
        """Close the lifeline: a running engine then cancels everything and ends."""
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)


def spawn_engine(run_dir: Path, spec: EngineSpec, *, owner_lifeline: bool) -> tuple[EngineProcess, int]:
    """Start an engine process; returns it and the pipe on which it will say once that it trades, or why not."""
    ready_out, ready_in = os.pipe()
    lifeline_out, lifeline_in = os.pipe() if owner_lifeline else (None, None)
    try:
        spec = msgspec.structs.replace(spec, ready_fd=ready_in, lifeline_fd=lifeline_out)
        write_struct(run_dir / SPEC_FILE, spec)
        with _opened_log(run_dir) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workbench.engine", "--spec", str(run_dir / SPEC_FILE)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[fd for fd in (ready_in, lifeline_out) if fd is not None],
                env=_environment(os.environ),
            )
    finally:
        os.close(ready_in)
        if lifeline_out is not None:
            os.close(lifeline_out)
    return EngineProcess(process, lifeline_in), ready_out


async def until_ready(engine: EngineProcess, ready_out: int, log: Path) -> None:
    """Wait until a started engine trades.

    Raises
    ------
    WorkbenchError
        The engine's own refusal, or SessionError when it died without a word or was not ready in time.
    """
    try:
        said = await asyncio.wait_for(_read_all(ready_out), ENGINE_READY_S)
    except BaseException as error:
        engine.terminate()
        if isinstance(error, TimeoutError):
            raise SessionError(f"the engine was not ready within {ENGINE_READY_S:g} s; see {log}") from None
        raise
    if not said:
        raise SessionError(f"the engine died at its start; expected it to trade: {_last_line(log)}")
    ready = msgspec.json.decode(said, type=Ready)
    if ready.failure is not None:
        raise ready.failure.error()


def spawn_exchange(run_dir: Path, *, seed: int, preset: str, dead_man_s: float) -> subprocess.Popen[bytes]:
    """Start the simulated LMEX for this process's run; it outlives this process by long enough to look at it."""
    linger = f"{dead_man_s + LINGER_S:g}"
    arguments = ["--port", "0", "--seed", str(seed), "--preset", preset, "--linger", linger]
    with _opened_log(run_dir) as log:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.exchange", *arguments, "--watch-pid", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env={name: value for name, value in _environment(os.environ).items() if not _SECRETS.match(name)},
        )


async def until_listening(process: subprocess.Popen[bytes], run_dir: Path, *, seed: int, preset: str) -> VenueFile:
    """Wait until a started exchange says where it listens; leaves `venue.json`.

    Raises
    ------
    SessionError
        If it does not.
    """
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(_read_line(process.stdout), EXCHANGE_READY_S)
    except TimeoutError:
        line = ""
    # Reaps it should it end first; the thread also keeps the handle for as long as the process runs.
    threading.Thread(target=process.wait, name="workbench-exchange", daemon=True).start()
    found = _READY_LINE.search(line)
    if found is None:
        process.terminate()
        last = _last_line(run_dir / LOG_FILE)
        raise SessionError(f"the simulated LMEX said {line!r}; expected the address where it listens: {last}")
    venue = VenueFile(url=found[1], pid=process.pid, seed=seed, preset=preset)
    write_struct(run_dir / VENUE_FILE, venue)
    return venue


def _environment(current: Mapping[str, str]) -> dict[str, str]:
    """This environment, with the package importable however it was imported here."""
    root = str(Path(workbench.__file__).parent.parent)
    known = current.get("PYTHONPATH", "")
    if root in known.split(os.pathsep):
        return dict(current)
    return {**current, "PYTHONPATH": f"{known}{os.pathsep}{root}" if known else root}


async def _read_all(fd: int) -> bytes:
    """Everything until the other end is closed, without a thread that could not be ended."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb"))
    try:
        return await reader.read()
    finally:
        transport.close()


async def _read_line(pipe: IO[bytes]) -> str:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        return (await reader.readline()).decode(errors="replace").strip()
    finally:
        transport.close()


def _opened_log(run_dir: Path) -> IO[bytes]:
    return os.fdopen(os.open(run_dir / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return f"{log} cannot be read"
    return f"{lines[-1] if lines else 'nothing was logged'} (see {log})"
