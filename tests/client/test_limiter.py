"""The request budget: bursts, refill, the cancels' reserve, and silence after a rate limit."""

from __future__ import annotations

import asyncio

import pytest

from workbench.client import RateLimited, RateLimiter, Unlimited
from workbench.virtual_time import LoopClock, run_virtual


def limiter(**settings: float) -> RateLimiter:
    return RateLimiter(LoopClock(asyncio.get_running_loop()), **settings)


def test_orders_leave_the_reserve_to_cancels() -> None:
    async def main() -> tuple[int, int]:
        budget = limiter(orders_per_s=35, cancel_reserve=10)
        orders = sum(budget.try_acquire("order") for _ in range(100))
        cancels = sum(budget.try_acquire("cancel") for _ in range(100))
        return orders, cancels

    assert run_virtual(main()) == (25, 10)


def test_in_a_flood_of_orders_a_cancel_never_waits() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        budget = limiter()
        waits = []

        async def flood() -> None:
            while True:
                await budget.acquire("order", 60)

        tasks = [asyncio.ensure_future(flood()) for _ in range(5)]
        for _ in range(50):
            await asyncio.sleep(0.1)
            before = loop.time()
            await budget.acquire("cancel", 60)
            waits.append(loop.time() - before)
        for task in tasks:
            task.cancel()
        return max(waits)

    assert run_virtual(main()) == 0.0


def test_in_any_second_no_more_is_sent_than_half_of_what_the_venue_allows_twice_over() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        budget = limiter()
        sent = []

        async def greedy() -> None:
            while loop.time() < 10:
                await budget.acquire("order", 60)
                sent.append(loop.time())

        await asyncio.gather(*(greedy() for _ in range(3)))
        return sent

    sent = run_virtual(main())
    assert 9 * 35 <= len(sent) <= 10 * 35 + 25 + 3
    for i in range(0, len(sent), 7):
        assert sum(sent[i] <= time < sent[i] + 1 for time in sent) <= 75


def test_waiting_is_first_come_first_served() -> None:
    async def main() -> list[int]:
        budget = limiter(queries_per_s=2, verify_reserve=0)
        order: list[int] = []

        async def ask(name: int) -> None:
            await budget.acquire("query", 60)
            order.append(name)

        await asyncio.gather(*(ask(name) for name in range(8)))
        return order

    assert run_virtual(main()) == list(range(8))


def test_a_request_that_would_wait_too_long_is_refused_unsent() -> None:
    async def main() -> float:
        budget = limiter(queries_per_s=1, verify_reserve=0)
        await budget.acquire("query", 1)
        with pytest.raises(RateLimited, match="not sent") as caught:
            await budget.acquire("query", 0.2)
        assert caught.value.retry_after_s is not None
        await asyncio.sleep(caught.value.retry_after_s)
        assert budget.try_acquire("query")
        return caught.value.retry_after_s

    assert run_virtual(main()) == pytest.approx(1.0)


def test_the_dead_man_has_its_own_budget() -> None:
    async def main() -> None:
        budget = limiter()
        while budget.try_acquire("cancel") or budget.try_acquire("query"):
            pass
        assert budget.try_acquire("deadman")

    run_virtual(main())


def test_after_a_rate_limit_everything_is_silent_for_as_long_as_asked() -> None:
    async def main() -> tuple[float, bool]:
        loop = asyncio.get_running_loop()
        budget = limiter()
        assert budget.penalise(4.0) == 4.0
        assert not budget.try_acquire("cancel")
        start = loop.time()
        await budget.acquire("cancel", 10)
        return loop.time() - start, budget.try_acquire("order")

    waited, then = run_virtual(main())
    assert waited == pytest.approx(4.0, abs=1e-6)
    assert then


def test_silence_doubles_with_every_violation_within_an_hour() -> None:
    async def main() -> list[float]:
        budget = limiter()
        silences = []
        for _ in range(4):
            silences.append(budget.penalise(None))
            await asyncio.sleep(silences[-1])
        await asyncio.sleep(3601)
        return [*silences, budget.penalise(None)]

    assert run_virtual(main()) == [1.0, 2.0, 4.0, 8.0, 1.0]


def test_refusals_while_it_is_silent_are_no_further_violations() -> None:
    async def main() -> tuple[float, list[float], float]:
        budget = limiter()
        first = budget.penalise(None)
        await asyncio.sleep(first)
        # Two cancels and a query were on their way, and the cancels are tried again within the silence.
        during = []
        for pause in (0.0, 0.0, 1.0, 0.5):
            await asyncio.sleep(pause)
            during.append(budget.penalise(None))
        await asyncio.sleep(2.0)
        return first, during, budget.penalise(None)

    assert run_virtual(main()) == (1.0, [2.0, 2.0, 2.0, 2.0], 4.0)


def test_unlimited_never_waits() -> None:
    async def main() -> bool:
        free = Unlimited()
        for _ in range(1000):
            await free.acquire("order", 0)
        return free.try_acquire("order") and free.penalise(None) == 1.0

    assert run_virtual(main())


def test_the_check_after_a_cancel_goes_first_and_counts_as_the_query_that_it_is() -> None:
    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        budget = limiter()
        sent: list[float] = []
        waits = []

        async def flood() -> None:
            while True:
                await budget.acquire("query", 60)
                sent.append(loop.time())

        tasks = [asyncio.ensure_future(flood()) for _ in range(3)]
        for _ in range(20):
            await asyncio.sleep(0.25)
            before = loop.time()
            await budget.acquire("verify", 60)
            sent.append(loop.time())
            waits.append(loop.time() - before)
        for task in tasks:
            task.cancel()
        busiest = max(sum(start <= at < start + 1 for at in sent) for start in sent)
        return max(waits), busiest

    longest_wait, busiest_second = run_virtual(main())
    assert longest_wait < 0.2
    assert busiest_second <= 15, "the venue answers the sixteenth query with a block"


def test_a_silence_of_our_own_making_holds_cancels_back_for_a_second_at_most() -> None:
    async def main() -> tuple[bool, bool, bool]:
        budget = limiter()
        for _ in range(3):
            await asyncio.sleep(budget.penalise(None))
        budget.penalise(None)
        await asyncio.sleep(1.01)
        return budget.try_acquire("cancel"), budget.try_acquire("verify"), budget.try_acquire("order")

    assert run_virtual(main()) == (True, True, False)


def test_a_silence_that_the_venue_asks_for_holds_for_everybody() -> None:
    async def main() -> bool:
        budget = limiter()
        budget.penalise(5.0)
        await asyncio.sleep(4.9)
        return budget.try_acquire("cancel")

    assert run_virtual(main()) is False
