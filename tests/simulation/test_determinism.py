"""One seed is one run; the journal alone decides the same again; the parts of the profit are exact."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from workbench.compiled import kernels_wait
from workbench.config import MarketMakerConfig
from workbench.engine import simulate
from workbench.engine.replay import maker_of, replay_rows
from workbench.engine.simulation import SimulatedWorld
from workbench.errors import ConfigError, JournalError
from workbench.events import Place


def test_the_same_seed_gives_the_same_journal_and_another_seed_another() -> None:
    first, again, other = (simulate(seed=seed, seconds=20) for seed in (5, 5, 6))
    assert first.digest == again.digest
    assert first.digest != other.digest


def test_the_tape_is_the_seeds_alone_whatever_is_quoted() -> None:
    wide, narrow = (simulate({"spread_bps": spread}, seed=5, seconds=20) for spread in (40, 8))
    assert wide.outcome.tape_hash == narrow.outcome.tape_hash
    assert wide.venue.fills != narrow.venue.fills
    assert simulate(seed=6, seconds=20).outcome.tape_hash != wide.outcome.tape_hash


@pytest.mark.parametrize("model", ["skewed_spread", "guide_fixed", "guide_volatility"])
def test_the_journal_alone_gives_the_same_commands_number_for_number(model: str) -> None:
    async def people(world: SimulatedWorld) -> None:
        await asyncio.sleep(5)
        await world.ask("update", {"spread_bps": 14, "order_size": 8})
        await asyncio.sleep(3)
        await world.ask("pause", {})
        await asyncio.sleep(1)
        await world.ask("resume", {})

    result = simulate({"quoting": {"model": model}}, seed=9, seconds=20, script=people)
    replay = result.replay()
    assert replay.commands == sum(row.kind == "command" for row in result.rows) > 50
    assert replay.events == sum(row.kind == "event" for row in result.rows)


def test_a_replay_that_differs_says_where() -> None:
    result = simulate(seed=9, seconds=10)
    place = next(i for i, row in enumerate(result.rows) if row.tag == "Place")
    rows = [row for i, row in enumerate(result.rows) if i != place]
    with pytest.raises(JournalError, match="replay differs after row"):
        replay_rows(rows, lambda: maker_of(result.meta))
    meta = {**result.meta, "config": {**result.meta["config"], "spread_bps": 21.0}}
    with pytest.raises(JournalError, match=r"code changed since"):
        replay_rows(result.rows, lambda: maker_of(meta))


def test_the_parts_of_the_profit_sum_to_the_change_in_equity_to_the_last_digit() -> None:
    result = simulate(seed=10, seconds=30, funding_interval_s=5)
    parts = {name: Decimal(amount) for name, amount in result.outcome.pnl.items()}
    assert sum(parts.values()) == Decimal(result.outcome.equity_change)
    assert parts["funding"] != 0
    assert result.wallet_change == result.venue.wallet_change


def test_a_simulation_runs_inside_a_running_loop_too() -> None:
    async def cell() -> str:
        return simulate(seed=5, seconds=2).digest

    assert asyncio.run(cell()) == simulate(seed=5, seconds=2).digest


def test_flatten_before_the_stop_closes_the_position() -> None:
    async def people(world: SimulatedWorld) -> None:
        await asyncio.sleep(15)
        world.engine.end("request", flatten=True)

    result = simulate(seed=11, seconds=600, script=people, audit=True)
    assert result.findings == []
    assert result.outcome.fills > 5
    assert result.venue.position == 0
    assert result.outcome.stopped_by == "request"
    closing = [row.decode() for row in result.rows if row.tag == "Place"]
    assert any(isinstance(place, Place) and place.reduce_only for place in closing)


def test_a_limit_that_stops_quoting_gives_exit_code_three() -> None:
    config = {"risk.max_loss": 0.5, "spread_bps": 5, "quoting.model": "guide_fixed"}
    result = simulate(config, seed=12, seconds=30, audit=True, maker_fee="0.002")
    assert result.findings == []
    assert result.outcome.exit_code == 3
    assert Decimal(result.outcome.equity_change) <= Decimal("-0.5")
    assert result.venue.open_orders == 0


def test_the_position_limit_is_never_passed_even_when_every_taker_sells() -> None:
    config = MarketMakerConfig(max_position_size=40, order_size=10)
    result = simulate(config, seed=13, seconds=60, audit=True, informed_share=1.0)
    assert result.findings == []
    assert 20 <= result.outcome.max_abs_position <= 40


def test_a_bad_configuration_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="spam"):
        simulate({"order_size": 1})
    with pytest.raises(ConfigError, match="seconds is -1"):
        simulate(seconds=-1)
    with pytest.raises(ConfigError, match="did you mean 'trade_rate'"):
        simulate(traderate=3.0)


def test_no_kernel_is_left_to_be_compiled_while_orders_rest() -> None:
    simulate(seed=3, seconds=2.0)
    assert not kernels_wait()
