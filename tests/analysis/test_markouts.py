"""Markouts and the parts of the profit, held to their identities and to the printed example."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import markout_summary, markout_table, split_pnl
from workbench.events import NS
from workbench.market import effective_spread, price_impact, realised_spread

SEED = 20080301


def example(kind: str = "linear") -> pd.DataFrame:
    """The printed fills, with a rebate of one basis point of their value."""
    rows = [(1, "99.9", 2, "100"), (-1, "100.4", 1, "100.3"), (-1, "99.5", 3, "99.4"), (1, "99.2", 2, "99.3")]
    table = []
    for t_ns, (side, price, size, mid) in enumerate(rows):
        value = Decimal(price) if kind == "linear" else 1 / Decimal(price)
        fee = -size * value / 10_000
        table.append((t_ns, side, Decimal(price), size, Decimal(mid), fee))
    return pd.DataFrame(table, columns=["t_ns", "side", "price", "size", "mid", "fee"])


def test_the_printed_linear_example_splits_to_the_last_digit() -> None:
    parts = split_pnl(example(), Decimal("99.0"))
    exact = (parts.spread, parts.inventory, parts.fees, parts.funding, parts.total)
    assert exact == tuple(Fraction(number) for number in ("0.8", "-0.1", "0.07971", "0", "0.77971"))
    assert parts.change == parts.total
    assert str(parts) == "spread 0.8, inventory -0.1, fees 0.07971, funding 0, total 0.77971"


def test_the_printed_inverse_example_splits_to_its_digits() -> None:
    parts = split_pnl(example("inverse"), Decimal("99.0"), kind="inverse")
    assert float(parts.spread) == pytest.approx(8.0587e-5, abs=5e-10)
    assert float(parts.inventory) == pytest.approx(-1.0189e-5, abs=5e-10)
    assert float(parts.fees) == pytest.approx(8.0292e-6, abs=5e-11)
    assert float(parts.total) == pytest.approx(7.8426e-5, abs=6e-10)
    assert parts.change == parts.total


def test_floats_count_as_the_decimals_that_they_print_as() -> None:
    floats = example().astype({"price": float, "mid": float, "fee": float})
    assert split_pnl(floats, 99.0).total == Fraction("0.77971")


def test_a_long_pays_funding_while_the_rate_is_positive() -> None:
    stamps = pd.DataFrame({"t_ns": [-1, 0, 2], "mark": [100, 100, 99], "rate": [Decimal("0.01")] * 3})
    # Flat before the first fill, 2 long at the first, 2 short after the third.
    parts = split_pnl(example(), 99, funding=stamps)
    assert parts.funding == Fraction("-2") + Fraction("1.98")
    assert parts.change == parts.total
    inverse = split_pnl(example("inverse"), 99, kind="inverse", funding=stamps)
    assert inverse.funding == Fraction("0.01") * (-Fraction(2, 100) + Fraction(2, 99))
    assert inverse.change == inverse.total


trade = st.tuples(
    st.sampled_from([1, -1]),
    st.decimals("1", "1000", places=2),
    st.integers(1, 50),
    st.decimals("1", "1000", places=2),
    st.decimals("-5", "5", places=4),
)


@given(
    st.lists(trade, min_size=1, max_size=8), st.sampled_from(["linear", "inverse"]), st.decimals("1", "99", places=3)
)
def test_the_parts_always_add_up_to_the_change(rows: list[tuple], kind: str, final: Decimal) -> None:
    table = pd.DataFrame(rows, columns=["side", "price", "size", "mid", "fee"]).assign(t_ns=range(len(rows)))
    parts = split_pnl(table, final, kind=kind, contract_size=Decimal("0.01"))
    assert parts.total == parts.change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"side": 0}, "side 0"),
        ({"size": -1}, "size is -1"),
        ({"price": float("nan")}, "price is nan"),
        ({"mid": float("nan")}, "mid is nan"),
        ({"fee": Decimal("NaN")}, "fee is NaN"),
        ({"t_ns": [3, 2, 1, 0]}, "order of time"),
    ],
)
def test_fills_that_are_none_are_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        split_pnl(example().assign(**change), 99)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(ValueError, match="no fills"):
        split_pnl(example().iloc[:0], 99)
    with pytest.raises(ValueError, match="no column 'fee'"):
        split_pnl(example().drop(columns="fee"), 99)
    with pytest.raises(ValueError, match="'quanto'"):
        split_pnl(example(), 99, kind="quanto")
    with pytest.raises(ValueError, match="final_mid is 0"):
        split_pnl(example(), 0)
    with pytest.raises(ValueError, match="no column 'rate'"):
        split_pnl(example(), 99, funding=pd.DataFrame({"t_ns": [1], "mark": [1]}))


# --- markouts -------------------------------------------------------------------------------------------------------


def market() -> tuple[pd.DataFrame, pd.DataFrame]:
    quotes = pd.DataFrame({"t_ns": np.arange(5) * NS, "mid": [100.0, 101.0, np.nan, 103.0, 102.0]})
    fills = pd.DataFrame({"t_ns": [0, NS, NS, 4 * NS], "side": [1, -1, -1, 1], "price": [99.5, 101.5, 102.0, 101.0]})
    return fills.assign(size=[1, 2, 6, 1], mid=[100.0, 101.0, 101.0, 102.0]), quotes


def test_a_markout_is_capture_and_drift() -> None:
    table = markout_table(*market(), horizons_s=[1.0, 2.0])
    one = table[table["horizon_s"] == 1.0]
    assert one["capture"].tolist() == [0.5, 0.5, 1.0, 1.0]
    # At two seconds there is no new mid: the one of the first second stands. After the last quote nothing is known.
    assert one["drift"].tolist()[:3] == [1.0, 0.0, 0.0]
    assert np.isnan(one["markout"].iloc[3])
    two = table[table["horizon_s"] == 2.0]
    assert two["drift"].tolist()[:3] == [1.0, -2.0, -2.0]
    np.testing.assert_allclose(table["markout"], table["capture"] + table["drift"], rtol=0, atol=1e-12)


def test_the_maker_s_markout_is_half_the_realised_spread_of_the_taker() -> None:
    table = markout_table(*market(), horizons_s=[2.0]).dropna()
    fills = market()[0].iloc[:3]
    taker, mid = -fills["side"], fills["mid"]
    later = mid + table["side"] * table["drift"]
    in_bps = 2 * table[["capture", "markout", "drift"]].div(mid, axis=0) * 1e4
    np.testing.assert_allclose(in_bps["capture"], effective_spread(fills["price"], taker, mid), rtol=1e-12)
    np.testing.assert_allclose(in_bps["markout"], realised_spread(fills["price"], taker, mid, later), rtol=1e-12)
    np.testing.assert_allclose(-in_bps["drift"], price_impact(taker, mid, later), rtol=1e-12)


def test_a_summary_weighs_fills_alike_or_by_size_and_tells_sweeps() -> None:
    table = markout_table(*market(), horizons_s=[2.0])
    alike = markout_summary(table, tick_size=0.5)
    assert alike.loc[2.0, ["fills", "sweeps"]].tolist() == [3, 2]
    assert alike.loc[2.0, "capture_ticks"] == pytest.approx(2 * (0.5 + 0.5 + 1.0) / 3)
    assert alike.loc[2.0, "markout_bps"] == pytest.approx(1e4 * (1.5 / 100 - 1.5 / 101 - 1.0 / 101) / 3)
    sized = markout_summary(table, weights="size", tick_size=0.5)
    assert sized.loc[2.0, "capture_ticks"] == pytest.approx(2 * (0.5 + 2 * 0.5 + 6 * 1.0) / 9)
    # Two clusters: the buy alone, and the two sells together. Deviations from the mean of 4/3 ticks.
    first, second = 1 - 4 / 3, (1 - 4 / 3) + (2 - 4 / 3)
    assert alike.loc[2.0, "capture_ticks_error"] == pytest.approx(np.sqrt(2 * (first**2 + second**2)) / 3)


def test_a_summary_by_side_has_a_row_for_each() -> None:
    table = markout_summary(markout_table(*market(), horizons_s=[1.0, 2.0]), by_side=True)
    assert table.index.tolist() == [(1.0, -1), (1.0, 1), (2.0, -1), (2.0, 1)]
    assert np.isnan(table.loc[(1.0, 1), "markout_bps_error"])


def test_the_error_covers_fills_that_come_in_sweeps() -> None:
    rng = np.random.default_rng(SEED)
    sweeps, prints = 2_000, 5
    drift = np.repeat(rng.normal(size=sweeps), prints)
    table = pd.DataFrame({"t_ns": np.repeat(np.arange(sweeps), prints), "drift": drift}).assign(
        side=1, size=1.0, mid=1e4, horizon_s=1.0, capture=0.0, markout=drift
    )
    assert markout_summary(table).loc[1.0, "markout_bps_error"] == pytest.approx(1 / np.sqrt(sweeps), rel=0.1)


@pytest.mark.parametrize(
    ("fills", "quotes", "horizons", "why"),
    [
        ({"side": 2}, {}, [1.0], "side 2"),
        ({"price": np.nan}, {}, [1.0], "price 0 is nan"),
        ({"size": -1}, {}, [1.0], "size 0 is -1"),
        ({}, {"t_ns": [4, 3, 2, 1, 0]}, [1.0], "sort by t_ns"),
        ({}, {"mid": np.nan}, [1.0], "no quotes with a mid"),
        ({}, {"mid": -1.0}, [1.0], "mid 0 is -1"),
        ({}, {}, [], "horizons_s"),
        ({}, {}, [-1.0], "horizons_s"),
        ({}, {}, [np.nan], "horizons_s"),
    ],
)
def test_bad_tables_have_no_markouts(fills: dict, quotes: dict, horizons: list[float], why: str) -> None:
    good_fills, good_quotes = market()
    with pytest.raises(ValueError, match=why):
        markout_table(good_fills.assign(**fills), good_quotes.assign(**quotes), horizons)


def test_nothing_to_sum_up_is_refused() -> None:
    table = markout_table(*market(), horizons_s=[1.0])
    with pytest.raises(ValueError, match="no markouts"):
        markout_summary(table.iloc[:0])
    with pytest.raises(ValueError, match="no known markouts"):
        markout_summary(table.assign(markout=np.nan))
    with pytest.raises(ValueError, match="'volume'"):
        markout_summary(table, weights="volume")
    with pytest.raises(ValueError, match="tick_size is 0"):
        markout_summary(table, tick_size=0)
