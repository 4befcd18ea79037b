"""The in-memory wire keeps order, takes its time, and loses nothing that a socket would not lose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from workbench.client import ConnectionLost, MemoryTransport, TransportError
from workbench.virtual_time import run_virtual


class EchoVenue:
    """Answers every request with its number and every frame with itself."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, float]] = []
        self.streams: list[EchoStream] = []

    def handle(
        self, method: str, path_with_query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if path_with_query == "/broken":
            raise ZeroDivisionError("a fault of the simulation")
        self.requests.append((path_with_query, asyncio.get_running_loop().time()))
        return 200, {"Retry-After": "1"}, f"{method} {len(self.requests)}".encode() + body

    def open_stream(
        self, path: str, send: Callable[[bytes], None], closed: Callable[[str], None] = lambda _: None
    ) -> EchoStream:
        if path != "/ws":
            raise ValueError(f"no stream at {path}")
        stream = EchoStream(send, closed)
        self.streams.append(stream)
        return stream


class EchoStream:
    def __init__(self, send: Callable[[bytes], None], closed: Callable[[str], None]) -> None:
        self.send = send
        self.closed = closed
        self.frames: list[bytes] = []
        self.gone = False

    def on_frame(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.send(frame)

    def close(self) -> None:
        self.gone = True


def test_an_answer_takes_one_delay_there_and_one_back() -> None:
    async def main() -> tuple[float, bytes, Mapping[str, str]]:
        transport = MemoryTransport(EchoVenue(), latency=lambda: 0.25)
        reply = await transport.request("GET", "/x", {}, b"!")
        return asyncio.get_running_loop().time(), reply.body, reply.headers

    assert run_virtual(main()) == (0.5, b"GET 1!", {"retry-after": "1"})


def test_requests_arrive_in_the_order_they_were_sent_whatever_the_delays() -> None:
    async def main() -> list[str]:
        venue = EchoVenue()
        transport = MemoryTransport(venue, latency=(0.001, 0.5))
        await asyncio.gather(*(transport.request("GET", f"/{i}", {}, b"") for i in range(50)))
        return [path for path, _ in venue.requests]

    assert run_virtual(main(), seed=5) == [f"/{i}" for i in range(50)]


def test_a_slow_answer_is_a_timeout_of_a_request_that_arrived_all_the_same() -> None:
    async def main() -> tuple[float, int]:
        venue = EchoVenue()
        transport = MemoryTransport(venue, latency=lambda: 2.0)
        with pytest.raises(TransportError, match="no answer within 3 s"):
            await transport.request("POST", "/order", {}, b"", timeout_s=3.0)
        at = asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        return at, len(venue.requests)

    assert run_virtual(main()) == (3.0, 1)


def test_a_fault_of_the_simulation_reaches_the_caller() -> None:
    async def main() -> None:
        await MemoryTransport(EchoVenue()).request("GET", "/broken", {}, b"")

    with pytest.raises(ZeroDivisionError):
        run_virtual(main())


def test_frames_arrive_in_order_in_both_directions() -> None:
    async def main() -> tuple[list[bytes], list[bytes]]:
        venue = EchoVenue()
        connection = await MemoryTransport(venue, latency=(0.001, 0.5)).connect("/ws")
        frames = [str(i).encode() for i in range(50)]
        for frame in frames:
            await connection.send(frame)
        heard: list[bytes] = []
        reader = asyncio.ensure_future(connection.read(heard.append))
        await asyncio.sleep(5)
        reader.cancel()
        return venue.streams[0].frames, heard

    sent, heard = run_virtual(main(), seed=3)
    assert heard == [str(i).encode() for i in range(50)]
    assert sent == heard


def test_a_stream_ends_after_the_frames_that_were_on_their_way() -> None:
    async def main() -> list[bytes]:
        venue = EchoVenue()
        connection = await MemoryTransport(venue).connect("/ws")
        venue.streams[0].send(b"last words")
        venue.streams[0].closed("maintenance")
        frames: list[bytes] = []
        with pytest.raises(ConnectionLost, match="maintenance"):
            await connection.read(frames.append)
        with pytest.raises(ConnectionLost, match="maintenance"):
            await connection.send(b"?")
        return frames

    assert run_virtual(main()) == [b"last words"]


def test_frames_that_came_before_the_reader_are_kept_for_it() -> None:
    async def main() -> list[bytes]:
        venue = EchoVenue()
        connection = await MemoryTransport(venue).connect("/ws")
        venue.streams[0].send(b"early")
        await asyncio.sleep(1)
        venue.streams[0].closed("")
        await asyncio.sleep(1)
        frames: list[bytes] = []
        with pytest.raises(ConnectionLost, match="closed by the venue"):
            await connection.read(frames.append)
        return frames

    assert run_virtual(main()) == [b"early"]


def test_what_a_reader_raises_ends_its_reading() -> None:
    async def main() -> None:
        venue = EchoVenue()
        connection = await MemoryTransport(venue).connect("/ws")
        numbers: list[int] = []
        venue.streams[0].send(b"no number")
        venue.streams[0].send(b"1")
        with pytest.raises(ValueError, match="no number"):
            await connection.read(lambda frame: numbers.append(int(frame)))

    run_virtual(main())


def test_closing_ends_a_waiting_reader_and_tells_the_venue_once() -> None:
    async def main() -> bool:
        venue = EchoVenue()
        transport = MemoryTransport(venue)
        connection = await transport.connect("/ws")
        reader = asyncio.ensure_future(connection.read(lambda _: None))
        await asyncio.sleep(1)
        await transport.close()
        await connection.close()
        with pytest.raises(ConnectionLost):
            await reader
        return venue.streams[0].gone

    assert run_virtual(main())


def test_a_refused_stream_is_a_transport_error() -> None:
    async def main() -> None:
        await MemoryTransport(EchoVenue()).connect("/nowhere")

    with pytest.raises(TransportError, match="no stream at /nowhere"):
        run_virtual(main())
