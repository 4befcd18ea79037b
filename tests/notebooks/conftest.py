"""A real JupyterLab with a real Chromium before it; skipped where there is none."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

KERNEL_IS_IDLE = """
() => window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === "idle"
"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab server."""

    url: str
    token: str
    root: Path


def _wait_until(condition: Callable[[], Any], deadline_s: float, what: str) -> Any:
    """Look again and again until the condition gives something true; fail with `what` at the deadline."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {deadline_s:g} s: {what}")


def fetch(url: str) -> Any:
    """JSON of an address, or None while nobody listens there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def _end_engines(folder: Path) -> None:
    """End the engines and simulated venues whose run folders are below a folder."""
    for name in ("engine.json", "venue.json"):
        for file in folder.glob(f"**/{name}"):
            pid = json.loads(file.read_text())["pid"]
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
            _wait_until(lambda pid=pid: not Path(f"/proc/{pid}/exe").exists(), 30, f"the end of process {pid}")


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return _wait_until


@pytest.fixture
def end_engines() -> Callable[[Path], None]:
    return _end_engines


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a free port, with settings of its own."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra: lab)")
    home, root = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")
    notices = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    places = {
        "JUPYTER_CONFIG_DIR": home,
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "lab" / "user-settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "lab" / "workspaces",
        "IPYTHONDIR": home / "ipython",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"]
    command += [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    log = home / "lab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {k: str(v) for k, v in places.items()}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until(lambda: fetch(f"{url}/api?token={token}"), 60, f"an answer of JupyterLab; see {log}")
        yield Lab(url, token, root)
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        _end_engines(root)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium: the system's own, nothing is downloaded.

    Playwright keeps an event loop running in this thread for as long as it is open, in which no other test could run
    its own: so it is closed with the module.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it to run the tests in a browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_notebook(lab: Lab, chromium: Any) -> Iterator[Callable[[str], tuple[Any, Path]]]:
    """Copy a notebook of the project into a folder of its own and open it; gives the page and the folder."""
    pages, folders = [], []

    def opened(name: str) -> tuple[Any, Path]:
        folder = lab.root / secrets.token_hex(4)
        folder.mkdir()
        folders.append(folder)
        shutil.copy(ROOT / "notebooks" / name, folder)
        page = chromium.new_page(viewport={"width": 1280, "height": 1240})
        pages.append(page)
        page.goto(f"{lab.url}/doc/tree/{folder.name}/{name}?token={lab.token}&reset")
        page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        return page, folder

    yield opened
    for page in pages:
        page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
        page.close()
    for folder in folders:
        _end_engines(folder)
