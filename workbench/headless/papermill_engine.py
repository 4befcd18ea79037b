"""A papermill engine that ends a notebook in an orderly way on Ctrl-C, SIGTERM and time-out.

Stock papermill interrupts the kernel and shuts it down in the same breath, so a session's clean-up never runs. This one
interrupts the kernel only, waits, and lets the cells after the session write their tables.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.execute import execute_notebook

from workbench.errors import ConfigError
from workbench.headless.stopping import StopRequest

__all__ = ["ENGINE_NAME", "INTERRUPTIBLE", "WorkbenchEngine", "execute", "refuse_secrets"]

ENGINE_NAME = "workbench"
"""Name under which papermill knows the engine."""

INTERRUPTIBLE = "interruptible"
"""Tag of the cells that a stop interrupts. The cells after them still run; a stop before them skips all the rest."""

REPEAT_S = 0.5
"""A kernel between two cells ignores an interrupt, so it is repeated while an interruptible cell runs."""

WAKE_ON_SIGNALS = (
    "__import__('asyncio').get_running_loop().add_signal_handler(__import__('signal').SIGUSR2, lambda: None)"
)
"""Run silently in a fresh kernel. ipykernel notes an interrupt without waking its event loop, so a cell that awaits one
long thing would learn of it at the end only; any signal handler of asyncio's own makes every signal wake the loop."""

SECRET_NAME = re.compile(r"(?i)(^|_|-|\.)(api_?)?(key|secret|token|password|passwd|passphrase|private)s?($|_|-|\.)")


class WorkbenchEngine(NBClientEngine):
    """Runs a notebook in this very interpreter's kernel and stops it cleanly.

    Options beyond papermill's: `stop`, the `StopRequest` to obey. Without it the engine listens to SIGINT and SIGTERM
    itself while the notebook runs.
    """

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,  # noqa: ARG003 - papermill's signature; it is always this interpreter
        *,
        stop: StopRequest | None = None,
        log_output: bool = False,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **_unused: Any,
    ) -> None:
        """Execute the cells; a cell that exceeds `execution_timeout` seconds is interrupted, and the rest runs."""
        # Free ports may be taken by another run before the kernel has bound them; a folder of one's own may not.
        with _listening(stop) as request, tempfile.TemporaryDirectory(prefix="workbench-") as folder:
            _StoppableClient(
                nb_man,
                request,
                kernel_manager_class=AsyncKernelManager,
                km=AsyncKernelManager(
                    kernel_spec_manager=_ThisInterpreter(), transport="ipc", connection_file=f"{folder}/kernel.json"
                ),
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                interrupt_on_timeout=True,
                store_widget_state=False,
                log_output=log_output,
            ).execute(cleanup_kc=True)


papermill_engines.register(ENGINE_NAME, WorkbenchEngine)


def execute(
    notebook: Path, output: Path, parameters: Mapping[str, Any], stop: StopRequest, cell_timeout_s: float | None = None
) -> None:
    """Run a notebook with parameters and save it, executed, as `output`.

    Raises
    ------
    ConfigError
        If a parameter's name looks like a secret: papermill writes every parameter into the notebook.
    papermill.PapermillExecutionError
        If a cell failed; the saved notebook says where.
    """
    refuse_secrets(parameters)
    execute_notebook(
        notebook,
        output,
        parameters=dict(parameters),
        engine_name=ENGINE_NAME,
        kernel_name="python3",
        language="python",
        progress_bar=False,
        stop=stop,
        execution_timeout=cell_timeout_s,
    )


def refuse_secrets(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters, nested ones too, whose names look like secrets.

    Raises
    ------
    ConfigError
        With one sentence a name.
    """
    problems = [
        f"{name} looks like a secret; expected the name of a credentials profile (venue.credentials), never a key: "
        f"parameters are written into the notebook in clear"
        for name in _names(parameters)
        if SECRET_NAME.search(name.rpartition(".")[2])
    ]
    if problems:
        raise ConfigError(problems)


def _names(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in parameters.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")


class _ThisInterpreter(KernelSpecManager):
    """Whatever kernel a notebook names, the one started is the interpreter that runs us, with the same packages."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        # Its warning that a kernel on loopback talks without encryption would stand in the middle of the progress bar.
        quiet = "--Application.log_level=ERROR"
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", quiet]
        return KernelSpec(argv=argv, display_name="Python 3", language="python", name=kernel_name)


class _StoppableClient(PapermillNotebookClient):
    def __init__(self, nb_man: Any, stop: StopRequest, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self._stop = stop
        code = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        tagged = [cell for cell in code if INTERRUPTIBLE in _tags(cell)]
        # A notebook that names none is interrupted wherever it is.
        self._interruptible = {id(cell) for cell in tagged or code}

    def papermill_execute_cells(self) -> None:
        """papermill's loop, but cells that a stop kept from running are saved as `skipped`."""
        self.wait_for_reply(self.kc.execute(WAKE_ON_SIGNALS, silent=True, store_history=False))
        reached = False
        for index, cell in enumerate(self.nb.cells):
            if self._stop.requested and not reached:
                cell.metadata.papermill["status"] = "skipped"
                continue
            reached = reached or id(cell) in self._interruptible
            self.nb_man.cell_start(cell, index)
            try:
                with self._interrupted_on_stop(cell):
                    self.execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=error)
                break
            finally:
                self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)

    @contextmanager
    def _interrupted_on_stop(self, cell: Any) -> Iterator[None]:
        if id(cell) not in self._interruptible:
            yield
            return
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, done: threading.Event) -> None:
        assert self.km is not None
        while not self._stop.wait(REPEAT_S / 5):
            if done.is_set():
                return
        while not done.is_set():
            # The kernel alone, not its process group: what the session started must not get the signal.
            os.kill(self.km.provisioner.pid, signal.SIGINT)
            done.wait(REPEAT_S)


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


@contextmanager
def _listening(stop: StopRequest | None) -> Iterator[StopRequest]:
    if stop is not None:
        yield stop
        return
    request = StopRequest()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    request.install()
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
