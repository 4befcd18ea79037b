"""Why a model cannot be compiled, for the person who wrote it: the line, the cause, the remedy."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

from workbench.quoting.written import WrittenModel, place_of

__all__ = ["compile_errors", "explain_failure"]

_PLACES = (re.compile(r'File "([^"]*)", line (\d+)'), re.compile(r"Raised from (\S+) \((\d+)\)"))
_NOISE = ("Failed in", "During:", "File ", "-")

_REMEDIES = (
    ("is not defined", "Define {0} before the model, in a cell above or in the same one; the model keeps the value."),
    ("from none to int64", "Return the number of rows, or a negative reason code, at the end of every path."),
    (
        r"etitem.*Literal\[str\]",
        "Arrays take slot numbers, not names: import them from workbench.quoting.schema (view[MID]).",
    ),
    (
        "Untyped global name",
        "Globals are numbers, arrays or compiled functions; of another model, its .function. {general}",
    ),
    ("IMPORT_NAME", "Import at the top of the cell, not inside of the model."),
)
_GENERAL = "Use numbers, the five arrays, math.* and other compiled functions only (numba's nopython mode)."


def compile_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What numba raises on Python that it does not take, and `others`; the last four escape from its inside."""
    from numba.core.errors import NumbaError, UnsupportedBytecodeError

    return *others, NumbaError, UnsupportedBytecodeError, NotImplementedError, TypeError, KeyError, AssertionError


def explain_failure(function: Callable[..., int], error: Exception, written: WrittenModel | None = None) -> str:
    """One message from a compiler's error: where, what, and what to do instead.

    Lines of a model that was compiled as it is written out are those of its author.
    """
    message = str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    cause = next((line for line in lines if not line.startswith(_NOISE)), lines[0] if lines else repr(error))
    missing = re.search(r"name '(\w+)' is not defined", cause)
    culprit = missing or re.search(r"'(with) ", cause)
    where = _where(function, message, culprit.group(1) if culprit else "", written)
    remedy = next((text for sign, text in _REMEDIES if re.search(sign, message, re.DOTALL)), _GENERAL)
    remedy = remedy.format(missing.group(1) if missing else "", general=_GENERAL)
    return f"model {function.__name__} cannot be compiled at {where}: {cause}\n{remedy}"


def _where(function: Callable[..., int], message: str, word: str, written: WrittenModel | None) -> str:
    """The place that the message names; else the line with the word; else where the model begins."""
    code = function.__code__
    for pattern in _PLACES:
        if (place := pattern.search(message)) is not None:
            file, line = place.group(1), int(place.group(2))
            origin = None if written is None else written.origin(line)
            if origin is None and file.rpartition("/")[2] == code.co_filename.rpartition("/")[2]:
                origin = code.co_filename, line  # the compiler shortens paths
            return place_of(*(origin or (file, line)))
    try:
        source, first = inspect.getsourcelines(function)
    except OSError:  # typed where no source is kept
        return place_of(code.co_filename, code.co_firstlineno)
    found = [n for n, line in enumerate(source) if word and re.search(rf"\b{word}\b", line.split("#")[0])]
    return place_of(code.co_filename, first + found[0] if found else code.co_firstlineno)
