"""What a backtest gives: tables, series, the parts of the profit, pictures; its repr is the report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench import analysis
from workbench.analysis.series import drawdown
from workbench.backtest.accounts import Accounts, Parts, keep_accounts, sample_values
from workbench.backtest.log import RunLog
from workbench.backtest.run_summary import RunSummary, summarise
from workbench.backtest.terms import RunTerms
from workbench.trading.ledger import PnlParts

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["BacktestResult"]

EXACT_ROWS = 200_000
"""Pages of longer runs take their money as floats: a Decimal for every sample costs seconds and shows nothing."""


class BacktestResult:
    """One configuration's run over recorded data.

    Parameters
    ----------
    log : RunLog
        What the engine wrote down.
    terms : RunTerms
        Under which rules.

    Attributes
    ----------
    orders, fills, quotes : DataFrame
        Columns of `workbench.events`; orders have `queue_ahead` (contracts) and fills `queue_wait` (seconds) beside.
    pnl : PnlParts
        Spread, inventory, fees, funding: exact Decimals that sum to `pnl.total`, the change in equity.
    equity, inventory : Series
        Over time (UTC): settlement currency as float64, contracts.
    summary : RunSummary
        The numbers, as `summary.json` has them.
    """

    def __init__(self, log: RunLog, terms: RunTerms) -> None:
        self.log = log
        self.terms = terms

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order."""
        from workbench.backtest.run_tables import orders_frame

        return orders_frame(self.log, self.terms)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row an execution."""
        from workbench.backtest.run_tables import fills_frame

        return fills_frame(self.log, self.terms, self.accounts)

    @cached_property
    def quotes(self) -> pd.DataFrame:
        """One row a sample; money as exact Decimals."""
        from workbench.backtest.run_tables import quotes_frame

        return quotes_frame(self.log, self.terms, self._parts)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The quotes as questions and pictures take them: of a long run with money as float64."""
        if len(self.log.quotes) <= EXACT_ROWS:
            return self.quotes
        from workbench.backtest.run_tables import quotes_frame

        return quotes_frame(self.log, self.terms, self._parts, exact=False)

    @cached_property
    def accounts(self) -> Accounts:
        """The books after every fill, integer money units."""
        return keep_accounts(self.log, self.terms.instrument)

    @cached_property
    def pnl(self) -> PnlParts:
        """The parts of the change in equity, exact, settlement currency."""
        return self.accounts.at_end(int(self._values[-1]) if len(self._values) else None)

    @cached_property
    def equity(self) -> pd.Series:
        """Change in equity over time, settlement currency."""
        import pandas as pd

        units = self._parts.total.astype(np.float64)
        return pd.Series(units / 10.0**self.terms.instrument.money_digits, index=self._times, name="equity")

    @cached_property
    def inventory(self) -> pd.Series:
        """Position over time, contracts."""
        import pandas as pd

        return pd.Series(self.log.quotes["position"].copy(), index=self._times, name="inventory")

    @cached_property
    def summary(self) -> RunSummary:
        """The numbers of the run."""
        return self.summary_as("")

    def summary_as(self, run_id: str) -> RunSummary:
        """The numbers under a run's name."""
        lowest = float(-drawdown(self.equity).min()) if len(self.equity) else 0.0
        return summarise(self.log, self.terms, self.accounts, self.pnl, lowest + 0.0, run_id)

    @property
    def partial(self) -> bool:
        """Whether it was stopped before the end of the data."""
        return not self.log.finished

    # --- questions --------------------------------------------------------------------------------------------------

    def markouts(self, horizons_s: Sequence[float] | None = None, **how: Any) -> pd.DataFrame:
        """What the fills were worth a while later, bps of the mid: see `workbench.analysis.markout_summary`."""
        return analysis.markout_summary(
            analysis.markout_table(self.fills, self.samples, horizons_s or analysis.HORIZONS_S), **how
        )

    def fill_probability(self, by: Literal["distance", "place", "queue"] = "distance", **how: Any) -> pd.DataFrame:
        """How often orders were filled by distance, place or queue ahead: `workbench.analysis.fill_probability`."""
        return analysis.fill_probability(analysis.order_outcomes(self.orders, self.samples, self.fills), by=by, **how)

    def by_hour(self) -> pd.DataFrame:
        """What each hour brought: `workbench.analysis.by_hour`."""
        return analysis.by_hour(self.fills, self.samples)

    def by_side(self, *, horizon_s: float = 1.0) -> pd.DataFrame:
        """Bids beside asks: `workbench.analysis.by_side`."""
        return analysis.by_side(self.orders, self.fills, self.samples, horizon_s=horizon_s)

    # --- pictures ---------------------------------------------------------------------------------------------------

    def plot(self, *, max_points: int = 2_000) -> go.Figure:
        """Price with quotes and fills, inventory, PnL parts and drawdown above one axis of time."""
        return analysis.run_figure(
            self.samples,
            self.fills,
            title=self._title,
            subtitle=self.summary.message if self._doubtful else self._conditions,
            currency=self.terms.instrument.settlement,
            max_position=self._limit,
            max_points=max_points,
        )

    def tear_sheet(self, *, seed: int = 1, **how: Any) -> go.Figure:
        """The run on one page with markouts, fill probability and key numbers: `workbench.analysis.tear_sheet`."""
        page = analysis.tear_sheet(
            self.orders,
            self.fills,
            self.samples,
            rng=np.random.default_rng(seed),
            currency=self.terms.instrument.settlement,
            max_position=self._limit,
            **how,
        )
        return page.update_layout(title_text=self._title)

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Leave a run folder: report.html, orders, fills and quotes as Parquet, the log, summary.json last.

        Raises
        ------
        ConfigError
            If the folder holds a run already, or cannot be made.
        """
        from workbench.backtest.run_folder import save_result

        return save_result(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> BacktestResult:
        """The result that `save` left in a folder.

        Raises
        ------
        DataError
            If there is none, or its files cannot be read.
        """
        from workbench.backtest.run_folder import load_result

        return load_result(Path(folder))

    # --- words ------------------------------------------------------------------------------------------------------

    def report_lines(self) -> list[tuple[str, str]]:
        """The report as names and values."""
        told, pnl = self.summary, self.pnl
        currency = told.fee_currency
        filled = int((self.log.orders["filled"] > 0).sum())
        sent = len(self.log.orders)
        parts = ", ".join(f"{name} {amount:+f}" for name, amount in pnl._asdict().items())
        lines = [
            ("profit", f"{pnl.total:+f} {currency} = {parts}"),
            ("orders", f"{sent:,} sent, {filled:,} filled" + (f" ({filled / sent:.1%})" if sent else "")),
            ("fills", f"{told.fills:,}, {told.volume:,} contracts{self._fill_words(told)}"),
            ("position", f"{told.position_at_end:+,} at the end, {told.max_abs_position:,} at most"),
            ("both sides", f"quoted {told.quote_uptime:.1%} of the time"),
            ("drawdown", f"{told.max_drawdown:.6g} {currency} at most"),
            ("rules", self._conditions),
            ("data", f"{self.terms.feed_rows:,} rows"),
            *(("", note) for note in self.terms.notes),
        ]
        markout = analysis.key_numbers(self.orders.iloc[:0], self.fills, self.samples, horizon_s=1.0)[
            "markout after 1 s"
        ]
        lines.insert(3, ("markout", f"{markout} after 1 s"))
        if sent and not told.fills:
            lines.insert(3, ("", self._why_no_fill()))
        return lines

    def _why_no_fill(self) -> str:
        quotes = self.log.quotes
        mids = (quotes["best_bid"] + quotes["best_ask"]) / 2.0
        stood = (quotes["half_spread"] > 0) & (mids > 0)
        far = f"{np.median(quotes['half_spread'][stood] / mids[stood]) * 1e4:.3g} bps" if stood.any() else "too far"
        fee = float(self.terms.instrument.maker_fee) * 1e4
        return f"quotes stood {far} from the mid; the maker fee, {fee:g} bps, and quoting.min_edge_bps are the least"

    def __repr__(self) -> str:
        warning = [f"  {self.summary.message}"] if self._doubtful else []
        width = max(len(name) for name, _ in self.report_lines())
        lines = (f"  {name:<{width}}  {text}" for name, text in self.report_lines())
        return "\n".join([self._title, *warning, *lines])

    def _repr_html_(self) -> str:
        warning = f"<p><b>{html.escape(self.summary.message)}</b></p>" if self._doubtful else ""
        return f"<b>{html.escape(self._title)}</b>{warning}{analysis.html_table(self.report_lines())}"

    @property
    def _doubtful(self) -> bool:
        return self.partial or self.terms.rules == "parity"

    @property
    def _title(self) -> str:
        told = self.summary
        start = np.datetime64(told.start_ns, "ns").astype("datetime64[s]").item()
        span = f"{told.seconds:,.0f} s from {start:%Y-%m-%d %H:%M:%S} UTC"
        return f"Backtest of {told.symbol}, {told.model}: {span}, in {self.terms.took}"

    @property
    def _limit(self) -> int | None:
        """The position limit, where it was near enough to be drawn."""
        limit = self.terms.max_position
        return limit if limit and 2 * self.summary.max_abs_position >= limit else None

    @property
    def _conditions(self) -> str:
        terms = self.terms
        return ", ".join(word for word in (terms.rules, terms.queue, terms.latency, terms.decide) if word)

    def _fill_words(self, told: RunSummary) -> str:
        if not told.fills:
            return ""
        wait_s = float(np.median(self.fills["queue_wait"]))
        return f", {told.maker_share or 0.0:.1%} passive, half of them after {wait_s:.3g} s in the queue"

    # --- series -----------------------------------------------------------------------------------------------------

    @cached_property
    def _values(self) -> Any:
        return sample_values(self.log, self.terms.instrument)

    @cached_property
    def _parts(self) -> Parts:
        return self.accounts.at(self.log.quotes["t_ns"], self._values)

    @cached_property
    def _times(self) -> pd.DatetimeIndex:
        import pandas as pd

        times = self.log.quotes["t_ns"].astype("datetime64[ns]")
        return pd.DatetimeIndex(times, tz="UTC", name="time")
