"""Under which terms a run was made: enough to say what its numbers mean, and to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.instruments import Instrument

__all__ = ["RunTerms"]


@dataclass(frozen=True)
class RunTerms:
    """What was run on what, by which rules.

    Attributes
    ----------
    instrument : Instrument
    model : str
        Name of the quoting model.
    config : mapping
        The complete configuration, as `MarketMakerConfig.model_dump(mode="json")` has it.
    config_hash : str
        `MarketMakerConfig.digest`.
    max_position : int
        Limit, contracts; 0 for none.
    rules : {"honest", "parity"}
        Parity repeats hftbacktest's rules, its faults included.
    queue, latency, decide : str
        For people.
    reasons : mapping of int to str
        The model's own reasons not to quote.
    seed : int
    feed_key : str
        Names the prepared data: their content and how they were prepared.
    feed_rows : int
    notes : tuple of str
        What was put right in the data, and what they could not tell.
    wall_s : float
        How long it took.
    """

    instrument: Instrument
    model: str
    config: Mapping[str, Any] = field(default_factory=dict)
    config_hash: str = ""
    max_position: int = 0
    rules: Literal["honest", "parity"] = "honest"
    queue: str = ""
    latency: str = ""
    decide: str = ""
    reasons: Mapping[int, str] = field(default_factory=dict)
    seed: int = 0
    feed_key: str = ""
    feed_rows: int = 0
    notes: tuple[str, ...] = ()
    wall_s: float = 0.0

    @property
    def took(self) -> str:
        """How long it took, for people."""
        return f"{self.wall_s:.2g} s" if self.wall_s < 10 else f"{self.wall_s:,.0f} s"
