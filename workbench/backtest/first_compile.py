"""The kernels of a backtest, compiled on all cores where they are not yet: the first run after an installation."""

from __future__ import annotations

from collections.abc import Callable

from workbench.backtest.kernels.loop import run_loop
from workbench.backtest.kernels.rows import merge_orders, read_rows, tabulate_bests
from workbench.backtest.kernels.view_table import tabulate_view
from workbench.backtest.kernels.writing import log_open_orders
from workbench.compiling import compile_ahead

__all__ = ["compile_backtest"]


def compile_backtest(told: Callable[[float], None] | None = None) -> None:
    """Have what preparing a feed and walking it takes in the cache; `told` hears the share done, 0 to 1."""
    compile_ahead((read_rows, merge_orders, tabulate_bests, tabulate_view, run_loop, log_open_orders), told)
