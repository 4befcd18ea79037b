"""Pictures of volatility: against the step of the clock, by time of day, and estimates beside each other over time.

Each takes tables of `workbench.volatility` and returns a `plotly.graph_objects.Figure`; volatility is drawn in per cent
a square root of a day.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.analysis.look import COLOURS, TEMPLATE, axis, translucent
from workbench.analysis.series import epoch_ms, min_max

__all__ = ["signature_figure", "time_of_day_figure", "volatility_figure"]

HEIGHT = 400
LINES = ("inventory", "fees", "spread", "sell", "funding", "mid")
UNIT = "% per √day"


def signature_figure(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame], levels: Mapping[str, float] | None = None
) -> go.Figure:
    """Realised volatility against the step of its clock: it falls while noise is in it, and is level where it is not.

    Parameters
    ----------
    tables : DataFrame or mapping of DataFrame
        From `workbench.volatility.signature`, or several by name. The band is two standard errors wide either side.
    levels : mapping of float, optional
        Volatilities to draw as level lines by name, fraction a square root of a day: the truth of generated data, or
        estimates without noise (`two_scale_variance(...).volatility("day")`).

    Returns
    -------
    plotly.graph_objects.Figure
    """
    named = {"realised": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    figure = _figure("Volatility signature", "previous-tick sampling; the band is two standard errors")
    for colour, (name, table) in zip(_colours(len(named)), named.items(), strict=True):
        steps = table.index.to_numpy(dtype=np.float64)
        middle, error = 100 * table["volatility"].to_numpy(), 200 * table["error"].to_numpy()
        band = go.Scatter(
            x=np.r_[steps, steps[::-1]],
            y=np.r_[middle + error, (middle - error)[::-1]],
            fill="toself",
            fillcolor=translucent(colour, 0.12),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(band)
        line = {"color": colour, "width": 2}
        figure.add_trace(go.Scatter(x=steps, y=middle, mode="lines+markers", name=name, line=line))
    for dash, (name, level) in zip(("dash", "dot", "dashdot", "longdash") * 8, (levels or {}).items(), strict=False):
        line = {"color": COLOURS["ink"], "width": 1.2, "dash": dash}
        ends = [min(table.index[0] for table in named.values()), max(table.index[-1] for table in named.values())]
        figure.add_trace(go.Scatter(x=ends, y=[100 * level] * 2, mode="lines", name=name, line=line))
    figure.update_xaxes(type="log", title_text="step of the clock, seconds", dtick=1)
    figure.update_yaxes(rangemode="tozero")
    return figure


def time_of_day_figure(table: pd.DataFrame, truth: pd.Series | None = None) -> go.Figure:
    """How volatile each time of the day is against the day as a whole.

    Parameters
    ----------
    table : DataFrame
        From `workbench.volatility.time_of_day_variance`.
    truth : Series, optional
        Factors to compare with, by second of the day.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = _figure("Volatility by time of day", "factor 1 is the level of the whole day")
    width = (table.index[1] - table.index[0]) / 3_600 if len(table) > 1 else 24.0
    hours = table.index.to_numpy(dtype=np.float64) / 3_600 + width / 2
    bars = go.Bar(
        x=hours,
        y=table["factor"],
        width=0.92 * width,
        customdata=table["samples"],
        name="estimate",
        marker={"color": translucent(COLOURS["inventory"], 0.55)},
        hovertemplate="%{y:.2f} from %{customdata} returns<extra></extra>",
    )
    figure.add_trace(bars)
    if truth is not None:
        line = {"color": COLOURS["ink"], "width": 1.6, "shape": "hv"}
        x = np.append(truth.index.to_numpy(dtype=np.float64) / 3_600, 24.0)
        figure.add_trace(go.Scatter(x=x, y=np.append(truth, truth.iloc[-1]), mode="lines", name="truth", line=line))
    figure.add_hline(1.0, line={"color": COLOURS["rule"], "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="hour, UTC", range=[0, 24], dtick=3)
    figure.update_yaxes(title_text="factor of volatility", rangemode="tozero")
    return figure


def volatility_figure(
    estimates: Mapping[str, pd.Series], truth: pd.Series | None = None, *, max_points: int = 1_200
) -> go.Figure:
    """Estimates of volatility beside each other over time, and the truth where it is known.

    Parameters
    ----------
    estimates : mapping of Series
        Fraction a square root of a day, by UTC time; NaN is a gap.
    truth : Series, optional
        The same of the generator.
    max_points : int
        Largest number of points in a line.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    figure = _figure("Volatility over time", f"{len(estimates)} estimates")
    if truth is not None:
        figure.add_trace(_over_time(truth, "truth", {"color": COLOURS["ink"], "width": 2.4}, max_points))
    for colour, (name, series) in zip(_colours(len(estimates)), estimates.items(), strict=True):
        figure.add_trace(_over_time(series, name, {"color": colour, "width": 1.4}, max_points))
    figure.update_xaxes(type="date", title_text="UTC", hoverformat="%H:%M:%S")
    figure.update_yaxes(rangemode="tozero")
    return figure


def _figure(title: str, subtitle: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE, title_text=title, title_subtitle_text=subtitle, height=HEIGHT)
    figure.update_layout(yaxis=axis(title_text=UNIT))
    return figure


def _colours(count: int) -> list[str]:
    return [COLOURS[LINES[i % len(LINES)]] for i in range(count)]


def _over_time(series: pd.Series, name: str, line: dict[str, object], max_points: int) -> go.Scatter:
    stamps = pd.DatetimeIndex(series.index).as_unit("ns").asi8
    t_ms, values = min_max(epoch_ms(stamps), 100 * series.to_numpy(dtype=np.float64), max_points)
    return go.Scatter(x=t_ms, y=values, mode="lines", name=name, line=line)
