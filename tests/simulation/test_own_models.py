"""A session with a model of one's own, and with every part of the layer that reads the view's signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from workbench import quoting
from workbench.config import MarketMakerConfig
from workbench.engine import simulate
from workbench.engine.simulation import SimulatedWorld, SimulationResult
from workbench.errors import ConfigError
from workbench.events import Configure
from workbench.quoting import QuotingModel
from workbench.quoting.schema import HALF_SPREAD, INVENTORY_SKEW, MAX_POSITION, MID, ORDER_SIZE, PARAMS_SIZE

SEED = 11
TABLE = [[-40.0, -10.0, 10.0, 40.0]]


@quoting.model(params=(quoting.Slot("half_bps", "bps", "mid to quote", 0.1, 100.0, 5.0), *quoting.LAYER))
def layered(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    """One number, skewed, inside of the layer."""
    half = view[MID] * params[PARAMS_SIZE] * 1e-4
    lean = half * params[INVENTORY_SKEW] * inventory / params[MAX_POSITION]
    return quoting.compose(view, inventory, params, PARAMS_SIZE + 1, half + lean, half - lean, state, out)


def session(seconds: float = 30.0, script: Any = None, **settings: Any) -> SimulationResult:
    params = settings.pop("params", {})
    config = {"quoting": {"model": "layered", "params": params}, "max_orders_per_side": 1, **settings}
    return simulate(config, seed=SEED, seconds=seconds, audit=True, script=script)


def sent(result: SimulationResult) -> list[bytes]:
    return [row.payload for row in result.rows if row.kind == "command"]


@pytest.fixture(scope="module")
def plain() -> SimulationResult:
    return session()


def test_a_model_of_ones_own_trades_and_its_journal_alone_builds_it_again(plain: SimulationResult) -> None:
    assert plain.outcome.fills > 0
    assert not plain.findings
    assert plain.meta["config"]["quoting"]["source"] == layered.source
    assert plain.replay().commands == len(sent(plain))
    assert all("source" not in frame.decode().config["quoting"] for frame in plain.rows if frame.kind == "frame")


@pytest.mark.parametrize(
    ("params", "settings"),
    [
        ({"micro_weight": 1.0}, {"signals": {"micro_price": TABLE}}),
        ({"order_flow_weight": 0.5}, {"signals": {"flow_window_s": 0.5}}),
        ({"toxicity_weight": 5.0}, {"signals": {"markout_s": 0.5}}),
        ({"funding_weight": 10.0, "funding_window_s": 1e6}, {}),
    ],
)
def test_each_signal_of_the_view_changes_the_quotes_and_is_replayed_number_for_number(
    plain: SimulationResult, params: dict[str, float], settings: dict[str, Any]
) -> None:
    result = session(params=params, **settings)
    assert result.outcome.fills > 0, result
    assert result.outcome.quote_uptime > 0.5
    assert not result.findings
    assert sent(result) != sent(plain)
    assert result.replay().commands == len(sent(result))


def edited(wide: float) -> QuotingModel:
    @quoting.model
    def cell(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        half = view[MID] * wide
        state[HALF_SPREAD] = half
        out[0, 0], out[0, 1], out[0, 2] = 1, int(view[MID] - half), int(params[ORDER_SIZE])
        out[1, 0], out[1, 1], out[1, 2] = -1, int(view[MID] + half), int(params[ORDER_SIZE])
        return 2

    model: QuotingModel = cell
    return model


def updating(changes: Callable[[], dict[str, Any]], seen: list[Any]) -> Any:
    async def script(world: SimulatedWorld) -> None:
        await world.engine.loop.wait_until(lambda: world.engine.maker.stats.orders_sent > 4, 10.0)
        seen.append(world.engine.maker.planner.model)
        seen.append(await world.ask("update", changes()))
        seen.append(world.engine.maker.planner.model)

    return script


def test_an_edited_cell_replaces_the_model_of_a_running_session_and_is_journalled() -> None:
    first = edited(5e-4)
    seen: list[Any] = []
    config = {"quoting": {"model": first}, "max_orders_per_side": 1}
    script = updating(lambda: {"quoting": {"model": edited(20e-4)}}, seen)
    result = simulate(config, seed=SEED, seconds=20, script=script)
    before, told, after = seen
    assert before is first
    assert after is quoting.find_model("cell")
    assert told["quoting"]["source"] == after.source != first.source
    configured = [event for row in result.rows if isinstance(event := row.decode(), Configure)]
    sources = [MarketMakerConfig.model_validate_json(event.config).quoting.source for event in configured]
    assert sources == [after.source]
    assert result.outcome.config_hash != result.meta["config_hash"]
    assert result.replay().commands == len(sent(result))


def test_a_model_that_is_not_there_or_is_another_one_than_its_name_says_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"known models: .*layered"):
        simulate({"quoting.model": "no_such_model"}, seconds=1)
    with pytest.raises(ConfigError, match=r"quoting\.source is model 'layered'"):
        simulate({"quoting": {"model": "guide_fixed", "source": layered.source}}, seconds=1)
