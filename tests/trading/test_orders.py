"""Order truth: what the tracker believes after any news, in any order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.events import NS, OrderReport, OwnFill, Place
from workbench.trading import TRANSITIONS, OrderStatus, OrderTracker

T0 = 1_000 * NS


def sent(tracker: OrderTracker, client_id: str = "w1b1", size: int = 10) -> Any:
    return tracker.sent(Place(client_id, 0, 1, 770_000, size), T0)


def say(
    status: str, request: str = "place", filled: int = -1, client_id: str = "w1b1", t: int = T0, **more: Any
) -> OrderReport:
    return OrderReport(t, client_id, status, request, total_filled=filled, **more)  # type: ignore[arg-type]


def fill(trade_id: str, size: int, client_id: str = "w1b1") -> OwnFill:
    return OwnFill(T0, T0, trade_id, client_id, "", 1, 770_000, size, Decimal(0), "USDT", True)


def test_a_sent_order_counts_at_full_size_until_its_end_is_known() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    assert tracker.exposure(1) == 10
    for status, request in (("unknown", "place"), ("open", "query"), ("open", "stream")):
        tracker.report(say(status, request), T0)
        assert tracker.exposure(1) == 10
    tracker.report(say("cancelled", "cancel", filled=0), T0)
    assert tracker.exposure(1) == 0
    assert order.status is OrderStatus.CANCELLED


def test_an_execution_counts_once_wherever_it_is_heard_again() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    assert tracker.fill(fill("t1", 4), T0) == (order, True)
    assert tracker.fill(fill("t1", 4), T0) == (order, False)
    assert order.filled == 4
    assert tracker.exposure(1) == 6


def test_a_fill_before_the_ack_opens_the_order() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.fill(fill("t1", 4), T0)
    assert order.status is OrderStatus.OPEN
    tracker.report(say("open", "place", filled=0), T0)
    assert order.filled == 4


def test_what_is_reported_filled_and_not_yet_heard_of_is_owed_and_counts() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("cancelled", "cancel", filled=4), T0)
    assert (order.status, order.owed, tracker.exposure(1)) == (OrderStatus.CANCELLED, 4, 4)
    assert tracker.unknown_count == 1
    tracker.fill(fill("t1", 4), T0)
    assert (order.owed, tracker.exposure(1), len(tracker.live)) == (0, 0, 0)


def test_a_filled_report_owes_the_whole_size() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("filled", "stream"), T0)
    assert order.owed == 10


def test_a_fill_after_the_cancel_is_applied_and_the_state_stays() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("open"), T0)
    tracker.request(order, "cancel", T0)
    tracker.report(say("cancelled", "cancel", filled=0), T0)
    _, new = tracker.fill(fill("late", 3), T0)
    assert new
    assert (order.filled, order.status) == (3, OrderStatus.CANCELLED)


def test_an_unknown_outcome_is_asked_for_after_300_ms_then_slower() -> None:
    tracker = OrderTracker()
    sent(tracker)
    tracker.report(say("unknown"), T0)
    asked = [step for step in range(90) if list(tracker.due_queries(T0 + step * NS // 10))]
    assert asked == [3, 13, 43, 73]


def test_absence_needs_two_answers_past_the_venues_delay() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("unknown"), T0)
    for _ in range(5):
        tracker.report(say("not_found", "query"), T0 + NS)
    assert order.status is OrderStatus.UNKNOWN, "too early to prove anything"
    tracker.report(say("not_found", "query"), T0 + 2 * NS)
    assert (order.status, tracker.exposure(1)) == (OrderStatus.UNKNOWN, 10)
    tracker.report(say("not_found", "query"), T0 + 3 * NS)
    assert (order.status, tracker.exposure(1)) == (OrderStatus.ABSENT, 0)


def test_late_news_revives_an_absent_order() -> None:
    for news in (say("open", "stream"), fill("t9", 4)):
        tracker = OrderTracker()
        order = sent(tracker)
        tracker.report(say("unknown"), T0)
        for _ in range(2):
            tracker.report(say("not_found", "query"), T0 + 3 * NS)
        if isinstance(news, OwnFill):
            tracker.fill(news, T0 + 4 * NS)
        else:
            tracker.report(news, T0 + 4 * NS)
        assert order.status is OrderStatus.OPEN
        assert tracker.exposure(1) == 10 - order.filled


def test_a_cancel_whose_outcome_is_unknown_is_never_taken_for_done() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("open"), T0)
    tracker.request(order, "cancel", T0)
    tracker.report(say("unknown", "cancel"), T0)
    tracker.report(say("open", "stream"), T0)
    assert (order.status, tracker.exposure(1)) == (OrderStatus.CANCELLING, 10)
    tracker.report(say("open", "query"), T0)
    assert order.status is OrderStatus.OPEN


def test_a_cancel_that_finds_nothing_asks_at_once() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.report(say("open"), T0)
    tracker.request(order, "cancel", T0)
    tracker.report(say("not_found", "cancel"), T0)
    assert [o.client_id for o in tracker.due_queries(T0)] == [order.client_id]
    assert tracker.exposure(1) == 10


def test_a_request_that_nobody_answers_is_asked_for() -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    tracker.question_unanswered(T0 + 14 * NS)
    assert not order.questioned
    tracker.question_unanswered(T0 + 16 * NS)
    assert order.questioned


def test_old_orders_and_executions_are_forgotten_live_ones_never() -> None:
    tracker = OrderTracker()
    sent(tracker, "w1b1")
    sent(tracker, "w1b2")
    tracker.report(say("cancelled", filled=0), T0)
    tracker.prune(T0 + 3_601 * NS)
    assert tracker.find("w1b1") is None
    assert tracker.find("w1b2") is not None


def test_no_row_of_the_table_leaves_a_final_state() -> None:
    final = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED}
    assert not [row for row in TRANSITIONS if row[0] in final]


STATUSES = ["open", "filled", "cancelled", "rejected", "unknown", "not_found", "cancel_rejected"]
REQUESTS = ["place", "cancel", "amend", "query", "stream"]
news = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.sampled_from(STATUSES), st.sampled_from(REQUESTS), st.integers(-1, 12)),
        st.tuples(st.just("fill"), st.integers(0, 4), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("cancel"), st.just(""), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@given(news)
def test_whatever_is_heard_fills_only_grow_and_final_states_stay(rows: list[tuple[Any, ...]]) -> None:
    tracker = OrderTracker()
    order = sent(tracker)
    heard: dict[str, int] = {}
    now = T0
    for row in rows:
        now += NS
        before, filled = order.status, order.filled
        if row[0] == "report":
            tracker.report(say(row[1], row[2], filled=row[3]), now)
        elif row[0] == "fill":
            size = heard.setdefault(
                f"t{row[1]}", min(row[2], 10 - sum(heard.values())) if f"t{row[1]}" not in heard else 0
            )
            if size:
                tracker.fill(fill(f"t{row[1]}", size), now)
        else:
            tracker.request(order, "cancel", now)
        assert order.filled >= filled
        assert order.filled == sum(heard.values()) <= order.size
        if before in (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED):
            assert order.status is before
        assert (order.client_id in tracker.live) == (not order.terminal or order.owed > 0)
        assert tracker.exposure(1) == order.exposure >= 0
        if not order.terminal:
            assert order.exposure == order.size - order.filled


@pytest.mark.parametrize("status", ["open", "cancelled"])
def test_news_of_an_order_that_is_not_ours_changes_nothing(status: str) -> None:
    tracker = OrderTracker()
    assert tracker.report(say(status, client_id="stranger"), T0) is None
    assert tracker.fill(fill("t1", 1, client_id="stranger"), T0) == (None, True)
