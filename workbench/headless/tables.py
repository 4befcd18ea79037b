"""A finished session's tables in one call, from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from workbench.engine.journal import JournalRow, read_frames, read_journal, read_meta
from workbench.instruments import Instrument

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

__all__ = ["SessionTables", "instrument_of", "read_tables", "show"]


class SessionTables(NamedTuple):
    """What a session did: orders, fills, quotes, PnL parts; what was traded; the journal's meta."""

    orders: pd.DataFrame
    fills: pd.DataFrame
    quotes: pd.DataFrame
    pnl: pd.DataFrame
    instrument: Instrument
    meta: dict[str, Any]


def read_tables(journal: str | Path, late_fills: Sequence[JournalRow] = ()) -> SessionTables:
    """The tables of a session, with the columns of `workbench.events`; works while it runs and after a kill -9.

    Parameters
    ----------
    journal : path
        The run folder's `journal.sqlite`.
    late_fills : sequence of JournalRow
        Heard of after the journal's end.

    Raises
    ------
    JournalError
        If it is missing or cannot be trusted.
    """
    from workbench.analysis import fills_table, orders_table, pnl_parts_table, quotes_table

    meta = read_meta(journal)
    instrument = instrument_of(meta)
    rows = [*read_journal(journal), *late_fills]
    quotes = quotes_table(read_frames(journal))
    return SessionTables(
        orders_table(rows, instrument), fills_table(rows, instrument), quotes, pnl_parts_table(quotes), instrument, meta
    )


def instrument_of(meta: Mapping[str, Any]) -> Instrument:
    """The instrument of a run, from its journal's meta."""
    return msgspec.convert(meta["instrument"], Instrument, strict=False)


def show(figure: Figure) -> None:
    """Display a figure in a notebook as its data alone, a few kilobytes: JupyterLab brings plotly.js itself.

    plotly's own `show` also loads the notebook format's validator, seconds for nothing.
    """
    from IPython.display import display

    display({"application/vnd.plotly.v1+json": msgspec.json.decode(figure.to_json())}, raw=True)
