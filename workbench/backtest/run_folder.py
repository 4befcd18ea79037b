"""The run folder of a backtest: tables as Parquet, a page that opens without a network, the log, summary.json last."""

from __future__ import annotations

import dataclasses
import html
import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.analysis import drawdown_figure, html_charts, html_page, html_table
from workbench.backtest.log import FILLS_DTYPE, FUNDING_DTYPE, ORDERS_DTYPE, QUOTES_DTYPE, RunCounters, RunLog
from workbench.backtest.result import BacktestResult
from workbench.backtest.run_files import claim_run, read_archive, read_terms, write_archive, write_summary
from workbench.errors import DataError

__all__ = ["load_result", "render_page", "save_result"]

TABLES = ("orders", "fills", "quotes")
DTYPES = {"orders": ORDERS_DTYPE, "fills": FILLS_DTYPE, "quotes": QUOTES_DTYPE, "funding": FUNDING_DTYPE}
DIGITS = 38


def save_result(result: BacktestResult, folder: Path) -> Path:
    """Write a result's files; returns the folder. See `BacktestResult.save`."""
    folder = claim_run(folder)
    digits = result.terms.instrument.money_digits
    for name in TABLES:
        _write_table(getattr(result, name), folder / f"{name}.parquet", digits)
    (folder / "report.html").write_text(render_page(result), encoding="utf-8")
    log = result.log
    told = {
        "terms": msgspec.to_builtins(result.terms),
        "counters": dataclasses.asdict(log.counters),
        "run": {name: getattr(log, name) for name in ("start_ns", "end_ns", "finished", "reason")},
    }
    write_archive(folder / "log.npz", told, {name: getattr(log, name) for name in DTYPES})
    write_summary(folder, result.summary_as(folder.name))
    return folder


def load_result(folder: Path) -> BacktestResult:
    """Read a result back. See `BacktestResult.load`."""
    told, arrays = read_archive(folder / "log.npz", "backtest")
    strange = [name for name, dtype in DTYPES.items() if name not in arrays or arrays[name].dtype != dtype]
    if strange:
        raise DataError(f"{str(folder)!r} has {strange[0]} of another version; run the backtest again")
    run_log = RunLog(**arrays, counters=RunCounters(**told["counters"]), **told["run"])
    return BacktestResult(run_log, read_terms(told["terms"]))


def render_page(result: BacktestResult) -> str:
    """The page of a run: what to know first, numbers, tear sheet, sides and hours, data and configuration."""
    told = result.summary
    doubtful = result.partial or told.rules == "parity"
    note = f"<p class={'warning' if doubtful else 'note'}>{html.escape(told.message)}</p>"
    pnl = [(name, f"{amount} {told.fee_currency}") for name, amount in told.pnl.items()]
    pnl.append(("sum = equity change", f"{told.equity_change} {told.fee_currency}"))
    figures = (result.tear_sheet(), drawdown_figure(result.samples, currency=told.fee_currency))
    sides = result.by_side().to_html(float_format="{:.4g}".format, border=0)
    hours = result.by_hour().to_html(float_format="{:.4g}".format, border=0)
    config = json.dumps(msgspec.to_builtins(result.terms.config), indent=2)
    return html_page(
        repr(result).splitlines()[0],
        f"{note}<div class=tables><div>{html_table(result.report_lines()[1:])}</div>"
        f"<div><h2>Where the money came from</h2>{html_table(pnl)}</div></div>"
        f"{html_charts(figures)}<h2>By side</h2>{sides}<h2>By hour</h2>{hours}"
        f"<h2>Configuration</h2><pre>{html.escape(config)}</pre>",
    )


def _write_table(table: Any, path: Path, digits: int) -> None:
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(), "object": pa.decimal128(DIGITS, digits)}
    schema = pa.schema([(column, kinds.get(str(kind), pa.string())) for column, kind in table.dtypes.items()])
    pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), path)
