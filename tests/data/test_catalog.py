"""The catalog: what was written comes back, in order, by range and kind; damage is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.made_data import BTC, HOUR_NS, START_NS, random_book, rows, table_of, written
from workbench.data import CLEAR, DEPTH, EVENT_COLUMNS, SNAPSHOT, TRADE, Catalog
from workbench.errors import DataError


def spread_over(seed: int, hours: float, count: int) -> pd.DataFrame:
    """Trades at random instants of some hours, in order."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.random(count)) * hours * 3600
    return rows(*[(s, TRADE, 1, 770_000 + i, 1 + i) for i, s in enumerate(seconds)])


def test_what_was_written_comes_back_whole_and_in_order(catalog: Catalog) -> None:
    frame = spread_over(1, 30, 500)
    written(catalog, frame)
    pd.testing.assert_frame_equal(catalog.load("BTC-PERP"), frame)
    assert catalog.symbols() == ["BTC-PERP"]
    assert catalog.venues() == ["sim"]
    assert catalog.days("BTC-PERP") == ["2026-05-28", "2026-05-29", "2026-05-30"]
    assert catalog.instrument("BTC-PERP") == BTC
    assert catalog.span("BTC-PERP") == (frame["t_ns"].iloc[0], frame["t_ns"].iloc[-1])
    hours = {int(path.rpartition("/")[2][:2]) for path in catalog.files("BTC-PERP", START_NS, START_NS + HOUR_NS)}
    assert hours <= {19, 20, 21, 22}, "files of other hours are not opened"


@pytest.mark.parametrize("seed", [2, 3])
def test_a_range_holds_its_start_and_not_its_end(catalog: Catalog, seed: int) -> None:
    frame = spread_over(seed, 5, 300)
    written(catalog, frame)
    for first, last in ((0, 300), (10, 11), (120, 250), (299, 300)):
        start = int(frame["t_ns"][first])
        end = int(frame["t_ns"][last]) if last < 300 else start + 6 * HOUR_NS
        got = catalog.load("BTC-PERP", start, end)
        assert got["seq"].tolist() == frame["seq"][first:last].tolist()
    day = catalog.load("BTC-PERP", "2026-05-28 21:00", pd.Timestamp("2026-05-28T23:00+01:00"))
    hour = pd.Timestamp("2026-05-28 21:00").value
    assert len(day) == ((frame["t_ns"] >= hour) & (frame["t_ns"] < hour + HOUR_NS)).sum() > 10


def test_kinds_and_small_batches_give_the_same_rows(catalog: Catalog) -> None:
    frame = random_book(4, 200)
    written(catalog, frame)
    depth = catalog.load("BTC-PERP", kinds=["depth"])
    assert set(depth["kind"]) == {DEPTH}
    assert len(catalog.load("BTC-PERP", kinds=[DEPTH, "snapshot"])) == len(frame)
    batches = list(catalog.iter_batches("BTC-PERP", rows=64))
    assert max(batch.num_rows for batch in batches) == 64
    assert sum(batch.num_rows for batch in batches) == len(frame)
    with pytest.raises(DataError, match="'depths'; expected depth, trade"):
        catalog.load("BTC-PERP", kinds=["depths"])


def test_a_clock_that_is_set_back_loses_no_row_and_keeps_the_order(catalog: Catalog) -> None:
    back = rows((0, TRADE, 1, 1, 1), (3600, TRADE, 1, 2, 1), (3590, TRADE, 1, 3, 1), (3700, TRADE, 1, 4, 1))
    written(catalog, back)
    assert catalog.load("BTC-PERP")["price_ticks"].tolist() == [1, 2, 3, 4]
    start = START_NS + 3585 * 10**9
    assert catalog.load("BTC-PERP", start, start + 20 * 10**9)["price_ticks"].tolist() == [2, 3]


def test_writing_the_same_rows_again_changes_nothing(catalog: Catalog) -> None:
    frame = spread_over(5, 3, 100)
    written(written(catalog, frame), frame)
    pd.testing.assert_frame_equal(catalog.load("BTC-PERP"), frame)


def test_a_failed_write_leaves_no_file_of_its_hour(catalog: Catalog) -> None:
    frame = rows((0, TRADE, 1, 1, 1), (3600, TRADE, 1, 2, 1))

    def write_and_fail() -> None:
        with catalog.writer("sim", BTC) as files:
            files.write(table_of(frame))
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        write_and_fail()
    assert catalog.load("BTC-PERP")["price_ticks"].tolist() == [1]
    assert not [path for path in catalog.filesystem.find(catalog.root) if path.endswith(".part")]


def test_two_venues_of_one_symbol_are_kept_apart(catalog: Catalog) -> None:
    written(catalog, rows((0, TRADE, 1, 5, 1)))
    written(catalog, rows((0, TRADE, 1, 6, 1)), venue="lmex")
    with pytest.raises(DataError, match="lmex, sim; say which"):
        catalog.load("BTC-PERP")
    assert catalog.load("BTC-PERP", venue="lmex")["price_ticks"].tolist() == [6]
    assert "lmex BTC-PERP: 1 day" in repr(catalog)


def test_rows_of_another_tick_are_not_mixed_in(catalog: Catalog) -> None:
    written(catalog, rows((0, TRADE, 1, 5, 1)))
    with pytest.raises(DataError, match=r"tick_size 0\.1, not 0\.5"):
        catalog.writer("sim", replace(BTC, tick_size=Decimal("0.5")))
    assert catalog.instrument("BTC-PERP").tick_size == Decimal("0.1")
    catalog.write_instrument("sim", replace(BTC, maker_fee=Decimal(0)))
    assert catalog.instrument("BTC-PERP").maker_fee == 0


def test_questions_that_have_no_answer_are_refused_with_a_hint(catalog: Catalog) -> None:
    assert "empty" in repr(catalog)
    for ask in (lambda: catalog.load("BTC-PERP"), lambda: catalog.query("SELECT 1 FROM events")):
        with pytest.raises(DataError, match="empty"):
            ask()
    written(catalog, rows((0, TRADE, 1, 5, 1)))
    with pytest.raises(DataError, match="did you mean 'BTC-PERP'"):
        catalog.load("BTC-PREP")
    with pytest.raises(DataError, match="not a time"):
        catalog.load("BTC-PERP", "noon")
    with pytest.raises(DataError, match="start before the end"):
        catalog.load("BTC-PERP", 5, 5)
    nothing = catalog.load("BTC-PERP", START_NS + HOUR_NS)
    assert nothing.empty
    assert list(nothing.columns) == list(EVENT_COLUMNS)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    catalog = written(Catalog(tmp_path), rows((0, TRADE, 1, 5, 1)))
    (file,) = tmp_path.rglob("*.parquet")
    whole = file.read_bytes()
    for damage in (whole[:-20], b"", b"PAR1 this is no parquet"):
        file.write_bytes(damage)
        with pytest.raises(DataError, match=rf"{file.name} cannot be read .* damaged"):
            catalog.load("BTC-PERP")
        with pytest.raises(DataError, match="the query failed"):
            catalog.query("SELECT count(*) FROM events")
    file.unlink()
    assert catalog.load("BTC-PERP").empty
    pd.DataFrame({"x": [1]}).to_parquet(file)
    with pytest.raises(DataError, match="other columns"):
        catalog.load("BTC-PERP")
    (tmp_path / "venue=sim/symbol=BTC-PERP/instrument.json").write_text("{")
    with pytest.raises(DataError, match=r"instrument\.json cannot be read"):
        catalog.instrument("BTC-PERP")


def test_sql_sees_all_files_with_venue_symbol_and_day(catalog: Catalog) -> None:
    frame = spread_over(6, 30, 200)
    written(catalog, frame)
    written(catalog, rows((0, TRADE, 1, 5, 17)), venue="lmex")
    by = catalog.query("SELECT venue, count(*) AS n, sum(size) AS size FROM events GROUP BY venue ORDER BY venue")
    assert by["n"].tolist() == [1, 200]
    assert by["size"].astype(int).tolist() == [17, int(frame["size"].sum())]
    days = catalog.query("SELECT DISTINCT day::VARCHAR AS day FROM events WHERE symbol = 'BTC-PERP' ORDER BY day")
    assert days["day"].tolist() == catalog.days("BTC-PERP", "sim")
    with pytest.raises(DataError, match="colour"):
        catalog.query("SELECT colour FROM events")


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_book_before_an_instant_is_what_the_rows_leave(tmp_path: Path, seed: int) -> None:
    frame = random_book(seed, 80)
    catalog = written(Catalog(tmp_path), frame)
    at = START_NS + 5 * 10**9
    sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
    for row in frame[frame["t_ns"] < at].itertuples():
        sides[row.side][row.price_ticks] = row.size
    want = [(1, p, s) for p, s in sorted(sides[1].items(), reverse=True) if s]
    want += [(-1, p, s) for p, s in sorted(sides[-1].items()) if s]
    book = catalog.book("BTC-PERP", at)
    assert list(book.itertuples(index=False, name=None)) == want


def test_a_clear_voids_one_side_up_to_its_price_or_everything(tmp_path: Path) -> None:
    first = [(0, SNAPSHOT, side, 100 - side * i, 5) for side in (1, -1) for i in (1, 2, 3)]
    frame = rows(*first, (1, CLEAR, 1, 98, 0), (1, SNAPSHOT, 1, 99, 7), (2, CLEAR, 0, 0, 0), (2, SNAPSHOT, 1, 95, 1))
    catalog = written(Catalog(tmp_path), frame)

    def book(seconds: float) -> list[tuple[int, ...]]:
        levels = catalog.book("BTC-PERP", START_NS + int(seconds * 1e9))
        return list(levels.itertuples(index=False, name=None))

    asks = [(-1, 101, 5), (-1, 102, 5), (-1, 103, 5)]
    assert book(0.5) == [(1, 99, 5), (1, 98, 5), (1, 97, 5), *asks]
    assert book(1.5) == [(1, 99, 7), (1, 97, 5), *asks]
    assert book(2.5) == [(1, 95, 1)]
    with pytest.raises(DataError, match="no whole book"):
        catalog.book("BTC-PERP", START_NS)
