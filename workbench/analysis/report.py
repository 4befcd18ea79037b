"""The tear sheet: a session on one page, from its three tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.conduct import inventory_half_life, pnl_steps, quote_uptime
from workbench.analysis.figures import inventory_figure, pnl_figure, price_figure
from workbench.analysis.fill_rates import fill_probability, order_outcomes
from workbench.analysis.look import COLOURS, TEMPLATE, translucent
from workbench.analysis.markouts import markout_summary, markout_table
from workbench.analysis.sharpe import sharpe_ratio
from workbench.analysis.tables import PNL_PARTS, pnl_parts_table
from workbench.events import NS

__all__ = ["key_numbers", "tear_sheet"]

HEIGHT = 1_380
HOUR_S = 3_600.0
UNKNOWN = "–"

_TITLES = ("Price, own quotes and fills", "Inventory", "PnL parts", "Markouts", "Fill probability", "Key numbers")


def tear_sheet(
    orders: pd.DataFrame,
    fills: pd.DataFrame,
    quotes: pd.DataFrame,
    *,
    rng: np.random.Generator | None = None,
    currency: str = "USDT",
    max_position: int | None = None,
    step_s: float = 10.0,
    horizon_s: float = 10.0,
    rest_s: float = 1.0,
) -> go.Figure:
    """A session on one page: price with quotes and fills, inventory, PnL, markouts, fill probability, key numbers.

    Parameters
    ----------
    orders, fills, quotes : DataFrame
        From `orders_table`, `fills_table`, `quotes_table`; any of them may be empty, and its panels then say so.
    rng : numpy.random.Generator, optional
        Resamples the profit for the Sharpe ratio's interval; without it the ratio is left out.
    currency : str
        Settlement currency, for the labels.
    max_position : int, optional
        The position limit, contracts, drawn as two lines.
    step_s : float
        Seconds a step of profit, for the Sharpe ratio.
    horizon_s : float
        Seconds for the markout among the key numbers.
    rest_s : float
        Seconds that a quote is thought to rest for its chance of a fill.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        For tables without their columns, out of order, or holding prices and sizes that are none.
    """
    specs: list[list[dict[str, Any] | None]] = [
        [{"colspan": 2}, None],
        [{}, {}],
        [{}, {}],
        [{"type": "table", "colspan": 2}, None],
    ]
    figure = make_subplots(
        4, 2, specs=specs, subplot_titles=_TITLES, row_heights=[0.3, 0.24, 0.24, 0.22], vertical_spacing=0.08
    )
    figure.update_layout(template=TEMPLATE, height=HEIGHT, title_text="Tear sheet", margin_t=132)
    _titles_left(figure)
    _panel(figure, price_figure(quotes, fills), 1, 1, "legend")
    _panel(figure, inventory_figure(quotes), 2, 1, "legend")
    _panel(figure, pnl_figure(quotes, currency=currency), 2, 2, "legend2")
    figure.update_traces(showlegend=False, row=2, col=1)
    for limit in () if max_position is None else (max_position, -max_position):
        figure.add_hline(limit, line={"color": COLOURS["sell"], "width": 1, "dash": "dot"}, row=2, col=1)
    _markouts(figure, fills, quotes)
    _fill_rates(figure, orders, fills, quotes, rest_s)
    numbers = key_numbers(orders, fills, quotes, rng=rng, currency=currency, step_s=step_s, horizon_s=horizon_s)
    figure.add_trace(_number_table(numbers), row=4, col=1)
    for row, col, unit in ((1, 1, "quote currency"), (2, 1, "contracts"), (2, 2, currency)):
        figure.update_xaxes(type="date", hoverformat="%H:%M:%S.%L", row=row, col=col)
        figure.update_yaxes(title_text=unit, row=row, col=col)
    for number, (row, col) in enumerate(((2, 2), (3, 1), (3, 2)), start=2):
        _legend(figure, f"legend{number}", row, col)
    return figure.update_layout(title_subtitle_text=_span(quotes), legend={"y": 1.0, "font_size": 10})


def key_numbers(
    orders: pd.DataFrame,
    fills: pd.DataFrame,
    quotes: pd.DataFrame,
    *,
    rng: np.random.Generator | None = None,
    currency: str = "USDT",
    step_s: float = 10.0,
    horizon_s: float = 10.0,
) -> pd.Series:
    """The numbers of a tear sheet as text with units, a dash for what the session is too short or empty to tell.

    Parameters
    ----------
    orders, fills, quotes, rng, currency, step_s, horizon_s
        As for `tear_sheet`.

    Returns
    -------
    Series
        Text by name.
    """
    parts = pnl_parts_table(quotes)["amount"]
    numbers = {"equity change": f"{parts['equity_change']:+f} {currency}"}
    numbers |= {f"PnL, {part}": f"{parts[part]:+f} {currency}" for part in PNL_PARTS}
    hit = int((orders["filled"] > 0).sum())
    numbers["orders"] = f"{len(orders)}, filled {hit}" + (f" ({hit / len(orders):.1%})" if len(orders) else "")
    numbers["fills"] = f"{len(fills)}, {int(fills['size'].sum())} contracts"
    maker = int(fills.loc[fills["maker"], "size"].sum())
    numbers["maker share"] = f"{maker / fills['size'].sum():.1%} of contracts" if len(fills) else UNKNOWN
    numbers["largest position"] = UNKNOWN if quotes.empty else f"{int(quotes['position'].abs().max())} contracts"
    numbers["position at the end"] = UNKNOWN if quotes.empty else f"{int(quotes['position'].iloc[-1]):+d} contracts"
    numbers["inventory half-life"] = _told(lambda: str(inventory_half_life(quotes)))
    numbers["quote uptime"] = _told(lambda: str(quote_uptime(quotes)))
    numbers[f"markout after {horizon_s:g} s"] = _told(lambda: _markout(fills, quotes, horizon_s))
    if rng is not None:
        periods = HOUR_S / step_s
        numbers["Sharpe ratio, per √hour"] = _told(
            lambda: str(sharpe_ratio(pnl_steps(quotes, step_s=step_s), rng, periods=periods))
        )
    return pd.Series(numbers, name="value", dtype="str")


def _told(number: Callable[[], str]) -> str:
    """A number, or a dash where the measure refuses the session: a page must not fail for one line of it."""
    try:
        return number()
    except ValueError:
        return UNKNOWN


def _markout(fills: pd.DataFrame, quotes: pd.DataFrame, horizon_s: float) -> str:
    row = markout_summary(markout_table(fills, quotes, [horizon_s])).iloc[0]
    return f"{row['markout_bps']:+.3g} bps, error {row['markout_bps_error']:.2g}"


def _panel(figure: go.Figure, single: go.Figure, row: int, col: int, legend: str) -> None:
    """A figure of one picture as a panel of the page; an empty one brings its sentence."""
    for trace in single.data:
        figure.add_trace(trace.update(legend=legend), row=row, col=col)
    if not single.data:
        _say(figure, single.layout.annotations[0].text, row, col)


def _markouts(figure: go.Figure, fills: pd.DataFrame, quotes: pd.DataFrame) -> None:
    figure.update_xaxes(title_text="seconds after the fill", type="log", row=3, col=1)
    figure.update_yaxes(title_text="bps of mid", row=3, col=1)
    if fills.empty or not quotes["mid"].notna().any():
        return _say(figure, "No fills to mark out", 3, 1)
    table = markout_table(fills, quotes)
    if table["markout"].isna().all():
        return _say(figure, "The quotes end before the fills can be marked out", 3, 1)
    curve = markout_summary(table)
    for name, label, colour in (("markout", "markout", "inventory"), ("capture", "spread captured", "spread")):
        error = {"type": "data", "array": 2.0 * curve[f"{name}_bps_error"].to_numpy(), "width": 3, "thickness": 1}
        figure.add_trace(
            go.Scatter(
                x=curve.index.to_numpy(dtype=np.float64),
                y=curve[f"{name}_bps"].to_numpy(),
                error_y=error,
                mode="lines+markers",
                name=label,
                line={"color": COLOURS[colour], "width": 1.8, "dash": "solid" if name == "markout" else "dot"},
                legend="legend3",
            ),
            row=3,
            col=1,
        )
    figure.add_hline(0, line={"color": COLOURS["rule"], "width": 1}, row=3, col=1)
    return None


def _fill_rates(
    figure: go.Figure, orders: pd.DataFrame, fills: pd.DataFrame, quotes: pd.DataFrame, rest_s: float
) -> None:
    figure.update_xaxes(title_text="bps from the mid when sent", row=3, col=2)
    figure.update_yaxes(title_text="probability", range=[0, 1.05], tickformat=".0%", row=3, col=2)
    rates = fill_probability(order_outcomes(orders, quotes, fills), horizon_s=rest_s)
    if rates.empty:
        return _say(figure, "No order rested in the market", 3, 2)
    above, below = rates["share_high"] - rates["share"], rates["share"] - rates["share_low"]
    bars = {"type": "data", "array": above.to_numpy(), "arrayminus": below.to_numpy(), "width": 3, "thickness": 1}
    line = {"color": COLOURS["inventory"], "width": 1.8}
    dots = {"color": COLOURS["mid"], "width": 1.4, "dash": "dot"}
    share = go.Scatter(x=rates["at"].to_numpy(), y=rates["share"].to_numpy(), error_y=bars, name="filled", line=line)
    share.customdata = rates["orders"].to_numpy()
    share.hovertemplate = "%{y:.1%} of %{customdata} orders"
    sure = rates[rates["within_error"].notna()]
    errors = {"type": "data", "array": 2.0 * sure["within_error"].to_numpy(), "width": 3, "thickness": 1}
    within = go.Scatter(x=sure["at"].to_numpy(), y=sure["within"].to_numpy(), error_y=errors, line=dots)
    within.name = f"in {rest_s:g} s, had it stayed"
    for trace in (share, within):
        figure.add_trace(trace.update(mode="lines+markers", legend="legend4"), row=3, col=2)
    return None


def _number_table(numbers: pd.Series) -> go.Table:
    """Names and values in two pairs of columns."""
    half = (len(numbers) + 1) // 2
    names, values = list(numbers.index), list(numbers)
    cells = [names[:half], values[:half], names[half:], values[half:]]
    quiet, ink = COLOURS["quiet"], COLOURS["ink"]
    return go.Table(
        columnwidth=[1, 1.4, 1, 1.9],
        header={"values": ["", "", "", ""], "height": 4, "fill_color": COLOURS["paper"], "line_width": 0},
        cells={
            "values": cells,
            "align": "left",
            "height": 26,
            "fill_color": translucent(COLOURS["grid"], 0.5),
            "line_color": COLOURS["paper"],
            "font": {"size": 12, "color": [quiet, ink, quiet, ink]},
        },
    )


def _say(figure: go.Figure, sentence: str, row: int, col: int) -> None:
    """An empty panel that says why it is empty."""
    quiet = {"size": 13, "color": COLOURS["quiet"]}
    panel = figure.get_subplot(row, col)
    x, y = (sum(axis.domain) / 2 for axis in (panel.xaxis, panel.yaxis))
    # Axes without a trace are not drawn, so nothing can be placed by them.
    figure.add_annotation(
        text=sentence, showarrow=False, font=quiet, x=x, y=y, xanchor="center", xref="paper", yref="paper"
    )
    figure.update_xaxes(showticklabels=False, row=row, col=col)
    figure.update_yaxes(showticklabels=False, row=row, col=col)


def _titles_left(figure: go.Figure) -> None:
    """Panel titles at the left edge, above the legends."""
    places = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2))
    lefts = [figure.get_subplot(row, col).xaxis.domain[0] for row, col in places]
    for title, left in zip(figure.layout.annotations, [*lefts, 0.0], strict=True):
        title.update(x=left, xanchor="left", yshift=20, font={"size": 13, "color": COLOURS["ink"]})


def _legend(figure: go.Figure, name: str, row: int, col: int) -> None:
    """A legend of its own for a panel, under its title."""
    panel = figure.get_subplot(row, col)
    place = {"x": panel.xaxis.domain[1], "xanchor": "right", "y": panel.yaxis.domain[1], "yanchor": "bottom"}
    plain = {"orientation": "h", "font": {"size": 10, "color": COLOURS["quiet"]}, "bgcolor": "rgba(0,0,0,0)"}
    figure.update_layout({name: place | plain})


def _span(quotes: pd.DataFrame) -> str:
    if quotes.empty:
        return "nothing was recorded in this session"
    first, last = int(quotes["t_ns"].iloc[0]), int(quotes["t_ns"].iloc[-1])
    start, end = (pd.Timestamp(t_ns // 1_000_000, unit="ms") for t_ns in (first, last))
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC, {(last - first) / NS:.0f} s"
