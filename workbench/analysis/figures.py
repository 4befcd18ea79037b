"""The pictures of a session: price with quotes and fills, inventory, PnL parts, drawdown, spread and volatility.

Each takes tables of `workbench.analysis.tables` and returns a `plotly.graph_objects.Figure`. Long sessions are thinned
by `min_max`, so a figure stays small whatever the session's length; an empty session gives a figure that says so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.analysis.look import COLOURS, TEMPLATE, axis, translucent
from workbench.analysis.series import drawdown, epoch_ms, extremes, min_max

__all__ = ["drawdown_figure", "inventory_figure", "pnl_figure", "price_figure", "spread_volatility_figure"]

HEIGHT = 380


def price_figure(quotes: pd.DataFrame, fills: pd.DataFrame | None = None, *, max_points: int = 1_200) -> go.Figure:
    """The market's bid and ask, our best quotes inside or outside of them, and each fill as a triangle.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`.
    fills : pandas.DataFrame, optional
        From `fills_table`, or anything with its columns t_ns, side, price and size.
    max_points : int
        Largest number of points in a line.
    """
    figure = _figure("Price, own quotes and fills", "quote currency")
    if quotes.empty:
        return _say(figure, "No quotes were recorded in this session")
    market = {"color": translucent(COLOURS["market"], 0.8), "width": 1, "shape": "hv"}
    shade = translucent(COLOURS["market"], 0.16)
    figure.add_trace(_line(quotes, "bid", "market bid", max_points, line=market, showlegend=False))
    figure.add_trace(_line(quotes, "ask", "market", max_points, line=market, fill="tonexty", fillcolor=shade))
    for name, label, colour in (("own_bid", "own bid", "buy"), ("own_ask", "own ask", "sell")):
        line = {"color": COLOURS[colour], "width": 1.6, "shape": "hv"}
        figure.add_trace(_line(quotes, name, label, max_points, line=line))
    if fills is not None and not fills.empty:
        figure.add_trace(_fills(fills[fills["side"] > 0], "bought", "buy", "triangle-up"))
        figure.add_trace(_fills(fills[fills["side"] < 0], "sold", "sell", "triangle-down"))
        figure.update_layout(title_subtitle_text=f"{len(fills)} fills, {int(fills['size'].sum())} contracts")
    else:
        figure.update_layout(title_subtitle_text="no fills")
    return figure


def inventory_figure(quotes: pd.DataFrame, *, max_position: int | None = None, max_points: int = 1_200) -> go.Figure:
    """The position over time, in contracts, long above zero and short below.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`.
    max_position : int, optional
        The position limit, drawn as two lines.
    max_points : int
        Largest number of points in a line.
    """
    figure = _figure("Inventory", "contracts")
    if quotes.empty:
        return _say(figure, "No position was recorded in this session")
    line = {"color": COLOURS["inventory"], "width": 1.8, "shape": "hv"}
    shade = translucent(COLOURS["inventory"], 0.12)
    figure.add_trace(_line(quotes, "position", "position", max_points, line=line, fill="tozeroy", fillcolor=shade))
    figure.update_layout(showlegend=False)
    for limit in () if max_position is None else (max_position, -max_position):
        figure.add_hline(limit, line={"color": COLOURS["sell"], "width": 1, "dash": "dot"})
    final, largest = int(quotes["position"].iloc[-1]), int(quotes["position"].abs().max())
    figure.update_layout(
        title_subtitle_text=f"largest {largest}, at the end {final:+d}"
        if final
        else f"largest {largest}, flat at the end"
    )
    return figure


def pnl_figure(quotes: pd.DataFrame, *, currency: str = "USDT", max_points: int = 1_200) -> go.Figure:
    """The change in equity and the parts it is the sum of: spread earned, inventory, fees, funding.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`.
    currency : str
        Settlement currency, for the axis.
    max_points : int
        Largest number of points in a line.
    """
    figure = _figure("PnL parts", currency)
    if quotes.empty:
        return _say(figure, "No PnL was recorded in this session")
    for part in ("spread", "inventory", "fees", "funding"):
        line = {"color": COLOURS[part], "width": 1.4, "shape": "hv"}
        figure.add_trace(_line(quotes, f"pnl_{part}", part, max_points, line=line))
    total = {"color": COLOURS["total"], "width": 2.4, "shape": "hv"}
    figure.add_trace(_line(quotes, "equity_change", "equity change", max_points, line=total))
    final: Decimal = quotes["equity_change"].iloc[-1]
    figure.update_layout(title_subtitle_text=f"equity change {final:+f} {currency}")
    return figure


def drawdown_figure(quotes: pd.DataFrame, *, currency: str = "USDT", max_points: int = 1_200) -> go.Figure:
    """How far equity was below its highest so far.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`.
    currency : str
        Settlement currency, for the axis.
    max_points : int
        Largest number of points in the line.
    """
    figure = _figure("Drawdown", currency)
    if quotes.empty:
        return _say(figure, "No PnL was recorded in this session")
    below = pd.DataFrame({"t_ns": quotes["t_ns"], "below": drawdown(quotes["equity_change"])})
    line = {"color": COLOURS["sell"], "width": 1.2, "shape": "hv"}
    shade = translucent(COLOURS["sell"], 0.12)
    figure.add_trace(_line(below, "below", "drawdown", max_points, line=line, fill="tozeroy", fillcolor=shade))
    return figure.update_layout(showlegend=False, title_subtitle_text=f"largest {-below['below'].min():.4g} {currency}")


def spread_volatility_figure(quotes: pd.DataFrame, *, max_points: int = 1_200) -> go.Figure:
    """How wide the market and our quotes were (basis points of the mid), and the volatility that widened them.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`; `sigma` is per square root of a second and is drawn in basis points.
    max_points : int
        Largest number of points in a line.
    """
    figure = _figure("Spread and volatility", "spread, bps of mid")
    if quotes.empty:
        return _say(figure, "No spread was recorded in this session")
    scale = 1e4 / quotes["mid"]
    wide = pd.DataFrame(
        {
            "t_ns": quotes["t_ns"],
            "market": (quotes["ask"] - quotes["bid"]) * scale,
            "own": (quotes["own_ask"] - quotes["own_bid"]) * scale,
            "sigma": quotes["sigma"] * 1e4,
        }
    )
    market = {"color": COLOURS["market"], "width": 1.2, "shape": "hv"}
    own = {"color": COLOURS["inventory"], "width": 1.8, "shape": "hv"}
    sigma = {"color": COLOURS["fees"], "width": 1.4, "dash": "dot"}
    figure.add_trace(_line(wide, "market", "market spread", max_points, line=market))
    figure.add_trace(_line(wide, "own", "own spread", max_points, line=own))
    figure.add_trace(_line(wide, "sigma", "volatility (right)", max_points, line=sigma, yaxis="y2"))
    figure.update_layout(
        yaxis_rangemode="tozero",
        yaxis2=axis(
            title_text="bps per √s", overlaying="y", side="right", showgrid=False, rangemode="tozero", tickformat=".3~g"
        ),
        margin_r=64,
    )
    return figure


def _figure(title: str, unit: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE, title_text=title, height=HEIGHT)
    figure.update_xaxes(type="date", title_text="UTC", hoverformat="%H:%M:%S.%L")
    figure.update_yaxes(title_text=unit)
    return figure


def _say(figure: go.Figure, sentence: str) -> go.Figure:
    """An empty figure that says why it is empty."""
    figure.add_annotation(
        text=sentence,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": COLOURS["quiet"]},
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _line(table: pd.DataFrame, column: str, label: str, max_points: int, **settings: Any) -> go.Scatter:
    t_ms, values = min_max(epoch_ms(table["t_ns"]), table[column].to_numpy(dtype=np.float64), max_points)
    return go.Scatter(x=t_ms, y=values, mode="lines", name=label, **settings)


def _fills(fills: pd.DataFrame, label: str, colour: str, symbol: str) -> go.Scatter:
    fills = fills.iloc[extremes(epoch_ms(fills["t_ns"]), fills["price"])]
    return go.Scatter(
        x=epoch_ms(fills["t_ns"]),
        y=fills["price"].to_numpy(dtype=np.float64),
        customdata=fills["size"].to_numpy(dtype=np.float64),
        mode="markers",
        name=label,
        marker={
            "symbol": symbol,
            "size": 10,
            "color": COLOURS[colour],
            "line": {"width": 1, "color": COLOURS["paper"]},
        },
        hovertemplate=label + " %{customdata:.0f} at %{y}<extra></extra>",
    )
