"""A session cut by hour and by side, counted by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import by_hour, by_side
from workbench.events import FILLS_COLUMNS, NS, ORDERS_COLUMNS, QUOTES_COLUMNS

HOUR = 3_600 * NS
START = 480_000 * HOUR


def quotes() -> pd.DataFrame:
    minutes = np.arange(0, 151, 30)
    rows = pd.DataFrame({name: [np.nan] * len(minutes) for name in QUOTES_COLUMNS})
    rows["t_ns"] = START + 30 * 60 * NS + minutes * 60 * NS
    rows["mid"] = 100.0 + np.arange(len(minutes))
    rows["own_bid"], rows["own_ask"] = 99.0, [101.0, 101.0, np.nan, 101.0, 101.0, 101.0]
    rows["position"] = [0, 3, -5, 1, 0, 0]
    for number, name in enumerate(("pnl_spread", "pnl_inventory", "pnl_fees", "pnl_funding", "equity_change")):
        rows[name] = pd.Series([Decimal(k * (number + 1)).scaleb(-8) for k in range(len(minutes))], dtype="object")
    return rows


def fills(sides: list[int], minutes: list[int]) -> pd.DataFrame:
    rows = pd.DataFrame({name: [0] * len(sides) for name in FILLS_COLUMNS})
    rows["t_ns"] = [START + 30 * 60 * NS + minute * 60 * NS for minute in minutes]
    rows["side"], rows["size"], rows["price"], rows["mid"] = sides, 2, 100.0, 100.5
    return rows


def test_hours_sum_to_the_session_to_the_last_digit() -> None:
    table = by_hour(fills([1, -1, 1], [10, 40, 149]), quotes())
    assert [str(hour) for hour in table.index.strftime("%H:%M")] == ["00:00", "01:00", "02:00", "03:00"]
    assert table["equity"].tolist() == [Decimal(0), Decimal("1E-7"), Decimal("1E-7"), Decimal("5E-8")]
    assert sum(table["spread"]) == quotes()["pnl_spread"].iloc[-1]
    assert table["fills"].tolist() == [1, 1, 1, 0]
    assert table["contracts"].tolist() == [2, 2, 2, 0]
    assert table["max_position"].tolist() == [0, 5, 1, 0]
    assert table["uptime"].to_numpy()[:3].tolist() == [1.0, 0.5, 1.0]


def test_an_empty_session_has_no_hours() -> None:
    assert by_hour(fills([], []), quotes().iloc[:0]).empty


def test_each_side_is_counted_alone() -> None:
    orders = pd.DataFrame({name: [0] * 4 for name in ORDERS_COLUMNS})
    orders["side"], orders["filled"] = [1, 1, 1, -1], [2, 0, 0, 2]
    table = by_side(orders, fills([1, -1], [30, 60]), quotes(), horizon_s=1_800.0)
    assert table.loc["buy", ["orders", "filled", "fills", "contracts"]].tolist() == [3, 1, 1, 2]
    assert table["share"].tolist() == [1 / 3, 1.0]
    assert table.loc["buy", "capture_bps"] == pytest.approx(0.5 / 100.5 * 1e4)
    # The mid is 102 half an hour after the bought one, 103 after the sold one.
    assert table.loc["buy", "markout_bps"] == pytest.approx(2.0 / 100.5 * 1e4)
    assert table.loc["sell", "markout_bps"] == pytest.approx(-3.0 / 100.5 * 1e4)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="no column 'position'"):
        by_hour(fills([1], [1]), quotes().drop(columns="position"))
