"""The recorded market that lies beside the checkout for developers; tests that read it are skipped without it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

PLACE = Path("shared") / "data" / "binance_usdm_BTCUSDT_20240808"


def recorded(name: str) -> pd.DataFrame:
    for parent in Path(__file__).resolve().parents:
        if (parent / PLACE / name).exists():
            return pd.read_parquet(parent / PLACE / name)
    pytest.skip("the recorded sample is not there")


@pytest.fixture(scope="session")
def recorded_quotes() -> pd.DataFrame:
    """Best prices (ticks) and sizes (lots) after each change, by the venue's time; `seq` is the order of arrival."""
    table = recorded("bbo.parquet")
    names = {"bid_ticks": "bid", "bid_lots": "bid_size", "ask_ticks": "ask", "ask_lots": "ask_size"}
    return table.assign(t_ns=table["ts_trade_ms"] * 1_000_000).rename(columns=names)


@pytest.fixture(scope="session")
def recorded_trades() -> pd.DataFrame:
    """Trades by the venue's time: side of the taker, price (ticks), size (lots)."""
    table = recorded("trades.parquet")
    names = {"taker_side": "side", "price_ticks": "price", "qty_lots": "size"}
    return table.assign(t_ns=table["ts_trade_ms"] * 1_000_000).rename(columns=names)
