"""The kernels of a backtest, compiled on all cores where they are not yet: the first run after an installation."""

from __future__ import annotations

from collections.abc import Callable

from workbench.backtest.kernels.best_prices import tabulate_bests
from workbench.backtest.kernels.digests import mix_words
from workbench.backtest.kernels.lateness import widen_offsets
from workbench.backtest.kernels.rows import merge_orders, read_rows
from workbench.backtest.kernels.shares import nothing_from_behind
from workbench.backtest.kernels.view_table import tabulate_view
from workbench.backtest.kernels.writing import log_open_orders
from workbench.backtest.log_rows import copy_dealt, place_by_number
from workbench.compiled.ahead import compile_ahead
from workbench.quoting import QuotingModel

__all__ = ["compile_backtest"]

PREPARING = (mix_words, read_rows, merge_orders, tabulate_bests, tabulate_view, widen_offsets)
LOGGING = (log_open_orders, copy_dealt, place_by_number)


def compile_backtest(
    model: QuotingModel, loop: Callable[..., int], told: Callable[[float], None] | None = None
) -> None:
    """Have what preparing a feed and walking it by a loop takes in the cache; `told` hears the share done, 0 to 1."""
    compile_ahead((*PREPARING, model.function, loop, nothing_from_behind, *LOGGING), told)
