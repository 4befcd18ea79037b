"""A demo run as a process, for the tests: started, waited on by conditions with deadlines, always ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.headless.simulated_venue import ask_venue

START_S = 300.0
"""Long enough for a first compile, and for six demos at once, on a busy machine."""


class Demo:
    """`workbench demo` (or `run`) in a process of its own, and what it leaves in its folder."""

    def __init__(self, out: Path, *arguments: str, command: str = "demo") -> None:
        self.out = out
        self.log = out.with_suffix(".log")
        words = [sys.executable, "-m", "workbench", command, "--out", str(out), *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_for(self, condition: Callable[[], Any], seconds: float = START_S, *, running: bool = False) -> Any:
        """What the condition gives, once that is true; fails when time is over, or a demo that should run has ended."""
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            ended = self.process.poll() is not None and not condition()
            assert not (running and ended), f"ended with {self.process.returncode} before; {self.said()}"
            assert time.monotonic() < deadline, f"waited {seconds} s in vain; {self.said()}"
            pause.wait(0.05)
        return found

    def wait_for_file(self, name: str, *, running: bool = False) -> Path:
        path = self.out / name
        self.wait_for(path.exists, running=running)
        return path

    def wait_for_orders(self) -> str:
        """Wait until the venue lists open orders; gives the venue's address."""
        url = str(json.loads(self.wait_for_file("venue.json", running=True).read_text())["url"])
        self.wait_for_file("engine.json", running=True)
        self.wait_for(lambda: self.open_orders(url), running=True)
        return url

    @staticmethod
    def open_orders(url: str) -> int:
        return int(ask_venue(url, "/sim/status")["open_orders"])

    @property
    def engine_pid(self) -> int:
        return int(json.loads((self.out / "engine.json").read_text())["pid"])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def exit_code(self, seconds: float = START_S) -> int:
        return self.process.wait(timeout=seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def summary(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        return content


@contextmanager
def running_demo(out: Path, *arguments: str, command: str = "demo") -> Iterator[Demo]:
    """A demo (or a headless run) that does not outlive the test, whatever the test finds."""
    demo = Demo(out, *arguments, command=command)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


@contextmanager
def running_exchange(folder: Path) -> Iterator[str]:
    """A simulated LMEX started by its own command; gives its address."""
    command = [sys.executable, "-m", "workbench", "exchange", "--port", "0", "--seed", "3"]
    with (folder / "exchange.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listening on http://127.0.0.1:" in line
        yield line.split("listening on ")[1].strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
