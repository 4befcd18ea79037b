"""The one hierarchy of errors: each message says what was wrong, with the value, what was expected, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "ConfigError",
    "DataError",
    "InstrumentError",
    "JournalError",
    "SessionError",
    "VenueError",
    "WorkbenchError",
    "did_you_mean",
]


class WorkbenchError(Exception):
    """Base of every error that the workbench raises on purpose."""


class ConfigError(WorkbenchError, ValueError):
    """A configuration was refused; `problems` holds one clear sentence for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            text = self.problems[0]
        else:
            text = f"{len(self.problems)} problems:\n" + "\n".join(f"  - {p}" for p in self.problems)
        super().__init__(text)


class InstrumentError(WorkbenchError, ValueError):
    """A price or an amount does not fit the instrument (off tick, below the minimum, not a number)."""


class DataError(WorkbenchError, ValueError):
    """Recorded or imported data is missing, damaged or not what its format says; or a question does not fit it."""


class VenueError(WorkbenchError):
    """The venue answered with an error, or its answer could not be understood.

    Subclasses in `workbench.client` say which kind; `workbench.client.UnknownOutcome` means that an order may be live.
    """


class JournalError(WorkbenchError):
    """The journal cannot be written or does not hold what it must; trading stops before a record is lost."""


class SessionError(WorkbenchError):
    """A session could not be started, reached or stopped."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the one that was likely meant, else all that there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}"
