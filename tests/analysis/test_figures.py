from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from workbench.analysis import (
    TEMPLATE,
    drawdown_figure,
    inventory_figure,
    pnl_figure,
    price_figure,
    quotes_table,
    run_figure,
    spread_volatility_figure,
)
from workbench.events import StateFrame

START_NS = 1_780_000_000_000_000_000
FIGURES: list[Callable[..., go.Figure]] = [
    price_figure,
    inventory_figure,
    pnl_figure,
    drawdown_figure,
    spread_volatility_figure,
]


def frame(i: int) -> StateFrame:
    mid = 60_000 + 20 * np.sin(i / 50)
    return StateFrame(
        seq=i,
        t_ns=START_NS + i * 100_000_000,
        symbol="BTC-PERP",
        state="quoting",
        why="both sides live",
        bid=mid - 5,
        ask=mid + 5,
        position=i % 30 - 15,
        own_bids=((mid - 30, 10),),
        own_asks=((mid + 30, 10),),
        sigma=1e-4,
        pnl_spread="0.5",
        equity_change="0.5",
    )


@pytest.fixture
def quotes() -> pd.DataFrame:
    return quotes_table([frame(i) for i in range(500)])


def drawn(figure: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


@pytest.mark.parametrize("figure_of", FIGURES)
def test_an_empty_session_gives_a_figure_that_says_so(figure_of: Callable[..., go.Figure]) -> None:
    figure = figure_of(quotes_table([]))
    assert len(figure.data) == 0
    assert "recorded in this session" in figure.layout.annotations[0].text


@pytest.mark.parametrize("figure_of", FIGURES)
def test_times_are_float_milliseconds_on_a_date_axis(figure_of: Callable[..., go.Figure], quotes: pd.DataFrame) -> None:
    figure = figure_of(quotes)
    assert figure.layout.xaxis.type == "date"
    for trace in figure.data:
        x = np.asarray(trace.x)
        assert x.dtype == np.float64
        assert x[0] == START_NS / 1e6


@pytest.mark.parametrize("figure_of", FIGURES)
def test_every_figure_wears_the_one_template(figure_of: Callable[..., go.Figure], quotes: pd.DataFrame) -> None:
    assert figure_of(quotes).layout.template == TEMPLATE


def test_fills_are_triangles_by_side_and_counted_in_the_title(quotes: pd.DataFrame) -> None:
    fills = pd.DataFrame(
        {"t_ns": [START_NS, START_NS + 1], "side": [1, -1], "price": [59_970.0, 60_030.0], "size": [10, 4]}
    )
    figure = price_figure(quotes, fills)
    assert drawn(figure)["bought"].marker.symbol == "triangle-up"
    assert drawn(figure)["sold"].y.tolist() == [60_030.0]
    assert figure.layout.title.subtitle.text == "2 fills, 14 contracts"


def test_a_session_without_fills_draws_its_quotes(quotes: pd.DataFrame) -> None:
    figure = price_figure(quotes)
    assert {"own bid", "own ask", "market"} <= set(drawn(figure))
    assert figure.layout.title.subtitle.text == "no fills"


def test_the_position_limit_is_drawn_on_both_sides(quotes: pd.DataFrame) -> None:
    assert sorted(shape.y0 for shape in inventory_figure(quotes, max_position=100).layout.shapes) == [-100, 100]


def test_spreads_are_in_basis_points_of_the_mid(quotes: pd.DataFrame) -> None:
    traces = drawn(spread_volatility_figure(quotes))
    assert traces["own spread"].y[0] == pytest.approx(10.0)
    assert traces["volatility (right)"].y[0] == pytest.approx(1.0)


def test_the_equity_change_is_shown_exactly(quotes: pd.DataFrame) -> None:
    assert pnl_figure(quotes).layout.title.subtitle.text == "equity change +0.5 USDT"


@pytest.mark.parametrize("figure_of", FIGURES)
def test_a_figure_of_an_hour_stays_small(figure_of: Callable[..., go.Figure]) -> None:
    hour = pd.concat([quotes_table([frame(i) for i in range(600)])] * 60, ignore_index=True)
    hour["t_ns"] = START_NS + np.arange(len(hour)) * 100_000_000
    assert len(json.dumps(figure_of(hour).to_plotly_json(), default=str)) > 0
    assert len(figure_of(hour).to_json()) < 200_000


def test_a_page_of_a_million_moments_and_fills_stays_small() -> None:
    n = 1_000_000
    times = START_NS + np.arange(n) * 100_000_000
    mid = 60_000 + np.random.default_rng(2).normal(size=n).cumsum()
    quotes = pd.DataFrame({"t_ns": times, "bid": mid - 1, "ask": mid + 1, "mid": mid, "position": np.arange(n) % 7})
    for name in ("own_bid", "own_ask", "pnl_spread", "pnl_inventory", "pnl_fees", "pnl_funding", "equity_change"):
        quotes[name] = mid
    fills = pd.DataFrame({"t_ns": times, "side": np.where(np.arange(n) % 2, 1, -1), "price": mid, "size": 1})
    page = run_figure(quotes, fills, max_position=10)
    assert max(len(trace.x) for trace in page.data) <= 4_000
    assert "1000000 fills" in page.layout.annotations[0].text
    highest = max(max(trace.y) for trace in page.data if trace.name in ("bought", "sold"))
    assert highest == mid.max()


def test_a_page_without_fills_says_so(quotes: pd.DataFrame) -> None:
    page = run_figure(quotes, pd.DataFrame({"t_ns": [], "side": [], "price": [], "size": []}))
    assert "no fills" in page.layout.annotations[0].text
    assert {trace.name for trace in page.data} >= {"position", "equity change", "drawdown"}
