"""A quoting model is one function; `@model` compiles it to the form that backtest and live both call.

``f(view, inventory, params, state, out) -> n``: `view`, `params`, `state` are float64 arrays, `inventory` is contracts,
`out` takes rows (side, price_ticks, size). It returns the number of rows, or a negative reason code.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.compiled import addressable, module_of_text, types
from workbench.errors import ConfigError, WorkbenchError
from workbench.quoting.compiling import compile_errors, explain_failure
from workbench.quoting.schema import Slot
from workbench.quoting.written import HEADER, NotPortableError, WrittenModel, write_out

__all__ = [
    "MODEL_FUNCTION_TYPE",
    "MODEL_SIGNATURE",
    "ModelError",
    "QuotingModel",
    "find_model",
    "is_loaded",
    "model",
    "model_names",
]

_VECTOR = types.float64[::1]
MODEL_SIGNATURE = types.int64(_VECTOR, types.int64, _VECTOR, _VECTOR, types.int64[:, ::1])
"""view, inventory, params, state, out -> rows or reason."""

MODEL_FUNCTION_TYPE = types.FunctionType(MODEL_SIGNATURE)
"""How compiled loops (the backtest) take a model: first-class, so that their on-disk cache hits in a fresh process."""

NO_MARKET = -1
NO_VOLATILITY = -2
INVENTORY = -3
NOT_FINITE = -4
NO_MICRO_PRICE = -5
NO_ORDER_FLOW = -6
NO_FUNDING_TIME = -7
NO_MARKOUT = -8
REASONS: Mapping[int, str] = {
    NO_MARKET: "the model sees no market",
    NO_VOLATILITY: "the volatility estimate is not ready",
    INVENTORY: "inventory is over the guide's gate: both sides stop",
    NOT_FINITE: "the model's numbers are not finite",
    NO_MICRO_PRICE: "micro_weight is set, and there is no micro-price: give a fitted one as signals.micro_price",
    NO_ORDER_FLOW: "the order-flow imbalance is not known until its window has been watched",
    NO_FUNDING_TIME: "funding_weight is set, and the time of the coming funding is not known",
    NO_MARKOUT: "toxicity_weight is set, and nothing measures the markouts of own fills here",
}

_PARAMETERS = ("view", "inventory", "params", "state", "out")
_registry: dict[str, QuotingModel] = {}
_by_source: dict[str, QuotingModel] = {}
_LOADED_WHEN_ASKED_FOR: Mapping[str, str] = {
    "avellaneda_stoikov": "workbench.quoting.papers",
    "cartea_jaimungal": "workbench.quoting.papers",
    "glft": "workbench.quoting.papers",
    "grid": "workbench.quoting.price_grid",
    "guide_fixed": "workbench.quoting.builtin",
    "guide_volatility": "workbench.quoting.builtin",
    "skewed_spread": "workbench.quoting.builtin",
}
"""Built-in models by home; whoever trades with another one does not wait for their compilation."""


class ModelError(WorkbenchError):
    """A quoting model cannot be compiled or has the wrong form; the message names the line and the remedy."""


class QuotingModel:
    """A compiled quoting model: call it, or hand `.function` to a compiled loop.

    Attributes
    ----------
    name, doc : str
        Its name in a configuration, and what it does.
    params : tuple of Slot
        Its own parameters, after the common ones of `quoting.schema.PARAMS`.
    reasons : mapping of int to str
        What its negative return values mean.
    source : str
        A model of one's own written out, with all that it stands on: it builds the same model in any process. Empty
        for the built-in ones, which go by name, and for a model that cannot leave this process: `not_portable` says
        why.
    function
        The compiled function; `.py_func` is its plain Python twin.
    """

    def __init__(
        self,
        function: Callable[..., int],
        params: Sequence[Slot] = (),
        reasons: Mapping[int, str] | None = None,
        spread_is_half: bool = False,
        spread_is_own: bool = False,
        source: str = "",
    ) -> None:
        self.name = function.__name__
        self.doc = inspect.getdoc(function) or ""
        self.params = tuple(params)
        self.reasons = {**REASONS, **(reasons or {})}
        self.spread_is_half = spread_is_half
        self.spread_is_own = spread_is_own
        self.source = source
        self.not_portable = ""
        found = tuple(inspect.signature(function).parameters)
        if len(found) != len(_PARAMETERS):
            raise ModelError(f"model {self.name} takes {found}; expected five arguments: {', '.join(_PARAMETERS)}")
        written: WrittenModel | None = None
        if not source and not self.built_in(function):
            try:
                written = write_out(
                    function, params, reasons or {}, spread_is_half=spread_is_half, spread_is_own=spread_is_own
                )
                self.source = written.text
            except NotPortableError as error:
                self.not_portable = str(error)
        self.function: Any = _compile(function, written, self.not_portable)
        if self.source:
            _by_source[self.source] = self

    @staticmethod
    def built_in(function: Callable[..., int]) -> bool:
        """Whether a function is the package's own."""
        return (function.__module__ or "").partition(".")[0] == __package__.partition(".")[0]

    @classmethod
    def of_source(cls, source: str) -> QuotingModel:
        """The model that was written out as `source`, compiled; the same text gives the same model.

        Raises
        ------
        ConfigError
            If it is no written-out model, or does not run or cannot be compiled here.
        """
        if source not in _by_source:
            if not source.startswith(HEADER):
                raise ConfigError(["quoting.source is no written-out model; expected the .source of a QuotingModel"])
            try:
                cls(**_declared(source), source=source)
            except ModelError as error:
                raise ConfigError([f"quoting.source: {error}"]) from None
            except compile_errors(ImportError, SyntaxError, NameError, AttributeError) as error:
                said = f"quoting.source does not run here: {error}"
                raise ConfigError([f"{said}; expected a model of this version, or define it again"]) from None
        return _by_source[source]

    def __reduce__(self) -> tuple[Any, ...]:
        """By name when built in, else by source: another process compiles the same function, or finds it compiled."""
        if self.not_portable:
            raise ModelError(self.not_portable)
        return (QuotingModel.of_source, (self.source,)) if self.source else (find_model, (self.name,))

    @property
    def py_func(self) -> Callable[..., int]:
        """The same function in plain Python."""
        plain: Callable[..., int] = self.function.py_func
        return plain

    def __call__(self, view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        rows: int = self.function(view, inventory, params, state, out)
        return rows

    def effective_spread_bps(self, spread_bps: float) -> float:
        """Ask minus bid that this model quotes for a configured `spread_bps`, before volatility and rounding.

        NaN for a model whose spread comes from its own parameters.
        """
        if self.spread_is_own:
            return math.nan
        return 2 * spread_bps if self.spread_is_half else spread_bps

    def __repr__(self) -> str:
        effect = (
            "ask - bid = 2 x spread_bps, as the guide prints it" if self.spread_is_half else "ask - bid = spread_bps"
        )
        if self.spread_is_own:
            effect = f"ask - bid by its own formula of {', '.join(slot.name for slot in self.params[:4])}, ..."
        source = f" (source {hashlib.sha256(self.source.encode()).hexdigest()[:8]})" if self.source else ""
        return f"<quoting model {self.name}{source}: {effect}>"


def _declared(source: str) -> dict[str, Any]:
    declared: dict[str, Any] = module_of_text(source, "workbench_model").MODEL
    return declared


def _compile(function: Callable[..., int], written: WrittenModel | None, not_portable: str) -> Any:
    """The function compiled: as it is written out where it is, so that every process runs the very same code."""
    built_in = str(function.__module__).startswith("workbench.quoting.")
    try:
        code = function if written is None else _declared(written.text)["function"]
        return addressable(MODEL_SIGNATURE, at_once=not built_in)(code)
    except compile_errors() as error:
        explained = [explain_failure(function, error, written), *([not_portable] if not_portable else [])]
        raise ModelError("\n".join(explained)) from error


def model(
    function: Callable[..., int] | None = None,
    *,
    params: Sequence[Slot] = (),
    reasons: Mapping[int, str] | None = None,
    spread_is_half: bool = False,
    spread_is_own: bool = False,
) -> Any:
    """Decorator: make a quoting model of a function and register it under its name.

    Parameters
    ----------
    params : sequence of Slot
        The model's own parameters; they follow the common ones from index `PARAMS_SIZE` on.
    reasons : mapping of int to str
        Texts for its own negative return values, for the "why not" line.
    spread_is_half : bool
        It quotes mid -+ spread_bps, as the guide does.
    spread_is_own : bool
        Its spread follows from its own parameters, not from spread_bps.

    Raises
    ------
    ModelError
        If it has the wrong form or cannot be compiled.
    """

    def wrap(function: Callable[..., int]) -> QuotingModel:
        if function.__name__ in _built_in_names() and not QuotingModel.built_in(function):
            raise ModelError(f"model {function.__name__} has the name of a built-in one; give it another name")
        made = QuotingModel(function, params, reasons, spread_is_half, spread_is_own)
        _registry[made.name] = made
        return made

    return wrap if function is None else wrap(function)


def _built_in_names() -> set[str]:
    loaded = {name for name, known in _registry.items() if not known.source and not known.not_portable}
    return {*loaded, *_LOADED_WHEN_ASKED_FOR}


def model_names() -> tuple[str, ...]:
    """Names of the models that are known in this process."""
    return tuple(sorted({*_registry, *_LOADED_WHEN_ASKED_FOR}))


def find_model(name: str, source: str = "") -> QuotingModel:
    """The model of a configured name; "package.module:function" imports one that is not built in.

    Parameters
    ----------
    name : str
        As configured.
    source : str
        The written-out model, where the configuration has it: it goes before what this process knows by the name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if source:
        made = QuotingModel.of_source(source)
        if ":" not in name and name != made.name:
            problem = f"quoting.model is {name!r}, but quoting.source is model {made.name!r}"
            raise ConfigError([f"{problem}; expected the same one: leave quoting.source out"])
        return made
    if name not in _registry and name in _LOADED_WHEN_ASKED_FOR:
        importlib.import_module(_LOADED_WHEN_ASKED_FOR[name])
    if name not in _registry and ":" in name:
        module, _, attribute = name.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError([f"quoting.model is {name!r}: {error}"]) from None
        if not isinstance(found, QuotingModel):
            raise ConfigError([f"quoting.model is {name!r}: expected a function decorated with @quoting.model"])
        return found
    if name not in _registry:
        raise ConfigError(
            [f"quoting.model is {name!r}; known models: {', '.join(model_names())}, or 'package.module:name'"]
        )
    return _registry[name]


def is_loaded(name: str, source: str = "") -> bool:
    """Whether `find_model` would answer at once, with nothing to import or compile."""
    return source in _by_source if source else name in _registry
