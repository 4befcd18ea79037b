"""The compile cache serves fresh processes, and never a kernel whose callees have changed."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.compiled import KERNEL_FOLDERS, _text_folder, compiled, kernel_sources_digest

SCRIPT = """
import sys, workbench.compiled
workbench.compiled.kernel_sources_digest = lambda upto: sys.argv[1]
from kernel_under_test import double
print(sum(double.stats.cache_hits.values()), double(21))
"""

KERNEL = """
from numba import types
from workbench.compiled import compiled

@compiled(types.int64(types.int64))
def double(x):
    return 2 * x
"""


def test_a_change_in_any_kernel_source_misses_the_cache(tmp_path: Path) -> None:
    (tmp_path / "kernel_under_test.py").write_text(KERNEL)
    answers = []
    for digest in ("before", "before", "after"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, digest],
            env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout.split())
    assert answers == [["0", "42"], ["1", "42"], ["0", "42"]]


def test_a_function_without_a_source_file_is_compiled_all_the_same() -> None:
    names: dict[str, object] = {"compiled": compiled}
    exec("@compiled('float64(float64[::1])')\ndef first(x):\n    return x[0]\n", names)
    assert names["first"](np.array([4.0])) == 4.0  # type: ignore[operator]


def test_the_digest_of_a_folder_covers_what_its_kernels_may_call() -> None:
    digests = [kernel_sources_digest(folder) for folder in KERNEL_FOLDERS]
    assert len(kernel_sources_digest()) == 64
    assert digests[-1] == kernel_sources_digest()
    assert len(set(digests[:5])) == 5


def test_texts_are_kept_where_only_the_user_may_write_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = _text_folder.__wrapped__()
    assert tmp_path in kept.parents
    kept.chmod(0o777)
    assert _text_folder.__wrapped__() == kept
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    elsewhere = _text_folder.__wrapped__()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    elsewhere.rmdir()
