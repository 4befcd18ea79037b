"""The market maker's configuration: the guide's seven fields and typed parts, validated at the door.

From code (`MarketMakerConfig(spread_bps=12)`), a TOML file, or a plain dict such as notebook parameters. Everything
that is wrong is reported at once as `ConfigError`; an unknown name is answered with the nearest known one.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from workbench.errors import ConfigError, did_you_mean
from workbench.instruments import Instrument

__all__ = [
    "WRITTEN_OUT",
    "ContractSizes",
    "MarketMakerConfig",
    "QuotingConfig",
    "RiskConfig",
    "SignalsConfig",
    "VenueConfig",
    "VolatilityConfig",
]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
WholeNumber = Annotated[int, Field(strict=True)]
Milliseconds = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]


class _Part(BaseModel):
    """Base of every part: immutable, no unknown names, and `ConfigError` with all problems for what is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ConfigError(_sentences(type(self), error)) from None

    def __repr__(self) -> str:
        """Only what differs from the default."""
        shown = []
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            default = info.get_default(call_default_factory=True)
            if value != default:
                shown.append(f"{name}={value!r}" if info.repr else f"{name}=<{len(value)} characters>")
        return f"{type(self).__name__}({', '.join(shown)})"


def _sentences(model: type[BaseModel], error: ValidationError) -> list[str]:
    """One sentence a problem: name, value, what was expected, the nearest name."""
    sentences: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        name = ".".join(str(part) for part in item["loc"])
        if isinstance(cause, ConfigError):
            sentences += [f"{name}.{problem}" if name else problem for problem in cause.problems]
        elif item["type"] == "extra_forbidden":
            sentences.append(f"{name}: no such setting{did_you_mean(name.split('.')[-1], model.model_fields)}")
        elif not item["loc"]:
            sentences.append(str(cause) if cause else item["msg"])
        else:
            sentences.append(f"{name} is {item['input']!r}; expected: {_expected(item['msg'])}")
    return sentences


def _expected(message: str) -> str:
    message = message.removeprefix("Value error, ")
    for prefix in ("Input should be a ", "Input should be "):
        if message.startswith(prefix):
            return message[len(prefix) :]
    return message


class VolatilityConfig(_Part):
    """How volatility is estimated. The guide's window of 20 of the last 100 prices is used by `guide_volatility`."""

    window: int = Field(default=20, ge=2, le=10_000, description="guide: prices in the rolling window")
    history: int = Field(default=100, ge=2, le=100_000, description="guide: prices kept")
    default: Positive = Field(default=0.01, description="guide: before the window is full")
    multiplier: Positive = Field(default=2.0, description="guide: per unit of volatility")
    cap: Annotated[float, Field(ge=1, allow_inf_nan=False)] = Field(
        default=5.0, description="guide: largest multiplier"
    )
    half_life_s: Positive = Field(default=30.0, description="EWMA half-life of the time-aware estimate, seconds")
    min_samples: int = Field(default=5, ge=1, description="mid changes before the estimate is used")

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if self.window > self.history:
            raise ConfigError([f"window is {self.window}; expected at most history, {self.history}"])
        return self


class SignalsConfig(_Part):
    """What is measured beside price and volatility, for models and layers that read it."""

    flow_window_s: Positive = Field(default=1.0, description="order-flow imbalance is summed over this long, seconds")
    markout_s: Positive = Field(default=5.0, description="own fills are judged by the mid this long after, seconds")
    markout_half_life_s: Positive = Field(
        default=300.0, description="time after which a fill counts half in the mean markout, seconds"
    )
    micro_price: tuple[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], ...] | None = Field(
        default=None, description="a fitted micro-price: its table of ticks, a row for each spread"
    )

    @field_validator("micro_price", mode="before")
    @classmethod
    def _plain_table(cls, value: Any) -> Any:
        """`MicroPrice` itself, or its array, as rows of numbers."""
        table = getattr(value, "table", value)
        return table.tolist() if hasattr(table, "tolist") else table

    @model_validator(mode="after")
    def _table_is_one(self) -> Self:
        if self.micro_price is None:
            return self
        widths = {len(row) for row in self.micro_price} or {0}
        if len(widths) != 1 or min(widths) < 2:
            said = "expected rows of one length, 2 or more, such as MicroPrice.fit(quotes).table"
            raise ConfigError([f"micro_price has rows of {sorted(widths)} numbers; {said}"])
        return self


class QuotingConfig(_Part):
    """Which model quotes, and the shape of its ladder."""

    model: str = Field(default="skewed_spread", min_length=1, description="name of a model, or 'package.module:name'")
    source: str = Field(
        default="",
        max_length=200_000,
        repr=False,
        description="a model of one's own, written out; filled in when a session starts",
    )
    level_step_bps: NonNegative = Field(
        default=4.0, description="distance between levels of the ladder, bps of the mid"
    )
    inventory_skew: NonNegative = Field(
        default=1.0, description="shift of the quotes at full position, in half spreads"
    )
    volatility_weight: NonNegative = Field(
        default=0.5, description="half spread per standard deviation over holding_time_s"
    )
    holding_time_s: Positive = Field(default=1.0, description="horizon of the volatility term, seconds")
    min_edge_bps: NonNegative = Field(default=0.5, description="kept over the maker fee on each side, bps")
    gate_enter: Share = Field(default=0.8, description="share of max_position_size at which the growing side is pulled")
    gate_leave: Share = Field(default=0.7, description="share below which it comes back")
    refresh_tolerance_bps: NonNegative = Field(
        default=2.0, description="a live order this near its wanted price is left alone"
    )
    params: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default={}, description="parameters of the model's own, by name"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_model(cls, settings: Any) -> Any:
        """A `QuotingModel` itself in place of its name brings its source."""
        model = settings.get("model") if isinstance(settings, Mapping) else None
        if model is None or isinstance(model, str) or not hasattr(model, "source"):
            return settings
        return {"source": model.source, **settings, "model": model.name}

    @model_validator(mode="after")
    def _gate_in_order(self) -> Self:
        if self.gate_leave > self.gate_enter:
            raise ConfigError([f"gate_leave is {self.gate_leave}; expected at most gate_enter, {self.gate_enter}"])
        return self


class RiskConfig(_Part):
    """Limits that every order passes; reaching a stop limit ends quoting until a person re-arms."""

    max_order_notional: Positive = Field(default=100_000.0, description="largest order, quote currency")
    price_collar_bps: Annotated[float, Field(gt=0, lt=10_000, allow_inf_nan=False)] = Field(
        default=500.0, description="furthest price from the mark (and mid), bps"
    )
    max_loss: Positive | None = Field(
        default=None, description="stop when equity has fallen by this, settlement currency"
    )
    max_book_age_s: Positive = Field(default=2.0, description="quotes are pulled when the book is older, seconds")
    max_messages_per_s: Positive = Field(
        default=30.0, description="place and amend budget; cancels have their own reserve"
    )
    max_rejects: int = Field(
        default=20, ge=1, description="rejects without an accepted order in between before quoting halts"
    )
    reconcile_s: Positive = Field(default=5.0, description="time between checks against the venue's own lists, seconds")


VenueName = Literal["sim", "replay", "paper", "testnet", "lmex"]


class VenueConfig(_Part):
    """Where it trades. `sim`, the simulated LMEX, needs nothing and is the default."""

    name: VenueName = "sim"
    url: str | None = Field(
        default=None, description="base address, e.g. http://127.0.0.1:8787; sim: started when absent; paper: LMEX"
    )
    dialect: Literal["v2.3", "v1"] = "v2.3"
    preset: Literal["lively", "btc"] = Field(default="lively", description="market of the simulated LMEX")
    dead_man_s: Positive | None = Field(
        default=None, description="venue cancels all after this silence; 60 live, 5 in sim"
    )
    credentials: str = Field(
        default="sim", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="name of a profile, never a key"
    )
    data: str | None = Field(default=None, description="replay: folder or URL of the catalog")
    data_venue: str | None = Field(
        default=None, description="replay: whose market, where the catalog has the symbol of several venues"
    )
    start: WholeNumber | str | None = Field(default=None, description="replay: from this time on, UTC text or ns")
    end: WholeNumber | str | None = Field(default=None, description="replay: up to this time")
    speed: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=1.0, description="replay: recorded seconds a second; 0: as fast as it can be computed"
    )
    latency_ms: tuple[Milliseconds, Milliseconds] = Field(
        default=(10.0, 10.0), description="replay, paper: way of a request to the venue, way of the answer back"
    )
    latency_tail_ms: tuple[Milliseconds, Milliseconds] = Field(
        default=(0.0, 0.0), description="replay, paper: mean of a random tail on either way, drawn from the seed"
    )
    latency_file: str | None = Field(
        default=None, description="replay: measured delays in place of these, a table of t_ns, entry_ns, response_ns"
    )
    queue: str = Field(
        default="power3", description="replay, paper: how an order's place in the queue is followed; own: 'module:name'"
    )
    queue_power: Positive = Field(default=3.0, description="replay, paper: the exponent of a power queue model")
    queue_source: str = Field(
        default="",
        max_length=200_000,
        repr=False,
        description="a queue function of one's own, written out; filled in from a QueueModel",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_queue_model(cls, settings: Any) -> Any:
        """A `QueueModel` itself in place of its name brings its power and its source."""
        queue = settings.get("queue") if isinstance(settings, Mapping) else None
        if callable(queue):
            raise ConfigError(["queue is a function; expected queue_model(...) of it, which takes its source along"])
        if queue is None or isinstance(queue, str) or not hasattr(queue, "not_portable"):
            return settings
        if queue.not_portable:
            raise ConfigError([f"queue: {queue.not_portable}"])
        return {"queue_source": queue.source, "queue_power": queue.power, **settings, "queue": queue.name}

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        if self.latency_file is None:
            return self
        if any(self.latency_tail_ms):
            raise ConfigError(["latency_file and latency_tail_ms are both given; expected one of them"])
        if self.name == "paper":
            raise ConfigError(
                ["latency_file has delays of times that are past; for paper give latency_ms and latency_tail_ms"]
            )
        return self

    @field_validator("start", "end", mode="before")
    @classmethod
    def _time_as_text(cls, value: Any) -> Any:
        """TOML has dates and times of its own."""
        return value.isoformat() if isinstance(value, date) else value

    @field_validator("speed", mode="before")
    @classmethod
    def _no_limit_is_zero(cls, value: Any) -> Any:
        return 0.0 if value in (math.inf, "inf") else value

    @property
    def matched_here(self) -> bool:
        """Orders are filled by our own queue model: nobody else sees them, the market's book never shows them."""
        return self.name in ("replay", "paper")

    @property
    def dead_man_seconds(self) -> float:
        """The dead-man time that is in force, seconds."""
        if self.dead_man_s is not None:
            return self.dead_man_s
        return 60.0 if self.name in ("lmex", "testnet") else 5.0


WRITTEN_OUT: Mapping[str, set[str]] = {"quoting": {"source"}, "venue": {"queue_source"}}
"""Settings that are program text: whoever shows a configuration to people leaves them out."""


class ContractSizes(NamedTuple):
    """Sizes in whole contracts after the one conversion at the start, and the price increment in ticks."""

    order_size: int
    max_position: int
    price_increment_ticks: int


class MarketMakerConfig(_Part):
    """Everything a market maker is told. The first seven fields are the guide's, with its names and defaults.

    `spread_bps` is ask minus bid in basis points of the mid, except in the `guide_*` models, which quote
    mid +- spread_bps as the guide prints it. Sizes are contracts, whole numbers, unless `size_unit` says otherwise.

    Examples
    --------
    >>> MarketMakerConfig(spread_bps=12, quoting={"model": "guide_fixed"})
    MarketMakerConfig(spread_bps=12.0, quoting=QuotingConfig(model='guide_fixed'))
    """

    symbol: str = Field(default="BTC-PERP", pattern=r"^[A-Z0-9]{1,20}(-[A-Z0-9]{2,10})?$")
    spread_bps: Annotated[float, Field(gt=0, le=5_000, allow_inf_nan=False)] = 20
    max_position_size: Positive = 1000.0
    order_size: Positive = 10.0
    max_orders_per_side: int = Field(default=3, ge=1, le=20)
    price_precision: int = Field(default=2, ge=0, le=12)
    size_precision: int = Field(default=4, ge=0, le=12)
    size_unit: Literal["contracts", "base", "quote"] = "contracts"
    volatility: VolatilityConfig = VolatilityConfig()
    signals: SignalsConfig = SignalsConfig()
    quoting: QuotingConfig = QuotingConfig()
    risk: RiskConfig = RiskConfig()
    venue: VenueConfig = VenueConfig()

    @model_validator(mode="after")
    def _sizes_make_sense(self) -> Self:
        problems = []
        if self.size_unit == "contracts":
            for name in ("order_size", "max_position_size"):
                size = getattr(self, name)
                if size != int(size):
                    problems.append(
                        f"{name} is {size!r}; expected a whole number of contracts (or set size_unit to base or quote)"
                    )
        if self.order_size > self.max_position_size:
            problems.append(
                f"order_size is {self.order_size!r}; expected at most max_position_size, {self.max_position_size!r}"
            )
        if problems:
            raise ConfigError(problems)
        return self

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """From a dict such as notebook parameters; dotted names reach into parts (`{"quoting.model": "guide_fixed"}`).

        Raises
        ------
        ConfigError
            With every problem found.
        """
        nested: dict[str, Any] = {}
        for name, value in settings.items():
            *path, last = str(name).split(".")
            target = nested
            for part in path:
                inner = target.setdefault(part, {})
                if not isinstance(inner, dict):
                    raise ConfigError([f"{name}: {part} is both a value and a part"])
                target = inner
            if isinstance(value, Mapping) and isinstance(target.get(last), dict):
                target[last] = {**target[last], **value}
            else:
                target[last] = dict(value) if isinstance(value, Mapping) else value
        return cls(**nested)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """From a TOML file whose tables are the parts.

        Raises
        ------
        ConfigError
            If the file cannot be read or parsed, or anything in it is wrong.
        """
        try:
            with Path(path).open("rb") as file:
                settings = tomllib.load(file)
        except OSError as error:
            raise ConfigError([f"configuration file {str(path)!r} cannot be read: {error.strerror}"]) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([f"configuration file {str(path)!r} is not valid TOML: {error}"]) from None
        return cls.from_dict(settings)

    def replace(self, **changes: Any) -> Self:
        """A copy with changes, validated as a whole; dotted names through `**{"quoting.model": ...}`.

        Another model does not inherit the written-out source of the one before.
        """
        settings, changed = dict(_flatten(self.model_dump(exclude_unset=True))), dict(_flatten(changes))
        if changed.get("quoting.model", self.quoting.model) != self.quoting.model:
            settings.pop("quoting.source", None)
        return type(self).from_dict({**settings, **changed})

    def digest(self) -> str:
        """SHA-256 of the complete configuration: equal configurations have equal digests."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def contract_sizes(self, instrument: Instrument, price: Decimal) -> ContractSizes:
        """Order size and position limit in contracts at the preflight price; amounts never round up.

        Raises
        ------
        ConfigError
            If what is asked for cannot be traded on this instrument: symbol, size below the minimum or the spam rule,
            above the maximum, off the lot, or a price precision that no multiple of the tick meets.
        """
        problems: list[str] = []
        if instrument.symbol != self.symbol:
            problems.append(f"symbol is {self.symbol!r}; the instrument is {instrument.symbol!r}")
        sizes = {name: self._contracts(getattr(self, name), instrument, price) for name in _SIZES}
        order, limit = sizes["order_size"], sizes["max_position_size"]
        smallest = instrument.min_contracts(price)
        if self.size_unit == "contracts" and order % instrument.lot:
            problems.append(f"order_size is {order} contracts; expected a multiple of the lot, {instrument.lot}")
        if order < smallest:
            asked = f"{self.order_size:g} {self.size_unit}"
            if self.size_unit != "contracts":
                asked += f" = {order} contracts"
            problems.append(
                f"order_size is {asked}, worth {instrument.notional(order, price):.4f} {instrument.quote} at {price}; "
                f"expected at least {smallest} contracts "
                f"(the venue treats orders under {instrument.min_notional} {instrument.quote} as spam)"
            )
        if order > instrument.max_size:
            problems.append(f"order_size is {order} contracts; expected at most {instrument.max_size}")
        if limit < order:
            problems.append(f"max_position_size is {limit} contracts; expected at least order_size, {order}")
        if instrument.notional(order, price) > Decimal(str(self.risk.max_order_notional)):
            problems.append(
                f"order_size is worth {instrument.notional(order, price):.2f} {instrument.quote}; "
                f"expected at most risk.max_order_notional, {self.risk.max_order_notional:g}"
            )
        increment = 1
        if "price_precision" in self.model_fields_set:
            step = max(Decimal(1).scaleb(-self.price_precision), instrument.tick_size)
            ticks = step / instrument.tick_size
            if ticks != int(ticks):
                problems.append(
                    f"price_precision is {self.price_precision}: {step} is no multiple of the tick "
                    f"{instrument.tick_size}; leave it out or take a coarser one"
                )
            increment = max(1, int(ticks))
        if problems:
            raise ConfigError(problems)
        return ContractSizes(order, limit, increment)

    def _contracts(self, amount: float, instrument: Instrument, price: Decimal) -> int:
        if self.size_unit == "contracts":
            return int(amount)
        exact = Decimal(repr(float(amount)))
        if "size_precision" in self.model_fields_set:
            step = Decimal(1).scaleb(-self.size_precision)
            exact = (exact // step) * step
        return instrument.amount_to_contracts(exact, price, self.size_unit)


_SIZES = ("order_size", "max_position_size")


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, BaseModel):
            yield from _flatten(value.model_dump(exclude_unset=True), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
