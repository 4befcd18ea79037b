"""The market maker at its one door: when it quotes, when it does not and says why, and what it does about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError, WorkbenchError
from workbench.events import (
    NS,
    Amend,
    ArmDeadMan,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    CancelAll,
    Command,
    Configure,
    Control,
    DeadManArmed,
    Event,
    FundingPaid,
    MarkPrice,
    OpenOrder,
    OpenOrders,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    StreamState,
    Timer,
)
from workbench.instruments import Instrument
from workbench.quoting.schema import BID_SIZE
from workbench.trading import MarketMaker, OrderStatus

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))


class Desk:
    """A maker with a venue that is one line long: it acknowledges what it is told to."""

    def __init__(self, **settings: Any) -> None:
        settings = {"quoting.volatility_weight": 0.0, **settings}
        self.config = MarketMakerConfig.from_dict(settings)
        self.maker = MarketMaker(BTC, self.config, Decimal(77_000), "w1")
        self.t = 1_780_000_000 * NS
        self.sent: list[Command] = []

    def tell(self, event: Event) -> list[Command]:
        commands = self.maker.on_event(event)
        self.sent += commands
        return commands

    def wait(self, seconds: float = 0.1) -> list[Command]:
        """Time passes in steps of 0.1 s; the venue answers housekeeping, the book stays fresh."""
        commands: list[Command] = []
        for _ in range(round(seconds * 10)):
            self.t += NS // 10
            for command in self.tell(Timer(self.t)):
                commands.append(command)
                if isinstance(command, ArmDeadMan):
                    commands += self.tell(DeadManArmed(self.t, True))
                elif isinstance(command, Reconcile):
                    commands += self.tell(ReconcileDone(self.t, self.t, True))
            commands += self.tell(MarkPrice(self.t, Decimal(77_000), Decimal(77_000)))
            commands += self.tell(BookDelta(self.t, self.t, ((769_000, 50),), ()))
        return commands

    def start(self, position: int = 0) -> list[Command]:
        """Everything up to the first quotes, which are returned."""
        self.tell(StreamState(self.t, "private", True))
        self.tell(PositionReport(self.t, self.t, position))
        self.tell(BookSnapshot(self.t, self.t, ((769_900, 100), (769_000, 50)), ((770_100, 100), (771_000, 50))))
        return [c for c in self.wait(0.1) if isinstance(c, Place)]

    def acknowledge(self, *orders: Place) -> None:
        for order in orders:
            self.tell(OrderReport(self.t, order.client_id, "open", "place", "v" + order.client_id, 0, order.size))

    def fill(self, order: Place, size: int, trade_id: str = "t1", maker: bool = True, currency: str = "USDT") -> None:
        fee = BTC.money(BTC.fee_units(BTC.ticks_to_price(order.price_ticks), size, Decimal("0.0001")))
        self.tell(
            OwnFill(
                self.t, self.t, trade_id, order.client_id, "", order.side, order.price_ticks, size, fee, currency, maker
            )
        )

    def places(self, commands: list[Command]) -> list[Place]:
        return [c for c in commands if isinstance(c, Place)]


def started(**settings: Any) -> tuple[Desk, list[Place]]:
    desk = Desk(**settings)
    orders = desk.start()
    desk.acknowledge(*orders)
    return desk, orders


def test_it_quotes_three_levels_a_side_once_everything_is_known() -> None:
    desk, orders = started()
    assert [(o.side, o.price_ticks, o.size, o.post_only) for o in orders[:2]] == [
        (1, 769_230, 10, True),
        (-1, 770_770, 10, True),
    ]
    assert len(orders) == 6
    assert desk.maker.state == "quoting"
    assert desk.maker.why.startswith("3 bids, 3 asks, half spread 10.00 bps")
    assert len({o.client_id for o in orders}) == 6
    assert all(o.client_id.isalnum() and o.client_id.startswith("w1") for o in orders)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (StreamState, "private stream"),
        (DeadManArmed, "dead-man timer is not armed"),
        (ReconcileDone, "not reconciled"),
        (BookSnapshot, "no book yet"),
        (MarkPrice, "no mark price"),
    ],
)
def test_as_long_as_one_thing_is_missing_it_says_which_and_sends_no_order(missing: type, says: str) -> None:
    desk = Desk()
    tell = desk.maker.on_event
    desk.maker.on_event = lambda event: [] if isinstance(event, missing) else tell(event)  # type: ignore[method-assign]
    assert desk.start() == []
    assert says in desk.maker.why
    assert desk.maker.state == "starting"


def test_a_quiet_market_costs_no_messages() -> None:
    desk, _ = started()
    assert not [c for c in desk.wait(3) if isinstance(c, Place | Cancel | Amend)]


def test_when_the_mid_moves_past_the_tolerance_the_ladder_follows() -> None:
    desk, _ = started()
    desk.tell(BookDelta(desk.t, desk.t, ((769_900, 0), (770_090, 5), (770_300, 100)), ((770_100, 0), (770_500, 100))))
    moved = desk.sent[-12:]
    assert [type(c) for c in moved] == [Cancel] * 6 + [Place] * 6
    assert desk.maker.tracker.exposure(1) == 60


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (BookLost(0, "gap in the sequence"), "gap in the sequence"),
        (StreamState(0, "book", False, "socket closed"), "socket closed"),
        (StreamState(0, "private", False, "socket closed"), "private stream"),
        (BookDelta(0, 0, ((770_100, 9),), ()), "crossed"),
        (BookDelta(0, 0, (), ((770_100, 0), (771_000, 0))), "empty"),
    ],
)
def test_a_book_or_stream_in_doubt_pulls_every_quote_at_once(trouble: Event, says: str) -> None:
    desk, _ = started()
    commands = desk.tell(trouble)
    assert [type(c) for c in commands] == [Cancel] * 6
    assert says in desk.maker.why


def test_a_book_that_stands_still_for_too_long_pulls_the_quotes() -> None:
    desk, _ = started()
    cancels: list[Command] = []
    for step in range(1, 26):
        t = desk.t + step * NS // 10
        desk.tell(MarkPrice(t, Decimal(77_000), Decimal(77_000)))
        for command in desk.tell(Timer(t)):
            if isinstance(command, ArmDeadMan):
                desk.tell(DeadManArmed(t, True))
            if isinstance(command, Cancel):
                cancels.append(command)
                assert step == 21
    assert len(cancels) == 6
    assert "2.5 s old" in desk.maker.why


def test_events_that_come_in_a_late_lump_are_not_quoted_on() -> None:
    desk, _ = started()
    desk.tell(BookDelta(desk.t + 3 * NS, desk.t, ((769_900, 90),), ()))
    assert "behind the venue's own stamps" in desk.maker.why


def test_a_clock_that_was_set_is_got_used_to_a_lump_of_late_events_is_not() -> None:
    desk, _ = started()
    doubts = []
    for tenth in range(1, 400):
        desk.t += NS // 10
        desk.tell(BookDelta(desk.t, desk.t - 3 * NS, ((769_900, 90 + tenth % 2),), ()))
        doubts.append(desk.maker.view.doubt(desk.t, 2 * NS))
    assert "behind the venue's own stamps" in doubts[290]
    assert "behind" not in doubts[310]


def test_a_live_order_is_never_left_through_the_mid_for_the_sake_of_the_tolerance() -> None:
    desk, _ = started(spread_bps=1, **{"quoting.min_edge_bps": 0, "quoting.refresh_tolerance_bps": 50})
    half = desk.maker.view.mid * 2e-4
    assert desk.maker.planner.half_spread_bps == pytest.approx(2.0), "the maker fee is the floor"
    desk.tell(BookDelta(desk.t, desk.t, ((769_900, 0), (769_600, 90)), ((770_100, 0), (769_800, 90))))
    bids = [o.price_ticks for o in desk.maker.tracker.live.values() if o.side > 0 and o.status <= OrderStatus.OPEN]
    assert max(bids) <= desk.maker.view.mid - half / 2 + 1


def test_two_failed_renewals_of_the_dead_man_timer_pull_the_quotes() -> None:
    desk, _ = started()
    assert desk.tell(DeadManArmed(desk.t, False, "timeout")) == []
    assert [type(c) for c in desk.tell(DeadManArmed(desk.t, False, "timeout"))] == [Cancel] * 6


def test_what_was_asked_before_the_private_stream_was_lost_does_not_end_the_doubt() -> None:
    desk, _ = started()
    asked = desk.t
    desk.tell(StreamState(desk.t + NS, "private", False, "cut"))
    desk.tell(StreamState(desk.t + 2 * NS, "private", True))
    desk.tell(ReconcileDone(desk.t + 2 * NS, asked, True))
    assert desk.maker.why == "the account is not reconciled yet"
    desk.tell(ReconcileDone(desk.t + 3 * NS, desk.t + 2 * NS, True))
    assert desk.maker.why != "the account is not reconciled yet"


def test_the_timer_is_renewed_four_times_within_its_time() -> None:
    desk, _ = started()
    renewals = [c for c in desk.wait(10) if isinstance(c, ArmDeadMan)]
    assert 9 <= len(renewals) <= 11
    assert {renewal.timeout_ms for renewal in renewals} == {4000}, "orders are to be gone within dead_man_s, 5 s"


def test_a_late_answer_to_an_old_renewal_does_not_pass_for_the_newest_one() -> None:
    desk, _ = started()
    asked = desk.t
    for step in range(1, 50):
        t = asked + step * NS // 10
        desk.tell(BookDelta(t, t, ((769_000, 50),), ()))
        desk.tell(MarkPrice(t, Decimal(77_000), Decimal(77_000)))
        desk.tell(Timer(t))
        if step == 30:
            desk.tell(DeadManArmed(t, True, asked_ns=asked))
    assert "dead-man timer is not armed" in desk.maker.why


def test_its_own_quotes_are_not_the_market() -> None:
    desk, orders = started()
    best = orders[0]
    inside = ((best.price_ticks, 10),)
    desk.tell(BookSnapshot(desk.t, desk.t, ((769_000, 50), *inside), ((771_000, 50),)))
    assert desk.maker.view.best_bid == 769_000
    desk.tell(BookDelta(desk.t, desk.t, ((best.price_ticks, 12),), ()))
    assert desk.maker.view.best_bid == best.price_ticks, "two contracts there are somebody else's"
    assert desk.maker.view.array[BID_SIZE] == 2


def test_a_fill_moves_position_money_and_the_next_quotes() -> None:
    desk, orders = started()
    bid = orders[0]
    desk.fill(bid, 10)
    maker = desk.maker
    assert maker.position == 10
    # 10 contracts bought 77 under the mid of 77,000: 10 x 77 x 0.00001.
    assert maker.pnl.spread == Decimal("0.0077")
    assert maker.pnl.fees == -BTC.money(BTC.fee_units(Decimal("76923.0"), 10, Decimal("0.0001")))
    assert maker.pnl.total == sum(maker.pnl)
    assert maker.stats.fills == 1
    assert maker.stats.maker_share == 1.0
    assert maker.stats.max_abs_position == 10
    desk.fill(bid, 10)
    assert maker.position == 10, "the same execution heard again counts once"
    frame = maker.frame(desk.t, 1)
    assert [f.size for f in frame.new_fills] == [10]
    assert maker.frame(desk.t, 2).new_fills == ()


def test_an_order_that_timed_out_counts_and_is_never_sent_again_before_it_is_settled() -> None:
    desk = Desk()
    orders = desk.start()
    desk.acknowledge(*orders[1:])
    lost = orders[0]
    desk.tell(OrderReport(desk.t, lost.client_id, "unknown", "place", reason="timeout"))
    later = desk.wait(0.5)
    assert [c for c in later if isinstance(c, Query)] == [Query(lost.client_id)]
    assert not desk.places(later)
    assert desk.maker.unknown_orders == 1
    assert desk.maker.tracker.exposure(1) == 30
    desk.tell(OrderReport(desk.t, lost.client_id, "open", "query", "v9", 0, 10))
    assert desk.maker.unknown_orders == 0
    assert not desk.places(desk.wait(0.5))


def test_an_order_that_never_arrived_is_sent_again_only_after_two_late_denials() -> None:
    desk = Desk()
    orders = desk.start()
    desk.acknowledge(*orders[1:])
    desk.tell(OrderReport(desk.t, orders[0].client_id, "unknown", "place"))
    resent_after = 0
    for tenth in range(1, 100):
        commands = desk.wait(0.1)
        for command in commands:
            if isinstance(command, Query):
                commands = commands + desk.tell(OrderReport(desk.t, command.client_id, "not_found", "query"))
        if desk.places(commands):
            resent_after = tenth
            break
    assert resent_after >= 40, "queries at 0.3, 1.3, 4.3 and 7.3 s; only those past 2 s prove anything"
    assert desk.maker.tracker.exposure(1) == 30


def test_missing_executions_are_asked_for() -> None:
    desk, orders = started()
    desk.tell(OrderReport(desk.t, orders[0].client_id, "filled", "stream", total_filled=10))
    assert desk.maker.position == 0
    assert desk.maker.tracker.exposure(1) == 40, "the ten that are owed, two old levels and the new one"
    assert any(isinstance(c, Reconcile) for c in desk.wait(1))
    desk.fill(orders[0], 10)
    assert (desk.maker.position, desk.maker.tracker.exposure(1)) == (10, 30)


def test_an_order_filled_before_its_amend_is_answered_owes_nothing_of_what_was_cut_off() -> None:
    desk, orders = started(order_size=20)
    commands = desk.tell(Configure(desk.t, desk.config.replace(order_size=10).model_dump_json(exclude_unset=True)))
    assert Amend(orders[0].client_id, "v" + orders[0].client_id, 10) in commands
    desk.tell(OrderReport(desk.t, orders[0].client_id, "filled", "stream", total_filled=10, size=10))
    desk.fill(orders[0], 10)
    assert (desk.maker.position, desk.maker.tracker.owed, desk.maker.unknown_orders) == (10, 0, 0)


def test_a_position_that_differs_twice_halts_with_both_numbers() -> None:
    desk, _ = started()
    desk.tell(PositionReport(desk.t, desk.t, 7))
    assert desk.maker.state == "quoting"
    desk.wait(1)
    commands = desk.tell(PositionReport(desk.t, desk.t, 7))
    assert desk.maker.state == "halted"
    assert "the venue's position is 7, ours 0" in desk.maker.why
    assert sum(isinstance(c, Cancel) for c in commands) == 6
    assert any(isinstance(c, CancelAll) for c in commands)


def test_an_order_on_the_account_that_is_not_ours_halts() -> None:
    desk, _ = started()
    desk.tell(OpenOrders(desk.t, desk.t, (OpenOrder("someone", "x1", 1, 700_000, 5, 0),)))
    assert desk.maker.state == "halted"
    assert "is not ours" in desk.maker.halted_by


def test_an_own_order_that_the_venue_does_not_list_is_asked_for() -> None:
    desk, orders = started()
    desk.t += NS
    desk.tell(
        OpenOrders(desk.t, desk.t, tuple(OpenOrder(o.client_id, "v", o.side, o.price_ticks, 10, 0) for o in orders[1:]))
    )
    assert [c for c in desk.wait(0.5) if isinstance(c, Query)] == [Query(orders[0].client_id)]


def test_a_dead_order_that_is_open_at_the_venue_is_cancelled_again() -> None:
    desk, orders = started()
    desk.tell(OrderReport(desk.t, orders[0].client_id, "cancelled", "stream", "v", 0))
    commands = desk.tell(OrderReport(desk.t, orders[0].client_id, "open", "query", "v", 0, 10))
    assert Cancel(orders[0].client_id, "v" + orders[0].client_id) in commands


def test_refusals_in_a_row_halt_before_they_become_a_storm() -> None:
    desk = Desk(**{"risk.max_rejects": 4})
    for order in desk.start()[:4]:
        desk.tell(OrderReport(desk.t, order.client_id, "rejected", "place", code=8, reason="insufficient balance"))
    assert desk.maker.state == "halted"
    assert "insufficient balance" in desk.maker.halted_by
    assert desk.maker.stats.rejects == 4


def test_a_post_only_order_refused_by_the_stream_before_the_answer_counts_once() -> None:
    desk = Desk(**{"risk.max_rejects": 4})
    for order in desk.start()[:4]:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "stream", "v", 0, 10, reason="would trade"))
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "place", "v", 0, 10))
    assert desk.maker.stats.rejects == 4
    assert "would trade" in desk.maker.halted_by


def test_a_fee_in_the_wrong_currency_halts() -> None:
    desk, orders = started()
    desk.fill(orders[0], 10, currency="LMEX")
    assert "charged in LMEX; expected USDT" in desk.maker.halted_by


def test_the_loss_limit_halts_fees_and_marks_included() -> None:
    desk, orders = started(**{"risk.max_loss": 0.5})
    desk.fill(orders[0], 10)
    desk.tell(MarkPrice(desk.t, Decimal(72_000), Decimal(72_000)))
    assert desk.maker.state == "quoting"
    desk.tell(MarkPrice(desk.t, Decimal(71_800), Decimal(71_800)))
    assert desk.maker.state == "halted"
    assert "risk.max_loss is 0.5" in desk.maker.halted_by


def test_kill_cancels_at_once_and_nothing_is_sent_until_it_is_rearmed_and_resumed() -> None:
    desk, _ = started()
    commands = desk.tell(Control(desk.t, "kill", "test"))
    assert sum(isinstance(c, Cancel) for c in commands) == 6
    assert any(isinstance(c, CancelAll) for c in commands)
    desk.tell(Control(desk.t, "resume"))
    for cancel in [c for c in commands if isinstance(c, Cancel)]:
        desk.tell(OrderReport(desk.t, cancel.client_id, "cancelled", "cancel", total_filled=0))
    assert not desk.places(desk.wait(2))
    assert desk.maker.state == "killed"
    desk.tell(Control(desk.t, "rearm"))
    assert desk.maker.state == "paused"
    assert len(desk.places(desk.tell(Control(desk.t, "resume")))) == 6


def test_an_order_in_flight_when_killed_is_cancelled_as_soon_as_it_is_known() -> None:
    desk = Desk()
    orders = desk.start()
    desk.tell(Control(desk.t, "kill"))
    desk.acknowledge(orders[0])
    assert Cancel(orders[0].client_id, "v" + orders[0].client_id) in desk.sent


def test_pause_pulls_and_resume_quotes_again() -> None:
    desk, orders = started()
    assert sum(isinstance(c, Cancel) for c in desk.tell(Control(desk.t, "pause"))) == 6
    for order in orders:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=0))
    assert (desk.maker.state, desk.maker.why) == ("paused", "paused: by hand")
    assert len(desk.places(desk.tell(Control(desk.t, "resume")))) == 6


def test_flatten_cancels_first_then_closes_reduce_only_and_pauses() -> None:
    desk, orders = started()
    desk.fill(orders[0], 10)
    for order in desk.places(desk.wait(0.1)):
        desk.acknowledge(order)
    assert not desk.places(desk.tell(Control(desk.t, "flatten")))
    for order in list(desk.maker.tracker.live.values()):
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=order.filled))
    closing = next(c for c in reversed(desk.sent) if isinstance(c, Place))
    assert (closing.side, closing.size, closing.reduce_only, closing.ioc, closing.post_only) == (
        -1,
        10,
        True,
        True,
        False,
    )
    desk.fill(closing, 10, "t2", maker=False)
    assert desk.maker.position == 0
    assert (desk.maker.state, desk.maker.why) == ("paused", "paused: the position is flat")
    assert desk.maker.stats.maker_share == 0.5


def test_flattening_after_a_kill_closes_the_position_and_stays_killed() -> None:
    desk, orders = started()
    desk.fill(orders[0], 10)
    desk.tell(Control(desk.t, "kill"))
    for order in list(desk.maker.tracker.live.values()):
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=order.filled))
    closing = next(c for c in desk.tell(Control(desk.t, "flatten")) if isinstance(c, Place))
    desk.fill(closing, 10, "t2", maker=False)
    desk.wait(0.3)
    assert (desk.maker.position, desk.maker.state) == (0, "killed")
    desk.tell(Control(desk.t, "resume"))
    assert desk.maker.state == "killed"


@pytest.mark.parametrize(
    ("limit", "price"),
    [({"risk.max_order_notional": 10}, 766_050), ({"risk.price_collar_bps": 30}, 767_690)],
    ids=["notional", "collar"],
)
def test_a_position_is_closed_in_orders_that_every_limit_allows(limit: dict[str, float], price: int) -> None:
    desk = Desk(**limit)
    desk.start(position=30)
    for order in list(desk.maker.tracker.live.values()):
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "place", total_filled=0))
    desk.tell(Control(desk.t, "flatten"))
    for order in list(desk.maker.tracker.live.values()):
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=0))
    for number in range(3):
        closing = next(c for c in reversed(desk.sent) if isinstance(c, Place))
        assert closing.reduce_only
        assert closing.price_ticks == price
        assert closing.size * closing.price_ticks * 1e-6 <= desk.config.risk.max_order_notional
        desk.fill(closing, closing.size, f"c{number}", maker=False)
        desk.wait(0.3)
        if not desk.maker.position:
            break
    assert (desk.maker.position, desk.maker.state) == (0, "paused")


def test_a_kill_on_the_way_to_the_stop_leaves_nothing_to_re_arm() -> None:
    desk, orders = started()
    desk.tell(Control(desk.t, "stop", "end of session"))
    assert any(isinstance(c, CancelAll) for c in desk.tell(Control(desk.t, "kill")))
    for order in orders:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=0))
    desk.tell(Control(desk.t, "rearm"))
    assert not desk.places(desk.tell(Control(desk.t, "resume")) + desk.wait(1))
    assert desk.maker.state == "stopped"


def test_stop_cancels_and_is_stopped_when_the_last_order_is_gone() -> None:
    desk, orders = started()
    desk.tell(Control(desk.t, "stop", "end of session"))
    assert desk.maker.state == "stopping"
    for order in orders:
        desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=0))
    assert desk.maker.state == "stopped"
    desk.tell(Control(desk.t, "resume"))
    assert not desk.places(desk.wait(1))


def test_uptime_counts_from_the_first_book_to_the_stop_request() -> None:
    desk, _ = started()
    desk.wait(9.9)
    desk.tell(Control(desk.t, "stop"))
    assert desk.maker.stats.uptime(desk.t + 100 * NS) == pytest.approx(0.99, abs=0.011)


def test_a_new_configuration_takes_effect_at_once_and_a_bad_one_is_refused_before() -> None:
    desk, _ = started()
    wider = desk.config.replace(spread_bps=40)
    desk.maker.check(wider)
    commands = desk.tell(Configure(desk.t, wider.model_dump_json(exclude_unset=True)))
    assert [type(c) for c in commands[:6]] == [Cancel] * 6
    assert desk.maker.config.spread_bps == 40
    with pytest.raises(ConfigError, match="at least 7 contracts"):
        desk.maker.check(desk.config.replace(order_size=1))


def test_changing_the_configuration_again_and_again_does_not_refill_the_message_budget() -> None:
    desk, orders = started(**{"risk.max_messages_per_s": 10})
    sent = len(orders)
    for spread in (30, 40) * 5:
        changed = desk.config.replace(spread_bps=spread).model_dump_json(exclude_unset=True)
        sent += len(desk.places(desk.tell(Configure(desk.t, changed))))
        for order in list(desk.maker.tracker.live.values()):
            if order.status is OrderStatus.CANCELLING:
                desk.tell(OrderReport(desk.t, order.client_id, "cancelled", "cancel", total_filled=0))
            elif order.status is OrderStatus.IN_FLIGHT:
                desk.tell(OrderReport(desk.t, order.client_id, "open", "place", "v" + order.client_id, 0, 10))
    assert sent <= 10


def test_funding_is_booked_once_and_not_what_was_paid_before_the_session() -> None:
    desk, _ = started()
    desk.tell(FundingPaid(desk.t - 3600 * NS, "old", Decimal("-9")))
    for _ in range(2):
        desk.tell(FundingPaid(desk.t, "f1", Decimal("-0.5")))
    assert desk.maker.pnl.funding == Decimal("-0.5")


def test_a_position_found_at_the_start_is_taken_over_and_not_counted_as_profit() -> None:
    desk = Desk()
    desk.start(position=-120)
    assert desk.maker.position == -120
    assert desk.maker.pnl.total == 0


def test_hearing_of_the_first_position_again_moves_no_money() -> None:
    desk = Desk()
    desk.tell(PositionReport(desk.t, desk.t, 100))
    ledger = desk.maker.ledger
    for price in (77_000, 77_100):
        desk.tell(MarkPrice(desk.t, Decimal(price), Decimal(price)))
        desk.tell(PositionReport(desk.t, desk.t, 100))
    unrealised = ledger.unrealised(BTC.value(Decimal(77_100)))
    assert desk.maker.pnl.total == ledger.wallet_change + unrealised == Decimal("0.1")
    desk.tell(PositionReport(desk.t, desk.t, 50))
    assert desk.maker.pnl.total == 0, "another position at the start is where profit begins"


def test_near_the_limit_only_the_reducing_side_is_quoted() -> None:
    desk = Desk()
    assert {order.side for order in desk.start(position=900)} == {-1}
    assert desk.maker.state == "waiting" or desk.maker.open_orders == 3


def test_the_run_tag_must_fit_a_client_order_id() -> None:
    with pytest.raises(WorkbenchError, match="letters and digits"):
        MarketMaker(BTC, MarketMakerConfig(), Decimal(77_000), "no-dash")


def test_the_same_events_give_the_same_commands() -> None:
    first, second = started()[0], started()[0]
    assert first.wait(2) == second.wait(2)
    assert first.sent == second.sent
    assert first.maker.tracker.live.keys() == second.maker.tracker.live.keys()


def test_statuses_shown_are_those_of_the_tracker() -> None:
    desk, orders = started()
    assert {o.status for o in desk.maker.tracker.live.values()} == {OrderStatus.OPEN}
    frame = desk.maker.frame(desk.t, 7)
    assert frame.own_bids[0] == (orders[0].price_ticks * 0.1, 10)
    assert (frame.open_orders, frame.state, frame.symbol) == (6, "quoting", "BTC-PERP")
    assert Decimal(frame.equity_change) == 0
