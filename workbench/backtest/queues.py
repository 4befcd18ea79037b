"""Queue models: how the place of an order in its queue is followed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
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
from workbench.compiled import compiled
from workbench.errors import ConfigError
from workbench.quoting.compiling import COMPILE_ERRORS, explain_failure

__all__ = ["QueueModel", "queue_model"]


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
    """

    name: str = "power3"
    power: float = 3.0
    function: Callable[[float, float], float] | None = None

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


def queue_model(queue: str | QueueModel | Callable[[float, float], float], power: float = 3.0) -> QueueModel:
    """A queue model from its name, or from a plain function p(front, back).

    Raises
    ------
    ConfigError
        For an unknown name, a power that is not positive, or a function that cannot be compiled.
    """
    if isinstance(queue, QueueModel):
        return queue
    if callable(queue):
        return QueueModel(getattr(queue, "__name__", "own"), power, _compiled_share(queue))
    if queue not in QUEUE_NAMES:
        raise ConfigError([f"queue is {queue!r}; known: {', '.join(QUEUE_NAMES)}, or a function p(front, back)"])
    if not 0.0 < power < math.inf:
        raise ConfigError([f"queue power is {power!r}; expected more than 0"])
    return QueueModel(queue, power)


def _compiled_share(function: Any) -> Any:
    if hasattr(function, "py_func"):
        function = function.py_func
    try:
        made = compiled(QUEUE_SIGNATURE, at_once=True)(function)
    except COMPILE_ERRORS as error:
        raise ConfigError([f"queue function: {explain_failure(function, error)}"]) from error
    for front, back in ((0.0, 10.0), (10.0, 0.0), (5.0, 5.0), (1.0, 1e6)):
        share = made(front, back)
        if not 0.0 <= share <= 1.0:
            raise ConfigError([f"queue function gives p({front:g}, {back:g}) = {share}; expected 0 to 1"])
    return made
