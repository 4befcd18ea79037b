"""The caches of compiled code serve fresh processes, and never a kernel whose callees have changed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.compiled import KERNEL_FOLDERS, compiled, kernel_sources_digest
from workbench.compiled.sources import _text_folder

SCRIPT = """
import sys, workbench.compiled.images as images, workbench.compiled.dispatchers as dispatchers
images.kernel_sources_digest = dispatchers.kernel_sources_digest = lambda upto: sys.argv[1]
from kernel_under_test import double, half
answer = double(21)
hits = sum(double.dispatcher.stats.cache_hits.values())
missing = half.is_missing()
print(hits, answer, missing, half(21))
"""

KERNEL = """
from workbench.compiled import types
from workbench.compiled import by_address, compiled, types

@by_address(types.float64(types.float64))
def half(x):
    return x / 2

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
    assert answers == [["0", "42", "True", "10.5"], ["1", "42", "False", "10.5"], ["0", "42", "True", "10.5"]]


def test_a_function_without_a_source_file_is_compiled_all_the_same() -> None:
    names: dict[str, object] = {"compiled": compiled}
    exec("@compiled('float64(float64[::1])')\ndef first(x):\n    return x[0]\n", names)
    assert names["first"](np.array([4.0])) == 4.0  # type: ignore[operator]


WAITING = """
import threading
from workbench.compiled import kernels_wait, load_kernels
from kernels_that_wait import double, quadruple
assert kernels_wait() and not double.dispatcher.signatures and not quadruple.dispatcher.signatures
threads = [threading.Thread(target=lambda: answers.append(quadruple(True))) for _ in range(4)]
answers = []
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(answers, len(quadruple.dispatcher.signatures), len(double.dispatcher.signatures))
load_kernels()
assert not kernels_wait()
print(double(3), len(double.dispatcher.signatures))
try:
    double("3")
except TypeError as error:
    print("refused")
"""


def test_kernels_wait_for_their_first_call_and_keep_to_the_declared_types(tmp_path: Path) -> None:
    more = "\n@compiled(types.int64(types.int64))\ndef quadruple(x):\n    return double(double(x))\n"
    (tmp_path / "kernels_that_wait.py").write_text(KERNEL + more)
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", WAITING],
            env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout.splitlines())
    # A kernel from the cache holds those that it calls: they need not be loaded themselves.
    assert answers == [["[4, 4, 4, 4] 1 1", "6 1", "refused"], ["[4, 4, 4, 4] 1 0", "6 1", "refused"]]


NESTED = """
import numpy as np
from numba import njit
from workbench.compiled import by_address, compiled, types

@compiled(types.float64(types.int64, types.float64))
def filled(count, value):
    return np.full(count, value).sum() + (value - value)

@by_address(types.float64(types.int64, types.float64))
def passes_on(count, value):
    return filled(count, value)

@njit(fastmath=True)
def in_a_hurry(count, value):
    return filled(count, value)

if __name__ == "__main__":
    import sys
    kernels = {"filled": filled, "passes_on": passes_on, "in_a_hurry": in_a_hurry}
    print(*(kernels[name](3, value) for name in sys.argv[1:] for value in (2.0, float("inf"))))
"""


@pytest.mark.parametrize("order", [("passes_on", "filled"), ("in_a_hurry", "filled"), ("filled", "passes_on")])
def test_a_kernel_is_compiled_alike_whoever_has_it_compiled(order: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "nested.py").write_text(NESTED)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "nested.py"), *order],
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["6.0", "nan", "6.0", "nan"]


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


AHEAD = """
import os
os.cpu_count = lambda: 2
from workbench.compiled import kernels_wait, load_kernels
from workbench.compiled.ahead import compile_ahead, kernels_called
from workbench.trading.view_kernels import flow_over_window, mean_adverse, note_flow, take_markouts, update_quote
from workbench.market.steps import flow_update

assert {take_markouts, mean_adverse, note_flow, flow_over_window} < kernels_called(update_quote)
assert kernels_called(note_flow) == {flow_update}
kernels = [update_quote, *kernels_called(update_quote), flow_update]
shares = []
print(all(kernel.is_missing() for kernel in kernels))

def interrupted(share):
    raise KeyboardInterrupt

try:
    compile_ahead([update_quote], interrupted)
except KeyboardInterrupt:
    print(update_quote.is_missing())
compile_ahead([update_quote], shares.append)
print(any(kernel.is_missing() for kernel in kernels), shares == sorted(shares), shares[-1])
update_quote.load()
compile_ahead([update_quote], interrupted)
# What only kernels call is kept for those alone: it loads all the same.
note_flow.load()
for kernel in (update_quote, note_flow):
    stats = kernel.dispatcher.stats
    print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_kernels_are_compiled_ahead_by_other_processes(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", AHEAD], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == ["True", "True", "False True 1.0", "1 0", "1 0"]
