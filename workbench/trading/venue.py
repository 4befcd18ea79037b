"""The venue seen from the core: where commands go. Outcomes come back as events through the one door."""

from __future__ import annotations

from typing import Protocol

from workbench.events import Command
from workbench.instruments import Instrument

__all__ = ["Venue"]


class Venue(Protocol):
    """What every venue (simulated, replayed, real) does for the engine."""

    async def open(self) -> Instrument:
        """Check the account and return the instrument. Raises `VenueError`."""
        ...

    async def start_streams(self) -> None:
        """Begin to deliver market and private events."""
        ...

    def submit(self, command: Command) -> None:
        """Carry out a command; returns at once and never raises. Its outcome arrives as events."""
        ...

    async def cancel_all_and_verify(self, deadline_s: float) -> int:
        """Cancel everything of the symbol and return how many orders the venue still shows as open.

        Raises
        ------
        VenueError
            If that cannot be known within the deadline.
        """
        ...

    async def close(self) -> None:
        """Release everything."""
        ...
