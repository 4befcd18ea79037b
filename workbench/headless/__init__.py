"""Sessions without a person: papermill runs, run folders, summaries and reports."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.headless.folder import RunFolder, claim_folder, open_folder
    from workbench.headless.papermill_engine import WorkbenchEngine, execute
    from workbench.headless.progress import follow
    from workbench.headless.report import write_report
    from workbench.headless.runner import Plan, run_session
    from workbench.headless.settings import parse_pairs, read_config
    from workbench.headless.stopping import StopRequest
    from workbench.headless.summary import Summary, read_summary
    from workbench.headless.tables import SessionTables, read_tables, show

__all__ = [
    "Plan",
    "RunFolder",
    "SessionTables",
    "StopRequest",
    "Summary",
    "WorkbenchEngine",
    "claim_folder",
    "execute",
    "follow",
    "open_folder",
    "parse_pairs",
    "read_config",
    "read_summary",
    "read_tables",
    "run_session",
    "show",
    "write_report",
]

_HOMES = {
    "Plan": "runner",
    "RunFolder": "folder",
    "SessionTables": "tables",
    "StopRequest": "stopping",
    "Summary": "summary",
    "WorkbenchEngine": "papermill_engine",
    "claim_folder": "folder",
    "execute": "papermill_engine",
    "follow": "progress",
    "open_folder": "folder",
    "parse_pairs": "settings",
    "read_config": "settings",
    "read_summary": "summary",
    "read_tables": "tables",
    "run_session": "runner",
    "show": "tables",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: the command line listens to signals before anything heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
