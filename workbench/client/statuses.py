"""What LMEX's status numbers mean for an order (lmex-api section 5), as the vocabulary of `OrderReport`."""

from __future__ import annotations

from typing import Literal

__all__ = ["State", "query_state", "stream_state"]

State = Literal["open", "filled", "cancelled", "rejected", "unknown", "not_found"]

_STATES: dict[int, State] = {
    2: "open",
    3: "open",
    4: "filled",
    5: "open",
    6: "cancelled",
    7: "cancelled",
    9: "open",
    10: "open",
    16: "not_found",
    65: "open",
    85: "open",
    123: "open",
}
for _status in (1, 8, 11, 101, 133, 135, 300, 301, 302, 303, 304, 305):
    _STATES[_status] = "rejected"


def query_state(status: int) -> State:
    """State of an order by a reply's status number; a number that nobody knows is "unknown", never dead.

    15 and 17 are "unknown" too: an internal timeout hides behind the first, the second says "check the order".
    """
    return _STATES.get(status, "unknown")


def stream_state(status: int) -> State:
    """State by a pushed number. 16 in a push is about a request, not about the order: "unknown", to be asked for."""
    state = _STATES.get(status, "unknown")
    return "unknown" if state == "not_found" else state
