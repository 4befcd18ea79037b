"""Queue models: how the place of an order in its queue is followed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.backtest.kernels.shares import (
    OWN,
    POWER,
    POWER2,
    POWER3,
    QUEUE_NAMES,
    QUEUE_SIGNATURE,
    nothing_from_behind,
)
from workbench.compiled import addressable, module_of_text
from workbench.errors import ConfigError
from workbench.quoting.compiling import compile_errors, explain_failure
from workbench.quoting.written import NotPortableError, WrittenModel, write_function

__all__ = ["QueueModel", "queue_model"]

HEADER = '"""A queue function and all that it stands on, as it was defined."""'


@dataclass(frozen=True)
class QueueModel:
    """How an order's place in its queue is followed.

    Parameters
    ----------
    name : str
        "risk_averse": only trades bring an order forward. "power": p = b^n / (b^n + f^n); "power2": b^n / (b + f)^n;
        "power3": 1 - (f / (f + b))^n; "log": ln(1+b) / (ln(1+b) + ln(1+f)); "log2": ln(1+b) / ln(1+b+f), of front f and
        back b in base currency (contracts for the powers). Or the name of a function of one's own.
    power : float
        n.
    function : callable, optional
        p(front, back) of contracts, 0 to 1: the share that left from behind. Compiled.
    source : str
        A function of one's own written out, with all that it stands on: a session on `replay` or `paper` takes it
        along. Empty for the built-in models, for one that goes by "package.module:name", and where `not_portable` says
        why the function cannot leave this process.

    Notes
    -----
    In a configuration the model itself may stand for its name: `venue={"queue": queue_model(mine)}`.
    """

    name: str = "power3"
    power: float = 3.0
    function: Callable[[float, float], float] | None = None
    source: str = field(default="", repr=False)
    not_portable: str = field(default="", repr=False)

    @property
    def code(self) -> int:
        """As the compiled loop knows it."""
        return OWN if self.function is not None else QUEUE_NAMES[self.name]

    @property
    def label(self) -> str:
        """Its name, with its power where it has one."""
        return f"{self.name}({self.power:g})" if self.code in (POWER, POWER2, POWER3) else self.name

    @property
    def compiled_function(self) -> Any:
        """What the compiled loop calls."""
        return nothing_from_behind if self.function is None else self.function


def queue_model(
    queue: str | QueueModel | Callable[[float, float], float], power: float = 3.0, source: str = ""
) -> QueueModel:
    """A queue model from its name, or from a plain function p(front, back).

    Parameters
    ----------
    queue : str, QueueModel or function
        A built-in model's name; "package.module:name" of a function; or a function itself.
    power : float
        Of the power models.
    source : str
        The written-out function, where a configuration has it; it goes before the name.

    Raises
    ------
    ConfigError
        For an unknown name, a power that is not positive, or a function that cannot be found or compiled.
    """
    if isinstance(queue, QueueModel):
        return queue
    if source:
        return QueueModel(str(queue), power, _share_of_source(source), source)
    if callable(queue):
        return _own_model(queue, power)
    if ":" in queue:
        return replace(queue_model(_imported(queue), power), name=queue, source="", not_portable="")
    if queue not in QUEUE_NAMES:
        known = ", ".join(QUEUE_NAMES)
        raise ConfigError(
            [f"queue is {queue!r}; known: {known}, 'package.module:name', or a function p(front, back) itself"]
        )
    if not 0.0 < power < math.inf:
        raise ConfigError([f"queue power is {power!r}; expected more than 0"])
    return QueueModel(queue, power)


def _own_model(function: Any, power: float) -> QueueModel:
    """The model of a function of the user's, compiled as it is written out, so that every process runs the same."""
    function = getattr(function, "py_func", function)
    name = getattr(function, "__name__", "own")
    try:
        written = write_function(function, f"queue function {name}", HEADER, f"SHARE = {name}\n")
    except NotPortableError as error:
        return QueueModel(name, power, _compiled_share(function), not_portable=str(error))
    share = _compiled_share(module_of_text(written.text, "workbench_queue").SHARE, function, written)
    return QueueModel(name, power, share, written.text)


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError([f"queue is {name!r}: {error}"]) from None
    if not callable(found) and not isinstance(found, QueueModel):
        raise ConfigError([f"queue is {name!r}, a {type(found).__name__}; expected a function p(front, back)"])
    return found


def _share_of_source(source: str) -> Any:
    if not source.startswith(HEADER):
        raise ConfigError(["queue_source is no written-out queue function; expected the .source of a QueueModel"])
    try:
        return _compiled_share(module_of_text(source, "workbench_queue").SHARE)
    except (ImportError, SyntaxError, NameError, AttributeError) as error:
        said = f"queue_source does not run here: {error}"
        raise ConfigError([f"{said}; expected one of this version, or define it again"]) from None


def _compiled_share(function: Any, author: Any = None, written: WrittenModel | None = None) -> Any:
    """p(front, back) compiled; errors name the lines of its author."""
    try:
        made = addressable(QUEUE_SIGNATURE, at_once=True)(function)
    except compile_errors() as error:
        raise ConfigError([f"queue function: {explain_failure(author or function, error, written)}"]) from error
    for front, back in ((0.0, 10.0), (10.0, 0.0), (5.0, 5.0), (1.0, 1e6)):
        share = made(front, back)
        if not 0.0 <= share <= 1.0:
            raise ConfigError([f"queue function gives p({front:g}, {back:g}) = {share}; expected 0 to 1"])
    return made
