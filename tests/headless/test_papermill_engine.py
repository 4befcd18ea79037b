"""The papermill engine: what a stop, a time-out and a secret do to a notebook."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from workbench.errors import ConfigError
from workbench.headless.papermill_engine import INTERRUPTIBLE, execute, refuse_secrets
from workbench.headless.stopping import StopRequest

LONG = """
import asyncio, pathlib
pathlib.Path(flag).write_text("here")
try:
    await asyncio.sleep(60)
    how = "time is over"
except asyncio.CancelledError:
    how = "interrupted"
"""


def notebook(path: Path, *cells: tuple[str, tuple[str, ...]]) -> Path:
    made = nbformat.v4.new_notebook()
    for source, tags in (('flag = ""', ("parameters",)), *cells):
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["tags"] = list(tags)
        made.cells.append(cell)
    nbformat.write(made, path)
    return path


def when(path: Path, action: Callable[[], None]) -> threading.Thread:
    """Act in a thread as soon as a file appears, at the latest after 30 s."""

    def watch() -> None:
        pause = threading.Event()
        for _ in range(600):
            if path.exists():
                break
            pause.wait(0.05)
        action()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def cells_of(path: Path) -> dict[str, nbformat.NotebookNode]:
    return {cell.source: cell for cell in nbformat.read(path, 4).cells}


def test_a_stop_interrupts_the_session_cell_and_the_cells_after_it_still_run(tmp_path: Path) -> None:
    source = notebook(tmp_path / "in.ipynb", (LONG, (INTERRUPTIBLE,)), ("print(how)", ()))
    stop = StopRequest()
    flag = tmp_path / "flag"
    thread = when(flag, lambda: stop._remember(signal.SIGTERM, None))
    execute(source, tmp_path / "out.ipynb", {"flag": str(flag)}, stop)
    thread.join()
    assert cells_of(tmp_path / "out.ipynb")["print(how)"].outputs[0].text == "interrupted\n"
    assert stop.exit_code == 143


def test_a_stop_before_the_session_cell_skips_the_rest(tmp_path: Path) -> None:
    stop = StopRequest()
    stop._remember(signal.SIGINT, None)
    source = notebook(tmp_path / "in.ipynb", ("x = 1", ()), ("y = 2", (INTERRUPTIBLE,)), ("z = 3", ()))
    execute(source, tmp_path / "out.ipynb", {"flag": ""}, stop)
    cells = cells_of(tmp_path / "out.ipynb")
    assert {cells[name].execution_count for name in ("x = 1", "y = 2", "z = 3")} == {None}
    assert cells["z = 3"].metadata.papermill.status == "skipped"
    assert stop.exit_code == 130


def test_a_cell_over_its_time_is_interrupted_and_the_rest_runs(tmp_path: Path) -> None:
    source = notebook(tmp_path / "in.ipynb", (LONG, ()), ("print(how)", ()))
    execute(source, tmp_path / "out.ipynb", {"flag": str(tmp_path / "flag")}, StopRequest(), cell_timeout_s=1.0)
    assert cells_of(tmp_path / "out.ipynb")["print(how)"].outputs[0].text == "interrupted\n"


def test_widget_state_is_not_stored(tmp_path: Path) -> None:
    widget = "import ipywidgets\nipywidgets.IntSlider()"
    execute(notebook(tmp_path / "in.ipynb", (widget, ())), tmp_path / "out.ipynb", {"flag": ""}, StopRequest())
    assert "widgets" not in nbformat.read(tmp_path / "out.ipynb", 4).metadata


@pytest.mark.parametrize("name", ["api_key", "secret", "venue.api_secret", "LMEX_TOKEN", "password", "private-key"])
def test_a_parameter_that_looks_like_a_secret_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="looks like a secret"):
        refuse_secrets({"settings": {name: "x"}})


def test_names_of_the_trade_are_no_secrets() -> None:
    names = {"symbol": "BTC-PERP", "venue.credentials": "sim", "settings": {"quoting": {"model": "keyhole"}}}
    assert refuse_secrets(names) is None


def test_signals_are_remembered_once_and_tell_the_exit_code() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop = StopRequest()
    stop.install()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        os.kill(os.getpid(), signal.SIGINT)
        assert (stop.signal, stop.exit_code) == (signal.SIGTERM, 143)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_runs_that_start_together_cannot_take_each_others_ports(tmp_path: Path) -> None:
    asked = "from ipykernel.connect import get_connection_info\nprint(get_connection_info(unpack=True)['transport'])"
    source = notebook(tmp_path / "in.ipynb", (asked, ()))
    execute(source, tmp_path / "out.ipynb", {"flag": ""}, StopRequest())
    assert cells_of(tmp_path / "out.ipynb")[asked].outputs[0].text == "ipc\n"
