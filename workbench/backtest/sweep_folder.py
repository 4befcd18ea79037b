"""The run folder of a sweep: its table as Parquet, a page that opens without a network, the rows, summary.json last."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from workbench.analysis import html_charts, html_page, html_table
from workbench.backtest.run_files import claim_run, read_archive, read_terms, write_archive, write_summary
from workbench.backtest.sweep_result import SweepResult
from workbench.backtest.sweep_row import METRICS, SweepRow
from workbench.errors import DataError
from workbench.provenance import code_hash, versions

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["load_sweep", "save_sweep"]

SHOWN = ("equity", "sharpe", "drawdown", "fills", "profit_bps", "uptime")
TEST = "test_"


def save_sweep(sweep: SweepResult, folder: Path) -> Path:
    """Write a sweep's files; returns the folder. See `SweepResult.save`."""
    target = claim_run(folder)
    sweep.table.to_parquet(target / "table.parquet")
    (target / "report.html").write_text(_page(sweep), encoding="utf-8")
    told = {
        "terms": msgspec.to_builtins(sweep.terms),
        "combinations": sweep.combinations,
        "span_ns": sweep.span_ns,
        "test_span_ns": sweep.test_span_ns,
    }
    arrays = _arrays("", sweep.rows)
    if sweep.test_rows is not None:
        arrays |= _arrays(TEST, sweep.test_rows)
    write_archive(target / "rows.npz", told, arrays)
    write_summary(target, _summary(sweep, target.name))
    return target


def load_sweep(folder: Path) -> SweepResult:
    """Read a sweep back. See `SweepResult.load`."""
    told, arrays = read_archive(folder / "rows.npz", "sweep")
    try:
        return SweepResult(
            read_terms(told["terms"]),
            told["combinations"],
            _rows("", arrays),
            _rows(TEST, arrays) if f"{TEST}number" in arrays else None,
            span_ns=tuple(told["span_ns"]),
            test_span_ns=None if told["test_span_ns"] is None else tuple(told["test_span_ns"]),
        )
    except (KeyError, msgspec.ValidationError) as error:
        raise DataError(f"{str(folder)!r} has a sweep of another version ({error}); run it again") from None


def _arrays(prefix: str, rows: Mapping[int, SweepRow]) -> dict[str, NDArray[Any]]:
    """Rows as columns: numbers, metrics, and the profits of equal times one after another."""
    found = list(rows.values())
    columns: dict[str, Any] = {
        "number": np.array(list(rows), dtype=np.int64),
        "finished": np.array([row.finished for row in found], dtype=np.bool_),
        "steps": np.concatenate([np.empty(0), *(row.steps for row in found)]),
        "step_count": np.array([row.steps.size for row in found], dtype=np.int64),
    }
    columns |= {name: np.array([row.metrics[name] for row in found]) for name in METRICS}
    return {f"{prefix}{name}": values for name, values in columns.items()}


def _rows(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[int, SweepRow]:
    columns = {name: arrays[f"{prefix}{name}"].tolist() for name in ("number", "finished", *METRICS)}
    ends = np.cumsum(arrays[f"{prefix}step_count"])
    steps = np.split(arrays[f"{prefix}steps"], ends[:-1]) if ends.size else []
    return {
        number: SweepRow({name: columns[name][i] for name in METRICS}, steps[i], columns["finished"][i])
        for i, number in enumerate(columns["number"])
    }


def _summary(sweep: SweepResult, run_id: str) -> dict[str, Any]:
    best = None
    if not sweep.table.empty:
        settings = sweep.best()
        row = sweep.table.drop(columns=sweep.parameters).loc[sweep.combinations.index(settings)]
        best = {"settings": settings, **row.to_dict()}
    return {
        "run_id": run_id,
        "symbol": sweep.terms.instrument.symbol,
        "model": sweep.terms.model,
        "configurations": len(sweep.combinations),
        "run": len(sweep),
        "finished": not sweep.partial,
        "exit_code": 130 if sweep.partial else 0,
        "parameters": sweep.parameters,
        "best": best,
        "rank_correlation": sweep.rank_correlation() if len(sweep) else None,
        "report": [" ".join(line).strip() for line in sweep.report_lines()],
        "terms": msgspec.to_builtins(sweep.terms),
        "code_hash": code_hash(),
        "versions": versions(),
    }


def _page(sweep: SweepResult) -> str:
    figures: list[go.Figure] = []
    if not sweep.table.empty:
        figures.append(sweep.heat_map() if len(sweep.parameters) > 1 else sweep.plateau())
        figures += [sweep.plateau()] if len(sweep.parameters) > 1 else []
        figures += [sweep.train_test()] if sweep.test_rows is not None else []
        figures.append(sweep.parallel())
    shown = sweep.table.sort_values("equity", ascending=False)[[*sweep.parameters, *SHOWN]].head(50)
    note = f"<p class=warning>{html.escape(sweep.warning)}</p>" if sweep.warning else ""
    meanings = html_table((name, METRICS[name]) for name in SHOWN)
    return html_page(
        sweep.title,
        f"{note}{html_table(sweep.report_lines())}{html_charts(figures)}<h2>The best 50</h2>"
        f"{shown.to_html(border=0, float_format='{:.5g}'.format)}<h2>What the columns mean</h2>{meanings}",
    )
