"""Backtest: recorded markets, honest queues and latency, and the very function that quotes live."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.backtest.feed import Feed
    from workbench.backtest.log import RunCounters, RunLog

_HOMES = {
    "Feed": "feed",
    "RunCounters": "log",
    "RunLog": "log",
}

__all__ = ["Feed", "RunCounters", "RunLog"]


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: kernels load only when they are wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
