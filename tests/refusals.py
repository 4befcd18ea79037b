"""Calls that are spoilt one argument at a time: what comes back must be one clear sentence, or be allowed by name."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

CLEAR = re.compile(r"expected|known|needs?\b|sort|drop|take|pass\b|no law|symmetrise|widen|narrow|look at")
"""What a refusal says besides the value: what was wanted, or what to do."""


class Call(NamedTuple):
    """A call that works, with every argument given; `allowed` names spoilt arguments that are right all the same."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    allowed: frozenset[str] = frozenset()

    def spoilt(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each way to spoil it, as "argument: how", with the arguments."""
        for name, value in self.arguments.items():
            for how, bad in spoil(value):
                yield f"{name}: {how}", {**self.arguments, name: bad}

    def missing(self) -> set[str]:
        """Arguments of the function that this call does not try."""
        found = inspect.signature(self.function).parameters.values()
        named = {parameter.name for parameter in found if parameter.kind is not inspect.Parameter.VAR_KEYWORD}
        return named - set(self.arguments)


def call(function: Callable[..., Any], *allowed: str, **arguments: Any) -> Call:
    return Call(function, arguments, frozenset(allowed))


def cases(calls: Mapping[str, Call]) -> list[tuple[str, str]]:
    """Every call with every way to spoil it, by their names."""
    return [(name, spoilt) for name, one in calls.items() for spoilt, _ in one.spoilt()]


def spoil(value: Any) -> list[tuple[str, Any]]:
    """Wrong forms of an argument: rows empty, single, unsorted, with a NaN; numbers NaN, infinite, negative."""
    if isinstance(value, (np.ndarray, pd.Series, pd.DataFrame)):
        return [(how, bad) for how, bad in spoilt_rows(value) if bad is not None]
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return []
    if isinstance(value, str):
        return [("another word", "nonsense")]
    if isinstance(value, int):
        return [("negative", -value or -1), ("a fraction", value + 0.5)]
    return [("NaN", math.nan), ("infinite", -math.inf), ("negative", -value or -1.0)]


def spoilt_rows(value: Any) -> Iterator[tuple[str, Any]]:
    pandas = isinstance(value, (pd.Series, pd.DataFrame))
    yield "empty", value.iloc[:0] if pandas else value[:0]
    yield "single", value.iloc[:1] if pandas else value[:1]
    yield "unsorted", value.iloc[::-1] if pandas else value[::-1]
    array = value.to_numpy() if pandas else value
    if array.dtype.kind == "f":
        for how, wrong in (("NaN", math.nan), ("negative", -1.0), ("infinite", math.inf)):
            bad = array.copy()
            bad[len(bad) // 2] = wrong
            yield how, _like(value, bad)
    elif array.dtype.kind == "i":
        bad = array.copy()
        bad[len(bad) // 2] = -1
        yield "negative", _like(value, bad)


def _like(value: Any, array: np.ndarray) -> Any:
    if isinstance(value, pd.Series):
        return pd.Series(array, index=value.index, name=value.name)
    if isinstance(value, pd.DataFrame):
        return pd.DataFrame(array, index=value.index, columns=value.columns)
    return array


def assert_refused(of: Call, spoilt: str) -> None:
    """One clear sentence, or, where the call says that it is right so, a result."""
    try:
        of.function(**dict(of.spoilt())[spoilt])
    except ValueError as refusal:
        said = str(refusal)
        assert spoilt not in of.allowed, f"{spoilt} is said to be right, but: {said}"
        assert "\n" not in said, said
        assert len(said) > 20, said
        assert CLEAR.search(said), said
    else:
        assert spoilt in of.allowed, f"{spoilt} was taken"
