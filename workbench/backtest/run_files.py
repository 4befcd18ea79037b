"""What the run folders of backtests and sweeps share: how one is claimed, its archive of arrays, summary.json last."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from workbench.backtest.terms import RunTerms
from workbench.errors import ConfigError, DataError

__all__ = ["claim_run", "made_folder", "read_archive", "read_terms", "write_archive", "write_summary"]

MARKS = ("summary.json", "log.npz", "rows.npz", "journal.sqlite")
"""Files of which one shows that a folder holds a run."""


def claim_run(folder: Path) -> Path:
    """Make the folder of a new run.

    Raises
    ------
    ConfigError
        If it holds a run already, or cannot be made: a run is never overwritten.
    """
    if any((folder / name).exists() for name in MARKS):
        raise ConfigError([f"the folder {str(folder)!r} holds a run already; expected a new or empty one"])
    return made_folder(folder)


def made_folder(folder: Path) -> Path:
    """A folder that is there now. Raises `ConfigError` where none can be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or "no such place"
        raise ConfigError(
            [f"the folder {str(folder)!r} cannot be made ({reason}); expected a place to write"]
        ) from None
    return folder.absolute()


def write_archive(path: Path, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Arrays, and beside them what JSON can say."""
    members: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, told=np.array(json.dumps(told, default=_plain)), **members)


def read_archive(path: Path, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `write_archive` wrote.

    Raises
    ------
    DataError
        If there is none, or it cannot be read; `what` says what was expected.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            told = json.loads(str(file["told"]))
            return told, {name: file[name] for name in file.files if name != "told"}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{str(path.parent)!r} holds no {what} that can be read: {error}") from None


def read_terms(told: Mapping[str, Any]) -> RunTerms:
    """The terms of `msgspec.to_builtins`, after JSON."""
    return msgspec.convert(told, RunTerms, strict=False)


def write_summary(folder: Path, told: Any) -> None:
    """summary.json, by rename: whoever sees it sees everything."""
    draft = folder / ".summary.draft"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(told, enc_hook=_plain), indent=1))
    draft.replace(folder / "summary.json")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON")
