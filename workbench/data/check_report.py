"""What a check found, for people: sentences, tables, a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.instruments import Instrument

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FAR_SHARE", "CheckReport"]

FAR_SHARE = 0.1
"""A level farther from the mid than this share of it is far: harmless, but no array should reach there."""


@dataclass(frozen=True)
class CheckReport:
    """What was found; its repr is for people, `plot()` the picture.

    Attributes
    ----------
    rows : int
    kinds : dict of str to int
    hours : DataFrame
        By hour of receipt (index): rows, messages, trades, gaps, missing_s, crossed, late, duplicates, far, and the way
        from the venue in ms: least, median, most.
    minutes : DataFrame
        The same by minute.
    gaps : DataFrame
        t_ns, cause, seconds (NaN: not mended), since_ns (receipt of the last good message; 0 not known).
    skew_ms : (float, float, float)
        Receipt minus venue time: least, median, most. Its median mixes the way and the difference of the clocks.
    drift_ppm : float
        How much faster the local clock runs than the venue's, parts per million; NaN for less than three minutes.
    steps : DataFrame
        t_ns, ms: where the local clock jumped against the venue's.
    silences : int
        Minutes or more without any message, outside of gaps.
    backward : int
        Rows received earlier than the row before.
    farthest_ticks : int
        Largest distance of a level from the mid.
    """

    venue: str
    instrument: Instrument
    rows: int
    messages: int
    start_ns: int
    end_ns: int
    kinds: dict[str, int]
    hours: pd.DataFrame
    minutes: pd.DataFrame
    gaps: pd.DataFrame
    skew_ms: tuple[float, float, float]
    drift_ppm: float
    steps: pd.DataFrame
    silences: int
    backward: int
    farthest_ticks: int

    def _sum(self, name: str) -> int:
        return int(self.hours[name].sum())

    @property
    def crossed(self) -> int:
        """Book messages after which the best bid was at or above the best ask."""
        return self._sum("crossed")

    @property
    def late(self) -> int:
        """Rows whose venue time is earlier than that of a row received before."""
        return self._sum("late")

    @property
    def duplicates(self) -> int:
        """Trades and book messages received again under the same number."""
        return self._sum("duplicates")

    @property
    def far(self) -> int:
        """Levels more than a tenth of the price away."""
        return self._sum("far")

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that a backtest should know; empty for clean data."""
        least, median, _ = self.skew_ms
        open_gaps = int(self.gaps["seconds"].isna().sum())
        found = [
            (len(self.gaps), f"{len(self.gaps)} gap(s), {self.gaps['seconds'].sum():.1f} s without a book"),
            (open_gaps, f"{open_gaps} of them never mended"),
            (self.crossed, f"{self.crossed:,} book messages leave the book crossed"),
            (self.duplicates, f"{self.duplicates:,} messages came twice"),
            (self.backward, f"the receipt clock goes back {self.backward} time(s)"),
            (len(self.steps), f"the clocks step against each other {len(self.steps)} time(s)"),
            (least <= 0, f"received {-least:,.2f} ms before it happened at most (median {median:,.2f} ms): clock skew"),
            (self.silences, f"{self.silences} silence(s) of a minute or more outside of gaps"),
        ]
        return [sentence for is_so, sentence in found if is_so]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def __repr__(self) -> str:
        start, end = (pd.Timestamp(ns).strftime("%Y-%m-%d %H:%M:%S") for ns in (self.start_ns, self.end_ns))
        kinds = ", ".join(f"{count:,} {name}" for name, count in self.kinds.items())
        least, median, most = self.skew_ms
        drift = "" if np.isnan(self.drift_ppm) else f", drift {self.drift_ppm:+.1f} ppm"
        lines = [
            f"{self.venue} {self.instrument.symbol}, {start} to {end} UTC: {'clean' if self.ok else 'look at this'}",
            f"  {self.rows:,} rows in {self.messages:,} messages: {kinds}",
            f"  way from the venue {median:,.2f} ms ({least:,.2f} to {most:,.2f}){drift}",
            f"  levels up to {self.farthest_ticks:,} ticks from the mid, {self.far:,} more than {FAR_SHARE:.0%} away",
            f"  {self.late:,} rows ({self.late / self.rows:.1%}) were overtaken on their way",
        ]
        return "\n".join([*lines, *(f"  - {problem}" for problem in self.problems)])

    def plot(self) -> go.Figure:
        """One page: messages a minute with the gaps, the way from the venue, and what is wrong, over time."""
        from workbench.data.check_figure import check_figure

        return check_figure(self)
