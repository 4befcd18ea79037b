"""The process that trades, and the objects that hold on to it from a notebook or a script."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.engine.journal import Journal, JournalRow, read_frames, read_journal, read_meta
    from workbench.engine.replay import Replay, replay_journal
    from workbench.engine.replaying import replay_market
    from workbench.engine.session import Session
    from workbench.engine.simulation import SimulationResult, simulate
    from workbench.engine.status import SessionStatus, StopReport
    from workbench.engine.sync import enable_nested_asyncio, run_sync

__all__ = [
    "Journal",
    "JournalRow",
    "Replay",
    "Session",
    "SessionStatus",
    "SimulationResult",
    "StopReport",
    "enable_nested_asyncio",
    "read_frames",
    "read_journal",
    "read_meta",
    "replay_journal",
    "replay_market",
    "run_sync",
    "simulate",
]

_HOMES = {
    "Journal": "journal",
    "JournalRow": "journal",
    "Replay": "replay",
    "Session": "session",
    "SessionStatus": "status",
    "SimulationResult": "simulation",
    "StopReport": "status",
    "enable_nested_asyncio": "sync",
    "read_frames": "journal",
    "read_journal": "journal",
    "read_meta": "journal",
    "replay_journal": "replay",
    "replay_market": "replaying",
    "run_sync": "sync",
    "simulate": "simulation",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: a notebook that only attaches needs no simulated venue."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
