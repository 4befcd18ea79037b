"""The real sample beside the checkout, BTCUSDT on 8 August 2024: every published fact of it, through the catalog."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.data import (
    Catalog,
    CheckReport,
    ImportReport,
    best_quotes,
    export_hftbacktest,
    import_file,
)

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "binance_usdm_BTCUSDT_20240808"
Taken = tuple[Catalog, ImportReport]
pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="the sample lies beside developers' checkouts only")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    catalog = Catalog(tmp_path_factory.mktemp("sample"))
    return catalog, import_file(SAMPLE, catalog)


@pytest.fixture(scope="module")
def events(taken: Taken) -> pd.DataFrame:
    return taken[0].load("BTCUSDT")


def test_every_row_is_there_and_no_chain_breaks(taken: Taken, events: pd.DataFrame) -> None:
    _, report = taken
    assert report.gaps == 0
    assert report.notes == []
    assert (report.kinds["depth"] + report.kinds["snapshot"], report.kinds["trade"]) == (445_521, 21_313)
    assert report.kinds["bbo"] == 2 * 66_089
    assert len(events) == report.rows
    depth = events[events["kind"] == 1]
    assert depth.groupby("venue_seq", sort=False).ngroups == 6_551
    trades = events[events["kind"] == 2]
    assert (np.diff(trades["venue_seq"]) == 1).all()


def test_the_snapshot_splices_where_it_must(events: pd.DataFrame) -> None:
    snapshot = int(events[events["kind"] == 4]["venue_seq"].iloc[0])
    last_ids = events[events["kind"] == 1]["venue_seq"].unique()
    assert snapshot == 5_123_107_852_948
    assert last_ids[last_ids >= snapshot].min() == 5_123_107_853_551


def test_the_replayed_top_is_the_venues_best_at_every_message(events: pd.DataFrame) -> None:
    book = events[events["kind"].isin([1, 3, 4])].sort_values("venue_ns", kind="stable")
    quotes = best_quotes(book).set_index("venue_ns")
    told = pq.read_table(SAMPLE / "bbo.parquet").to_pandas()
    last = book[["venue_ns", "venue_seq"]].drop_duplicates("venue_seq", keep="last")
    last = last[last["venue_seq"] >= 5_123_107_853_551]
    at = np.searchsorted(told["update_id"].to_numpy(), last["venue_seq"].to_numpy(), side="right") - 1
    want = told[["bid_ticks", "bid_lots", "ask_ticks", "ask_lots"]].to_numpy()[at]
    got = quotes.groupby(level=0).last().reindex(last["venue_ns"].to_numpy(), method="ffill").to_numpy()[:, 1:]
    assert len(want) > 6_500
    assert (got == want).all()
    final = quotes.iloc[-1]
    assert final[["bid", "bid_size", "ask", "ask_size"]].tolist() == [616_597, 1_486, 616_598, 981]


def test_the_book_at_the_end_has_the_published_levels(taken: Taken, events: pd.DataFrame) -> None:
    from_snapshot = events[
        (events["venue_ns"] >= events[events["kind"] == 4]["venue_ns"].iloc[0]) | (events["kind"] == 4)
    ]
    levels = from_snapshot[from_snapshot["kind"].isin([1, 4])].drop_duplicates(["side", "price_ticks"], keep="last")
    counts = levels[levels["size"] > 0]["side"].value_counts()
    assert (counts[1], counts[-1]) == (5_018, 4_578)
    book = taken[0].book("BTCUSDT", "2024-08-09")
    assert book.groupby("side").first().loc[[1, -1]].to_numpy().tolist() == [[616_597, 1_486], [616_598, 981]]
    # The catalog keeps the far levels that were told before the snapshot, which ends nearer to the touch.
    assert 0 <= len(book) - 9_596 < 5


def test_the_mids_at_the_first_and_last_second_are_the_published_ones(events: pd.DataFrame) -> None:
    bbo = events[events["kind"] == 5]
    sides = [bbo[bbo["side"] == side].set_index("venue_ns")["price_ticks"] for side in (1, -1)]
    mids = []
    for at_ms in (1_723_161_257_000, 1_723_161_600_000):
        bid, ask = (side[side.index <= at_ms * 10**6].iloc[-1] for side in sides)
        mids.append((bid + ask) / 20)
    assert mids == [61_800.05, 61_659.75]


def test_the_check_finds_the_clock_and_the_order_and_nothing_else(taken: Taken) -> None:
    report: CheckReport = taken[0].check("BTCUSDT")
    best = pq.read_table(SAMPLE / "bbo.parquet", columns=["ts_recv_ns", "ts_event_ms"]).to_pandas()
    skew_ms = float((best["ts_recv_ns"] - best["ts_event_ms"] * 10**6).median()) / 1e6
    assert skew_ms == pytest.approx(-1_269.65, abs=0.01)
    assert report.skew_ms[1] == pytest.approx(skew_ms, abs=2.0), "matching comes a little before the event is sent"
    assert (report.crossed, report.duplicates, len(report.gaps), report.backward) == (0, 0, 0, 0)
    assert report.late / report.rows == pytest.approx(0.10, abs=0.01)
    assert report.farthest_ticks > 568_000
    assert len(report.problems) == 1
    assert "clock skew" in report.problems[0]


def test_the_raw_lines_say_the_same_as_the_tables(tmp_path: Path, events: pd.DataFrame) -> None:
    report = import_file(SAMPLE / "raw_first_4000_lines.txt.gz", tmp_path)
    lines = Catalog(tmp_path).load("BTCUSDT")
    assert report.rows == len(lines) > 27_000
    pd.testing.assert_frame_equal(lines, events.head(len(lines)))
    assert (str(report.instrument.tick_size), str(report.instrument.contract_size)) == ("0.1", "0.001")
    with gzip.open(SAMPLE / "raw_first_4000_lines.txt.gz") as file:
        assert sum(1 for _ in file) == 4_000


def test_the_export_has_the_rows_of_the_published_benchmark(events: pd.DataFrame, taken: Taken) -> None:
    array = export_hftbacktest(events, taken[1].instrument)
    assert array.size == 491_973
    assert (array["local_ts"] - array["exch_ts"]).min() == 1
