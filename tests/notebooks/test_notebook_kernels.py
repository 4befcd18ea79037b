"""What kernels do to cells and to engines, with a real kernel and no browser."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
READY_S = 60

OPEN_A_DESK = """
from workbench import Desk
desk = await Desk.open(seconds=120)
print(desk.session.run_id, desk.session.pid, desk.history.latest.seq, len(desk.history.frames))
"""


class Kernel:
    """A kernel whose cells are sent as Run All sends them: all at once."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager()
        # The kernel of this very environment, whatever kernels the machine has registered.
        self.manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
        self.manager.start_kernel(cwd=str(folder), env=environment)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=READY_S)

    def run_all(self, cells: list[str]) -> list[str]:
        """What each cell printed; the error of a cell that failed."""
        asked = [self.client.execute(cell) for cell in cells]
        printed = dict.fromkeys(asked, "")
        idle: set[str] = set()
        deadline = time.monotonic() + READY_S
        while len(idle) < len(asked) and time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            cell, content = message["parent_header"].get("msg_id"), message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                printed[cell] += content["text"]
            elif message["msg_type"] == "error":
                printed[cell] += f"{content['ename']}: {content['evalue']}"
            elif message["msg_type"] == "status" and content["execution_state"] == "idle" and cell in printed:
                idle.add(cell)
        assert len(idle) == len(asked), f"{len(asked) - len(idle)} of {len(asked)} cells never ended"
        return list(printed.values())

    def kill(self) -> None:
        """kill -9, as the machine's memory killer would."""
        os.kill(self.manager.provisioner.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Callable[[], Kernel]]:
    started: list[Kernel] = []

    def start() -> Kernel:
        started.append(Kernel(tmp_path))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_run_all_loses_no_cell_with_nested_asyncio_enabled(kernel: Callable[[], Kernel]) -> None:
    nested = """
import asyncio
from workbench.engine import enable_nested_asyncio
enable_nested_asyncio()
asyncio.get_event_loop().run_until_complete(asyncio.sleep(0.2))
print("nested")
"""
    printed = kernel().run_all([nested, *[f"print('cell {i}')" for i in range(4)]])
    assert [text.strip() for text in printed] == ["nested", "cell 0", "cell 1", "cell 2", "cell 3"]


def test_a_killed_kernel_leaves_the_engine_trading_and_a_new_desk_shows_what_it_missed(
    kernel: Callable[[], Kernel], tmp_path: Path, end_engines: Callable[[Path], None]
) -> None:
    try:
        first = kernel()
        run_id, pid, seq, _ = first.run_all([OPEN_A_DESK])[0].split()
        first.kill()
        (connection,) = tmp_path.glob("runs/*/engine.json")
        assert json.loads(connection.read_text())["pid"] == int(pid)
        again_id, again_pid, again_seq, frames = kernel().run_all([OPEN_A_DESK])[0].split()
        assert (again_id, again_pid) == (run_id, pid)
        assert int(again_seq) > int(seq) + 5, "the engine went on while no kernel was there"
        assert int(frames) == int(again_seq), "the new desk has every frame since the start"
    finally:
        end_engines(tmp_path)
