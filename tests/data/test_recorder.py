"""The recorder in virtual time against the simulated LMEX: every row of the wire, gaps, hours, restarts."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from tests.data.made_data import kinds
from workbench.client import Connection, CutStream, DropFrame, Fault, FaultyTransport, LoseAnswer, MemoryTransport
from workbench.data import (
    GAP_CROSSED,
    GAP_DISCONNECTED,
    GAP_OTHER,
    GAP_RECORDER,
    GAP_SEQUENCE,
    GAP_TRADES,
    Catalog,
    Recorder,
)
from workbench.data.heard import HeardRows
from workbench.data.segments import Segment, Spool
from workbench.errors import DataError, VenueError
from workbench.events import BookDelta, BookLost, BookSnapshot, MarketTrade, MarkPrice, StreamState
from workbench.exchange import SimulatedExchange, drive
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

EPOCH_NS = 1_780_000_000 * 10**9
HOUR_NS = 3600 * 10**9
BOOK_PATH, MAIN_PATH = "/ws/oss/futures", "/ws/futures"
DELTA = b'"type":"delta"'
TRADES = b"tradeHistoryApi"


class Tap:
    """A transport that remembers which frames it delivered."""

    def __init__(self, inner: FaultyTransport, clock: LoopClock) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.inner = inner
        self.clock = clock
        self.request = inner.request
        self.close = inner.close

    async def connect(self, path: str) -> Connection:
        connection = await self.inner.connect(path)
        read = connection.read

        async def read_and_remember(take: Callable[[bytes], None]) -> NoReturn:
            def remember(frame: bytes) -> None:
                self.frames.append((self.clock.now_ns(), frame))
                take(frame)

            await read(remember)

        connection.read = read_and_remember  # type: ignore[method-assign]
        return connection


class World:
    """A simulated venue on virtual time, and recorders that come and go."""

    def __init__(self, loop: VirtualTimeLoop, folder: Path, faults: Sequence[Fault], epoch_ns: int) -> None:
        self.clock = LoopClock(loop, epoch_ns)
        self.exchange = SimulatedExchange("lively", seed=loop.seed, clock=self.clock, rate_limits=False)
        self.catalog = Catalog(folder)
        self.tap = Tap(FaultyTransport(MemoryTransport(self.exchange), faults), self.clock)
        self.driver = loop.create_task(drive(self.exchange, self.clock))

    def recorder(self, *symbols: str) -> Recorder:
        names = symbols or ("BTC-PERP",)
        return Recorder(self.tap, self.catalog, names, self.clock, venue="sim", rng=random.Random(1), in_thread=False)

    async def record(self, seconds: float, *symbols: str) -> Recorder:
        """A recorder's whole life; frames on their way still arrive."""
        recorder = self.recorder(*symbols)
        await recorder.start()
        await asyncio.sleep(seconds)
        self.driver.cancel()
        with suppress(asyncio.CancelledError):
            await self.driver
        await asyncio.sleep(0.1)
        await recorder.stop()
        recorder.check()
        return recorder


def in_virtual_time(
    folder: Path,
    script: Callable[[World], Coroutine[Any, Any, Any]],
    *,
    faults: Sequence[Fault] = (),
    seed: int = 7,
    epoch_ns: int = EPOCH_NS,
) -> World:
    """Run a script in a world of its own; the world, to look at."""
    loop = VirtualTimeLoop(seed)
    world = World(loop, folder, faults, epoch_ns)
    run_virtual(script(world), loop=loop)
    return world


def on_the_wire(world: World, symbol: str = "BTC-PERP") -> Counter[tuple[Any, ...]]:
    """Levels and trades of the delivered frames, read without the client: (kind, t_ns, venue_ns, side, ticks, size)."""
    found: Counter[tuple[Any, ...]] = Counter()
    heard: set[int] = set()
    history = True
    for t_ns, frame in world.tap.frames:
        message = json.loads(frame) if frame != b"pong" else {}
        data = message.get("data")
        if isinstance(data, dict) and data["symbol"] == symbol:
            kind = "snapshot" if data["type"] == "snapshot" else "depth"
            for side, name in ((1, "bids"), (-1, "asks")):
                for price, size in data[name]:
                    found[kind, t_ns, data["timestamp"] * 10**6, side, int(Decimal(price) * 10), int(size)] += 1
        elif isinstance(data, list) and data and data[0]["symbol"] == symbol:
            news = [trade for trade in data if trade["tradeId"] not in heard]
            heard |= {trade["tradeId"] for trade in news}
            if not (history and len(data) > 1):
                for trade in news:
                    side, ticks = 1 if trade["side"] == "BUY" else -1, int(Decimal(str(trade["price"])) * 10)
                    found["trade", t_ns, trade["timestamp"] * 10**6, side, ticks, trade["size"]] += 1
            history = False
    return found


def recorded(frame: pd.DataFrame) -> Counter[tuple[Any, ...]]:
    rows = frame[frame["kind"].isin([1, 2, 4])]
    columns = (rows[name] for name in ("t_ns", "venue_ns", "side", "price_ticks", "size"))
    return Counter(zip(kinds(rows), *columns, strict=True))


def market_book(world: World, symbol: str = "BTC-PERP") -> list[tuple[int, int, int]]:
    """The book that the venue has published last, best first."""
    shown = world.exchange._feeds[symbol]._shown
    bids = [(1, *level) for level in sorted(shown[1].items(), reverse=True)]
    return bids + [(-1, *level) for level in sorted(shown[-1].items())]


def known_book(world: World, at_ns: int) -> list[tuple[int, int, int]]:
    return list(world.catalog.book("BTC-PERP", at_ns).itertuples(index=False, name=None))


def segments(folder: Path) -> list[Path]:
    return list(folder.rglob("*.arrows"))


def test_every_level_and_trade_of_the_wire_is_a_row_with_both_clocks(tmp_path: Path) -> None:
    world = in_virtual_time(tmp_path, lambda world: world.record(60))
    frame = world.catalog.load("BTC-PERP")
    assert recorded(frame) == on_the_wire(world)
    assert (np.diff(frame["t_ns"]) >= 0).all()
    assert (np.diff(frame["seq"]) == 1).all()
    assert kinds(frame[~frame["kind"].isin([6, 7, 8])])[:2] == ["resync", "clear"]
    numbers = frame[frame["kind"] == 1]["venue_seq"].unique()
    assert (np.diff(numbers) == 1).all()
    assert len(numbers) > 400
    assert "gap" not in kinds(frame)
    marks = frame[frame["kind"].isin([6, 7, 8])]
    assert len(marks) > 150
    assert marks[marks["kind"] == 8]["value"].unique().tolist() == [0.0001]
    assert set(marks[marks["kind"] == 8]["value_ns"] % (8 * HOUR_NS)) == {0}
    assert known_book(world, world.clock.now_ns()) == market_book(world)
    assert world.catalog.check("BTC-PERP").ok


def test_two_markets_are_recorded_side_by_side(tmp_path: Path) -> None:
    world = in_virtual_time(tmp_path, lambda world: world.record(10, "BTC-PERP", "ETH-PERP"))
    assert world.catalog.symbols() == ["BTC-PERP", "ETH-PERP"]
    assert world.catalog.instrument("ETH-PERP").tick_size == Decimal("0.01")
    assert all(len(world.catalog.load(symbol, kinds=["depth"])) > 100 for symbol in world.catalog.symbols())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_lost_delta_is_a_gap_and_the_book_is_right_again_after_it(tmp_path: Path, seed: int) -> None:
    faults = [DropFrame(BOOK_PATH, DELTA, skip=50), DropFrame(BOOK_PATH, DELTA, skip=130)]
    world = in_virtual_time(tmp_path, lambda world: world.record(40), faults=faults, seed=seed)
    frame = world.catalog.load("BTC-PERP")
    gaps = frame[frame["kind"] == 9]
    assert gaps["size"].tolist() == [GAP_SEQUENCE] * 2
    for gap in gaps.itertuples():
        before = frame[(frame["t_ns"] < gap.t_ns) & frame["kind"].isin([1, 4])]
        assert gap.value_ns == before["t_ns"].iloc[-1]
        after = frame[(frame["t_ns"] >= gap.t_ns) & frame["kind"].isin([1, 10])]
        assert after["kind"].iloc[0] == 10, "no level is recorded while the book is not known"
    mended = frame[frame["kind"] == 10].iloc[1:]
    assert mended[["size", "value_ns"]].to_numpy().tolist() == gaps[["size", "value_ns"]].to_numpy().tolist()
    assert known_book(world, world.clock.now_ns()) == market_book(world)
    report = world.catalog.check("BTC-PERP")
    assert report.gaps["cause"].tolist() == ["sequence", "sequence"]
    assert 0 < report.gaps["seconds"].sum() < 5


def test_cut_streams_come_back_and_only_what_is_missing_is_a_gap(tmp_path: Path) -> None:
    faults = [CutStream(BOOK_PATH, DELTA, skip=80), CutStream(MAIN_PATH, TRADES, skip=20)]
    world = in_virtual_time(tmp_path, lambda world: world.record(60), faults=faults)
    frame = world.catalog.load("BTC-PERP")
    gaps = frame[frame["kind"] == 9]
    assert gaps["size"].tolist() == [GAP_DISCONNECTED]
    trades = frame[frame["kind"] == 2]
    assert (np.diff(trades["venue_seq"]) == 1).all(), "the history after the reconnection fills the hole"
    assert known_book(world, world.clock.now_ns()) == market_book(world)
    assert len(world.catalog.files("BTC-PERP")) == 1


def test_a_venue_that_is_silent_for_long_costs_a_gap_and_not_the_recorder(tmp_path: Path) -> None:
    faults = [
        *(CutStream(path, skip=40, times=6, after_s=5) for path in (BOOK_PATH, MAIN_PATH)),
        LoseAnswer("GET", "/price", skip=5, times=3),
    ]
    world = in_virtual_time(tmp_path, lambda world: world.record(120), faults=faults)
    frame = world.catalog.load("BTC-PERP")
    assert GAP_DISCONNECTED in set(frame[frame["kind"] == 9]["size"])
    assert known_book(world, world.clock.now_ns()) == market_book(world)
    assert world.tap.inner.seen["LoseAnswer"] == 3


def test_each_hour_is_a_file_that_can_be_read_alone(tmp_path: Path) -> None:
    hour = EPOCH_NS // HOUR_NS * HOUR_NS + HOUR_NS
    world = in_virtual_time(tmp_path, lambda world: world.record(40), epoch_ns=hour - 20 * 10**9)
    first, second = world.catalog.files("BTC-PERP")
    assert world.catalog.load("BTC-PERP")["seq"].is_monotonic_increasing
    at = hour + 10 * 10**9
    whole = known_book(world, at)
    world.catalog.filesystem.rm_file(first)
    alone = world.catalog.load("BTC-PERP")
    assert len(world.catalog.files("BTC-PERP")) == 1
    assert alone["t_ns"].iloc[0] >= hour
    assert kinds(alone)[:2] == ["clear", "snapshot"]
    assert known_book(world, at) == whole != []
    assert second.rpartition("/")[2].startswith(pd.Timestamp(hour).strftime("%H-"))


def test_a_catalog_that_cannot_be_reached_gets_its_hours_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compact = Spool.compact
    refused: list[Path] = []

    def fail_twice(spool: Spool, path: Path) -> int:
        if len(refused) < 2:
            refused.append(path)
            raise TimeoutError("the object store does not answer")
        return compact(spool, path)

    async def over_the_hour(world: World) -> None:
        recorder = world.recorder()
        await recorder.start()
        await asyncio.sleep(100)
        recorder.check()
        files.append(len(world.catalog.files("BTC-PERP")))
        await asyncio.sleep(100)
        files.append(len(world.catalog.files("BTC-PERP")))
        await recorder.stop()

    files: list[int] = []
    monkeypatch.setattr(Spool, "compact", fail_twice)
    hour = EPOCH_NS // HOUR_NS * HOUR_NS + HOUR_NS
    world = in_virtual_time(tmp_path, over_the_hour, epoch_ns=hour - 20 * 10**9)
    assert files == [0, 1]
    assert caplog.text.count("cannot be written into") == len(refused) == 2
    assert recorded(world.catalog.load("BTC-PERP")) >= on_the_wire(world)
    assert segments(tmp_path) == []


def test_a_recorder_that_dies_loses_at_most_the_last_half_second(tmp_path: Path) -> None:
    async def die_and_come_back(world: World) -> None:
        doomed = world.recorder()
        await doomed.start()
        await asyncio.sleep(10.3)
        for task in asyncio.all_tasks():
            if task not in (asyncio.current_task(), world.driver):
                task.cancel()
        for market in doomed.markets:
            # As the kernel does for a dead process.
            market.spool.close()
            market._segment._file.close()
        (segment,) = segments(tmp_path)
        died.append(world.clock.now_ns())
        with segment.open("ab") as file:
            file.write(b"\xff\xff\xff\xff\x40\x00\x00\x00half a batch")
        assert world.catalog.files("BTC-PERP") == []
        await asyncio.sleep(3)
        await world.record(10)

    died: list[int] = []
    world = in_virtual_time(tmp_path, die_and_come_back)
    frame = world.catalog.load("BTC-PERP")
    before = frame[frame["t_ns"] <= died[0]]
    assert died[0] - before["t_ns"].iloc[-1] < 0.7 * 10**9
    on_wire = Counter({row: n for row, n in on_the_wire(world).items() if row[1] <= before["t_ns"].iloc[-1]})
    assert recorded(before) == on_wire
    gap = frame[frame["kind"] == 9]
    assert gap["size"].tolist() == [GAP_RECORDER]
    assert gap["value_ns"].tolist() == [before["t_ns"].iloc[-1]]
    assert segments(tmp_path) == []
    assert frame["seq"].is_monotonic_increasing
    report = world.catalog.check("BTC-PERP")
    assert report.gaps["cause"].tolist() == ["recorder"]
    assert report.gaps["seconds"].iloc[0] == pytest.approx(3.3, abs=0.6)


def test_a_second_recorder_of_the_same_market_is_refused(tmp_path: Path) -> None:
    async def both(world: World) -> None:
        first = world.recorder()
        await first.start()
        with pytest.raises(DataError, match=r"another recorder \(process \d+\) writes sim BTC-PERP"):
            await world.recorder("ETH-PERP", "BTC-PERP").start()
        third = world.recorder("ETH-PERP")
        await third.start()
        await third.stop()
        await first.stop()
        await first.stop()

    in_virtual_time(tmp_path, both)


def test_an_unknown_market_and_no_market_are_refused_at_the_start(tmp_path: Path) -> None:
    async def unknown(world: World) -> None:
        with pytest.raises(VenueError, match=r"does not know BTC-PREP .* did you mean 'BTC-PERP'"):
            await world.recorder("BTC-PERP", "BTC-PREP").start()
        await world.record(2)

    world = in_virtual_time(tmp_path, unknown)
    assert world.catalog.symbols() == ["BTC-PERP"]
    for symbols in ([], ["BTC-PERP", "BTC-PERP"]):
        with pytest.raises(DataError, match="expected different ones, at least one"):
            Recorder(world.tap, world.catalog, symbols, world.clock)


def test_a_full_disk_ends_the_recording_and_keeps_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Segment.write

    def full(segment: Segment, table: Any) -> None:
        if segment.rows > 300:
            raise DataError("no space left on device")
        write(segment, table)

    async def fill(world: World) -> None:
        recorder = world.recorder()
        await recorder.start()
        await asyncio.sleep(20)
        with pytest.raises(DataError, match="no space left"):
            recorder.check()
        await recorder.stop()

    monkeypatch.setattr(Segment, "write", full)
    world = in_virtual_time(tmp_path, fill)
    assert len(world.catalog.load("BTC-PERP")) > 300


def test_a_flood_is_written_before_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.data.recorder.FLUSH_S", 1e6)
    monkeypatch.setattr("workbench.data.recorder.MOST_WAITING", 40)
    most: list[int] = []

    async def look(world: World) -> None:
        recorder = world.recorder()
        await recorder.start()
        for _ in range(100):
            await asyncio.sleep(0.1)
            most.append(recorder.markets[0]._rows.waiting)
        assert recorder.health()[0].bytes_waiting > 0
        await recorder.stop()

    in_virtual_time(tmp_path, look)
    assert 20 < max(most) <= 40


def test_health_says_how_each_market_stands(tmp_path: Path) -> None:
    async def look(world: World) -> None:
        recorder = world.recorder()
        await recorder.start()
        await asyncio.sleep(5.2)
        (health,) = recorder.health()
        assert (health.symbol, health.book, health.gaps) == ("BTC-PERP", "in step", 0)
        assert health.messages > health.trades > 5
        assert health.rows > health.messages
        assert 0 <= health.age_s < 1
        assert health.bytes_waiting > 1_000
        await recorder.stop()

    in_virtual_time(tmp_path, look)


# --- events to rows ---------------------------------------------------------------------------------------------------


def book(t_ns: int, seq: int = 1) -> BookSnapshot:
    return BookSnapshot(t_ns, t_ns - 5, ((10, 1),), ((12, 2), (13, 1)), seq)


@pytest.mark.parametrize(
    ("reason", "connected", "cause"),
    [
        ("sequence gap: 5 does not follow 3", True, GAP_SEQUENCE),
        ("10 stale messages in a row: the numbering restarted at 4", True, GAP_SEQUENCE),
        ("crossed: bid 5 at or above ask 4 ticks", True, GAP_CROSSED),
        ("unreadable frame", True, GAP_OTHER),
        ("stream /ws/oss/futures was closed (code 1006)", False, GAP_DISCONNECTED),
    ],
)
def test_a_gap_says_why(reason: str, connected: bool, cause: int) -> None:
    rows = HeardRows(lambda: connected)
    for event in (book(100), BookLost(200, reason), BookLost(250, "again"), book(300, 9)):
        rows.add(event)
    frame = rows.table().to_pandas()
    assert kinds(frame) == ["resync", "clear", *["snapshot"] * 3, "gap", "resync", "clear", *["snapshot"] * 3]
    gap, mended = frame.iloc[5], frame.iloc[6]
    assert (gap["t_ns"], gap["size"], gap["value_ns"]) == (200, cause, 100)
    assert (mended["size"], mended["value_ns"], mended["venue_ns"], mended["venue_seq"]) == (cause, 100, 295, 9)
    assert rows.gaps == 1
    assert rows.table().num_rows == 0


def test_a_hole_in_the_trades_is_told_only_when_something_is_missing() -> None:
    def trade(number: int) -> MarketTrade:
        return MarketTrade(number * 10, number * 10 - 3, number, 1, 11, 2)

    down, up = StreamState(1, "trades", False, "cut"), StreamState(2, "trades", True)
    rows = HeardRows(lambda: True)
    for event in (down, up, trade(1), trade(2), down, up, trade(3), trade(5), down, up, trade(9)):
        rows.add(event)
    frame = rows.table().to_pandas()
    assert kinds(frame) == ["trade"] * 4 + ["gap", "trade"]
    gap = frame.iloc[4]
    assert (gap["size"], gap["t_ns"], gap["value_ns"]) == (GAP_TRADES, 90, 50)


def test_rows_keep_the_order_of_their_events() -> None:
    rows = HeardRows(lambda: True)
    delta = BookDelta(130, 125, ((11, 4),), ((12, 0), (13, 3)), 2)
    mark = MarkPrice(140, Decimal("1.5"), Decimal("1.25"), Decimal("0.0001"), 8)
    for event in (book(100), MarketTrade(120, 118, 7, -1, 10, 3), delta, mark, BookDelta(150, 145, (), ((12, 9),), 3)):
        rows.add(event)
    frame = rows.table().to_pandas()
    want = ["resync", "clear", "snapshot", "snapshot", "snapshot", "trade", "depth", "depth", "depth"]
    assert kinds(frame) == [*want, "mark", "index", "funding", "depth"]
    assert frame["seq"].tolist() == list(range(100, 113))
    assert frame["side"].tolist() == [0, 0, 1, -1, -1, -1, 1, -1, -1, 0, 0, 0, -1]
    assert frame["size"].tolist()[2:9] == [1, 2, 1, 3, 4, 0, 3]
    assert frame["value"].tolist()[9:12] == [1.5, 1.25, 0.0001]
    assert frame["value_ns"].tolist()[11] == 8
