"""What a session did, as tables and pictures: pure functions of the journal's rows, no clock, no file, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

if TYPE_CHECKING:
    from workbench.analysis.breakdown import by_hour, by_side
    from workbench.analysis.conduct import HalfLife, Uptime, inventory_half_life, pnl_steps, quote_uptime
    from workbench.analysis.figures import (
        drawdown_figure,
        inventory_figure,
        pnl_figure,
        price_figure,
        spread_volatility_figure,
    )
    from workbench.analysis.fill_rates import PLACES, fill_probability, order_outcomes
    from workbench.analysis.look import TEMPLATE
    from workbench.analysis.markouts import HORIZONS_S, PnlSplit, markout_summary, markout_table, split_pnl
    from workbench.analysis.page import html_charts, html_page, html_table
    from workbench.analysis.plateaus import neighbours, rank_correlation
    from workbench.analysis.report import key_numbers, tear_sheet
    from workbench.analysis.series import drawdown, epoch_ms, extremes, min_max
    from workbench.analysis.sharpe import (
        DeflatedSharpe,
        SharpeRatio,
        deflated_sharpe,
        expected_best_sharpe,
        sharpe_ratio,
    )
    from workbench.analysis.sweep_figures import (
        heat_map_figure,
        parallel_figure,
        plateau_figure,
        train_test_figure,
    )
    from workbench.analysis.tables import fills_table, frame_fills_table, orders_table, pnl_parts_table, quotes_table
    from workbench.analysis.volatility_figures import signature_figure, time_of_day_figure, volatility_figure
    from workbench.analysis.whole_run import run_figure

__all__ = [
    "HORIZONS_S",
    "PLACES",
    "TEMPLATE",
    "DeflatedSharpe",
    "HalfLife",
    "PnlSplit",
    "SharpeRatio",
    "Uptime",
    "by_hour",
    "by_side",
    "deflated_sharpe",
    "drawdown",
    "drawdown_figure",
    "epoch_ms",
    "expected_best_sharpe",
    "extremes",
    "fill_probability",
    "fills_table",
    "frame_fills_table",
    "heat_map_figure",
    "html_charts",
    "html_page",
    "html_table",
    "inventory_figure",
    "inventory_half_life",
    "key_numbers",
    "markout_summary",
    "markout_table",
    "min_max",
    "neighbours",
    "order_outcomes",
    "orders_table",
    "parallel_figure",
    "plateau_figure",
    "pnl_figure",
    "pnl_parts_table",
    "pnl_steps",
    "price_figure",
    "quote_uptime",
    "quotes_table",
    "rank_correlation",
    "run_figure",
    "sharpe_ratio",
    "signature_figure",
    "split_pnl",
    "spread_volatility_figure",
    "tear_sheet",
    "time_of_day_figure",
    "train_test_figure",
    "volatility_figure",
]

# Pandas and plotly take half a second, which the engine must not pay.
__getattr__ = lazy_names(
    __name__,
    {
        "breakdown": "by_hour by_side",
        "conduct": "HalfLife Uptime inventory_half_life pnl_steps quote_uptime",
        "figures": "drawdown_figure inventory_figure pnl_figure price_figure spread_volatility_figure",
        "fill_rates": "PLACES fill_probability order_outcomes",
        "look": "TEMPLATE",
        "markouts": "HORIZONS_S PnlSplit markout_summary markout_table split_pnl",
        "page": "html_charts html_page html_table",
        "plateaus": "neighbours rank_correlation",
        "report": "key_numbers tear_sheet",
        "series": "drawdown epoch_ms extremes min_max",
        "sharpe": "DeflatedSharpe SharpeRatio deflated_sharpe expected_best_sharpe sharpe_ratio",
        "sweep_figures": "heat_map_figure parallel_figure plateau_figure train_test_figure",
        "tables": "fills_table frame_fills_table orders_table pnl_parts_table quotes_table",
        "volatility_figures": "signature_figure time_of_day_figure volatility_figure",
        "whole_run": "run_figure",
    },
)


def __dir__() -> list[str]:
    return __all__
