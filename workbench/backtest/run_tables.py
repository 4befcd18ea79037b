"""The tables of a run: the columns of a live session's (`workbench.events`), and two that only a backtest knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workbench.backtest.accounts import Accounts, Parts
from workbench.backtest.log import ORDER_REASONS, ORDER_STATUS_NAMES, QUOTE_REASONS, RunLog
from workbench.backtest.terms import RunTerms
from workbench.events import FILLS_COLUMNS, NS, ORDERS_COLUMNS, QUOTES_COLUMNS

__all__ = ["decimals", "fills_frame", "orders_frame", "quotes_frame"]

BPS = 1e4
MONEY = ("pnl_spread", "pnl_inventory", "pnl_fees", "pnl_funding", "equity_change")


def orders_frame(log: RunLog, terms: RunTerms) -> pd.DataFrame:
    """`ORDERS_COLUMNS` and `queue_ahead`: contracts shown at its price when the venue took it; -1: it never rested."""
    orders = log.orders
    number = pd.Series(orders["order_no"]).astype("str")
    columns: dict[str, Any] = {name: orders[name] for name in ORDERS_COLUMNS if name in (orders.dtype.names or ())}
    columns |= {
        "client_id": number,
        "order_id": number,
        "price": _prices(orders["price_ticks"], terms),
        "status": _named(orders["status"], ORDER_STATUS_NAMES),
        "reason": _named(orders["reason"], ORDER_REASONS),
    }
    return _frame(columns, ORDERS_COLUMNS).assign(queue_ahead=orders["queue_ahead"])


def fills_frame(log: RunLog, terms: RunTerms, accounts: Accounts) -> pd.DataFrame:
    """`FILLS_COLUMNS` and `queue_wait`: seconds from the venue's acceptance of the order to the execution."""
    fills = log.fills
    number = pd.Series(fills["order_no"]).astype("str")
    columns: dict[str, Any] = {name: fills[name] for name in FILLS_COLUMNS if name in (fills.dtype.names or ())}
    columns |= {
        "trade_id": pd.Series(np.arange(len(fills))).astype("str"),
        "client_id": number,
        "order_id": number,
        "price": _prices(fills["price_ticks"], terms),
        "fee": decimals(np.diff(accounts.fees), terms.instrument.money_digits),
        "fee_currency": terms.instrument.settlement,
        "maker": fills["maker"] != 0,
        "mid": _prices(fills["mid_half_ticks"], terms) / 2.0,
    }
    return _frame(columns, FILLS_COLUMNS).assign(queue_wait=fills["wait_ns"] / NS)


def quotes_frame(log: RunLog, terms: RunTerms, parts: Parts, *, exact: bool = True) -> pd.DataFrame:
    """`QUOTES_COLUMNS`, one row a sample.

    Parameters
    ----------
    log, terms : RunLog, RunTerms
    parts : Parts
        At the samples.
    exact : bool
        Money as Decimal; else as float64, which costs a hundredth of the time and is enough to draw.
    """
    quotes = log.quotes
    bid, ask = _or_none(quotes["best_bid"], terms), _or_none(quotes["best_ask"], terms)
    mid = (bid + ask) / 2.0
    tick = float(terms.instrument.tick_size)
    own_bid, own_ask = _or_none(quotes["own_bid"], terms), _or_none(quotes["own_ask"], terms)
    columns: dict[str, Any] = {
        "t_ns": quotes["t_ns"],
        "bid": bid,
        "ask": ask,
        "mid": mid,
        "mark": quotes["mark"] * tick,
        "own_bid": own_bid,
        "own_ask": own_ask,
        "position": quotes["position"],
        "sigma": quotes["sigma"],
        "half_spread_bps": quotes["half_spread"] * tick / mid * BPS,
        "why": _why(quotes["reason"], own_bid, own_ask, terms),
    }
    digits = terms.instrument.money_digits
    for name, units in zip(MONEY, (*parts, parts.total), strict=True):
        columns[name] = decimals(units, digits) if exact else units.astype(np.float64) / 10.0**digits
    types = dict(QUOTES_COLUMNS) if exact else dict(QUOTES_COLUMNS) | dict.fromkeys(MONEY, "float64")
    return _frame(columns, types)


def decimals(units: NDArray[Any], digits: int) -> NDArray[np.object_]:
    """Money units as Decimals with so many decimals."""
    if units.dtype == object:
        limbs = [(int(unit) & (2**64 - 1), int(unit) >> 64) for unit in units]
        words = np.array([(low - 2**64 if low >= 2**63 else low, high) for low, high in limbs], dtype=np.int64)
    else:
        words = np.stack([units, units >> 63], axis=1)
    buffer = pa.py_buffer(np.ascontiguousarray(words))
    array = pa.Array.from_buffers(pa.decimal128(38, digits), len(units), [None, buffer])
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=object)


def _prices(ticks: NDArray[np.int64], terms: RunTerms) -> NDArray[np.float64]:
    """Prices that print as the venue writes them: the nearest float to the decimal number."""
    step = terms.instrument.tick_size.as_integer_ratio()
    return np.asarray(ticks * float(step[0]) / float(step[1]), dtype=np.float64)


def _or_none(ticks: NDArray[np.int64], terms: RunTerms) -> NDArray[np.float64]:
    return np.where(ticks > 0, _prices(ticks, terms), np.nan)


def _why(
    reason: NDArray[np.int64], own_bid: NDArray[np.float64], own_ask: NDArray[np.float64], terms: RunTerms
) -> pd.Series:
    """The line of each sample: a reason not to quote, or which sides stand."""
    sides = np.isfinite(own_bid) + 2 * np.isfinite(own_ask)
    # Codes of quotes that stand, beyond every reason's.
    code = np.where(reason == 0, 1_000 + sides, reason)
    standing = {1_000: "no quote stands", 1_001: "bids only", 1_002: "asks only", 1_003: "both sides quoted"}
    told = {number: f"no quotes: {text}" for number, text in {**QUOTE_REASONS, **terms.reasons}.items() if text}
    return _named(code, {**told, **standing})


def _named(codes: NDArray[np.int64], names: Mapping[int, str]) -> pd.Series:
    known, where = np.unique(codes, return_inverse=True)
    texts = pa.array([names.get(int(code), f"reason {int(code)}") for code in known], pa.string())
    return pd.Series(pa.DictionaryArray.from_arrays(pa.array(where), texts).cast(pa.string()).to_pandas(), dtype="str")


def _frame(columns: Mapping[str, Any], types: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: columns[name] for name in types}).astype(dict(types))
