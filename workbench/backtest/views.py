"""What is seen at each decision of a run, chunk by chunk: one table for each way to estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import Feed
from workbench.backtest.kernels.codes import BOOK_LOST
from workbench.backtest.kernels.view_table import (
    CODE,
    CURSOR_SIZE,
    NEXT_BEST,
    NEXT_ROW,
    Market,
    tabulate_bests_at,
    tabulate_view,
)
from workbench.config import MarketMakerConfig
from workbench.quoting.schema import VIEW_SIZE
from workbench.trading.view_kernels import make_memory, make_view

__all__ = ["CHUNK", "ViewTables"]

CHUNK = 2048
"""Decisions between two looks at the keyboard."""


class ViewTables:
    """What is seen at each decision, one table for each way to estimate."""

    def __init__(
        self, feed: Feed, configs: Sequence[MarketMakerConfig], *, parity: bool, feed_delay_ns: int = 0
    ) -> None:
        self._parity = parity
        self._delay_ns = feed_delay_ns
        prices = feed.prices
        self._market = Market(
            feed.code,
            feed.t_ns,
            feed.best_ns,
            feed.bests,
            *(np.ascontiguousarray(prices[name]) for name in ("t_ns", "mark", "rate", "funding_ns")),
        )
        self._keys: list[tuple[Any, Any]] = []
        if not self._parity:
            for config in configs:
                if (config.volatility, config.signals) not in self._keys:
                    self._keys.append((config.volatility, config.signals))
        self._memories = [make_memory(*key) for key in self._keys]
        self._shown = [make_view(feed.instrument) for _ in self._keys]
        tables = max(1, len(self._keys))
        self._cursors = np.zeros((tables, CURSOR_SIZE), dtype=np.int64)
        self._cursors[:, CODE] = BOOK_LOST
        self._views = np.zeros((tables, CHUNK, VIEW_SIZE))
        self._views[:] = make_view(feed.instrument)
        self._heard = np.zeros((CHUNK, 2), dtype=np.int64)
        self._codes = np.zeros(CHUNK, dtype=np.int64)

    @property
    def rows_read(self) -> int:
        """Rows of the feed that no table needs again."""
        return int(self._cursors[:, NEXT_ROW].min())

    @property
    def bests_read(self) -> int:
        """Best prices that no table needs again."""
        return int(self._cursors[:, NEXT_BEST].min())

    def table_of(self, config: MarketMakerConfig) -> int:
        """Which table a configuration looks at."""
        return 0 if self._parity else self._keys.index((config.volatility, config.signals))

    def at(self, times: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Views, stamps of book and mark, and codes at the next times."""
        seen = times - self._delay_ns
        if self._parity:
            tabulate_bests_at(self._market, seen, self._cursors[0], self._views[0])
        for table, memory in enumerate(self._memories):
            tabulate_view(
                self._market,
                seen,
                self._cursors[table],
                self._shown[table],
                memory.numbers,
                memory.stamps,
                memory.micro,
                self._views[table],
                self._heard,
                self._codes,
            )
        self._heard[: times.size] += self._delay_ns
        return self._views, self._heard, self._codes
