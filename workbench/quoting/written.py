"""A model written out: its own source with all that it stands on, as one text that builds the same model anywhere.

What a function uses is frozen by its compiler at the time it is defined; the text freezes it too. Functions of the
user's are taken along (plain ones are compiled), numbers and small arrays become constants, names of workbench, NumPy,
numba and math become imports. Anything else is refused by its name and line.
"""

from __future__ import annotations
import __future__

import ast
import dis
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, NoReturn

import numpy as np

from workbench.compiled import Kernel
from workbench.errors import WorkbenchError
from workbench.quoting import schema
from workbench.quoting.schema import Slot

__all__ = ["HEADER", "NotPortableError", "WrittenModel", "place_of", "write_function", "write_out"]

HEADER = '"""A quoting model and all that it stands on, as it was defined."""'

MOST_NUMBERS = 4096
"""Larger arrays are data, not constants."""

_KNOWN_ROOTS = ("math", "cmath", "numpy", "numba", "workbench")
_OPTIONS = ("fastmath", "nogil", "boundscheck", "error_model", "inline", "forceinline", "parallel")
_PLUMBING = frozenset({"RESUME", "PUSH_NULL", "EXTENDED_ARG", "CACHE", "NOP"})
_PRELUDE = (
    "import numba as _numba",
    "import numpy as _numpy",
    "from workbench.compiled import compiled as _compiled",
    "from workbench.quoting.schema import Slot as _Slot",
)
"""Each stands in a text that uses its name."""

_EXPECTED = (
    f"expected a number, a text, a tuple or a NumPy array of up to {MOST_NUMBERS} of them, a function of yours, or a "
    "name of math, NumPy, numba or workbench"
)


class NotPortableError(WorkbenchError):
    """A model stands on something that cannot be written out; the message names it, its line and what to do."""


class Piece(NamedTuple):
    """Lines of a function of the user's: where they come from, and where they stand in the text."""

    file: str
    first: int
    lines: int
    text_first: int


class WrittenModel(NamedTuple):
    """The text, and where its lines come from."""

    text: str
    pieces: tuple[Piece, ...]

    def origin(self, line: int) -> tuple[str, int] | None:
        """File and line that a line of the text was taken from."""
        for piece in self.pieces:
            if piece.text_first <= line < piece.text_first + piece.lines:
                return piece.file, piece.first + line - piece.text_first
        return None


def write_out(
    function: Callable[..., int],
    params: Sequence[Slot],
    reasons: Mapping[int, str],
    *,
    spread_is_half: bool,
    spread_is_own: bool,
) -> WrittenModel:
    """Write a model's function out, with what it uses and what was declared of it.

    Raises
    ------
    NotPortableError
        If it stands on something that cannot be.
    """
    slots = "".join(f"        _Slot({', '.join(_literal(value) for value in _slot(slot))}),\n" for slot in params)
    texts = "".join(f"        {code}: {text!r},\n" for code, text in reasons.items())
    declared = (
        f"MODEL = {{\n    'function': {function.__name__},\n    'params': (\n{slots}    ),\n"
        f"    'reasons': {{\n{texts}    }},\n"
        f"    'spread_is_half': {bool(spread_is_half)},\n    'spread_is_own': {bool(spread_is_own)},\n}}\n"
    )
    return write_function(function, f"model {function.__name__}", HEADER, declared)


def write_function(function: Callable[..., Any], what: str, header: str, declared: str) -> WrittenModel:
    """Write any function out with what it uses: a header line before it, behind it what is declared of it.

    Raises
    ------
    NotPortableError
        If it stands on something that cannot be; `what` names it for people.
    """
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        raise NotPortableError(f"{what} is wrapped by another decorator; expected the plain function")
    writer = _Writer(what)
    writer.take_function(function.__name__, function, "", "")
    return writer.finished(header, declared)


def place_of(file: str, line: int) -> str:
    """A line as its author knows it: cells of a notebook by their number."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cells: Mapping[str, int] = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return f"line {line} of cell [{cells[file]}]" if file in cells else f"line {line} of {file}"


class _Writer:
    """Collects imports, constants and functions in the order in which they must stand."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._imports: list[str] = []
        self._constants: list[str] = []
        self._functions: list[tuple[str, Piece | None]] = []
        self._names: dict[str, Any] = {}

    def finished(self, header: str, declared: str) -> WrittenModel:
        written = "\n".join([*self._constants, *(function for function, _ in self._functions), declared])
        prelude = [line for line in _PRELUDE if line.rpartition(" ")[2] in written]
        head = [header, "", "from __future__ import annotations", "", *prelude, *self._imports, ""]
        text = "\n".join([*head, *self._constants, ""])
        pieces = []
        for function, piece in self._functions:
            text += "\n"
            if piece is not None:
                # The piece counts from the line of its `def`, behind decorators.
                before = text.count("\n") + 1 + function[: function.index("def ")].count("\n")
                pieces.append(piece._replace(text_first=before))
            text += function + "\n"
        return WrittenModel(f"{text}\n{declared}", tuple(pieces))

    def take_function(self, name: str, function: FunctionType, decorator: str, used_at: str) -> None:
        """A function of the user's, behind everything that it uses."""
        lines, piece, defaults = self._source(function, used_at)
        values, places = _used(function, defaults)
        for used, value in values.items():
            if used != name or value is not function:
                self._take(used, value, place_of(piece.file, places.get(used, piece.first)))
        if function.__name__ != name:
            lines = f"{lines}\n{name} = {function.__name__}"
        self._functions.append((f"{decorator}{lines}", piece))

    def _take(self, name: str, value: Any, at: str) -> None:
        if name in self._names:
            if self._names[name] is value or _same_constant(self._names[name], value):
                return
            self._refuse(f"{name} at {at} means two things in the functions that it uses; rename one of them")
        constant = _constant(value)
        origin = None if constant is not None and not _is_slot(name, value) else _import_of(name, value)
        if origin is not None:
            self._names[name] = value
            self._imports.append(origin)
        elif constant is not None:
            self._names[name] = value
            self._constants.append(f"{name} = {constant}")
        elif isinstance(value, Kernel):
            self._names[name] = value
            function: Any = value.py_func
            self.take_function(name, function, self._decorator_of(value, name, at), at)
        elif _is_dispatcher(value):
            self._names[name] = value
            self._take_compiled(name, value, at)
        elif isinstance(value, FunctionType):
            self._names[name] = value
            self.take_function(name, value, "@_numba.njit(nogil=True)\n", at)
        else:
            self._refuse(f"{name} at {at} is {_kind(value)}; {_EXPECTED}")

    def _take_compiled(self, name: str, dispatcher: Any, at: str) -> None:
        options = {key: value for key, value in dispatcher.targetoptions.items() if key in _OPTIONS and value}
        told = "".join(f", {key}={value!r}" for key, value in options.items())
        signatures = dispatcher.nopython_signatures
        if dispatcher._can_compile:  # noqa: SLF001 - numba's only word on whether the signatures were given
            decorator = f"@_numba.njit({told[2:]})\n"
        else:
            texts = [self._signature_text(signature, name, at) for signature in signatures]
            decorator = f"@_numba.njit({texts!r}{told})\n"
        self.take_function(name, dispatcher.py_func, decorator, at)

    def _decorator_of(self, kernel: Kernel, name: str, at: str) -> str:
        if kernel.signature is None:
            return f"@_numba.njit({', '.join(f'{key}={value!r}' for key, value in kernel.targetoptions.items())})\n"
        return f"@_compiled({self._signature_text(kernel.signature, name, at)!r})\n"

    def _signature_text(self, signature: Any, name: str, at: str) -> str:
        text = str(signature)
        if hasattr(signature, "return_type"):  # numba's own
            text = f"{signature.return_type!r}({', '.join(map(repr, signature.args))})"
        if _parsed(text) is None:
            self._refuse(f"{name} at {at} has a signature that cannot be written out; leave it to numba.njit")
        return text

    def _source(self, function: FunctionType, used_at: str) -> tuple[str, Piece, list[str]]:
        """Text from `def` on, where it stands, and the names that its default values use."""
        code = function.__code__
        at = used_at or place_of(code.co_filename, code.co_firstlineno)
        if function.__name__ == "<lambda>":
            self._refuse(f"the function at {at} is a lambda; define it with def")
        try:
            lines, first = inspect.getsourcelines(function)
            text = textwrap.dedent("".join(lines))
            node = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
        except (OSError, TypeError, SyntaxError, StopIteration):
            self._refuse(f"the source of {function.__name__}, used at {at}, is not kept; define it in a cell or a file")
        body = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
        if not _is_source_of(node, function):
            self._refuse(
                f"{code.co_filename} has changed since {function.__name__} was defined; run or import it again"
            )
        given = [*node.args.defaults, *(value for value in node.args.kw_defaults if value is not None)]
        names = [n.id for value in given for n in ast.walk(value) if isinstance(n, ast.Name)]
        return body, Piece(code.co_filename, first + node.lineno - 1, body.count("\n") + 1, 0), names

    def _refuse(self, what: str) -> NoReturn:
        raise NotPortableError(f"{self._what} cannot be taken to another process: {what}")


def _used(function: FunctionType, defaults: list[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """Values that a function finds outside of itself, and the lines where it first does; unknown names are left out."""
    code = function.__code__
    found: dict[str, Any] = {}
    places: dict[str, int] = {}
    for name, line in _loaded_globals(code):
        places.setdefault(name, line)
    for name in [*places, *defaults]:
        if name in function.__globals__:
            found[name] = function.__globals__[name]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return found, places


def _loaded_globals(code: CodeType) -> Iterator[tuple[str, int]]:
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = (instruction.positions.lineno if instruction.positions else None) or line
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield instruction.argval, line
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _loaded_globals(inner)


def _is_source_of(node: ast.FunctionDef, function: FunctionType) -> bool:
    """Whether a definition compiles to the function's own code: a file may have been edited since it was imported."""
    code = function.__code__
    bare = ast.FunctionDef(**{**{name: getattr(node, name) for name in node._fields}, "decorator_list": []})
    # What it closes over is closed over here too, as arguments of a function around it.
    around = ast.parse(f"def around({', '.join(code.co_freevars)}): pass")
    outer: Any = around.body[0]
    outer.body = [ast.copy_location(bare, node)]
    flags = __future__.annotations.compiler_flag
    made = compile(around, code.co_filename, "exec", flags=flags, dont_inherit=True)
    return any(_steps(read) == _steps(code) for read in _codes(made) if read.co_name == code.co_name)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _steps(code: CodeType) -> list[tuple[str, Any]]:
    """What a code does, without what depends on the imports round it and on where it jumps to."""
    steps: list[tuple[str, Any]] = []
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in _PLUMBING:
            continue
        if isinstance(value, CodeType):
            steps += _steps(value)
        elif "JUMP" in name or name in {"FOR_ITER", "MAKE_FUNCTION"}:
            steps.append((name, None))
        else:
            steps.append(("LOAD_ATTR" if name == "LOAD_METHOD" else name, repr(value)))
    return steps


def _is_dispatcher(value: Any) -> bool:
    """Whether numba made it; without numba in the process it did not."""
    numba = sys.modules.get("numba.core.dispatcher")
    return numba is not None and isinstance(value, numba.Dispatcher)


def _is_slot(name: str, value: Any) -> bool:
    """Names of the schema stay names: their places may move from one version to the next."""
    return name in schema.__all__ and type(value) is int and getattr(schema, name) == value


def _import_of(name: str, value: Any) -> str | None:
    """The statement that gives this value in another process, if it is of a package that is there too."""
    if isinstance(value, ModuleType):
        known = value.__name__.partition(".")[0] in _KNOWN_ROOTS
        same = value.__name__ == name
        return (f"import {name}" if same else f"import {value.__name__} as {name}") if known else None
    if _is_slot(name, value):
        return f"from workbench.quoting.schema import {name}"
    is_compiled = isinstance(value, Kernel) or _is_dispatcher(value)
    plain = value.py_func if is_compiled else value
    called = getattr(plain, "__name__", name)
    for home in (getattr(plain, "__module__", None), *_KNOWN_ROOTS[:-1]):
        if not isinstance(home, str) or home.partition(".")[0] not in _KNOWN_ROOTS or home not in sys.modules:
            continue
        found = getattr(sys.modules[home], called, None)
        if found is value:
            return f"from {home} import {called}" + (f" as {name}" if called != name else "")
        if is_compiled and getattr(found, "function", None) is value:
            return f"from {home} import {called} as _{called}\n{name} = _{called}.function"
    return None


def _constant(value: Any) -> str | None:
    """A value as an expression; None when it is none that may be frozen."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufc" or value.size > MOST_NUMBERS:
            return None
        inner = repr(np.ascontiguousarray(value).tolist())
        if not np.isfinite(value).all():
            inner = inner.replace("nan", "_numpy.nan").replace("inf", "_numpy.inf")
        return f"_numpy.array({inner}, dtype={value.dtype.name!r})"
    if isinstance(value, np.generic):
        return (
            f"_numpy.dtype({value.dtype.name!r}).type({_literal(value.item())})"
            if value.dtype.kind in "biufc"
            else None
        )
    if type(value) is tuple:
        parts = [_constant(item) for item in value]
        return None if None in parts else f"({', '.join(map(str, parts))}{',' if len(parts) == 1 else ''})"
    return _literal(value) if value is None or type(value) in (bool, int, float, complex, str) else None


def _literal(value: Any) -> str:
    if type(value) is float and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _same_constant(one: Any, other: Any) -> bool:
    return type(one) is type(other) and _constant(one) is not None and _constant(one) == _constant(other)


def _slot(slot: Slot) -> tuple[Any, ...]:
    return slot.name, slot.unit, slot.meaning, slot.low, slot.high, slot.default


def _parsed(text: str) -> Any:
    from numba.core import sigutils

    try:
        return sigutils.normalize_signature(text)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - it is evaluated as Python, which may fail in any way
        return None


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.size} {value.dtype}"
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}, which the engine may not have (import the function itself from it)"
    if isinstance(value, BuiltinFunctionType | type):
        return f"{value.__name__} of {value.__module__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
