"""The transport that speaks to the world: one aiohttp session, connections kept alive, text frames as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

import aiohttp
from yarl import URL

from workbench.client.transport import Connection, ConnectionLost, Response, TransportError

__all__ = ["AiohttpTransport"]

ORIGIN = "https://lmex.io"
"""One LMEX client sends it in the WebSocket handshake, others connect without: harmless (lmex-api section 1)."""
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
MAX_FRAME_BYTES = 8 * 1024 * 1024


class AiohttpTransport:
    """HTTP and WebSocket of one venue over real sockets.

    Parameters
    ----------
    base_url : str
        Scheme, host and port of REST, for example "https://api.lmex.io" or "http://127.0.0.1:8787".
    ws_url : str, optional
        Of the streams, for example "wss://ws.lmex.io"; by default the same host as REST.

    Notes
    -----
    The session is opened by the first use, inside the loop that uses it. TCP_NODELAY is asyncio's default, compression
    is off: both for latency.
    """

    def __init__(self, base_url: str, ws_url: str | None = None) -> None:
        self._base = base_url.rstrip("/")
        self._ws = (ws_url or self._base.replace("http", "ws", 1)).rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=60.0, ttl_dns_cache=300)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"Origin": ORIGIN},
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        """Send one HTTP request; `path` includes the query string.

        Raises
        ------
        TransportError
            If no complete answer came within `timeout_s`: the outcome of a write is then unknown.
        """
        try:
            # The path is signed and sent as it is: no quoting by the library.
            async with self._opened().request(
                method,
                URL(self._base + path, encoded=True),
                data=body or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as reply:
                content = await reply.read()
                return Response(reply.status, {name.lower(): text for name, text in reply.headers.items()}, content)
        except TimeoutError:
            raise TransportError(
                f"{method} {_bare(path)}: no answer from {self._base} within {timeout_s:g} s"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{method} {_bare(path)} at {self._base} failed: {_named(error)}") from None

    async def connect(self, path: str) -> Connection:
        """Open a WebSocket. Raises `TransportError`."""
        url = self._ws + path
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                socket = await self._opened().ws_connect(
                    url,
                    autoping=True,
                    compress=0,
                    max_msg_size=MAX_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                    decode_text=False,
                )
        except TimeoutError:
            raise TransportError(f"stream {url} did not open within {CONNECT_TIMEOUT_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"stream {url} did not open: {_named(error)}") from None
        return _WebSocket(socket, url)

    async def close(self) -> None:
        """Close every connection; a later request opens a new session."""
        if self._session is not None:
            await self._session.close()


class _WebSocket:
    """A `Connection` over an aiohttp WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool], url: str) -> None:
        self._socket = socket
        self._url = url

    async def send(self, frame: bytes) -> None:
        try:
            await self._socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"stream {self._url} is gone: {_named(error)}") from None

    async def read(self, take: Callable[[bytes], None]) -> NoReturn:
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
                data: bytes | str = message.data
                take(data if isinstance(data, bytes) else data.encode())
            elif message.type is aiohttp.WSMsgType.ERROR:
                raise ConnectionLost(f"stream {self._url} broke: {_named(self._socket.exception() or message.data)}")
            elif message.type in _ENDED:
                code = self._socket.close_code
                raise ConnectionLost(f"stream {self._url} was closed (code {code})")

    async def close(self) -> None:
        await self._socket.close()


_ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


def _bare(path: str) -> str:
    return path.partition("?")[0]


def _named(error: object) -> str:
    """An exception as text that is never empty."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
