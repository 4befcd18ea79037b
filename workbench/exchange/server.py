"""The simulated LMEX on real sockets: HTTP and WebSocket on loopback, at the speed of the wall clock."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from workbench.clock import Clock, SystemClock
from workbench.errors import ConfigError
from workbench.exchange.driving import drive
from workbench.exchange.settings import PRESETS
from workbench.exchange.streams import BOOK_PATH, MAIN_PATH
from workbench.exchange.venue import SimulatedExchange

__all__ = ["main", "run", "serve"]

GOODBYE_S = 2.0
MAX_QUEUED = 2_000
"""Frames that may wait for a slow reader before its connection is ended with code 1007."""

_SLOW = msgspec.json.encode(
    {
        "severity": "ERROR",
        "errors": [{"arg": "", "error": {"code": 1007, "message": "User buffer is full, session closed."}}],
    }
)


class _Server:
    def __init__(self, exchange: SimulatedExchange) -> None:
        self.exchange = exchange

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        # As it came over the wire: nothing to take apart and put together again.
        target = request.raw_path
        path = target.partition("?")[0]
        if path in (MAIN_PATH, BOOK_PATH):
            return await self._stream(request, path)
        if path.startswith("/sim/") and not _is_loopback(request.remote):
            return web.Response(status=403)
        body = await request.read() if request.can_read_body else b""
        status, headers, reply = self.exchange.handle(request.method, target, request.headers, body)
        return web.Response(status=status, headers=headers, body=reply)

    async def _stream(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        outbox = _Outbox()
        stream = self.exchange.open_stream(path, outbox.put, outbox.close)

        def cut_off() -> None:
            stream.close()
            # The goodbye needs a reader; without one the connection is dropped.
            if request.transport is not None:
                asyncio.get_running_loop().call_later(GOODBYE_S, request.transport.abort)

        outbox.on_overflow = cut_off
        writer = asyncio.create_task(outbox.write_to(socket))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    stream.on_frame(message.data.encode())
        finally:
            stream.close()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket


def _is_loopback(remote: str | None) -> bool:
    return remote is not None and ip_address(remote).is_loopback


class _Outbox:
    """Frames on their way to one client; bounded, so that a slow reader costs nobody else anything."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._ending = False
        self.on_overflow: Callable[[], None] | None = None

    def put(self, frame: bytes) -> None:
        if self._ending:
            return
        if len(self._frames) >= MAX_QUEUED:
            self._frames.clear()
            self._frames.append(_SLOW)
            self._ending = True
            if self.on_overflow is not None:
                self.on_overflow()
        else:
            self._frames.append(frame)
        self._ready.set()

    def close(self, reason: str) -> None:  # noqa: ARG002 (the venue says why; the socket just ends)
        self._ending = True
        self._ready.set()

    async def write_to(self, socket: web.WebSocketResponse) -> None:
        with suppress(ConnectionError, RuntimeError):
            while not (self._ending and not self._frames):
                await self._ready.wait()
                self._ready.clear()
                while self._frames:
                    await socket.send_str(self._frames.popleft().decode())
        if not socket.closed:
            with suppress(ConnectionError, RuntimeError):
                await socket.close()


async def serve(exchange: SimulatedExchange, *, host: str = "127.0.0.1", port: int = 0) -> tuple[web.ServerRunner, int]:
    """Serve the exchange on a socket; returns the runner (to clean up) and the port.

    Raises
    ------
    ConfigError
        If the address cannot be listened on.
    """
    server = _Server(exchange)
    runner = web.ServerRunner(web.Server(server.answer, access_log=None), shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=256)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        reason = error.strerror or str(error)
        raise ConfigError([f"port is {port}: {host} cannot be listened on ({reason}); take another, or 0"]) from None
    return runner, runner.addresses[0][1]


async def run(
    exchange: SimulatedExchange,
    clock: Clock,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    owner: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or the end of `owner`; prints the address when ready."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner, bound = await serve(exchange, host=host, port=port)
    driver = asyncio.create_task(drive(exchange, clock))
    waits = [asyncio.create_task(stop.wait()), driver]
    if owner is not None:
        waits.append(asyncio.create_task(owner))
    sys.stdout.write(f"simulated LMEX listening on http://{host}:{bound}\n")
    sys.stdout.flush()
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await runner.cleanup()


async def _outlive_process(pid: int, linger_s: float) -> None:
    """Return some time after a process is gone."""
    while _alive(pid):  # noqa: ASYNC110 (a process that is not our child sends no event)
        await asyncio.sleep(0.2)
    await asyncio.sleep(linger_s)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice; only Linux tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"


async def _outlive_pipe(fd: int, linger_s: float) -> None:
    """Return some time after the other end of a pipe is closed."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def readable() -> None:
        if not os.read(fd, 1024):
            loop.remove_reader(fd)
            gone.set()

    loop.add_reader(fd, readable)
    await gone.wait()
    await asyncio.sleep(linger_s)


def main(
    port: int = 8787,
    seed: int = 1,
    preset: str = "lively",
    rate_limits: bool = True,
    *,
    host: str = "127.0.0.1",
    linger_s: float | None = None,
    owner_fd: int | None = None,
    watch_pid: int | None = None,
) -> None:
    """Run the simulated LMEX in this process until it is told to end.

    Parameters
    ----------
    port : int
        0 picks a free one; the address is printed when the venue is ready.
    seed, preset, rate_limits
        The market; see `SimulatedExchange`.
    linger_s : float, optional
        With `owner_fd` or `watch_pid`: how long to stay after the owner is gone, seconds (default 0).
    owner_fd : int, optional
        The reading end of a pipe that its owner keeps open.
    watch_pid : int, optional
        A process to outlive.
    """
    clock = SystemClock()
    exchange = SimulatedExchange(preset, seed=seed, clock=clock, rate_limits=rate_limits)
    owner = None
    if owner_fd is not None:
        owner = _outlive_pipe(owner_fd, linger_s or 0.0)
    elif watch_pid is not None:
        owner = _outlive_process(watch_pid, linger_s or 0.0)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run(exchange, clock, host=host, port=port, owner=owner))


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of `python -m workbench.exchange`."""
    parser = argparse.ArgumentParser(prog="python -m workbench.exchange", description="The simulated LMEX.")
    parser.add_argument("--port", type=int, default=8787, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="lively")
    parser.add_argument("--rate-limits", choices=("on", "off"), default="on")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds to stay after the watched process is gone")
    parser.add_argument("--watch-pid", type=int, default=None, help="end after this process has ended")
    return parser.parse_args(arguments)
