"""Backtest: recorded markets, honest queues and latency, and the very function that quotes live."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.backtest.feed import Feed
    from workbench.backtest.log import RunCounters, RunLog
    from workbench.backtest.recorded import feed_from_catalog
    from workbench.backtest.result import BacktestResult
    from workbench.backtest.run_summary import RunSummary
    from workbench.backtest.sweep_result import SweepResult
    from workbench.backtest.terms import RunTerms

_HOMES = {
    "BacktestResult": "result",
    "Feed": "feed",
    "RunCounters": "log",
    "RunLog": "log",
    "RunSummary": "run_summary",
    "RunTerms": "terms",
    "SweepResult": "sweep_result",
    "feed_from_catalog": "recorded",
}

__all__ = [
    "BacktestResult",
    "Feed",
    "RunCounters",
    "RunLog",
    "RunSummary",
    "RunTerms",
    "SweepResult",
    "feed_from_catalog",
]


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: kernels load only when they are wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
