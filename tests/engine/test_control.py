"""The control socket answers its own keys only, keeps the last hour, and is never slowed down by a reader."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
import zmq.asyncio

from workbench.engine.connection import EngineConnection
from workbench.engine.control import ControlServer, FrameHistory, answer
from workbench.engine.protocol import ConnectionFile, Reply, Request
from workbench.errors import ConfigError, SessionError
from workbench.events import StateFrame

pytestmark = pytest.mark.process


def frame(seq: int, why: str = "fine") -> StateFrame:
    return StateFrame(seq=seq, t_ns=seq, symbol="BTC-PERP", state="quoting", why=why, config={"spread_bps": 20.0})


def address(server: ControlServer, **changes: Any) -> ConnectionFile:
    found = ConnectionFile(
        run_id="r1",
        pid=os.getpid(),
        control=server.control,
        frames=server.frames,
        server_public=server.server_public,
        client_public=server.client_public,
        client_secret=server.client_secret,
        venue="sim",
        venue_url="",
        symbol="BTC-PERP",
        seed=1,
        started_ns=0,
    )
    return msgspec.structs.replace(found, **changes)


async def echo(verb: str, args: dict[str, Any]) -> Any:
    if verb == "update":
        raise ConfigError(["spread_bps is -5; expected more than 0", "order_size is 0; expected more than 0"])
    if verb == "kill":
        raise ZeroDivisionError("inside")
    return {"verb": verb, **args}


async def until(true: Any, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.005)


def within(work: Coroutine[Any, Any, None], seconds: float = 60.0) -> None:
    """Run a test; one that waits for something that never comes fails."""
    asyncio.run(asyncio.wait_for(work, seconds))


def test_a_request_is_answered_and_a_refusal_arrives_as_the_same_error() -> None:
    async def run() -> None:
        server = ControlServer(echo)
        connection = EngineConnection(address(server))
        assert await connection.ask("pause", {"reason": "lunch"}, dict, 5.0) == {"verb": "pause", "reason": "lunch"}
        with pytest.raises(ConfigError) as refused:
            await connection.ask("update", {}, dict, 5.0)
        assert len(refused.value.problems) == 2
        with pytest.raises(SessionError, match="ZeroDivisionError"):
            await connection.ask("kill", {}, dict, 5.0)
        await connection.close()
        await server.close()

    within(run())


def test_a_stranger_with_other_keys_is_not_heard() -> None:
    async def run() -> None:
        heard: list[str] = []

        async def handler(verb: str, args: dict[str, Any]) -> str:
            heard.append(verb)
            return verb

        server = ControlServer(handler)
        public, secret = zmq.curve_keypair()
        stranger = EngineConnection(address(server, client_public=public.decode(), client_secret=secret.decode()))
        with pytest.raises(SessionError, match="did not answer"):
            await stranger.ask("stop", {}, str, 0.5)
        context = zmq.asyncio.Context()
        bare = context.socket(zmq.DEALER)
        bare.connect(server.control)
        await bare.send(msgspec.msgpack.encode(Request(1, "kill")))
        friend = EngineConnection(address(server))
        assert await friend.ask("status", {}, str, 5.0) == "status"
        assert heard == ["status"]
        bare.close(linger=0)
        context.term()
        await friend.close()
        await stranger.close()
        await server.close()

    within(run())


def test_who_attaches_gets_the_frames_of_before_and_those_that_follow() -> None:
    async def run() -> None:
        history = FrameHistory()

        async def handler(verb: str, args: dict[str, Any]) -> Any:
            return history.since(args["since_seq"])

        server = ControlServer(handler)
        for seq in range(1, 4501):
            history.add(frame(seq))
        connection = EngineConnection(address(server))
        await connection.fill()
        assert [f.seq for f in connection.frames()] == list(range(1, 4501))
        seq = 4500
        while connection.latest is None or connection.latest.seq <= 4500:
            seq += 1
            server.publish(history.add(frame(seq)))
            await asyncio.sleep(0.01)
        await until(lambda: connection.latest is not None and connection.latest.seq == seq)
        await until(lambda: connection.frames(since_seq=4500)[-1].seq == seq)
        assert [f.seq for f in connection.frames(since_seq=4500)] == list(range(4501, seq + 1))
        configs = {id(f.config) for f in connection.frames()}
        assert len(configs) == 1
        await connection.close()
        await server.close()

    within(run())


def test_who_attaches_is_done_though_a_new_frame_comes_with_every_answer() -> None:
    async def run() -> None:
        history = FrameHistory()
        asked: list[int] = []

        async def handler(verb: str, args: dict[str, Any]) -> Any:
            asked.append(args["since_seq"])
            history.add(frame(len(history) + 1))
            return history.since(args["since_seq"])

        server = ControlServer(handler)
        for seq in range(1, 2501):
            history.add(frame(seq))
        connection = EngineConnection(address(server))
        await connection.fill()
        assert asked == [0, 2000]
        assert connection.frames()[-1].seq == 2502
        await connection.close()
        await server.close()

    within(run())


FORGOTTEN = """
import asyncio, gc
from tests.engine.test_control import address, echo
from workbench.engine.connection import EngineConnection
from workbench.engine.control import ControlServer
from workbench.errors import SessionError

async def forget():
    server = ControlServer(echo)
    connection = EngineConnection(address(server, control="tcp://127.0.0.1:1"))
    try:
        await connection.ask("status", {}, dict, 0.1)
    except SessionError:
        return
    raise AssertionError("somebody answered")

asyncio.run(forget())
gc.collect()
"""


def test_sockets_that_nobody_closed_are_collected_without_waiting_for_what_was_not_sent() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", FORGOTTEN], cwd=root, check=False, timeout=60)
    assert done.returncode == 0


def test_a_reader_that_never_reads_does_not_hold_up_publishing() -> None:
    async def run() -> None:
        server = ControlServer(echo)
        context = zmq.asyncio.Context()
        lazy = context.socket(zmq.SUB)
        lazy.rcvhwm = 1
        lazy.curve_serverkey = server.server_public.encode()
        lazy.curve_publickey = server.client_public.encode()
        lazy.curve_secretkey = server.client_secret.encode()
        lazy.connect(server.frames)
        lazy.subscribe(b"")
        data = b"x" * 5_000
        async with asyncio.timeout(20):
            while not await lazy.poll(10):
                server.publish(data)
        started = time.monotonic()
        for _ in range(20_000):
            server.publish(data)
        assert time.monotonic() - started < 5.0
        lazy.close(linger=0)
        context.term()
        await server.close()

    within(run())


def test_a_request_that_cannot_be_read_is_refused_and_the_server_lives_on() -> None:
    async def run() -> None:
        server = ControlServer(echo)
        connection = EngineConnection(address(server))
        await connection._requests.send(b"not msgpack at all")
        assert await connection.ask("resume", {}, dict, 5.0) == {"verb": "resume"}
        await connection.close()
        await server.close()

    within(run())


def test_a_dead_engine_is_named_instead_of_waited_for() -> None:
    async def run() -> None:
        server = ControlServer(echo)
        connection = EngineConnection(address(server, pid=2**22 + 12345, control="tcp://127.0.0.1:1"))
        with pytest.raises(SessionError, match="has ended"):
            await connection.ask("status", {}, dict, 30.0)
        await connection.close()
        await server.close()

    within(run())


def test_virtual_time_asks_the_handler_directly() -> None:
    reply = asyncio.run(answer(echo, Request(7, "status", {"a": 1})))
    assert reply == Reply(7, result=msgspec.Raw(msgspec.msgpack.encode({"verb": "status", "a": 1})))


def test_the_history_is_bounded_and_says_what_follows_a_number() -> None:
    history = FrameHistory(size=5)
    assert history.since(0) == []
    for seq in range(1, 9):
        history.add(frame(seq))

    def numbers(since: int, limit: int = 10) -> list[int]:
        return [msgspec.msgpack.decode(raw, type=StateFrame).seq for raw in history.since(since, limit)]

    assert len(history) == 5
    assert numbers(0) == [4, 5, 6, 7, 8]
    assert numbers(5) == [6, 7, 8]
    assert numbers(5, limit=2) == [6, 7]
    assert numbers(8) == []
    assert numbers(99) == []
