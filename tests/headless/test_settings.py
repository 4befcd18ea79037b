"""Settings from a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ConfigError
from workbench.headless.settings import parse_pairs, read_config


def test_values_are_numbers_switches_lists_or_plain_text() -> None:
    pairs = parse_pairs(["spread_bps=30", "quoting.model=guide_fixed", "a.switch=true", "risk.max_loss=2.5"])
    assert pairs == {
        "spread_bps": 30,
        "quoting.model": "guide_fixed",
        "a.switch": True,
        "risk.max_loss": 2.5,
    }


def test_a_text_without_a_name_and_a_value_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_pairs(["spread_bps", "=3", "order_size=10"])
    assert len(refusal.value.problems) == 2
    assert "name=value" in refusal.value.problems[0]


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="spread_bps is given twice"):
        parse_pairs(["spread_bps=30", "spread_bps=31"])


def test_pairs_go_on_top_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "maker.toml"
    file.write_text('spread_bps = 30\n[quoting]\nmodel = "guide_fixed"\ninventory_skew = 0.5\n')
    config = read_config(file, ["spread_bps=40", "quoting.inventory_skew=0.25"])
    assert config.spread_bps == 40
    assert config.quoting.model == "guide_fixed"
    assert config.quoting.inventory_skew == 0.25


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        read_config(None, ["spread_bps=-5", "sprad_bps=20", "order_size=10.5"])
    text = str(refusal.value)
    assert "spread_bps is -5" in text
    assert "did you mean 'spread_bps'" in text


def test_a_file_that_is_not_there_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_config("nowhere.toml", [])
