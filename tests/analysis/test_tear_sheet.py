"""The tear sheet: every panel from a simulated session, and a readable page from none."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from workbench.analysis import TEMPLATE, fills_table, key_numbers, orders_table, quotes_table, tear_sheet
from workbench.engine import simulate

SEED = 11
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@cache
def session() -> Tables:
    result = simulate(seed=SEED, seconds=120.0)
    return result.orders, result.fills, result.quotes


@cache
def nothing() -> Tables:
    instrument = simulate(seed=SEED, seconds=1.0).instrument
    return orders_table([], instrument), fills_table([], instrument), quotes_table([])


def sentences(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def test_a_session_fills_every_panel_of_one_page() -> None:
    figure = tear_sheet(*session(), rng=np.random.default_rng(SEED), max_position=100)
    names = {trace.name for trace in figure.data if trace.type == "scatter"}
    assert {"own bid", "own ask", "bought", "sold", "position", "equity change", "spread"} <= names
    assert {"markout", "spread captured", "filled"} <= names
    assert figure.layout.template == TEMPLATE
    assert [figure.layout[name].type for name in ("xaxis", "xaxis2", "xaxis3", "xaxis4")] == ["date"] * 3 + ["log"]
    assert not [text for text in sentences(figure) if text.startswith("No ")]
    assert len(json.loads(figure.to_json())["data"]) == len(figure.data)


def test_the_page_shows_the_numbers_of_its_tables() -> None:
    orders, fills, quotes = session()
    numbers = key_numbers(orders, fills, quotes, rng=np.random.default_rng(SEED))
    assert numbers["equity change"] == f"{quotes['equity_change'].iloc[-1]:+f} USDT"
    shown = [Decimal(numbers[f"PnL, {part}"].split()[0]) for part in ("spread", "inventory", "fees", "funding")]
    assert sum(shown) == quotes["equity_change"].iloc[-1]
    assert numbers["fills"] == f"{len(fills)}, {fills['size'].sum()} contracts"
    assert numbers["Sharpe ratio, per √hour"].endswith("returns)")
    table = next(trace for trace in tear_sheet(orders, fills, quotes).data if trace.type == "table")
    assert numbers["equity change"] in table.cells["values"][1]


def test_without_a_generator_there_is_no_sharpe_ratio() -> None:
    assert not [name for name in key_numbers(*session()).index if name.startswith("Sharpe")]


def test_an_empty_session_gives_a_page_that_says_so() -> None:
    figure = tear_sheet(*nothing(), rng=np.random.default_rng(SEED))
    said = sentences(figure)
    for panel in ("No quotes", "No position", "No PnL", "No fills to mark out", "No order rested"):
        assert sum(text.startswith(panel) for text in said) == 1, said
    assert figure.layout.title.subtitle.text == "nothing was recorded in this session"
    places = {(note.x, note.y) for note in figure.layout.annotations}
    assert len(places) == len(said), "one sentence lies on another"


@pytest.mark.parametrize("missing", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_any_table_may_be_empty(missing: tuple[int, ...]) -> None:
    tables = [(nothing() if i in missing else session())[i] for i in range(3)]
    figure = tear_sheet(*tables, rng=np.random.default_rng(SEED))
    assert any(text.startswith("No ") for text in sentences(figure))
    assert figure.data[-1].type == "table"


def test_one_frame_is_enough_for_a_page() -> None:
    orders, fills, quotes = session()
    figure = tear_sheet(orders[:1], fills[:1], quotes[:1], rng=np.random.default_rng(SEED))
    assert "The quotes end before the fills can be marked out" in sentences(figure)
