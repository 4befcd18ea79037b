"""What is wrong with recorded data: gaps, crossed books, clocks, duplicates, order, far levels; counted by the hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from workbench.data.check_report import FAR_SHARE, CheckReport
from workbench.data.partition import HOUR_NS
from workbench.data.replayed import BOOK_KINDS, BookReplay, message_starts
from workbench.data.schema import (
    DEPTH,
    GAP,
    GAP_CROSSED,
    GAP_DISCONNECTED,
    GAP_OTHER,
    GAP_RECORDER,
    GAP_SEQUENCE,
    GAP_TRADES,
    KIND_NAMES,
    RESYNC,
    TRADE,
)
from workbench.errors import DataError
from workbench.events import NS
from workbench.instruments import Instrument

__all__ = ["check_events"]

Columns = dict[str, npt.NDArray[Any]]
MINUTE_NS = 60 * NS
STEP_MS = 50.0
"""A minute's median way from the venue that jumps by more, and by ten times the usual change, is a step of a clock."""
SILENCE_NS = 60 * NS
MOST_SAMPLES = 1 << 21
MOST_IDS = 1 << 20
CAUSES = {
    0: "start",
    GAP_DISCONNECTED: "disconnected",
    GAP_SEQUENCE: "sequence",
    GAP_CROSSED: "crossed",
    GAP_OTHER: "other",
    GAP_RECORDER: "recorder",
    GAP_TRADES: "trades",
}


def check_events(tables: Iterable[pa.Table], instrument: Instrument, venue: str = "") -> CheckReport:
    """Judge event tables in the order of arrival, whatever their length.

    Raises
    ------
    DataError
        If there is no row.
    """
    checker = _Checker()
    for columns in _whole_messages(tables):
        checker.add(columns)
    return checker.report(instrument, venue)


def _whole_messages(tables: Iterable[pa.Table]) -> Iterator[Columns]:
    """The columns of the tables, so cut that no message is taken apart."""
    held: pa.Table | None = None
    for table in tables:
        table = table if held is None else pa.concat_tables([held, table])
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        starts = np.flatnonzero(message_starts(columns))
        last = int(starts[-1]) if starts.size else 0
        held = table.slice(last)
        yield {name: values[:last] for name, values in columns.items()}
    if held is not None:
        yield {name: held.column(name).to_numpy() for name in held.column_names}


@dataclass
class _Checker:
    """Counts batch by batch; what it keeps grows with the minutes, not with the rows."""

    rows: int = 0
    messages: int = 0
    start_ns: int = 1 << 62
    end_ns: int = -(1 << 62)
    kinds: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(max(KIND_NAMES) + 1, dtype=np.int64))
    minutes: list[pd.DataFrame] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    silences: int = 0
    backward: int = 0
    farthest: int = 0
    _book: BookReplay = field(default_factory=BookReplay)
    _mid: float = np.nan
    _last_ns: int = 0
    _lost: int = 0
    _venue_ns: int = 0
    _ids: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)
    _ways: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _kept: int = 0
    _stride: int = 1

    def add(self, columns: Columns) -> None:
        """Take the next rows."""
        t_ns, venue_ns, kind = columns["t_ns"], columns["venue_ns"], columns["kind"]
        if not t_ns.size:
            return
        starts = message_starts(columns)
        self.rows += t_ns.size
        self.messages += int(np.count_nonzero(starts))
        self.start_ns, self.end_ns = min(self.start_ns, int(t_ns.min())), max(self.end_ns, int(t_ns.max()))
        self.kinds += np.bincount(kind, minlength=self.kinds.size)[: self.kinds.size]
        self._see_silence(columns)
        said = venue_ns > 0
        latest = np.maximum.accumulate(np.append(self._venue_ns, np.where(said, venue_ns, 0)))
        self._venue_ns = int(latest[-1])
        counts = {
            "rows": np.ones(t_ns.size, dtype=np.int64),
            "messages": starts,
            "trades": kind == TRADE,
            "late": said & (venue_ns < latest[:-1]),
            "duplicates": self._repeated(columns, starts),
            "crossed": np.zeros(t_ns.size, dtype=np.bool_),
            "far": np.zeros(t_ns.size, dtype=np.bool_),
            "gaps": kind == GAP,
        }
        self._look_at_book(columns, counts)
        way = np.where(said & starts, t_ns - venue_ns, np.iinfo(np.int64).min)
        self._keep_ways(way[said & starts])
        self._see_gaps(columns)
        self.minutes.append(_by_minute(t_ns, counts, way))

    def report(self, instrument: Instrument, venue: str) -> CheckReport:
        """Everything seen so far."""
        if not self.rows:
            raise DataError(f"no rows of {instrument.symbol} in that range; expected some to check")
        minutes = _merged(pd.concat(self.minutes), MINUTE_NS)
        gaps = pd.DataFrame(self.gaps, columns=["t_ns", "cause", "seconds", "since_ns"]).astype({"seconds": float})
        missing = gaps.groupby(gaps["t_ns"] // MINUTE_NS * MINUTE_NS)["seconds"].sum()
        minutes["missing_s"] = missing.reindex(minutes.index).fillna(0.0)
        ways = np.concatenate(self._ways) / 1e6 if self._ways else np.array([np.nan])
        medians = minutes["median_ms"].dropna()
        steps = _steps(medians)
        return CheckReport(
            venue,
            instrument,
            self.rows,
            self.messages,
            self.start_ns,
            self.end_ns,
            {name: int(self.kinds[kind]) for kind, name in KIND_NAMES.items() if self.kinds[kind]},
            _merged(minutes, HOUR_NS),
            minutes,
            gaps,
            (float(minutes["least_ms"].min()), float(np.median(ways)), float(minutes["most_ms"].max())),
            _drift_ppm(medians, steps),
            steps,
            self.silences,
            self.backward,
            self.farthest,
        )

    # --- one thing each ---------------------------------------------------------------------------------------------

    def _see_silence(self, columns: Columns) -> None:
        t_ns, kind = columns["t_ns"], columns["kind"]
        passed = np.diff(t_ns, prepend=self._last_ns or t_ns[0])
        self.backward += int(np.count_nonzero(passed < 0))
        lost = np.where((kind == GAP) & (columns["size"] < GAP_TRADES), 1, np.where(kind == RESYNC, 0, -1))
        since = np.maximum.accumulate(np.where(lost >= 0, np.arange(lost.size), -1))
        now = np.where(since >= 0, lost[since], self._lost)
        in_gap = np.append(self._lost, now[:-1]) == 1
        # The first row after a restart of the recorder is the GAP itself.
        self.silences += int(np.count_nonzero((passed >= SILENCE_NS) & ~in_gap & (kind != GAP)))
        self._last_ns, self._lost = int(t_ns[-1]), int(now[-1])

    def _repeated(self, columns: Columns, starts: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Trades, and messages of levels, whose number was there before."""
        repeated = np.zeros(starts.size, dtype=np.bool_)
        kind, numbers = columns["kind"], columns["venue_seq"]
        for what, rows in ((TRADE, kind == TRADE), (DEPTH, (kind == DEPTH) & starts)):
            at = np.flatnonzero(rows & (numbers > 0))
            ids = np.concatenate([self._ids.get(what, np.empty(0, dtype=np.int64)), numbers[at]])
            if (np.diff(ids) <= 0).any():
                _, first = np.unique(ids, return_index=True)
                again = np.ones(ids.size, dtype=np.bool_)
                again[first] = False
                repeated[at] = again[ids.size - at.size :]
            self._ids[what] = ids[-MOST_IDS:]
        return repeated

    def _look_at_book(self, columns: Columns, counts: Columns) -> None:
        book = np.flatnonzero(np.isin(columns["kind"], BOOK_KINDS))
        if not book.size:
            return
        its = {name: columns[name][book] for name in ("t_ns", "venue_ns", "venue_seq", "kind", "side", "size")}
        its["price_ticks"] = columns["price_ticks"][book]
        starts = message_starts(its)
        ends = np.roll(starts, -1)
        best = self._book.play(its, ends)
        both = (best[:, 1] > 0) & (best[:, 3] > 0)
        counts["crossed"][book[ends]] = both & (best[:, 0] >= best[:, 2])
        mids = np.where(both, (best[:, 0] + best[:, 2]) / 2, np.nan)
        before = pd.Series(np.append(self._mid, mids)).ffill().to_numpy()
        self._mid = float(before[-1])
        mid = before[np.cumsum(starts) - 1]
        away = np.where(its["kind"] == DEPTH, np.abs(its["price_ticks"] - mid), np.nan)
        counts["far"][book] = away > FAR_SHARE * mid
        if np.isfinite(away).any():
            self.farthest = max(self.farthest, int(np.nanmax(away)))

    def _keep_ways(self, ways: npt.NDArray[np.int64]) -> None:
        """Each way while there are few, then every second, every fourth, ..."""
        self._ways.append(ways[:: self._stride])
        self._kept += self._ways[-1].size
        if self._kept > MOST_SAMPLES:
            self._ways = [np.concatenate(self._ways)[::2]]
            self._kept = self._ways[0].size
            self._stride *= 2

    def _see_gaps(self, columns: Columns) -> None:
        for row in np.flatnonzero((columns["kind"] == GAP) | (columns["kind"] == RESYNC)).tolist():
            t_ns, cause = int(columns["t_ns"][row]), int(columns["size"][row])
            if columns["kind"][row] == GAP:
                seconds = 0.0 if cause == GAP_TRADES else np.nan
                since_ns = int(columns["value_ns"][row])
                self.gaps.append({"t_ns": t_ns, "cause": CAUSES.get(cause, str(cause)), "seconds": seconds})
                self.gaps[-1]["since_ns"] = since_ns
            else:
                for gap in self.gaps:
                    if np.isnan(gap["seconds"]):
                        gap["seconds"] = (t_ns - (gap["since_ns"] or gap["t_ns"])) / NS


_SUMS = ("rows", "messages", "trades", "late", "duplicates", "crossed", "far", "gaps", "missing_s")


def _by_minute(t_ns: npt.NDArray[np.int64], counts: Columns, way: npt.NDArray[np.int64]) -> pd.DataFrame:
    minute = t_ns // MINUTE_NS * MINUTE_NS
    said = way > np.iinfo(np.int64).min
    ways = pd.Series(way[said] / 1e6).groupby(minute[said])
    frame = pd.DataFrame(counts).astype(np.int64).groupby(minute).sum()
    for name, values in (("least_ms", ways.min()), ("median_ms", ways.median()), ("most_ms", ways.max())):
        frame[name] = values.reindex(frame.index)
    return frame


def _merged(minutes: pd.DataFrame, step_ns: int) -> pd.DataFrame:
    """Sums of counts, least and most of the extremes, and of the medians the one in the middle of the messages."""
    key = minutes.index.to_numpy() // step_ns * step_ns
    by = minutes.groupby(key)
    sums = [name for name in _SUMS if name in minutes]
    frame = by[sums].sum()
    frame["least_ms"] = by["least_ms"].min()
    weighted = minutes[["median_ms", "messages"]].dropna().sort_values("median_ms", kind="stable")
    groups = weighted.groupby(weighted.index.to_numpy() // step_ns * step_ns)
    medians = {start: _weighted_median(rows) for start, rows in groups}
    frame["median_ms"] = pd.Series(medians, dtype=np.float64).reindex(frame.index)
    frame["most_ms"] = by["most_ms"].max()
    frame.index.name = "t_ns"
    return frame


def _weighted_median(rows: pd.DataFrame) -> float:
    weight = rows["messages"].to_numpy().cumsum()
    return float(rows["median_ms"].to_numpy()[np.searchsorted(weight, weight[-1] / 2)])


def _drift_ppm(medians: pd.Series, steps: pd.DataFrame) -> float:
    """Slope of the minutes' medians without the steps: milliseconds in a million milliseconds."""
    if len(medians) < 3:
        return float("nan")
    times = medians.index.to_numpy()
    stepped = np.append(0.0, np.cumsum(steps["ms"]))[np.searchsorted(steps["t_ns"], times, side="right")]
    return float(np.polyfit((times - times[0]) / 1e6, medians.to_numpy() - stepped, 1)[0] * 1e6)


def _steps(medians: pd.Series) -> pd.DataFrame:
    change = np.diff(medians.to_numpy())
    usual = np.median(np.abs(change)) if change.size else 0.0
    at = np.flatnonzero(np.abs(change) > max(STEP_MS, 10 * usual))
    return pd.DataFrame({"t_ns": medians.index.to_numpy()[at + 1], "ms": change[at]})
