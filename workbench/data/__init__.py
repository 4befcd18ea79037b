"""Market data on disk: the event table, the recorder, the catalog, its checks and the importers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.data.catalog import Catalog
    from workbench.data.check_report import CheckReport
    from workbench.data.checks import check_events
    from workbench.data.hftbacktest import HFTBACKTEST_DTYPE, export_hftbacktest, read_hftbacktest
    from workbench.data.importing import ImportReport, import_file
    from workbench.data.recorder import Recorder, RecorderHealth
    from workbench.data.recording import RecordReport, record
    from workbench.data.replayed import best_quotes
    from workbench.data.schema import (
        BBO,
        CLEAR,
        DEPTH,
        EVENT_COLUMNS,
        EVENT_SCHEMA,
        FUNDING,
        GAP,
        GAP_CROSSED,
        GAP_DISCONNECTED,
        GAP_OTHER,
        GAP_RECORDER,
        GAP_SEQUENCE,
        GAP_TRADES,
        INDEX,
        KIND_NAMES,
        MARK,
        RESYNC,
        SNAPSHOT,
        TRADE,
        event_frame,
        event_table,
    )
    from workbench.data.synthetic import synthetic_day, synthetic_events

__all__ = [
    "BBO",
    "CLEAR",
    "DEPTH",
    "EVENT_COLUMNS",
    "EVENT_SCHEMA",
    "FUNDING",
    "GAP",
    "GAP_CROSSED",
    "GAP_DISCONNECTED",
    "GAP_OTHER",
    "GAP_RECORDER",
    "GAP_SEQUENCE",
    "GAP_TRADES",
    "HFTBACKTEST_DTYPE",
    "INDEX",
    "KIND_NAMES",
    "MARK",
    "RESYNC",
    "SNAPSHOT",
    "TRADE",
    "Catalog",
    "CheckReport",
    "ImportReport",
    "RecordReport",
    "Recorder",
    "RecorderHealth",
    "best_quotes",
    "check_events",
    "event_frame",
    "event_table",
    "export_hftbacktest",
    "import_file",
    "read_hftbacktest",
    "record",
    "synthetic_day",
    "synthetic_events",
]

_HOMES = {
    "BBO": "schema",
    "CLEAR": "schema",
    "Catalog": "catalog",
    "CheckReport": "check_report",
    "DEPTH": "schema",
    "EVENT_COLUMNS": "schema",
    "EVENT_SCHEMA": "schema",
    "FUNDING": "schema",
    "GAP": "schema",
    "GAP_CROSSED": "schema",
    "GAP_DISCONNECTED": "schema",
    "GAP_OTHER": "schema",
    "GAP_RECORDER": "schema",
    "GAP_SEQUENCE": "schema",
    "GAP_TRADES": "schema",
    "HFTBACKTEST_DTYPE": "hftbacktest",
    "INDEX": "schema",
    "ImportReport": "importing",
    "KIND_NAMES": "schema",
    "MARK": "schema",
    "RESYNC": "schema",
    "RecordReport": "recording",
    "Recorder": "recorder",
    "RecorderHealth": "recorder",
    "SNAPSHOT": "schema",
    "TRADE": "schema",
    "best_quotes": "replayed",
    "check_events": "checks",
    "event_frame": "schema",
    "event_table": "schema",
    "export_hftbacktest": "hftbacktest",
    "import_file": "importing",
    "read_hftbacktest": "hftbacktest",
    "record": "recording",
    "synthetic_day": "synthetic",
    "synthetic_events": "synthetic",
}


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: Arrow loads only when data is wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
