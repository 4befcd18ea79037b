"""What a backtest gives: the tables of a session, parts that sum, a report that says what to doubt, files that last."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.backtest.made_run import INSTRUMENT, make_run, make_terms
from workbench.analysis import split_pnl
from workbench.backtest import BacktestResult
from workbench.backtest.log import RunLog
from workbench.errors import ConfigError, DataError
from workbench.events import FILLS_COLUMNS, ORDERS_COLUMNS, QUOTES_COLUMNS


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return BacktestResult(make_run(), make_terms())


EXTRA = {"orders": {"queue_ahead": "int64"}, "fills": {"queue_wait": "float64"}, "quotes": {}}


@pytest.mark.parametrize(
    ("name", "columns"), [("orders", ORDERS_COLUMNS), ("fills", FILLS_COLUMNS), ("quotes", QUOTES_COLUMNS)]
)
@pytest.mark.parametrize("log", [make_run(), RunLog()], ids=["run", "nothing"])
def test_the_tables_have_the_columns_of_a_live_session(name: str, columns: dict[str, str], log: RunLog) -> None:
    table = getattr(BacktestResult(log, make_terms()), name)
    assert table.dtypes.astype(str).to_dict() == {**columns, **EXTRA[name]}


def test_prices_print_as_the_venue_writes_them(result: BacktestResult) -> None:
    exact = [str(INSTRUMENT.ticks_to_price(int(ticks))) for ticks in result.fills["price_ticks"]]
    assert [repr(price) for price in result.fills["price"]] == exact


def test_the_parts_sum_to_the_change_in_equity_to_the_last_digit(result: BacktestResult) -> None:
    assert sum(result.pnl, Decimal(0)) == result.pnl.total == Decimal(result.summary.equity_change)
    rows = result.quotes
    total = rows["pnl_spread"] + rows["pnl_inventory"] + rows["pnl_fees"] + rows["pnl_funding"]
    assert total.tolist() == rows["equity_change"].tolist()
    assert rows["equity_change"].iloc[-1] == result.pnl.total


def test_the_profit_is_that_of_cash_and_position(result: BacktestResult) -> None:
    funding = pd.DataFrame(result.log.funding).assign(mark=lambda rows: rows["mark"] * 0.1)
    mark = Decimal(repr(float(result.quotes["mark"].iloc[-1])))
    split = split_pnl(result.fills, mark, contract_size=INSTRUMENT.contract_size, funding=funding)
    assert float(split.spread) == pytest.approx(float(result.pnl.spread), abs=1e-9)
    assert float(split.change) == pytest.approx(float(result.pnl.total), abs=2e-8)


def test_the_series_follow_the_tables(result: BacktestResult) -> None:
    assert str(result.equity.index.dtype) == "datetime64[ns, UTC]"
    assert result.equity.iloc[-1] == pytest.approx(float(result.pnl.total))
    assert result.inventory.tolist() == result.quotes["position"].tolist()


def test_the_summary_has_the_keys_of_a_live_one(result: BacktestResult) -> None:
    from workbench.headless.summary import Summary

    live = set(Summary.__struct_fields__) - {"tape_hash", "tape_seconds", "journal_digest", "open_orders_at_end"}
    assert live <= set(result.summary.__struct_fields__)
    assert result.summary.volume == int(result.fills["size"].sum())
    assert result.summary.quote_uptime == pytest.approx(0.9)
    assert result.summary.maker_share == 1.0
    assert result.summary.exit_code == 0


def test_the_repr_is_the_report(result: BacktestResult) -> None:
    report = repr(result)
    assert report.startswith("Backtest of BTC-PERP, skewed_spread: 4,990 s from 2026-05-28")
    for word in (f"{result.pnl.total:+f} USDT", "10 % of the rows out of order", "power(3) queue", "honest", "bps"):
        assert word in report
    assert len(report.splitlines()) < 15
    assert "power(3) queue" in result._repr_html_()


def test_a_partial_run_says_so_everywhere(tmp_path: Path) -> None:
    result = BacktestResult(make_run(finished=False), make_terms())
    assert "PARTIAL: interrupted at 40 %" in repr(result)
    assert "PARTIAL" in result._repr_html_()
    assert "PARTIAL" in result.plot().layout.title.subtitle.text
    folder = result.save(tmp_path / "run")
    assert "class=warning>PARTIAL" in (folder / "report.html").read_text()
    told = json.loads((folder / "summary.json").read_text())
    assert (told["exit_code"], told["finished"]) == (130, False)


def test_parity_is_not_to_be_believed() -> None:
    assert "faults included" in repr(BacktestResult(make_run(), make_terms(rules="parity")))


def test_a_saved_run_is_loaded_as_it_was(result: BacktestResult, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "run1")
    assert {path.name for path in folder.iterdir()} == {
        "report.html",
        "fills.parquet",
        "orders.parquet",
        "quotes.parquet",
        "summary.json",
        "log.npz",
    }
    again = BacktestResult.load(folder)
    assert again.terms == result.terms
    assert again.log.counters == result.log.counters
    for name in ("orders", "fills", "quotes"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name))
    assert pq.read_table(folder / "fills.parquet").column("fee").to_pylist() == result.fills["fee"].tolist()
    assert json.loads((folder / "summary.json").read_text())["run_id"] == "run1"


def test_a_run_is_never_overwritten(result: BacktestResult, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds a run already"):
        result.save(tmp_path)


def test_a_folder_without_a_run_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=tmp_path.name):
        BacktestResult.load(tmp_path)
    (tmp_path / "log.npz").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="can be read"):
        BacktestResult.load(tmp_path)


def test_questions_go_to_the_analysis(result: BacktestResult) -> None:
    assert result.by_side()["contracts"].sum() == result.summary.volume
    assert sum(result.by_hour()["equity"]) == result.pnl.total
    assert result.markouts([10.0])["fills"].tolist() == [len(result.fills)]
    ahead = result.fill_probability(by="queue", edges=[0.0, 250.0, 500.0])
    assert ahead["orders"].sum() == int((result.orders["acked_ns"] > 0).sum())


def test_a_run_that_did_nothing_has_a_report_and_pages() -> None:
    nothing = BacktestResult(RunLog(), make_terms())
    assert "0 sent" in repr(nothing)
    assert nothing.plot().layout.height > 0
    assert nothing.tear_sheet().layout.height > 0
    assert nothing.pnl.total == 0


def test_a_long_run_is_drawn_from_floats_and_told_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.backtest.result.EXACT_ROWS", 10)
    result = BacktestResult(make_run(), make_terms())
    assert result.samples["equity_change"].dtype == np.float64
    assert isinstance(result.quotes["equity_change"].iloc[0], Decimal)
    assert result.plot().data
