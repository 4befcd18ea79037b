"""Sessions without a person: papermill runs, run folders, summaries and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

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

# The command line listens to signals before anything heavy.
__getattr__ = lazy_names(
    __name__,
    {
        "folder": "RunFolder claim_folder open_folder",
        "papermill_engine": "WorkbenchEngine execute",
        "progress": "follow",
        "report": "write_report",
        "runner": "Plan run_session",
        "settings": "parse_pairs read_config",
        "stopping": "StopRequest",
        "summary": "Summary read_summary",
        "tables": "SessionTables read_tables show",
    },
)


def __dir__() -> list[str]:
    return __all__
