"""Scripted faults hit what they name, as often as they say, and are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

import pytest

from workbench.client import (
    ConnectionLost,
    CutStream,
    DropFrame,
    FaultyTransport,
    LoseAnswer,
    LoseRequest,
    ReplyWith,
    Response,
    TransportError,
)
from workbench.client.transport import Connection
from workbench.virtual_time import run_virtual


class Wire:
    """Answers everything; its streams say 0, 1, 2, ..."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.closed = 0

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        self.arrived.append(f"{method} {path}")
        return Response(200, {}, b"ok")

    async def connect(self, path: str) -> Connection:
        return Counting(self)

    async def close(self) -> None:
        self.closed += 1


class Counting:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.next = -1

    async def send(self, frame: bytes) -> None:
        self.wire.arrived.append(frame.decode())

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        while True:
            self.next += 1
            take(b"frame %d" % self.next)
            await asyncio.sleep(0)

    async def close(self) -> None:
        self.wire.closed += 1


async def ask(transport: FaultyTransport, path: str = "/order") -> bytes:
    return (await transport.request("POST", path, {}, b"mmB1", timeout_s=5.0)).body


def test_a_lost_answer_reaches_the_venue_and_times_out_for_the_caller() -> None:
    async def main() -> None:
        wire = Wire()
        transport = FaultyTransport(wire, [LoseAnswer("POST", "/order")])
        with pytest.raises(TransportError, match="no answer within 5 s"):
            await ask(transport)
        assert (wire.arrived, asyncio.get_running_loop().time()) == (["POST /order"], 5.0)
        assert await ask(transport) == b"ok"
        assert (transport.seen, transport.pending) == ({"LoseAnswer": 1}, 0)

    run_virtual(main())


def test_a_lost_request_never_arrives() -> None:
    async def main() -> None:
        wire = Wire()
        transport = FaultyTransport(wire, [LoseRequest("POST", "/order", wait_s=0.5)])
        with pytest.raises(TransportError):
            await ask(transport)
        assert (wire.arrived, asyncio.get_running_loop().time()) == ([], 0.5)

    run_virtual(main())


def test_a_scripted_reply_stands_in_for_the_venue() -> None:
    async def main() -> None:
        wire = Wire()
        fault = ReplyWith("POST", "/order", status=429, body=b"{}", headers={"Retry-After": "2"})
        reply = await FaultyTransport(wire, [fault]).request("POST", "/order", {}, b"")
        assert reply == Response(429, {"retry-after": "2"}, b"{}")
        assert wire.arrived == []

    run_virtual(main())


def test_faults_choose_by_body_count_and_time() -> None:
    async def main() -> None:
        wire = Wire()
        transport = FaultyTransport(
            wire, [LoseRequest("POST", "/order", b"mmB1", skip=1, times=2, after_s=10.0, wait_s=0.1)]
        )
        await ask(transport)
        await asyncio.sleep(10)
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(await ask(transport))
            except TransportError:
                outcomes.append(b"lost")
        assert outcomes == [b"ok", b"lost", b"lost", b"ok"]
        assert (await transport.request("POST", "/order", {}, b"other")).body == b"ok"

    run_virtual(main())


def test_dropped_frames_leave_a_hole_and_a_cut_stream_ends() -> None:
    async def main() -> None:
        wire = Wire()
        transport = FaultyTransport(wire, [DropFrame("/ws", b"frame", skip=1, times=2)])
        transport.inject(CutStream("/ws", b"frame 5"))
        connection = await transport.connect("/ws")
        frames: list[bytes] = []
        with pytest.raises(ConnectionLost, match="cut"):
            await connection.read(frames.append)
        assert frames == [b"frame 0", b"frame 3", b"frame 4"]
        assert wire.closed == 1
        assert transport.seen == {"DropFrame": 2, "CutStream": 1}
        other = await transport.connect("/ws/other")
        await other.send(b"hello")
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await other.read(frames.append)
        assert frames[3:] == [b"frame 0"]
        assert wire.arrived == ["hello"]

    run_virtual(main())
