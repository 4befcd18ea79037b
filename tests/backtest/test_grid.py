"""Which configurations a sweep tries, and how a wrong grid is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.backtest.grid import expand_grid, read_grid
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError


def test_a_grid_is_every_combination_the_last_name_fastest() -> None:
    combinations, configurations = expand_grid({"spread_bps": [4, 8], "quoting": {"inventory_skew": [0.5, 1.0]}})
    assert combinations == [
        {"spread_bps": spread, "quoting.inventory_skew": skew} for spread in (4, 8) for skew in (0.5, 1.0)
    ]
    assert [(c.spread_bps, c.quoting.inventory_skew) for c in configurations] == [(4, 0.5), (4, 1), (8, 0.5), (8, 1)]


def test_what_the_grid_does_not_name_is_the_base(tmp_path: Path) -> None:
    base = MarketMakerConfig(order_size=5, quoting={"level_step_bps": 7})
    _, configurations = expand_grid([{"spread_bps": 3.0}, {"spread_bps": 6.0}], base)
    assert {(c.order_size, c.quoting.level_step_bps) for c in configurations} == {(5, 7)}


def test_a_grid_file_may_use_tables_and_single_values(tmp_path: Path) -> None:
    file = tmp_path / "grid.toml"
    file.write_text("spread_bps = [4, 8]\norder_size = 5\n[quoting]\nmodel = ['skewed_spread', 'guide_fixed']\n")
    grid = read_grid(file)
    assert grid == {"spread_bps": [4, 8], "order_size": [5], "quoting.model": ["skewed_spread", "guide_fixed"]}
    assert len(expand_grid(grid)[0]) == 4


def test_everything_that_is_wrong_is_told_at_once_and_once() -> None:
    with pytest.raises(ConfigError) as refused:
        expand_grid({"sprad_bps": [1, 2], "order_size": [10, 10.5], "max_orders_per_side": [0, 3]})
    problems = refused.value.problems
    assert len(problems) == len(set(problems)) == 3
    assert any("did you mean 'spread_bps'" in problem for problem in problems)
    assert any("in 2 of 8 configurations" not in problem and "order_size is 10.5" in problem for problem in problems)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({}, "the grid is empty"),
        ([], "the grid is empty"),
        ({"spread_bps": []}, "spread_bps has no values"),
        ({"spread_bps": [4, 4]}, "spread_bps has 4 twice"),
        ([{"spread_bps": 4}, {"order_size": 4}], "expected the names of the first"),
    ],
    ids=["nothing", "no rows", "no values", "twice", "odd row"],
)
def test_a_grid_that_is_none_is_refused(grid: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        expand_grid(grid)  # type: ignore[arg-type]


def test_a_grid_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml.*cannot be read"):
        read_grid(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("spread_bps = [")
    with pytest.raises(ConfigError, match=r"bad\.toml.*not valid TOML"):
        read_grid(tmp_path / "bad.toml")
