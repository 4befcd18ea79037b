"""Checks: each kind of trouble is found, counted, put in its hour, and nothing is found where nothing is."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.made_data import BTC, HOUR_NS, START_NS, random_book, rows, table_of, written
from workbench.data import (
    DEPTH,
    GAP,
    GAP_DISCONNECTED,
    GAP_TRADES,
    RESYNC,
    TRADE,
    Catalog,
    CheckReport,
    check_events,
)
from workbench.errors import DataError


def checked(frame: pd.DataFrame, batch: int = 1 << 20) -> CheckReport:
    table = table_of(frame)
    return check_events((table.slice(start, batch) for start in range(0, len(frame), batch)), BTC, "sim")


def day(seed: int, minutes: int = 30) -> pd.DataFrame:
    """A clean book and a trade, both every second; 5 ms from the venue, give or take one."""
    return made_day(seed, minutes).copy()


@cache
def made_day(seed: int, minutes: int) -> pd.DataFrame:
    book = random_book(seed, 60 * minutes, every_s=1.0, levels=2)
    trades = rows(*[(s + 0.05, TRADE, 1, 770_000, 3, {"venue_seq": 10_000 + s}) for s in range(60 * minutes)])
    frame = pd.concat([book, trades]).sort_values("t_ns", kind="stable", ignore_index=True)
    jitter = np.random.default_rng(seed).integers(-(10**6), 10**6, frame["venue_seq"].max() + 1)
    frame["seq"] = START_NS + np.arange(len(frame))
    return frame.assign(venue_ns=frame["t_ns"] - 5_000_000 + jitter[frame["venue_seq"]])


def test_clean_data_is_called_clean(tmp_path: Path) -> None:
    frame = day(1)
    report = checked(frame)
    assert report.ok
    assert report.problems == []
    assert report.rows == len(frame)
    assert report.messages == 1_800 + 1_800
    assert report.skew_ms[1] == pytest.approx(5.0, abs=0.05)
    assert abs(report.drift_ppm) < 1
    assert report.hours["trades"].sum() == 1_800
    assert report.minutes["messages"].tolist()[3:5] == [120, 120]
    assert "clean" in repr(report)
    assert re.search(r"way from the venue (4\.9|5\.0)\d ms \(4\.0", repr(report))
    catalog = written(Catalog(tmp_path), frame)
    pd.testing.assert_frame_equal(catalog.check("BTC-PERP").hours, report.hours)
    assert repr(catalog.check()) == repr(report)
    written(catalog, frame.head(1), venue="lmex")
    with pytest.raises(DataError, match="holds BTC-PERP of lmex, BTC-PERP of sim; say which"):
        catalog.check()


def test_batches_of_any_length_find_the_same() -> None:
    frame = day(1, minutes=5)
    whole, pieces = checked(frame), checked(frame, batch=97)
    counts = ["rows", "trades", "late", "duplicates", "crossed", "far", "gaps"]
    pd.testing.assert_frame_equal(pieces.hours[counts], whole.hours[counts])
    assert pieces.skew_ms == pytest.approx(whole.skew_ms)
    assert pieces.farthest_ticks == whole.farthest_ticks


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def from_minute(frame: pd.DataFrame, minute: int) -> pd.Series:
    return frame["t_ns"] >= START_NS + minute * 60 * 10**9


def step(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(t_ns=frame["t_ns"] + 400_000_000 * from_minute(frame, 17))


def pause(frame: pd.DataFrame) -> pd.DataFrame:
    later = 90 * 10**9 * from_minute(frame, 7)
    return frame.assign(t_ns=frame["t_ns"] + later, venue_ns=frame["venue_ns"] + later)


def back(frame: pd.DataFrame) -> pd.DataFrame:
    trade = frame.index[frame["kind"] == TRADE][300]
    frame.loc[trade, ["t_ns", "venue_ns"]] -= 60_000_000
    return frame


def drift(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(t_ns=frame["t_ns"] + ((frame["t_ns"] - START_NS) * 40e-6).astype("int64"))


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    again = frame[frame["kind"] == TRADE].iloc[100:103]
    return pd.concat([frame, again.assign(t_ns=frame["t_ns"].iloc[-1] + 10**6)], ignore_index=True)


def crossed(frame: pd.DataFrame) -> pd.DataFrame:
    last = frame["t_ns"].iloc[-1]
    wrong = rows((0, DEPTH, 1, 771_000, 5, {"venue_seq": 10**6})).assign(t_ns=last + 1, venue_ns=last)
    right = wrong.assign(size=0, t_ns=last + 2, venue_ns=last + 1, venue_seq=10**6 + 1)
    return pd.concat([frame, wrong, right], ignore_index=True)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda frame: frame.assign(t_ns=frame["t_ns"] - 1_270_000_000), "1,266.00 ms before it happened"),
        (step, "the clocks step against each other 1 time(s)"),
        (twice, "3 messages came twice"),
        (crossed, "1 book messages leave the book crossed"),
        (lambda frame: frame[(frame["kind"] != DEPTH) | ~from_minute(frame, 29)].iloc[:-50], ""),
        (pause, "1 silence(s) of a minute or more"),
        (back, "the receipt clock goes back 1 time(s)"),
    ],
)
def test_each_trouble_is_found_and_nothing_else(spoil: Spoil, sentence: str) -> None:
    report = checked(spoil(day(1)))
    if not sentence:
        assert report.ok
        return
    assert len(report.problems) == 1, report.problems
    assert sentence in report.problems[0]
    assert sentence in repr(report)


def test_a_step_has_its_time_and_size_and_a_drift_its_rate() -> None:
    steps = checked(step(day(1))).steps
    assert steps["ms"].tolist() == [pytest.approx(400, abs=2)]
    assert abs(steps["t_ns"].iloc[0] - START_NS - 17 * 60 * 10**9) < 120 * 10**9
    assert checked(drift(day(1))).drift_ppm == pytest.approx(40, abs=1)
    assert checked(drift(step(day(1)))).drift_ppm == pytest.approx(40, abs=3)


def test_overtaken_rows_are_counted_and_no_fault() -> None:
    frame = day(1, minutes=2)
    late = frame.index[frame["kind"] == TRADE][50:60]
    frame.loc[late, "venue_ns"] -= 3 * 10**9
    report = checked(frame)
    assert report.late == 10
    assert report.ok
    assert "10 rows (" in repr(report)


def test_far_levels_are_counted_and_measured() -> None:
    far = rows((0, DEPTH, 1, 10_000, 5, {"venue_seq": 10**6})).assign(t_ns=START_NS + 60 * 10**9, venue_ns=START_NS)
    frame = day(1, minutes=2)
    report = checked(pd.concat([frame, far.assign(t_ns=frame["t_ns"].iloc[-1])]))
    assert report.far == 1
    assert report.farthest_ticks == pytest.approx(760_000, abs=2_000)


def test_gaps_stand_in_their_hour_with_cause_and_length() -> None:
    since = START_NS + int(0.9 * HOUR_NS)
    remark = {"venue_ns": 0, "venue_seq": 0, "value_ns": since}
    frame = rows(
        (0, TRADE, 1, 5, 1),
        (3500, GAP, 0, 0, GAP_DISCONNECTED, remark),
        (3700, RESYNC, 0, 0, GAP_DISCONNECTED, remark),
        (3710, TRADE, 1, 5, 1),
        (3715, GAP, 0, 0, GAP_TRADES, remark),
        (3720, TRADE, 1, 5, 1),
        (3730, GAP, 0, 0, GAP_DISCONNECTED, remark | {"value_ns": 0}),
    )
    report = checked(frame)
    assert report.gaps["cause"].tolist() == ["disconnected", "trades", "disconnected"]
    assert report.gaps["seconds"].tolist()[:2] == [pytest.approx(460), 0]
    assert np.isnan(report.gaps["seconds"].iloc[2])
    assert report.hours["gaps"].tolist() == [0, 3] or report.hours["gaps"].sum() == 3
    assert "3 gap(s), 460.0 s without a book" in repr(report)
    assert "1 of them never mended" in repr(report)


def test_a_gap_explains_the_silence_in_it() -> None:
    remark = {"venue_ns": 0, "venue_seq": 0, "value_ns": START_NS}
    gap = rows((420.5, GAP, 0, 0, GAP_DISCONNECTED, remark), (509.5, RESYNC, 0, 0, GAP_DISCONNECTED, remark))
    report = checked(pd.concat([pause(day(1)), gap]).sort_values("t_ns", kind="stable"))
    assert len(report.gaps) == 1
    assert report.silences == 0


def test_two_weeks_are_drawn_by_the_hour() -> None:
    frame = rows(*[(h * 600, TRADE, 1, 5, 1) for h in range(4_000)])
    report = checked(frame)
    bars = report.plot().data[0]
    assert len(report.minutes) == 4_000
    assert len(bars.x) == len(report.hours) < 700
    assert sum(bars.y) == 4_000


def test_the_picture_shows_activity_clocks_and_gaps() -> None:
    remark = {"venue_ns": 0, "venue_seq": 0, "value_ns": START_NS + 10**9}
    gap = rows((100, GAP, 0, 0, GAP_DISCONNECTED, remark), (160, RESYNC, 0, 0, GAP_DISCONNECTED, remark))
    frame = pd.concat([twice(day(1, minutes=5)), gap]).sort_values("t_ns", kind="stable")
    figure = checked(frame).plot()
    names = {trace.name for trace in figure.data}
    assert {"messages", "median way", "twice"} <= names
    messages = next(trace for trace in figure.data if trace.name == "messages")
    assert sum(messages.y) == checked(frame).messages
    bands = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(bands) == 3, "one on each chart"
    assert pd.Timestamp(bands[0].x0).value == START_NS + 10**9
    assert "sim BTC-PERP" in figure.layout.title.text


def test_nothing_to_check_is_refused(tmp_path: Path) -> None:
    catalog = written(Catalog(tmp_path), day(1, minutes=1))
    with pytest.raises(DataError, match="no rows of BTC-PERP in that range"):
        catalog.check("BTC-PERP", "2020-01-01", "2020-01-02")
