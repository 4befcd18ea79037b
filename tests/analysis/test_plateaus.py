"""A grid's neighbours and a sweep's pictures, counted by hand."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import (
    TEMPLATE,
    heat_map_figure,
    neighbours,
    parallel_figure,
    plateau_figure,
    rank_correlation,
    train_test_figure,
)


@pytest.fixture
def table() -> pd.DataFrame:
    rows = pd.DataFrame(list(product([2.0, 4.0, 8.0], [0.5, 1.0], ["a", "b"])), columns=["spread", "skew", "model"])
    rows["equity"] = np.arange(12.0)
    rows["test_equity"] = -np.arange(12.0)
    return rows


def test_neighbours_are_one_step_away_in_one_parameter(table: pd.DataFrame) -> None:
    beside = neighbours(table, ["spread", "skew", "model"], "equity")
    # (2, 0.5, a) has (4, 0.5, a) = 4, (2, 1, a) = 2 and (2, 0.5, b) = 1 beside it.
    assert beside.loc[0, "neighbours"] == 3
    assert beside.loc[0, "neighbour_mean"] == pytest.approx(7 / 3)
    assert beside.loc[0, "neighbour_worst"] == 1.0
    assert beside.loc[0, "plateau"] == pytest.approx(7 / 4)
    assert beside["neighbours"].tolist() == [3] * 4 + [4] * 4 + [3] * 4


def test_a_needle_is_no_plateau(table: pd.DataFrame) -> None:
    table["equity"] = 0.0
    table.loc[0, "equity"] = 10.0
    table.loc[[8, 9, 10, 11], "equity"] = 6.0
    beside = neighbours(table, ["spread", "skew", "model"], "equity")
    assert beside["equity"].idxmax() == 0
    assert beside["plateau"].idxmax() >= 8


def test_a_lone_configuration_has_no_neighbours(table: pd.DataFrame) -> None:
    beside = neighbours(table.iloc[:1], ["spread"], "equity")
    assert beside.loc[0, "neighbours"] == 0
    assert math.isnan(beside.loc[0, "neighbour_mean"])
    assert beside.loc[0, "plateau"] == 0.0


def test_rank_correlation_knows_order_ties_and_gaps() -> None:
    first = pd.Series([1.0, 2.0, 3.0, 4.0, np.nan])
    assert rank_correlation(first, first**3) == pytest.approx(1.0)
    assert rank_correlation(first, -first) == pytest.approx(-1.0)
    # By hand: ranks 1 2 3 4 against 1.5 1.5 3.5 3.5.
    assert rank_correlation(first, pd.Series([1.0, 1.0, 2.0, 2.0, 9.0])) == pytest.approx(2 / math.sqrt(5))
    assert math.isnan(rank_correlation(first, pd.Series([1.0] * 5)))


def test_a_heat_map_folds_other_parameters_by_their_median(table: pd.DataFrame) -> None:
    figure = heat_map_figure(table, "spread", "skew", "equity")
    cells = np.asarray(figure.data[0].z)
    assert cells.tolist() == [[0.5, 4.5, 8.5], [2.5, 6.5, 10.5]]
    assert list(figure.data[0].x) == ["2", "4", "8"]
    assert "median" in figure.layout.title.subtitle.text
    with pytest.raises(ValueError, match="no column 'sprad'; it has spread"):
        heat_map_figure(table, "sprad", "skew", "equity")
    with pytest.raises(ValueError, match="both 'skew'"):
        heat_map_figure(table, "skew", "skew", "equity")


def test_colours_are_symmetric_about_zero_only_where_it_is_crossed(table: pd.DataFrame) -> None:
    assert heat_map_figure(table, "spread", "skew", "equity").data[0].zmin is None
    table["equity"] -= 4.0
    figure = heat_map_figure(table, "spread", "skew", "equity")
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-6.5, 6.5)


def test_parallel_coordinates_show_words_as_ticks(table: pd.DataFrame) -> None:
    figure = parallel_figure(table, ["spread", "model"], ["equity"])
    words = figure.data[0].dimensions[1]
    assert list(words.ticktext) == ["a", "b"]
    assert list(words.values) == [0, 1] * 6


def test_a_plateau_is_cut_through_the_best(table: pd.DataFrame) -> None:
    figure = plateau_figure(table, ["spread", "skew"], "equity")
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert {trace.name for trace in lines} == {"training", "test"}
    first = next(trace for trace in lines if trace.name == "training")
    assert list(first.y) == [2.0, 3.0, 6.0, 7.0, 10.0, 11.0]


def test_the_winner_of_the_training_is_marked_in_the_test(table: pd.DataFrame) -> None:
    figure = train_test_figure(table, "equity")
    winner = next(trace for trace in figure.data if trace.name == "winner")
    assert (winner.x[0], winner.y[0]) == (11.0, -11.0)
    assert "-1.00" in figure.layout.title.subtitle.text


def test_every_picture_wears_the_one_template(table: pd.DataFrame) -> None:
    figures = (
        heat_map_figure(table, "spread", "skew", "equity"),
        parallel_figure(table, ["spread"], ["equity"]),
        plateau_figure(table, ["spread"], "equity"),
        train_test_figure(table, "equity"),
    )
    assert all(figure.layout.template == TEMPLATE for figure in figures)
