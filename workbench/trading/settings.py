"""From configuration to the flat arrays that models and checks read."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.config import ContractSizes, MarketMakerConfig
from workbench.errors import ConfigError
from workbench.instruments import Instrument
from workbench.quoting import QuotingModel, find_model
from workbench.quoting.schema import PARAMS_SIZE
from workbench.risk import limits as slots

__all__ = ["Settings", "limits_array", "params_array"]

LARGEST_UNITS = 4 * 10**18


class Settings(NamedTuple):
    """What a configuration comes to on this instrument."""

    sizes: ContractSizes
    model: QuotingModel
    params: NDArray[np.float64]
    limits: NDArray[np.int64]

    @classmethod
    def of(cls, config: MarketMakerConfig, instrument: Instrument, price: Decimal) -> Settings:
        """Resolve a configuration. Raises `ConfigError` if it cannot be traded."""
        sizes = config.contract_sizes(instrument, price)
        model = find_model(config.quoting.model, config.quoting.source)
        return cls(sizes, model, params_array(config, sizes, model), limits_array(config, sizes, instrument))


def params_array(config: MarketMakerConfig, sizes: ContractSizes, model: QuotingModel) -> NDArray[np.float64]:
    """The `params` of a model: the common ones of `quoting.PARAMS`, then its own; defaults where a slot has one.

    Raises
    ------
    ConfigError
        If one of the model's own parameters is missing, unknown or out of its bounds.
    """
    quoting, volatility = config.quoting, config.volatility
    common = (
        config.spread_bps,
        sizes.order_size,
        sizes.max_position,
        config.max_orders_per_side,
        quoting.level_step_bps,
        sizes.price_increment_ticks,
        quoting.inventory_skew,
        quoting.volatility_weight,
        quoting.holding_time_s,
        quoting.min_edge_bps,
        quoting.gate_enter,
        quoting.gate_leave,
        volatility.multiplier,
        volatility.cap,
    )
    assert len(common) == PARAMS_SIZE
    known = [slot.name for slot in model.params]
    problems = [
        f"quoting.params.{name}: model {model.name} has no such parameter; known: {', '.join(known) or 'none'}"
        for name in quoting.params
        if name not in known
    ]
    own = []
    for slot in model.params:
        value = quoting.params.get(slot.name)
        if value is None and slot.default is not None:
            own.append(slot.default)
        elif value is None:
            problems.append(
                f"quoting.params.{slot.name} is missing; model {model.name} needs it ({slot.meaning}, {slot.unit})"
            )
        elif not slot.low <= value <= slot.high:
            problems.append(f"quoting.params.{slot.name} is {value}; expected {slot.low} to {slot.high} {slot.unit}")
        else:
            own.append(value)
    if problems:
        raise ConfigError(problems)
    return np.array([*common, *own], dtype=np.float64)


def limits_array(config: MarketMakerConfig, sizes: ContractSizes, instrument: Instrument) -> NDArray[np.int64]:
    """The limits that do not change with the market; the maker fills in the rest at every decision."""
    limits = np.zeros(slots.LIMITS_SIZE, dtype=np.int64)
    limits[slots.MAX_POSITION] = sizes.max_position
    limits[slots.MIN_SIZE] = instrument.min_size
    limits[slots.MAX_SIZE] = instrument.max_size
    limits[slots.LOT] = instrument.lot
    limits[slots.INCREMENT] = sizes.price_increment_ticks
    scale = Decimal(10) ** instrument.money_digits
    if instrument.inverse:
        limits[slots.VALUE_PER_CONTRACT] = int(instrument.contract_size * scale)
    else:
        limits[slots.VALUE_PER_TICK] = int(instrument.contract_size * instrument.tick_size * scale)
    limits[slots.MIN_VALUE] = int(instrument.min_notional * scale)
    largest = int(Decimal(str(config.risk.max_order_notional)) * scale)
    if largest > LARGEST_UNITS:
        most = LARGEST_UNITS // int(scale)
        name = "risk.max_order_notional"
        raise ConfigError([f"{name} is {config.risk.max_order_notional:g}; expected at most {most} {instrument.quote}"])
    limits[slots.MAX_VALUE] = largest
    return limits
