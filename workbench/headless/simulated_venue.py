"""The simulated LMEX as a process of its own, and the questions that only a simulated venue answers."""

from __future__ import annotations

import http.client
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from workbench.clock import NS, Clock, SystemClock
from workbench.engine.protocol import VenueFile, write_struct
from workbench.errors import SessionError, VenueError
from workbench.headless.folder import RunFolder

__all__ = ["ask_venue", "start_venue", "tape_hash", "venue_open_orders"]

READY_WORDS = "listening on "
LINGER_S = 15
"""How long the venue outlives the run, so that whoever doubts can still look at its orders."""

START_S = 60.0


def start_venue(
    folder: RunFolder,
    seed: int,
    preset: Literal["lively", "btc"],
    check: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> str:
    """Start a simulated LMEX for a run and wait until it listens; its address also goes to `venue.json`.

    It lives in a session of its own, so that a terminal's Ctrl-C does not reach it, and ends some seconds after this
    process does.

    Parameters
    ----------
    check : callable
        Called while waiting; what it raises ends the wait and the venue.

    Raises
    ------
    SessionError
        If it does not listen in time; `venue.log` says why.
    """
    log = folder.root / "venue.log"
    command = [sys.executable, "-m", "workbench.exchange", "--port", "0", "--seed", str(seed), "--preset", preset]
    command += ["--linger", str(LINGER_S), "--watch-pid", str(os.getpid())]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    try:
        url = _address(process, log, check, clock or SystemClock())
    except BaseException:
        process.kill()
        process.wait()
        raise
    write_struct(folder.venue, VenueFile(url=url, pid=process.pid, seed=seed, preset=preset))
    return url


def _address(process: subprocess.Popen[bytes], log: Path, check: Callable[[], None], clock: Clock) -> str:
    assert process.stdout is not None
    deadline = clock.monotonic_ns() + int(START_S * NS)
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while clock.monotonic_ns() < deadline:
            check()
            if ready.select(0.1):
                line = process.stdout.readline().decode()
                if READY_WORDS in line:
                    return line.split(READY_WORDS, 1)[1].strip()
                if not line:
                    break
    raise SessionError(f"the simulated venue does not listen after {START_S:g} s; expected an address: see {log}")


def ask_venue(url: str, path: str) -> dict[str, Any]:
    """Ask a simulated venue on this machine, whatever proxies are set.

    Raises
    ------
    VenueError
        If it does not answer, or not with a JSON object.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise VenueError(f"{url}{path} gave no answer ({error!r}); expected the simulated venue of this run") from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise VenueError(f"{url}{path} answered {answer!r}; expected a JSON object")
    return answer


def venue_open_orders(url: str) -> int:
    """How many orders, of all accounts, rest at a simulated venue. Raises `VenueError` when it cannot be known."""
    return int(ask_venue(url, "/sim/status")["open_orders"])


def tape_hash(url: str, seconds: int) -> str:
    """SHA-256 of the market's own tape over the first whole seconds; the same for a seed, whoever trades."""
    return str(ask_venue(url, f"/sim/tape?seconds={seconds}")["tape_hash"])
