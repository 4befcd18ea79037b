"""The loop journals before it sends, decides in order, drops nothing that matters, and stops when something breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from workbench.clock import NS
from workbench.engine.backlog import MAX_TRADES_WAITING, conflate
from workbench.engine.journal import Journal, read_journal
from workbench.engine.loop import TradingLoop
from workbench.errors import JournalError
from workbench.events import (
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    Command,
    Event,
    MarketTrade,
    MarkPrice,
    OwnFill,
    Query,
    StateFrame,
    Timer,
)
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual


class Echo:
    """Answers each event with a query that names it."""

    state = "quoting"

    def __init__(self, react_to: tuple[type, ...] = (BookDelta,)) -> None:
        self.seen: list[Event] = []
        self._react_to = react_to

    def on_event(self, event: Event) -> list[Command]:
        self.seen.append(event)
        return [Query(f"{event.t_ns}")] if isinstance(event, self._react_to) else []

    def frame(self, t_ns: int, seq: int) -> StateFrame:
        return StateFrame(seq=seq, t_ns=t_ns, symbol="BTC-PERP", state="quoting", why="echo")


def delta(t_ns: int, price: int = 100, size: int = 1) -> BookDelta:
    return BookDelta(t_ns, t_ns, ((price, size),), (), t_ns)


def fill(trade_id: str) -> OwnFill:
    return OwnFill(1, 1, trade_id, "c", "o", 1, 100, 1, Decimal(0), "USDT", True)


def on_loop(test: Callable[[TradingLoop, Echo, Journal, list[Command]], object], **settings: object) -> None:
    """Run a test on virtual time with a loop whose sent commands are collected."""

    async def run() -> None:
        journal = Journal(":memory:", {"run_id": "t"})
        maker = Echo()
        sent: list[Command] = []
        clock = LoopClock(asyncio.get_running_loop())
        loop = TradingLoop(maker, journal, clock, sent.append, **settings)  # type: ignore[arg-type]
        loop.start()
        result = test(loop, maker, journal, sent)
        if asyncio.iscoroutine(result):
            await result
        loop.stop()

    run_virtual(run())


def test_a_command_is_committed_before_it_is_sent(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path / "j.sqlite", {"run_id": "t"})
        in_journal_when_sent: list[bool] = []

        def submit(command: Command) -> None:
            on_disk = read_journal(tmp_path / "j.sqlite")
            in_journal_when_sent.append(any(row.kind == "command" and row.decode() == command for row in on_disk))

        loop = TradingLoop(Echo(), journal, LoopClock(asyncio.get_running_loop()), submit)
        loop.start()
        for t_ns in (1, 2, 3):
            loop.emit(delta(t_ns))
        await loop.consumed()
        assert in_journal_when_sent == [True, True, True]
        loop.stop()
        journal.close()

    run_virtual(run())


def test_nothing_is_sent_once_the_journal_has_failed(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path / "j.sqlite", {"run_id": "t"})
        sent: list[Command] = []
        failures: list[Exception] = []
        loop = TradingLoop(Echo(), journal, LoopClock(asyncio.get_running_loop()), sent.append, failed=failures.append)
        loop.start()
        journal._db.execute("DROP TABLE records")
        loop.emit(delta(1))
        await asyncio.sleep(1)
        loop.emit(delta(2))
        await asyncio.sleep(1)
        assert sent == []
        assert [type(failure) for failure in failures] == [JournalError]
        assert loop.failure is failures[0]
        journal.close()

    run_virtual(run())


def test_a_core_that_breaks_ends_trading_and_says_what_broke() -> None:
    async def run() -> None:
        class Broken(Echo):
            def on_event(self, event: Event) -> list[Command]:
                raise ZeroDivisionError("in the model")

        failures: list[Exception] = []
        journal = Journal(":memory:", {"run_id": "t"})
        clock = LoopClock(asyncio.get_running_loop())
        loop = TradingLoop(Broken(), journal, clock, lambda _: None, failed=failures.append)
        loop.start()
        loop.emit(delta(1))
        assert not await loop.wait_until(lambda: False, 5.0)
        assert isinstance(failures[0], ZeroDivisionError)

    run_virtual(run())


def test_the_timer_ticks_ten_times_a_second_and_frames_come_no_faster() -> None:
    frames: list[StateFrame] = []

    async def run(loop: TradingLoop, maker: Echo, journal: Journal, sent: list[Command]) -> None:
        for _ in range(500):
            loop.emit(delta(LoopClock(asyncio.get_running_loop()).now_ns()))
            await asyncio.sleep(0.01)
        timers = [event for event in maker.seen if isinstance(event, Timer)]
        assert len(timers) in (49, 50)
        assert 45 <= len(frames) <= 50
        assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
        assert sum(row.kind == "frame" for row in journal.read()) in (5, 6)

    on_loop(run, publish=frames.append)


def test_a_late_timer_is_measured_and_missed_ticks_are_not_made_up_for() -> None:
    async def run(loop: TradingLoop, maker: Echo, journal: Journal, sent: list[Command]) -> None:
        virtual = asyncio.get_running_loop()
        assert isinstance(virtual, VirtualTimeLoop)
        await asyncio.sleep(0.15)
        virtual.now_ns += 2 * NS
        await asyncio.sleep(0.35)
        assert 1900 < loop.stats.max_lag_ms < 2000
        assert sum(isinstance(event, Timer) for event in maker.seen) <= 6

    on_loop(run)


def test_market_data_without_commands_is_durable_within_two_tenths_of_a_second(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path / "j.sqlite", {"run_id": "t"})
        clock = LoopClock(asyncio.get_running_loop())
        loop = TradingLoop(Echo(), journal, clock, lambda _: None)
        loop.start()
        loop.emit(BookLost(clock.now_ns(), "test"))
        await asyncio.sleep(0.201)
        assert any(row.tag == "BookLost" for row in read_journal(tmp_path / "j.sqlite"))
        loop.stop()
        journal.close()

    run_virtual(run())


def test_an_engine_order_is_journalled_as_such() -> None:
    def run(loop: TradingLoop, maker: Echo, journal: Journal, sent: list[Command]) -> None:
        loop.order(Cancel("c", "o"))
        assert sent == [Cancel("c", "o")]
        assert [row.kind for row in journal.read()] == ["engine"]

    on_loop(run)


def test_a_backlog_keeps_every_fill_and_one_book_change() -> None:
    async def run(loop: TradingLoop, maker: Echo, journal: Journal, sent: list[Command]) -> None:
        for number in range(1000):
            loop.emit(delta(number, price=number % 7, size=number))
            loop.emit(fill(f"t{number}"))
        await loop.consumed()
        assert [event.trade_id for event in maker.seen if isinstance(event, OwnFill)] == [f"t{i}" for i in range(1000)]
        deltas = [event for event in maker.seen if isinstance(event, BookDelta)]
        assert len(deltas) == 1
        assert dict(deltas[0].bids) == {n % 7: n for n in range(993, 1000)}
        assert loop.stats.conflated == 999
        assert loop.stats.largest_backlog == 2000

    on_loop(run)


def test_a_snapshot_replaces_what_came_before_it_and_not_what_came_after() -> None:
    snapshot = BookSnapshot(5, 5, ((100, 1),), ((101, 1),), 5)
    lost = BookLost(3, "gap")
    kept, dropped = conflate(
        [delta(1), lost, delta(4), fill("a"), snapshot, delta(6, 99), Timer(6), delta(7, 98), Timer(8)]
    )
    assert kept == [fill("a"), snapshot, BookDelta(7, 7, ((99, 1), (98, 1)), (), 7), Timer(8)]
    assert dropped == 0


def test_a_lost_book_stays_lost_in_a_backlog() -> None:
    lost = BookLost(3, "gap")
    kept, _ = conflate([BookSnapshot(1, 1, ((1, 1),), ((2, 1),)), delta(2), lost])
    assert kept == [lost]


def test_of_a_flood_of_public_trades_the_newest_stay() -> None:
    trades: list[Event] = [MarketTrade(n, n, n, 1, 100, 1) for n in range(MAX_TRADES_WAITING + 3)]
    marks: list[Event] = [MarkPrice(n, Decimal(n), Decimal(n)) for n in (1, 2)]
    kept, dropped = conflate([*marks, *trades])
    assert kept == [marks[1], *trades[3:]]
    assert dropped == 3


@pytest.mark.parametrize("in_time", [True, False])
def test_waiting_for_something_ends_with_the_event_that_makes_it_true_or_with_the_time(in_time: bool) -> None:
    async def run(loop: TradingLoop, maker: Echo, journal: Journal, sent: list[Command]) -> None:
        if in_time:
            asyncio.get_running_loop().call_later(1.0, loop.emit, fill("a"))
        started = asyncio.get_running_loop().time()
        found = await loop.wait_until(lambda: any(isinstance(event, OwnFill) for event in maker.seen), 3.0)
        assert found is in_time
        assert asyncio.get_running_loop().time() - started == pytest.approx(1.0 if in_time else 3.0, abs=0.001)

    on_loop(run)
