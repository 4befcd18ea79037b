"""Orders a second that the simulated LMEX takes from one client over real HTTP, its server in a process of its own.

    python tests/benchmarks/bench_exchange_orders.py [seconds]

The client is a raw asyncio one on a few keep-alive connections, one request at a time on each, so that what is measured
is the venue: HTTP parsing, signature, checks, matching, JSON. Half of the requests place an order, half cancel one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import subprocess
import sys
import time

import uvloop

from workbench.exchange import SIM_KEY, SIM_SECRET

CONNECTIONS = 4
TARGET = 2_000.0


def _signed(method: str, query: str, body: bytes, nonce: int) -> bytes:
    message = f"/api/v2.3/order{nonce}".encode() + body
    sign = hmac.new(SIM_SECRET.encode(), message, hashlib.sha384).hexdigest()
    head = (
        f"{method} /futures/api/v2.3/order{query} HTTP/1.1\r\nHost: sim\r\nrequest-api: {SIM_KEY}\r\n"
        f"request-nonce: {nonce}\r\nrequest-sign: {sign}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _place(client_id: str) -> bytes:
    return (
        b'{"symbol":"BTC-PERP","side":"BUY","type":"LIMIT","price":70000.1,"size":10,"time_in_force":"GTC",'
        b'"postOnly":true,"reduceOnly":false,"clOrderID":"' + client_id.encode() + b'","positionMode":"ONE_WAY"}'
    )


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the venue refused: {head[:40]!r} {body!r}")
    return body


async def _trade(port: int, worker: int, until: float, latencies: list[float]) -> None:
    """Place and cancel, one after the other, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        client_id = f"w{worker}n{count}"
        for method, query, body, status in (
            ("POST", "", _place(client_id), b'"status":2'),
            ("DELETE", f"?symbol=BTC-PERP&clOrderID={client_id}", b"", b'"status":6'),
        ):
            nonce = time.time_ns() // 1_000_000
            start = time.perf_counter()
            reply = await _exchange(reader, writer, _signed(method, query, body, nonce))
            latencies.append(time.perf_counter() - start)
            if status not in reply:
                raise RuntimeError(f"unexpected outcome: {reply!r}")
        count += 1
    writer.close()


async def measure(port: int, seconds: float) -> list[float]:
    """Latency of each request, seconds."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_trade(port, worker, until, latencies) for worker in range(CONNECTIONS)))
    return latencies


def main(seconds: float = 3.0) -> float:
    """Run the benchmark; returns orders a second."""
    command = [sys.executable, "-m", "workbench.exchange", "--port", "0", "--seed", "7", "--rate-limits", "off"]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert venue.stdout is not None
        port = int(venue.stdout.readline().rsplit(":", 1)[1])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(port, 0.5))
            latencies = sorted(runner.run(measure(port, seconds)))
    finally:
        venue.terminate()
        venue.wait(10)
    rate = len(latencies) / seconds
    middle, late = latencies[len(latencies) // 2] * 1e6, latencies[int(len(latencies) * 0.99)] * 1e6
    print(
        f"simulated LMEX over HTTP: {rate:,.0f} orders/s (target {TARGET:,.0f}), p50 {middle:.0f} us, p99 {late:.0f} us"
    )
    return rate


if __name__ == "__main__":
    raise SystemExit(0 if main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0) >= TARGET else 1)
