"""The seam below the client: one request and one connection, whatever carries them.

`AiohttpTransport` (in `workbench.client.http`) speaks to the world; `MemoryTransport` (in `workbench.client.memory`)
pipes the same bytes into a simulated venue in this process. Signing, decoding, rate limits, retries and book sync run
above this seam and therefore in both worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, NoReturn, Protocol

__all__ = ["Connection", "ConnectionLost", "Response", "Transport", "TransportError"]

from workbench.errors import VenueError


class TransportError(VenueError):
    """No usable answer: refused, reset, timed out. The outcome of a write is unknown."""


class ConnectionLost(TransportError):
    """A stream ended; `reason` says how."""


class Response(NamedTuple):
    """What came back: HTTP status, headers (lower-case names) and the raw body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection(Protocol):
    """An open WebSocket: text frames out, text frames in (as bytes, undecoded)."""

    async def send(self, frame: bytes) -> None:
        """Send one text frame. Raises `ConnectionLost`."""
        ...

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        """Hand every text frame to `take`, in order; once only.

        Raises
        ------
        ConnectionLost
            When the stream has ended. What `take` raises ends the reading too.
        """
        ...

    async def close(self) -> None:
        """Close; closing twice is harmless."""
        ...


class Transport(Protocol):
    """One venue's wire."""

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        """Send one HTTP request; `path` includes the query string. Raises `TransportError` when no answer came."""
        ...

    async def connect(self, path: str) -> Connection:
        """Open a WebSocket at a path such as `/ws/futures`. Raises `TransportError`."""
        ...

    async def close(self) -> None:
        """Release sockets."""
        ...
