"""Virtual time runs as fast as the work allows, in the same order for the same seed."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from workbench.virtual_time import LoopClock, PacedLoop, VirtualTimeLoop, run_virtual


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


def test_a_held_loop_lets_no_time_pass_for_a_while() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, PacedLoop)
        began = time.monotonic()
        loop.hold(0.05)
        await asyncio.sleep(3600)
        return time.monotonic() - began

    assert run_virtual(main(), loop=PacedLoop(0)) >= 0.05


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


def test_timers_of_one_instant_fire_in_the_order_in_which_they_were_set() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        fired: list[int] = []
        for number in range(50):
            loop.call_at(1.0, fired.append, number)
        await asyncio.sleep(2)
        return fired

    assert run_virtual(main()) == list(range(50))


def test_a_cancelled_timer_neither_fires_nor_holds_time_up() -> None:
    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        fired: list[str] = []
        timer = loop.call_later(1.0, fired.append, "late")
        loop.call_later(0.5, timer.cancel)
        soon = loop.call_soon(fired.append, "soon")
        soon.cancel()
        await asyncio.sleep(0.5)
        assert timer.cancelled()
        await asyncio.to_thread(fired.append, "thread")
        return fired, loop.time()

    assert run_virtual(main()) == (["thread"], 0.5)


def test_a_callback_that_fails_is_reported_and_the_others_run() -> None:
    async def main() -> tuple[list[str], list[str]]:
        loop = asyncio.get_running_loop()
        reported: list[str] = []
        loop.set_exception_handler(lambda _, context: reported.append(repr(context["exception"])))
        fired: list[str] = []
        loop.call_soon(int, "no number")
        loop.call_soon(fired.append, "next")
        await asyncio.sleep(0)
        return reported, fired

    reported, fired = run_virtual(main())
    assert fired == ["next"]
    assert len(reported) == 1
    assert "no number" in reported[0]
