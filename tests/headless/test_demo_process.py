"""The demo as a new user runs it, and as the world ends it: every process real, every number checked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.headless.demo_process import Demo, running_demo, running_exchange
from workbench.engine import read_journal, replay_journal
from workbench.headless.simulated_venue import ask_venue

pytestmark = pytest.mark.process

PROMISED = {
    "run_id",
    "venue",
    "symbol",
    "seconds",
    "seed",
    "orders_sent",
    "amends",
    "cancels",
    "fills",
    "volume",
    "maker_share",
    "max_abs_position",
    "position_at_end",
    "equity_change",
    "pnl",
    "fee_currency",
    "open_orders_at_end",
    "rejects",
    "quote_uptime",
    "tape_hash",
    "code_hash",
    "config_hash",
}
DEAD_MAN_S = 5.0
LOSING = ("quoting.model=guide_fixed", "spread_bps=0.01", "order_size=300", "max_position_size=3000")
ENDINGS: dict[str, tuple[str, ...]] = {
    "SIGINT": (),
    "SIGTERM": (),
    "engine killed": (),
    "kernel killed": (),
    "demo killed": (),
    "limit": ("--seed", "1", "risk.max_loss=0.000001", *LOSING),
}


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Demo]]:
    """A session for each way to end one, all started side by side: starting is most of what a demo costs."""
    folder = tmp_path_factory.mktemp("trading")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running_demo(folder / name.replace(" ", "-"), "--seconds", "600", *settings))
            for name, settings in ENDINGS.items()
        }


def assert_parts_sum_exactly(summary: dict) -> None:
    assert set(summary["pnl"]) == {"spread", "inventory", "fees", "funding"}
    assert sum(Decimal(part) for part in summary["pnl"].values()) == Decimal(summary["equity_change"])


def assert_truthful(demo: Demo) -> None:
    """The folder can be read, and the summary says what the journal says."""
    summary = demo.summary()
    assert_parts_sum_exactly(summary)
    journal = demo.out / "journal.sqlite"
    if not journal.exists():
        assert summary["orders_sent"] == summary["fills"] == 0
        return
    placed = sum(row.tag == "Place" for row in read_journal(journal))
    assert summary["orders_sent"] == placed
    fills = pd.read_parquet(demo.out / "fills.parquet")
    assert len(fills) == summary["fills"]
    assert (fills["side"] * fills["size"]).sum() == summary["position_at_end"]
    assert (demo.out / "report.html").stat().st_size > 1_000_000


def test_a_demo_leaves_a_whole_run_folder(tmp_path: Path) -> None:
    with running_demo(tmp_path / "run", "--seconds", "6", "--seed", "7", "--flatten", "spread_bps=15") as demo:
        url = demo.wait_for_orders()
        assert demo.exit_code() == 0, demo.said()
        assert demo.open_orders(url) == 0
    summary = demo.summary()
    assert set(summary) >= PROMISED
    assert None not in [summary[name] for name in PROMISED]
    assert summary["open_orders_at_end"] == 0
    assert summary["position_at_end"] == 0
    assert summary["fills"] > 0
    assert summary["ran_s"] >= summary["seconds"] == 6
    assert summary["seed"] == 7
    assert summary["tape_seconds"] == 6
    assert_truthful(demo)
    assert replay_journal(demo.out / "journal.sqlite").commands > 0
    assert (demo.out / "session.ipynb").stat().st_size < 1_000_000
    last = max((path.stat().st_mtime_ns, path.name) for path in demo.out.iterdir())
    assert last[1] == "summary.json"
    assert "engine was killed" not in demo.said()
    assert "Traceback" not in demo.said()


@pytest.mark.parametrize(
    ("number", "code", "sign"),
    [
        (signal.SIGINT, 130, "the folder"),
        (signal.SIGTERM, 143, "spec.json"),
        (signal.SIGINT, 130, "venue.json"),
    ],
    ids=["before the kernel", "while the engine starts", "before the first order"],
)
def test_a_stop_during_the_start_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, code: int, sign: str
) -> None:
    with running_demo(tmp_path / "run", "--seconds", "60") as demo:
        if sign == "the folder":
            demo.wait_for(demo.out.exists)
        else:
            demo.wait_for_file(sign)
        demo.signal(number)
        assert demo.exit_code() == code, demo.said()
    summary = demo.summary()
    assert (summary["stopped_by"], summary["exit_code"]) == (number.name, code)
    assert summary["open_orders_at_end"] == 0
    assert_truthful(demo)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_while_it_trades_cancels_everything_and_counts_what_there_was(
    trading: dict[str, Demo], number: signal.Signals, code: int
) -> None:
    demo = trading[number.name]
    url = demo.wait_for_orders()
    demo.signal(number)
    assert demo.exit_code() == code, demo.said()
    assert demo.open_orders(url) == 0
    summary = demo.summary()
    assert (summary["stopped_by"], summary["exit_code"], summary["open_orders_at_end"]) == (number.name, code, 0)
    assert summary["orders_sent"] > 0
    assert summary["ran_s"] < summary["seconds"] == 600
    assert_truthful(demo)


def test_a_signal_before_the_imports_are_done_gives_its_exit_code(tmp_path: Path) -> None:
    with running_demo(tmp_path / "run", "--seconds", "60") as demo:
        # The handlers stand once the first of our modules is loaded; the kernel lists its file as mapped or read then.
        demo.wait_for(lambda: catches(demo.process.pid, signal.SIGTERM))
        demo.signal(signal.SIGTERM)
        assert demo.exit_code() == 143, demo.said()
    assert not (demo.out / "journal.sqlite").exists()


def test_a_killed_engine_is_counted_from_its_journal_and_its_orders_go_by_the_dead_man_timer(
    trading: dict[str, Demo],
) -> None:
    demo = trading["engine killed"]
    url = demo.wait_for_orders()
    os.kill(demo.engine_pid, signal.SIGKILL)
    demo.wait_for(lambda: demo.open_orders(url) == 0, DEAD_MAN_S + 1)
    assert demo.exit_code() == 4, demo.said()
    venue = ask_venue(url, "/sim/status")
    summary = demo.summary()
    assert summary["stopped_by"] == "engine killed"
    assert summary["open_orders_at_end"] == 0
    # Fills between the kill and the dead-man timer are not in the journal; the venue told of them.
    assert summary["fills"] == venue["fills"]
    assert summary["position_at_end"] == venue["position"].get("BTC-PERP", 0)
    assert summary["orders_sent"] > 0
    assert_truthful(demo)


def test_a_killed_kernel_ends_its_engine_which_cancels_everything(trading: dict[str, Demo]) -> None:
    demo = trading["kernel killed"]
    url = demo.wait_for_orders()
    os.kill(parent_of(demo.engine_pid), signal.SIGKILL)
    demo.wait_for(lambda: demo.open_orders(url) == 0, DEAD_MAN_S + 1)
    assert demo.exit_code() == 4, demo.said()
    assert demo.summary()["open_orders_at_end"] == 0
    assert_truthful(demo)


def test_a_killed_demo_leaves_no_order_at_the_venue(trading: dict[str, Demo]) -> None:
    demo = trading["demo killed"]
    url = demo.wait_for_orders()
    demo.signal(signal.SIGKILL)
    demo.wait_for(lambda: demo.open_orders(url) == 0, DEAD_MAN_S + 1)
    demo.wait_for_file("outcome.json")
    assert not (demo.out / "summary.json").exists()


def test_a_limit_ends_the_session_and_is_named(trading: dict[str, Demo]) -> None:
    demo = trading["limit"]
    assert demo.exit_code() == 3, demo.said()
    summary = demo.summary()
    assert (summary["stopped_by"], summary["open_orders_at_end"]) == ("limit", 0)
    assert "risk.max_loss is 1e-06" in summary["message"]
    assert summary["ran_s"] < 600
    assert_truthful(demo)


def test_a_headless_run_is_looked_at_and_stopped_from_another_terminal(tmp_path: Path) -> None:
    with running_exchange(tmp_path) as url, running_demo(tmp_path / "run", "--url", url, command="run") as session:
        session.wait_for_file("engine.json")
        session.wait_for(lambda: session.open_orders(url))
        shown = workbench("status", str(session.out))
        assert shown.returncode == 0
        assert "BTC-PERP" in shown.stdout
        killed = workbench("kill", str(session.out))
        assert killed.returncode == 0, killed.stderr
        assert session.open_orders(url) == 0
        assert session.exit_code() == 0, session.said()
        assert "open orders at the end" in workbench("status", str(session.out)).stdout
    assert session.summary()["open_orders_at_end"] == 0
    assert_truthful(session)


def workbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def parent_of(pid: int) -> int:
    """The process that started another: the fields after the command's name are state, parent, ..."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
    return bool(mask >> (number - 1) & 1)
