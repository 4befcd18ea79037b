"""Pictures of a sweep: heat map, parallel coordinates, plateau around the best, training against test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.look import COLOURS, TEMPLATE, axis
from workbench.analysis.plateaus import rank_correlation

__all__ = ["heat_map_figure", "parallel_figure", "plateau_figure", "train_test_figure"]

SCALE: Final = [[0.0, COLOURS["sell"]], [0.5, "#f8fafc"], [1.0, COLOURS["buy"]]]
"""Worse to better; white is the middle, or 0 where the values lie on both sides of it."""


def heat_map_figure(table: pd.DataFrame, x: str, y: str, metric: str, *, unit: str = "") -> go.Figure:
    """A metric over two parameters; over the others, if there are any, its median.

    Parameters
    ----------
    table : DataFrame
        One row a configuration.
    x, y, metric : str
        Columns.
    unit : str
        Of the metric, for the colour bar.

    Raises
    ------
    ValueError
        For a column that the table has not, or x and y the same.
    """
    _need(table, (x, y, metric))
    if x == y:
        raise ValueError(f"x and y are both {x!r}; expected two parameters")
    cells = table.pivot_table(index=y, columns=x, values=metric, aggfunc="median", sort=True)
    values = cells.to_numpy(dtype=np.float64)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[_label(value) for value in cells.columns],
            y=[_label(value) for value in cells.index],
            texttemplate="%{z:.4g}" if values.size <= 150 else None,
            hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>{metric} %{{z:.6g}}<extra></extra>",
            colorbar={"title": {"text": unit or metric, "font": {"size": 11}}, "thickness": 12, "outlinewidth": 0},
            **_colours(values),
        )
    )
    folded = len(table) > cells.count().sum()
    figure.update_layout(template=TEMPLATE, title_text=f"{metric} over {x} and {y}", height=460)
    if folded:
        figure.update_layout(title_subtitle_text="median over the other parameters")
    figure.update_xaxes(type="category", title_text=x, showline=False)
    return figure.update_yaxes(type="category", title_text=y)


def parallel_figure(table: pd.DataFrame, parameters: Sequence[str], metrics: Sequence[str]) -> go.Figure:
    """Every configuration as a line through its parameters and metrics, coloured by the first metric.

    Parameters
    ----------
    table : DataFrame
        One row a configuration.
    parameters, metrics : sequence of str
        Columns; drag along an axis to keep the lines that pass there.

    Raises
    ------
    ValueError
        For a column that the table has not, or no metric.
    """
    _need(table, (*parameters, *metrics))
    if not metrics:
        raise ValueError("no metrics; expected at least one column")
    colour = table[metrics[0]].to_numpy(dtype=np.float64)
    figure = go.Figure(
        go.Parcoords(
            dimensions=[*(_dimension(table[name], name) for name in (*parameters, *metrics))],
            line={"color": colour, "colorscale": SCALE, "showscale": False} | _limits(colour, "cmin", "cmax"),
            labelfont={"size": 12, "color": COLOURS["ink"]},
            tickfont={"size": 10, "color": COLOURS["quiet"]},
        )
    )
    title = {"text": f"{len(table)} configurations", "subtitle": {"text": f"coloured by {metrics[0]}, green is more"}}
    return figure.update_layout(template=TEMPLATE, title=title, height=460, margin={"t": 110, "l": 80, "r": 60})


def plateau_figure(table: pd.DataFrame, parameters: Sequence[str], metric: str) -> go.Figure:
    """The metric along each parameter through the best configuration: a plateau is a choice, a needle is luck.

    Parameters
    ----------
    table : DataFrame
        One row a configuration.
    parameters : sequence of str
        Columns that span the grid.
    metric : str
        Column, larger is better; a column `test_` + metric, where there is one, is drawn beside it.

    Raises
    ------
    ValueError
        For a column that the table has not, no parameters, or no known metric.
    """
    _need(table, (*parameters, metric))
    if not parameters or not table[metric].notna().any():
        raise ValueError("a plateau needs at least one parameter and one known value of the metric")
    best: dict[Any, Any] = table.iloc[int(np.nanargmax(table[metric].to_numpy(dtype=np.float64)))].to_dict()
    figure = make_subplots(1, len(parameters), shared_yaxes=True, horizontal_spacing=0.03)
    for col, name in enumerate(parameters, start=1):
        others = [other for other in parameters if other != name]
        beside = np.ones(len(table), dtype=bool)
        for other in others:
            beside &= (table[other] == best[other]).to_numpy(dtype=bool)
        line = table.loc[beside].sort_values(name)
        for column, label, colour, dash in _lines(table, metric):
            figure.add_trace(
                go.Scatter(
                    x=[_label(value) for value in line[name]],
                    y=line[column].to_numpy(dtype=np.float64),
                    mode="lines+markers",
                    name=label,
                    showlegend=col == 1,
                    line={"color": COLOURS[colour], "width": 1.8, "dash": dash},
                ),
                row=1,
                col=col,
            )
        chosen = {"color": COLOURS["fees"], "size": 12, "symbol": "circle-open", "line": {"width": 2}}
        mark = go.Scatter(x=[_label(best[name])], y=[best[metric]], mode="markers", marker=chosen, name="best")
        figure.add_trace(mark.update(showlegend=col == 1), row=1, col=col)
        figure.update_xaxes(axis(type="category", title_text=name), row=1, col=col)
    figure.update_yaxes(title_text=metric, row=1, col=1)
    title = {"text": f"{metric} along each parameter, through the best", "subtitle": {"text": "flat beats high"}}
    return figure.update_layout(template=TEMPLATE, title=title, height=380)


def train_test_figure(table: pd.DataFrame, metric: str) -> go.Figure:
    """Each configuration's metric in training against the one in the test, with the winner marked.

    Parameters
    ----------
    table : DataFrame
        Columns `metric` and `test_` + metric.

    Raises
    ------
    ValueError
        For a column that the table has not.
    """
    _need(table, (metric, f"test_{metric}"))
    train, test = (table[name].to_numpy(dtype=np.float64) for name in (metric, f"test_{metric}"))
    figure = go.Figure(go.Scatter(x=train, y=test, mode="markers", name="configurations", showlegend=False))
    figure.update_traces(marker={"color": COLOURS["inventory"], "size": 7, "opacity": 0.7})
    figure.update_layout(template=TEMPLATE, title_text=f"{metric}: training against test", height=420)
    figure.update_xaxes(title_text="training")
    figure.update_yaxes(title_text="test")
    if np.isfinite(train).any():
        best = int(np.nanargmax(train))
        chosen = {"color": COLOURS["fees"], "size": 14, "symbol": "circle-open", "line": {"width": 2}}
        figure.add_trace(go.Scatter(x=[train[best]], y=[test[best]], mode="markers", marker=chosen, name="winner"))
    rank = rank_correlation(table[metric], table[f"test_{metric}"])
    return figure.update_layout(title_subtitle_text=f"rank correlation {rank:.2f}")


def _lines(table: pd.DataFrame, metric: str) -> list[tuple[str, str, str, str]]:
    lines = [(metric, "training" if f"test_{metric}" in table else metric, "inventory", "solid")]
    if f"test_{metric}" in table:
        lines.append((f"test_{metric}", "test", "mid", "dot"))
    return lines


def _dimension(column: pd.Series, name: str) -> dict[str, Any]:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return {"label": name, "values": column.to_numpy(dtype=np.float64)}
    codes, known = pd.factorize(column)
    ticks = {"tickvals": list(range(len(known))), "ticktext": [_label(value) for value in known]}
    return {"label": name, "values": codes, **ticks}


def _colours(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"colorscale": SCALE} | _limits(values, "zmin", "zmax")


def _limits(values: np.ndarray[Any, Any], low: str, high: str) -> dict[str, float]:
    """Limits of the colours: symmetric about 0 where the values lie on both sides of it."""
    known = values[np.isfinite(values)]
    if not known.size or known.min() >= 0.0 or known.max() <= 0.0:
        return {}
    most = float(np.abs(known).max())
    return {low: -most, high: most}


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else str(value)


def _need(table: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"the sweep has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}")
    if table.empty:
        raise ValueError("the sweep has no rows; expected at least one configuration")
