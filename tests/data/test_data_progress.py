"""What people see while data is read or recorded: nothing at first, then a bar; a table of the markets."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from tests.data.made_data import START_NS
from workbench.data import progress
from workbench.data.progress import LateProgress
from workbench.data.recorder import RecorderHealth
from workbench.data.recording import HealthDisplay


class HandClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return START_NS + self.ns

    def monotonic_ns(self) -> int:
        return self.ns


def terminal(*, yes: bool = True) -> Console:
    return Console(file=StringIO(), force_terminal=yes, width=120)


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_bar_appears_only_when_two_seconds_have_passed() -> None:
    clock, console = HandClock(), terminal()
    with LateProgress("importing", clock=clock, console=console) as bar:
        clock.ns = 1_900_000_000
        bar.update(0.3)
        assert shown(console) == ""
        clock.ns = 2_100_000_000
        bar.update(0.6)
        assert "importing" in shown(console)
        assert bar.elapsed_s == 2.1


def test_a_file_and_somebody_who_does_not_want_it_get_no_bar() -> None:
    for console, wanted in ((terminal(yes=False), True), (terminal(), False)):
        clock = HandClock()
        with LateProgress("importing", wanted, clock=clock, console=console) as bar:
            clock.ns = 10**10
            bar.update(0.5)
        assert shown(console) == ""


HEALTH = RecorderHealth("BTC-PERP", "in step", 1_200, 300, 9_000, 1, 0.25, 2_500_000)


def test_a_terminal_shows_a_table_that_moves() -> None:
    console = terminal()
    display = HealthDisplay(True, console)
    with display:
        display.update(1.0, [HEALTH])
        display.update(2.0, [RecorderHealth("BTC-PERP", "lost", 1_450, 300, 9_100, 2, 0.1, 2_600_000)])
    text = shown(console)
    assert "1,200 messages/s" in text
    assert "250 messages/s" in text
    assert "in step" in text
    assert "lost" in text
    assert "2.6 MB" in text


def test_a_log_gets_a_line_every_ten_seconds() -> None:
    console = terminal(yes=False)
    display = HealthDisplay(True, console)
    with display:
        for second in range(1, 25):
            display.update(second, [HEALTH])
    lines = shown(console).splitlines()
    assert lines[0].startswith("recording 1 s, 1,200 messages/s: BTC-PERP in step, 9,000 rows, 1 gap(s)")
    assert len(lines) == 3


def test_a_bar_comes_by_itself_while_nothing_can_be_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LATE_S", 0.0)
    console = terminal()
    with LateProgress("compiling", console=console) as bar:
        bar._timer.join(timeout=30)
        assert "compiling" in shown(console)
        assert "0%" not in shown(console)
        bar.update(0.5)
    assert "50%" in shown(console)
    bar.update(0.9)
    assert "90%" not in shown(console)
