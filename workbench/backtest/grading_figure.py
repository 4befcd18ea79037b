"""The picture of queue models beside real fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.look import COLOURS, TEMPLATE

if TYPE_CHECKING:
    from workbench.backtest.grading import QueueGrades

__all__ = ["grades_figure"]

OUTCOMES = ("hits", "missed", "false")


def grades_figure(grades: QueueGrades) -> go.Figure:
    """What each model got right and wrong, its loss, and the share filled by distance, foretold and real."""
    table = grades.table
    figure = make_subplots(
        2,
        2,
        specs=[[{}, {}], [{"colspan": 2}, None]],
        subplot_titles=("Orders that filled", "Loss (0: every fill foretold)", "Share of size filled, by distance"),
        vertical_spacing=0.16,
    )
    for name in OUTCOMES:
        figure.add_bar(x=table.index, y=table[name], name=name, row=1, col=1)
    figure.add_bar(x=table.index, y=table["loss"], showlegend=False, marker_color=COLOURS["mid"], row=1, col=2)
    groups = grades.touch_groups()
    real = (grades.orders["filled"] / grades.orders["size"]).clip(upper=1.0).groupby(groups, observed=True).mean()
    figure.add_bar(x=real.index.astype(str), y=real, name="real", marker_color=COLOURS["mid"], row=2, col=1)
    for name in table.index:
        share = grades.shares[name].groupby(groups, observed=True).mean()
        figure.add_scatter(x=share.index.astype(str), y=share, mode="markers", name=name, row=2, col=1)
    figure.update_layout(template=TEMPLATE, height=720, barmode="group", title_text="Queue models beside real fills")
    figure.update_yaxes(rangemode="tozero")
    return figure
