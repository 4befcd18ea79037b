"""Every public function of `workbench.market` with empty, single, NaN, negative and unsorted input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.refusals import assert_refused, call, cases
from workbench import market as m

RNG = np.random.default_rng(2018)
COUNT = 400
TIMES = np.arange(COUNT) * 250_000_000
BID = 1_000.0 + np.cumsum(RNG.integers(-1, 2, COUNT))
SIZES = RNG.integers(1, 50, (2, COUNT)).astype(float)
QUOTES = np.column_stack([BID, SIZES[0], BID + 1, SIZES[1]])
BOOKS = np.stack([QUOTES, QUOTES + np.array([-1, 0, 1, 0])], axis=1)
MIDS = BID + 0.5
SIDES = RNG.choice([-1, 1], COUNT)
PRICES = MIDS + 0.5 * SIDES
BOOK = m.Book()
BOOK.snapshot(1, [(100, 5), (99, 3)], [(101, 4), (102, 1)])
Q, T = np.array([[0.6, 0.2], [0.2, 0.6]]), np.array([[0.12, 0.08], [0.08, 0.12]])

# One quote or trade has a spread of its own, and any order of them is a market; sides are negative by nature.
ONE = ("quotes: single", "quotes: unsorted")
TRADED: dict[str, Any] = {"sides": SIDES, "mids": MIDS, "unit": "bps"}
ORDER = ("prices: unsorted", "sides: unsorted", "mids: unsorted", "later_mids: unsorted", "sides: negative")

CALLS = {
    "book_imbalance": call(m.book_imbalance, book=BOOK, levels=2, within_ticks=None, decay=0.5),
    "book_levels": call(m.book_levels, book=BOOK, levels=2),
    "effective_spread": call(m.effective_spread, *ORDER, prices=PRICES, **TRADED),
    "fit_flow_impact": call(
        m.fit_flow_impact,
        "flow: unsorted",
        "flow: negative",
        "mid: unsorted",
        "mid: negative",
        "origin_ns: negative",
        flow=SIZES[0] - SIZES[1],
        flow_times=TIMES,
        mid=MIDS,
        mid_times=TIMES,
        window_s=1.0,
        origin_ns=0,
    ),
    "imbalance": call(
        m.imbalance, "bid_sizes: unsorted", "ask_sizes: unsorted", bid_sizes=SIZES[0], ask_sizes=SIZES[1], decay=0.5
    ),
    "merge_sweeps": call(
        m.merge_sweeps, *ORDER, "sizes: unsorted", times=TIMES, sides=SIDES, prices=PRICES, sizes=SIZES[0]
    ),
    "micro_price_chain": call(
        m.micro_price_chain,
        "no_move: unsorted",
        "restart: unsorted",
        "expected_move: unsorted",
        no_move=Q,
        restart=T,
        expected_move=np.array([-0.1, 0.1]),
    ),
    "multi_level_order_flow_imbalance": call(m.multi_level_order_flow_imbalance, "levels: unsorted", levels=BOOKS),
    "order_flow_imbalance": call(m.order_flow_imbalance, "quotes: unsorted", quotes=QUOTES),
    "price_impact": call(m.price_impact, *ORDER, later_mids=np.roll(MIDS, -4), **TRADED),
    "quoted_spread": call(m.quoted_spread, *ONE, quotes=QUOTES, unit="bps"),
    "realised_spread": call(m.realised_spread, *ORDER, prices=PRICES, later_mids=np.roll(MIDS, -4), **TRADED),
    "roll_spread": call(m.roll_spread, "prices: unsorted", prices=PRICES),
    "sweep_columns": call(
        m.sweep_columns, *ORDER, "sizes: unsorted", times=TIMES, sides=SIDES, prices=PRICES, sizes=SIZES[0]
    ),
    "time_weighted_spread": call(m.time_weighted_spread, "quotes: unsorted", quotes=QUOTES, times=TIMES, unit="bps"),
    "trade_signs": call(m.trade_signs, "prices: unsorted", "mids: unsorted", prices=PRICES, mids=MIDS),
    "weighted_mid": call(m.weighted_mid, *ONE, quotes=QUOTES),
}
# Streams and results; what they refuse is tested beside what they do.
TYPES = {
    "Book",
    "FlowImpact",
    "MicroPrice",
    "MultiLevelOrderFlow",
    "OrderFlow",
    "Sweep",
    "SweepColumns",
    "SweepMerger",
    "TradeSigner",
    "TradeTape",
}
COMPILED = {"flow_update", "micro_adjustment"}
"""For kernels: they check nothing."""


def test_no_public_name_is_left_out() -> None:
    assert set(CALLS) | TYPES == set(m.__all__) - COMPILED


@pytest.mark.parametrize("name", CALLS)
def test_the_call_works_and_tries_every_argument(name: str) -> None:
    assert CALLS[name].missing() == set()
    CALLS[name].function(**CALLS[name].arguments)


@pytest.mark.parametrize(("name", "spoilt"), cases(CALLS))
def test_bad_input_to_a_function_is_refused_in_one_clear_sentence(name: str, spoilt: str) -> None:
    assert_refused(CALLS[name], spoilt)
