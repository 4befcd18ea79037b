"""Virtual time runs as fast as the work allows, in the same order for the same seed."""

from __future__ import annotations

import asyncio

import pytest

from workbench.clock import LoopClock, VirtualTimeLoop, run_virtual


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
