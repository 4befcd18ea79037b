"""The run folder: one folder a session, where each file is, and how it is claimed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import ConfigError, SessionError

__all__ = ["RunFolder", "claim_folder", "new_folder_name", "open_folder"]


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run folder. `summary` appears last: whoever sees it sees everything."""

    root: Path

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.root / "session.ipynb"

    @property
    def report(self) -> Path:
        """The page for people; opens without a network."""
        return self.root / "report.html"

    @property
    def journal(self) -> Path:
        """Every event and command."""
        return self.root / "journal.sqlite"

    @property
    def fills(self) -> Path:
        """The fills table."""
        return self.root / "fills.parquet"

    @property
    def summary(self) -> Path:
        """The numbers."""
        return self.root / "summary.json"

    @property
    def outcome(self) -> Path:
        """What the engine itself said at its end."""
        return self.root / "outcome.json"

    @property
    def connection(self) -> Path:
        """How to reach the engine; readable by its owner only."""
        return self.root / "engine.json"

    @property
    def lock(self) -> Path:
        """Held by the engine for as long as it lives."""
        return self.root / "engine.lock"

    @property
    def venue(self) -> Path:
        """Where the simulated venue listens."""
        return self.root / "venue.json"

    def holds_a_run(self) -> bool:
        """Whether a session has been here."""
        traces = (self.summary, self.journal, self.outcome, self.connection, self.venue, self.notebook)
        return any(path.exists() for path in traces)


def new_folder_name() -> str:
    """A folder name for a run that was given none: the time, UTC."""
    return f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def claim_folder(path: str | Path) -> RunFolder:
    """Make the folder of a new run.

    Raises
    ------
    ConfigError
        If it holds a run already, is no folder, or cannot be made: a run is never overwritten.
    """
    folder = RunFolder(Path(path).absolute())
    if folder.holds_a_run():
        raise ConfigError([f"the folder {str(path)!r} holds a run already; expected a new or empty one: runs are kept"])
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or "no such place"
        raise ConfigError([f"the folder {str(path)!r} cannot be made ({reason}); expected a place to write"]) from None
    return folder


def open_folder(path: str | Path) -> RunFolder:
    """The folder of a run that has been started.

    Raises
    ------
    SessionError
        If there is no run in it.
    """
    folder = RunFolder(Path(path).absolute())
    if not folder.holds_a_run():
        raise SessionError(f"there is no run in {str(path)!r}; expected the folder that `workbench demo --out` made")
    return folder
