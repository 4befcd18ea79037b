"""What a notebook and the engine say to each other, and the files of the run folder that they share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from workbench.errors import ConfigError, JournalError, SessionError, VenueError, WorkbenchError

__all__ = [
    "CONNECTION_FILE",
    "JOURNAL_FILE",
    "LOG_FILE",
    "OUTCOME_FILE",
    "VENUE_FILE",
    "ConnectionFile",
    "EngineSpec",
    "Failure",
    "Reply",
    "Request",
    "VenueFile",
    "read_struct",
    "write_struct",
]

CONNECTION_FILE = "engine.json"
VENUE_FILE = "venue.json"
SPEC_FILE = "spec.json"
JOURNAL_FILE = "journal.sqlite"
LOG_FILE = "engine.log"
FILLS_FILE = "fills.parquet"
OUTCOME_FILE = "outcome.json"

Verb = Literal["status", "frames", "update", "pause", "resume", "flatten", "kill", "rearm", "stop"]

S = TypeVar("S")


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One request; the reply carries the same id."""

    id: int
    verb: Verb
    args: dict[str, Any] = {}


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error on its way to another process: its kind by name, and its sentences."""

    kind: str
    problems: tuple[str, ...]

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What to send of an error."""
        if isinstance(error, ConfigError):
            return cls("ConfigError", error.problems)
        kind = type(error).__name__ if isinstance(error, WorkbenchError) else "SessionError"
        text = str(error) if isinstance(error, WorkbenchError) else f"the engine failed: {error!r}; see {LOG_FILE}"
        return cls(kind, (text,))

    def error(self) -> WorkbenchError:
        """The error to raise on this side."""
        if self.kind == "ConfigError":
            return ConfigError(self.problems)
        kinds: dict[str, type[WorkbenchError]] = {"JournalError": JournalError, "VenueError": VenueError}
        return kinds.get(self.kind, SessionError)("; ".join(self.problems))


_NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to a request: a result in MessagePack, or what went wrong."""

    id: int
    result: msgspec.Raw = _NOTHING
    failure: Failure | None = None


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine process is told at its start. Names of credentials only, never a key."""

    run_id: str
    config: dict[str, Any]
    seed: int
    seconds: float | None = None
    lifeline_fd: int | None = None
    ready_fd: int | None = None


class ConnectionFile(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a running engine; readable by its owner only, for the key in it opens the control socket."""

    run_id: str
    pid: int
    control: str
    frames: str
    server_public: str
    client_public: str
    client_secret: str
    venue: str
    venue_url: str
    symbol: str
    seed: int
    started_ns: int


class VenueFile(msgspec.Struct, frozen=True, kw_only=True):
    """The simulated venue that belongs to a run."""

    url: str
    pid: int
    seed: int
    preset: str


def write_struct(path: Path, value: Any) -> None:
    """Write JSON that only the owner may read, in place by rename: never half a file."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    draft.replace(path)


def read_struct(path: Path, kind: type[S]) -> S:
    """Read what `write_struct` wrote.

    Raises
    ------
    SessionError
        If the file is missing or is not what it should be.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise SessionError(f"{path} cannot be read ({error.strerror}); expected the folder of a run") from None
    except msgspec.DecodeError as error:
        raise SessionError(f"{path} is damaged ({error}); expected what the engine wrote") from None
