"""The transport that stays in the process: requests and frames piped into a simulated venue, with latency.

What comes back is what the venue's HTTP server would have sent, byte for byte, since both call the venue's own handler.
On a `VirtualTimeLoop` an hour of such traffic runs in seconds; on an ordinary loop it takes its time.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from workbench.client.transport import Connection, ConnectionLost, Response, TransportError

__all__ = ["MemoryTransport", "VenueHandler", "VenueStream"]

Latency = Callable[[], float]
_Request = tuple[str, str, Mapping[str, str], bytes, "asyncio.Future[Response]", float]
"""Method, path, headers, body, who waits, and when the answer is due."""


class VenueStream(Protocol):
    """The venue's end of one WebSocket."""

    def on_frame(self, frame: bytes) -> None:
        """Take one text frame from the client."""
        ...

    def close(self) -> None:
        """The client is gone."""
        ...


class VenueHandler(Protocol):
    """What a venue in this process offers: the handler its HTTP server calls, and streams."""

    def handle(
        self, method: str, path_with_query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one request."""
        ...

    def open_stream(self, path: str, send: Callable[[bytes], None], closed: Callable[[str], None] = ...) -> VenueStream:
        """Open a stream; `send` is called with every outgoing frame, `closed` when the venue ends it."""
        ...


class MemoryTransport:
    """A `Transport` into a venue in this process.

    Parameters
    ----------
    exchange : VenueHandler
        Duck-typed on `handle` and `open_stream`.
    latency : (float, float) or callable
        Range of the one-way delay in seconds (uniform), or a function that returns one.
    rng : random.Random, optional
        Source of the delays; by default the running loop's own (`VirtualTimeLoop.random`), else seeded with 0.

    Notes
    -----
    Requests reach the venue in the order they were sent and frames arrive in the order they were published, as on one
    TCP connection, whatever the delays drawn.
    """

    def __init__(
        self,
        exchange: VenueHandler,
        latency: tuple[float, float] | Latency = (0.001, 0.003),
        rng: random.Random | None = None,
    ) -> None:
        self._exchange = exchange
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rng = rng
        self._latency = latency if callable(latency) else self._uniform(*latency)
        self._arrived = 0.0
        self._on_the_way: deque[_Request] = deque()
        self._connections: set[_Pipe] = set()

    def _uniform(self, low: float, high: float) -> Latency:
        width = high - low

        def draw() -> float:
            if self._rng is None:
                self._rng = getattr(asyncio.get_running_loop(), "random", None) or random.Random(0)
            return low + width * self._rng.random()

        return draw

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        """Send one request; it arrives after one delay, the answer after another.

        Raises
        ------
        TransportError
            If both delays together exceed `timeout_s`; the request arrives all the same.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        arrival = max(now + self._latency(), self._arrived)
        self._arrived = arrival
        answer = arrival + self._latency()
        done: asyncio.Future[Response] = loop.create_future()
        # A queue, since timers of one instant fire in any order.
        self._on_the_way.append((method, path, headers, body, done, answer))
        loop.call_at(arrival, self._arrive)
        if answer - now <= timeout_s:
            return await done
        await asyncio.sleep(timeout_s)
        done.cancel()
        raise TransportError(f"{method} {path.partition('?')[0]}: no answer within {timeout_s:g} s")

    def _arrive(self) -> None:
        method, path, headers, body, done, answer = self._on_the_way.popleft()
        try:
            status, reply_headers, reply = self._exchange.handle(method, path, headers, body)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            # A fault of the simulation itself: the caller fails with it, else it would wait for ever.
            if not done.done():
                done.set_exception(error)
            return
        response = Response(status, {name.lower(): text for name, text in reply_headers.items()}, reply)
        done.get_loop().call_at(answer, _resolve, done, response)

    async def connect(self, path: str) -> Connection:
        """Open a stream after one delay. Raises `TransportError` when the venue refuses it."""
        await asyncio.sleep(self._latency())
        pipe = _Pipe(asyncio.get_running_loop(), self._latency)
        try:
            pipe.venue = self._exchange.open_stream(path, pipe.publish, pipe.ended)
        except (KeyError, ValueError) as error:
            raise TransportError(f"stream {path} was refused: {error}") from None
        self._connections.add(pipe)
        return pipe

    async def close(self) -> None:
        """End every stream."""
        for pipe in self._connections:
            await pipe.close()
        self._connections.clear()


def _resolve(done: asyncio.Future[Response], response: Response) -> None:
    if not done.done():
        done.set_result(response)


class _Pipe:
    """Both directions of one stream: deques emptied by timers, so that order survives whatever delay is drawn."""

    def __init__(self, loop: asyncio.AbstractEventLoop, latency: Latency) -> None:
        self.venue: VenueStream | None = None
        self._loop = loop
        self._latency = latency
        self._down: deque[bytes] = deque()
        self._up: deque[bytes] = deque()
        self._inbox: deque[bytes] = deque()
        self._down_due = 0.0
        self._up_due = 0.0
        self._take: Callable[[bytes], None] | None = None
        self._end: asyncio.Future[NoReturn] = loop.create_future()
        self._lost: str | None = None

    # --- venue to client ---

    def publish(self, frame: bytes) -> None:
        self._down.append(frame)
        due = self._loop.time() + self._latency()
        due = max(due, self._down_due)
        self._down_due = due
        self._loop.call_at(due, self._deliver)

    def _deliver(self) -> None:
        if self._lost is not None:
            return
        frame = self._down.popleft()
        if self._take is None:
            self._inbox.append(frame)
            return
        try:
            self._take(frame)
        except Exception as error:  # noqa: BLE001 - raised where the frames are read
            self._take = None
            self._finish(error)

    def ended(self, reason: str) -> None:
        """The venue ends the stream; frames on their way still arrive first."""
        due = max(self._loop.time() + self._latency(), self._down_due)
        self._down_due = due + 1e-9
        self._loop.call_at(self._down_due, self._lose, reason)

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason or "closed by the venue"
            if self._take is not None:
                self._finish(ConnectionLost(f"stream ended: {self._lost}"))

    def _finish(self, error: Exception) -> None:
        if not self._end.done():
            self._end.set_exception(error)

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        while self._inbox:
            take(self._inbox.popleft())
        if self._lost is not None:
            raise ConnectionLost(f"stream ended: {self._lost}")
        self._take = take
        try:
            await self._end
        finally:
            self._take = None

    # --- client to venue ---

    async def send(self, frame: bytes) -> None:
        if self._lost is not None:
            raise ConnectionLost(f"stream ended: {self._lost}")
        self._up.append(frame)
        self._up_due = max(self._loop.time() + self._latency(), self._up_due)
        self._loop.call_at(self._up_due, self._ascend)

    def _ascend(self) -> None:
        if self._lost is None and self.venue is not None:
            self.venue.on_frame(self._up.popleft())

    async def close(self) -> None:
        if self._lost is None:
            self._lose("closed by the client")
            if self.venue is not None:
                self.venue.close()
