"""Messages a second that the recorder takes on one core, from bytes on the wire through decoding to the disk.

    python tests/benchmarks/bench_recorder.py [messages]

Frames as LMEX sends them come as fast as they are taken: book deltas of eight levels, and a trade for every tenth;
first handed over in this process, then through aiohttp from a real WebSocket whose other end is a process of its own.
Streams, book sync, conversion, the Arrow segment and the final Parquet are the real ones. Time is this process's CPU
time.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import uvloop
from aiohttp import web

from workbench.client import AiohttpTransport, Connection, ConnectionLost, Response, Transport
from workbench.clock import SystemClock
from workbench.data import Catalog, Recorder

MESSAGES = 200_000
READ_AT_ONCE = 64
TARGET = 20_000.0
SYMBOL = "BTC-PERP"
SUMMARY = {
    "symbol": SYMBOL,
    "base": "BTC",
    "quote": "USDT",
    "active": True,
    "minPriceIncrement": 0.1,
    "minOrderSize": 1,
    "maxOrderSize": 7_500_000,
    "minSizeIncrement": 1,
    "contractSize": 0.00001,
}
PRICE = {"symbol": SYMBOL, "indexPrice": 77_001.0, "lastPrice": 77_000.0, "markPrice": 77_000.5}


def book_frame(rng: random.Random, seq: int, kind: str, levels: int) -> bytes:
    """A book message of `levels` levels a side around 77,000."""

    def level(sign: int) -> list[str]:
        return [f"{77_000 + sign * (1 + rng.randrange(400)) / 10:.1f}", str(rng.randrange(1, 99_999))]

    sides = {name: [level(sign) for _ in range(levels)] for name, sign in (("bids", -1), ("asks", 1))}
    stamps = {"seqNum": seq, "prevSeqNum": seq - 1, "type": kind, "timestamp": time.time_ns() // 1_000_000}
    return json.dumps({"topic": f"update:{SYMBOL}_0", "data": {**sides, **stamps, "symbol": SYMBOL}}).encode()


def trade_frame(rng: random.Random, number: int) -> bytes:
    """One trade."""
    trade = {
        "symbol": SYMBOL,
        "side": rng.choice(("BUY", "SELL")),
        "size": rng.randrange(1, 5_000),
        "price": 77_000.1,
        "tradeId": number,
        "timestamp": time.time_ns() // 1_000_000,
    }
    return json.dumps({"topic": f"tradeHistoryApiV3:{SYMBOL}", "data": [trade]}).encode()


class Flood:
    """The venue's end of one stream: an acknowledgement, then prepared frames without a pause."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def send(self, frame: bytes) -> None:
        if frame != b"ping":
            request = json.loads(frame)
            self._answer.set_result(json.dumps({"event": request["op"], "channel": request["args"]}).encode())

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        take(await self._answer)
        for start in range(0, len(self._frames), READ_AT_ONCE):
            for frame in self._frames[start : start + READ_AT_ONCE]:
                take(frame)
            # As a socket would: others get their turn.
            await asyncio.sleep(0)
        await asyncio.Event().wait()
        raise ConnectionLost("never")

    async def close(self) -> None:
        self._frames = []


class FloodTransport:
    """A `Transport` of one market."""

    def __init__(self, book: list[bytes], trades: list[bytes]) -> None:
        self._streams = {"/ws/oss/futures": book, "/ws/futures": trades}

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        reply: list[dict[str, Any]] = [SUMMARY if "market_summary" in path else PRICE]
        return Response(200, {}, json.dumps(reply).encode())

    async def connect(self, path: str) -> Connection:
        return Flood(self._streams[path])

    async def close(self) -> None:
        self._streams = {}


def prepared(count: int) -> tuple[list[bytes], list[bytes]]:
    """Frames of the book and of the trades."""
    rng = random.Random(7)
    books = [book_frame(rng, 1, "snapshot", 50)]
    books += [book_frame(rng, seq, "delta", 4) for seq in range(2, count + 2)]
    return books, [trade_frame(rng, number) for number in range(1, count // 10 + 1)]


def serve(count: int) -> None:
    """The same frames over HTTP and WebSocket, in a process of its own; prints its port."""
    books, trades = prepared(count)

    async def answer(request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/ws"):
            return web.json_response([SUMMARY if "market_summary" in request.path else PRICE])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked = await socket.receive_json()
        await socket.send_json({"event": asked["op"], "channel": asked["args"]})
        for frame in books if "oss" in request.path else trades:
            await socket.send_frame(frame, web.WSMsgType.TEXT)
        # Until the recorder has enough.
        await socket.receive()
        return socket

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


async def recorded(transport: Transport, messages: int) -> tuple[int, float, float]:
    """Rows, CPU seconds until so many messages are recorded, CPU seconds of the final rewriting as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(transport, Catalog(folder), [SYMBOL], SystemClock())
        began = time.process_time()
        await recorder.start()
        while recorder.health()[0].messages < messages:
            recorder.check()
            await asyncio.sleep(0.02)
        recording = time.process_time() - began
        began = time.process_time()
        await recorder.stop()
        rewriting = time.process_time() - began
        await transport.close()
        rows = len(Catalog(folder).load(SYMBOL, kinds=["depth", "snapshot", "trade"]))
    return rows, recording, rewriting


@contextmanager
def sender(count: int) -> Iterator[str]:
    """The address of a process that serves the frames; its time is its own."""
    code = f"from tests.benchmarks import bench_recorder; bench_recorder.serve({count})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def report(name: str, count: int, transport: Transport) -> None:
    """Record so many deltas and their trades, and print what a message costs."""
    messages = count + count // 10
    rows, recording, rewriting = uvloop.run(recorded(transport, messages))
    assert rows >= 8 * count + count // 10, f"{rows} rows of {8 * count + count // 10} sent"
    rate = messages / (recording + rewriting)
    print(f"{name}: {messages:,} messages, {rows:,} rows")
    print(f"  wire to disk     {recording / messages * 1e6:6.1f} us a message")
    print(f"  Arrow to Parquet {rewriting / messages * 1e6:6.1f} us a message")
    print(f"  {rate:,.0f} messages a second on one core; 20,000 a second need {TARGET / rate:.0%} of it")
    if rate < TARGET:
        sys.exit(f"below {TARGET:,.0f} a second")


def main(count: int = MESSAGES) -> None:
    """Both ways."""
    report("frames handed over in the process", count, FloodTransport(*prepared(count)))
    with sender(count) as address:
        report("frames from a WebSocket on loopback", count, AiohttpTransport(address))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
