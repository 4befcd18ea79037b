"""The desk over a real engine: the buttons that a session's whole life needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from workbench.config import MarketMakerConfig
from workbench.dashboard import Desk

pytestmark = pytest.mark.process

Until = Callable[..., Awaitable[None]]


def test_a_session_is_stopped_and_another_started_by_buttons_alone(tmp_path: Path, until: Until) -> None:
    async def live() -> None:
        desk = await Desk.open(MarketMakerConfig(spread_bps=12), runs=tmp_path, seed=3, seconds=120)
        try:
            first = desk.session
            assert first is not None
            assert desk.history.seq > 0
            await until(lambda: not desk.controls.stop.button.disabled, 20)
            desk.controls.stop.button.click()
            desk.controls.stop.button.click()
            await until(lambda: "Stopped." in desk.controls.message.value, 30)
            await until(lambda: not desk.controls.start.disabled, 20)
            assert not first.running
            desk.controls.start.click()
            await until(lambda: desk.session is not first, 60)
            await until(lambda: desk.history.seq > 0, 20)
            assert desk.session is not None
            assert desk.session.run_dir.parent == tmp_path
            assert desk.session.run_id != first.run_id
        finally:
            report = await desk.leave(keep_running=False)
            desk.close()
        assert report is not None
        assert report.verified

    asyncio.run(live())
