from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.clock import SystemClock
from workbench.config import MarketMakerConfig
from workbench.dashboard import Desk
from workbench.engine import Session
from workbench.errors import ConfigError, SessionError

Until = Callable[..., Awaitable[None]]


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test as a notebook's cell runs: inside a loop, which ends with no task left behind."""

    async def run() -> None:
        await test()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            assert task.get_name() == "workbench-desk", task
            task.cancel()

    asyncio.run(run())


@pytest.mark.parametrize("action", ["pause", "flatten", "kill"])
def test_one_click_acts(session: Any, until: Until, action: str) -> None:
    async def test() -> None:
        session.step(3)
        desk = Desk(session)
        getattr(desk.controls, action).click()
        await until(lambda: bool(session.calls))
        assert session.calls == [(action, {})]

    on_a_loop(test)


@pytest.mark.parametrize("venue", ["sim", "replay"])
def test_the_age_of_a_recorded_day_counts_from_when_it_was_heard(session: Any, venue: str) -> None:
    async def test() -> None:
        session.venue = venue
        session.step(3)
        before_ns = SystemClock().now_ns()
        desk = Desk(session)
        shown = desk._newest_frame()
        assert shown is not None
        if venue == "replay":
            assert before_ns <= shown.t_ns <= SystemClock().now_ns()
        else:
            assert shown.t_ns == session.latest.t_ns

    on_a_loop(test)


def test_kill_acts_on_one_click_and_says_so(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        desk.controls.kill.click()
        await until(lambda: "Killed" in desk.controls.message.value)
        assert session.calls == [("kill", {})]

    on_a_loop(test)


def test_a_kill_that_could_not_be_verified_is_an_alarm(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        session.open_orders_at_end = None
        desk = Desk(session)
        desk.controls.kill.click()
        await until(lambda: "does not answer" in desk.controls.message.value)
        assert "#be123c" in desk.controls.message.value

    on_a_loop(test)


def test_an_ended_engine_is_said_and_lets_start_again(session: Any, browser: Callable[..., Any]) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        page = browser(desk.chart)
        session.running = False
        desk.tick()
        assert not desk.controls.start.disabled
        page.says(type="hello", library=False)
        frame = page.frames()[-1]
        assert frame["ended"]
        assert "without a stop" in frame["header"]["why"]
        session.state = "stopped"
        session.step(1)
        desk.tick()
        assert "run folder" in page.frames()[-1]["header"]["why"]

    on_a_loop(test)


def test_kill_can_be_pressed_in_every_state_of_a_session(session: Any) -> None:
    async def test() -> None:
        desk = Desk(session)
        for state in ("starting", "quoting", "waiting", "paused", "flattening", "killed", "halted", "stopping"):
            desk.controls.show_state(state)
            assert not desk.controls.kill.disabled

    on_a_loop(test)


@pytest.mark.parametrize(("action", "state"), [("rearm", "killed"), ("stop", "quoting")])
def test_rearm_and_stop_need_two_clicks(session: Any, until: Until, action: str, state: str) -> None:
    async def test() -> None:
        session.state = state
        session.step(1)
        desk = Desk(session)
        two = getattr(desk.controls, action)
        assert not two.button.disabled
        at_rest = two.button.description
        two.button.click()
        assert two.button.description != at_rest
        assert session.calls == []
        two.button.click()
        await until(lambda: bool(session.calls))
        assert session.calls[0][0] == action
        assert two.button.description == at_rest

    on_a_loop(test)


def test_a_question_that_nobody_answers_is_forgotten(session: Any) -> None:
    async def test() -> None:
        desk = Desk(session)
        desk.controls.rearm.button.click()
        for _ in range(20):
            desk.controls.tick()
        desk.controls.rearm.button.click()
        assert session.calls == []

    on_a_loop(test)


def test_a_paused_session_offers_to_resume(session: Any, until: Until) -> None:
    async def test() -> None:
        session.state = "paused"
        session.step(1)
        desk = Desk(session)
        assert desk.controls.pause.description == "Resume"
        desk.controls.pause.click()
        await until(lambda: bool(session.calls))
        assert session.calls == [("resume", {})]

    on_a_loop(test)


def test_changes_that_come_together_reach_the_engine_as_one_update(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        for value in (21.0, 25.0, 30.0):
            desk.controls.spread.value = value
        desk.controls.levels.value = 5
        await until(lambda: "In force" in desk.controls.message.value)
        assert session.calls == [("update", {"spread_bps": 30.0, "max_orders_per_side": 5})]
        assert desk.config.spread_bps == 30.0

    on_a_loop(test)


def test_the_crumbs_of_a_sliders_steps_do_not_reach_the_engine(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        desk.controls.spread.value = 24.000000000000004
        await until(lambda: bool(session.calls))
        assert session.calls == [("update", {"spread_bps": 24.0})]

    on_a_loop(test)


def test_a_refused_value_is_explained_and_the_screen_shows_what_is_in_force(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        desk.controls.size.value = -5.0
        await until(lambda: "Refused" in desk.controls.message.value)
        assert "order_size is -5.0" in desk.controls.message.value
        assert desk.controls.size.value == 10.0
        assert session.config == MarketMakerConfig()

    on_a_loop(test)


def test_a_value_changed_back_before_it_was_sent_sends_nothing(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        desk.controls.spread.value = 30.0
        desk.controls.spread.value = 20.0
        await until(lambda: not desk._wanted)
        assert session.calls == []

    on_a_loop(test)


def test_a_setting_changed_elsewhere_is_shown_and_not_sent_back(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        session.config = session.config.replace(spread_bps=44)
        session.step(1)
        desk.tick()
        assert desk.controls.spread.value == 44.0
        assert not desk._wanted
        assert session.calls == []

    on_a_loop(test)


def test_an_action_that_fails_is_said_on_the_message_line(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        session.failure = SessionError("the engine does not answer; expected a reply within 5 s: look at engine.log")
        desk = Desk(session)
        desk.controls.flatten.click()
        await until(lambda: "Flatten failed" in desk.controls.message.value)
        assert "engine.log" in desk.controls.message.value

    on_a_loop(test)


def test_markup_in_a_message_is_shown_and_not_run(session: Any) -> None:
    async def test() -> None:
        desk = Desk(session)
        desk.controls.say("<img src=x onerror=alert(1)>")
        assert "<img" not in desk.controls.message.value

    on_a_loop(test)


def test_callbacks_from_another_thread_are_safe(session: Any, until: Until) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)

        def click() -> None:
            desk.controls.spread.value = 33.0
            desk.controls.kill.click()

        thread = threading.Thread(target=click)
        thread.start()
        await until(lambda: len(session.calls) == 2)
        thread.join()
        assert {name for name, _ in session.calls} == {"kill", "update"}

    on_a_loop(test)


def test_the_desk_pushes_by_itself_and_outlives_an_error(
    session: Any, browser: Callable[..., Any], until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        page = browser(desk.chart)
        page.says(type="hello", library=False)
        page.says(type="ack", seq=1)
        frames, session.frames = session.frames, None
        await until(lambda: "could not be updated" in desk.controls.message.value)
        session.frames = frames
        session.step(1)
        await until(lambda: len(page.frames()) >= 2)
        assert page.frames()[-1]["t_ms"] == session.latest.t_ns / 1e6

    on_a_loop(test)


def test_the_task_ends_when_the_chart_is_closed(session: Any, until: Until) -> None:
    async def test() -> None:
        desk = Desk(session)
        task = desk._task
        assert task is not None
        desk.chart.close()
        await until(task.done)
        assert not task.cancelled()

    on_a_loop(test)


def test_closing_the_desk_leaves_the_session_alone(session: Any, until: Until) -> None:
    async def test() -> None:
        desk = Desk(session)
        desk.close()
        assert desk._task is not None
        await until(desk._task.done)
        assert session.calls == []

    on_a_loop(test)


def test_attaching_shows_what_happened_before(session: Any, browser: Callable[..., Any]) -> None:
    async def test() -> None:
        session.step(500)
        desk = Desk(session)
        page = browser(desk.chart)
        page.says(type="hello", library=False)
        assert page.frames()[0]["arrays"][0] == [0, "x", 500]

    on_a_loop(test)


def test_seen_knows_whether_anybody_looks(session: Any, browser: Callable[..., Any]) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        assert not await desk.seen(within_s=0.01)
        page = browser(desk.chart)
        page.says(type="hello", library=False)
        assert await desk.seen(within_s=5)

    on_a_loop(test)


def test_leaving_ends_what_the_desk_started_only_when_nobody_looks(session: Any, browser: Callable[..., Any]) -> None:
    async def test() -> None:
        desk = Desk()
        desk._show_started(session)
        page = browser(desk.chart)
        page.says(type="hello", library=False)
        await desk.leave()
        assert session.calls == []
        await desk.leave(keep_running=False)
        assert session.calls == [("stop", {"flatten": False})]

    on_a_loop(test)


def test_leaving_ends_the_session_when_nobody_looks(session: Any) -> None:
    async def test() -> None:
        desk = Desk()
        desk._show_started(session)
        await desk.leave(keep_running=True)
        assert session.calls == []
        await desk.leave(within_s=0.01)
        assert session.calls == [("stop", {"flatten": False})]

    on_a_loop(test)


def test_leaving_never_ends_a_session_that_was_attached_to(session: Any) -> None:
    async def test() -> None:
        desk = Desk(session)
        assert await desk.leave(keep_running=False) is None
        assert session.calls == []

    on_a_loop(test)


def test_settings_of_a_desk_without_session_change_what_start_begins_with(until: Until) -> None:
    async def test() -> None:
        desk = Desk(config=MarketMakerConfig(spread_bps=12))
        assert not desk.controls.start.disabled
        assert desk.controls.kill.disabled
        desk.controls.spread.value = 15.0
        await until(lambda: "In force" in desk.controls.message.value)
        assert desk.config.spread_bps == 15.0
        desk.controls.limit.value = 1.0
        await until(lambda: "Refused" in desk.controls.message.value)
        assert desk.controls.limit.value == 1000.0

    on_a_loop(test)


def test_starting_twice_is_refused(session: Any) -> None:
    async def test() -> None:
        session.step(1)
        desk = Desk(session)
        with pytest.raises(SessionError, match="stop it first"):
            await desk.start()

    on_a_loop(test)


def test_start_begins_a_session_with_the_settings_on_the_screen(
    session: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    async def start(config: MarketMakerConfig, run_dir: Path, seed: int, seconds: float | None) -> Any:
        asked.append((config, run_dir.parent, seed, seconds))
        session.step(1)
        return session

    async def test() -> None:
        monkeypatch.setattr(Session, "start", start)
        desk = Desk(config=MarketMakerConfig(spread_bps=12), runs="somewhere", seed=3)
        desk.controls.start.click()
        await until(lambda: desk.session is session)
        assert asked == [(MarketMakerConfig(spread_bps=12), Path("somewhere"), 3, None)]
        assert desk.history.seq == 1

    on_a_loop(test)


def test_settings_with_a_configuration_beyond_the_sliders_range_still_fit() -> None:
    async def test() -> None:
        desk = Desk(config=MarketMakerConfig(spread_bps=20))
        desk.controls.show_config(MarketMakerConfig(spread_bps=450))
        assert desk.controls.spread.value == 450.0
        assert not desk._wanted

    on_a_loop(test)


def test_a_refusal_keeps_every_sentence() -> None:
    async def test() -> None:
        desk = Desk()
        desk._refuse(ConfigError(["first problem", "second problem"]))
        assert "first problem" in desk.controls.message.value
        assert "second problem" in desk.controls.message.value

    on_a_loop(test)


def test_a_desk_in_a_script_without_a_loop_can_be_driven_by_hand(session: Any, browser: Callable[..., Any]) -> None:
    desk = Desk(session)
    page = browser(desk.chart)
    page.says(type="hello", library=False)
    session.step(1)
    desk.tick()
    assert page.kinds() == ["picture", "frame"]
    assert repr(desk) == "Desk(BTC-PERP, quoting: both sides live)"
