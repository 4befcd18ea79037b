"""Volatility: the guide's estimate as printed, and a time-aware one that means what it says."""

from workbench.volatility.ewma import EwmaVolatility, ewma_volatility
from workbench.volatility.guide import GuideVolatility, calculate_volatility

__all__ = ["EwmaVolatility", "GuideVolatility", "calculate_volatility", "ewma_volatility"]
