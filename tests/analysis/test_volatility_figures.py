"""The pictures of volatility show what their tables hold, in per cent, and stay small."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import TEMPLATE, signature_figure, time_of_day_figure, volatility_figure
from workbench.volatility import signature, time_of_day_variance

DAY_S = 86_400


@pytest.fixture(scope="module")
def prices() -> pd.Series:
    rng = np.random.default_rng(4)
    index = pd.date_range("2026-01-01", periods=DAY_S, freq="1s", tz="UTC")
    return pd.Series(100 * np.exp(np.cumsum(rng.normal(0, 1e-4, DAY_S))), index=index)


def test_a_signature_is_drawn_in_per_cent_with_its_band_and_its_levels(prices: pd.Series) -> None:
    table = signature(prices, steps_s=[1, 10, 60])
    figure = signature_figure({"mid": table}, {"truth": 0.029})
    band, line, level = figure.data
    np.testing.assert_allclose(line.y, 100 * table["volatility"])
    assert line.x.tolist() == [1.0, 10.0, 60.0]
    np.testing.assert_allclose(band.y[:3], 100 * (table["volatility"] + 2 * table["error"]))
    assert level.name == "truth"
    assert list(level.y) == [pytest.approx(2.9)] * 2
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.template == TEMPLATE
    assert signature_figure(table).data[1].name == "realised"


def test_the_time_of_day_is_drawn_in_hours_beside_the_truth(prices: pd.Series) -> None:
    table = time_of_day_variance(prices)
    figure = time_of_day_figure(table, table["factor"] * 0 + 1)
    bars, truth = figure.data
    assert bars.x[0] == 0.5
    np.testing.assert_allclose(bars.y, table["factor"])
    assert list(bars.customdata) == table["samples"].tolist()
    assert set(truth.y) == {1.0}


def test_estimates_over_time_are_thinned_and_drawn_on_a_date_axis(prices: pd.Series) -> None:
    figure = volatility_figure({"a": prices / 1e4, "b": prices / 2e4}, truth=prices / 1e4, max_points=500)
    assert [trace.name for trace in figure.data] == ["truth", "a", "b"]
    assert max(len(trace.x) for trace in figure.data) <= 500
    assert figure.data[1].x[0] == prices.index[0].value / 1e6
    assert figure.data[1].y[0] == pytest.approx(prices.iloc[0] / 100)
    assert figure.layout.xaxis.type == "date"
    assert len(json.dumps(figure.to_plotly_json(), default=str)) < 300_000
