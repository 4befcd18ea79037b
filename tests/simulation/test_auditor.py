"""The auditor finds what is wrong: each test breaks one thing in the core, and the invariant's number comes up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import workbench.engine.simulation as simulation
from workbench.client.faults import CutStream, DropFrame
from workbench.config import MarketMakerConfig
from workbench.engine.audit import Auditor
from workbench.engine.simulation import SimulatedWorld, simulate
from workbench.exchange import SimulatedExchange
from workbench.trading import Ledger, MarketMaker, OrderTracker
from workbench.trading.account import AccountCheck
from workbench.trading.view import MarketView


def found(**settings: Any) -> str:
    result = simulate(seed=3, seconds=settings.pop("seconds", 12.0), audit=True, **settings)
    return " / ".join(result.findings)


def stricter(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    """Let the auditor believe in limits that the core was not told."""

    def make(exchange: SimulatedExchange, config: MarketMakerConfig) -> Auditor:
        return Auditor(exchange, config.replace(**limits))

    monkeypatch.setattr(simulation, "Auditor", make)


def instead(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, make: Callable[[Any], Any]) -> None:
    monkeypatch.setattr(owner, name, make(getattr(owner, name)))


def test_nothing_is_found_when_nothing_is_wrong() -> None:
    assert found() == ""


def test_a_limit_that_is_passed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stricter(monkeypatch, max_position_size=20.0)
    assert "I5" in found()


def test_too_many_messages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stricter(monkeypatch, risk={"max_messages_per_s": 1.0})
    assert "I9" in found()


def test_a_fee_that_is_not_booked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_fee(fill: Any) -> Any:
        return lambda self, side, size, price, fee, *rest, **how: fill(self, side, size, price, fee * 0, *rest, **how)

    instead(monkeypatch, Ledger, "fill", without_fee)
    assert "I11" in found()


def test_a_fill_that_is_booked_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(fill: Any) -> Any:
        return lambda *fields, **how: (fill(*fields, **how), fill(*fields, **how))[0]

    instead(monkeypatch, Ledger, "fill", twice)
    assert "I2 position from distinct fills" in found()


def test_orders_after_a_kill_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(on_control: Any) -> Any:
        return lambda self, event: None if event.action == "kill" else on_control(self, event)

    async def kill(world: SimulatedWorld) -> None:
        await asyncio.sleep(6)
        await world.ask("kill", {})

    instead(monkeypatch, MarketMaker, "_on_control", deaf)
    assert "after the kill" in found(script=kill)


def test_quotes_without_a_book_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    instead(monkeypatch, MarketView, "doubt", lambda doubt: lambda self, now_ns, max_age_ns: "")
    assert "I6" in found(faults=[CutStream("/ws/oss/futures", b"delta", skip=50)])


def test_an_order_that_changes_its_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(report: Any) -> Any:
        def hear(self: OrderTracker, event: Any, now_ns: int) -> Any:
            order = report(self, event, now_ns)
            if order is not None and order.terminal and event.request == "cancel":
                order.status = type(order.status).OPEN
            return order

        return hear

    instead(monkeypatch, OrderTracker, "report", forgetful)
    assert "I3" in found()


def test_an_account_that_is_never_compared_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_once(due: Any) -> Any:
        return lambda self, now_ns: "" if self.ready else due(self, now_ns)

    instead(monkeypatch, AccountCheck, "due", only_once)
    monkeypatch.setattr("workbench.engine.engine.RECONCILE_S", 0.0)
    said = found(faults=[DropFrame("/ws/futures", b"fillsV2", skip=4, times=500)])
    assert "I1" in said
