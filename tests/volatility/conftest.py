"""The recorded market that lies beside the checkout for developers; tests that read it are skipped without it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

PLACE = Path("shared") / "data" / "binance_usdm_BTCUSDT_20240808"


@pytest.fixture(scope="session")
def recorded_mid() -> pd.Series:
    """Mid of every change of the best prices, by the venue's time in nanoseconds."""
    for parent in Path(__file__).resolve().parents:
        if (parent / PLACE / "bbo.parquet").exists():
            bbo = pd.read_parquet(parent / PLACE / "bbo.parquet")
            index = pd.Index(bbo["ts_trade_ms"].to_numpy() * 1_000_000, name="t_ns")
            return pd.Series(((bbo["bid_ticks"] + bbo["ask_ticks"]) / 2 * 0.1).to_numpy(), index=index)
    pytest.skip("the recorded sample is not there")
