"""The desk: one view of a running session, with its hands on the controls.

Everything that a click asks for runs on the session's background thread; the kernel's loop only draws, five times a
second, and only as fast as the browser keeps up.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import ipywidgets as widgets

from workbench.clock import SystemClock
from workbench.config import MarketMakerConfig
from workbench.dashboard.controls import SETTINGS, Controls
from workbench.dashboard.history import History
from workbench.dashboard.live_chart import LiveChart, LiveFrame
from workbench.dashboard.panels import live_frame, picture
from workbench.engine import Session, StopReport
from workbench.engine.sync import background_loop, in_background
from workbench.errors import ConfigError, SessionError, WorkbenchError
from workbench.events import StateFrame

__all__ = ["Desk"]

TICK_S = 0.2
DEBOUNCE_S = 0.25
FIRST_FRAME_S = 5.0

_log = logging.getLogger(__name__)

_DONE = {
    "start": "Started.",
    "pause": "Paused: quotes are pulled, the session runs on.",
    "resume": "Resumed.",
    "flatten": "Flattening the position.",
    "kill": "Killed. Nothing is quoted until it is re-armed.",
    "rearm": "Re-armed: press Resume to quote.",
    "stop": "Stopped.",
}


class Desk:
    """Controls and live charts over a session; show it as the last line of a cell.

    Parameters
    ----------
    session : Session, optional
        A running session, started or attached. Without one, the Start button (or `start`) begins one.
    config : MarketMakerConfig, optional
        What a new session starts with; a running session's own configuration wins.
    runs : path
        Where sessions started here get their run folders, one each.
    seed : int
        Seed of a simulated venue that is started.
    seconds : float, optional
        Length of sessions started here; they run until stopped when absent.

    Examples
    --------
    >>> desk = await Desk.open(MarketMakerConfig(spread_bps=12))  # doctest: +SKIP
    >>> desk  # doctest: +SKIP
    """

    def __init__(
        self,
        session: Session | None = None,
        *,
        config: MarketMakerConfig | None = None,
        runs: str | Path = "runs",
        seed: int = 1,
        seconds: float | None = None,
    ) -> None:
        self.session = session
        self._clock = SystemClock()
        self._heard_ns = 0
        self.config = config or MarketMakerConfig()
        self.history = History()
        self._runs = Path(runs)
        self._seed, self._seconds = seed, seconds
        self._wanted: dict[str, float] = {}
        self._debounce: asyncio.TimerHandle | None = None
        self._engine_config: dict[str, Any] = {}
        self._trouble = ""
        self._seen, self._framed = asyncio.Event(), asyncio.Event()
        self._started = False
        self.controls = Controls(self.config, self._act, self._change)
        self.chart = LiveChart(picture(), self._newest_frame)
        self.view = widgets.VBox([self.controls.view, self.chart])
        self._loop = _running_loop()
        self._task = self._loop.create_task(self._run(), name="workbench-desk") if self._loop else None
        self.tick()

    # --- for the notebook ---------------------------------------------------------------------------------------

    async def start(self) -> Session:
        """Start a session with the settings on the screen and show it.

        Raises
        ------
        SessionError
            If one is running already, or the engine could not be started.
        ConfigError
            If the settings are refused.
        """
        session = await in_background(self._start_session())
        self._show_started(session)
        return session

    @classmethod
    async def open(
        cls,
        config: MarketMakerConfig | None = None,
        *,
        runs: str | Path = "runs",
        seed: int = 1,
        seconds: float | None = None,
    ) -> Self:
        """A desk over the newest engine that runs in a folder of run folders, or over a new one if none does.

        After a kernel restart it is this that finds the engine again, with the last hour of frames.

        Parameters
        ----------
        config, seed, seconds
            As for a new desk; they matter only when a session is started.
        runs : path
            Where the run folders are, and where a new one is made.

        Raises
        ------
        ConfigError, SessionError, VenueError
            If a new session is needed and cannot be started.
        """
        session = await _newest_running(Path(runs))
        desk = cls(session, config=config, runs=runs, seed=seed, seconds=seconds)
        if session is None:
            await desk.start()
        with suppress(TimeoutError):
            await asyncio.wait_for(desk._framed.wait(), FIRST_FRAME_S)
        return desk

    async def leave(self, keep_running: bool | None = None, *, within_s: float = 5.0) -> StopReport | None:
        """End what this desk started, unless somebody is looking at it: the last line of a notebook.

        A session that was attached to is never touched.

        Parameters
        ----------
        keep_running : bool, optional
            True keeps the session, False ends it; by default it is kept if a browser has the desk.
        within_s : float
            How long to wait for a browser.

        Returns
        -------
        StopReport or None
            None if the session runs on.
        """
        if keep_running is None:
            keep_running = await self.seen(within_s)
        if keep_running or not self._started or self.session is None:
            return None
        report = await self.session.stop()
        self.tick()
        return report

    async def seen(self, within_s: float) -> bool:
        """Whether a browser has the desk: True as soon as one says so, False when none did `within_s` seconds long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._seen.wait(), within_s)
        return self._seen.is_set()

    def tick(self) -> None:
        """Take the frames that have come, bring the controls up to date, draw if the browser keeps up."""
        if self.session is not None and self.history.extend(self.session.frames(since_seq=self.history.seq)):
            self._heard_ns = self._clock.now_ns()
        latest = self.history.latest
        if latest is not None:
            self._framed.set()
            self._adopt(latest)
        self.controls.show_state(self._state())
        self.controls.tick()
        self.chart.push()
        if self.chart.greeted:
            self._seen.set()

    def close(self) -> None:
        """Take the desk off the page and stop drawing. The session is not touched."""
        if self._task is not None:
            self._task.cancel()
        if self._debounce is not None:
            self._debounce.cancel()
        self.chart.close()
        self.view.close()

    def __repr__(self) -> str:
        latest = self.history.latest
        return f"Desk({latest.symbol}, {latest.state}: {latest.why})" if latest else "Desk(no session)"

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        return self.view._repr_mimebundle_()

    # --- drawing ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Tick until the chart is closed; an error is shown and outlived."""
        while not self.chart.closed:
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - a picture that fails once must not leave the desk blind
                self._complain(error)
            await asyncio.sleep(TICK_S)

    def _complain(self, error: Exception) -> None:
        text = f"The desk could not be updated: {error!r}"
        if text != self._trouble:
            self._trouble = text
            _log.exception("the desk could not be updated")
            self.controls.say(text, "alert")

    def _newest_frame(self) -> LiveFrame | None:
        frame = live_frame(self.history, self.controls.window.value, ended=self._ended())
        if frame is None or self.session is None or self.session.venue != "replay":
            return frame
        # Its stamps are of the recorded day: its age counts from when it came here.
        return replace(frame, t_ns=self._heard_ns)

    def _state(self) -> str:
        if self.session is None:
            return ""
        if self._ended():
            return "stopped"
        return self.history.latest.state if self.history.latest else "starting"

    def _ended(self) -> str:
        """How the engine ended; empty while it runs."""
        if self.session is None or self.session.running:
            return ""
        latest = self.history.latest
        if latest is not None and latest.state in ("stopping", "stopped"):
            return f"the session has ended; its run folder is {self.session.run_dir}"
        return f"the engine has ended without a stop: see engine.log in {self.session.run_dir}"

    def _adopt(self, frame: StateFrame) -> None:
        """Show settings that somebody else has changed in the engine."""
        if not frame.config or frame.config == self._engine_config:
            return
        self._engine_config = frame.config
        # A frame names every setting; what equals its default must not count as given (price_precision acts then).
        given = MarketMakerConfig.from_dict(frame.config).model_dump(exclude_defaults=True)
        self.config = MarketMakerConfig.from_dict(given)
        if not self._wanted:
            self.controls.show_config(self.config)

    def _show_started(self, session: Session) -> None:
        self._started = True
        self.session = session
        self.history = History()
        self._engine_config = {}
        self.tick()

    # --- acting -------------------------------------------------------------------------------------------------

    def _act(self, action: str) -> None:
        """A button was pressed."""
        if action == "start":
            self._submit("start", self._start_session())
        elif self.session is None:
            self.controls.say("No session is running: press Start.", "alert")
        else:
            self._submit(action, getattr(self.session, action)())

    def _change(self, name: str, value: float) -> None:
        """A setting was changed; what comes within the next moment goes with it."""
        self._wanted[name] = value
        if self._loop is None:
            self._send_changes()
        else:
            # Before ipykernel 7.4 this runs in another thread than the loop's.
            self._loop.call_soon_threadsafe(self._wait_for_more)

    def _wait_for_more(self) -> None:
        assert self._loop is not None
        if self._debounce is not None:
            self._debounce.cancel()
        self._debounce = self._loop.call_later(DEBOUNCE_S, self._send_changes)

    def _send_changes(self) -> None:
        wanted, self._wanted = self._wanted, {}
        changes = {name: value for name, value in wanted.items() if value != getattr(self.config, name)}
        if not changes:
            return
        if self.session is not None and not self._ended():
            self._submit("update", self.session.update(**changes))
            return
        try:
            self._settled(self.config.replace(**changes))
        except ConfigError as error:
            self._refuse(error)

    def _submit(self, action: str, coro: Coroutine[Any, Any, Any]) -> None:
        """Run on the background thread; whatever comes of it is said on the message line. Never waits."""
        future = asyncio.run_coroutine_threadsafe(coro, background_loop())
        future.add_done_callback(lambda done: self._in_my_loop(action, done))

    def _in_my_loop(self, action: str, done: Future[Any]) -> None:
        if self._loop is None:
            self._finished(action, done)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finished, action, done)

    def _finished(self, action: str, done: Future[Any]) -> None:
        try:
            result = done.result()
        except CancelledError:
            self.controls.say(f"{action.capitalize()} was given up.", "alert")
        except ConfigError as error:
            self._refuse(error)
        except WorkbenchError as error:
            self.controls.say(f"{action.capitalize()} failed: {error}", "alert")
        except Exception as error:  # noqa: BLE001 - a click has no caller that could catch it
            _log.exception("%s failed", action)
            self.controls.say(f"{action.capitalize()} failed: {error!r}", "alert")
        else:
            self._succeeded(action, result)

    def _succeeded(self, action: str, result: Any) -> None:
        if action == "update":
            self._settled(result)
            return
        if action == "start":
            self._show_started(result)
        if isinstance(result, StopReport):
            self.controls.say(f"{_DONE[action]} {result.message}", "good" if result.verified else "alert")
        else:
            self.controls.say(_DONE[action], "good")

    def _settled(self, config: MarketMakerConfig) -> None:
        self.config = config
        if not self._wanted:
            self.controls.show_config(config)
        shown = ", ".join(f"{name} {getattr(config, name):g}" for name in SETTINGS)
        self.controls.say(f"In force: {shown}", "good")

    def _refuse(self, error: ConfigError) -> None:
        self.controls.show_config(self.config)
        self.controls.say(f"Refused: {error}", "alert")

    async def _start_session(self) -> Session:
        if self.session is not None and not self._ended():
            raise SessionError(f"run {self.session.run_id} is {self._state()}; expected none: stop it first")
        run_dir = self._runs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        return await Session.start(self.config, run_dir, self._seed, self._seconds)


async def _newest_running(runs: Path) -> Session | None:
    """The running session whose folder was written last, if there is one."""
    for folder in await asyncio.to_thread(_newest_first, runs):
        try:
            return await Session.attach(folder)
        except SessionError as error:
            _log.debug("not attached: %s", error)
    return None


def _newest_first(runs: Path) -> list[Path]:
    files = sorted(runs.glob("*/engine.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent for file in files]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
