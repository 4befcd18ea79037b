"""What a run leaves behind: the report of its stop, `outcome.json` with everything a summary needs, `fills.parquet`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from workbench.config import MarketMakerConfig
from workbench.engine.journal import JournalRow
from workbench.engine.loop import LoopStats
from workbench.engine.protocol import EngineSpec
from workbench.engine.status import StopReport, pnl_parts
from workbench.events import StateFrame
from workbench.instruments import Instrument
from workbench.provenance import code_hash, versions
from workbench.trading import SessionStats

__all__ = ["Outcome", "outcome_of", "stop_report", "write_fills"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a summary needs, as `outcome.json` has it. Money is decimal text."""

    run_id: str
    venue: str
    symbol: str
    seconds: float | None
    ran_s: float
    seed: int
    stopped_by: str
    exit_code: int
    message: str
    state_at_end: str
    why_at_end: str
    orders_sent: int
    amends: int
    cancels: int
    fills: int
    rejects: int
    volume: int
    maker_share: float
    max_abs_position: int
    position_at_end: int
    open_orders_at_end: int | None
    unknown_orders_at_end: int
    quote_uptime: float
    equity_change: str
    pnl: dict[str, str]
    fee_currency: str
    tape_hash: str | None
    tape_seconds: int | None
    journal_digest: str
    journal_rows: int
    code_hash: str
    config_hash: str
    versions: dict[str, str]
    loop: dict[str, Any]
    venue_position: int | None
    reconciled: bool


def stop_report(by: str, left: int | None, exit_code: int, frame: StateFrame) -> StopReport:
    """The report of a stop after which the venue listed `left` orders (None: it could not be asked)."""
    if left == 0:
        message = "All orders are cancelled: the venue lists none."
    elif left is None:
        message = "NOT VERIFIED: the venue could not be asked whether orders are open. Look there, cancel by hand."
    else:
        message = f"NOT CLEAN: the venue still lists {left} open orders. Cancel them there."
    return StopReport(
        stopped_by=by,
        open_orders_at_end=left,
        position_at_end=frame.position,
        equity_change=frame.equity_change,
        currency=frame.currency,
        exit_code=exit_code,
        message=message,
    )


def outcome_of(
    report: StopReport,
    frame: StateFrame,
    stats: SessionStats,
    *,
    spec: EngineSpec,
    config: MarketMakerConfig,
    ran_s: float,
    failure: Exception | None,
    journal_digest: str,
    journal_rows: int,
    loop_stats: LoopStats,
    venue_position: int | None,
) -> Outcome:
    """Everything about a run that has ended, from its last frame and its counters."""
    return Outcome(
        run_id=spec.run_id,
        venue=config.venue.name,
        symbol=config.symbol,
        seconds=spec.seconds,
        ran_s=ran_s,
        seed=spec.seed,
        stopped_by=report.stopped_by,
        exit_code=report.exit_code,
        message=report.message if failure is None else f"{failure} {report.message}",
        state_at_end=frame.state,
        why_at_end=frame.why,
        orders_sent=frame.orders_sent,
        amends=frame.amends,
        cancels=frame.cancels,
        fills=frame.fills,
        rejects=frame.rejects,
        volume=frame.volume,
        maker_share=stats.maker_share,
        max_abs_position=stats.max_abs_position,
        position_at_end=frame.position,
        open_orders_at_end=report.open_orders_at_end,
        unknown_orders_at_end=frame.unknown_orders,
        quote_uptime=frame.quote_uptime,
        equity_change=frame.equity_change,
        pnl={name: f"{amount:f}" for name, amount in pnl_parts(frame).items()},
        fee_currency=frame.currency,
        tape_hash=None,
        tape_seconds=None,
        journal_digest=journal_digest,
        journal_rows=journal_rows,
        code_hash=code_hash(),
        config_hash=config.digest(),
        versions=versions(),
        loop=asdict(loop_stats),
        venue_position=venue_position,
        reconciled=venue_position == frame.position,
    )


def write_fills(path: Path, rows: Iterable[JournalRow], instrument: Instrument) -> int:
    """Write the fills of a journal as Parquet (fees as exact decimals), in place by rename; returns how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from workbench.analysis import fills_table

    table = fills_table(rows, instrument)
    names = {"int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(), "object": pa.decimal128(38, 12)}
    schema = pa.schema([(column, names.get(str(kind), pa.string())) for column, kind in table.dtypes.items()])
    draft = path.with_name(f".{path.name}.draft")
    pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), draft)
    draft.replace(path)
    return len(table)
