"""The object a notebook holds: starts an engine or finds one again, tells it what to do, shows how it stands."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from workbench.config import MarketMakerConfig
from workbench.engine.connection import EngineConnection, is_running
from workbench.engine.launch import EngineProcess, spawn_engine, until_ready
from workbench.engine.outcome import Outcome
from workbench.engine.own_models import changes_with_source, self_contained
from workbench.engine.preflight import check_before_start
from workbench.engine.protocol import (
    CONNECTION_FILE,
    JOURNAL_FILE,
    LOG_FILE,
    OUTCOME_FILE,
    ConnectionFile,
    EngineSpec,
    Verb,
    read_struct,
)
from workbench.engine.status import SessionStatus, StopReport, frame_lines, page, page_html
from workbench.engine.sync import in_background
from workbench.errors import ConfigError, SessionError
from workbench.events import StateFrame

__all__ = ["Session"]

T = TypeVar("T")

ANSWER_S = 10.0
UPDATE_S = 60.0
"""A model that is new to the engine may have to be compiled there."""

END_S = 90.0
"""How long a stop may take: closing the position, cancelling, verifying, reconciling, writing."""

GONE_S = 15.0
LOOK_S = 0.05


class Session:
    """A running engine, seen from a notebook or a script. Made by `Session.start` or `Session.attach`.

    Every coroutine may be awaited on any event loop; `run_sync` serves those who have none. The engine lives in its own
    process: a busy, restarted or closed kernel changes nothing.

    Attributes
    ----------
    run_dir : Path
        The run folder: journal, log, and at the end `fills.parquet` and `outcome.json`.
    run_id, venue, venue_url : str

    Examples
    --------
    >>> session = await Session.start(MarketMakerConfig(spread_bps=12))  # doctest: +SKIP
    >>> await session.update(spread_bps=30)  # doctest: +SKIP
    >>> await session.stop()  # doctest: +SKIP
    """

    def __init__(
        self, run_dir: Path, address: ConnectionFile, connection: EngineConnection, process: EngineProcess | None
    ) -> None:
        self.run_dir = run_dir
        self.run_id = address.run_id
        self.venue = address.venue
        self.venue_url = address.venue_url
        self.pid = address.pid
        self._address = address
        self._connection = connection
        self._process = process
        self._closed = False

    # --- start and attach -------------------------------------------------------------------------------------------

    @classmethod
    async def start(
        cls,
        config: MarketMakerConfig | Mapping[str, Any] | None = None,
        run_dir: str | Path | None = None,
        seed: int = 1,
        seconds: float | None = None,
        owner_lifeline: bool = False,
    ) -> Self:
        """Start trading in a process of its own; returns when the book is valid and the engine decides.

        Parameters
        ----------
        config : MarketMakerConfig or mapping, optional
            By default the guide's numbers on the simulated LMEX.
        run_dir : path, optional
            A new or empty folder; by default `runs/<run id>`.
        seed : int
            Seed of the simulated market.
        seconds : float, optional
            End by itself this long after the first valid book.
        owner_lifeline : bool
            Tie the engine to this process: when this process dies, the engine cancels everything and ends.

        Raises
        ------
        ConfigError
            If the configuration is refused; nothing was started then, or everything has ended again.
        SessionError, VenueError
            If the engine could not start.
        """
        if not isinstance(config, MarketMakerConfig):
            config = MarketMakerConfig.from_dict(config or {})
        if seconds is not None and not seconds > 0:
            raise ConfigError([f"seconds is {seconds!r}; expected more than 0, or None for no limit"])
        return await in_background(cls._start(config, run_dir, seed, seconds, owner_lifeline))

    @classmethod
    async def _start(
        cls,
        config: MarketMakerConfig,
        run_dir: str | Path | None,
        seed: int,
        seconds: float | None,
        owner_lifeline: bool,
    ) -> Self:
        # The checks import the compiled core: a thread keeps other sessions' frames flowing meanwhile.
        await asyncio.to_thread(check_before_start, config)
        config = self_contained(config)
        run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        folder = _new_folder(Path("runs") / run_id if run_dir is None else Path(run_dir))
        settings = config.model_dump(mode="json", exclude_unset=True)
        spec = EngineSpec(run_id=run_id, config=settings, seed=seed, seconds=seconds)
        process, ready = spawn_engine(folder, spec, owner_lifeline=owner_lifeline)
        await until_ready(process, ready, folder / LOG_FILE)
        try:
            return await cls._attach(folder, process)
        except BaseException:
            # Nobody holds on to it: it must not trade on unseen.
            process.terminate()
            raise

    @classmethod
    async def attach(cls, run_dir: str | Path) -> Self:
        """Find a running engine again by its run folder, with the last hour of frames; after a kernel restart, say.

        Raises
        ------
        SessionError
            If the folder is not a run's, or its engine has ended.
        """
        return await in_background(cls._attach(Path(run_dir), None))

    @classmethod
    async def _attach(cls, run_dir: Path, process: EngineProcess | None) -> Self:
        address = read_struct(run_dir / CONNECTION_FILE, ConnectionFile)
        if not is_running(address.pid):
            raise SessionError(f"the engine of {run_dir} (process {address.pid}) has ended; expected a running one")
        connection = EngineConnection(address)
        try:
            await connection.fill()
        except BaseException:
            await connection.close()
            raise
        return cls(run_dir, address, connection, process)

    # --- what it is told --------------------------------------------------------------------------------------------

    async def update(self, **changes: Any) -> MarketMakerConfig:
        """Change settings while it trades, `update(spread_bps=30, quoting={"inventory_skew": 0.5})`; the new whole.

        A model of one's own, new or edited, is taken along: `update(quoting={"model": my_model})`. It is compiled
        before it is asked for quotes.

        Raises
        ------
        ConfigError
            If the engine refuses them; the old configuration stays in force.
        """
        # Finding a model may import it: a thread keeps the notebook's frames flowing meanwhile.
        sent = await asyncio.to_thread(changes_with_source, changes)
        settings: dict[str, Any] = await self._ask("update", sent, dict, UPDATE_S)
        return MarketMakerConfig.from_dict(settings)

    async def pause(self, reason: str = "") -> SessionStatus:
        """Cancel the quotes and wait for `resume`."""
        return await self._ask("pause", {"reason": reason}, SessionStatus)

    async def resume(self) -> SessionStatus:
        """Quote again after a pause."""
        return await self._ask("resume", {}, SessionStatus)

    async def flatten(self) -> SessionStatus:
        """Cancel the quotes and close the position with reduce-only orders; paused afterwards."""
        return await self._ask("flatten", {}, SessionStatus, END_S)

    async def kill(self, reason: str = "") -> StopReport:
        """Cancel everything at once and verify that the venue lists nothing; no quote until somebody re-arms it."""
        return await self._ask("kill", {"reason": reason}, StopReport, END_S)

    async def rearm(self, reason: str = "") -> SessionStatus:
        """Allow quoting again after a kill or after a limit stopped it; `resume` then starts it."""
        return await self._ask("rearm", {"reason": reason}, SessionStatus)

    async def stop(self, flatten: bool = False) -> StopReport:
        """End the session: cancel, verify zero open orders at the venue, say so. Inventory stays unless `flatten`.

        A session that has ended meanwhile gives the report of that end.
        """
        return await in_background(self._stop(flatten))

    async def wait(self) -> StopReport:
        """Wait until the engine ends by itself (`seconds`, a signal, somebody's stop) and report how."""
        return await in_background(self._until_gone(None))

    async def status(self) -> SessionStatus:
        """How the session stands, asked of the engine now. Its repr is the status page."""
        return await self._ask("status", {}, SessionStatus)

    async def close(self) -> None:
        """Let go of the engine without ending it; `Session.attach` finds it again. An owner's lifeline stays."""
        if not self._closed:
            self._closed = True
            await in_background(self._connection.close())

    # --- what it shows ----------------------------------------------------------------------------------------------

    @property
    def latest(self) -> StateFrame | None:
        """The newest state frame; kept up to date in the background."""
        return self._connection.latest

    def frames(self, since_seq: int = 0) -> list[StateFrame]:
        """The state frames after a number, oldest first; up to the last hour."""
        return self._connection.frames(since_seq)

    @property
    def running(self) -> bool:
        """Whether the engine process lives."""
        return is_running(self.pid)

    @property
    def journal_path(self) -> Path:
        """The journal, readable at any time by `read_journal`."""
        return self.run_dir / JOURNAL_FILE

    @property
    def has_outcome(self) -> bool:
        """Whether the engine ended in an orderly way and left its outcome."""
        return (self.run_dir / OUTCOME_FILE).exists()

    def outcome(self) -> Outcome:
        """Everything about a session that has ended.

        Raises
        ------
        SessionError
            If it still runs, or was killed before it could write its outcome.
        """
        return read_struct(self.run_dir / OUTCOME_FILE, Outcome)

    def __repr__(self) -> str:
        return page(self._lines())

    def _repr_html_(self) -> str:
        return page_html(self._lines())

    def _lines(self) -> list[tuple[str, str]]:
        where = [("session", f"{self.run_id}, {'running' if self.running else 'ended'}, {self.run_dir}")]
        return where if self.latest is None else where + frame_lines(self.latest)

    # --- how --------------------------------------------------------------------------------------------------------

    async def _ask(self, verb: Verb, args: dict[str, Any], kind: type[T], timeout_s: float = ANSWER_S) -> T:
        if self._closed:
            raise SessionError(f"this session was closed; expected an open one: Session.attach({str(self.run_dir)!r})")
        return await in_background(self._connection.ask(verb, args, kind, timeout_s))

    async def _stop(self, flatten: bool) -> StopReport:
        if not self._closed and self.running and not self.has_outcome:
            try:
                report = await self._connection.ask("stop", {"flatten": flatten}, StopReport, END_S)
            except SessionError:
                # It may have ended by itself while the request was on its way: then its outcome says how.
                if self.running:
                    raise
            else:
                await self._until_gone(GONE_S)
                return report
        return await self._until_gone(GONE_S)

    async def _until_gone(self, timeout_s: float | None) -> StopReport:
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        # Another process ends without telling anybody: looking is all that can be done.
        while self.running and (deadline is None or loop.time() < deadline):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        if not self._closed:
            self._closed = True
            await self._connection.close()
        if self._process is not None:
            self._process.let_go()
        outcome = self.outcome()
        return StopReport(
            stopped_by=outcome.stopped_by,
            open_orders_at_end=outcome.open_orders_at_end,
            position_at_end=outcome.position_at_end,
            equity_change=outcome.equity_change,
            currency=outcome.fee_currency,
            exit_code=outcome.exit_code,
            message=outcome.message,
        )


def _new_folder(path: Path) -> Path:
    """A folder for a run: made, or empty enough that nothing of another run is lost."""
    folder = path.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SessionError(f"{folder} cannot be made ({error.strerror}); expected a place to write") from None
    used = [name for name in (CONNECTION_FILE, JOURNAL_FILE, OUTCOME_FILE) if (folder / name).exists()]
    if used:
        raise SessionError(f"{folder} holds a run already ({', '.join(used)}); expected a new folder: give another")
    return folder
