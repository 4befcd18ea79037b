"""hftbacktest's arrays: in and out without a changed byte, sorted and heard after they happen, refused when wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.made_data import BTC, START_NS, random_book, rows
from workbench.data import (
    CLEAR,
    DEPTH,
    MARK,
    SNAPSHOT,
    TRADE,
    Catalog,
    event_frame,
    event_table,
    export_hftbacktest,
    import_file,
    read_hftbacktest,
)
from workbench.data.grid import Grid, finest_step
from workbench.data.hftbacktest import BUY, EXCH, LOCAL, SELL, tables_of_hftbacktest
from workbench.errors import DataError
from workbench.instruments import Instrument

LOT = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))


def one_by_one(events: pd.DataFrame) -> np.ndarray:
    """The plain form of the merge: happen in venue order, be heard as soon as that and the order of arrival allow."""
    venue = sorted(range(len(events)), key=lambda i: (events["venue_ns"][i], i))
    place = {row: at for at, row in enumerate(venue)}
    out, happened, heard = [], 0, 0
    while happened < len(events) or heard < len(events):
        if happened < len(events) and heard < len(events) and venue[happened] == heard:
            out.append((heard, EXCH | LOCAL))
            happened, heard = happened + 1, heard + 1
        elif heard < len(events) and place[heard] < happened:
            out.append((heard, LOCAL))
            heard += 1
        else:
            out.append((venue[happened], EXCH))
            happened += 1
    return np.array(out)


def jumbled(seed: int, count: int) -> pd.DataFrame:
    """Depth and trades whose ways from the venue differ, times with many ties."""
    rng = np.random.default_rng(seed)
    venue = np.sort(rng.integers(0, count // 2 + 1, count))
    heard = venue + rng.integers(1, 6, count)
    order = np.argsort(heard, kind="stable")
    kind = np.where(rng.random(count) < 0.3, TRADE, DEPTH)
    table = {
        "t_ns": START_NS + 10**6 * heard[order],
        "venue_ns": START_NS + 10**6 * venue[order],
        "seq": np.arange(count),
        "kind": kind,
        "side": rng.choice([1, -1], count),
        "price_ticks": 600_000 + rng.integers(-200_000, 5_000_000, count),
        "size": rng.integers(0, 900_000_000, count),
    }
    return event_frame(event_table(table))


def sorted_and_heard_later(array: np.ndarray) -> bool:
    happen, hear = array[(array["ev"] & EXCH) != 0], array[(array["ev"] & LOCAL) != 0]
    in_order = (np.diff(happen["exch_ts"]) >= 0).all() and (np.diff(hear["local_ts"]) >= 0).all()
    return bool(in_order and (array["local_ts"] > array["exch_ts"]).all())


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_export_is_the_merge_of_both_orders_and_import_gives_the_same_rows_back(seed: int, count: int) -> None:
    events = jumbled(seed, count)
    array = export_hftbacktest(events, LOT)
    want = one_by_one(events)
    assert sorted_and_heard_later(array)
    assert ((array["ev"] & (EXCH | LOCAL)) == want[:, 1]).all()
    assert (array["exch_ts"] == events["venue_ns"].to_numpy()[want[:, 0]]).all()
    for chunk in (7, 1000):
        back = event_frame(pa.concat_tables(tables_of_hftbacktest(read_hftbacktest(array, chunk), LOT)))
        columns = ["t_ns", "venue_ns", "kind", "side", "price_ticks", "size"]
        pd.testing.assert_frame_equal(back[columns], events[columns])
        # The places at the venue came along, so that even rows of one time keep their order.
        assert export_hftbacktest(back, LOT).tobytes() == array.tobytes()


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_a_file_goes_through_the_catalog_and_comes_out_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    first = rows((0, CLEAR, 1, 0, 0), (0, CLEAR, -1, 770_100, 0), (0, SNAPSHOT, 1, 769_999, 5), (0, CLEAR, 0, 0, 0))
    events = pd.concat([first, random_book(3, 400)], ignore_index=True)
    array = export_hftbacktest(events, BTC, tmp_path / f"in{suffix}")
    report = import_file(
        tmp_path / f"in{suffix}", tmp_path / "catalog", symbol="X", tick_size="0.1", contract_size="0.00001"
    )
    catalog = Catalog(tmp_path / "catalog")
    export_hftbacktest(catalog.load("X"), catalog.instrument("X"), tmp_path / f"out{suffix}")
    back = np.concatenate(list(read_hftbacktest(tmp_path / f"out{suffix}")))
    assert back.tobytes() == array.tobytes()
    assert report.rows == len(events)
    assert "hftbacktest X" in repr(report)


def test_a_compressed_file_is_read_in_pieces_like_any_other(tmp_path: Path) -> None:
    array = export_hftbacktest(jumbled(11, 5_000), LOT)
    np.savez_compressed(tmp_path / "c.npz", data=array)
    pieces = list(read_hftbacktest(tmp_path / "c.npz", 777))
    assert max(piece.size for piece in pieces) == 777
    assert np.concatenate(pieces).tobytes() == array.tobytes()


def test_a_recorder_clock_behind_the_venue_is_moved_by_one_amount() -> None:
    events = jumbled(5, 200).assign(venue_ns=lambda frame: frame["venue_ns"] + 1_270_000_000)
    array = export_hftbacktest(events, LOT, least_latency_ns=1_000)
    hear = array[(array["ev"] & LOCAL) != 0]
    assert sorted_and_heard_later(array)
    assert (array["local_ts"] - array["exch_ts"]).min() == 1_000
    assert len(set((hear["local_ts"] - events["t_ns"].to_numpy()).tolist())) == 1


def test_what_hftbacktest_does_not_know_is_left_out() -> None:
    events = rows((0, DEPTH, 1, 5, 1), (1, MARK, 0, 0, 0, {"value": 7.0, "venue_ns": 0}), (2, TRADE, -1, 5, 1))
    array = export_hftbacktest(events, LOT)
    assert (array["ev"] & 0xFF).tolist() == [DEPTH, TRADE]
    assert ((array["ev"] & (BUY | SELL)) == [BUY, SELL]).all()
    with pytest.raises(DataError, match="no depth"):
        export_hftbacktest(events[events["kind"] == MARK], LOT)


def test_a_slice_says_what_it_cuts_off() -> None:
    array = export_hftbacktest(jumbled(6, 3_000), LOT)
    middle = array[500:2_000]
    happen, hear = ((middle["ev"] & flag) != 0 for flag in (EXCH, LOCAL))
    notes: list[str] = []
    back = event_frame(pa.concat_tables(tables_of_hftbacktest(read_hftbacktest(middle, 256), LOT, "slice", notes)))
    assert len(back) == hear.sum()
    unheard = int(hear.sum() - (back["venue_seq"] > 0).sum())
    assert len(notes) == 2
    assert notes[0].startswith(f"{happen.sum() - hear.sum() + unheard:,} rows happen")
    assert notes[1].startswith(f"{unheard} rows are heard")


def test_arrays_that_are_not_such_events_are_refused(tmp_path: Path) -> None:
    array = export_hftbacktest(jumbled(7, 50), LOT)

    def read(data: np.ndarray, instrument: Instrument = LOT) -> None:
        list(tables_of_hftbacktest(read_hftbacktest(data), instrument))

    orders, nobody, odd = array.copy(), array.copy(), array.copy()
    orders["ev"][3] = np.uint64(10 | EXCH | LOCAL | BUY)
    nobody["ev"][3] &= np.uint64(0xFF)
    odd["px"][3] += 0.03
    for data, why in ((orders, "kind 10"), (nobody, "neither EXCH nor LOCAL"), (odd, r"no multiple of 0\.1")):
        with pytest.raises(DataError, match=why):
            read(data)
    with pytest.raises(DataError, match="64 bytes"):
        read(np.zeros(3))
    odd["px"][3] = np.nan
    with pytest.raises(DataError, match="nan"):
        read(odd)
    np.save(tmp_path / "cut.npy", array)
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-640])
    with pytest.raises(DataError, match="ends 10 rows early"):
        list(read_hftbacktest(tmp_path / "cut.npy"))
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_hftbacktest(tmp_path / "bad.npz"))
    with pytest.raises(DataError, match="give the symbol"):
        import_file(tmp_path / "cut.npy", tmp_path)


@given(st.integers(0, 10**9), st.sampled_from(["0.1", "0.5", "0.00001", "0.25", "1", "10", "0.0000025"]))
def test_a_float_is_the_number_its_text_says_and_the_way_back_is_exact(count: int, step: str) -> None:
    grid = Grid(Decimal(step), "price", "")
    value = grid.value(np.array([count]))
    assert float(value[0]) == float(count * Decimal(step))
    assert grid.count(value).tolist() == [count]


@pytest.mark.parametrize(
    ("values", "step"),
    [([61_800.2, 61_800.5, 3.1], "0.1"), ([0.5, 1.25], "0.25"), ([100, 250], "5E+1"), ([0.00001, 0.00003], "0.00001")],
)
def test_numbers_show_their_step(values: list[float], step: str) -> None:
    assert finest_step(np.array(values)) == Decimal(step)
    with pytest.raises(DataError, match="say the step"):
        finest_step(np.array([np.pi]))
