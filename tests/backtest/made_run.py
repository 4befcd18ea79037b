"""A made run: the log that an engine could have left, without an engine."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from workbench.backtest.log import (
    ACKED,
    CANCELLED,
    EXPIRED,
    FILLED,
    FILLS_DTYPE,
    FUNDING_DTYPE,
    ORDERS_DTYPE,
    POST_ONLY_CROSSES,
    QUOTES_DTYPE,
    RunCounters,
    RunLog,
)
from workbench.backtest.terms import RunTerms
from workbench.config import MarketMakerConfig
from workbench.events import NS
from workbench.instruments import Instrument

INSTRUMENT = Instrument(
    "BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), maker_fee=Decimal("-0.00005"), min_size=1
)
START_NS = 1_780_000_000 * NS
MIDDLE = 600_000


def make_terms(**changes: object) -> RunTerms:
    config = MarketMakerConfig(spread_bps=4)
    known = {
        "instrument": INSTRUMENT,
        "model": "skewed_spread",
        "config": config.model_dump(mode="json"),
        "config_hash": config.digest(),
        "max_position": 100,
        "queue": "power(3) queue",
        "latency": "10 ms + 10 ms",
        "decide": "decided every 0.1 s",
        "feed_key": "made",
        "feed_rows": 12_345,
        "notes": ("10 % of the rows out of order: put right",),
        "wall_s": 0.25,
    }
    return RunTerms(**{**known, **changes})  # type: ignore[arg-type]


def make_run(orders: int = 200, samples: int = 500, seed: int = 1, *, finished: bool = True) -> RunLog:
    """A random walk, quoted; every second order rests till it is filled, in two pieces."""
    rng = np.random.default_rng(seed)
    quotes = np.zeros(samples, QUOTES_DTYPE)
    quotes["t_ns"] = START_NS + np.arange(samples) * 10 * NS
    mid = MIDDLE + rng.integers(-3, 4, samples).cumsum()
    quotes["best_bid"], quotes["best_ask"] = mid - 1, mid + 1
    quotes["own_bid"], quotes["own_ask"] = mid - 8, np.where(rng.random(samples) < 0.9, mid + 8, 0)
    quotes["sigma"], quotes["half_spread"], quotes["mark"] = 1e-5, 8.0, mid + 0.25
    table = np.zeros(orders, ORDERS_DTYPE)
    table["order_no"], table["size"] = np.arange(orders), 10
    table["side"] = np.where(rng.random(orders) < 0.5, 1, -1)
    sent = np.sort(rng.integers(0, samples - 20, orders))
    table["price_ticks"] = mid[sent] - 8 * table["side"]
    table["sent_ns"] = quotes["t_ns"][sent]
    table["acked_ns"] = table["sent_ns"] + 20_000_000
    table["queue_ahead"] = rng.integers(0, 500, orders)
    kind = np.arange(orders) % 4
    table["status"] = np.choose(kind, [FILLED, CANCELLED, FILLED, EXPIRED])
    table["filled"] = np.where(table["status"] == FILLED, 10, 0)
    table["reason"] = np.where(table["status"] == EXPIRED, POST_ONLY_CROSSES, 0)
    table["acked_ns"][table["status"] == EXPIRED] = 0
    table["done_ns"] = table["sent_ns"] + 90 * NS
    table["status"][-1], table["filled"][-1], table["done_ns"][-1] = ACKED, 0, 0
    hit = np.flatnonzero(table["filled"])
    fills = np.zeros(2 * len(hit), FILLS_DTYPE)
    whose = np.repeat(hit, 2)
    fills["order_no"], fills["side"] = whose, table["side"][whose]
    fills["price_ticks"], fills["size"] = table["price_ticks"][whose], np.tile([3, 7], len(hit))
    fills["t_ns"] = table["sent_ns"][whose] + np.tile([50 * NS, 90 * NS], len(hit))
    fills["venue_ns"], fills["wait_ns"] = fills["t_ns"] - 10_000_000, fills["t_ns"] - table["acked_ns"][whose]
    fills["maker"] = 1
    fills = fills[np.argsort(fills["t_ns"], kind="stable")]
    row = np.searchsorted(quotes["t_ns"], fills["t_ns"], side="right") - 1
    fills["mid_half_ticks"] = 2 * mid[row]
    fills["position"] = np.cumsum(fills["side"] * fills["size"])
    heard = np.searchsorted(fills["t_ns"], quotes["t_ns"], side="right")
    quotes["position"] = np.concatenate([[0], fills["position"]])[heard]
    funding = np.zeros(1, FUNDING_DTYPE)
    at = samples // 2
    funding["t_ns"], funding["position"] = quotes["t_ns"][at], quotes["position"][at]
    funding["rate"], funding["mark"] = 0.0001, quotes["mark"][at]
    return RunLog(
        orders=table,
        fills=fills,
        quotes=quotes,
        funding=funding,
        counters=RunCounters(
            steps=10 * samples,
            submits=orders,
            cancels=orders // 4,
            rejects=int((table["status"] == EXPIRED).sum()),
            max_open=6,
            uptime_ns=int(0.9 * 10 * NS * (samples - 1)),
            position=int(fills["position"][-1]) if len(fills) else 0,
        ),
        start_ns=int(quotes["t_ns"][0]),
        end_ns=int(quotes["t_ns"][-1]),
        finished=finished,
        reason="" if finished else "interrupted at 40 %",
    )
