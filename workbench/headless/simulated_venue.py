"""The questions that only a simulated venue answers: who has orders there, and what its market's tape was."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import VenueError

__all__ = ["ask_venue", "tape_hash", "venue_open_orders"]


def ask_venue(url: str, path: str) -> dict[str, Any]:
    """Ask a simulated venue on this machine, whatever proxies are set.

    Raises
    ------
    VenueError
        If it does not answer, or not with a JSON object.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise VenueError(f"{url}{path} gave no answer ({error!r}); expected the simulated venue of this run") from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise VenueError(f"{url}{path} answered {answer!r}; expected a JSON object")
    return answer


def venue_open_orders(url: str) -> int:
    """How many orders, of all accounts, rest at a simulated venue. Raises `VenueError` when it cannot be known."""
    return int(ask_venue(url, "/sim/status")["open_orders"])


def tape_hash(url: str, seconds: int) -> str:
    """SHA-256 of the market's own tape over the first whole seconds; the same for a seed, whoever trades."""
    return str(ask_venue(url, f"/sim/tape?seconds={seconds}")["tape_hash"])
