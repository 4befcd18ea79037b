"""Kernels: functions that are compiled when they are first needed, and decorators that make them.

A kernel knows its plain Python function and its signature. numba is imported when one is compiled, or called through
numba's dispatcher; kernels that are called by address (see `workbench.compiled.native`) do without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from workbench.compiled import types
from workbench.compiled.ahead import compile_ahead
from workbench.compiled.images import Image, ImageFile
from workbench.compiled.native import Code, check_signature

__all__ = [
    "Kernel",
    "addressable",
    "borrowing",
    "by_address",
    "compiled",
    "inlined",
    "inner",
    "kernels_wait",
    "load_kernels",
]

F = TypeVar("F", bound=Callable[..., Any])

_linking = threading.Lock()
_waiting: dict[int, Kernel] = {}


class Kernel:
    """A function that is compiled, or loaded, when it is first called; Python calls it through numba's dispatcher.

    Attributes
    ----------
    py_func : function
        Its plain Python twin.
    signature
        The one that it is compiled for.
    options : dict
        How it is compiled; see `made_dispatcher`.
    """

    targetoptions: dict[str, Any] = {}  # noqa: RUF012 - numba looks for it: nothing is to be inlined
    options: dict[str, Any] = {"nogil": True, "counting": True}  # noqa: RUF012

    def __init__(self, function: Callable[..., Any], signature: Any, **options: Any) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self.signature = signature
        self.options = {**self.options, **options}
        self._dispatcher: Any = None
        self._run: Callable[..., Any] = self._first_call
        _waiting[id(self)] = self

    def __call__(self, *args: Any) -> Any:
        return self._run(*args)

    def __repr__(self) -> str:
        return f"<kernel {self.py_func.__module__}.{self.py_func.__qualname__}>"

    @property
    def dispatcher(self) -> Any:
        """numba's side of it."""
        if self._dispatcher is None:
            from workbench.compiled.dispatchers import compiler_lock, made_dispatcher

            with compiler_lock:
                if self._dispatcher is None:
                    self._dispatcher = made_dispatcher(self, **self.options)
        return self._dispatcher

    @property
    def _numba_type_(self) -> Any:
        """numba asks an object that it meets in compiled code, or as an argument, for its type by this name."""
        from workbench.compiled.dispatchers import dispatcher_type

        return dispatcher_type(self.dispatcher)

    def is_missing(self) -> bool:
        """Whether it would have to be compiled, and could be kept."""
        return bool(self.dispatcher.is_missing())

    def load_dispatcher(self) -> None:
        """Have numba's side of it compiled, from the cache where it is there."""
        from workbench.compiled.dispatchers import compiler_lock

        # numba asks for kernels while it holds its lock: there is no other one to be held with it.
        with compiler_lock:
            self.dispatcher.load()
        _waiting.pop(id(self), None)

    def make(self) -> None:
        """Have it compiled into the cache."""
        self.load_dispatcher()

    def load(self) -> None:
        """Have it ready to be called."""
        self.load_dispatcher()
        self._run = self.dispatcher

    def _first_call(self, *args: Any) -> Any:
        if self.is_missing():
            compile_ahead([self])
        self.load()
        return self._run(*args)


class _Inner(Kernel):
    """A kernel without a way in from Python, where its plain twin runs."""

    options = {"nogil": True, "counting": False, "is_inner": True}  # noqa: RUF012

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        super().__init__(function, signature)
        self._run = function

    def load(self) -> None:
        self.load_dispatcher()


class _WithImage(Kernel):
    """A kernel whose machine code is kept by itself."""

    signature: types.Signature

    def __init__(self, function: Callable[..., Any], signature: types.Signature) -> None:
        check_signature(signature)
        super().__init__(function, signature)
        self._code: Code | None = None
        self._file = ImageFile(function, signature, sorted(self.options.items()))

    def is_missing(self) -> bool:
        return self._file.path is not None and not self._file.is_there()

    def make(self) -> None:
        if not self._file.is_there():
            self._made_image()

    def code(self) -> Code:
        """Its machine code in this process: kept, or compiled now."""
        if self._code is None:
            image = self._file.read() or self._made_image()
            with _linking:
                if self._code is None:
                    self._code = Code(self.py_func.__name__, self.signature, image)
            _waiting.pop(id(self), None)
        return self._code

    @property
    def address(self) -> int:
        """Where its code stands in this process."""
        return self.code().address

    def _made_image(self) -> Image:
        from workbench.compiled.dispatchers import compiled_image

        self.load_dispatcher()
        image, is_portable = compiled_image(self.dispatcher)
        if is_portable:
            self._file.keep(image)
        return image


class _ByAddress(_WithImage):
    """A kernel that Python calls by its address; numba has no way in for Python, and no cache of its own."""

    options = {"nogil": True, "counting": False, "keeps_image": True}  # noqa: RUF012

    def load(self) -> None:
        self._run = self.code()


class _Addressable(_WithImage):
    """A kernel that Python calls through numba's dispatcher, and kernels called by address by its own address."""

    options = {"nogil": True, "counting": True, "is_value": True}  # noqa: RUF012

    def __wrapper_address__(self) -> int:
        """numba asks an object that is handed over as a function for its address by this name."""
        from workbench.compiled.dispatchers import function_address

        return function_address(self.dispatcher)


class _Inlined(Kernel):
    """A part of the kernels that call it; called from Python it is compiled for whatever types it is given."""

    targetoptions = {"inline": "always", "nogil": True}  # noqa: RUF012

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function, None)
        del _waiting[id(self)]

    @property
    def dispatcher(self) -> Any:
        if self._dispatcher is None:
            from workbench.compiled.dispatchers import compiler_lock, made_inlined_dispatcher

            with compiler_lock:
                if self._dispatcher is None:
                    self._dispatcher = made_inlined_dispatcher(self.py_func, **self.targetoptions)
        return self._dispatcher

    def is_missing(self) -> bool:
        return False

    def load(self) -> None:
        self._run = self.dispatcher


def kernels_wait() -> bool:
    """Whether some kernel is not loaded yet."""
    return bool(_waiting)


def load_kernels(told: Callable[[float], None] | None = None) -> None:
    """Load or compile every kernel that waits for its first call: before trading begins, not in the midst of it.

    What is not compiled yet is compiled on all cores; `told` hears which share of it is done, 0 to 1.
    """
    compile_ahead(list(_waiting.values()), told)
    while _waiting:
        next(iter(_waiting.values())).load()


def _decorator(kernel_of: Callable[[Callable[..., Any]], Kernel]) -> Callable[[F], F]:
    """A kernel goes by the type of its function."""

    def make(function: F) -> F:
        return cast("F", kernel_of(function))

    return make


def compiled(signature: Any, *, nogil: bool = True) -> Callable[[F], F]:
    """Decorator: compile for one signature at the first use, or load from the cache; `.py_func` stays the plain twin.

    Parameters
    ----------
    signature : Signature, numba signature or str
        For example ``types.int64(types.float64[::1])``, of `workbench.compiled.types`.
    nogil : bool
        Release the GIL while it runs.

    Notes
    -----
    A function without a source file (typed at a bare prompt) is compiled without the cache. Errors of compilation are
    numba's own and name the line.
    """
    return _decorator(lambda function: Kernel(function, signature, nogil=nogil))


def borrowing(signature: Any) -> Callable[[F], F]:
    """`compiled` for a function that allocates no array and keeps none: references to its arguments are not counted.

    Each count is an atomic instruction; in loops that hand many arrays on they were nine tenths of the time.
    """
    return _decorator(lambda function: Kernel(function, signature, counting=False))


def inner(signature: Any) -> Callable[[F], F]:
    """`borrowing` for a function that only kernels call: the way in from Python is a third of what compiling it takes.

    Called from Python its plain twin runs: tests of a caller's twin need no more.
    """
    return _decorator(lambda function: _Inner(function, signature))


def by_address(signature: types.Signature) -> Callable[[F], F]:
    """`borrowing` for a function that Python calls now and then with much to do: it is called without numba.

    A call takes some microseconds more than numba's own, and the process need not import a compiler.
    """
    return _decorator(lambda function: _ByAddress(function, signature))


def addressable(signature: types.Signature, *, at_once: bool = False) -> Callable[[F], F]:
    """`compiled` for a function that kernels take as a value: those that are called by address take its `.address`.

    Parameters
    ----------
    signature : Signature
    at_once : bool
        Have it compiled now, so that whoever wrote the function hears of its errors; otherwise at the first use.
    """

    def make(function: F) -> F:
        kernel = _Addressable(function, signature)
        if at_once:
            try:
                kernel.make()
            except BaseException:
                _waiting.pop(id(kernel), None)  # nobody will have it
                raise
        return cast("F", kernel)

    return make


def inlined(function: F) -> F:
    """Decorator: a part of the kernels that call it, written into them; `.py_func` stays the plain Python twin.

    For the innermost steps of loops over millions of rows: a call that hands arrays over costs tens of nanoseconds.
    """
    return cast("F", _Inlined(function))
