"""The desk: controls and live charts in a notebook, over an engine that runs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

if TYPE_CHECKING:
    from workbench.dashboard.desk import Desk
    from workbench.dashboard.history import History
    from workbench.dashboard.live_chart import LiveChart, LiveFrame

__all__ = ["Desk", "History", "LiveChart", "LiveFrame"]

# Widgets and Plotly are slow to import.
__getattr__ = lazy_names(
    __name__,
    {
        "desk": "Desk",
        "history": "History",
        "live_chart": "LiveChart LiveFrame",
    },
)
