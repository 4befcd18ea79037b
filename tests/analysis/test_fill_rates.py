"""Fill probability: counts, censoring and intervals against hand-made orders and a generated market."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import fill_probability, fills_table, order_outcomes, orders_table, quotes_table
from workbench.events import NS, ORDERS_COLUMNS
from workbench.instruments import Instrument

SEED = 1958
START = 1_780_000_000 * NS
Row = tuple[int, float, int, float, float]


def orders_of(rows: list[Row]) -> pd.DataFrame:
    """Orders of 10 contracts from (side, price, filled, acknowledged after s, ended after s; 0 never)."""
    table = pd.DataFrame(
        [
            {
                "client_id": f"c{i}",
                "side": side,
                "price": price,
                "size": 10,
                "filled": filled,
                "sent_ns": START,
                "acked_ns": START + round(acked * NS) if acked else 0,
                "done_ns": START + round(done * NS) if done else 0,
            }
            for i, (side, price, filled, acked, done) in enumerate(rows)
        ]
    )
    return table.reindex(columns=list(ORDERS_COLUMNS))


def quotes_of(seconds: float = 100.0) -> pd.DataFrame:
    times = [START - NS, START + round(seconds * NS)]
    return pd.DataFrame({"t_ns": times, "bid": 9_999.0, "ask": 10_001.0, "mid": 10_000.0})


def test_distance_counts_away_from_the_market_on_either_side() -> None:
    rows: list[Row] = [(1, 9_998, 0, 1, 2), (-1, 10_001, 0, 1, 2), (1, 9_999.5, 10, 1, 4), (-1, 9_999, 10, 0.5, 1)]
    told = order_outcomes(orders_of(rows), quotes_of())
    assert told["distance_bps"].tolist() == pytest.approx([2.0, 1.0, 0.5, -1.0])
    assert told["place"].tolist() == ["behind", "touch", "inside", "inside"]
    assert told["life_s"].tolist() == [1.0, 1.0, 3.0, 0.5]
    assert told["wait_s"].isna().tolist() == [True, True, False, False]


def test_orders_that_never_rested_do_not_count_and_open_ones_last_until_the_last_quote() -> None:
    told = order_outcomes(orders_of([(1, 9_999, 0, 0, 3), (1, 9_999, 0, 1, 0)]), quotes_of(61.0))
    assert told["client_id"].tolist() == ["c1"]
    assert told["life_s"].tolist() == [60.0]


def test_the_first_fill_of_an_order_is_told_by_the_fills() -> None:
    fills = pd.DataFrame({"t_ns": [START + 3 * NS, START + 2 * NS], "client_id": ["c0", "c0"]})
    told = order_outcomes(orders_of([(1, 9_999, 5, 1, 9)]), quotes_of(), fills)
    assert told["wait_s"].tolist() == [1.0]


def test_shares_within_a_bin_have_the_wilson_interval() -> None:
    rows: list[Row] = [(1, 9_999, 10, 1, 2)] * 2 + [(-1, 10_001, 0, 1, 30)] * 7 + [(1, 9_998.9, 5, 1, 5)]
    told = fill_probability(order_outcomes(orders_of(rows), quotes_of()), edges=(0, 1, 2, 3))
    assert len(told) == 1
    row = told.iloc[0]
    assert (row["at"], row["orders"], row["filled"]) == (1.5, 10, 3)
    assert row["share"] == pytest.approx(0.3)
    assert row["contracts"] == pytest.approx(0.25)
    # Wilson 95 % for 3 of 10, as tabulated.
    assert (row["share_low"], row["share_high"]) == pytest.approx((0.1078, 0.6032), abs=5e-5)


def test_cancelled_orders_leave_the_count_as_kaplan_and_meier_say() -> None:
    # Fills after 1 and 3 s, cancels after 2 and 4 s: S(3) = 3/4 * 1/2.
    rows: list[Row] = [(1, 9_999, 10, 1, 2), (1, 9_999, 0, 1, 3), (1, 9_999, 10, 1, 4), (1, 9_999, 0, 1, 5)]
    outcomes = order_outcomes(orders_of(rows), quotes_of())
    told = fill_probability(outcomes, by="place", horizon_s=3.5).loc["touch"]
    assert told["within"] == pytest.approx(1 - 3 / 8)
    assert told["within_error"] == pytest.approx(3 / 8 * math.sqrt(1 / 12 + 1 / 2))
    assert fill_probability(outcomes, by="place", horizon_s=2.0).loc["touch", "within"] == pytest.approx(0.25)
    assert math.isnan(fill_probability(outcomes, by="place", horizon_s=5.0).loc["touch", "within"])


def test_cancels_do_not_bias_the_chance_of_a_fill() -> None:
    rng = np.random.default_rng(SEED)
    filled, cancelled = rng.exponential(5.0, 4_000), rng.exponential(3.0, 4_000)
    rows: list[Row] = [(1, 9_999, 10 * int(f < c), 1, 1 + min(f, c)) for f, c in zip(filled, cancelled, strict=True)]
    told = fill_probability(order_outcomes(orders_of(rows), quotes_of()), by="place", horizon_s=5.0).loc["touch"]
    assert abs(told["within"] - (1 - math.exp(-1.0))) < 4 * told["within_error"], SEED
    assert told["share"] == pytest.approx(3 / 8, abs=0.03), SEED


def test_queues_are_binned_where_the_orders_know_them() -> None:
    orders = orders_of([(1, 9_999, 10, 1, 2)] + [(1, 9_999, 0, 1, 2)] * 3)
    outcomes = order_outcomes(orders.assign(queue_ahead=[0, 60, math.nan, -1]), quotes_of())
    told = fill_probability(outcomes, by="queue", edges=(0, 50, 100))
    assert told["share"].tolist() == [1.0, 0.0]
    assert told["orders"].tolist() == [1, 1], "unknown, or never rested: in no bin"
    assert told.index[1] == pd.Interval(50.0, 100.0, closed="left")
    with pytest.raises(ValueError, match=r"queue_ahead 1 is -2\.0; expected 0 or more contracts"):
        order_outcomes(orders.assign(queue_ahead=[0, -2, 2, 5]), quotes_of())
    with pytest.raises(ValueError, match="no column 'queue_ahead'; expected the contracts ahead at acceptance"):
        fill_probability(order_outcomes(orders, quotes_of()), by="queue")


def test_a_session_without_orders_has_no_rows() -> None:
    instrument = Instrument.__new__(Instrument)
    empty = order_outcomes(orders_table([], instrument), quotes_table([]), fills_table([], instrument))
    assert len(fill_probability(empty)) == 0
    assert len(fill_probability(empty, by="place")) == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [({"side": 0}, "side 0"), ({"price": -1.0}, "price 0 is -1.0"), ({"size": 0}, "size 0 is 0")],
)
def test_orders_that_are_none_are_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        order_outcomes(orders_of([(1, 9_999, 0, 1, 2)]).assign(**change), quotes_of())


def test_questions_without_sense_are_refused() -> None:
    outcomes = order_outcomes(orders_of([(1, 9_999, 0, 1, 2)]), quotes_of())
    with pytest.raises(ValueError, match="by is 'level'"):
        fill_probability(outcomes, by="level")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="two ascending"):
        fill_probability(outcomes, edges=(3, 1))
    with pytest.raises(ValueError, match="horizon_s is 0"):
        fill_probability(outcomes, horizon_s=0)
    with pytest.raises(ValueError, match="order of time"):
        order_outcomes(orders_of([(1, 9_999, 0, 1, 2)]), quotes_of().iloc[::-1])
    with pytest.raises(ValueError, match="no column 'ask'"):
        order_outcomes(orders_of([(1, 9_999, 0, 1, 2)]), quotes_of().drop(columns="ask"))
