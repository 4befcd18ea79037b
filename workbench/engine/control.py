"""The engine's door for notebooks: requests and state frames on loopback, opened by CURVE keys that only this user has.

Frames go out by publish and are dropped for a reader that is too slow; requests are handled one after another as tasks
of the trading loop. Neither can hold the engine up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import zmq
import zmq.asyncio
import zmq.auth
from zmq.auth.asyncio import AsyncioAuthenticator

from workbench.engine.protocol import Failure, Reply, Request
from workbench.engine.sockets import ended_with
from workbench.errors import SessionError, WorkbenchError
from workbench.events import StateFrame

__all__ = ["ControlServer", "FrameHistory", "answer"]

HISTORY_FRAMES = 36_000
"""An hour at ten frames a second."""

FRAMES_A_REPLY = 2_000
MAX_REQUEST_BYTES = 1 << 20

_log = logging.getLogger(__name__)
_frame_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(Request)

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]


class FrameHistory:
    """The encoded state frames of the last hour."""

    def __init__(self, size: int = HISTORY_FRAMES) -> None:
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: StateFrame) -> bytes:
        """Keep a frame; returns its bytes."""
        data = _frame_encoder.encode(frame)
        self._frames.append((frame.seq, data))
        return data

    def since(self, seq: int, limit: int = FRAMES_A_REPLY) -> list[msgspec.Raw]:
        """The frames after number `seq`, oldest first, at most `limit` of them."""
        if not self._frames:
            return []
        # Numbers rise by one, so the place of a number follows from the oldest one's.
        skip = max(0, seq - self._frames[0][0] + 1)
        return [msgspec.Raw(self._frames[i][1]) for i in range(skip, min(len(self._frames), skip + limit))]


async def answer(handler: Handler, request: Request) -> Reply:
    """Handle one request; the sockets and virtual time both call this."""
    try:
        result = await handler(request.verb, request.args)
    except WorkbenchError as error:
        return Reply(request.id, failure=Failure.of(error))
    except Exception as error:  # noqa: BLE001 - whoever asked must hear of it, and the engine trades on
        _log.exception("request %s failed", request.verb)
        return Reply(request.id, failure=Failure.of(error))
    return Reply(request.id, result=msgspec.Raw(msgspec.msgpack.encode(result)))


class ControlServer:
    """Listens on two free loopback ports, for requests and for frames.

    Parameters
    ----------
    handler : callable
        Coroutine function of verb and arguments; returns what msgspec can encode.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._context = zmq.asyncio.Context()
        self._tasks: set[asyncio.Task[None]] = set()
        server_public, server_secret = zmq.curve_keypair()
        client_public, client_secret = zmq.curve_keypair()
        self.server_public = server_public.decode()
        self.client_public = client_public.decode()
        self.client_secret = client_secret.decode()
        self._authenticator = AsyncioAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.allow("127.0.0.1")
        self._authenticator.configure_curve_callback("*", credentials_provider=_OnlyClient(client_public))
        self._router = self._bound(zmq.ROUTER, server_public, server_secret)
        self._router.maxmsgsize = MAX_REQUEST_BYTES
        self.control = self._router.last_endpoint.decode()
        # A plain socket: publishing never waits, and never makes a task.
        self._publisher = self._bound(zmq.PUB, server_public, server_secret, plain=True)
        self.frames = self._publisher.last_endpoint.decode()
        zap = self._authenticator.zap_socket
        self._end_sockets = ended_with(self, self._context, self._router, self._publisher, zap)
        self._serving = asyncio.get_running_loop().create_task(self._serve())

    def publish(self, frame: bytes) -> None:
        """Send a frame to whoever listens; a reader that is behind by more than a minute misses frames."""
        with suppress(zmq.Again):
            self._publisher.send(frame, zmq.DONTWAIT)

    async def close(self) -> None:
        """Answer what is being handled, then close the ports."""
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=2.0)
            self._serving.cancel()
            with suppress(asyncio.CancelledError):
                await self._serving
        finally:
            self._router.close(linger=1000)
            self._publisher.close(linger=200)
            self._authenticator.stop()
            self._end_sockets()

    def _bound(self, kind: int, public: bytes, secret: bytes, *, plain: bool = False) -> Any:
        socket = zmq.Socket(self._context, kind) if plain else self._context.socket(kind)
        socket.curve_server = True
        socket.curve_publickey = public
        socket.curve_secretkey = secret
        socket.sndhwm = 600
        socket.bind("tcp://127.0.0.1:*")
        return socket

    async def _serve(self) -> None:
        while True:
            peer, data = await self._router.recv_multipart()
            task = asyncio.get_running_loop().create_task(self._reply(peer, data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reply(self, peer: bytes, data: bytes) -> None:
        try:
            request = _request_decoder.decode(data)
        except msgspec.DecodeError as error:
            failure = Failure.of(SessionError(f"a request cannot be read ({error}); expected one of this version"))
            reply = Reply(0, failure=failure)
        else:
            reply = await answer(self._handler, request)
        await self._router.send_multipart([peer, msgspec.msgpack.encode(reply)])


class _OnlyClient:
    """Lets in the one key that the run folder holds."""

    def __init__(self, public: bytes) -> None:
        self._public = public

    def callback(self, _domain: str, key: bytes) -> bool:
        return key == self._public
