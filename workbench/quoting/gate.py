"""The inventory gate: near the limit the growing side is pulled, the reducing side stays, with hysteresis."""

from __future__ import annotations

from workbench.compiled import compiled, types

__all__ = ["inventory_gate"]


@compiled(types.int64(types.int64, types.float64, types.float64, types.float64, types.int64))
def inventory_gate(inventory: int, max_position: float, enter: float, leave: float, gated: int) -> int:
    """Which side is pulled now: +1 the bids, -1 the asks, 0 none.

    Parameters
    ----------
    inventory : int
        Position, contracts.
    max_position : float
        Limit, contracts.
    enter, leave : float
        Shares of the limit at which the gate closes, and below which it opens again.
    gated : int
        What this function returned last time (0 at the start).
    """
    share = abs(inventory) / max_position
    side = 1 if inventory > 0 else -1
    if share >= enter and inventory != 0:
        return side
    if share >= leave and gated == side:
        return side
    return 0
