"""The caches of compiled code serve fresh processes, and never a kernel whose callees have changed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.compiled import compiled
from workbench.compiled.sources import private_folder

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


HELPER = """
from workbench.compiled import compiled, inlined, types

@compiled(types.float64(types.float64))
def scaled(x):
    return 0.8 * x

@inlined
def shifted(x):
    return x + 1.0
"""

USER = """
import sys
import numpy as np
import limits
from helper import scaled, shifted
from workbench.compiled import addressable, by_address, compiled, types

TABLE = np.load("table.npy")
SHARE = types.float64(types.float64)

@by_address(SHARE)
def by_its_address(x):
    return shifted(scaled(x)) * TABLE[0] + limits.MOST

@compiled(SHARE)
def by_numba(x):
    return shifted(scaled(x)) * TABLE[0] + limits.MOST

if "change" in sys.argv:  # after the import: what is compiled is what was imported
    for change in sys.argv[2:]:
        file, _, words = change.partition(":")
        old, _, new = words.partition("=")
        text = open(file).read()
        assert old in text
        open(file, "w").write(text.replace(old, new))
for kernel in (by_its_address, by_numba):
    found, missing = kernel(10.0), kernel.py_func(10.0)
    print(found, missing)
"""


@pytest.mark.parametrize(
    "change",
    ["user.py:shifted(scaled(x)) * TABLE=TABLE", "helper.py:0.8=0.5", "helper.py:1.0=2.0", "limits.py:3.0=4.0"],
)
def test_compiled_code_is_that_of_its_sources_whichever_changes_and_when(change: str, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "limits.py").write_text("MOST = 3.0\n")
    np.save(tmp_path / "table.npy", np.full(5_000, 2.0))

    def run(*arguments: str) -> list[list[str]]:
        done = subprocess.run(
            [sys.executable, "user.py", *arguments],
            env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    before = run("change", change)
    assert before == [["21.0", "21.0"]] * 2
    for _ in range(2):
        after = run()
        assert after == [[after[0][1]] * 2] * 2
        assert after != before
    np.save(tmp_path / "table.npy", np.full(5_000, 7.0))
    assert run() == [[run()[0][1]] * 2] * 2 != after


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


def test_texts_are_kept_where_only_the_user_may_write_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = private_folder.__wrapped__("models")
    assert tmp_path in kept.parents
    kept.chmod(0o777)
    assert private_folder.__wrapped__("models") == kept
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    elsewhere = private_folder.__wrapped__("models")
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
