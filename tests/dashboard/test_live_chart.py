from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.offline
import pytest

from workbench.dashboard import LiveChart, LiveFrame

SECOND = 1_000_000_000


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.ns = 1_780_000_000 * SECOND

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


class Source:
    """Gives a new frame each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent = False

    def __call__(self) -> LiveFrame | None:
        self.asked += 1
        if self.silent:
            return None
        x, y = np.array([1.0, 2.0, float(self.asked)]), np.array([0.5])
        return LiveFrame(self.asked * SECOND, {(0, "x"): x, (1, "y"): y}, {"why": "ok"}, [("Fills", "3", "")])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def chart(source: Source, clock: HandClock) -> LiveChart:
    return LiveChart({"traces": [{"type": "scatter"}], "layout": {}}, source, clock)


@pytest.fixture
def page(chart: LiveChart, browser: Callable[[LiveChart], Any]) -> Any:
    return browser(chart)


def test_nothing_is_sent_before_a_browser_is_there(chart: LiveChart, page: Any, source: Source) -> None:
    assert [chart.push() for _ in range(3)] == [False] * 3
    assert page.received == []
    assert source.asked == 0


def test_a_hello_is_answered_with_the_library_the_picture_and_a_snapshot(page: Any) -> None:
    page.says(type="hello", library=True)
    assert page.kinds() == ["library", "picture", "frame"]
    assert gzip.decompress(page.received[0][1][0]).decode() == plotly.offline.get_plotlyjs()


def test_a_page_that_has_the_library_does_not_get_it_again(page: Any) -> None:
    page.says(type="hello", library=False)
    assert page.kinds() == ["picture", "frame"]


def test_never_more_than_two_frames_are_unacknowledged(chart: LiveChart, page: Any, source: Source) -> None:
    page.says(type="hello", library=False)
    assert [chart.push() for _ in range(5)] == [True, False, False, False, False]
    assert len(page.frames()) == 2
    assert source.asked == 2, "frames that cannot be sent are not even made"


def test_after_an_acknowledgement_the_newest_frame_goes_out(chart: LiveChart, page: Any, source: Source) -> None:
    page.says(type="hello", library=False)
    chart.push()
    source.asked = 70
    page.says(type="ack", seq=1)
    assert chart.push()
    assert page.frames()[-1]["t_ms"] == 71_000.0
    assert not chart.push()


def test_drawing_a_frame_also_settles_the_ones_before_it(chart: LiveChart, page: Any) -> None:
    page.says(type="hello", library=False)
    chart.push()
    page.says(type="ack", seq=2)
    assert chart.drawn == 2
    assert [chart.push() for _ in range(3)] == [True, True, False]


def test_a_reloaded_page_gets_a_snapshot_though_its_frames_were_never_acknowledged(chart: LiveChart, page: Any) -> None:
    page.says(type="hello", library=False)
    chart.push()
    page.received.clear()
    page.says(type="hello", library=True)
    assert page.kinds() == ["library", "picture", "frame"]
    assert chart.push()


def test_a_page_that_was_cut_off_is_tried_again_after_a_while(chart: LiveChart, page: Any, clock: HandClock) -> None:
    page.says(type="hello", library=False)
    chart.push()
    clock.ns += 4 * SECOND
    assert not chart.push()
    clock.ns += 2 * SECOND
    assert chart.push()


def test_an_acknowledgement_tells_how_long_the_browser_took(chart: LiveChart, page: Any, clock: HandClock) -> None:
    page.says(type="hello", library=False)
    clock.ns += SECOND // 4
    page.says(type="ack", seq=1)
    assert chart.ack_delay_s == 0.25


def test_an_acknowledgement_of_a_frame_never_sent_is_not_believed(chart: LiveChart, page: Any) -> None:
    page.says(type="hello", library=False)
    page.says(type="ack", seq=99)
    assert chart.drawn == 1


def test_a_frame_is_one_buffer_of_doubles_that_its_array_list_takes_apart(page: Any) -> None:
    page.says(type="hello", library=False)
    content, buffers = page.received[-1]
    assert content["arrays"] == [[0, "x", 3], [1, "y", 1]]
    assert np.frombuffer(buffers[0], "<f8").tolist() == [1.0, 2.0, 1.0, 0.5]
    assert (content["header"], content["tiles"], content["ended"]) == ({"why": "ok"}, [["Fills", "3", ""]], False)
    assert content["sent_ms"] == 1_780_000_000_000.0


def test_without_anything_to_show_nothing_is_in_flight(chart: LiveChart, page: Any, source: Source) -> None:
    source.silent = True
    page.says(type="hello", library=False)
    assert not chart.push()
    source.silent = False
    assert [chart.push() for _ in range(3)] == [True, True, False]


def test_a_closed_chart_sends_nothing_more(chart: LiveChart, page: Any) -> None:
    page.says(type="hello", library=False)
    chart.close()
    assert chart.closed
    assert not chart.push()


def test_messages_of_another_kind_are_passed_over(chart: LiveChart, page: Any) -> None:
    page.says(type="goodbye")
    assert page.received == []


def test_the_state_that_a_notebook_would_save_holds_no_library_and_no_data(chart: LiveChart, page: Any) -> None:
    page.says(type="hello", library=True)
    state = chart.get_state()
    assert sum(len(str(value)) for value in state.values()) < 20_000
