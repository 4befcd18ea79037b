from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd
import pytest

from workbench.analysis import fills_table, frame_fills_table, orders_table, pnl_parts_table, quotes_table
from workbench.events import (
    BUY,
    FILLS_COLUMNS,
    ORDERS_COLUMNS,
    QUOTES_COLUMNS,
    SELL,
    Amend,
    BookDelta,
    BookLost,
    BookSnapshot,
    Command,
    Event,
    FrameFill,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    StateFrame,
    Timer,
)
from workbench.instruments import Instrument

INSTRUMENT = Instrument("BTC-PERP", "BTC", "USDT", tick_size=Decimal("0.5"), contract_size=Decimal("0.001"))


def place(client_id: str = "a", side: int = BUY, size: int = 10, price_ticks: int = 120_000) -> Place:
    return Place(client_id, slot=0, side=side, price_ticks=price_ticks, size=size)


def fill(trade_id: str, client_id: str = "a", side: int = BUY, size: int = 10, source: Any = "stream") -> OwnFill:
    return OwnFill(
        t_ns=50,
        venue_ns=49,
        trade_id=trade_id,
        client_id=client_id,
        order_id="v1",
        side=side,
        price_ticks=120_000,
        size=size,
        fee=Decimal("0.0012"),
        fee_currency="USDT",
        maker=True,
        source=source,
    )


def report(t_ns: int, status: Any, request: Any = "place", **more: Any) -> OrderReport:
    return OrderReport(t_ns, "a", status, request, order_id="v1", **more)


def only(table: pd.DataFrame) -> dict[str, Any]:
    assert len(table) == 1
    return dict(table.iloc[0])


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (orders_table([], INSTRUMENT), ORDERS_COLUMNS),
        (fills_table([], INSTRUMENT), FILLS_COLUMNS),
        (quotes_table([]), QUOTES_COLUMNS),
        (orders_table([(1, place())], INSTRUMENT), ORDERS_COLUMNS),
        (fills_table([(1, fill("t1"))], INSTRUMENT), FILLS_COLUMNS),
        (quotes_table([StateFrame(seq=1, t_ns=1, symbol="BTC-PERP", state="waiting", why="no book")]), QUOTES_COLUMNS),
    ],
)
def test_tables_have_exactly_the_columns_and_dtypes_of_the_vocabulary(
    table: pd.DataFrame, columns: dict[str, str]
) -> None:
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == columns


def test_an_order_that_filled_in_two_parts_is_one_row_with_its_times() -> None:
    rows: list[tuple[int, Event | Command]] = [
        (10, place()),
        (20, report(20, "open", total_filled=0)),
        (30, fill("t1", size=4)),
        (40, fill("t2", size=6)),
    ]
    order = only(orders_table(rows, INSTRUMENT))
    assert (order["status"], order["filled"], order["size"]) == ("filled", 10, 10)
    assert (order["sent_ns"], order["acked_ns"], order["done_ns"]) == (10, 20, 40)
    assert (order["order_id"], order["price"], order["price_ticks"]) == ("v1", 60_000.0, 120_000)


def test_an_order_without_an_answer_stays_sent_and_never_acknowledged() -> None:
    order = only(orders_table([(10, place())], INSTRUMENT))
    assert (order["status"], order["acked_ns"], order["done_ns"], order["filled"]) == ("sent", 0, 0, 0)


def test_an_unknown_outcome_is_resolved_by_a_later_report() -> None:
    rows = [(10, place()), (20, report(20, "unknown", reason="time-out")), (30, report(30, "open", "query"))]
    order = only(orders_table(rows, INSTRUMENT))
    assert (order["status"], order["acked_ns"], order["done_ns"]) == ("open", 30, 0)
    assert order["reason"] == "time-out"


def test_a_rejected_order_says_why_and_is_done_without_acknowledgement() -> None:
    rows = [(10, place()), (20, report(20, "rejected", reason="post only would cross"))]
    order = only(orders_table(rows, INSTRUMENT))
    assert (order["status"], order["reason"]) == ("rejected", "post only would cross")
    assert (order["acked_ns"], order["done_ns"]) == (0, 20)


def test_a_refused_cancel_does_not_end_the_order() -> None:
    rows = [(10, place()), (20, report(20, "open")), (30, report(30, "cancel_rejected", "cancel"))]
    assert only(orders_table(rows, INSTRUMENT))["status"] == "open"


def test_a_late_open_message_does_not_revive_a_cancelled_order() -> None:
    rows = [(10, place()), (20, report(20, "cancelled", "cancel", total_filled=3)), (30, report(30, "open", "stream"))]
    order = only(orders_table(rows, INSTRUMENT))
    assert (order["status"], order["done_ns"], order["filled"]) == ("cancelled", 20, 3)


def test_a_confirmed_amend_shrinks_the_order_so_that_less_fills_it() -> None:
    rows: list[tuple[int, Event | Command]] = [
        (10, place()),
        (20, report(20, "open")),
        (30, Amend("a", "v1", 6)),
        (40, report(40, "open", "amend")),
        (50, fill("t1", size=6)),
    ]
    order = only(orders_table(rows, INSTRUMENT))
    assert (order["size"], order["status"]) == (6, "filled")


def test_a_fill_heard_from_stream_and_rest_counts_once_in_both_tables() -> None:
    rows = [(10, place()), (20, fill("t1", size=4)), (30, fill("t1", size=4, source="rest"))]
    assert only(fills_table(rows, INSTRUMENT))["t_ns"] == 20
    assert only(orders_table(rows, INSTRUMENT))["filled"] == 4


def test_fills_carry_the_mid_of_the_moment_and_the_position_after() -> None:
    rows: list[tuple[int, Event]] = [
        (1, PositionReport(1, 1, position=-5)),
        (2, BookSnapshot(2, 2, bids=((119_999, 5),), asks=((120_001, 5),))),
        (3, fill("t1", size=4)),
        (4, BookDelta(4, 4, bids=((119_999, 0), (119_997, 3)), asks=((120_000, 1),))),
        (5, fill("t2", side=SELL, size=1)),
        (6, BookLost(6, "gap")),
        (7, fill("t3", size=2)),
        (8, PositionReport(8, 8, position=0)),
        (9, fill("t4", size=1)),
    ]
    table = fills_table(rows, INSTRUMENT)
    assert table["mid"].iloc[:2].tolist() == [60_000.0, 59_999.25]
    assert table["mid"].isna().tolist() == [False, False, True, True]
    assert table["position"].tolist() == [-1, -2, 0, 1]
    assert table["fee"].iloc[0] == Decimal("0.0012")


def test_quotes_take_the_best_own_quote_whatever_the_order_of_the_ladder() -> None:
    frame = StateFrame(
        seq=1,
        t_ns=7,
        symbol="BTC-PERP",
        state="quoting",
        why="both sides live",
        bid=99.0,
        ask=101.0,
        own_bids=((95.0, 10), (98.0, 10)),
        own_asks=((105.0, 10), (102.0, 10)),
        pnl_spread="0.30000000",
        pnl_fees="-0.1",
        equity_change="0.2",
    )
    row = only(quotes_table([frame, Timer(8)]))
    assert (row["own_bid"], row["own_ask"], row["mid"]) == (98.0, 102.0, 100.0)
    assert (row["pnl_spread"], row["equity_change"]) == (Decimal("0.30000000"), Decimal("0.2"))


def test_a_frame_without_quotes_gives_not_a_number_and_not_zero() -> None:
    row = only(quotes_table([StateFrame(seq=1, t_ns=1, symbol="BTC-PERP", state="waiting", why="no book", bid=99.0)]))
    assert all(pd.isna(row[name]) for name in ("ask", "mid", "own_bid", "own_ask", "sigma"))
    assert row["bid"] == 99.0


def test_pnl_parts_add_up_exactly_and_an_empty_session_is_all_zero() -> None:
    frame = StateFrame(
        seq=1,
        t_ns=1,
        symbol="BTC-PERP",
        state="stopped",
        why="stopped",
        pnl_spread="0.1",
        pnl_inventory="0.2",
        pnl_fees="-0.00000003",
        equity_change="0.29999997",
    )
    parts = pnl_parts_table(quotes_table([frame]))["amount"]
    assert parts["total"] == parts["equity_change"] == Decimal("0.29999997")
    assert set(pnl_parts_table(quotes_table([]))["amount"]) == {Decimal(0)}


def test_rows_of_a_journal_are_decoded_only_when_their_type_is_wanted() -> None:
    decoded = []

    class Encoded(NamedTuple):
        seq: int
        t_ns: int
        tag: str
        record: Event

        def decode(self) -> Event:
            decoded.append(self.tag)
            return self.record

    rows = [Encoded(1, 1, "Timer", Timer(1)), Encoded(2, 2, "OwnFill", fill("t1"))]
    assert len(fills_table(rows, INSTRUMENT)) == 1
    assert decoded == ["OwnFill"]


def test_every_instrument_prices_its_own_ticks() -> None:
    coarse = dataclasses.replace(INSTRUMENT, tick_size=Decimal(5))
    assert only(orders_table([(1, place(price_ticks=3))], coarse))["price"] == 15.0


def test_fills_of_frames_are_enough_for_a_picture() -> None:
    fills = (FrameFill(5, BUY, 60_000.5, 4), FrameFill(6, SELL, 60_001.0, 1))
    frame = StateFrame(seq=1, t_ns=7, symbol="BTC-PERP", state="quoting", why="both sides live", new_fills=fills)
    table = frame_fills_table([frame, Timer(8)])
    assert table.to_dict("list") == {"t_ns": [5, 6], "side": [1, -1], "price": [60_000.5, 60_001.0], "size": [4, 1]}
    assert frame_fills_table([]).dtypes.astype(str).tolist() == ["int64", "int64", "float64", "int64"]
