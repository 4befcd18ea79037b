"""The process that trades, and the objects that hold on to it from a notebook or a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

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

# A notebook that only attaches needs no simulated venue.
__getattr__ = lazy_names(
    __name__,
    {
        "journal": "Journal JournalRow read_frames read_journal read_meta",
        "replay": "Replay replay_journal",
        "replaying": "replay_market",
        "session": "Session",
        "simulation": "SimulationResult simulate",
        "status": "SessionStatus StopReport",
        "sync": "enable_nested_asyncio run_sync",
    },
)
