"""What every stream does: connect, subscribe, stay alive by ping, notice silence, come back with patience.

lmex-api sections 7.1 (framing), 7.2 (heartbeat) and 7.6 (reconnect). What a frame means is the subclasses' subject.
"""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal

import msgspec

from workbench.client.transport import Connection, ConnectionLost, Transport, TransportError
from workbench.clock import Clock
from workbench.events import Event, StreamState

__all__ = ["Stream", "reconnect_delay_s"]

log = logging.getLogger(__name__)

PING = b"ping"
PING_S = 15.0
DEAD_S = 30.0
ACK_S = 5.0
STEADY_S = 10.0
"""A connection that lasted so long was a good one: the next loss starts again at the shortest delay."""
LONGEST_DELAY_S = 30.0


def reconnect_delay_s(attempt: int, rng: random.Random) -> float:
    """Seconds before reconnect attempt 0, 1, 2, ...: 1, 2, 4 ... 30, each times 0.75 to 1.25 by chance."""
    return float(min(LONGEST_DELAY_S, 2.0 ** min(attempt, 10)) * (0.75 + 0.5 * rng.random()))


class Stream(ABC):
    """One WebSocket that is kept open; subclasses say what to subscribe to and what frames mean.

    Parameters
    ----------
    transport : Transport
    path : str
        "/ws/futures" or "/ws/oss/futures".
    name : "book", "private" or "trades"
        As `StreamState` tells it.
    clock : Clock
        Stamps the events.
    emit : callable
        Takes every event; must not block.
    rng : random.Random
        Seeded source of the reconnect jitter.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        name: Literal["book", "private", "trades"],
        clock: Clock,
        emit: Callable[[Event], None],
        rng: random.Random,
    ) -> None:
        self.name = name
        self.up = False
        self.connections = 0
        self.bad_frames = 0
        self._transport = transport
        self._path = path
        self._clock = clock
        self._emit = emit
        self._rng = rng
        self._connection: Connection | None = None
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._helpers: set[asyncio.Task[None]] = set()
        self._heard_s = 0.0
        self._closing_reason = ""

    @property
    def connected(self) -> bool:
        """Whether the connection stands; false already when the losses that its end brings are told."""
        return self._connection is not None

    async def run(self) -> None:
        """Keep the stream open until cancelled; `StreamState` events tell when it comes up and goes down."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            started = loop.time()
            try:
                reason = await self._serve(await self._transport.connect(self._path))
            except TransportError as error:
                reason = str(error)
            except Exception as error:
                # A fault of ours must not silence a stream for good.
                log.exception("stream %s failed", self.name)
                reason = f"internal error: {error!r}"
            self._went_down(reason)
            attempt = 0 if loop.time() - started >= STEADY_S else attempt + 1
            await asyncio.sleep(reconnect_delay_s(max(0, attempt - 1), self._rng))

    async def _serve(self, connection: Connection) -> str:
        """Read one connection to its end; returns why it ended."""
        self._connection = connection
        self._closing_reason = ""
        self.connections += 1
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()

        def take(frame: bytes) -> None:
            self._heard_s = loop.time()
            self._on_frame(frame)

        self._spawn(self._prepare_or_close())
        self._spawn(self._stay_alive())
        try:
            await connection.read(take)
        except ConnectionLost as error:
            return self._closing_reason or str(error)
        finally:
            self._connection = None
            for helper in self._helpers:
                helper.cancel()
            self._helpers.clear()
            self._answers.clear()
            await connection.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the reader until the connection ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    async def _prepare_or_close(self) -> None:
        try:
            await self._prepare()
        except (TransportError, TimeoutError) as error:
            await self._end(str(error) or "no acknowledgement in time")
            return
        self._came_up()

    async def _stay_alive(self) -> None:
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + PING_S
        while True:
            await asyncio.sleep(min(ping_at, self._heard_s + DEAD_S) - loop.time())
            if loop.time() >= self._heard_s + DEAD_S:
                await self._end(f"dead: no frame for {DEAD_S:g} s")
                return
            if loop.time() >= ping_at:
                ping_at += PING_S
                try:
                    await self._send(PING)
                except ConnectionLost:
                    return

    async def _end(self, reason: str) -> None:
        """Close the connection ourselves, for a reason worth telling."""
        self._closing_reason = reason
        if self._connection is not None:
            await self._connection.close()

    async def _send(self, frame: bytes) -> None:
        if self._connection is None:
            raise ConnectionLost(f"stream {self.name} is not connected")
        await self._connection.send(frame)

    async def _ask(self, op: str, args: Sequence[str], event: str, within_s: float = ACK_S) -> Any:
        """Send an operation and wait for the frame that answers it. Raises `TimeoutError`, `ConnectionLost`."""
        answer = self._answers[event] = asyncio.get_running_loop().create_future()
        await self._send(msgspec.json.encode({"op": op, "args": args}))
        try:
            async with asyncio.timeout(within_s):
                return await answer
        finally:
            self._answers.pop(event, None)

    def _answered(self, event: str, answer: Any) -> None:
        waiting = self._answers.get(event)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def _subscribe(self, topics: Sequence[str]) -> set[str]:
        """Subscribe; the topics that the venue acknowledged: a refused one is simply missing (7.1)."""
        return set(await self._ask("subscribe", topics, "subscribe"))

    async def _subscribe_first(self, versions: Sequence[str]) -> str:
        """Subscribe to the first topic that the venue serves; "" when it serves none."""
        for topic in versions:
            try:
                if topic in await self._subscribe([topic]):
                    return topic
            except TimeoutError:
                continue
        return ""

    def _came_up(self) -> None:
        if self.up:
            return
        self.up = True
        self._emit(StreamState(self._clock.now_ns(), self.name, True))

    def _went_down(self, reason: str) -> None:
        self.up = False
        log.info("stream %s is down: %s", self.name, reason)
        self._emit(StreamState(self._clock.now_ns(), self.name, False, reason))

    def _bad_frame(self, error: Exception) -> None:
        self.bad_frames += 1
        log.warning("stream %s: %s", self.name, error)

    # --- what subclasses say ----------------------------------------------------------------------------------------

    @abstractmethod
    async def _prepare(self) -> None:
        """Authenticate and subscribe; raises `TransportError` when the connection is of no use."""

    @abstractmethod
    def _on_frame(self, frame: bytes) -> None:
        """Take one frame; must not raise for anything that a venue may send."""
