"""The tape: the last public trades, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from workbench.events import MarketTrade

__all__ = ["TradeTape"]


class TradeTape:
    """The newest trades, each id once, oldest first.

    Parameters
    ----------
    length : int
        How many trades are kept.
    """

    def __init__(self, length: int = 1_000) -> None:
        if length < 1:
            raise ValueError(f"tape length is {length}; expected at least 1")
        self._trades: deque[MarketTrade] = deque(maxlen=length)
        self._newest_id = -1
        self.volume = 0
        """Contracts traded since the start, whatever has been forgotten since."""

    def add(self, trade: MarketTrade) -> bool:
        """Append a trade; False for one heard before (ids rise)."""
        if trade.trade_id <= self._newest_id:
            return False
        self._newest_id = trade.trade_id
        self._trades.append(trade)
        self.volume += trade.size
        return True

    @property
    def last_price_ticks(self) -> int:
        """Price of the newest trade, 0 before the first."""
        return self._trades[-1].price_ticks if self._trades else 0

    def __len__(self) -> int:
        return len(self._trades)

    def __iter__(self) -> Iterator[MarketTrade]:
        return iter(self._trades)
