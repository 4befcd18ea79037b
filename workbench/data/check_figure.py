"""The picture of a check: activity with its gaps, the clocks, and what is wrong, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.look import COLOURS, TEMPLATE, axis, translucent
from workbench.events import NS

if TYPE_CHECKING:
    from workbench.data.checks import CheckReport

__all__ = ["check_figure"]

HEIGHT = 640
MOST_BANDS = 200
_WRONG = (("late", "overtaken", "market"), ("duplicates", "twice", "fees"), ("crossed", "crossed", "sell"))


def check_figure(report: CheckReport) -> go.Figure:
    """Messages a minute, receipt minus venue time, and rows a minute that are wrong; gaps are red bands.

    Parameters
    ----------
    report : CheckReport
    """
    titles = ("Messages a minute", "Receipt minus venue time, ms: least, median, most", "Rows a minute out of order")
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=titles)
    minutes = report.minutes
    time = pd.to_datetime(minutes.index.to_numpy(), unit="ns")
    figure.add_trace(_bars(time, minutes["messages"], "messages", COLOURS["inventory"]), row=1, col=1)
    shade = translucent(COLOURS["funding"], 0.18)
    quiet = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=time, y=minutes["least_ms"], **quiet), row=2, col=1)
    figure.add_trace(go.Scatter(x=time, y=minutes["most_ms"], fill="tonexty", fillcolor=shade, **quiet), row=2, col=1)
    median = {"color": COLOURS["funding"], "width": 1.6}
    figure.add_trace(go.Scatter(x=time, y=minutes["median_ms"], name="median", mode="lines", line=median), row=2, col=1)
    for name, label, colour in _WRONG:
        if minutes[name].any():
            figure.add_trace(_bars(time, minutes[name], label, COLOURS[colour]), row=3, col=1)
    _mark_gaps(figure, report)
    state = "clean" if report.ok else "; ".join(report.problems[:2])
    title = f"{report.venue} {report.instrument.symbol}: {report.rows:,} rows"
    figure.update_layout(
        template=TEMPLATE, height=HEIGHT, barmode="stack", title={"text": title, "subtitle": {"text": state}}
    )
    figure.update_xaxes(**axis())
    figure.update_yaxes(**axis())
    return figure


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
