"""A session without an engine, and a browser without a screen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.config import MarketMakerConfig
from workbench.dashboard import LiveChart
from workbench.engine import StopReport
from workbench.errors import WorkbenchError
from workbench.events import FrameFill, StateFrame

FRAME_NS = 100_000_000
START_NS = 1_780_000_000_000_000_000


class FakeSession:
    """Has what the desk uses of a `Session`: frames on demand, and a record of what was asked for."""

    def __init__(self, seed: int = 1) -> None:
        self.run_id = "fake"
        self.run_dir = Path("fake")
        self.venue = "sim"
        self.venue_url = "http://127.0.0.1:1"
        self.config = MarketMakerConfig()
        self.state: Any = "quoting"
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.open_orders_at_end: int | None = 0
        self.failure: WorkbenchError | None = None
        self.running = True
        self._random = random.Random(seed)
        self._frames: list[StateFrame] = []
        self._mid = 60_000.0
        self._position = 0
        self._traded = 0

    @property
    def latest(self) -> StateFrame | None:
        return self._frames[-1] if self._frames else None

    def frames(self, since_seq: int = 0) -> list[StateFrame]:
        return [frame for frame in self._frames if frame.seq > since_seq]

    def step(self, frames: int = 1) -> None:
        """The engine publishes so many more frames."""
        for _ in range(frames):
            self._frames.append(self._next_frame())

    async def update(self, **changes: Any) -> MarketMakerConfig:
        await self._asked("update", **changes)
        self.config = self.config.replace(**changes)
        return self.config

    async def pause(self) -> None:
        await self._asked("pause")

    async def resume(self) -> None:
        await self._asked("resume")

    async def flatten(self) -> None:
        await self._asked("flatten")

    async def kill(self) -> StopReport:
        await self._asked("kill")
        return self._report("kill")

    async def rearm(self) -> None:
        await self._asked("rearm")

    async def stop(self, flatten: bool = False) -> StopReport:
        await self._asked("stop", flatten=flatten)
        self.running = False
        return self._report("stop")

    def _report(self, stopped_by: str) -> StopReport:
        return StopReport(
            stopped_by=stopped_by,
            open_orders_at_end=self.open_orders_at_end,
            position_at_end=self._position,
            equity_change="0",
            currency="USDT",
            exit_code=0 if self.open_orders_at_end == 0 else 5,
            message="All orders are cancelled." if self.open_orders_at_end == 0 else "The venue does not answer.",
        )

    async def _asked(self, name: str, **arguments: Any) -> None:
        self.calls.append((name, arguments))
        if self.failure is not None:
            raise self.failure

    def _next_frame(self) -> StateFrame:
        seq = len(self._frames) + 1
        t_ns = START_NS + seq * FRAME_NS
        self._mid += self._random.gauss(0, 2)
        half = self._mid * self.config.spread_bps / 2e4
        fills: tuple[FrameFill, ...] = ()
        if self._random.random() < 0.05:
            side = self._random.choice((1, -1))
            self._position += side * 10
            self._traded += 1
            fills = (FrameFill(t_ns, side, self._mid - side * half, 10),)
        levels = range(self.config.max_orders_per_side)
        return StateFrame(
            seq=seq,
            t_ns=t_ns,
            symbol="BTC-PERP",
            state=self.state,
            why="both sides live",
            bid=self._mid - 0.5,
            ask=self._mid + 0.5,
            mark=self._mid,
            position=self._position,
            own_bids=tuple((self._mid - half - 24 * level, 10) for level in levels),
            own_asks=tuple((self._mid + half + 24 * level, 10) for level in levels),
            open_orders=2 * len(levels),
            sigma=1e-5,
            pnl_spread=f"{self._traded * 0.03:.8f}",
            pnl_fees=f"{self._traded * -0.01:.8f}",
            equity_change=f"{self._traded * 0.02:.8f}",
            fills=self._traded,
            volume=self._traded * 10,
            new_fills=fills,
            config=self.config.model_dump(mode="json"),
        )


class FakeBrowser:
    """The page's end of a LiveChart's messages."""

    def __init__(self, chart: LiveChart) -> None:
        self.chart = chart
        self.received: list[tuple[dict[str, Any], list[bytes]]] = []
        chart.send = self._receive  # type: ignore[method-assign]

    def _receive(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.received.append((content, buffers or []))

    def says(self, **content: Any) -> None:
        """A message from the page, on the way that ipywidgets delivers it."""
        self.chart._handle_custom_msg(content, [])

    def kinds(self) -> list[str]:
        return [content["type"] for content, _ in self.received]

    def frames(self) -> list[dict[str, Any]]:
        return [content for content, _ in self.received if content["type"] == "frame"]


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def browser() -> Callable[[LiveChart], FakeBrowser]:
    return FakeBrowser


async def _until(condition: Callable[[], bool], deadline_s: float = 5.0) -> None:
    """Wait for a condition that another thread or task brings about."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - a condition of any kind has no event to wait for
            await asyncio.sleep(0.005)


@pytest.fixture
def until() -> Callable[..., Any]:
    return _until
