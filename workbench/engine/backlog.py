"""What may be thrown away when events come faster than they can be decided upon: stale market data, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.events import BookDelta, BookLost, BookSnapshot, Event, MarketTrade, MarkPrice, Timer

__all__ = ["conflate"]

MAX_TRADES_WAITING = 5_000
"""Public trades kept in a backlog; older ones are dropped and counted."""


def conflate(queue: Sequence[Event]) -> tuple[list[Event], int]:
    """A backlog without the market data that newer market data replaces; fills and order news are never touched.

    Book changes before a snapshot go, changes after it become one, of marks and timers the newest stays, and of public
    trades the newest 5,000.

    Returns
    -------
    kept : list of Event
        In their order; a merged book stands where its newest part stood.
    dropped_trades : int
        Public trades that were left out.
    """
    spare = max(0, sum(type(event) is MarketTrade for event in queue) - MAX_TRADES_WAITING)
    trades_to_drop = spare
    last_book = max((i for i, event in enumerate(queue) if isinstance(event, (BookSnapshot, BookLost))), default=-1)
    deltas = {i: event for i, event in enumerate(queue) if i > last_book and isinstance(event, BookDelta)}
    last_delta = max(deltas, default=-1)
    newest = {type(event): i for i, event in enumerate(queue) if type(event) in (Timer, MarkPrice)}
    kept: list[Event] = []
    for i, event in enumerate(queue):
        match event:
            case BookDelta():
                if i == last_delta:
                    kept.append(_merged(list(deltas.values())))
            case BookSnapshot() | BookLost():
                if i == last_book:
                    kept.append(event)
            case Timer() | MarkPrice():
                if i == newest[type(event)]:
                    kept.append(event)
            case MarketTrade() if trades_to_drop:
                trades_to_drop -= 1
            case _:
                kept.append(event)
    return kept, spare


def _merged(deltas: Sequence[BookDelta]) -> BookDelta:
    """One change that does what these do one after another: the newest size of each price."""
    last = deltas[-1]
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for delta in deltas:
        bids.update(delta.bids)
        asks.update(delta.asks)
    return BookDelta(last.t_ns, last.venue_ns, tuple(bids.items()), tuple(asks.items()), last.seq)
