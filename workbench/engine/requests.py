"""What people may ask of a running engine: look at it, change it, pause, flatten, kill, re-arm and stop it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Literal

from workbench.engine.engine import FLATTEN_S, Engine
from workbench.engine.outcome import stop_report
from workbench.engine.own_models import load_model, self_contained
from workbench.engine.status import SessionStatus, StopReport
from workbench.errors import ConfigError, SessionError
from workbench.events import Configure, Control

__all__ = ["Requests"]

NOT_WHILE_RUNNING = ("symbol", "venue", "size_unit")
"""Settings that need a new session."""


class Requests:
    """Answers for one engine. The control socket calls `handle`; in virtual time a script does.

    Parameters
    ----------
    engine : Engine
        Started.
    venue_url : str
        Where the venue is, for the status page.
    """

    def __init__(self, engine: Engine, venue_url: str = "") -> None:
        self._engine = engine
        self._venue_url = venue_url
        self._clock = engine.clock

    async def handle(self, verb: str, args: Mapping[str, Any]) -> Any:
        """Do what is asked and return what msgspec can send back.

        Raises
        ------
        WorkbenchError
            If it is refused.
        """
        reason = str(args.get("reason", ""))
        match verb:
            case "status":
                return self.status()
            case "frames":
                return self._engine.history.since(int(args.get("since_seq", 0)))
            case "update":
                return await self.update(args)
            case "kill":
                return await self.kill(reason)
            case "stop":
                return await self.stop(flatten=bool(args.get("flatten", False)))
            case "pause" | "resume" | "rearm" | "flatten":
                return await self.control(verb, reason)
        raise SessionError(f"request {verb!r} is not known; expected status, frames, update, pause, resume, ...")

    def status(self) -> SessionStatus:
        """How the session stands now."""
        engine, loop = self._engine, self._engine.loop
        loop.refresh_frame()
        return SessionStatus(
            run_id=engine.spec.run_id,
            pid=os.getpid(),
            venue=engine.config.venue.name,
            venue_url=self._venue_url,
            seed=engine.spec.seed,
            seconds=engine.spec.seconds,
            running_s=engine.running_s,
            dead_man_s=engine.config.venue.dead_man_seconds,
            lag_ms=round(loop.stats.lag_ms, 3),
            max_lag_ms=round(loop.stats.max_lag_ms, 3),
            largest_backlog=loop.stats.largest_backlog,
            frame=engine.last_frame,
        )

    async def control(self, action: Literal["pause", "resume", "rearm", "flatten"], reason: str = "") -> SessionStatus:
        """Returns when the core has taken it; a flatten when the position is closed, or after 20 s."""
        loop = self._engine.loop
        loop.emit(Control(self._clock.now_ns(), action, reason))
        await loop.consumed()
        if action == "flatten":
            await loop.wait_until(lambda: self._engine.maker.position == 0, FLATTEN_S)
        return self.status()

    async def update(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the configuration while it runs; returns the complete new one.

        Raises
        ------
        ConfigError
            If the result is not valid for this market, or a setting needs a new session.
        """
        engine = self._engine
        fixed = [name for name in changes if name.split(".")[0] in NOT_WHILE_RUNNING]
        if fixed:
            said = "cannot change while a session runs; stop it and start another"
            raise ConfigError([f"{name} {said}" for name in fixed])
        await load_model(engine.config.replace(**changes))
        # Anew: another update may have come while a model was compiled.
        config = self_contained(engine.config.replace(**changes), leaves_process=False)
        # A core made just for this refuses whatever the running one could not take.
        engine.make_maker(config)
        engine.loop.emit(Configure(self._clock.now_ns(), config.model_dump_json(exclude_unset=True)))
        # Before waiting: another update may come meanwhile, and must build on this one.
        engine.config = config
        await engine.loop.consumed()
        return config.model_dump(mode="json", exclude_unset=True)

    async def kill(self, reason: str = "") -> StopReport:
        """Cancel everything at once and verify; the engine stays up and quotes nothing until somebody re-arms it."""
        engine = self._engine
        engine.loop.emit(Control(self._clock.now_ns(), "kill", reason))
        await engine.loop.consumed()
        left = await engine.cancel_all()
        engine.loop.refresh_frame()
        return stop_report("kill", left, 0 if left == 0 else 5, engine.last_frame)

    async def stop(self, *, flatten: bool = False) -> StopReport:
        """End the session; returns when everything that it leaves behind is in place."""
        self._engine.end("request", flatten=flatten)
        return await asyncio.shield(self._engine.ended)
