"""hftbacktest in an environment of its own (it needs numpy below 2.3), made on first use, spoken to over a pipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REQUIREMENTS = Path(__file__).with_name("oracle_requirements.txt")


def cache_folder() -> Path:
    """Where environments and feeds of the benchmarks are kept: the user's cache, or WORKBENCH_BENCHMARKS."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lmex-workbench" / "benchmarks"
    return Path(os.environ.get("WORKBENCH_BENCHMARKS", default))


def oracle_python() -> Path:
    """The interpreter that has hftbacktest; its environment is made when it is not there yet, some 60 s."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = cache_folder() / f"hftbacktest-{wanted}"
    if not (home / "ready").exists():
        print(f"making an environment for hftbacktest in {home}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--quiet", "-r", REQUIREMENTS], check=True)
        (home / "ready").touch()
    return home / "bin" / "python"


class Oracle:
    """hftbacktest on one feed: answers what it counts for configurations, and how long that took."""

    def __init__(self, feed: Path) -> None:
        script = str(Path(__file__).with_name("oracle.py"))
        self._process = subprocess.Popen(
            [oracle_python(), script, str(feed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, configurations: list[dict[str, Any]], **how: Any) -> dict[str, Any]:
        """`answers`, one for each configuration, `seconds` in all, `peak_mib` so far; `how`: book, queue, warm_up."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"configurations": configurations, **how}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"hftbacktest ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
