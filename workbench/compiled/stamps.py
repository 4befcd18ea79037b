"""The stamp of a function: a digest of all that its machine code follows from, as it is in memory.

A compiler freezes what a function refers to: constants, global numbers and arrays, the functions that it calls. So the
stamp goes by their values and by the code of those functions, wherever they live, not by the time or text of a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

__all__ = ["UntoldError", "stamp_of"]

_COMPILERS_OWN = ("numpy", "math", "cmath", "numba", "builtins", "operator", "_operator")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)


class UntoldError(Exception):
    """A function refers to something of which nobody can say whether another process has the same."""


def stamp_of(function: Callable[..., Any], *more: object) -> str:
    """SHA-256 of a function, of all that it stands on, and of what is told besides; the same in every process.

    Raises
    ------
    UntoldError
        If it refers to something whose value cannot be told.
    """
    digest = hashlib.sha256()
    for part in (*_of_function(function, set()), *map(repr, more), _of_our_compiling()):
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


@cache
def _of_our_compiling() -> bytes:
    """Of what the processes that compile change in the compiler: what it made before does not outlive a change."""
    return b"".join(Path(__file__).with_name(name).read_bytes() for name in ("held.py", "quickening.py", "worker.py"))


def _of_function(function: Any, seen: set[int]) -> Iterator[str | bytes]:
    if id(function) in seen:
        yield f"again {function.__qualname__}"
        return
    seen.add(id(function))
    yield f"function {function.__module__}.{function.__qualname__}"
    names: set[str] = set()
    yield from _of_code(function.__code__, names)
    known = function.__globals__
    for name in sorted(names & known.keys()):
        yield f"global {name}"
        yield from _of_value(known[name], names, seen)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield f"closed over {name}"
        yield from _of_value(cell.cell_contents, names, seen)
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()):
        yield "default"
        yield from _of_value(value, names, seen)


def _of_code(code: CodeType, names: set[str]) -> Iterator[str | bytes]:
    names.update(code.co_names)
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant, names)
        elif isinstance(constant, frozenset):
            yield f"frozenset {sorted(map(repr, constant))}"
        else:
            yield f"{type(constant).__name__} {constant!r}"


def _of_value(value: Any, names: set[str], seen: set[int]) -> Iterator[str | bytes]:
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, (np.ndarray, np.generic)):
        yield from _of_array(np.asarray(value))
    elif isinstance(value, (tuple, list)):
        yield f"{type(value).__qualname__} {len(value)}"
        for part in value:
            yield from _of_value(part, names, seen)
    elif isinstance(value, ModuleType):
        yield from _of_module(value, names, seen)
    elif hasattr(value, "py_func"):  # a kernel, or a function that numba compiles
        options = getattr(value, "options", None) or getattr(value, "targetoptions", {})
        yield f"compiled {getattr(value, 'signature', None)} {sorted(options.items())}"
        yield from _of_function(value.py_func, seen)
    elif isinstance(value, FunctionType):
        yield from _of_function(value, seen)
    else:
        yield _name_of(value)


def _of_array(array: np.ndarray[Any, Any]) -> Iterator[str | bytes]:
    if array.dtype.hasobject:
        raise UntoldError
    yield f"array {array.dtype.str} {array.shape} {array.flags.c_contiguous}"
    yield array.tobytes()


def _of_module(module: ModuleType, names: set[str], seen: set[int]) -> Iterator[str | bytes]:
    """What may be meant by a name behind a dot; of a compiler's own modules the compiler's version says all."""
    yield f"module {module.__name__}"
    if module.__name__.partition(".")[0] not in _COMPILERS_OWN:
        for name in sorted(names & vars(module).keys()):
            yield name
            yield from _of_value(vars(module)[name], names, seen)


def _name_of(value: Any) -> str:
    """Of what is the same in every process that has it by this name."""
    if isinstance(value, type):
        return f"class {value.__module__}.{value.__qualname__} {getattr(value, '_fields', ())}"
    if isinstance(value, (BuiltinFunctionType, np.ufunc)):
        return f"built in {value.__name__}"
    home = type(value).__module__
    if home.partition(".")[0] == "numba" or home == "workbench.compiled.types":
        return f"type {value}"
    raise UntoldError
