"""Settings of the quotes: the model, its parameters, the ladder and the inventory gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from workbench.config.part import NonNegative, Part, Positive
from workbench.errors import ConfigError

__all__ = ["QuotingConfig"]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class QuotingConfig(Part):
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
