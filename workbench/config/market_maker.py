"""The whole configuration: the guide's seven fields, the parts, where they come from, and the sizes they come to."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, Field, model_validator

from workbench.config.part import Part, Positive
from workbench.config.quoting import QuotingConfig
from workbench.config.risk import RiskConfig
from workbench.config.signals import SignalsConfig
from workbench.config.venue import VenueConfig
from workbench.config.volatility import VolatilityConfig
from workbench.errors import ConfigError
from workbench.instruments import Instrument

__all__ = ["WRITTEN_OUT", "ContractSizes", "MarketMakerConfig"]

WRITTEN_OUT: Mapping[str, set[str]] = {"quoting": {"source"}, "venue": {"queue_source"}}
"""Settings that are program text: whoever shows a configuration to people leaves them out."""


class ContractSizes(NamedTuple):
    """Sizes in whole contracts after the one conversion at the start, and the price increment in ticks."""

    order_size: int
    max_position: int
    price_increment_ticks: int


class MarketMakerConfig(Part):
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
