"""Compile kernels on all cores: after an installation, and after a change of kernels.

numba compiles one function at a time in a process, but any process finds what another has left in the cache. So
workers are handed those kernels whose callees are there already, longest chain first; whoever needed them loads them.
A kernel that fails in a worker is compiled again where it is needed, and its error comes up there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["compile_ahead", "kernels_called"]

FEWEST = 6
"""Fewer than these are compiled sooner than workers have started."""

MOST_WORKERS = 4
"""Each takes some 400 MiB."""

LOOK_S = 0.2
"""Between two looks whether the work goes on, or was interrupted."""

OF_CALLEES = 5
"""What a kernel stands on takes a fifth of its time again where machine code is made of it all."""

WORK = "from workbench.compiled.worker import work; work()"


def kernels_called(kernel: Any) -> set[Any]:
    """The kernels that a kernel calls by name, itself or through what is written into it."""
    return _read(kernel)[0]


def _read(kernel: Any) -> tuple[set[Any], int]:
    """The kernels that a kernel calls, and how long its code is with all that is written into it."""
    found: set[Any] = set()
    length = 0
    seen = set()
    codes = [(kernel.py_func.__code__, kernel.py_func.__globals__)]
    while codes:
        code, names = codes.pop()
        length += len(code.co_code)
        for called in (names.get(name) for name in code.co_names):
            function = getattr(called, "py_func", None)
            if function is None or called in seen:
                continue
            seen.add(called)
            if getattr(called, "signature", None) is not None:
                found.add(called)
            else:
                codes.append((function.__code__, function.__globals__))
    return found, length


def compile_ahead(kernels: Iterable[Any], told: Callable[[float], None] | None = None) -> None:
    """Have kernels, and those that they call, compiled into the cache by other processes.

    Parameters
    ----------
    kernels : iterable of kernels
        Those that are in the cache, or cannot be kept there, are passed over.
    told : callable, optional
        Called with the share that is done, 0 to 1; what it raises ends the work.
    """
    missing = {kernel for kernel in _missing(kernels) if _place(kernel)}
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    if len(missing) >= FEWEST and workers > 1:
        _Ahead(missing, told).compile(workers)


def _missing(kernels: Iterable[Any]) -> set[Any]:
    """Those that are not compiled, and all that they call: workers pass over what of it is there.

    To look would take numba, which this process may need for nothing else.
    """
    listed = set(kernels)
    found = {kernel for kernel in listed if kernel.is_missing()}
    more = list(found)
    while more:
        called = kernels_called(more.pop()) - found - listed
        found |= called
        more += called
    return found


def _place(kernel: Any) -> str:
    """Module and name that another process finds a kernel of the package by; empty where it cannot."""
    function = kernel.py_func
    module, name = function.__module__ or "", function.__name__
    if not module.startswith("workbench."):
        return ""
    found = getattr(sys.modules[module], name, None)
    if found is kernel:
        return f"{module} {name}"
    return f"{module} {name}.function" if getattr(found, "function", None) is kernel else ""  # that of a model


class _Ahead:
    """Kernels on their way into the cache."""

    def __init__(self, missing: set[Any], told: Callable[[float], None] | None) -> None:
        read = {kernel: _read(kernel) for kernel in missing}
        self._callees = {kernel: called & missing for kernel, (called, _) in read.items()}
        self._lengths = {kernel: length for kernel, (_, length) in read.items()}
        self._told = told
        self._chain: dict[Any, int] = {}
        for kernel in missing:
            self._weigh(kernel)
        self._waiting = set(missing)
        self._done: set[Any] = set()
        self._changed = threading.Condition()
        self._ended = False

    def _weigh(self, kernel: Any) -> int:
        """Work that waits for a kernel, along its longest chain of callers, as length of code."""
        if kernel not in self._chain:
            callers = [other for other, callees in self._callees.items() if kernel in callees]
            behind = max(map(self._weigh, callers), default=0)
            self._chain[kernel] = behind + self._work(kernel)
        return self._chain[kernel]

    def _work(self, kernel: Any) -> int:
        if kernel.options.get("is_inner"):
            return self._lengths[kernel]
        below: set[Any] = set()
        more = {kernel}
        while more:
            below |= more
            more = set().union(*(self._callees[other] for other in more)) - below
        return self._lengths[kernel] + sum(self._lengths[other] for other in below - {kernel}) // OF_CALLEES

    def compile(self, workers: int) -> None:
        """Start workers, and stay until all kernels are compiled."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
        }
        processes = [
            subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-P", "-c", WORK],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                text=True,
            )
            for _ in range(workers)
        ]
        threads = [threading.Thread(target=self._serve, args=(process,)) for process in processes]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                with self._changed:
                    self._changed.wait(LOOK_S)
                if self._told is not None:
                    self._told(len(self._done) / len(self._callees))
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            for process in processes:
                process.kill()
            for thread in threads:
                thread.join()
            for process in processes:
                process.communicate()

    def _serve(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        while (kernel := self._next()) is not None:
            try:
                print(_place(kernel), file=process.stdin, flush=True)
                answered = process.stdout.readline()
            except OSError:
                answered = ""
            with self._changed:
                self._done.add(kernel)
                self._changed.notify_all()
            if not answered:
                return

    def _next(self) -> Any:
        """The kernel that most waits for, of those whose callees are there; None: all are taken."""
        with self._changed:
            while self._waiting and not self._ended:
                ready = [kernel for kernel in self._waiting if self._callees[kernel] <= self._done]
                if ready:
                    kernel = max(ready, key=self._chain.__getitem__)
                    self._waiting.discard(kernel)
                    return kernel
                self._changed.wait()
        return None
