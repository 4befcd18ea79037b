"""Market data on disk: the event table, the recorder, the catalog, its checks and the importers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

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

# Arrow loads only when data is wanted.
__getattr__ = lazy_names(
    __name__,
    {
        "catalog": "Catalog",
        "check_report": "CheckReport",
        "checks": "check_events",
        "hftbacktest": "HFTBACKTEST_DTYPE export_hftbacktest read_hftbacktest",
        "importing": "ImportReport import_file",
        "recorder": "Recorder RecorderHealth",
        "recording": "RecordReport record",
        "replayed": "best_quotes",
        "schema": (
            "BBO CLEAR DEPTH EVENT_COLUMNS EVENT_SCHEMA FUNDING GAP GAP_CROSSED GAP_DISCONNECTED GAP_OTHER "
            "GAP_RECORDER GAP_SEQUENCE GAP_TRADES INDEX KIND_NAMES MARK RESYNC SNAPSHOT TRADE event_frame "
            "event_table"
        ),
        "synthetic": "synthetic_day synthetic_events",
    },
)
