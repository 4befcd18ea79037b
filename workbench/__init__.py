"""Make markets on LMEX perpetuals from a notebook: quote, simulate, trade, explain.

The dozen names a notebook needs, loaded when they are first used: `import workbench` itself stays light.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.analysis import (
        fills_table,
        inventory_figure,
        orders_table,
        pnl_figure,
        price_figure,
        quotes_table,
        spread_volatility_figure,
    )
    from workbench.config import MarketMakerConfig
    from workbench.dashboard import Desk
    from workbench.engine import Session, read_journal, run_sync, simulate
    from workbench.errors import ConfigError
    from workbench.instruments import Instrument

__all__ = [
    "ConfigError",
    "Desk",
    "Instrument",
    "MarketMakerConfig",
    "Session",
    "__version__",
    "fills_table",
    "inventory_figure",
    "orders_table",
    "pnl_figure",
    "price_figure",
    "quotes_table",
    "read_journal",
    "run_sync",
    "simulate",
    "spread_volatility_figure",
]

__version__ = "0.1.0"

# Plotly's first figure and papermill load jsonschema, which builds a grammar of IRIs for seconds where it finds this
# package (JupyterLab brings it). No notebook has any; jsonschema itself goes on without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

_HOMES = {
    "ConfigError": "workbench.errors",
    "Desk": "workbench.dashboard",
    "Instrument": "workbench.instruments",
    "MarketMakerConfig": "workbench.config",
    "Session": "workbench.engine",
    "fills_table": "workbench.analysis",
    "inventory_figure": "workbench.analysis",
    "orders_table": "workbench.analysis",
    "pnl_figure": "workbench.analysis",
    "price_figure": "workbench.analysis",
    "quotes_table": "workbench.analysis",
    "read_journal": "workbench.engine",
    "run_sync": "workbench.engine",
    "simulate": "workbench.engine",
    "spread_volatility_figure": "workbench.analysis",
}


def __getattr__(name: str) -> Any:
    """Fetch a name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no name {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
