"""Each built-in model quoting through a market maker: a scripted book, fills, the skew, the reasons shown."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from workbench import quoting
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError
from workbench.events import (
    NS,
    ArmDeadMan,
    BookSnapshot,
    Cancel,
    Command,
    DeadManArmed,
    Event,
    MarkPrice,
    OrderReport,
    OwnFill,
    Place,
    Reconcile,
    ReconcileDone,
    StreamState,
    Timer,
)
from workbench.instruments import Instrument
from workbench.quoting.schema import ASK_ADVERSE, BID_ADVERSE, MID, PARAMS_SIZE
from workbench.trading import MarketMaker

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))


class Script:
    """A maker before a book whose mid goes up and down a little, so that there is a volatility."""

    def __init__(self, model: str, signals: dict[str, Any] | None = None, **params: float) -> None:
        config = MarketMakerConfig.from_dict(
            {
                "spread_bps": 12.0,
                "max_orders_per_side": 2,
                "max_position_size": 300.0,
                "signals": signals or {},
                "quoting": {"model": model, "params": params, "refresh_tolerance_bps": 0.0},
            }
        )
        self.maker = MarketMaker(BTC, config, Decimal(77_000), "w1")
        self.t = 1_780_000_000 * NS
        self.resting: dict[str, Place] = {}
        self.beat = 0
        self.low = 0
        self.tell(StreamState(self.t, "private", True))

    def tell(self, event: Event) -> None:
        for command in self.maker.on_event(event):
            self.answer(command)

    def answer(self, command: Command) -> None:
        if isinstance(command, ArmDeadMan):
            self.tell(DeadManArmed(self.t, True))
        elif isinstance(command, Reconcile):
            self.tell(ReconcileDone(self.t, self.t, True))
        elif isinstance(command, Place):
            self.resting[command.client_id] = command
            self.tell(OrderReport(self.t, command.client_id, "open", "place", "v" + command.client_id, 0, command.size))
        elif isinstance(command, Cancel):
            order = self.resting.pop(command.client_id)
            self.tell(OrderReport(self.t, order.client_id, "cancelled", "cancel", "v" + order.client_id, 0, 0))

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.t += NS // 2
            self.beat += 1
            move = 40 * (self.beat % 2) - self.low
            self.tell(MarkPrice(self.t, Decimal(77_000), Decimal(77_000)))
            self.tell(BookSnapshot(self.t, self.t, ((769_900 + move, 100),), ((770_100 + move, 100),)))
            self.tell(Timer(self.t))

    def best(self, side: int) -> Place:
        return max((o for o in self.resting.values() if o.side == side), key=lambda o: side * o.price_ticks)

    def fill(self, order: Place) -> None:
        del self.resting[order.client_id]
        fill = OwnFill(
            self.t, self.t, "t" + order.client_id, order.client_id, "", order.side, order.price_ticks, order.size,
            Decimal(0), "USDT", True,
        )  # fmt: skip
        self.tell(fill)


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("avellaneda_stoikov", {}),
        ("avellaneda_stoikov", {"horizon": 2.0}),
        ("glft", {}),
        ("glft", {"form": 1.0, "arrival_rate": 0.5}),
        ("cartea_jaimungal", {}),
        ("cartea_jaimungal", {"adverse_fall": 40.0, "adverse_rise": 40.0}),
    ],
)
def test_a_papers_model_quotes_both_sides_and_leans_after_a_fill(model: str, params: dict[str, float]) -> None:
    script = Script(model, **params)
    script.wait(10)
    assert script.maker.state == "quoting", script.maker.why
    assert len(script.resting) == 4
    assert {order.size for order in script.resting.values()} == {10}
    script.wait(1 if script.beat % 2 else 0.5)
    bid, ask = script.best(1), script.best(-1)
    script.fill(bid)
    assert script.maker.position == 10
    script.wait(1)  # the same place in the book's up and down
    assert script.best(1).price_ticks < bid.price_ticks
    assert script.best(-1).price_ticks < ask.price_ticks
    assert "half spread" in script.maker.why


def test_a_grid_needs_its_lines_and_then_sends_nothing_while_the_mid_stays_between_them() -> None:
    with pytest.raises(ConfigError, match=r"quoting\.params\.grid_ticks is missing; model grid needs it"):
        Script("grid")
    script = Script("grid", grid_ticks=1000.0)
    script.wait(5)
    sent = script.maker.stats.orders_sent
    assert sent == 4
    assert all(order.price_ticks % 1000 == 0 for order in script.resting.values())
    script.wait(5)
    assert script.maker.stats.orders_sent == sent


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"micro_weight": 1.0}, "there is no micro-price: give a fitted one as signals.micro_price"),
        ({"order_flow_weight": 1.0}, "the order-flow imbalance is not known until its window"),
        ({"funding_weight": 1.0}, "the time of the coming funding is not known"),
    ],
)
def test_a_part_that_is_not_measured_here_is_refused_in_the_why_line(params: dict[str, float], says: str) -> None:
    script = Script("glft", signals={"flow_window_s": 60.0}, **params)
    script.wait(10)
    assert script.maker.stats.orders_sent == 0
    assert says in script.maker.why


def centre(script: Script) -> float:
    return (script.best(1).price_ticks + script.best(-1).price_ticks) / 2 - script.maker.view.mid


@pytest.mark.parametrize(
    ("params", "signals", "shift"),
    [
        ({"micro_weight": 1.0}, {"micro_price": [[-40.0, 160.0]]}, 60.0),
        ({"order_flow_weight": -0.5}, {"flow_window_s": 0.4}, 100.0),
    ],
)
def test_a_signal_that_is_measured_moves_the_centre_of_the_quotes(
    params: dict[str, float], signals: dict[str, Any], shift: float
) -> None:
    plain, moved = Script("glft"), Script("glft", signals=signals, **params)
    for script in (plain, moved):
        script.wait(10)
    # Equal sizes: the middle of the table. The last move was down: 100 contracts less on the bid, 100 more on the ask.
    assert centre(moved) - centre(plain) == pytest.approx(shift, abs=1.0)


def test_fills_that_the_market_runs_through_widen_their_own_side() -> None:
    script = Script("glft", signals={"markout_s": 1.0}, toxicity_weight=2.0)
    script.wait(10)
    bid = script.best(1)
    before = script.maker.view.mid - bid.price_ticks
    script.fill(bid)
    script.beat += 0 if script.beat % 2 else 1
    script.low = 400
    script.wait(1.5)
    fallen = script.maker.view.array[BID_ADVERSE]
    assert fallen > 150
    assert script.maker.view.mid - script.best(1).price_ticks > before + 1.5 * fallen
    assert script.maker.view.array[ASK_ADVERSE] == 0.0


def test_a_horizon_that_has_passed_takes_the_quotes_away_and_says_so() -> None:
    script = Script("avellaneda_stoikov", horizon=1.0, horizon_s=8.0)
    script.wait(6)
    assert script.resting
    script.wait(6)
    assert not script.resting
    assert "horizon has passed" in script.maker.why


def test_a_parameter_that_does_not_exist_or_lies_outside_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"quoting\.params\.lambda: model glft has no such parameter; known: gamma, k"
    ):
        Script("glft", **{"lambda": 1.0})
    with pytest.raises(ConfigError, match=r"quoting\.params\.k is -1\.0; expected"):
        Script("glft", k=-1.0)


@quoting.model(params=(quoting.Slot("offset", "ticks", "of the mid", 1.0), *quoting.LAYER))
def made_by_hand(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    """A person's model: the composition layer round one number."""
    return quoting.compose(
        view, inventory, params, PARAMS_SIZE + 1, params[PARAMS_SIZE], params[PARAMS_SIZE], state, out
    )


def test_a_persons_own_model_trades_through_the_same_layer() -> None:
    script = Script("made_by_hand", offset=500.0, touch_offset=-2.0)
    script.wait(1)
    mid = script.maker.view.array[MID]
    assert (script.best(1).price_ticks, script.best(-1).price_ticks) == (math.floor(mid - 500), math.ceil(mid + 500))
    near = Script("made_by_hand", offset=1.0, touch_offset=-2.0, min_spread_bps=0.0)
    near.maker.view.array[12] = -1e-3  # a rebate, so that no fee keeps it out
    near.wait(1)
    assert near.best(1).price_ticks == near.maker.view.best_bid - 2
