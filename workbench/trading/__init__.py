"""The trading core: events in, commands out; order truth, exact money, no I/O and no clock."""

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
