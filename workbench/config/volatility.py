"""Settings of the volatility estimate."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from workbench.config.part import Part, Positive
from workbench.errors import ConfigError

__all__ = ["VolatilityConfig"]


class VolatilityConfig(Part):
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
