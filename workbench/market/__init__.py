"""The market as it is seen: the book by price, the tape of trades, and what they say of the price to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names
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
    from workbench.market.micro_price import MicroPrice, micro_price_chain
    from workbench.market.spreads import (
        effective_spread,
        price_impact,
        quoted_spread,
        realised_spread,
        roll_spread,
        time_weighted_spread,
    )
    from workbench.market.steps import micro_adjustment
    from workbench.market.sweeps import Sweep, SweepColumns, SweepMerger, merge_sweeps, sweep_columns
    from workbench.market.trades import TradeSigner, trade_signs
    from workbench.market.weights import book_imbalance, imbalance, weighted_mid

__all__ = [
    "Book",
    "FlowImpact",
    "MicroPrice",
    "MultiLevelOrderFlow",
    "OrderFlow",
    "Sweep",
    "SweepColumns",
    "SweepMerger",
    "TradeSigner",
    "TradeTape",
    "book_imbalance",
    "book_levels",
    "effective_spread",
    "fit_flow_impact",
    "imbalance",
    "merge_sweeps",
    "micro_adjustment",
    "micro_price_chain",
    "multi_level_order_flow_imbalance",
    "order_flow_imbalance",
    "price_impact",
    "quoted_spread",
    "realised_spread",
    "roll_spread",
    "sweep_columns",
    "time_weighted_spread",
    "trade_signs",
    "weighted_mid",
]

# A session needs the book and the tape only, and starts without pandas.
__getattr__ = lazy_names(
    __name__,
    {
        "flow": "MultiLevelOrderFlow OrderFlow book_levels multi_level_order_flow_imbalance order_flow_imbalance",
        "impact": "FlowImpact fit_flow_impact",
        "micro_price": "MicroPrice micro_price_chain",
        "spreads": "effective_spread price_impact quoted_spread realised_spread roll_spread time_weighted_spread",
        "steps": "micro_adjustment",
        "sweeps": "Sweep SweepColumns SweepMerger merge_sweeps sweep_columns",
        "trades": "TradeSigner trade_signs",
        "weights": "book_imbalance imbalance weighted_mid",
    },
)


def __dir__() -> list[str]:
    return __all__
