"""The way of a request, for both dialects: budget, signature, wire, errors; a read is retried after a clock drift.

What is not answered is repeated where that does no harm and waiting does: a cancel, and the list that verifies it.
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Protocol

from workbench.client.errors import AuthFailed, RateLimited, UnknownOutcome, error_of
from workbench.client.limiter import Lane, RateLimiter, Unlimited
from workbench.client.messages import ServerTime, decode
from workbench.client.transport import Response, Transport, TransportError
from workbench.clock import NS, Clock

__all__ = ["Caller", "RequestSigner"]

TIME_PATH = "/spot/api/v3.3/time"
PATIENCE_S: dict[Lane, float] = {"query": 10.0, "verify": 5.0, "order": 0.25, "cancel": 5.0, "deadman": 0.25}
"""How long a request waits for its turn: a stale new order is better not sent, a cancel is worth waiting for."""


class RequestSigner(Protocol):
    """Makes the authentication headers of a request."""

    offset_ms: int
    """Venue clock minus local clock, milliseconds."""

    def headers(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """Headers with a fresh nonce."""
        ...


REPEATED_AFTER_S = (0.5, 0.5, 1.0)
"""A cancel, and the list that verifies it, is sent again after so long without an answer, on another connection."""

REPEATED: tuple[Lane, ...] = ("cancel", "verify")


class Caller:
    """Sends signed requests of one account within its budget.

    Parameters
    ----------
    transport : Transport
    signer : RequestSigner, optional
        Without it only public calls are answered.
    clock : Clock
    limiter : RateLimiter or Unlimited, optional
        By default half of LMEX's limits.
    timeout_s, order_timeout_s : float
        How long an answer to a query, and to anything else, is waited for.
    """

    def __init__(
        self,
        transport: Transport,
        signer: RequestSigner | None,
        clock: Clock,
        limiter: RateLimiter | Unlimited | None,
        timeout_s: float,
        order_timeout_s: float,
    ) -> None:
        self._transport = transport
        self._signer = signer
        self._clock = clock
        self._limiter = RateLimiter(clock) if limiter is None else limiter
        self._timeout_s = timeout_s
        self._order_timeout_s = order_timeout_s

    def send(self, method: str, path: str, query: str, body: bytes, lane: Lane) -> Coroutine[Any, Any, Response]:
        """The successful answer to a request.

        Raises
        ------
        ApiError
            As the answer says (`workbench.client.errors`).
        UnknownOutcome
            For anything but a GET, when no answer came: it may have been done.
        TransportError
            For a GET, when no answer came.
        """
        if method == "GET" and self._signer is not None:
            return self._read(path, query, body, lane)
        return self._send(method, path, query, body, lane)

    async def _read(self, path: str, query: str, body: bytes, lane: Lane) -> Response:
        try:
            return await self._send("GET", path, query, body, lane)
        except AuthFailed:
            # A clock that has drifted looks like a wrong key: measure it and try once more, reads only.
            await self.measure_clock_offset_ms()
        return await self._send("GET", path, query, body, lane)

    async def measure_clock_offset_ms(self) -> int:
        """Measure venue minus local clock in milliseconds and let signatures use it (lmex-api 3.8)."""
        sent = self._clock.now_ns()
        reply = decode((await self._send("GET", TIME_PATH, "", b"", "query")).body, ServerTime, "time")
        middle_ns = (sent + self._clock.now_ns()) // 2
        offset = round(datetime.fromisoformat(reply.iso).timestamp() * 1000) - middle_ns // 1_000_000
        if self._signer is not None:
            self._signer.offset_ms = offset
        return offset

    async def _send(self, method: str, path: str, query: str, body: bytes, lane: Lane) -> Response:
        """Once, or as often as the lane repeats; each is a request of its budget, and waits out a rate limit."""
        for patience_s in self._patience_s(lane):
            if not self._limiter.try_acquire(lane):
                await self._limiter.acquire(lane, PATIENCE_S[lane])
            try:
                return await self._exchange(method, path, query, body, patience_s)
            except TransportError as error:
                trouble = error
        if method == "GET":
            raise trouble
        raise UnknownOutcome(f"{trouble}; whether it was done is not known")

    def _patience_s(self, lane: Lane) -> tuple[float, ...]:
        if lane in REPEATED:
            return REPEATED_AFTER_S
        return (self._timeout_s if lane == "query" else self._order_timeout_s,)

    async def _exchange(self, method: str, path: str, query: str, body: bytes, patience_s: float) -> Response:
        # Signed after the wait: the nonce is a time.
        headers = {} if self._signer is None or path == TIME_PATH else self._signer.headers(method, path, body)
        if body:
            headers["Content-Type"] = "application/json"
        target = f"{path}?{query}" if query else path
        response = await self._transport.request(method, target, headers, body, patience_s)
        refused = error_of(response, f"{method} {path}", self._clock.now_ns() / NS)
        if refused is None:
            return response
        if isinstance(refused, RateLimited):
            refused.retry_after_s = self._limiter.penalise(refused.retry_after_s)
        raise refused
