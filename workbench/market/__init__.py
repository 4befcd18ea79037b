"""The market as it is seen: the book by price, the tape of trades, and what they say of the price to come."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench.market.book import Book
from workbench.market.tape import TradeTape

if TYPE_CHECKING:
    from workbench.market.flow import (
        MultiLevelOrderFlow,
        OrderFlow,
        book_levels,
        multi_level_order_flow_imbalance,
        order_flow_imbalance,
    )
    from workbench.market.impact import FlowImpact, fit_flow_impact
    from workbench.market.micro_price import MicroPrice, micro_adjustment, micro_price_chain
    from workbench.market.weights import book_imbalance, imbalance, weighted_mid

__all__ = [
    "Book",
    "FlowImpact",
    "MicroPrice",
    "MultiLevelOrderFlow",
    "OrderFlow",
    "TradeTape",
    "book_imbalance",
    "book_levels",
    "fit_flow_impact",
    "imbalance",
    "micro_adjustment",
    "micro_price_chain",
    "multi_level_order_flow_imbalance",
    "order_flow_imbalance",
    "weighted_mid",
]

_HOMES = {
    name: module
    for module, names in {
        "flow": ("MultiLevelOrderFlow OrderFlow book_levels multi_level_order_flow_imbalance order_flow_imbalance"),
        "weights": "book_imbalance imbalance weighted_mid",
        "impact": "FlowImpact fit_flow_impact",
        "micro_price": "MicroPrice micro_adjustment micro_price_chain",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    """Import a name's module on first use: a session needs the book and the tape only, and starts without pandas."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
