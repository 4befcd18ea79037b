"""The venue on real sockets, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest

from workbench.clock import SystemClock
from workbench.exchange import SIM_KEY, SIM_SECRET, SimulatedExchange, drive, serve
from workbench.exchange.server import MAX_QUEUED, _Outbox
from workbench.exchange.signing import signature

ROOT = Path(__file__).parents[2]


def start(*options: str, **popen: Any) -> tuple[subprocess.Popen[str], str]:
    """A venue process and its address."""
    command = [sys.executable, "-m", "workbench.exchange", "--port", "0", "--seed", "7", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, **popen)
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith("simulated LMEX listening on http://127.0.0.1:")
    return process, line.rsplit(" ", 1)[1]


@contextmanager
def venue_process(*options: str) -> Iterator[str]:
    process, url = start(*options)
    try:
        yield url
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> Any:
    with urlopen(url, timeout=5) as reply:
        return json.load(reply)


def headers_for(path: str, body: bytes = b"") -> dict[str, str]:
    nonce = str(time.time_ns() // 1_000_000)
    sign = signature(SIM_SECRET, path, nonce, body)
    return {"request-api": SIM_KEY, "request-nonce": nonce, "request-sign": sign}


@pytest.mark.process
class TestProcess:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_cleanly(self, number: signal.Signals) -> None:
        process, url = start()
        assert get(f"{url}/sim/status")["seed"] == 7
        process.send_signal(number)
        output, _ = process.communicate(timeout=10)
        assert (process.returncode, output) == (0, "")

    def test_a_port_that_is_taken_is_refused_in_one_line(self) -> None:
        with venue_process() as url:
            port = url.rsplit(":", 1)[1]
            command = [sys.executable, "-m", "workbench.exchange", "--port", port]
            second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=20)
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr.startswith(f"port is {port}: 127.0.0.1 cannot be listened on")
        assert second.stderr.count("\n") == 1

    def test_the_tape_hash_is_that_of_any_other_venue_with_the_seed(self) -> None:
        with venue_process("--preset", "btc") as url:
            reply = get(f"{url}/sim/tape?seconds=30")
        here = SimulatedExchange("btc", seed=7, clock=SystemClock())
        assert reply == {"tape_hash": here.tape_hash(30)}

    def test_it_stays_a_while_after_the_process_that_it_watches_is_gone(self) -> None:
        watched = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        process, url = start("--linger", "0.5", "--watch-pid", str(watched.pid))
        try:
            there = time.monotonic()
            watched.communicate(timeout=10)
            assert get(f"{url}/sim/status")["open_orders"] == 0
            assert process.wait(10) == 0
            assert time.monotonic() - there >= 0.5
        finally:
            process.kill()
            process.communicate()

    def test_a_process_that_only_waits_for_its_parent_counts_as_gone(self) -> None:
        watched = subprocess.Popen([sys.executable, "-c", ""])
        process, _ = start("--watch-pid", str(watched.pid))
        try:
            assert process.wait(10) == 0
        finally:
            watched.wait(10)
            process.kill()
            process.communicate()

    def test_it_ends_when_the_pipe_of_its_owner_closes(self) -> None:
        ours, theirs = os.pipe()
        code = f"from workbench.exchange.server import main; main(0, owner_fd={ours})"
        process = subprocess.Popen(
            [sys.executable, "-c", code], pass_fds=(ours,), stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        assert process.stdout.readline().startswith("simulated LMEX")
        os.close(theirs)
        os.close(ours)
        process.communicate(timeout=10)
        assert process.returncode == 0


async def with_server(scenario: Any) -> Any:
    """Run a scenario(session, url, exchange) against a venue on a socket of this process."""
    clock = SystemClock()
    exchange = SimulatedExchange("lively", seed=7, clock=clock, rate_limits=False)
    runner, port = await serve(exchange)
    driver = asyncio.create_task(drive(exchange, clock))
    try:
        async with aiohttp.ClientSession() as session:
            return await scenario(session, f"http://127.0.0.1:{port}", exchange)
    finally:
        driver.cancel()
        await runner.cleanup()


@pytest.mark.process
class TestSockets:
    def test_an_order_over_http_is_heard_of_over_websocket(self) -> None:
        async def scenario(session: aiohttp.ClientSession, url: str, _: SimulatedExchange) -> None:
            async with session.ws_connect(f"{url}/ws/futures") as socket:
                login = headers_for("/ws/futures")
                await socket.send_json({"op": "login", "args": list(login.values())})
                assert await socket.receive_json() == {"event": "login", "success": True}
                await socket.send_json({"op": "subscribe", "args": ["notificationApiV4"]})
                await socket.receive_json()
                body = b'{"symbol":"BTC-PERP","side":"BUY","type":"LIMIT","price":70000.1,"size":10,"clOrderID":"a"}'
                headers = headers_for("/api/v2.3/order", body)
                async with session.post(f"{url}/futures/api/v2.3/order", data=body, headers=headers) as reply:
                    assert reply.status == 200
                    (order,) = await reply.json()
                frame = await socket.receive_json(timeout=5)
                assert frame["data"][0]["orderID"] == order["orderID"]
                await socket.send_str("ping")
                assert await socket.receive_str() == "pong"

        asyncio.run(with_server(scenario))

    def test_the_book_streams_by_itself(self) -> None:
        async def scenario(session: aiohttp.ClientSession, url: str, _: SimulatedExchange) -> list[Any]:
            async with session.ws_connect(f"{url}/ws/oss/futures") as socket:
                await socket.send_json({"op": "subscribe", "args": ["update:BTC-PERP_0"]})
                return [await socket.receive_json(timeout=5) for _ in range(6)]

        _, snapshot, *deltas = asyncio.run(with_server(scenario))
        numbers = [frame["data"]["seqNum"] for frame in (snapshot, *deltas)]
        assert numbers == list(range(numbers[0], numbers[0] + 5))

    def test_a_client_that_leaves_is_forgotten_and_a_strange_path_refused(self) -> None:
        async def scenario(session: aiohttp.ClientSession, url: str, exchange: SimulatedExchange) -> None:
            async with session.ws_connect(f"{url}/ws/futures"):
                assert len(exchange.hub.streams) == 1
            async with asyncio.timeout(5):
                while exchange.hub.streams:  # noqa: ASYNC110 (the server says nothing when it forgets a client)
                    await asyncio.sleep(0)
            async with session.get(f"{url}/ws/elsewhere") as reply:
                assert reply.status == 404

        asyncio.run(with_server(scenario))


class SlowSocket:
    """A socket whose reader does not read until told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.reading = asyncio.Event()
        self.closed = False

    async def send_str(self, text: str) -> None:
        await self.reading.wait()
        self.sent.append(text)

    async def close(self) -> None:
        self.closed = True


def test_a_reader_that_is_too_slow_is_told_1007_and_cut_off() -> None:
    async def scenario() -> SlowSocket:
        socket, outbox, ended = SlowSocket(), _Outbox(), []
        outbox.on_overflow = lambda: ended.append(True)
        writer = asyncio.create_task(outbox.write_to(socket))  # type: ignore[arg-type]
        outbox.put(b"first")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(MAX_QUEUED + 50):
            outbox.put(str(number).encode())
        assert ended == [True]
        socket.reading.set()
        await writer
        return socket

    socket = asyncio.run(scenario())
    assert socket.sent[0] == "first"
    assert len(socket.sent) == 2
    assert json.loads(socket.sent[1])["errors"][0]["error"]["code"] == 1007
    assert socket.closed
