"""report.html: a session on one page that opens without a network, plotly.js inside, once."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.config import WRITTEN_OUT, MarketMakerConfig
from workbench.engine.journal import JournalRow
from workbench.headless.tables import read_tables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["render_report", "why_shares", "write_report"]

HEADLINES = (
    ("run_id", "run"),
    ("venue", "venue"),
    ("symbol", "symbol"),
    ("ran_s", "ran, seconds"),
    ("stopped_by", "stopped by"),
    ("equity_change", "equity change"),
    ("fills", "fills"),
    ("volume", "volume, contracts"),
    ("maker_share", "maker share"),
    ("max_abs_position", "largest position, contracts"),
    ("position_at_end", "position at the end, contracts"),
    ("open_orders_at_end", "open orders at the end"),
    ("quote_uptime", "both sides live, share of time"),
    ("orders_sent", "orders sent"),
    ("amends", "amends"),
    ("cancels", "cancels"),
    ("rejects", "rejects"),
    ("exit_code", "exit code"),
)

SHARES = ("maker_share", "quote_uptime")


def write_report(
    journal: Path, summary: Mapping[str, Any], target: Path, late_fills: Sequence[JournalRow] = ()
) -> None:
    """Write the page of a session from its journal and its summary, in place by rename.

    `late_fills` are those that the venue told of after the journal's end.

    Raises
    ------
    JournalError
        If the journal is missing or cannot be trusted.
    """
    tables = read_tables(journal, late_fills)
    draft = target.with_suffix(".draft")
    page = render_report(summary, tables.quotes, tables.fills, tables.meta["config"])
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)


def render_report(
    summary: Mapping[str, Any], quotes: pd.DataFrame, fills: pd.DataFrame, config: Mapping[str, Any]
) -> str:
    """The page as text: headlines, PnL parts, four charts, what held the quotes back, the configuration.

    Parameters
    ----------
    summary : mapping
        As `summary.json` has it.
    quotes, fills : pandas.DataFrame
        From `workbench.analysis`.
    config : mapping
        The configuration, as the journal's meta has it; the page shows it with all defaults.
    """
    from workbench.analysis import (
        html_charts,
        html_page,
        html_table,
        inventory_figure,
        pnl_figure,
        price_figure,
        spread_volatility_figure,
    )

    currency = str(summary.get("fee_currency", ""))
    figures = (
        price_figure(quotes, fills),
        inventory_figure(quotes),
        pnl_figure(quotes, currency=currency),
        spread_volatility_figure(quotes),
    )
    title = f"{summary.get('symbol', 'session')}, run {summary.get('run_id', '')}"
    pnl = [(part, f"{amount} {currency}") for part, amount in summary.get("pnl", {}).items()]
    pnl.append(("sum = equity change", f"{summary.get('equity_change')} {currency}"))
    told = MarketMakerConfig.from_dict(config)
    settings = told.model_dump_json(indent=2, exclude=WRITTEN_OUT)
    source = told.quoting.source
    model = f"<h2>The model as it was defined</h2><pre>{html.escape(source)}</pre>" if source else ""
    headlines = html_table((label, _shown(name, summary.get(name))) for name, label in HEADLINES)
    return html_page(
        title,
        f"<p class=note>{html.escape(str(summary.get('message', '')))}</p>"
        f"<div class=tables>{headlines}"
        f"<div><h2>Where the money came from</h2>{html_table(pnl)}</div></div>"
        f"{html_charts(figures)}<h2>Why it quoted, why not</h2><p class=note>Share of the recorded moments at which "
        f"this was the reason given.</p>{_histogram(why_shares(quotes))}"
        f"<h2>Configuration</h2><pre>{html.escape(settings)}</pre>{model}",
    )


def why_shares(quotes: pd.DataFrame) -> list[tuple[str, float]]:
    """How much of the recorded moments each reason held, the most frequent first.

    Reasons that differ only in their numbers count as one.
    """
    reasons = quotes["why"].str.replace(r"[-+]?\d[\d.,]*", "…", regex=True)
    shares = reasons.value_counts(normalize=True)
    return [(str(why), float(share)) for why, share in shares.items()]


def _histogram(shares: Iterable[tuple[str, float]]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{share:.1%}</td>"
        f"<td><span class=bar style='width:{share * 16:.2f}rem'></span></td></tr>"
        for name, share in shares
    )
    return f"<table>{rows}</table>"


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "not known"
    return f"{value:.1%}" if name in SHARES else str(value)
