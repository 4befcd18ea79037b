"""Limits of the orders and of the session."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workbench.config.part import Part, Positive

__all__ = ["RiskConfig"]


class RiskConfig(Part):
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
