"""What the desk shows: the picture without data, and one frame of data for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from workbench.analysis.look import COLOURS, FONT, axis, translucent
from workbench.analysis.series import min_max
from workbench.dashboard.history import FRAME_COLUMNS, Floats, History
from workbench.dashboard.live_chart import LiveFrame
from workbench.events import StateFrame

__all__ = ["live_frame", "picture"]

TONES = {
    "quoting": "good",
    "waiting": "warn",
    "starting": "quiet",
    "paused": "warn",
    "flattening": "warn",
    "killed": "alert",
    "halted": "alert",
    "stopping": "quiet",
    "stopped": "quiet",
}

_SMALL = {"size": 11, "color": COLOURS["quiet"]}

POINTS = 900
"""Largest number of points in a live line: about the pixels of a panel."""

_LINES = FRAME_COLUMNS[1:]
"""The lines, one trace each, in this order; the marks follow: bought, sold, own bids, own asks."""


def picture() -> dict[str, Any]:
    """Traces and layout of the three panels on one time axis: price with own quotes and fills, inventory, PnL parts."""
    return {"traces": [*_price_lines(), _inventory_line(), *_pnl_lines(), *_marks()], "layout": _layout()}


def live_frame(history: History, window_s: float, *, ended: str = "") -> LiveFrame | None:
    """The newest state and the last `window_s` seconds before it, thinned; None before the first frame.

    `ended` says how the engine ended, once it has.
    """
    latest = history.latest
    if latest is None:
        return None
    since = latest.t_ns / 1e6 - window_s * 1e3
    rows, fills = history.frames.since(since), history.fills.since(since)
    arrays: dict[tuple[int, str], Floats] = {}
    for trace, name in enumerate(_LINES):
        arrays[trace, "x"], arrays[trace, "y"] = min_max(rows["t_ms"], rows[name], POINTS)
    bought, sold = fills["side"] > 0, fills["side"] < 0
    marks = [(fills["t_ms"][side], fills["price"][side], fills["size"][side]) for side in (bought, sold)]
    marks += [_ladder(latest, levels) for levels in (latest.own_bids, latest.own_asks)]
    for trace, (t_ms, price, size) in enumerate(marks, start=len(_LINES)):
        arrays[trace, "x"], arrays[trace, "y"], arrays[trace, "customdata"] = t_ms, price, size
    return LiveFrame(latest.t_ns, arrays, _header(latest, ended), _tiles(latest), ended=bool(ended))


def _ladder(frame: StateFrame, levels: tuple[tuple[float, int], ...]) -> tuple[Floats, Floats, Floats]:
    """Our resting orders now, as marks at the right end of the chart: time, price, size."""
    prices = np.array([price for price, _ in levels], dtype=np.float64)
    sizes = np.array([size for _, size in levels], dtype=np.float64)
    return np.full(len(levels), frame.t_ns / 1e6), prices, sizes


def _header(frame: StateFrame, ended: str) -> dict[str, str]:
    state = "stopped" if ended else frame.state
    return {"state": state, "tone": TONES[state], "symbol": frame.symbol, "why": ended or frame.why}


def _tiles(frame: StateFrame) -> list[tuple[str, str, str]]:
    """Label, value and tone of each counter; what matters most first."""
    money = frame.currency
    return [
        ("Position", f"{frame.position:+,}" if frame.position else "0", ""),
        (f"Equity, {money}", _signed(frame.equity_change), _tone(frame.equity_change)),
        ("Spread earned", _signed(frame.pnl_spread), ""),
        ("Inventory", _signed(frame.pnl_inventory), ""),
        ("Fees, rebates", _signed(frame.pnl_fees), ""),
        ("Funding", _signed(frame.pnl_funding), ""),
        ("Fills / contracts", f"{frame.fills:,} / {frame.volume:,}", ""),
        ("Open / unknown", f"{frame.open_orders} / {frame.unknown_orders}", "alert" if frame.unknown_orders else ""),
        ("Orders sent", f"{frame.orders_sent:,}", ""),
        ("Amends / cancels", f"{frame.amends:,} / {frame.cancels:,}", ""),
        ("Rejects", f"{frame.rejects:,}", "alert" if frame.rejects else ""),
        ("Both sides live", f"{frame.quote_uptime:.1%}", ""),
        ("Volatility, bps/√s", "-" if frame.sigma is None else f"{frame.sigma * 1e4:.2f}", ""),
        ("Book age, ms", "-" if frame.book_age_ms is None else f"{frame.book_age_ms:,.0f}", ""),
    ]


def _signed(amount: str) -> str:
    return f"{Decimal(amount):+,.4f}" if Decimal(amount) else "0"


def _tone(amount: str) -> str:
    value = Decimal(amount)
    return "good" if value > 0 else "alert" if value < 0 else ""


def _line(name: str, colour: str, width: float, **more: Any) -> dict[str, Any]:
    line = {"color": colour, "width": width, "shape": "hv"}
    return {"type": "scatter", "mode": "lines", "name": name, "line": line, **more}


def _price_lines() -> list[dict[str, Any]]:
    market, shade = translucent(COLOURS["market"], 0.9), translucent(COLOURS["market"], 0.18)
    return [
        _line("market bid", market, 1, showlegend=False),
        _line("market", market, 1, fill="tonexty", fillcolor=shade),
        _line("own bid", COLOURS["buy"], 1.8),
        _line("own ask", COLOURS["sell"], 1.8),
    ]


def _inventory_line() -> dict[str, Any]:
    shade = translucent(COLOURS["inventory"], 0.12)
    return _line("position", COLOURS["inventory"], 1.8, yaxis="y2", showlegend=False, fill="tozeroy", fillcolor=shade)


def _pnl_lines() -> list[dict[str, Any]]:
    place = {"yaxis": "y3", "legend": "legend2"}
    parts = [_line(part, COLOURS[part], 1.3, **place) for part in ("spread", "inventory", "fees", "funding")]
    return [*parts, _line("equity change", COLOURS["total"], 2.4, **place)]


def _marks() -> list[dict[str, Any]]:
    triangle = {"size": 11, "line": {"width": 1, "color": COLOURS["paper"]}}
    dash = {"symbol": "line-ew-open", "size": 16, "line": {"width": 3}}
    return [
        _mark("bought", "buy", {**triangle, "symbol": "triangle-up"}),
        _mark("sold", "sell", {**triangle, "symbol": "triangle-down"}),
        _mark("own order, buy", "buy", dash, showlegend=False),
        _mark("own order, sell", "sell", dash, showlegend=False),
    ]


def _mark(name: str, colour: str, marker: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "marker": {"color": COLOURS[colour], **marker},
        "hovertemplate": name + " %{customdata:.0f} at %{y}<extra></extra>",
        **more,
    }


def _layout() -> dict[str, Any]:
    return {
        "height": 640,
        "autosize": True,
        "margin": {"l": 72, "r": 28, "t": 34, "b": 36},
        "font": {"family": FONT, "size": 12, "color": COLOURS["ink"]},
        "paper_bgcolor": COLOURS["paper"],
        "plot_bgcolor": COLOURS["paper"],
        # The same revision in every frame: what the person zoomed or hid stays zoomed or hidden.
        "uirevision": "desk",
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverlabel": {"bgcolor": COLOURS["paper"], "bordercolor": COLOURS["rule"], "font": {"size": 11}},
        "xaxis": axis(
            type="date",
            anchor="y3",
            showline=True,
            ticks="outside",
            ticklen=4,
            hoverformat="%H:%M:%S.%L UTC",
            nticks=10,
        ),
        "yaxis": axis(domain=[0.51, 1.0], tickformat=",~f", nticks=7),
        "yaxis2": axis(domain=[0.29, 0.44], nticks=4, tickformat=",d", rangemode="tozero"),
        "yaxis3": axis(domain=[0.0, 0.22], nticks=5),
        "legend": _legend(1.0),
        "legend2": _legend(0.225),
        "annotations": [
            _title("Price, own quotes and fills", 1.0),
            _title("Inventory, contracts", 0.445),
            _title("PnL parts", 0.225),
            {
                **_title("UTC", 0),
                "text": "UTC",
                "xanchor": "right",
                "yanchor": "top",
                "xshift": -8,
                "yshift": -4,
                "font": _SMALL,
            },
        ],
    }


def _legend(y: float) -> dict[str, Any]:
    place = {"x": 1, "xanchor": "right", "y": y, "yanchor": "bottom"}
    return {"orientation": "h", "traceorder": "normal", "font": _SMALL, **place}


def _title(text: str, y: float) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>",
        "x": 0,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": COLOURS["ink"]},
    }
