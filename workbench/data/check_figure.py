"""The picture of a check: activity with its gaps, the clocks, and what is wrong, over time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis import html_charts, html_page
from workbench.analysis.look import COLOURS, TEMPLATE, axis, translucent
from workbench.events import NS

if TYPE_CHECKING:
    from workbench.data.check_report import CheckReport

__all__ = ["check_figure", "check_page"]

HEIGHT = 680
MOST_BANDS = 200
MOST_BARS = 3_000
_WRONG = (("late", "overtaken", "market"), ("duplicates", "twice", "fees"), ("crossed", "crossed", "sell"))


def check_figure(report: CheckReport) -> go.Figure:
    """Messages a minute, receipt minus venue time, and rows a minute that are wrong; gaps are red bands.

    Parameters
    ----------
    report : CheckReport
        Of more than two days it is drawn by the hour.
    """
    by_minute = len(report.minutes) <= MOST_BARS
    table, each = (report.minutes, "minute") if by_minute else (report.hours, "hour")
    titles = (
        f"Messages a {each}, gaps in red",
        "Receipt minus venue time, ms: least, median, most",
        f"Rows a {each} that are overtaken, come twice, or leave the book crossed",
    )
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.1, subplot_titles=titles)
    time = pd.to_datetime(table.index.to_numpy(), unit="ns")
    figure.add_trace(_bars(time, table["messages"], "messages", COLOURS["inventory"]), row=1, col=1)
    _draw_ways(figure, time, table)
    for name, label, colour in _WRONG:
        if table[name].any():
            figure.add_trace(_bars(time, table[name], label, COLOURS[colour]), row=3, col=1)
    _mark_gaps(figure, report)
    title = f"{report.venue} {report.instrument.symbol}: {report.rows:,} rows"
    state = "clean" if report.ok else "; ".join(report.problems[:2])
    figure.update_layout(
        template=TEMPLATE,
        height=HEIGHT,
        barmode="stack",
        title={"text": title, "subtitle": {"text": state}},
        margin={"t": 96},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -0.08, "yanchor": "top"},
    )
    figure.update_xaxes(**axis())
    figure.update_yaxes(**axis())
    figure.update_annotations(x=0, xanchor="left", font={"size": 12, "color": COLOURS["quiet"]})
    return figure


def check_page(reports: Sequence[CheckReport], title: str) -> str:
    """What checks found, in words and pictures, as a page that opens without a network."""
    words = html.escape("\n\n".join(map(repr, reports)))
    return html_page(title, f"<pre>{words}</pre>{html_charts(report.plot() for report in reports)}")


def _draw_ways(figure: go.Figure, time: pd.DatetimeIndex, table: pd.DataFrame) -> None:
    """The clocks; a straggler goes out of the picture, it would hide what is usual."""
    shade = translucent(COLOURS["funding"], 0.18)
    quiet = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=time, y=table["least_ms"], **quiet), row=2, col=1)
    figure.add_trace(go.Scatter(x=time, y=table["most_ms"], fill="tonexty", fillcolor=shade, **quiet), row=2, col=1)
    line = {"color": COLOURS["funding"], "width": 1.6}
    figure.add_trace(go.Scatter(x=time, y=table["median_ms"], name="median way", mode="lines", line=line), row=2, col=1)
    if table["median_ms"].notna().any():
        low, high = table["least_ms"].quantile(0.02), table["most_ms"].quantile(0.95)
        room = 0.1 * (high - low) or 1.0
        figure.update_yaxes(range=[low - room, high + room], row=2, col=1)


def _bars(time: pd.DatetimeIndex, values: pd.Series, name: str, colour: str) -> go.Bar:
    return go.Bar(x=time, y=values, name=name, marker={"color": colour, "line": {"width": 0}})


def _mark_gaps(figure: go.Figure, report: CheckReport) -> None:
    """The longest gaps as bands over all three charts."""
    longest = report.gaps.fillna({"seconds": (report.end_ns - report.start_ns) / NS})
    longest = longest.sort_values("seconds", ascending=False).head(MOST_BANDS)
    columns = (longest[name].to_numpy(dtype=np.float64) for name in ("since_ns", "t_ns", "seconds"))
    for since_ns, t_ns, seconds in zip(*columns, strict=True):
        start = since_ns or t_ns
        end = min(start + seconds * NS, report.end_ns)
        band = {"fillcolor": translucent(COLOURS["sell"], 0.2), "line": {"color": COLOURS["sell"], "width": 1}}
        figure.add_vrect(x0=pd.Timestamp(int(start)), x1=pd.Timestamp(int(end)), **band)
