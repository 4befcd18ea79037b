"""Adapters of the venues: commands in, events out."""

from __future__ import annotations

from workbench.engine.venues.lmex import LmexVenue, make_lmex_venue

__all__ = ["LmexVenue", "make_lmex_venue"]
