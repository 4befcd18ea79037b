"""The desk: controls and live charts in a notebook, over an engine that runs elsewhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.dashboard.desk import Desk
    from workbench.dashboard.history import History
    from workbench.dashboard.live_chart import LiveChart, LiveFrame

__all__ = ["Desk", "History", "LiveChart", "LiveFrame"]

_HOMES = {"Desk": "desk", "History": "history", "LiveChart": "live_chart", "LiveFrame": "live_chart"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: widgets and Plotly are slow to import."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
