"""Sessions whose queues are known: a market of two deep levels, own orders joining them, fills by a given truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from workbench.backtest import QueueModel, SteppedVenue
from workbench.clock import NS
from workbench.events import BookDelta, BookSnapshot, Cancel, MarketTrade, OrderReport, OwnFill, Place
from workbench.instruments import Instrument

START = 1_700_000_000 * NS
COIN = Instrument("COIN-PERP", "COIN", "USDT", Decimal("0.5"), Decimal("0.1"))
BID, ASK = 200, 201
STREAM_NS, ENTRY_NS, RESPONSE_NS = 3_000_000, 9_000_000, 7_000_000
OWN_SIZE = 4

Record = tuple[int, Any]


@dataclass
class Level:
    """One price of the venue, first come, first served; an item is [contracts, own order or ""]."""

    side: int
    price: int
    items: list[list[Any]] = field(default_factory=list)

    @property
    def shown(self) -> int:
        return sum(item[0] for item in self.items)

    def others(self) -> int:
        return sum(item[0] for item in self.items if not item[1])

    def cancel_one(self, rng: np.random.Generator) -> int:
        """Somebody, anywhere in the queue, gives up; returns how much."""
        mine = [k for k, item in enumerate(self.items) if not item[1]]
        if len(mine) < 3:
            return 0
        return int(self.items.pop(mine[int(rng.integers(len(mine)))])[0])

    def trade(self, size: int) -> list[tuple[str, int]]:
        """Take from the front; own executions."""
        fills = []
        while size and self.items:
            part = min(size, self.items[0][0])
            self.items[0][0] -= part
            size -= part
            if self.items[0][1]:
                fills.append((self.items[0][1], part))
            if not self.items[0][0]:
                self.items.pop(0)
        return fills


def market_script(rng: np.random.Generator, seconds: float) -> list[tuple[int, str, int, int]]:
    """(stamp, what, side, size): what happens to either level, and when own orders come and go."""
    script = []
    at = 0.0
    while at < seconds:
        at += float(rng.exponential(0.04))
        what = str(rng.choice(["add", "cancel", "trade"], p=[0.45, 0.40, 0.15]))
        script.append((START + round(at * NS), what, int(rng.choice([1, -1])), int(rng.integers(1, 9))))
    return script


def own_script(rng: np.random.Generator, seconds: float, count: int) -> list[tuple[int, int, int]]:
    """(arrival, end, side) of own orders, at random times."""
    arrivals = START + (rng.uniform(1.0, seconds - 10.0, count) * NS).astype(np.int64)
    return [(int(at), int(at + rng.uniform(0.5, 6.0) * NS), int(rng.choice([1, -1]))) for at in np.sort(arrivals)]


@cache
def fifo_session(seed: int, seconds: float = 250.0, count: int = 250) -> list[Record]:
    """The journal of a session on a venue that serves first come, first served, and shows own orders in its book."""
    rng = np.random.default_rng(seed)
    levels = {1: Level(1, BID), -1: Level(-1, ASK)}
    for level in levels.values():
        level.items = [[int(rng.integers(1, 9)), ""] for _ in range(6)]
    records = [_snapshot(levels)]
    happenings: list[tuple[int, str, int, Any]] = list(market_script(rng, seconds))
    orders = own_script(rng, seconds, count)
    for number, (at, end, side) in enumerate(orders):
        happenings += [(at, "own", side, f"o{number}"), (end, "end", side, f"o{number}")]
    for at, what, side, size in sorted(happenings, key=lambda row: (row[0], str(row[3]))):
        level = levels[side]
        match what:
            case "own":
                level.items.append([OWN_SIZE, size])
                records += _placed(at, size, side, level.price)
            case "end":
                left = [item for item in level.items if item[1] == size]
                level.items = [item for item in level.items if item[1] != size]
                if left:
                    records += _cancelled(at, size, OWN_SIZE - left[0][0])
            case "add":
                level.items.append([size, ""])
            case "cancel":
                level.cancel_one(rng)
            case "trade" if level.others() > size:
                records.append((at + STREAM_NS, MarketTrade(at + STREAM_NS, at, at, -side, level.price, size)))
                records += [_filled(at, name, side, level.price, part) for name, part in level.trade(size)]
        records.append(_delta(at, level))
    return sorted(records, key=lambda record: record[0])


@cache
def model_session(queue: QueueModel, seed: int, seconds: float = 250.0, count: int = 250) -> list[Record]:
    """The same kind of market, own orders filled by a queue model and not shown in the book."""
    rng = np.random.default_rng(seed)
    levels = {1: Level(1, BID), -1: Level(-1, ASK)}
    for level in levels.values():
        level.items = [[int(rng.integers(1, 9)), ""] for _ in range(6)]
    venue = SteppedVenue(queue, unit=float(COIN.contract_size))
    venue.levels(((BID, levels[1].shown),), ((ASK, levels[-1].shown),), START, whole=True)
    records = [_snapshot(levels)]
    happenings: list[tuple[int, str, int, Any]] = list(market_script(rng, seconds))
    for number, (at, end, side) in enumerate(own_script(rng, seconds, count)):
        happenings += [(at, "own", side, f"o{number}"), (end, "end", side, f"o{number}")]
    names: dict[int, tuple[str, int]] = {}
    numbers: dict[str, int] = {}
    filled: dict[str, int] = {}
    for at, what, side, size in sorted(happenings, key=lambda row: (row[0], str(row[3]))):
        level = levels[side]
        match what:
            case "own":
                numbers[size] = venue.place(side, level.price, OWN_SIZE, at)
                names[numbers[size]] = (size, side)
                records += _placed(at, size, side, level.price)
            case "end" if venue.is_resting(numbers[size]):
                venue.cancel(numbers[size], at)
                records += _cancelled(at, size, filled.get(size, 0))
            case "add":
                level.items.append([size, ""])
            case "cancel":
                level.cancel_one(rng)
            case "trade" if level.others() > size:
                records.append((at + STREAM_NS, MarketTrade(at + STREAM_NS, at, at, -side, level.price, size)))
                venue.trade(-side, level.price, size, at)
                level.trade(size)
        venue.level(side, level.price, level.shown, at)
        records.append(_delta(at, level))
        for answer in venue.take_answers():
            if answer.kind == "fill":
                name, its_side = names[answer.order_no]
                filled[name] = filled.get(name, 0) + answer.size
                records.append(_filled(answer.venue_ns, name, its_side, answer.price_ticks, answer.size))
    return sorted(records, key=lambda record: record[0])


def _snapshot(levels: dict[int, Level]) -> Record:
    t_ns = START + STREAM_NS
    return t_ns, BookSnapshot(t_ns, START, ((BID, levels[1].shown),), ((ASK, levels[-1].shown),))


def _delta(at: int, level: Level) -> Record:
    change = ((level.price, level.shown),)
    t_ns = at + STREAM_NS
    return t_ns, BookDelta(t_ns, at, change if level.side > 0 else (), change if level.side < 0 else ())


def _placed(at: int, name: str, side: int, price: int) -> list[Record]:
    heard = at + RESPONSE_NS
    return [
        (at - ENTRY_NS, Place(name, 0, side, price, OWN_SIZE)),
        (heard, OrderReport(heard, name, "open", "place", name, 0, OWN_SIZE)),
    ]


def _cancelled(at: int, name: str, filled: int) -> list[Record]:
    heard = at + RESPONSE_NS
    return [
        (at - ENTRY_NS, Cancel(name, name)),
        (heard, OrderReport(heard, name, "cancelled", "cancel", name, filled, OWN_SIZE)),
    ]


def _filled(at: int, name: str, side: int, price: int, size: int) -> Record:
    heard = at + RESPONSE_NS
    trade_id = f"{name}@{at}"
    return heard, OwnFill(heard, at, trade_id, name, name, side, price, size, Decimal(0), "USDT", True)
