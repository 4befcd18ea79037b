"""The public streams of one market: numbered book deltas, best prices, trades (lmex-api.md sections 7.3 and 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.exchange.market import Market, PublicTrade
from workbench.exchange.matching import BookSide
from workbench.exchange.wire import BUY_SELL, encode

if TYPE_CHECKING:
    from workbench.exchange.streams import Hub

__all__ = ["BookFeed", "trades_frame"]

SNAPSHOT_LEVELS = 50
_FIRST_SEQUENCE = 628_000


class BookFeed:
    """Turns what changed in a market's book into deltas; one number for each delta that says anything."""

    def __init__(self, market: Market, hub: Hub) -> None:
        self.market = market
        self.sequence = _FIRST_SEQUENCE
        self._hub = hub
        self._shown: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self._best: tuple[int | None, int | None] = (None, None)
        self._best_sizes: tuple[int, int] = (0, 0)

    def flush(self, time_ns: int) -> None:
        """Publish the changes since the last flush, if there are any."""
        bids = self._changes(self.market.book.bids)
        asks = self._changes(self.market.book.asks)
        if not bids and not asks:
            return
        self.sequence += 1
        symbol = self.market.symbol
        followers = self._hub.followers(("update", symbol))
        if followers:
            # A quirk of the real feed: deltas come under the topic without the group suffix.
            frame = self._frame(f"update:{symbol}", "delta", ",".join(bids), ",".join(asks), time_ns)
            for stream in followers:
                stream.send(frame)
        followers = self._hub.followers(("snapshotL1", symbol))
        if followers:
            self._publish_best(time_ns)

    def _changes(self, side: BookSide) -> list[str]:
        shown = self._shown[side.side]
        texts, levels = self.market.listing.price_texts, side.levels
        rows = []
        for price in side.touched:
            level = levels.get(price)
            if level is None:
                size = 0
            else:
                size = level.shown if level.orders else level.flow
            if size != shown.get(price, 0):
                rows.append(f'["{texts[price]}","{size}"]')
                if size:
                    shown[price] = size
                else:
                    del shown[price]
        side.touched.clear()
        return rows

    def _row(self, price: int, size: int) -> str:
        return f'["{self.market.listing.price_texts[price]}","{size}"]'

    def snapshot(self, topic: str, time_ns: int) -> bytes:
        """The visible book, at most 50 levels a side, asks in descending order as LMEX sends them."""
        self.flush(time_ns)
        bids = sorted(self._shown[1].items(), reverse=True)[:SNAPSHOT_LEVELS]
        asks = sorted(self._shown[-1].items())[:SNAPSHOT_LEVELS]
        bid_rows = ",".join(self._row(*level) for level in bids)
        ask_rows = ",".join(self._row(*level) for level in reversed(asks))
        return self._frame(topic, "snapshot", bid_rows, ask_rows, time_ns)

    def _frame(self, topic: str, kind: str, bids: str, asks: str, time_ns: int) -> bytes:
        return (
            f'{{"topic":"{topic}","data":{{"bids":[{bids}],"asks":[{asks}],"seqNum":{self.sequence},'
            f'"prevSeqNum":{self.sequence - 1},"type":"{kind}","timestamp":{time_ns // 1_000_000},'
            f'"symbol":"{self.market.symbol}"}}}}'
        ).encode()

    # --- best prices --------------------------------------------------------------------------------------------

    def _publish_best(self, time_ns: int) -> None:
        book = self.market.book
        best = (book.bids.best_shown, book.asks.best_shown)
        sizes = (self._size_at(1, best[0]), self._size_at(-1, best[1]))
        if (best, sizes) == (self._best, self._best_sizes):
            return
        self._best, self._best_sizes = best, sizes
        for stream, topic in self._hub.followers(("snapshotL1", self.market.symbol)).items():
            stream.send(self.best_frame(topic, time_ns))

    def _size_at(self, side: int, price: int | None) -> int:
        return self._shown[side].get(price, 0) if price is not None else 0

    def best_frame(self, topic: str, time_ns: int) -> bytes:
        """Best bid and ask with their sizes."""
        book = self.market.book
        rows = [
            [[self.market.listing.price_texts[level.price], str(level.shown)]]
            for side in (book.bids, book.asks)
            if (level := next((level for level in side.from_best() if level.shown), None)) is not None
        ]
        bids, asks = rows if len(rows) == 2 else ([], [])
        return encode(
            {
                "topic": topic,
                "data": {
                    "bids": bids,
                    "asks": asks,
                    "type": "snapshotL1",
                    "symbol": self.market.symbol,
                    "timestamp": time_ns // 1_000_000,
                },
            }
        )


TRADE_TOPICS = ("tradeHistoryApiV3", "tradeHistoryApiV2", "tradeHistoryApi")


def trades_frame(topic: str, market: Market, trades: Sequence[PublicTrade]) -> bytes:
    """Public trades, newest first; the oldest topic answers with the old symbol, V3 with the symbol in the topic."""
    listing = market.listing
    symbol = listing.legacy_symbol if topic == "tradeHistoryApi" else listing.symbol
    return encode(
        {
            "topic": f"{topic}:{symbol}" if topic == "tradeHistoryApiV3" else topic,
            "data": [
                {
                    "symbol": symbol,
                    "side": BUY_SELL[trade.side],
                    "size": trade.size,
                    "price": listing.price_numbers[trade.price],
                    "tradeId": trade.serial,
                    "timestamp": trade.time_ms,
                }
                for trade in reversed(trades)
            ],
        }
    )
