"""The order plan: what it leaves alone, shrinks, cancels and sends; compiled and plain Python agree on every row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import MarketMakerConfig
from workbench.instruments import Instrument
from workbench.quoting.schema import MAX_LEVELS
from workbench.risk import OVER_POSITION_LIMIT
from workbench.risk import limits as slots
from workbench.trading import kernels
from workbench.trading.kernels import ACT_AMEND, ACT_CANCEL, ACT_PLACE, BUSY, CANCELLING, IDLE, plan_orders
from workbench.trading.settings import limits_array

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
ASK0 = MAX_LEVELS
"""The slot of the best ask."""


def make_limits(**changes: int) -> np.ndarray:
    config = MarketMakerConfig()
    limits = limits_array(config, config.contract_sizes(BTC, Decimal(77_000)), BTC)
    base = {
        "COLLAR_LOW": 731_500,
        "COLLAR_HIGH": 808_500,
        "BEST_BID": 769_995,
        "BEST_ASK": 770_005,
        "TOLERANCE": 77,
        "TOKENS": 30,
    }
    for name, value in {**base, **changes}.items():
        limits[getattr(slots, name)] = value
    return limits


def plan(
    wanted: list[tuple[int, int, int]],
    live: list[tuple[int, int, int, int, int]] | None = None,
    position: int = 0,
    **limits: int,
) -> tuple[list[tuple[int, ...]], dict[int, int]]:
    """Actions (kind, live row, slot, side, price, size) and counts of what was held back; both forms must agree."""
    answers = []
    for function in (plan_orders, plan_orders.py_func):  # type: ignore[attr-defined]
        rows = np.array(wanted or [(0, 0, 0)], dtype=np.int64)
        book = np.array(live or [(0, 0, 0, 0, 0)], dtype=np.int64)
        actions = np.zeros((200, kernels.ACTION_COLUMNS), dtype=np.int64)
        blocked = np.zeros(kernels.BLOCKED_SIZE, dtype=np.int64)
        n = function(rows, len(wanted), book, len(live or []), position, make_limits(**limits), actions, blocked)
        answers.append(
            ([tuple(row) for row in actions[:n].tolist()], {c: k for c, k in enumerate(blocked.tolist()) if k})
        )
    assert answers[0] == answers[1]
    return answers[0]


BID, ASK = (1, 769_230, 10), (-1, 770_770, 10)


def test_with_nothing_live_everything_wanted_is_sent_best_levels_first() -> None:
    actions, held = plan([BID, ASK, (1, 768_900, 10), (-1, 771_100, 10)])
    assert [(a[0], a[2], a[4]) for a in actions] == [
        (ACT_PLACE, 0, 769_230),
        (ACT_PLACE, ASK0, 770_770),
        (ACT_PLACE, 1, 768_900),
        (ACT_PLACE, ASK0 + 1, 771_100),
    ]
    assert not held


def test_an_order_within_the_tolerance_is_left_alone() -> None:
    assert plan([BID], [(0, 1, 769_230 + 77, 10, IDLE)]) == ([], {})


def test_a_new_price_is_cancel_then_place_in_one_batch() -> None:
    actions, _ = plan([BID], [(0, 1, 769_230 + 78, 10, IDLE)])
    assert [a[0] for a in actions] == [ACT_CANCEL, ACT_PLACE]


def test_the_worst_case_counts_both_while_a_price_changes() -> None:
    actions, held = plan([BID], [(0, 1, 769_000, 10, IDLE)], position=985)
    assert [a[0] for a in actions] == [ACT_CANCEL]
    assert held == {OVER_POSITION_LIMIT: 1}


def test_a_size_is_amended_only_to_shrink() -> None:
    shrunk, _ = plan([(1, 769_230, 10)], [(0, 1, 769_230, 15, IDLE)])
    assert shrunk == [(ACT_AMEND, 0, 0, 1, 769_230, 10)]
    assert plan([(1, 769_230, 20)], [(0, 1, 769_230, 15, IDLE)]) == ([], {})


def test_a_remainder_that_is_spam_is_cancelled_and_replaced() -> None:
    actions, _ = plan([BID], [(0, 1, 769_230, 6, IDLE)])
    assert [a[0] for a in actions] == [ACT_CANCEL, ACT_PLACE]


def test_a_busy_order_keeps_its_slot() -> None:
    assert plan([BID], [(0, 1, 769_230, 10, BUSY)]) == ([], {})
    actions, held = plan([BID], [(0, 1, 760_000, 10, BUSY)])
    assert actions == []
    assert held == {kernels.SLOT_BUSY: 1}


def test_one_order_on_its_way_out_does_not_block_its_slot_two_do() -> None:
    one, _ = plan([BID], [(0, 1, 769_000, 10, CANCELLING)])
    assert [a[0] for a in one] == [ACT_PLACE]
    two, held = plan([BID], [(0, 1, 769_000, 10, CANCELLING), (0, 1, 768_000, 10, CANCELLING)])
    assert two == []
    assert held == {kernels.SLOT_BUSY: 1}
    replace, held = plan([BID], [(0, 1, 769_000, 10, CANCELLING), (0, 1, 768_000, 10, IDLE)])
    assert [a[0] for a in replace] == [ACT_CANCEL]
    assert held == {kernels.SLOT_BUSY: 1}


def test_an_order_that_a_failed_cancel_brought_back_beside_its_successor_goes() -> None:
    actions, _ = plan([BID], [(0, 1, 769_000, 10, IDLE), (0, 1, 769_230, 10, IDLE)])
    assert [(a[0], a[1]) for a in actions] == [(ACT_CANCEL, 0)]


def test_what_is_no_longer_wanted_is_cancelled() -> None:
    actions, _ = plan([], [(0, 1, 769_230, 10, IDLE), (ASK0, -1, 770_770, 10, IDLE), (1, 1, 768_900, 10, BUSY)])
    assert [(a[0], a[2]) for a in actions] == [(ACT_CANCEL, 0), (ACT_CANCEL, ASK0)]


def test_a_quote_never_reaches_the_other_side_of_the_market() -> None:
    for wanted, rests_at in (((1, 770_100, 10), 770_004), ((-1, 769_900, 10), 769_996)):
        actions, _ = plan([wanted])
        assert [a[4] for a in actions] == [rests_at]


def test_a_bid_and_an_ask_of_one_plan_never_meet() -> None:
    actions, held = plan([(1, 770_100, 10), (-1, 769_900, 10)], INCREMENT=10, BEST_BID=769_995, BEST_ASK=770_005)
    assert [(a[3], a[4]) for a in actions] == [(1, 770_000)]
    assert held == {kernels.OWN_CROSS: 1}


def test_it_waits_for_an_own_order_of_the_other_side_to_be_gone() -> None:
    for status in (IDLE, BUSY, CANCELLING):
        actions, held = plan([BID], [(ASK0, -1, 769_230, 10, status)])
        assert ACT_PLACE not in [a[0] for a in actions]
        assert held == {kernels.OWN_CROSS: 1}


def test_without_budget_nothing_is_sent_and_only_the_overly_aggressive_is_cancelled() -> None:
    assert plan([BID], TOKENS=0) == ([], {kernels.THROTTLED: 1})
    behind, _ = plan([BID], [(0, 1, 769_000, 10, IDLE)], TOKENS=0)
    assert behind == []
    ahead, held = plan([BID], [(0, 1, 769_500, 10, IDLE)], TOKENS=0)
    assert [a[0] for a in ahead] == [ACT_CANCEL]
    assert held == {kernels.THROTTLED: 1}


def test_a_lowered_limit_sheds_the_outermost_orders() -> None:
    live = [(0, 1, 769_230, 10, IDLE), (1, 1, 768_900, 10, IDLE), (2, 1, 768_600, 10, IDLE)]
    wanted = [(1, price, 10) for _, _, price, _, _ in live]
    actions, _ = plan(wanted, live, position=80, MAX_POSITION=100)
    assert [(a[0], a[2]) for a in actions] == [(ACT_CANCEL, 2)]
    assert plan(wanted, live, position=70, MAX_POSITION=100) == ([], {})


rows = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(765_000, 775_000), st.integers(1, 60)), max_size=12)
live_rows = st.lists(
    st.tuples(
        st.integers(-1, 5),
        st.sampled_from([1, -1]),
        st.integers(765_000, 775_000),
        st.integers(1, 60),
        st.sampled_from([IDLE, BUSY, CANCELLING]),
    ),
    max_size=8,
).map(lambda found: [(slot if side > 0 or slot < 0 else ASK0 + slot, side, p, r, s) for slot, side, p, r, s in found])


@given(wanted=rows, live=live_rows, position=st.integers(-150, 150), tokens=st.integers(0, 30))
def test_after_any_plan_the_worst_case_is_within_the_limit_and_no_own_orders_cross(
    wanted: list[Any], live: list[Any], position: int, tokens: int
) -> None:
    seen: set[int] = set()
    live = [row for row in live if row[0] < 0 or row[4] == CANCELLING or not (row[0] in seen or seen.add(row[0]))]
    actions, _ = plan(wanted, live, position, MAX_POSITION=100, TOKENS=tokens)
    placed = [a for a in actions if a[0] == ACT_PLACE]
    cancelled = {a[1] for a in actions if a[0] == ACT_CANCEL}
    assert len(placed) + sum(a[0] == ACT_AMEND for a in actions) <= tokens
    for side in (1, -1):
        before = side * position + sum(r for _, s, _, r, _ in live if s == side)
        sent = sum(a[5] for a in placed if a[3] == side)
        assert not sent or before + sent <= 100
        assert all(a[4] < 770_005 if side > 0 else a[4] > 769_995 for a in placed if a[3] == side)
    for action in placed:
        assert not any(s == -action[3] and action[3] * (action[4] - p) >= 0 for _, s, p, _, _ in live)
    sent_bids = [a[4] for a in placed if a[3] > 0]
    sent_asks = [a[4] for a in placed if a[3] < 0]
    assert not sent_bids or not sent_asks or max(sent_bids) < min(sent_asks)
    assert all(live[row][4] == IDLE for row in cancelled)
    assert len({a[2] for a in placed}) == len(placed)
