"""Binance's lines: spliced by their numbers, gaps kept visible, anything odd named or counted."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.made_data import BinanceWire, kinds
from workbench.data import GAP_SEQUENCE, GAP_TRADES, Catalog, ImportReport, best_quotes, import_file
from workbench.data.binance import BinanceRows
from workbench.data.binance_lines import LineReader
from workbench.data.grid import Grid
from workbench.errors import DataError

DUE_NS = 1_723_161_600_000_000_000


def imported(wire: BinanceWire, folder: Path, text: str | None = None) -> tuple[pd.DataFrame, ImportReport]:
    """The rows of a recording, through a file and a catalog."""
    source = folder / "lines.txt.gz"
    source.write_bytes(gzip.compress((text or wire.text).encode()))
    catalog = Catalog(folder / "catalog")
    report = import_file(source, catalog)
    return catalog.load(report.instrument.symbol), report


def test_a_recording_in_order_becomes_rows_in_order(wire: BinanceWire, tmp_path: Path) -> None:
    frame, report = imported(wire, tmp_path)
    assert kinds(frame) == [
        *["depth"] * 4,
        *["resync", "clear", "snapshot", "snapshot", "clear", "snapshot", "snapshot"],
        *["depth"] * 2,
        *["trade"] * 2,
        "depth",
        *["bbo"] * 2,
        *["mark", "index", "funding"],
    ]
    assert (np.diff(frame["seq"]) == 1).all()
    clears = frame[frame["kind"] == 3]
    assert clears[["side", "price_ticks"]].to_numpy().tolist() == [[1, 618_001], [-1, 618_005]]
    trades = frame[frame["kind"] == 2]
    assert trades[["side", "price_ticks", "size", "venue_seq"]].to_numpy().tolist() == [
        [1, 618_005, 250, 501],
        [1, 618_005, 100, 502],
    ]
    assert frame["value"].tail(3).tolist() == [61_801.5, 61_800.9, 0.0001]
    assert frame["value_ns"].tail(3).tolist() == [0, 0, DUE_NS]
    assert set(frame["t_ns"].tail(3) - frame["venue_ns"].tail(3)) == {-1_260_000_000}
    assert report.gaps == 0
    assert report.instrument.tick_size == Decimal("0.1")
    assert report.instrument.contract_size == Decimal("0.001")
    assert "tick 0.1 and contract size 0.001 are what the first 9 lines show" in report.notes
    assert (report.venue, report.instrument.base, report.instrument.quote) == ("binance-usd-m", "BTC", "USDT")


def test_the_book_is_the_snapshots_with_what_came_after_it(wire: BinanceWire, tmp_path: Path) -> None:
    frame, _ = imported(wire, tmp_path)
    quotes = best_quotes(frame.sort_values("venue_ns", kind="stable"))
    last = quotes.iloc[-1]
    assert (last.bid, last.bid_size, last.ask, last.ask_size) == (618_002, 700, 618_005, 900)


def test_what_the_snapshot_contains_and_arrives_after_it_is_left_out(tmp_path: Path) -> None:
    wire = BinanceWire()
    wire.depth([("100.0", "1.0")], [("100.5", "1.0")])
    wire.snapshot(1_025, [("100.1", "4.0")], [("100.5", "2.0")])
    wire.depth([("100.2", "9.0")], [])  # 1011 to 1020: before the snapshot
    wire.depth([("100.1", "5.0")], [])  # 1021 to 1030: goes beyond it
    frame, report = imported(wire, tmp_path)
    assert frame["price_ticks"].tolist().count(1_002) == 0
    assert report.gaps == 0
    assert "1 book messages left out: the snapshot before them contains them" in repr(report)


def test_a_broken_chain_is_a_gap_until_the_next_snapshot(wire: BinanceWire, tmp_path: Path) -> None:
    before_ns = wire.t_ns - 20_000_000
    wire.depth([("61800.00", "1.000")], [], skip=7)
    wire.depth([("61799.90", "1.000")], [])
    wire.snapshot(wire.last, [("61800.00", "3.000")], [("61800.40", "2.000")])
    wire.depth([("61800.10", "3.000")], [])
    frame, report = imported(wire, tmp_path)
    tail = frame.iloc[frame["kind"].tolist().index(9) :]
    assert kinds(tail) == ["gap", "depth", "depth", "resync", "clear", "snapshot", "snapshot", "depth"]
    gap, mended, clear = (tail.iloc[i] for i in (0, 3, 4))
    assert gap["size"] == mended["size"] == GAP_SEQUENCE
    assert gap["value_ns"] == mended["value_ns"] == before_ns
    assert (clear["side"], clear["price_ticks"]) == (0, 0), "after a gap nothing that was known stands"
    assert report.gaps == 1
    assert "the book's chain of updates breaks 1 time(s)" in report.notes


def test_a_snapshot_that_reaches_over_the_hole_mends_it_before_it_shows(tmp_path: Path) -> None:
    wire = BinanceWire()
    wire.depth([("100.0", "1.0")], [("100.5", "1.0")])
    wire.snapshot(1_040, [("100.0", "4.0")], [("100.5", "2.0")])
    wire.depth([("100.1", "5.0")], [], skip=20)  # prev 1030 <= 1040 < 1040 + 1: nothing is missing
    _, report = imported(wire, tmp_path)
    assert report.gaps == 0


def test_a_snapshot_older_than_the_stream_does_not_mend(tmp_path: Path) -> None:
    wire = BinanceWire()
    wire.depth([("100.0", "1.0")], [("100.5", "1.0")])
    wire.snapshot(900, [("100.0", "4.0")], [("100.5", "2.0")])
    wire.depth([("100.1", "5.0")], [])
    frame, _ = imported(wire, tmp_path)
    assert "resync" not in kinds(frame)


def test_missing_trades_and_trades_off_the_market_are_told(wire: BinanceWire, tmp_path: Path) -> None:
    wire.trades(("61800.50", "0.100", True), skip=3)
    wire.trades(("61800.50", "9.000", True), kind="INSURANCE_FUND")
    frame, report = imported(wire, tmp_path)
    gap = frame[frame["kind"] == 9].iloc[0]
    assert gap["size"] == GAP_TRADES
    assert gap["value_ns"] == frame[frame["kind"] == 2]["t_ns"].iloc[1]
    assert frame[frame["kind"] == 2]["size"].tolist() == [250, 100, 100]
    assert "1 trades of type INSURANCE_FUND left out" in report.notes


def test_trades_told_twice_over_count_once(wire: BinanceWire, tmp_path: Path) -> None:
    fields = {"e": "aggTrade", "E": 1, "T": 1, "s": "BTCUSDT", "a": 77, "p": "61800.50", "q": "0.350", "m": False}
    wire.lines.append(f"{wire.t_ns} {json.dumps({'stream': 'btcusdt@aggTrade', 'data': fields})}")
    frame, report = imported(wire, tmp_path)
    assert kinds(frame).count("trade") == 2
    assert "1 aggTrade beside trade left out" in report.notes
    alone = BinanceWire()
    alone.depth([("61800.10", "1.000")], [("61800.30", "2.000")])
    alone.lines.append(wire.lines[-1])
    (tmp_path / "alone").mkdir()
    frame, _ = imported(alone, tmp_path / "alone")
    assert frame[frame["kind"] == 2]["venue_seq"].tolist() == [77]


def test_plain_streams_microseconds_and_spot_messages_are_read(tmp_path: Path) -> None:
    spot = [
        {"e": "depthUpdate", "E": 5, "s": "BTCUSDT", "U": 11, "u": 12, "b": [["100.0", "1.0"]], "a": []},
        {"e": "depthUpdate", "E": 6, "s": "BTCUSDT", "U": 13, "u": 14, "b": [], "a": [["100.5", "1.0"]]},
        {"e": "depthUpdate", "E": 7, "s": "BTCUSDT", "U": 16, "u": 17, "b": [], "a": [["100.5", "2.0"]]},
        {"e": "24hrTicker", "E": 8, "s": "BTCUSDT"},
        {"result": None, "id": 1},
    ]
    text = "\n".join(f"172316125503031{n} {json.dumps(message)}" for n, message in enumerate(spot))
    frame, report = imported(BinanceWire(), tmp_path, text)
    assert kinds(frame) == ["depth", "depth", "gap", "depth"]
    assert frame["t_ns"].iloc[0] == 1_723_161_255_030_310_000
    assert frame["venue_ns"].iloc[0] == 5_000_000
    assert {"1 24hrTicker messages left out", "1 answers to requests left out"} <= set(report.notes)


def test_a_file_of_two_symbols_is_imported_one_by_one(tmp_path: Path) -> None:
    lines = []
    for symbol in ("BTCUSDT", "ETHUSDT"):
        wire = BinanceWire(symbol)
        wire.depth([("100.0", "1.0")], [("100.5", "1.5")])
        wire.snapshot(wire.last, [("100.0", "1.0")], [("100.5", "1.5")])
        lines += wire.lines
    source = tmp_path / "both.txt"
    source.write_text("\n".join(lines))
    with pytest.raises(DataError, match="BTCUSDT and ETHUSDT; say which"):
        import_file(source, tmp_path / "catalog")
    report = import_file(source, tmp_path / "catalog", symbol="ETHUSDT")
    assert report.kinds == {"depth": 2}
    assert {"1 messages of BTCUSDT left out", "2 snapshot of no named symbol left out"} <= set(report.notes)


@pytest.mark.parametrize("cut", [30, 400])
def test_a_file_cut_off_is_read_as_far_as_it_goes(wire: BinanceWire, tmp_path: Path, cut: int) -> None:
    whole, _ = imported(wire, tmp_path)
    source = tmp_path / "cut.txt"
    source.write_text(wire.text[:-cut])
    report = import_file(source, tmp_path / "other")
    assert 0 < report.rows < len(whole)
    assert report.notes[-1] == "cut.txt: its last line is cut off, and left out"
    packed = tmp_path / "cut.txt.gz"
    packed.write_bytes(gzip.compress(wire.text.encode() * 40)[:-9])
    assert "cut.txt.gz is cut off: read as far as it goes" in import_file(packed, tmp_path / "packed").notes


def test_a_folder_of_files_is_one_recording(wire: BinanceWire, tmp_path: Path) -> None:
    whole, _ = imported(wire, tmp_path)
    folder = tmp_path / "hours"
    folder.mkdir()
    (folder / "a.gz").write_bytes(gzip.compress(("\n".join(wire.lines[:5]) + "\n").encode()))
    (folder / "b.txt").write_text("\n".join(wire.lines[5:]))
    (folder / "notes.md").write_text("not a recording")
    report = import_file(folder, tmp_path / "two", tick_size="0.1", contract_size="0.001")
    pd.testing.assert_frame_equal(Catalog(tmp_path / "two").load("BTCUSDT"), whole)
    assert report.gaps == 0


def nasty(seed: int, messages: int) -> BinanceWire:
    """Messages with holes, snapshots old, new and far ahead, and trades that are missing."""
    rng = random.Random(seed)
    wire = BinanceWire()
    for _ in range(messages):
        level = [(f"{618_00 + rng.randrange(20)}.{rng.randrange(10)}0", f"{rng.randrange(9)}.125")]
        match rng.randrange(12):
            case 0:
                wire.snapshot(wire.last + rng.choice([-25, -5, 0, 5, 30]), level, [("62000.00", "1.000")])
            case 1:
                wire.depth(level, [], skip=10 * rng.randrange(3))
            case 2 | 3:
                wire.trades((level[0][0], "0.500", rng.random() < 0.5), skip=rng.randrange(2))
            case 4:
                wire.best(level[0], ("62000.00", "1.000"))
            case _:
                wire.depth(level, [("62000.10", "2.000")])
    return wire


def by_hand(wire: BinanceWire) -> list[tuple[str, int]]:
    """Kinds and numbers of the book's messages by the rules, one message after the other."""
    known, chain_from, snapshot, lost, told = -1, -1, -1, True, []
    for line in wire.lines:
        message = json.loads(line.split(" ", 1)[1])
        data = message.get("data", message)
        if "lastUpdateId" in data:
            last = data["lastUpdateId"]
            if not lost or chain_from <= last:
                told += [("resync", last)] * lost
                lost = False
            told.append(("snapshot", last))
            known, snapshot = max(known, last), last
        elif data["e"] == "depthUpdate":
            if known >= 0 and data["pu"] > known:
                told.append(("gap", data["u"]))
                chain_from, lost = data["pu"], True
            chain_from = data["pu"] if chain_from < 0 else chain_from
            known = max(known, data["u"])
            if data["u"] >= snapshot:
                told.append(("depth", data["u"]))
    return told


@pytest.mark.parametrize("seed", range(8))
def test_chains_are_followed_as_by_hand_however_the_lines_are_cut(seed: int) -> None:
    wire = nasty(seed, 150)
    tables = []
    for size in (1, 7, 10_000):
        rows, reader = BinanceRows(), LineReader()
        prices, sizes = Grid(Decimal("0.1"), "price", ""), Grid(Decimal("0.001"), "size", "")
        parts = []
        for start in range(0, len(wire.lines), size):
            reader.read(line.encode() for line in wire.lines[start : start + size]).into(rows, prices, sizes)
            parts.append(rows.table())
        tables.append(pa.concat_tables(parts).to_pandas())
    pd.testing.assert_frame_equal(tables[0], tables[2])
    pd.testing.assert_frame_equal(tables[1], tables[2])
    frame = tables[2]
    frame = frame[frame["kind"].isin([1, 4, 10]) | ((frame["kind"] == 9) & (frame["size"] == GAP_SEQUENCE))]
    told = list(zip(kinds(frame), frame["venue_seq"].tolist(), strict=True))
    messages = [message for message, _ in groupby(told)]
    assert messages == [message for message, _ in groupby(by_hand(wire))]
    assert {"gap", "resync"} <= {kind for kind, _ in messages}


def levels_first(wire: BinanceWire, folder: Path) -> None:
    """The same recording as three tables, made by hand from the lines."""
    messages = [(n, int(line.split(" ", 1)[0]), json.loads(line.split(" ", 1)[1])) for n, line in enumerate(wire.lines)]
    tables: dict[str, list[dict[str, int]]] = {"l2_updates": [], "trades": [], "bbo": []}
    for number, t_ns, message in messages:
        data = message.get("data", message)
        stamps = {"seq": number, "ts_recv_ns": t_ns, "ts_event_ms": data["E"], "ts_trade_ms": data.get("T", 0)}
        if data.get("e") == "trade":
            fields = {"trade_id": data["t"], "taker_side": -1 if data["m"] else 1}
            fields |= {"price_ticks": round(float(data["p"]) * 10), "qty_lots": round(float(data["q"]) * 1000)}
            tables["trades"].append(stamps | fields)
        elif data.get("e") == "bookTicker":
            fields = {"update_id": data["u"]}
            for side, letter in (("bid", "b"), ("ask", "a")):
                fields[f"{side}_ticks"] = round(float(data[letter]) * 10)
                fields[f"{side}_lots"] = round(float(data[letter.upper()]) * 1000)
            tables["bbo"].append(stamps | fields)
        elif "b" in data or "bids" in data:
            whole = "bids" in data
            last = data["lastUpdateId"] if whole else data["u"]
            ids = {
                "first_id": last if whole else data["U"],
                "last_id": last,
                "prev_last_id": 0 if whole else data["pu"],
            }
            for side, levels in ((1, data["bids" if whole else "b"]), (-1, data["asks" if whole else "a"])):
                for price, size in levels:
                    level = {
                        "side": side,
                        "price_ticks": round(float(price) * 10),
                        "qty_lots": round(float(size) * 1000),
                    }
                    tables["l2_updates"].append(stamps | ids | {"is_snapshot": int(whole)} | level)
    said = {"dataset": json.dumps({"venue": "Binance USD-M", "symbol": "BTCUSDT", "tick_size": 0.1, "lot_size": 0.001})}
    for name, found in tables.items():
        pq.write_table(
            pa.Table.from_pylist(found).replace_schema_metadata(said), folder / f"{name}.parquet", row_group_size=2
        )


def test_three_tables_say_the_same_as_the_lines(wire: BinanceWire, tmp_path: Path) -> None:
    wire.lines.pop()  # marks have no table
    wire.depth([("61800.20", "0.600")], [])
    folder = tmp_path / "tables"
    folder.mkdir()
    levels_first(wire, folder)
    catalog = Catalog(tmp_path / "catalog")
    report = import_file(folder, catalog)
    assert report.format == "level tables"
    (tmp_path / "lines.txt").write_text(wire.text)
    import_file(tmp_path / "lines.txt", catalog, venue="lines")
    pd.testing.assert_frame_equal(
        catalog.load("BTCUSDT", venue="binance-usd-m"), catalog.load("BTCUSDT", venue="lines")
    )
    (folder / "trades.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"trades\.parquet cannot be read"):
        import_file(folder, catalog)


Spoil = Callable[[BinanceWire], None]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda wire: wire.lines.insert(2, "2024-08-09 {}"), "line 3 starts b'2024-08-09"),
        (lambda wire: wire.lines.insert(2, f"{wire.t_ns} {{nonsense}}"), "line 3 cannot be read as a message"),
        (lambda wire: wire.lines.insert(2, wire.lines[0].replace('"u": 1010', '"u": "many"')), "line 3 cannot be read"),
        (lambda wire: wire.depth([("61800.123", "1.000")], []), r"price 61800\.123 is no multiple of 0\.1; give"),
    ],
)
def test_lines_that_cannot_be_right_are_named(wire: BinanceWire, tmp_path: Path, spoil: Spoil, why: str) -> None:
    spoil(wire)
    source = tmp_path / "bad.txt"
    source.write_text(wire.text)
    with pytest.raises(DataError, match=why):
        import_file(source, tmp_path / "catalog", tick_size="0.1", contract_size="0.001")


def test_a_source_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        import_file(tmp_path / "nothing.npz", tmp_path)
    (tmp_path / "prices.csv").write_text("time,price\n1,2\n")
    with pytest.raises(DataError, match=r"starts b'time,pri'; expected an hftbacktest"):
        import_file(tmp_path / "prices.csv", tmp_path)
    with pytest.raises(DataError, match="neither l2_updates"):
        import_file(tmp_path, tmp_path / "catalog")
