"""Adapters of the venues: commands in, events out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

if TYPE_CHECKING:
    from workbench.engine.venues.lmex import LmexVenue, make_lmex_venue
    from workbench.engine.venues.paper import PaperVenue
    from workbench.engine.venues.replay import ReplayVenue

__all__ = ["LmexVenue", "PaperVenue", "ReplayVenue", "make_lmex_venue"]

# A session on one venue does not wait for the kernels of another.
__getattr__ = lazy_names(
    __name__,
    {
        "lmex": "LmexVenue make_lmex_venue",
        "paper": "PaperVenue",
        "replay": "ReplayVenue",
    },
)
