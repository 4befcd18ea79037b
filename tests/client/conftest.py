"""The example messages, and a transport that records what is sent and answers from a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workbench.client import Response, TransportError
from workbench.client.transport import Connection

FIXTURES = Path(__file__).parent.parent / "fixtures" / "lmex"


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """The bytes of an example message by its path, such as "rest/price.json"."""

    def read(name: str) -> bytes:
        return (FIXTURES / name).read_bytes()

    return read


@pytest.fixture(scope="session")
def index() -> list[dict[str, Any]]:
    """The list of all example messages with their method, path and HTTP status."""
    return json.loads((FIXTURES / "index.json").read_text())


class RecordingTransport:
    """Remembers requests; answers with what `answers` holds for "METHOD path-without-query", newest call last."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, list[Response | Exception]] = {}

    def answer(self, call: str, body: bytes | Exception, status: int = 200, headers: Mapping[str, str] = {}) -> None:
        """Queue an answer; the last one of a call is repeated."""
        reply = body if isinstance(body, Exception) else Response(status, headers, body)
        self.answers.setdefault(call, []).append(reply)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        self.requests.append((method, path, dict(headers), body))
        queue = self.answers[f"{method} {path.partition('?')[0]}"]
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def connect(self, path: str) -> Connection:
        raise TransportError(f"no stream at {path}")

    async def close(self) -> None:
        self.requests.clear()


@pytest.fixture
def recorder() -> RecordingTransport:
    """A transport without a venue."""
    return RecordingTransport()
