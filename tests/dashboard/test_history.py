from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.dashboard.history import History, Ring
from workbench.dashboard.panels import live_frame, picture


@given(capacity=st.integers(1, 7), count=st.integers(0, 40))
def test_a_ring_keeps_the_newest_rows_in_order(capacity: int, count: int) -> None:
    ring = Ring(("t", "v"), capacity)
    for i in range(count):
        ring.append((float(i), float(-i)))
    kept = list(range(count))[-capacity:]
    columns = ring.since(-1.0)
    assert columns["t"].tolist() == kept
    assert columns["v"].tolist() == [-i for i in kept]
    assert len(ring) == len(kept)


def test_a_window_begins_at_its_time() -> None:
    ring = Ring(("t",), 10)
    for t in (1.0, 2.0, 2.0, 3.0):
        ring.append((t,))
    assert ring.since(2.0)["t"].tolist() == [2.0, 2.0, 3.0]
    assert ring.since(9.0)["t"].tolist() == []


def test_frames_heard_twice_are_taken_once(session: Any) -> None:
    history = History()
    session.step(5)
    assert history.extend(session.frames()) == 5
    session.step(2)
    assert history.extend(session.frames()) == 2
    assert len(history.frames) == 7
    assert history.seq == 7


def test_every_fill_of_every_frame_is_kept(session: Any) -> None:
    history = History()
    session.step(300)
    history.extend(session.frames())
    fills = [fill for frame in session.frames() for fill in frame.new_fills]
    assert len(fills) > 0
    assert history.fills.since(0)["price"].tolist() == [fill.price for fill in fills]


def test_there_is_no_picture_before_the_first_frame() -> None:
    assert live_frame(History(), 300.0) is None


def test_a_live_frame_has_data_for_every_trace_of_the_picture(session: Any) -> None:
    history = History()
    session.step(200)
    history.extend(session.frames())
    frame = live_frame(history, 300.0)
    assert frame is not None
    for trace, spec in enumerate(picture()["traces"]):
        x, y = frame.arrays[trace, "x"], frame.arrays[trace, "y"]
        assert len(x) == len(y) > 0, spec["name"]
        if spec["mode"] == "markers":
            assert len(frame.arrays[trace, "customdata"]) == len(x)
    assert frame.arrays[0, "y"][-1] == session.latest.bid
    assert frame.header["why"] == session.latest.why


def test_a_live_frame_shows_its_window_and_no_more(session: Any) -> None:
    history = History()
    session.step(600)
    history.extend(session.frames())
    frame = live_frame(history, 10.0)
    assert frame is not None
    x = frame.arrays[0, "x"]
    assert len(x) == 101
    assert x[-1] - x[0] == 10_000.0


def test_an_hour_of_frames_is_thinned_to_what_a_panel_can_show(session: Any) -> None:
    history = History()
    session.step(36_000)
    history.extend(session.frames())
    frame = live_frame(history, 3_600.0)
    assert frame is not None
    assert max(len(values) for values in frame.arrays.values()) <= 2_500
    assert all(np.isfinite(frame.arrays[0, name]).all() for name in ("x", "y"))


def test_the_ladder_of_now_is_drawn_level_by_level(session: Any) -> None:
    history = History()
    session.step(1)
    history.extend(session.frames())
    frame = live_frame(history, 60.0)
    assert frame is not None
    ladder = [trace for trace, spec in enumerate(picture()["traces"]) if spec["name"] == "own order, sell"]
    prices = frame.arrays[ladder[0], "y"].tolist()
    assert prices == [price for price, _ in session.latest.own_asks]
