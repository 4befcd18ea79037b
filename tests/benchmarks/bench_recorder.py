"""Messages a second that the recorder takes on one core, from bytes on the wire through decoding to the disk.

    python tests/benchmarks/bench_recorder.py [seconds]

A transport in this process hands out frames as LMEX sends them, as fast as they are taken: book deltas of eight levels,
and a trade for every tenth. Streams, book sync, conversion, the Arrow segment and the final Parquet are the real ones;
what is not measured is the library that takes frames from the socket. Time is this process's CPU time.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from workbench.client import Connection, ConnectionLost, Response
from workbench.clock import SystemClock
from workbench.data import Catalog, Recorder

MESSAGES = 400_000
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

    def __init__(self, frames: list[bytes], done: asyncio.Event) -> None:
        self._frames = frames
        self._done = done
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
        self._done.set()
        await asyncio.Event().wait()
        raise ConnectionLost("never")

    async def close(self) -> None:
        self._frames = []


class FloodTransport:
    """A `Transport` of one market."""

    def __init__(self, book: list[bytes], trades: list[bytes]) -> None:
        self.done = (asyncio.Event(), asyncio.Event())
        self._streams = {"/ws/oss/futures": (book, self.done[0]), "/ws/futures": (trades, self.done[1])}

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        reply: list[dict[str, Any]] = [SUMMARY if "market_summary" in path else PRICE]
        return Response(200, {}, json.dumps(reply).encode())

    async def connect(self, path: str) -> Connection:
        frames, done = self._streams[path]
        if not frames:
            raise ConnectionLost("no more frames")
        return Flood(frames, done)

    async def close(self) -> None:
        self._streams = {}


async def flooded(count: int) -> tuple[int, int, float, float]:
    """Messages, rows, CPU seconds while recording, CPU seconds of the final rewriting as Parquet."""
    rng = random.Random(7)
    books = [book_frame(rng, 1, "snapshot", 50)]
    books += [book_frame(rng, seq, "delta", 4) for seq in range(2, count + 2)]
    trades = [trade_frame(rng, number) for number in range(1, count // 10 + 1)]
    transport = FloodTransport(books, trades)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(transport, Catalog(folder), [SYMBOL], SystemClock())
        began = time.process_time()
        await recorder.start()
        await asyncio.gather(*(event.wait() for event in transport.done))
        recording = time.process_time() - began
        began = time.process_time()
        await recorder.stop()
        rewriting = time.process_time() - began
        recorder.check()
        health = recorder.health()[0]
        rows = len(Catalog(folder).load(SYMBOL, kinds=["depth", "snapshot", "trade"]))
    levels = 8 * count + len(trades)
    assert rows >= levels, f"{rows} rows of {levels} sent"
    return health.messages, health.rows, recording, rewriting


def main(count: int = MESSAGES) -> None:
    """Print what a message costs."""
    messages, rows, recording, rewriting = asyncio.run(flooded(count))
    rate = messages / (recording + rewriting)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{messages:,} messages, {rows:,} rows; peak memory {peak:,.0f} MiB (most of it the prepared frames)")
    print(f"wire to disk     {recording / messages * 1e6:6.1f} us a message")
    print(f"Arrow to Parquet {rewriting / messages * 1e6:6.1f} us a message")
    print(f"{rate:,.0f} messages a second on one core; 20,000 a second need {TARGET / rate:.0%} of it")
    if rate < TARGET:
        sys.exit(f"below {TARGET:,.0f} a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
