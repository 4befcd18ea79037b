"""What the maker orders, and when, while orders that must go do not."""

from __future__ import annotations

import pytest

from tests.trading.test_maker import Desk, started
from workbench.events import (
    NS,
    ArmDeadMan,
    BookLost,
    BookSnapshot,
    Cancel,
    CancelAll,
    Command,
    Control,
    DeadManArmed,
    OrderReport,
    Place,
    StreamState,
    Timer,
)
from workbench.trading import OrderTracker
from workbench.trading.withdrawal import Withdrawal


def tick(desk: Desk, seconds: float) -> list[tuple[float, Command]]:
    """Only time passes; what was ordered how many seconds later."""
    began = desk.t
    ordered: list[tuple[float, Command]] = []
    for _ in range(round(seconds * 10)):
        desk.t += NS // 10
        ordered += [((desk.t - began) / NS, command) for command in desk.tell(Timer(desk.t))]
    return ordered


def armings(ordered: list[tuple[float, Command]]) -> list[tuple[float, int]]:
    return [(round(at, 1), command.timeout_ms) for at, command in ordered if isinstance(command, ArmDeadMan)]


def without_book() -> tuple[Desk, list[Place]]:
    """A maker that has just pulled six quotes and hears nothing of them."""
    desk, orders = started()
    assert [type(c) for c in desk.tell(BookLost(desk.t, "gap"))] == [Cancel] * 6
    return desk, orders


def gone(desk: Desk, *orders: Place) -> None:
    for order in orders:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", "v" + order.client_id))


def test_after_half_a_second_everything_is_cancelled_at_once_and_the_timer_is_brought_forward() -> None:
    desk, _ = without_book()
    ordered = tick(desk, 6.0)
    assert [at for at, command in ordered if isinstance(command, CancelAll)] == pytest.approx([0.6, 2.6, 4.6])
    assert armings(ordered) == [(0.6, 1000), (2.6, 1000), (4.6, 1000)], "it is never renewed meanwhile"


def test_cancels_that_are_answered_in_time_cost_nothing_more() -> None:
    desk, orders = without_book()
    desk.t += NS // 5
    gone(desk, *orders)
    ordered = tick(desk, 3.0)
    assert not [c for _, c in ordered if isinstance(c, CancelAll)]
    assert {timeout for _, timeout in armings(ordered)} == {4000}


def test_the_timer_is_not_renewed_for_the_sake_of_one_order_that_may_still_be_there() -> None:
    desk, orders = without_book()
    gone(desk, *orders[1:])
    assert {timeout for _, timeout in armings(tick(desk, 4.0))} == {1000}
    gone(desk, orders[0])
    assert armings(tick(desk, 0.2)) == [(0.1, 4000)], "at once when it is gone"


def test_what_says_that_the_short_timer_runs_does_not_allow_quotes() -> None:
    desk, orders = without_book()
    tick(desk, 0.6)
    asked = desk.t
    gone(desk, *orders)
    desk.tell(BookSnapshot(desk.t, desk.t, ((769_900, 100),), ((770_100, 100),)))
    assert not desk.places(desk.tell(DeadManArmed(desk.t, True, asked_ns=asked)))
    assert "dead-man timer is not armed" in desk.maker.why
    renewed = desk.t + NS // 10
    assert [type(c) for c in desk.tell(Timer(renewed))] == [ArmDeadMan]
    assert not desk.places(desk.tell(DeadManArmed(renewed, True, asked_ns=asked)))
    assert len(desk.places(desk.tell(DeadManArmed(renewed, True, asked_ns=renewed)))) == 6


def test_a_timer_that_could_not_be_brought_forward_is_asked_for_again_soon() -> None:
    desk, _ = without_book()
    tick(desk, 0.6)
    desk.tell(DeadManArmed(desk.t, False, "rate limit"))
    assert [at for at, _ in armings(tick(desk, 1.5))] == [0.5]


def test_a_kill_brings_the_timer_forward_with_its_first_commands() -> None:
    desk, _ = started()
    commands = desk.tell(Control(desk.t, "kill", "drill"))
    assert [type(c) for c in commands] == [CancelAll, ArmDeadMan, *[Cancel] * 6]
    assert armings([(0.0, commands[1])]) == [(0.0, 1000)]
    assert [at for at, _ in armings(tick(desk, 2.5))] == [2.0]


def test_a_timer_shorter_than_the_shortest_is_not_lengthened() -> None:
    desk, _ = started(**{"venue.dead_man_s": 1.0})
    assert ArmDeadMan(800) in desk.tell(Control(desk.t, "kill", ""))


def test_a_cancel_without_answer_for_two_seconds_pulls_every_other_quote() -> None:
    desk, orders = started()
    stuck = orders[0]
    desk.maker.outbox.cancel(desk.maker.tracker.live[stuck.client_id], desk.t)
    desk.maker.outbox.take()
    assert not [c for c in desk.wait(2.0) if isinstance(c, Cancel)]
    assert [type(c) for c in desk.wait(0.2) if isinstance(c, Cancel)] == [Cancel] * 5
    assert desk.maker.why == f"the cancel of {stuck.client_id} is not answered"
    gone(desk, *orders)
    assert len(desk.places(desk.wait(0.3))) == 5, "the successor of the sixth was sent beside its cancel"


def test_an_order_that_was_kept_after_all_is_not_taken_for_one_that_cannot_be_cancelled() -> None:
    tracker = OrderTracker()
    withdrawal = Withdrawal(tracker)
    order = tracker.sent(Place("w1b1", 0, 1, 769_230, 10), 0)
    for cancelled_s in (1, 60):
        tracker.report(OrderReport(cancelled_s * NS, "w1b1", "open", "query"), cancelled_s * NS)
        assert not withdrawal.due(cancelled_s * NS, all_must_go=False)
        tracker.request(order, "cancel", cancelled_s * NS)
        for waited_s, stuck in ((1, ""), (3, "w1b1")):
            assert not withdrawal.due((cancelled_s + waited_s) * NS, all_must_go=False)
            assert withdrawal.stuck == stuck


def test_an_order_in_flight_that_our_own_cancel_of_all_ended_is_no_refusal() -> None:
    desk = Desk()
    orders = desk.start()
    desk.tell(StreamState(desk.t, "book", False, "cut"))
    tick(desk, 0.7)
    for order in orders:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "stream", "v" + order.client_id))
    assert desk.maker.stats.rejects == 0
    assert desk.maker.halted_by == ""
