"""Adapters of the venues: commands in, events out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.engine.venues.lmex import LmexVenue, make_lmex_venue
    from workbench.engine.venues.paper import PaperVenue
    from workbench.engine.venues.replay import ReplayVenue

__all__ = ["LmexVenue", "PaperVenue", "ReplayVenue", "make_lmex_venue"]

_HOMES = {"LmexVenue": "lmex", "PaperVenue": "paper", "ReplayVenue": "replay", "make_lmex_venue": "lmex"}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: a session on one venue does not wait for the kernels of another."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
