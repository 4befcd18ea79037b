"""One widget for everything live: frames go out only as fast as the browser draws them.

The protocol, over the widget's own messages:

- browser: `{"type": "hello", "library": bool}` when a page has (again) a model of this widget; `library` asks for
  plotly.js.
- kernel: `{"type": "library"}` with plotly.js, gzipped, as its buffer; once a page.
- kernel: `{"type": "picture", "picture"}`: traces and layout without data, in answer to a hello.
- kernel: `{"type": "frame", "seq", "t_ms", "sent_ms", "ended", "header", "tiles", "arrays"}` with one buffer of
  float64: a complete window of data, so that a lost frame or a reloaded page heals with the next one.
- browser: `{"type": "ack", "seq"}` when that frame is on the screen.

Nothing of this is widget state, so a saved notebook holds neither data nor plotly.js.
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import numpy.typing as npt
import plotly.offline

from workbench.clock import NS, Clock, SystemClock

__all__ = ["LiveChart", "LiveFrame"]

MAX_IN_FLIGHT = 2
LOST_AFTER_S = 5.0
"""A frame without acknowledgement for so long is given up: its page is hidden, closed or was cut off."""

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class LiveFrame:
    """One complete picture.

    Parameters
    ----------
    t_ns : int
        When the engine saw this; the browser shows its age.
    arrays : mapping
        `(trace number, attribute)` to values, for example `(0, "x")`.
    header : mapping of str to str
        The line above the charts: state, tone (good, quiet, alert), symbol, why.
    tiles : sequence of (label, value, tone)
        The counters below it.
    ended : bool
        Whether the session is over, so that an old frame is no alarm.
    """

    t_ns: int
    arrays: Mapping[tuple[int, str], npt.NDArray[np.float64]]
    header: Mapping[str, str] = field(default_factory=dict)
    tiles: Sequence[tuple[str, str, str]] = ()
    ended: bool = False


class LiveChart(anywidget.AnyWidget):
    """Live Plotly charts with flow control: never more than two frames on their way, and the newest always wins.

    Parameters
    ----------
    picture : mapping
        `traces` and `layout` for Plotly, without data.
    newest : callable
        Gives the frame to draw now, or None. It is asked only when a frame can be sent, so a page that is slow, hidden
        or closed costs nothing.
    clock : Clock
        Where the time comes from.
    """

    _esm = _STATIC / "live_chart.js"
    _css = _STATIC / "live_chart.css"

    def __init__(
        self, picture: Mapping[str, Any], newest: Callable[[], LiveFrame | None], clock: Clock | None = None
    ) -> None:
        self._picture = dict(picture)
        self._newest = newest
        self._clock = clock or SystemClock()
        self._greeted = False
        self._closed = False
        self._seq = 0
        self._in_flight: dict[int, int] = {}
        self._drawn = 0
        self._ack_delay_ns = 0
        super().__init__()
        self.on_msg(lambda _widget, content, _buffers: self._hear(content))

    @property
    def closed(self) -> bool:
        """Whether the widget was closed; nothing is sent from then on."""
        return self._closed

    @property
    def greeted(self) -> bool:
        """Whether a page has this widget."""
        return self._greeted

    @property
    def drawn(self) -> int:
        """Number of the newest frame that a browser has drawn; 0 means that nobody has seen anything."""
        return self._drawn

    @property
    def sent(self) -> int:
        """Frames sent so far."""
        return self._seq

    @property
    def ack_delay_s(self) -> float:
        """Seconds from sending the newest drawn frame to hearing that it is on the screen."""
        return self._ack_delay_ns / NS

    def push(self) -> bool:
        """Send the newest frame if the browser keeps up.

        Returns
        -------
        bool
            Whether a frame was sent; False while no browser is there, two frames are on their way, or there is none.
        """
        if self._closed or not self._greeted:
            return False
        now_ns = self._clock.monotonic_ns()
        lost_before = now_ns - round(LOST_AFTER_S * NS)
        self._in_flight = {seq: sent_ns for seq, sent_ns in self._in_flight.items() if sent_ns > lost_before}
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return False
        frame = self._newest()
        if frame is None:
            return False
        self._seq += 1
        self._in_flight[self._seq] = now_ns
        self.send(*self._message(frame))
        return True

    def close(self) -> None:
        """Remove the widget from the page; pushing ends."""
        self._closed = True
        super().close()

    def _hear(self, content: Mapping[str, Any]) -> None:
        kind = content.get("type")
        if kind == "hello":
            self._greet(library=bool(content.get("library")))
        elif kind == "ack":
            self._acknowledge(int(content["seq"]))

    def _greet(self, *, library: bool) -> None:
        """A page is there, new or again: nothing that was on its way to an old one counts."""
        if library:
            self.send({"type": "library"}, [_plotly_js()])
        self.send({"type": "picture", "picture": self._picture})
        self._greeted = True
        self._in_flight.clear()
        self.push()

    def _acknowledge(self, seq: int) -> None:
        # Drawing a frame makes the ones before it pointless: the browser passes over them without a word.
        if sent_ns := self._in_flight.get(seq):
            self._ack_delay_ns = self._clock.monotonic_ns() - sent_ns
        self._in_flight = {later: sent_ns for later, sent_ns in self._in_flight.items() if later > seq}
        self._drawn = max(self._drawn, min(seq, self._seq))

    def _message(self, frame: LiveFrame) -> tuple[dict[str, Any], list[bytes]]:
        values = list(frame.arrays.values())
        content = {
            "type": "frame",
            "seq": self._seq,
            "t_ms": frame.t_ns / 1e6,
            "sent_ms": self._clock.now_ns() / 1e6,
            "ended": frame.ended,
            "header": dict(frame.header),
            "tiles": [list(tile) for tile in frame.tiles],
            "arrays": [[trace, name, len(v)] for (trace, name), v in frame.arrays.items()],
        }
        together = np.concatenate(values, dtype=np.float64) if values else np.empty(0)
        return content, [together.tobytes()]


@functools.cache
def _plotly_js() -> bytes:
    """plotly.js of the installed plotly wheel; lightly packed, for desks looked at through a tunnel."""
    return gzip.compress(plotly.offline.get_plotlyjs().encode(), compresslevel=1)
