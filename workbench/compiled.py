"""The one place that compiles: numba with an explicit signature and an on-disk cache that is never stale.

numba's cache notices a change in a kernel's own file, not in another file whose functions it has inlined. A risk check
edited on disk would go on trading in its old form, so the cache here is stamped with all sources that hold kernels
which the function may have inlined: those of its own folder and of the folders below it.

Code that comes as text (a model typed in a notebook) is kept in a file named by its content, so that it has a cache
too, and one that cannot be stale: a changed constant is another file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys

from workbench.compiling import compile_ahead

__all__ = ["borrowing", "compiled", "inlined", "inner", "kernel_sources_digest", "kernels_wait", "load_kernels"]

F = TypeVar("F", bound=Callable[..., Any])

KERNEL_FOLDERS = ("market", "volatility", "risk", "quoting", "trading", "backtest/kernels")
"""In the direction of the imports: a kernel calls those of its own folder and of the folders before it."""


def kernel_sources_digest(upto: str = KERNEL_FOLDERS[-1]) -> str:
    """SHA-256 over the source files that may hold a kernel, of the folders up to `upto`.

    It is the stamp of the compiled cache and, over all folders, part of a run's code hash.
    """
    digest: str = _digest(KERNEL_FOLDERS.index(upto)).hexdigest()
    return digest


@cache
def _digest(last: int) -> Any:
    """The digest over the folders up to number `last`: that of the folders before it, and then its own files."""
    digest = hashlib.sha256() if last == 0 else _digest(last - 1).copy()
    root = Path(__file__).parent
    for path in sorted((root / KERNEL_FOLDERS[last]).glob("**/*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest


class _StampedCache(FunctionCache):
    """numba's cache of one function, stamped with all sources that it may have inlined."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call] # numba is not typed
        locator = self._impl.locator
        stamp = (locator.get_source_stamp(), kernel_sources_digest(_folder_of(function)))
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]

    def holds(self, signature: Any, target_context: Any) -> bool:
        """Whether the function is in the cache as its sources are now."""
        key = self._index_key(signature, target_context.codegen())  # type: ignore[no-untyped-call]
        return key in self._cache_file._load_index()  # type: ignore[no-untyped-call] # noqa: SLF001

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # numba would set up its compiler first, which imports half of it (and SciPy): what is compiled already needs
        # only the run time.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


_loading = threading.RLock()
_waiting: dict[int, Any] = {}


class _Waiting(CPUDispatcher):
    """A kernel that nobody has needed yet: a kernel loaded from the cache holds those that it calls.

    It becomes an ordinary dispatcher when it is called, handed to a kernel as a function, or inlined by the compiler.
    """

    signature: Any

    def is_missing(self) -> bool:
        """Whether it would have to be compiled, and could be kept."""
        files = self._files()
        return files is not None and id(self) in _waiting and not files.holds(self.signature, self.targetctx)

    def _files(self) -> _StampedCache | None:
        """Its cache, looked for when it is needed; None where there is no place to keep one."""
        if not isinstance(self.__dict__["_cache"], _StampedCache):
            with suppress(RuntimeError):
                self.__dict__["_cache"] = _StampedCache(self.py_func)  # numba has no public way to give it another
        files = self.__dict__["_cache"]
        return files if isinstance(files, _StampedCache) else None

    def load(self) -> None:
        with _loading:
            if _waiting.pop(id(self), None) is not None:
                self._files()
                self.compile(self.signature)
                self.disable_compile()
                self.__class__ = _Inner if self.targetoptions.get("no_cpython_wrapper") else CPUDispatcher  # type: ignore[assignment] # it is one

    def __call__(self, *args: Any) -> Any:
        if self.is_missing():
            compile_ahead([self])
        self.load()
        return self(*args)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        self.load()
        return CPUDispatcher.get_call_template(self, args, kws)

    def get_compile_result(self, sig: Any) -> Any:
        self.load()
        return CPUDispatcher.get_compile_result(self, sig)

    @property
    def nopython_signatures(self) -> Any:
        self.load()
        return CPUDispatcher.nopython_signatures.__get__(self)


class _Inner(CPUDispatcher):
    """A kernel without a way in from Python, where its plain twin runs."""

    def __call__(self, *args: Any) -> Any:
        return self.py_func(*args)


def kernels_wait() -> bool:
    """Whether some kernel is not loaded yet."""
    return bool(_waiting)


def load_kernels(told: Callable[[float], None] | None = None) -> None:
    """Load or compile every kernel that waits for its first call: before trading begins, not in the midst of it.

    What is not compiled yet is compiled on all cores; `told` hears which share of it is done, 0 to 1.
    """
    compile_ahead(_waiting.values(), told)
    while _waiting:
        next(iter(_waiting.values())).load()


def compiled(
    signature: Any, *, nogil: bool = True, counting: bool = True, from_python: bool = True, at_once: bool = False
) -> Callable[[F], F]:
    """Decorator: compile for one signature, or load it from the cache; `.py_func` stays the plain Python twin.

    Parameters
    ----------
    signature : numba signature
        For example ``types.int64(types.float64[::1])``.
    nogil : bool
        Release the GIL while it runs.
    counting : bool
        Count references to arrays; see `borrowing`.
    from_python : bool
        Whether Python may call it; see `inner`.
    at_once : bool
        Compile now, so that whoever wrote the function hears of its errors; otherwise at the first use.

    Notes
    -----
    A function without a source file (typed at a bare prompt) is compiled without the cache. Errors of compilation are
    numba's own and name the line.
    """

    def compile_function(function: F) -> F:
        options: dict[str, Any] = {
            "nogil": nogil,
            "_nrt": counting,
            "no_cpython_wrapper": not from_python,
            "no_cfunc_wrapper": not from_python,
        }
        dispatcher: Any = numba.njit(**options)(function)
        dispatcher.__class__ = _Waiting
        dispatcher.signature = signature
        _waiting[id(dispatcher)] = dispatcher
        if at_once:
            dispatcher.load()
        return cast("F", dispatcher)

    return compile_function


def borrowing(signature: Any) -> Callable[[F], F]:
    """`compiled` for a function that allocates no array and keeps none: references to its arguments are not counted.

    Each count is an atomic instruction; in loops that hand many arrays on they were nine tenths of the time.
    """
    return compiled(signature, counting=False)


def inner(signature: Any) -> Callable[[F], F]:
    """`borrowing` for a function that only kernels call: the way in from Python is a third of what compiling it takes.

    Called from Python its plain twin runs: tests of a caller's twin need no more.
    """
    return compiled(signature, counting=False, from_python=False)


def inlined(function: F) -> F:
    """Decorator: a part of the kernels that call it, written into them; `.py_func` stays the plain Python twin.

    For the innermost steps of loops over millions of rows: a call that hands arrays over costs tens of nanoseconds.
    """
    return cast("F", numba.njit(inline="always", nogil=True)(function))


def _folder_of(function: Callable[..., Any]) -> str:
    """The kernel folder that a function lives in; the last one, which may call all others, for any other place."""
    path = function.__module__.replace(".", "/") + "/"
    return next((name for name in KERNEL_FOLDERS if path.startswith(f"{__package__}/{name}/")), KERNEL_FOLDERS[-1])


def module_of_text(text: str, prefix: str) -> ModuleType:
    """The module that a text makes when it is run; the same text gives the same module, and finds what it compiled.

    Whatever the text raises is raised.
    """
    name = f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, _kept(f"{name}.py", text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _kept(name: str, text: str) -> Path:
    path = _text_folder() / name
    if not path.is_file() or path.read_text() != text:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".draft")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    return path


@cache
def _text_folder() -> Path:
    """The user's alone, for what lies there is executed; without a place to write, one for this process."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench" / "models"
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            folder.chmod(0o700)
            return folder
    except (OSError, RuntimeError):  # no home, or none to write to
        pass
    return Path(tempfile.mkdtemp(prefix="workbench-models-"))
