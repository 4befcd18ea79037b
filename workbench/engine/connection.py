"""The notebook's end of the control socket: requests with their replies, and the newest state frames."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from contextlib import suppress
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
import zmq
import zmq.asyncio

from workbench.engine.control import FRAMES_A_REPLY, HISTORY_FRAMES
from workbench.engine.protocol import ConnectionFile, Reply, Request, Verb
from workbench.engine.sockets import ended_with
from workbench.errors import SessionError
from workbench.events import StateFrame

__all__ = ["EngineConnection", "is_running"]

LOOK_S = 0.25
"""How often a waiting request looks whether the engine still lives."""

T = TypeVar("T")

_reply_decoder = msgspec.msgpack.Decoder(Reply)
_frame_decoder = msgspec.msgpack.Decoder(StateFrame)
_frames_decoder = msgspec.msgpack.Decoder(list[StateFrame])


def is_running(pid: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class EngineConnection:
    """Sockets to one engine; used on the background loop only, except for the frames, which any thread may read."""

    def __init__(self, address: ConnectionFile) -> None:
        self.address = address
        self.latest: StateFrame | None = None
        self._frames: deque[StateFrame] = deque(maxlen=HISTORY_FRAMES)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._context = zmq.asyncio.Context()
        self._requests = self._connected(zmq.DEALER, address.control)
        self._subscription = self._connected(zmq.SUB, address.frames)
        self._subscription.subscribe(b"")
        self._end_sockets = ended_with(self, self._context, self._requests, self._subscription)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._hear_replies()), loop.create_task(self._hear_frames())]
        self._filling: asyncio.Task[None] | None = None

    def frames(self, since_seq: int = 0) -> list[StateFrame]:
        """The frames after a number, oldest first; a snapshot that any thread may take."""
        while True:
            try:
                newer = takewhile(lambda frame: frame.seq > since_seq, reversed(self._frames))
                return list(newer)[::-1]
            except RuntimeError:
                # The background thread added a frame meanwhile.
                continue

    async def ask(self, verb: Verb, args: dict[str, Any], kind: type[T], timeout_s: float) -> T:
        """Send a request and wait for its result.

        Raises
        ------
        WorkbenchError
            What the engine answered, or SessionError when it is gone or silent.
        """
        request = Request(next(self._ids), verb, args)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[request.id] = future
        deadline = loop.time() + timeout_s
        try:
            await self._requests.send(msgspec.msgpack.encode(request))
            while not future.done():
                await asyncio.wait({future}, timeout=LOOK_S)
                self._check(future, verb, loop.time() > deadline, timeout_s)
        finally:
            del self._waiting[request.id]
        reply = future.result()
        if reply.failure is not None:
            raise reply.failure.error()
        return msgspec.msgpack.decode(reply.result, type=kind)

    def _check(self, future: asyncio.Future[Reply], verb: str, late: bool, timeout_s: float) -> None:
        if future.done():
            return
        pid = self.address.pid
        if not is_running(pid):
            raise SessionError(f"the engine (process {pid}) has ended; expected it to run: see engine.log")
        if late:
            raise SessionError(
                f"the engine (process {pid}) did not answer {verb!r} within {timeout_s:g} s; expected an answer: "
                f"if it hangs, end the process: the venue's dead-man timer then cancels every order"
            )

    async def fill(self) -> None:
        """Fetch the frames that are missing between the newest known and the newest there is."""
        while True:
            known = self._frames[-1].seq if self._frames else 0
            frames = await self.ask("frames", {"since_seq": known}, list[StateFrame], 20.0)
            for frame in frames:
                self._add(frame)
            # Not until there is none: on a busy machine a new one comes while each answer travels.
            if len(frames) < FRAMES_A_REPLY:
                return

    async def close(self) -> None:
        """Close the sockets."""
        tasks = [*self._tasks, *([self._filling] if self._filling is not None else [])]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._end_sockets()

    def _connected(self, kind: int, address: str) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        socket.curve_serverkey = self.address.server_public.encode()
        socket.curve_publickey = self.address.client_public.encode()
        socket.curve_secretkey = self.address.client_secret.encode()
        socket.connect(address)
        return socket

    async def _hear_replies(self) -> None:
        while True:
            reply = _reply_decoder.decode(await self._requests.recv())
            future = self._waiting.get(reply.id)
            if future is not None and not future.done():
                future.set_result(reply)

    async def _hear_frames(self) -> None:
        while True:
            frame = _frame_decoder.decode(await self._subscription.recv())
            self.latest = frame
            known = self._frames[-1].seq if self._frames else 0
            if frame.seq == known + 1:
                self._add(frame)
            elif frame.seq > known and (self._filling is None or self._filling.done()):
                self._filling = asyncio.get_running_loop().create_task(self._fill_quietly())

    async def _fill_quietly(self) -> None:
        # A gap that cannot be filled now is tried again with the next frame.
        with suppress(SessionError):
            await self.fill()

    def _add(self, frame: StateFrame) -> None:
        last = self._frames[-1] if self._frames else None
        if last is not None:
            if frame.seq <= last.seq:
                return
            if frame.config == last.config:
                # An hour of frames shares one configuration in place of 36,000 copies.
                frame = msgspec.structs.replace(frame, config=last.config)
        self._frames.append(frame)
        if self.latest is None or frame.seq >= self.latest.seq:
            self.latest = frame
