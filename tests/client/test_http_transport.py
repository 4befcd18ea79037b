"""The transport over real sockets: bytes as they are, errors by name, streams as frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSCloseCode, web
from aiohttp.test_utils import TestServer

from workbench.client import AiohttpTransport, ConnectionLost, TransportError


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    seen = (
        f"{request.method} {request.raw_path} {request.headers.get('Origin')} {request.headers.get('x-test')} ".encode()
    )
    return web.Response(body=seen + body, status=429, headers={"Retry-After": "7"})


async def hang(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def stream(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(str(request.headers.get("Origin")))
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=WSCloseCode.GOING_AWAY)
        elif message.data == "drop":
            assert request.transport is not None
            request.transport.abort()
        else:
            await socket.send_str(message.data)
    return socket


@asynccontextmanager
async def venue() -> AsyncIterator[AiohttpTransport]:
    app = web.Application()
    app.router.add_get("/ws", stream)
    app.router.add_get("/hang", hang)
    app.router.add_route("*", "/{rest:.*}", echo)
    server = TestServer(app)
    await server.start_server()
    transport = AiohttpTransport(f"http://127.0.0.1:{server.port}")
    try:
        yield transport
    finally:
        await transport.close()
        await server.close()


def test_path_headers_and_body_go_out_as_they_are() -> None:
    async def main() -> None:
        async with venue() as transport:
            reply = await transport.request("DELETE", "/a/b?wallet=CROSS%40&x=1", {"x-test": "yes"}, b"\x00body")
            assert reply.body == b"DELETE /a/b?wallet=CROSS%40&x=1 https://lmex.io yes \x00body"
            assert (reply.status, reply.headers["retry-after"]) == (429, "7")

    asyncio.run(main())


def test_no_answer_in_time_is_a_transport_error_that_says_so() -> None:
    async def main() -> None:
        async with venue() as transport:
            with pytest.raises(TransportError, match=r"GET /hang: no answer .* within 0.05 s"):
                await transport.request("GET", "/hang?secret=1", {}, b"", timeout_s=0.05)

    asyncio.run(main())


def test_a_venue_that_is_not_there_is_a_transport_error() -> None:
    async def main() -> None:
        transport = AiohttpTransport("http://127.0.0.1:9")
        with pytest.raises(TransportError, match="failed"):
            await transport.request("GET", "/x", {}, b"")
        with pytest.raises(TransportError, match="did not open"):
            await transport.connect("/ws")
        await transport.close()

    asyncio.run(main())


def test_a_stream_carries_text_frames_as_bytes_until_the_venue_closes_it() -> None:
    async def main() -> None:
        async with venue() as transport:
            connection = await transport.connect("/ws")
            frames: list[bytes] = []
            await connection.send('{"price":"77054.5","ü":1}'.encode())
            await connection.send(b"bye")
            with pytest.raises(ConnectionLost, match="1001"):
                await connection.read(frames.append)
            assert frames == [b"https://lmex.io", '{"price":"77054.5","ü":1}'.encode()]

    asyncio.run(main())


def test_a_broken_stream_is_lost_and_cannot_be_written_to() -> None:
    async def main() -> None:
        async with venue() as transport:
            connection = await transport.connect("/ws")
            await connection.send(b"drop")
            with pytest.raises(ConnectionLost):
                await connection.read(lambda _: None)
            with pytest.raises(ConnectionLost):
                await connection.send(b"anybody?")
            await connection.close()

    asyncio.run(main())


def test_closing_a_stream_ends_its_waiting_reader() -> None:
    async def main() -> None:
        async with venue() as transport:
            connection = await transport.connect("/ws")
            opened = asyncio.Event()
            reader = asyncio.ensure_future(connection.read(lambda _: opened.set()))
            await opened.wait()
            await connection.close()
            with pytest.raises(ConnectionLost):
                await reader

    asyncio.run(main())


def test_a_refused_stream_is_a_transport_error() -> None:
    async def main() -> None:
        async with venue() as transport:
            with pytest.raises(TransportError, match="did not open"):
                await transport.connect("/nowhere")

    asyncio.run(main())
