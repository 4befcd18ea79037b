"""What a sweep gives: a table with a row for each configuration, pictures of it, and how far to trust its best."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis import (
    DeflatedSharpe,
    deflated_sharpe,
    heat_map_figure,
    html_table,
    neighbours,
    parallel_figure,
    plateau_figure,
    rank_correlation,
    train_test_figure,
)
from workbench.backtest.sweep_row import METRICS, SweepRow
from workbench.backtest.terms import RunTerms
from workbench.errors import did_you_mean
from workbench.events import NS

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["SweepResult"]


class SweepResult:
    """Many configurations over the same data.

    Parameters
    ----------
    terms : RunTerms
        Common to all; its configuration is the base of the grid.
    combinations : sequence of dict
        Setting -> value, one for each configuration.
    rows : mapping of int to SweepRow
        By number of the configuration; those that are missing were not run.
    test_rows : mapping of int to SweepRow, optional
        The same configurations over data that came after.
    span_ns, test_span_ns : (int, int)
        First and last decision of the (training) data and of the test data.

    Attributes
    ----------
    table : DataFrame
        One row a configuration: its parameters, the metrics (see `METRICS`) and, with a test, `test_` metrics.
    parameters : list of str
        The settings that vary.
    """

    def __init__(
        self,
        terms: RunTerms,
        combinations: Sequence[Mapping[str, Any]],
        rows: Mapping[int, SweepRow],
        test_rows: Mapping[int, SweepRow] | None = None,
        *,
        span_ns: tuple[int, int] = (0, 0),
        test_span_ns: tuple[int, int] | None = None,
    ) -> None:
        self.terms = terms
        self.combinations = [dict(combination) for combination in combinations]
        self.rows = dict(rows)
        self.test_rows = None if test_rows is None else dict(test_rows)
        self.span_ns, self.test_span_ns = span_ns, test_span_ns
        names = list(self.combinations[0]) if self.combinations else []
        vary = [name for name in names if len({repr(c[name]) for c in self.combinations}) > 1]
        self.parameters = vary or names

    @cached_property
    def table(self) -> pd.DataFrame:
        """Parameters and metrics, one row a configuration that was run."""
        done = sorted(self.rows)
        columns: dict[str, Any] = {name: [self.combinations[i][name] for i in done] for name in self.parameters}
        for name in METRICS:
            columns[name] = [self.rows[i].metrics[name] for i in done]
        columns["finished"] = [self.rows[i].finished for i in done]
        if self.test_rows is not None:
            for name in METRICS:
                tested = [self.test_rows.get(i) for i in done]
                columns[f"test_{name}"] = [math.nan if row is None else row.metrics[name] for row in tested]
        return pd.DataFrame(columns, index=pd.Index(done, name="configuration", dtype="int64"))

    @property
    def partial(self) -> bool:
        """Whether some configuration, in training or test, did not run to its end."""
        runs = [self.rows, *([] if self.test_rows is None else [self.test_rows])]
        return any(len(rows) < len(self.combinations) or not all(r.finished for r in rows.values()) for rows in runs)

    def __len__(self) -> int:
        return len(self.rows)

    # --- the best, and how far to trust it --------------------------------------------------------------------------

    def best(self, metric: str = "equity") -> dict[str, Any]:
        """Settings of the configuration with the largest metric (in training); ready for `backtest`.

        Raises
        ------
        KeyError
            For a metric that there is not.
        ValueError
            If no configuration has a known value of it.
        """
        return dict(self.combinations[self._winner(metric)])

    def neighbours(self, metric: str = "equity") -> pd.DataFrame:
        """Each configuration beside those one step away on the grid: `workbench.analysis.neighbours`."""
        return neighbours(self.table, self.parameters, self._known(metric))

    def rank_correlation(self, metric: str = "equity") -> float:
        """Spearman's correlation of the configurations' metric in training and test; NaN without a test."""
        if self.test_rows is None:
            return math.nan
        return rank_correlation(self.table[self._known(metric)], self.table[f"test_{metric}"])

    def deflated_sharpe(self) -> DeflatedSharpe:
        """How sure it is that the best Sharpe ratio is more than the luck of so many tries.

        Raises
        ------
        ValueError
            If the runs are too short for a ratio.

        Notes
        -----
        Every configuration counts as an independent trial; those of a fine grid are not, so this is on the safe side.
        """
        best = self.rows[self._winner("sharpe")].steps
        ratios = [float(row.steps.mean() / row.steps.std(ddof=1)) for row in self.rows.values() if _varies(row.steps)]
        centred = (best - best.mean()) / best.std()
        return deflated_sharpe(
            float(best.mean() / best.std(ddof=1)),
            best.size,
            skewness=float((centred**3).mean()),
            kurtosis=float((centred**4).mean()),
            trials=len(ratios),
            ratio_variance=float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0,
        )

    # --- pictures ---------------------------------------------------------------------------------------------------

    def heat_map(self, x: str | None = None, y: str | None = None, metric: str = "equity") -> go.Figure:
        """A metric over two parameters, by default the first two: `workbench.analysis.heat_map_figure`."""
        names = [name for name in self.parameters if name not in (x, y)]
        x = x if x is not None else names.pop(0)
        if y is None and not names:
            raise ValueError(f"the sweep varies {x!r} alone; a heat map needs two parameters: see plateau()")
        return heat_map_figure(self.table, x, y if y is not None else names[0], self._known(metric))

    def parallel(self, *metrics: str) -> go.Figure:
        """Every configuration as a line through parameters and metrics: `workbench.analysis.parallel_figure`."""
        chosen = [self._known(metric) for metric in metrics or ("equity", "sharpe", "drawdown", "fills")]
        return parallel_figure(self.table, self.parameters, chosen)

    def plateau(self, metric: str = "equity") -> go.Figure:
        """The metric along each parameter through the best: `workbench.analysis.plateau_figure`."""
        return plateau_figure(self.table, self.parameters, self._known(metric))

    def train_test(self, metric: str = "equity") -> go.Figure:
        """Training against test, the winner marked.

        Raises
        ------
        ValueError
            If the sweep has no test.
        """
        if self.test_rows is None:
            raise ValueError("the sweep has no test; run it with split=0.7, or with test=another feed")
        return train_test_figure(self.table, self._known(metric))

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Leave a run folder: table.parquet, report.html, rows.npz for `load`, summary.json last.

        Raises
        ------
        ConfigError
            If the folder holds a run already, or cannot be made.
        """
        from workbench.backtest.sweep_folder import save_sweep

        return save_sweep(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> SweepResult:
        """The sweep that `save` (or `workbench sweep --out`) left in a folder: tables, figures and report as they were.

        Raises
        ------
        DataError
            If there is none, or its files cannot be read.
        """
        from workbench.backtest.sweep_folder import load_sweep

        return load_sweep(Path(folder))

    # --- words ------------------------------------------------------------------------------------------------------

    def report_lines(self, metric: str = "equity") -> list[tuple[str, str]]:
        """The report as names and values."""
        if self.table.empty:
            return [("nothing", "no configuration was run")]
        number = self._winner(metric)
        winner: dict[Any, Any] = self.table.loc[number].to_dict()
        beside: dict[Any, Any] = self.neighbours(metric).loc[number].to_dict()
        unit = f" {self.terms.instrument.settlement}" if metric == "equity" else ""
        settings = ", ".join(f"{name}={winner[name]}" for name in self.parameters)
        lines = [("best", f"{settings}: {metric} {winner[metric]:+.6g}{unit}")]
        if beside["neighbours"]:
            told = f"{beside['neighbour_mean']:+.6g} on average, {beside['neighbour_worst']:+.6g} at worst"
            lines.append(("its neighbours", f"{told} ({int(beside['neighbours'])} one step away)"))
        middle = self.table[metric].median()
        lines.append(("all", f"median {middle:+.6g}, {(self.table[metric] > 0).mean():.0%} above zero"))
        if self.test_rows is not None:
            tested, rank = self.table[f"test_{metric}"], self.rank_correlation(metric)
            better = (tested < winner[f"test_{metric}"]).mean()
            told = f"the winner {winner[f'test_{metric}']:+.6g}, better than {better:.0%} of them"
            lines.append(("out of sample", f"{told}; rank correlation {rank:.2f}"))
        try:
            lines.append(("more than luck?", f"deflated Sharpe {self.deflated_sharpe()}"))
        except ValueError:
            lines.append(("more than luck?", "no Sharpe ratio: the runs are too short, or made nothing"))
        lines.append(("rules", ", ".join(w for w in (self.terms.rules, self.terms.queue, self.terms.latency) if w)))
        return [*lines, ("data", f"{self.terms.feed_rows:,} rows"), *(("", note) for note in self.terms.notes)]

    def __repr__(self) -> str:
        lines = self.report_lines()
        width = max(len(name) for name, _ in lines)
        warning = [f"  {self.warning}"] if self.warning else []
        return "\n".join([self.title, *warning, *(f"  {name:<{width}}  {text}" for name, text in lines)])

    def _repr_html_(self) -> str:
        warning = f"<p><b>{html.escape(self.warning)}</b></p>" if self.warning else ""
        return f"<b>{html.escape(self.title)}</b>{warning}{html_table(self.report_lines())}"

    @property
    def warning(self) -> str:
        """What makes its numbers doubtful; empty where nothing does."""
        said = []
        if self.partial:
            said.append(f"PARTIAL: {len(self)} of {len(self.combinations)} configurations have numbers, not all final.")
        if self.terms.rules == "parity":
            said.append("PARITY: by hftbacktest's rules, its faults included; for comparison only.")
        return " ".join(said)

    @property
    def title(self) -> str:
        """What was swept, over what, in one line."""
        seconds = (self.span_ns[1] - self.span_ns[0]) / NS
        test = ""
        if self.test_span_ns is not None:
            test = f" and {(self.test_span_ns[1] - self.test_span_ns[0]) / NS:,.0f} s of test"
        return (
            f"Sweep of {self.terms.instrument.symbol}, {self.terms.model}: {len(self)} configurations over "
            f"{seconds:,.0f} s{test}, in {self.terms.took}"
        )

    def _winner(self, metric: str) -> int:
        known = self.table[self._known(metric)].dropna()
        if known.empty:
            raise ValueError(f"no configuration has a known {metric}; the runs are too short, or none was run")
        return int(known.index[int(np.argmax(known.to_numpy(dtype=np.float64)))])

    def _known(self, metric: str) -> str:
        if metric not in self.table.columns:
            near = did_you_mean(metric, [str(name) for name in self.table.columns])
            raise KeyError(f"the sweep has no metric {metric!r}{near}")
        return metric


def _varies(steps: np.ndarray[Any, Any]) -> bool:
    return bool(steps.size > 1 and steps.std() > 0.0)
