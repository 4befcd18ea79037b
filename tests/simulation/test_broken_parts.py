"""When a part of the engine itself breaks, nothing more is sent, everything is cancelled, and the exit code says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from workbench.client.faults import CutStream, LoseAnswer, LoseRequest
from workbench.engine import SimulationResult, simulate
from workbench.engine.simulation import SimulatedWorld
from workbench.events import Event
from workbench.trading import MarketMaker


def assert_ended_as_failure(result: SimulationResult, said: str) -> None:
    assert result.outcome.exit_code == 4
    assert result.outcome.stopped_by == "failure"
    assert said in result.outcome.message
    assert result.venue.open_orders == 0
    assert result.outcome.open_orders_at_end == 0


def test_a_journal_that_cannot_be_written_ends_the_session() -> None:
    known: list[set[str]] = []

    async def fill_the_disk(world: SimulatedWorld) -> None:
        await asyncio.sleep(6)
        known.append(set(world.exchange.account()._by_client_id))
        world.engine.journal._failure = "the disk is full"
        await asyncio.sleep(1)
        known.append(set(world.exchange.account()._by_client_id))

    result = simulate(seed=3, seconds=30, script=fill_the_disk)
    assert_ended_as_failure(result, "the disk is full")
    assert result.outcome.ran_s < 7
    assert len(known[0]) > 5
    assert known[0] == known[1]


def test_a_core_that_raises_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    on_timer = MarketMaker._on_timer

    def break_at_sixty(self: MarketMaker, event: Any) -> None:
        self.timers = getattr(self, "timers", 0) + 1  # type: ignore[attr-defined]
        if self.timers > 60:  # type: ignore[attr-defined]
            raise ZeroDivisionError("a model divided by zero")
        on_timer(self, event)

    monkeypatch.setattr(MarketMaker, "_on_timer", break_at_sixty)
    result = simulate(seed=3, seconds=30)
    assert_ended_as_failure(result, "a model divided by zero")


def test_a_kill_in_the_middle_of_a_broken_line_still_empties_the_venue() -> None:
    reports: list[Any] = []

    async def kill(world: SimulatedWorld) -> None:
        await asyncio.sleep(8)
        for fault in (
            LoseRequest("POST", "/api/v2.3/order", times=3),
            LoseAnswer("DELETE", "/api/v2.3/order", times=2, wait_s=1.0),
            CutStream("/ws/futures", b""),
        ):
            world.transport.inject(fault)
        reports.append(await world.ask("kill", {"reason": "drill"}))
        assert world.exchange.account().open_orders == {}
        await asyncio.sleep(5)

    result = simulate(seed=4, seconds=30, script=kill, audit=True)
    assert result.findings == []
    assert result.faults_seen["LoseAnswer"] > 0
    assert [report.verified for report in reports] == [True]
    assert result.wallet_change == result.venue.wallet_change


def test_a_start_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: MarketMaker, event: Event) -> list[Any]:
        raise ValueError("not even the first event")

    monkeypatch.setattr(MarketMaker, "on_event", refuse)
    with pytest.raises(ValueError, match="not even the first event"):
        simulate(seed=3, seconds=5)
