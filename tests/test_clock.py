"""Virtual time runs as fast as the work allows, in the same order for the same seed."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from workbench.clock import LoopClock, PacedLoop, VirtualTimeLoop, run_virtual


def test_an_hour_passes_at_once_and_exactly() -> None:
    async def main() -> int:
        clock = LoopClock(asyncio.get_running_loop(), epoch_ns=0)
        await asyncio.sleep(3600)
        return clock.now_ns()

    assert run_virtual(main()) == 3600 * 10**9


def test_tasks_interleave_by_their_timers_and_equal_seeds_give_equal_orders() -> None:
    async def main() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        seen: list[tuple[float, int]] = []

        async def worker(name: int) -> None:
            for _ in range(20):
                await asyncio.sleep(loop.random.random())
                seen.append((loop.time(), name))

        await asyncio.gather(*(worker(name) for name in range(5)))
        return seen

    first, again, other = run_virtual(main(), seed=1), run_virtual(main(), seed=1), run_virtual(main(), seed=2)
    assert first == again != other
    assert [time for time, _ in first] == sorted(time for time, _ in first)


def test_a_deadlock_is_reported_instead_of_waiting_for_ever() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="deadlock"):
        run_virtual(main())


def test_tasks_that_are_left_over_are_cancelled() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(10**6)
        finally:
            ended.append("cancelled")

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(forever())
        await asyncio.sleep(1)
        return task

    assert run_virtual(main()).cancelled()
    assert ended == ["cancelled"]


async def _interleaved() -> list[tuple[int, int]]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    seen: list[tuple[int, int]] = []

    async def worker(name: int) -> None:
        for _ in range(10):
            await asyncio.sleep(loop.random.random())
            seen.append((loop.now_ns, name))

    await asyncio.gather(*(worker(name) for name in range(3)))
    return seen


def test_a_paced_loop_comes_out_the_same_at_every_speed() -> None:
    virtual = run_virtual(_interleaved(), seed=3)
    assert run_virtual(_interleaved(), loop=PacedLoop(0, 3)) == virtual
    assert run_virtual(_interleaved(), loop=PacedLoop(200, 3)) == virtual


def test_a_paced_loop_is_no_faster_than_its_speed() -> None:
    began = time.monotonic()
    run_virtual(asyncio.sleep(20), loop=PacedLoop(400))
    assert time.monotonic() - began >= 0.05


def test_a_stall_does_not_cost_market_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real_ns, stalled_ns = time.monotonic_ns, 0
    monkeypatch.setattr("workbench.clock.time.monotonic_ns", lambda: real_ns() + stalled_ns)

    async def main() -> tuple[int, int]:
        nonlocal stalled_ns
        loop = asyncio.get_running_loop()
        assert isinstance(loop, PacedLoop)
        await asyncio.sleep(1)
        stalled_ns = 10**10
        after = loop.now_ns
        await asyncio.sleep(1)
        return after, loop.now_ns

    assert run_virtual(main(), loop=PacedLoop(100)) == (10**9, 2 * 10**9)


@pytest.mark.parametrize("speed", [0, 50])
def test_a_paced_loop_serves_sockets_between_its_timers(speed: float) -> None:
    ours, theirs = socket.socketpair()

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(ours, lambda: heard.done() or heard.set_result(ours.recv(16)))
        theirs.send(b"word")
        await asyncio.sleep(1)
        loop.remove_reader(ours)
        return heard.result()

    with ours, theirs:
        assert run_virtual(main(), loop=PacedLoop(speed)) == b"word"
