"""Market data on disk: the event table, the recorder, the catalog, its checks and the importers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    "INDEX",
    "KIND_NAMES",
    "MARK",
    "RESYNC",
    "SNAPSHOT",
    "TRADE",
    "event_frame",
    "event_table",
]

_HOMES = dict.fromkeys(__all__, "schema")


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: Arrow loads only when data is wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
