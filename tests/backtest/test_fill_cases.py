"""The fill cases that every maker's simulator must get right, and the faults of others that must not be ours."""

from __future__ import annotations

import pytest

from workbench.backtest import ConstantLatency, QueueModel, queue_model
from workbench.backtest.log import AMEND_TOO_SMALL, NOTHING_TO_TAKE, POST_ONLY_CROSSES, REDUCE_ONLY_GROWS
from workbench.backtest.queues import QUEUE_NAMES
from workbench.backtest.stepped import SteppedVenue

BUY, SELL = 1, -1
BID, ASK = 1000, 1010
NOW = 1_000


def market(ahead: int = 50, queue: QueueModel | None = None) -> SteppedVenue:
    """Ten contracts are one lot of the cases: 5 ahead at 100.0 is 50 contracts at 1000 ticks."""
    venue = SteppedVenue(queue, ConstantLatency(0.0, 0.0))
    venue.levels(((BID, ahead), (BID - 10, 80)), ((ASK, 60), (ASK + 10, 70)), NOW, whole=True)
    return venue


def fills(venue: SteppedVenue) -> list[tuple[int, int, int, bool]]:
    return [(a.order_no, a.price_ticks, a.size, a.maker) for a in venue.take_answers() if a.kind == "fill"]


def filled(venue: SteppedVenue) -> int:
    return sum(size for _, _, size, _ in fills(venue))


@pytest.mark.parametrize("queue", [*QUEUE_NAMES])
def test_what_trades_past_the_queue_fills(queue: str) -> None:
    venue = market(queue=queue_model(queue))
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 50, NOW)
    assert filled(venue) == 0
    venue.trade(SELL, BID, 10, NOW)
    assert filled(venue) == 10


def test_a_sweep_printed_below_us_fills() -> None:
    venue = market()
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID - 1, 100, NOW)
    assert fills(venue) == [(1, BID, 10, True)]


def test_a_sweep_printed_level_by_level_fills_once() -> None:
    venue = market()
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 50, NOW)
    venue.trade(SELL, BID - 1, 50, NOW)
    assert filled(venue) == 10


@pytest.mark.parametrize("queue", [*QUEUE_NAMES])
def test_cancels_ahead_bring_us_forward_and_a_trade_fills_its_part(queue: str) -> None:
    venue = market(queue=queue_model(queue))
    venue.place(BUY, BID, 10, NOW)
    venue.level(BUY, BID, 1, NOW)
    venue.trade(SELL, BID, 10, NOW)
    assert filled(venue) == 9


def test_a_level_deleted_without_a_trade_fills_nothing() -> None:
    venue = market()
    venue.place(BUY, BID, 10, NOW)
    venue.level(BUY, BID, 0, NOW)
    assert filled(venue) == 0
    assert venue.is_resting(1)


def test_an_ask_that_drops_onto_the_bid_fills_as_far_as_it_has_size() -> None:
    venue = market()
    venue.place(BUY, BID, 10, NOW)
    venue.level(SELL, BID, 4, NOW)
    assert filled(venue) == 4
    venue.level(SELL, BID, 4, NOW)
    assert filled(venue) == 0
    venue.level(SELL, BID, 30, NOW)
    assert filled(venue) == 6


def test_two_own_orders_at_one_price_share_a_trade_in_order_of_arrival() -> None:
    venue = market(ahead=0)
    first, second = venue.place(BUY, BID, 10, NOW), venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 15, NOW)
    assert [(no, size) for no, _, size, _ in fills(venue)] == [(first, 10), (second, 5)]


def test_a_hair_past_the_queue_fills_a_hair() -> None:
    venue = market()
    venue.place(BUY, BID, 100_000, NOW)
    venue.trade(SELL, BID, 51, NOW)
    assert filled(venue) == 1


def test_asks_mirror_bids() -> None:
    venue = market()
    venue.place(SELL, ASK, 10, NOW)
    venue.trade(BUY, ASK, 65, NOW)
    assert fills(venue) == [(1, ASK, 5, True)]
    venue.trade(BUY, ASK + 1, 3, NOW)
    assert fills(venue) == [(1, ASK, 3, True)]
    venue.level(BUY, ASK + 5, 1, NOW)
    assert fills(venue) == [(1, ASK, 1, True)]


# --- faults of hftbacktest ------------------------------------------------------------------------------------------


def test_partial_fills_add_up_to_the_position() -> None:
    venue = market(ahead=0)
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 4, NOW)
    assert venue.position == 4
    venue.trade(SELL, BID, 6, NOW)
    assert venue.position == 10


def test_a_filled_order_is_gone_when_more_trades() -> None:
    venue = market(ahead=0)
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 10, NOW)
    venue.trade(SELL, BID, 10, NOW)
    assert filled(venue) == 10


def test_an_immediate_order_walks_the_levels_and_pays_their_prices() -> None:
    venue = market()
    venue.place(BUY, ASK + 10, 100, NOW, post_only=False, ioc=True)
    assert fills(venue) == [(1, ASK, 60, False), (1, ASK + 10, 40, False)]
    assert venue.position == 100


def test_an_immediate_order_for_more_than_there_is_takes_what_there_is() -> None:
    venue = market()
    venue.place(BUY, ASK, 100, NOW, post_only=False, ioc=True)
    answers = venue.take_answers()
    assert [(a.kind, a.size, a.reason) for a in answers] == [("fill", 60, 0), ("cancelled", 0, NOTHING_TO_TAKE)]


def test_what_was_taken_stays_taken_until_the_level_is_updated() -> None:
    venue = market()
    for wanted, got in ((50, 50), (50, 10), (50, 0)):
        venue.place(BUY, ASK, wanted, NOW, post_only=False, ioc=True)
        assert filled(venue) == got
    venue.level(SELL, ASK, 30, NOW)
    venue.place(BUY, ASK, 50, NOW, post_only=False, ioc=True)
    assert filled(venue) == 30


def test_a_post_only_order_that_would_take_expires() -> None:
    venue = market()
    venue.place(BUY, ASK, 10, NOW)
    (answer,) = venue.take_answers()
    assert (answer.kind, answer.reason) == ("expired", POST_ONLY_CROSSES)


def test_a_plain_order_takes_and_rests_with_what_is_left() -> None:
    venue = market()
    order = venue.place(BUY, ASK, 100, NOW, post_only=False)
    assert filled(venue) == 60
    assert venue.is_resting(order)


def test_a_reduce_only_order_reduces_and_no_more() -> None:
    venue = market(ahead=0)
    venue.place(BUY, BID, 10, NOW, reduce_only=True)
    assert venue.take_answers()[0].reason == REDUCE_ONLY_GROWS
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 10, NOW)
    venue.place(SELL, BID - 50, 25, NOW, post_only=False, reduce_only=True, ioc=True)
    assert [a.size for a in venue.take_answers() if a.kind == "fill" and a.order_no == 3] == [10]
    assert venue.position == 0


# --- amends ---------------------------------------------------------------------------------------------------------


def test_shrinking_keeps_the_place_in_the_queue() -> None:
    venue = market()
    order = venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 30, NOW)
    venue.amend(order, 5, NOW)
    assert venue.ahead(order) == 20
    venue.trade(SELL, BID, 40, NOW)
    assert filled(venue) == 5


def test_growing_goes_to_the_end_of_the_queue() -> None:
    venue = market()
    order = venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 30, NOW)
    venue.level(BUY, BID, 40, NOW)
    venue.amend(order, 20, NOW)
    assert venue.ahead(order) == 40


def test_amended_to_what_is_filled_it_is_refused_and_stays() -> None:
    venue = market(ahead=0)
    order = venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 4, NOW)
    venue.amend(order, 4, NOW)
    answer = venue.take_answers()[-1]
    assert (answer.kind, answer.size, answer.reason) == ("refused", 10, AMEND_TOO_SMALL)
    venue.trade(SELL, BID, 20, NOW)
    assert filled(venue) == 6


def test_a_new_price_queues_behind_what_is_displayed_there() -> None:
    venue = market()
    order = venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 30, NOW)
    venue.amend(order, 10, NOW, price_ticks=BID - 10)
    assert venue.ahead(order) == 80
    venue.amend(order, 10, NOW, price_ticks=ASK)
    assert venue.take_answers()[-1].reason == POST_ONLY_CROSSES


# --- orders that only reduce ----------------------------------------------------------------------------------------


def long_ten() -> SteppedVenue:
    venue = market(ahead=0)
    venue.place(BUY, BID, 10, NOW)
    venue.trade(SELL, BID, 10, NOW)
    venue.take_answers()
    return venue


def test_a_reduce_only_order_is_cut_to_what_is_left_to_close() -> None:
    venue = long_ten()
    first = venue.place(SELL, ASK + 1, 6, NOW, reduce_only=True)
    second = venue.place(SELL, ASK + 2, 25, NOW, reduce_only=True)
    third = venue.place(SELL, ASK + 2, 1, NOW, reduce_only=True)
    said = [(a.order_no, a.kind, a.size) for a in venue.take_answers() if a.kind != "accepted"]
    assert said == [(second, "amended", 4), (third, "rejected", 0)]
    venue.amend(first, 7, NOW)
    assert venue.take_answers()[0].reason == REDUCE_ONLY_GROWS
    venue.trade(BUY, ASK + 5, 100, NOW)
    assert venue.position == 0


@pytest.mark.parametrize("how", ["a trade", "a price that comes", "an own taker"])
def test_what_another_order_closes_no_reduce_only_order_closes_again(how: str) -> None:
    venue = long_ten()
    older = venue.place(SELL, ASK + 5, 4, NOW, reduce_only=True)
    newer = venue.place(SELL, ASK + 4, 6, NOW + 1, reduce_only=True)
    if how == "an own taker":
        venue.place(SELL, BID - 10, 3, NOW + 2, post_only=False, ioc=True)
    else:
        venue.place(SELL, ASK - 1, 3, NOW + 2)
        if how == "a trade":
            venue.trade(BUY, ASK + 5, 100, NOW + 2)
        else:
            venue.level(BUY, ASK + 5, 100, NOW + 2)
    answers = venue.take_answers()
    ends = [a.order_no for a in answers if a.kind == "cancelled"]
    assert ends == [newer], "the newest goes, whole"
    assert venue.is_resting(older) == (how == "an own taker")
    assert venue.position == (7 if how == "an own taker" else 10 - 3 - 4)
