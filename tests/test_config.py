"""Configuration is refused at the door with everything that is wrong, or taken as it is."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from workbench.backtest import QueueModel
from workbench.config import MarketMakerConfig, QuotingConfig, VenueConfig
from workbench.errors import ConfigError
from workbench.instruments import Instrument

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
PRICE = Decimal("77000")


def test_the_guides_seven_fields_have_its_names_and_defaults() -> None:
    config = MarketMakerConfig()
    assert (config.symbol, config.spread_bps, config.max_position_size, config.order_size) == ("BTC-PERP", 20, 1000, 10)
    assert (config.max_orders_per_side, config.price_precision, config.size_precision) == (3, 2, 4)
    assert isinstance(config.max_position_size, float)
    assert isinstance(config.order_size, float)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"spread_bps": -5}, "spread_bps is -5; expected: greater than 0"),
        ({"spread_bps": float("nan")}, "finite"),
        ({"spread_bps": "wide"}, "spread_bps is 'wide'"),
        ({"order_size": 10.5}, "order_size is 10.5; expected a whole number of contracts"),
        ({"order_size": 2000}, "order_size is 2000.0; expected at most max_position_size"),
        ({"symbol": "btc perp"}, "symbol is 'btc perp'"),
        ({"max_orders_per_side": 0}, "max_orders_per_side is 0"),
        ({"quoting": {"gate_leave": 0.9}}, "gate_leave is 0.9; expected at most gate_enter"),
        ({"volatility": {"window": 200}}, "window is 200"),
        ({"venue": {"name": "binance"}}, "venue.name is 'binance'"),
        ({"venue": {"credentials": "my secret!"}}, "venue.credentials"),
    ],
)
def test_a_wrong_value_is_refused_with_the_value_and_what_was_expected(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MarketMakerConfig.from_dict(settings)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        MarketMakerConfig.from_dict({"spread_bps": -5, "order_size": 0, "risk.max_rejects": 0})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [("spred_bps", "spread_bps"), ("quoting.modl", "model"), ("max_position", "max_position_size")],
)
def test_a_misspelt_name_is_answered_with_the_right_one(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{meant}'"):
        MarketMakerConfig.from_dict({name: 1})


def test_toml_dict_and_code_give_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "maker.toml"
    path.write_text('spread_bps = 12\n[quoting]\nmodel = "guide_fixed"\n')
    from_code = MarketMakerConfig(spread_bps=12, quoting=QuotingConfig(model="guide_fixed"))
    assert MarketMakerConfig.from_toml(path) == from_code
    assert MarketMakerConfig.from_dict({"spread_bps": 12, "quoting.model": "guide_fixed"}) == from_code
    assert MarketMakerConfig.from_toml(path).digest() == from_code.digest() != MarketMakerConfig().digest()


def test_a_broken_or_absent_file_is_a_clear_refusal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        MarketMakerConfig.from_toml(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("spread_bps = = 3")
    with pytest.raises(ConfigError, match="not valid TOML"):
        MarketMakerConfig.from_toml(broken)


def test_replace_validates_the_whole_and_keeps_what_was_given() -> None:
    config = MarketMakerConfig(price_precision=0).replace(spread_bps=30, **{"quoting.gate_enter": 0.9})
    assert (config.spread_bps, config.quoting.gate_enter) == (30, 0.9)
    assert "price_precision" in config.model_fields_set
    assert "size_precision" not in config.model_fields_set
    with pytest.raises(ConfigError):
        config.replace(spread_bps=0)


def test_the_repr_shows_only_what_differs() -> None:
    assert repr(MarketMakerConfig(spread_bps=12)) == "MarketMakerConfig(spread_bps=12.0)"


def test_an_order_under_the_spam_rule_is_refused_with_the_size_that_would_do() -> None:
    with pytest.raises(ConfigError, match="expected at least 7 contracts"):
        MarketMakerConfig(order_size=6).contract_sizes(BTC, PRICE)
    assert MarketMakerConfig(order_size=7).contract_sizes(BTC, PRICE).order_size == 7


def test_amounts_are_converted_once_and_never_up() -> None:
    base = MarketMakerConfig(size_unit="base", order_size=0.000199, max_position_size=0.0155555)
    assert base.contract_sizes(BTC, PRICE)[:2] == (19, 1555)
    quote = MarketMakerConfig(size_unit="quote", order_size=10, max_position_size=100)
    assert quote.contract_sizes(BTC, PRICE)[:2] == (12, 129)


def test_precisions_act_only_when_given() -> None:
    assert MarketMakerConfig().contract_sizes(BTC, PRICE).price_increment_ticks == 1
    assert MarketMakerConfig(price_precision=2).contract_sizes(BTC, PRICE).price_increment_ticks == 1
    assert MarketMakerConfig(price_precision=0).contract_sizes(BTC, PRICE).price_increment_ticks == 10
    base = {"size_unit": "base", "order_size": 0.000199, "max_position_size": 0.1}
    assert MarketMakerConfig.from_dict(base).contract_sizes(BTC, PRICE).order_size == 19
    assert MarketMakerConfig.from_dict({**base, "size_precision": 4}).contract_sizes(BTC, PRICE).order_size == 10


def test_a_precision_that_no_tick_meets_is_refused() -> None:
    odd = Instrument("ODD-PERP", "ODD", "USDT", Decimal("0.3"), Decimal("1"))
    with pytest.raises(ConfigError, match="no multiple of the tick"):
        MarketMakerConfig(symbol="ODD-PERP", price_precision=0).contract_sizes(odd, PRICE)


def test_a_queue_model_itself_may_stand_for_its_name() -> None:
    assert MarketMakerConfig(venue={"queue": QueueModel("power", 2.0)}).venue == VenueConfig(
        queue="power", queue_power=2.0
    )
    with pytest.raises(ConfigError, match=r"expected queue_model\(\.\.\.\) of it"):
        MarketMakerConfig(venue={"queue": max})


def test_a_session_has_one_latency_and_a_live_market_none_of_the_past() -> None:
    with pytest.raises(ConfigError, match="both given"):
        VenueConfig(name="replay", latency_file="x.parquet", latency_tail_ms=(1, 0))
    with pytest.raises(ConfigError, match="times that are past"):
        VenueConfig(name="paper", latency_file="x.parquet")
