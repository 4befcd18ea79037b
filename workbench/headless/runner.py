"""A session without a person: the notebook run, followed, ended and counted, whatever happens.

The order of the end matters. The engine cancels and verifies; the runner waits for that, or makes sure of it; then come
the tables and the page, and `summary.json` last.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import NamedTuple

import msgspec

import workbench
from workbench.clock import Clock, SystemClock
from workbench.config import MarketMakerConfig
from workbench.engine.journal import JournalRow, read_frames, read_journal, read_meta
from workbench.engine.outcome import Outcome, write_fills
from workbench.engine.protocol import VenueFile, read_struct
from workbench.errors import ConfigError, JournalError, SessionError, VenueError, WorkbenchError
from workbench.headless.engine_end import await_engine_end
from workbench.headless.folder import RunFolder
from workbench.headless.post_mortem import PostMortem, post_mortem
from workbench.headless.progress import terminal_progress
from workbench.headless.report import write_report
from workbench.headless.simulated_venue import tape_hash
from workbench.headless.stopping import StopRequest
from workbench.headless.summary import (
    FAILED,
    Summary,
    summary_of_nothing,
    summary_of_outcome,
    write_summary,
)
from workbench.headless.tables import instrument_of

__all__ = ["Plan", "run_session", "session_notebook"]

CELL_MARGIN_S = 200.0
"""Over the session's own time: the first compile, and the stop."""

REFUSED = 2
LIMIT = 3
NOT_VERIFIED = 5

_log = logging.getLogger(__name__)


class Plan(NamedTuple):
    """What to run: a checked configuration, where its files go, for how long, with which seed."""

    config: MarketMakerConfig
    folder: RunFolder
    seconds: float
    seed: int
    flatten: bool = False


def session_notebook() -> Path:
    """Where `session.ipynb` is: inside an installed package, or beside it in a checkout."""
    package = Path(workbench.__file__).parent
    places = (package / "headless" / "session.ipynb", package.parent / "notebooks" / "session.ipynb")
    for place in places:
        if place.is_file():
            return place
    raise SessionError(f"session.ipynb is neither at {places[0]} nor at {places[1]}; expected one: install again")


def run_session(plan: Plan, stop: StopRequest, *, clock: Clock | None = None, show_progress: bool = True) -> Summary:
    """Run `session.ipynb` on the planned configuration and leave a finished run folder.

    A simulated venue is started unless `venue.url` names one. Whatever ends the run (its time, a signal, a limit, a
    kill -9 of the kernel or of the engine), the folder is finished and the summary is true.

    Parameters
    ----------
    plan : Plan
        A checked configuration (`workbench.engine.preflight.check_before_start`) and a claimed folder.
    stop : StopRequest
        Looked at all the time.
    clock : Clock, optional
        For deadlines.
    show_progress : bool
        Draw a bar on the terminal.
    """
    clock = clock or SystemClock()
    trouble: WorkbenchError | None = None
    if not stop.requested:
        try:
            with terminal_progress(plan.folder, plan.seconds, enabled=show_progress):
                _run_notebook(plan, stop)
        except WorkbenchError as error:
            trouble = error
    await_engine_end(plan.folder, clock)
    counted = _counted(plan, clock)
    summary = _judged(_with_tape(counted.summary, plan), trouble, stop)
    _write_pages(plan.folder, summary, counted.late_fills)
    write_summary(plan.folder, summary)
    return summary


def _run_notebook(plan: Plan, stop: StopRequest) -> None:
    """Run the notebook. Raises `ConfigError` when the engine refused, `SessionError` when a cell failed."""
    from papermill.exceptions import PapermillExecutionError

    from workbench.headless.papermill_engine import execute

    parameters = {
        "venue": plan.config.venue.name,
        "symbol": plan.config.symbol,
        "seconds": plan.seconds,
        "seed": plan.seed,
        "settings": plan.config.model_dump(mode="json", exclude_unset=True, exclude={"symbol"}),
        "run_folder": str(plan.folder.root),
        "flatten": plan.flatten,
    }
    try:
        execute(session_notebook(), plan.folder.notebook, parameters, stop, _cell_s(plan))
    except PapermillExecutionError as error:
        if error.ename == "ConfigError":
            raise ConfigError([f"Refused: {error.evalue}"]) from None
        raise SessionError(f"The notebook failed: {error.ename}: {error.evalue}; see {plan.folder.notebook}") from None
    except Exception as error:
        # A dead kernel, a full disk: the folder is finished, whatever it was.
        raise SessionError(f"The notebook did not run to its end: {error!r}; see {plan.folder.notebook}") from error


def _cell_s(plan: Plan) -> int:
    """How long one cell may take on the wall clock."""
    slower = max(1.0, 1.0 / (plan.config.venue.speed or 1.0)) if plan.config.venue.name == "replay" else 1.0
    return math.ceil(plan.seconds * slower + CELL_MARGIN_S)


def _counted(plan: Plan, clock: Clock) -> PostMortem:
    """The numbers, from the engine's last word, else from the journal; without either nothing was sent."""
    folder = plan.folder
    if folder.outcome.exists():
        summary = summary_of_outcome(read_struct(folder.outcome, Outcome), plan.seconds)
        return PostMortem(_with_limit(summary, folder), [])
    nothing = summary_of_nothing(plan.config, folder, seconds=plan.seconds, seed=plan.seed)
    if not folder.journal.exists():
        return PostMortem(nothing, [])
    try:
        return post_mortem(folder, plan.config, _simulated_venue(plan), seconds=plan.seconds, clock=clock)
    except JournalError as error:
        message = f"Nothing is known: {error}"
        return PostMortem(msgspec.structs.replace(nothing, message=message, open_orders_at_end=None), [])


def _with_limit(summary: Summary, folder: RunFolder) -> Summary:
    """Say which limit stopped the session: the notebook that ended it afterwards was only the messenger."""
    if summary.exit_code != LIMIT:
        return summary
    reasons = [frame.why for frame in read_frames(folder.journal) if frame.state == "halted"]
    message = f"Stopped by a limit: {reasons[0] if reasons else 'the journal says which'}. {summary.message}"
    return msgspec.structs.replace(summary, stopped_by="limit", message=message)


def _with_tape(summary: Summary, plan: Plan) -> Summary:
    """Add the hash of the simulated market's tape: of the planned time, or of what ran when it ended early."""
    url, seconds = _simulated_venue(plan), int(min(plan.seconds, summary.ran_s))
    if url is None or seconds == 0:
        return summary
    try:
        return msgspec.structs.replace(summary, tape_hash=tape_hash(url, seconds), tape_seconds=seconds)
    except VenueError as error:
        return msgspec.structs.replace(summary, message=f"{summary.message} {error}")


def _simulated_venue(plan: Plan) -> str | None:
    """Where the run's simulated venue listens: started for it, or named by its configuration."""
    if plan.folder.venue.exists():
        return read_struct(plan.folder.venue, VenueFile).url
    return plan.config.venue.url if plan.config.venue.name == "sim" else None


def _judged(summary: Summary, trouble: WorkbenchError | None, stop: StopRequest) -> Summary:
    """The exit code, the gravest reason first: not verified, a signal, a refusal, a failure, the engine's own."""
    message = summary.message if trouble is None else f"{summary.message} {trouble}"
    if not summary.adds_up:
        message += (
            f" The PnL parts do not sum to the change in equity, {summary.equity_change}: please report this run."
        )
    code = summary.exit_code
    if code not in (LIMIT, NOT_VERIFIED) and (trouble is not None or not summary.adds_up):
        code = FAILED
    if isinstance(trouble, ConfigError) and not summary.orders_sent:
        code = REFUSED
    if stop.signal is not None:
        summary = msgspec.structs.replace(summary, stopped_by=stop.signal.name)
        code = stop.exit_code
    if summary.open_orders_at_end != 0:
        code = NOT_VERIFIED
    return msgspec.structs.replace(summary, exit_code=code, message=message)


def _write_pages(folder: RunFolder, summary: Summary, late_fills: list[JournalRow]) -> None:
    if not folder.journal.exists():
        return
    try:
        if not folder.fills.exists():
            rows = [*read_journal(folder.journal), *late_fills]
            write_fills(folder.fills, rows, instrument_of(read_meta(folder.journal)))
        write_report(folder.journal, msgspec.to_builtins(summary), folder.report, late_fills)
    except JournalError as error:
        _log.warning("no report: %s", error)
