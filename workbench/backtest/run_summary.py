"""summary.json of a backtest: the keys of a live session's where both have them, and the terms of the run."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from workbench.backtest.accounts import Accounts
from workbench.backtest.log import RunLog
from workbench.backtest.terms import RunTerms
from workbench.events import NS
from workbench.provenance import code_hash, versions
from workbench.trading.ledger import PnlParts

__all__ = ["INTERRUPTED", "RunSummary", "summarise"]

INTERRUPTED = 130


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. Money is decimal text in `fee_currency`, sizes are contracts, times nanoseconds.

    `seconds` is the time of the market that was walked, `ran_s` how long that took.
    """

    run_id: str
    venue: str = "backtest"
    symbol: str
    model: str
    seconds: float
    ran_s: float
    seed: int
    exit_code: int
    stopped_by: str
    message: str
    orders_sent: int
    amends: int
    cancels: int
    fills: int
    rejects: int
    volume: int
    maker_share: float | None
    max_abs_position: int
    position_at_end: int
    quote_uptime: float
    equity_change: str
    pnl: dict[str, str]
    fee_currency: str
    max_drawdown: float
    rules: str
    queue: str
    latency: str
    decide: str
    steps: int
    throttled: int
    finished: bool
    start_ns: int
    end_ns: int
    feed_key: str
    feed_rows: int
    notes: tuple[str, ...]
    code_hash: str
    config_hash: str
    versions: dict[str, str]


def summarise(
    log: RunLog, terms: RunTerms, accounts: Accounts, pnl: PnlParts, max_drawdown: float, run_id: str = ""
) -> RunSummary:
    """The summary of a run from its log, its books, its result and its largest drawdown."""
    counters, fills = log.counters, log.fills
    span_ns = log.end_ns - log.start_ns
    volume = int(fills["size"].sum())
    return RunSummary(
        run_id=run_id,
        symbol=terms.instrument.symbol,
        model=terms.model,
        seconds=span_ns / NS,
        ran_s=terms.wall_s,
        seed=terms.seed,
        exit_code=0 if log.finished else INTERRUPTED,
        stopped_by="end of the data" if log.finished else "interrupted",
        message=_message(log, terms),
        orders_sent=counters.submits,
        amends=counters.amends,
        cancels=counters.cancels,
        fills=len(fills),
        rejects=counters.rejects,
        volume=volume,
        maker_share=float(fills["size"][fills["maker"] != 0].sum() / volume) if volume else None,
        max_abs_position=int(np.abs(accounts.position).max()),
        position_at_end=int(accounts.position[-1]),
        quote_uptime=counters.uptime_ns / span_ns if span_ns > 0 else 0.0,
        equity_change=_text(pnl.total),
        pnl={name: _text(amount) for name, amount in pnl._asdict().items()},
        fee_currency=terms.instrument.settlement,
        max_drawdown=max_drawdown,
        rules=terms.rules,
        queue=terms.queue,
        latency=terms.latency,
        decide=terms.decide,
        steps=counters.steps,
        throttled=counters.throttled,
        finished=log.finished,
        start_ns=log.start_ns,
        end_ns=log.end_ns,
        feed_key=terms.feed_key,
        feed_rows=terms.feed_rows,
        notes=tuple(terms.notes),
        code_hash=code_hash(),
        config_hash=terms.config_hash,
        versions=versions(),
    )


def _message(log: RunLog, terms: RunTerms) -> str:
    """What must be known before any number of it is believed."""
    said = []
    if not log.finished:
        said.append(f"PARTIAL: {log.reason or 'the run was stopped'} before the end of the data.")
    if terms.rules == "parity":
        said.append("PARITY: by hftbacktest's rules, its faults included; for comparison only.")
    return " ".join(said) or "Done: walked to the end of the data by honest rules."


def _text(amount: Decimal) -> str:
    return f"{amount:f}"
