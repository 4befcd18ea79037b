"""The simulated LMEX: matching, a seeded market, the published protocol with its quirks, on sockets or in memory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.exchange.driving import drive
    from workbench.exchange.server import serve
    from workbench.exchange.settings import PRESETS, MarketSettings
    from workbench.exchange.venue import SIM_KEY, SIM_SECRET, SimulatedExchange

__all__ = ["PRESETS", "SIM_KEY", "SIM_SECRET", "MarketSettings", "SimulatedExchange", "drive", "serve"]

_HOMES = {
    "PRESETS": "settings",
    "MarketSettings": "settings",
    "SIM_KEY": "venue",
    "SIM_SECRET": "venue",
    "SimulatedExchange": "venue",
    "drive": "driving",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: the server's libraries load only when sockets are wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
