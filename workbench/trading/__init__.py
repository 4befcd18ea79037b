"""The trading core: events in, commands out; order truth, exact money, no I/O and no clock."""

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

if TYPE_CHECKING:
    from workbench.trading.frames import MakerState
    from workbench.trading.ledger import Ledger, PnlParts
    from workbench.trading.maker import MarketMaker
    from workbench.trading.orders import TRANSITIONS, Order, OrderStatus, OrderTracker
    from workbench.trading.stats import SessionStats
    from workbench.trading.venue import Venue

__all__ = [
    "TRANSITIONS",
    "Ledger",
    "MakerState",
    "MarketMaker",
    "Order",
    "OrderStatus",
    "OrderTracker",
    "PnlParts",
    "SessionStats",
    "Venue",
]

__getattr__ = lazy_names(
    __name__,
    {
        "frames": "MakerState",
        "ledger": "Ledger PnlParts",
        "maker": "MarketMaker",
        "orders": "TRANSITIONS Order OrderStatus OrderTracker",
        "stats": "SessionStats",
        "venue": "Venue",
    },
)
