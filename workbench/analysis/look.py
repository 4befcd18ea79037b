"""The one look of every chart: colours with a meaning, and the Plotly template made of them."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

__all__ = ["COLOURS", "FONT", "TEMPLATE", "axis", "translucent"]

COLOURS: Final = {
    "buy": "#0d9488",
    "sell": "#e11d48",
    "market": "#94a3b8",
    "mid": "#475569",
    "inventory": "#6366f1",
    "spread": "#0d9488",
    "fees": "#d97706",
    "funding": "#0284c7",
    "total": "#0f172a",
    "ink": "#0f172a",
    "quiet": "#64748b",
    "grid": "#eef2f6",
    "rule": "#cbd5e1",
    "paper": "#ffffff",
}
"""What each colour means; the live desk and the reports share them."""

FONT: Final = "Inter, 'Helvetica Neue', 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"


def translucent(colour: str, opacity: float) -> str:
    """A '#rrggbb' colour as 'rgba(...)' with an opacity between 0 and 1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def axis(**settings: Any) -> dict[str, Any]:
    """An axis of the workbench: quiet grid, no box, readable numbers; `settings` go on top."""
    plain = {
        "gridcolor": COLOURS["grid"],
        "linecolor": COLOURS["rule"],
        "zerolinecolor": COLOURS["rule"],
        "zerolinewidth": 1,
        "tickfont": {"size": 11, "color": COLOURS["quiet"]},
        "title": {"font": {"size": 11, "color": COLOURS["quiet"]}, "standoff": 8},
        "automargin": True,
    }
    return plain | settings


TEMPLATE: Final = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 12, "color": COLOURS["ink"]},
        "title": {"font": {"size": 15, "color": COLOURS["ink"]}, "x": 0, "xref": "paper", "xanchor": "left", "y": 0.97},
        "paper_bgcolor": COLOURS["paper"],
        "plot_bgcolor": COLOURS["paper"],
        "colorway": [COLOURS[name] for name in ("inventory", "spread", "fees", "funding", "sell", "mid")],
        "xaxis": axis(showline=True, ticks="outside", tickcolor=COLOURS["rule"], ticklen=4),
        "yaxis": axis(),
        "legend": {
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 11, "color": COLOURS["quiet"]},
        },
        "margin": {"l": 64, "r": 24, "t": 64, "b": 44},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": COLOURS["paper"], "bordercolor": COLOURS["rule"], "font": {"size": 11}},
    }
)
"""Our Plotly template; every figure of the workbench carries it."""
