"""A whole run on one page, above one axis of time: price with quotes and fills, inventory, PnL parts, drawdown."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.figures import drawdown_figure, inventory_figure, pnl_figure, price_figure
from workbench.analysis.look import COLOURS, TEMPLATE

__all__ = ["run_figure"]

HEIGHT = 1_080
_TITLES = ("Price, own quotes and fills", "Inventory", "PnL parts", "Drawdown")


def run_figure(
    quotes: pd.DataFrame,
    fills: pd.DataFrame,
    *,
    title: str = "Backtest",
    subtitle: str = "",
    currency: str = "USDT",
    max_position: int | None = None,
    max_points: int = 2_000,
) -> go.Figure:
    """The page of a run; zooming one panel zooms all.

    Parameters
    ----------
    quotes, fills : DataFrame
        Columns of `workbench.events.QUOTES_COLUMNS` and `FILLS_COLUMNS`; money may be Decimal or float.
    title, subtitle : str
    currency : str
        Settlement currency.
    max_position : int, optional
        The position limit, drawn as two lines.
    max_points : int
        Largest number of points in a line; lines and fills are thinned by `min_max` and `extremes`.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    panels = (
        (price_figure(quotes, fills, max_points=max_points), "quote currency"),
        (inventory_figure(quotes, max_points=max_points), "contracts"),
        (pnl_figure(quotes, currency=currency, max_points=max_points), currency),
        (drawdown_figure(quotes, currency=currency, max_points=max_points), currency),
    )
    figure = make_subplots(
        4,
        1,
        shared_xaxes=True,
        vertical_spacing=0.055,
        row_heights=[0.4, 0.18, 0.26, 0.16],
        subplot_titles=[_head(name, single) for name, (single, _) in zip(_TITLES, panels, strict=True)],
    )
    figure.update_layout(template=TEMPLATE, height=HEIGHT, title_text=title, title_subtitle_text=subtitle, margin_t=120)
    for row, (single, unit) in enumerate(panels, start=1):
        for trace in single.data:
            figure.add_trace(trace.update(legend=f"legend{row}" if row > 1 else "legend"), row=row, col=1)
        figure.update_yaxes(title_text=unit, row=row, col=1)
    figure.update_xaxes(type="date", hoverformat="%H:%M:%S.%L")
    figure.update_xaxes(title_text="UTC", row=4, col=1)
    figure.update_traces(showlegend=False, row=2, col=1)
    figure.update_traces(showlegend=False, row=4, col=1)
    for limit in () if not max_position else (max_position, -max_position):
        figure.add_hline(limit, line={"color": COLOURS["sell"], "width": 1, "dash": "dot"}, row=2, col=1)
    for note in figure.layout.annotations[: len(_TITLES)]:
        note.update(x=0.0, xanchor="left", font={"size": 13, "color": COLOURS["ink"]})
    small = {"font": {"size": 11, "color": COLOURS["quiet"]}, "orientation": "h"}
    for name, row in (("legend", 1), ("legend3", 3)):
        top = figure.get_subplot(row, 1).yaxis.domain[1]
        figure.update_layout({name: small | {"x": 1, "xanchor": "right", "y": top, "yanchor": "bottom"}})
    return figure.update_yaxes(exponentformat="none", separatethousands=True, row=1, col=1)


def _head(name: str, single: go.Figure) -> str:
    """A panel's title with what its figure says beneath its own."""
    said = single.layout.title.subtitle.text
    if not single.data and single.layout.annotations:
        said = single.layout.annotations[0].text
    return f"{name}  <span style='font-size:11px;color:{COLOURS['quiet']}'>{said}</span>" if said else name
