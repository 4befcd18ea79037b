"""How long quotes may still stand once they must go, by what is lost on the way; measured at the venue itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest

from tests.simulation.fuzz import BOOK, LIMITED, ORDER, PRIVATE
from workbench.client.faults import CutStream, DropFrame, Fault, LoseAnswer, LoseRequest, ReplyWith
from workbench.engine import SimulationResult, simulate
from workbench.engine.simulation import SimulatedWorld

AT_S = 6.0
FOREVER = 100_000
CUT = CutStream(BOOK, times=5)


@dataclass
class Watch:
    """At `AT_S` faults begin and perhaps somebody kills it; notes how long orders stood at the venue from then on."""

    faults: Sequence[Fault]
    do: Literal["kill", ""] = ""
    stood_s: float = field(default=0.0, init=False)
    orders: int = field(default=0, init=False)
    timer_s: float = field(default=0.0, init=False)
    """What the venue's dead-man timer had left at `AT_S`."""

    async def __call__(self, world: SimulatedWorld) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(AT_S - loop.time())
        account = world.exchange.account()
        self.orders = len(account.open_orders)
        assert account.dead_man_ns is not None
        self.timer_s = (account.dead_man_ns - world.clock.now_ns()) / 1e9
        for fault in self.faults:
            world.transport.inject(fault)
        asked = loop.create_task(world.ask("kill", {})) if self.do else None
        async with asyncio.timeout(10):
            while account.open_orders:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.001)
        self.stood_s = loop.time() - AT_S
        if asked is not None:
            await asked


def rehearsed(watch: Watch, seconds: float = 25.0, faults: Sequence[Fault] = ()) -> SimulationResult:
    """A session that is watched; it had something to withdraw."""
    result = simulate(seed=3, seconds=seconds, faults=faults, script=watch, audit=True)
    assert watch.orders > 0
    return result


def test_five_cuts_of_the_book_and_seven_lost_cancels_leave_no_quote_for_long() -> None:
    watch = Watch([CUT, LoseRequest("DELETE", ORDER, times=7)])
    result = rehearsed(watch)
    assert result.findings == []
    assert result.faults_seen == {"CutStream": 5, "LoseRequest": 7}
    assert watch.stood_s < 1.2
    assert result.outcome.exit_code == 0


def test_cancels_that_are_done_and_never_answered_leave_no_quote_at_all() -> None:
    watch = Watch([CutStream(BOOK), LoseAnswer("DELETE", ORDER, times=12)])
    assert rehearsed(watch).findings == []
    assert watch.stood_s < 0.2


def test_when_no_cancel_ever_arrives_the_timer_that_was_brought_forward_clears_the_venue() -> None:
    watch = Watch([CUT, LoseRequest("DELETE", ORDER, times=FOREVER)])
    assert not any("I6" in finding for finding in rehearsed(watch, seconds=12).findings)
    assert 1.4 < watch.stood_s < 1.9


@pytest.mark.parametrize(
    ("news", "within_s"),
    [([], 0.2), ([DropFrame(PRIVATE, b"notificationApi", times=40, after_s=AT_S - 1.5)], 0.8)],
    ids=["the stream tells of them", "nobody tells of them"],
)
def test_orders_whose_submission_is_not_answered_yet_are_withdrawn_too(news: list[Fault], within_s: float) -> None:
    watch = Watch([CutStream(BOOK, times=3)])
    result = rehearsed(watch, faults=[*news, LoseAnswer("POST", "/order", b"clOrderID", times=30, after_s=AT_S - 1.5)])
    assert result.faults_seen["LoseAnswer"] > 5
    assert result.findings == []
    assert watch.stood_s < within_s


def test_a_cancel_that_is_lost_while_all_else_is_well_pulls_every_quote_until_it_is_answered() -> None:
    result = simulate(seed=3, seconds=30, faults=[LoseRequest("DELETE", ORDER, after_s=AT_S, times=60)], audit=True)
    assert result.findings == []
    why = list(result.quotes["why"])
    stuck = [place for place, said in enumerate(why) if "is not answered" in said]
    assert stuck
    assert any(said.startswith("3 bids, 3 asks") for said in why[stuck[-1] :])


def test_when_nothing_at_all_arrives_the_timer_is_not_renewed_and_the_venue_clears_itself() -> None:
    watch = Watch([CUT, *(LoseRequest(method, "/", times=FOREVER) for method in ("GET", "POST", "DELETE"))])
    rehearsed(watch, seconds=12)
    assert 2.9 < watch.timer_s <= 4.0
    assert watch.stood_s == pytest.approx(watch.timer_s, abs=0.3), "it was not set anew"


@pytest.mark.parametrize(
    "closed",
    [
        LoseRequest("DELETE", ORDER, times=FOREVER),
        ReplyWith("DELETE", ORDER, times=30, status=503),
        ReplyWith("DELETE", ORDER, times=30, status=429, body=LIMITED, headers={"Retry-After": "2"}),
        LoseRequest("POST", ORDER, times=FOREVER),
    ],
    ids=["cancels lost", "cancels failing", "cancels limited", "timer lost"],
)
def test_a_kill_has_two_ways_to_the_venue_and_needs_one(closed: Fault) -> None:
    watch = Watch([closed], "kill")
    result = rehearsed(watch, seconds=12)
    assert not any("I8" in finding and "kill" in finding for finding in result.findings)
    assert watch.stood_s < 1.1


def test_a_silence_that_the_venue_asked_for_before_a_kill_is_kept_and_ends_it() -> None:
    silence = ReplyWith("GET", "price", after_s=AT_S - 1.0, status=429, body=LIMITED, headers={"Retry-After": "3"})
    watch = Watch([], "kill")
    result = rehearsed(watch, faults=[silence])
    assert result.faults_seen["ReplyWith"] == 1
    assert 1.0 < watch.stood_s < 3.1
