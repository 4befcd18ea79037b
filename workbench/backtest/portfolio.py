"""Several symbols on one clock: a backtest of each, and what they come to together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Unpack

import numpy as np
import pandas as pd

from workbench.backtest.feed import Feed
from workbench.backtest.result import BacktestResult
from workbench.backtest.run import Options, backtest
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.quoting import QuotingModel

__all__ = ["Portfolio", "backtest_symbols"]


@dataclass(frozen=True)
class Portfolio:
    """Backtests of several symbols that share one clock and one account.

    Attributes
    ----------
    results : mapping of str to BacktestResult
        By symbol. Position limits, message budgets and the venue's rate limit are each symbol's own.
    """

    results: Mapping[str, BacktestResult]

    @property
    def total(self) -> Decimal:
        """Change in the account's equity, settlement currency, exact."""
        return sum((result.pnl.total for result in self.results.values()), Decimal(0))

    @property
    def equity(self) -> pd.Series:
        """Change in the account's equity over time: the sum of what each symbol stood at."""
        parts = pd.DataFrame({symbol: result.equity for symbol, result in self.results.items()})
        return parts.ffill().fillna(0.0).sum(axis=1).rename("equity")

    @property
    def table(self) -> pd.DataFrame:
        """One row a symbol: the exact parts of its profit, fills and position at the end."""
        rows = {
            symbol: {
                **result.pnl._asdict(),
                "total": result.pnl.total,
                "fills": len(result.log.fills),
                "position": result.log.counters.position,
            }
            for symbol, result in self.results.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def __repr__(self) -> str:
        return f"Portfolio of {len(self.results)} symbols: equity {self.total:+}\n{self.table.to_string()}"


def backtest_symbols(
    feeds: Mapping[str, Feed],
    model: str | QuotingModel = "skewed_spread",
    params: Mapping[str, MarketMakerConfig | Mapping[str, Any]] | None = None,
    **options: Unpack[Options],
) -> Portfolio:
    """Run one model on several symbols, deciding at the same times in all.

    Parameters
    ----------
    feeds : mapping of str to Feed
        By symbol.
    params : mapping of str to configuration, optional
        By symbol; see `backtest`.
    **options
        See `Options`. Steps count from the start of the first feed.

    Raises
    ------
    ConfigError
        For no feed, symbols that settle in different currencies, parameters of a symbol that has no feed, or anything
        that `backtest` refuses.
    """
    given = dict(params or {})
    strange = [symbol for symbol in given if symbol not in feeds]
    currencies = sorted({feed.instrument.settlement for feed in feeds.values()})
    if not feeds or strange or len(currencies) != 1:
        problem = f"symbols are {list(feeds)}, settled in {currencies}, with parameters for {list(given)}; "
        raise ConfigError([problem + "expected feeds of one currency, and parameters for symbols among them"])
    if options.get("decide") in (None, "step"):
        step_ns = round(options.get("step_s", 0.1) * NS)
        start_ns = min(feed.start_ns for feed in feeds.values())
        end_ns = max(feed.end_ns for feed in feeds.values())
        options["decide"] = np.arange(start_ns + step_ns, end_ns, step_ns, dtype=np.int64)
    return Portfolio({symbol: backtest(feed, model, given.get(symbol), **options) for symbol, feed in feeds.items()})
