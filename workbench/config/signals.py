"""Settings of what is measured beside price and volatility."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from workbench.config.part import Part, Positive
from workbench.errors import ConfigError

__all__ = ["SignalsConfig"]


class SignalsConfig(Part):
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
