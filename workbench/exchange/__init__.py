"""The simulated LMEX: matching, a seeded market, the published protocol with its quirks, on sockets or in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

if TYPE_CHECKING:
    from workbench.exchange.driving import drive
    from workbench.exchange.server import serve
    from workbench.exchange.settings import PRESETS, MarketSettings
    from workbench.exchange.venue import SIM_KEY, SIM_SECRET, SimulatedExchange

__all__ = ["PRESETS", "SIM_KEY", "SIM_SECRET", "MarketSettings", "SimulatedExchange", "drive", "serve"]

# The server's libraries load only when sockets are wanted.
__getattr__ = lazy_names(
    __name__,
    {
        "driving": "drive",
        "server": "serve",
        "settings": "MarketSettings PRESETS",
        "venue": "SIM_KEY SIM_SECRET SimulatedExchange",
    },
)
