"""Scripted faults between client and venue: answers lost, requests lost, frames dropped, streams cut.

`FaultyTransport` wraps any transport. Every fault that fires is counted in `.seen`, so that a test can insist that what
it rehearses really happened (risk-and-faults section 2).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from workbench.client.transport import Connection, ConnectionLost, Response, Transport, TransportError

__all__ = ["CutStream", "DropFrame", "Fault", "FaultyTransport", "LoseAnswer", "LoseRequest", "ReplyWith"]


@dataclass(frozen=True)
class _RequestFault:
    """Base: which requests. The first `skip` that match pass, the next `times` are hit, and then it is spent.

    Parameters
    ----------
    method : str
        "POST", "DELETE", ...
    path : str
        Part of the path with its query, for example "/order".
    containing : bytes
        Part of the body, b"" for any.
    after_s : float
        Loop time before which it does not fire, seconds since the transport was made.
    """

    method: str
    path: str
    containing: bytes = b""
    skip: int = 0
    times: int = 1
    after_s: float = 0.0

    def matches(self, method: str, path: str, body: bytes) -> bool:
        return method == self.method and self.path in path and self.containing in body


@dataclass(frozen=True)
class LoseAnswer(_RequestFault):
    """The request reaches the venue and is done there; the caller gets a time-out."""

    wait_s: float | None = None
    """How long the caller waits; by default its own time-out."""


@dataclass(frozen=True)
class LoseRequest(_RequestFault):
    """The request never reaches the venue; the caller gets a time-out."""

    wait_s: float | None = None


@dataclass(frozen=True)
class ReplyWith(_RequestFault):
    """The request never reaches the venue; the caller gets this answer (a gateway's 503, a 429, cut JSON)."""

    status: int = 503
    body: bytes = b"<html>Service Unavailable</html>"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.002
    """How long the answer takes: what was sent in the same moment is on its way when it is heard."""


@dataclass(frozen=True)
class _FrameFault:
    """Base: which inbound frames of which stream; see `_RequestFault` for `skip`, `times` and `after_s`."""

    path: str
    containing: bytes = b""
    skip: int = 0
    times: int = 1
    after_s: float = 0.0

    def matches(self, path: str, frame: bytes) -> bool:
        return path == self.path and self.containing in frame


@dataclass(frozen=True)
class DropFrame(_FrameFault):
    """The frame is lost on the way: a lost fill, or a hole in the book's sequence."""


@dataclass(frozen=True)
class CutStream(_FrameFault):
    """The stream ends in place of this frame; the client has to connect again."""


Fault = LoseAnswer | LoseRequest | ReplyWith | DropFrame | CutStream


class _Rule:
    """A fault and how often it has matched."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.matched = 0

    @property
    def spent(self) -> bool:
        return self.matched >= self.fault.skip + self.fault.times

    def fires(self) -> bool:
        self.matched += 1
        return self.matched > self.fault.skip


class FaultyTransport:
    """A transport with a script of faults.

    Parameters
    ----------
    inner : Transport
        What carries everything that is not hit.
    script : iterable of Fault
        Each fires when its own condition is met; of several that match one request or frame the first is used.

    Attributes
    ----------
    seen : Counter
        How often each kind of fault fired, by class name.
    """

    def __init__(self, inner: Transport, script: Iterable[Fault] = ()) -> None:
        self._inner = inner
        self._rules = [_Rule(fault) for fault in script]
        self._start: float | None = None
        self.seen: Counter[str] = Counter()

    def inject(self, fault: Fault) -> None:
        """Add a fault to the script while it runs."""
        self._rules.append(_Rule(fault))

    @property
    def pending(self) -> int:
        """Faults that have not been used up."""
        return sum(not rule.spent for rule in self._rules)

    def _elapsed(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._start is None:
            self._start = now
        return now - self._start

    def _request_fault(self, method: str, path: str, body: bytes) -> LoseAnswer | LoseRequest | ReplyWith | None:
        for rule in self._rules:
            fault = rule.fault
            if isinstance(fault, _FrameFault) or rule.spent or not fault.matches(method, path, body):
                continue
            if self._elapsed() >= fault.after_s and rule.fires():
                self.seen[type(fault).__name__] += 1
                return fault
        return None

    def frame_fault(self, path: str, frame: bytes) -> DropFrame | CutStream | None:
        """The fault that hits an inbound frame, if any; it counts as fired."""
        for rule in self._rules:
            fault = rule.fault
            if not isinstance(fault, _FrameFault) or rule.spent or not fault.matches(path, frame):
                continue
            if self._elapsed() >= fault.after_s and rule.fires():
                self.seen[type(fault).__name__] += 1
                return fault
        return None

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        """As the inner transport, unless a fault of the script hits. Raises `TransportError`."""
        self._elapsed()
        fault = self._request_fault(method, path, body)
        if fault is None:
            return await self._inner.request(method, path, headers, body, timeout_s)
        if isinstance(fault, ReplyWith):
            await asyncio.sleep(fault.wait_s)
            return Response(fault.status, {name.lower(): text for name, text in fault.headers.items()}, fault.body)
        wait = timeout_s if fault.wait_s is None else fault.wait_s
        answer = None
        if isinstance(fault, LoseAnswer):
            answer = asyncio.ensure_future(self._inner.request(method, path, headers, body, timeout_s))
        await asyncio.sleep(wait)
        if answer is not None:
            # What it says is what the fault takes away, an error included.
            await asyncio.gather(answer, return_exceptions=True)
        raise TransportError(f"{method} {path.partition('?')[0]}: no answer within {wait:g} s")

    async def connect(self, path: str) -> Connection:
        """As the inner transport; frames of the connection pass the script. Raises `TransportError`."""
        self._elapsed()
        return _FaultyConnection(await self._inner.connect(path), path, self)

    async def close(self) -> None:
        """Close the inner transport."""
        await self._inner.close()


class _FaultyConnection:
    def __init__(self, inner: Connection, path: str, transport: FaultyTransport) -> None:
        self._inner = inner
        self._path = path
        self._transport = transport

    async def send(self, frame: bytes) -> None:
        await self._inner.send(frame)

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        def pass_on(frame: bytes) -> None:
            fault = self._transport.frame_fault(self._path, frame)
            if fault is None:
                take(frame)
            elif isinstance(fault, CutStream):
                raise ConnectionLost(f"stream {self._path} was cut by the script")

        try:
            await self._inner.read(pass_on)
        finally:
            await self._inner.close()

    async def close(self) -> None:
        await self._inner.close()
