"""A sweep's table, the trust in its best, and what it says when it was cut short."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.backtest.made_run import INSTRUMENT, make_run, make_terms
from workbench.analysis import sharpe_ratio
from workbench.backtest import BacktestResult, SweepResult
from workbench.backtest.log import RunLog
from workbench.backtest.run_files import write_archive
from workbench.backtest.sweep_row import METRICS, SweepRow, sweep_row
from workbench.errors import ConfigError, DataError
from workbench.events import NS

COMBINATIONS = [{"spread_bps": s, "quoting.inventory_skew": k, "order_size": 10} for s in (2, 4, 8) for k in (0.5, 1.0)]


def row(equity: float, seed: int = 0, drift: float = 0.0) -> SweepRow:
    steps = np.random.default_rng(seed).normal(drift, 1.0, 80)
    metrics = dict.fromkeys(METRICS, 0.0) | {"equity": equity, "sharpe": float(steps.mean() / steps.std(ddof=1))}
    return SweepRow(metrics, steps)


def make_sweep(tested: bool = False, leave_out: int = 0) -> SweepResult:
    equity = [1.0, 2.0, 5.0, 4.0, 3.0, 2.5]
    rows = {i: row(value, i) for i, value in enumerate(equity[: 6 - leave_out])}
    test_rows = {i: row(10.0 - value, i) for i, value in enumerate(equity)} if tested else None
    return SweepResult(
        make_terms(),
        COMBINATIONS,
        rows,
        test_rows,
        span_ns=(0, 700 * NS),
        test_span_ns=(0, 300 * NS) if tested else None,
    )


def test_a_row_is_what_the_full_result_says() -> None:
    log = make_run()
    found, result = sweep_row(log, INSTRUMENT).metrics, BacktestResult(log, make_terms())
    assert set(found) == set(METRICS)
    assert found["equity"] == float(result.pnl.total)
    assert found["drawdown"] == pytest.approx(result.summary.max_drawdown)
    assert found["fill_ratio"] == (result.orders["filled"] > 0).mean()
    assert found["queue_wait"] == pytest.approx(result.fills["queue_wait"].median())
    turnover = (result.fills["size"] * result.fills["price"]).sum() * 0.001
    assert found["profit_bps"] == pytest.approx(float(result.pnl.total) / turnover * 1e4)
    assert found["max_position"] == result.summary.max_abs_position


def test_the_sharpe_ratio_is_that_of_the_tear_sheet() -> None:
    found = sweep_row(make_run(), INSTRUMENT)
    # 4,990 s hold 83 steps of a minute.
    assert found.steps.size == 83
    expected = sharpe_ratio(found.steps, np.random.default_rng(1), periods=60.0).ratio
    assert found.metrics["sharpe"] == pytest.approx(expected)


def test_a_run_that_did_nothing_has_a_row() -> None:
    found = sweep_row(RunLog(), INSTRUMENT).metrics
    assert found["equity"] == 0.0
    assert math.isnan(found["sharpe"])


def test_the_table_has_what_varies_and_every_metric() -> None:
    table = make_sweep().table
    assert list(table.columns) == ["spread_bps", "quoting.inventory_skew", *METRICS, "finished"]
    assert table.index.name == "configuration"
    assert table["equity"].tolist() == [1.0, 2.0, 5.0, 4.0, 3.0, 2.5]


def test_the_best_is_ready_to_be_run_again() -> None:
    assert make_sweep().best() == {"spread_bps": 4, "quoting.inventory_skew": 0.5, "order_size": 10}
    with pytest.raises(KeyError, match="did you mean 'equity'"):
        make_sweep().best("equty")


def test_the_report_says_how_far_to_trust_the_best() -> None:
    report = repr(make_sweep(tested=True))
    # Beside (4, 0.5): 1 and 3 along the spread, 4 along the skew.
    assert "+2.66667 on average, +1 at worst (3 one step away)" in report
    assert "the winner +5, better than 0% of them; rank correlation -1.00" in report
    assert "deflated Sharpe" in report
    assert "6 configurations over 700 s and 300 s of test" in report


def test_more_trials_make_the_same_ratio_less_sure() -> None:
    few = SweepResult(make_terms(), COMBINATIONS[:2], {0: row(1.0, 1, 0.3), 1: row(0.0, 2)})
    many = {i: row(0.0, i + 2) for i in range(1, 40)} | {0: row(1.0, 1, 0.3)}
    crowd = SweepResult(make_terms(), [{"spread_bps": i + 1} for i in range(40)], many)
    assert few.deflated_sharpe().ratio == crowd.deflated_sharpe().ratio
    assert crowd.deflated_sharpe().hurdle > few.deflated_sharpe().hurdle
    assert crowd.deflated_sharpe().probability < few.deflated_sharpe().probability


def test_a_sweep_cut_short_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    sweep = make_sweep(leave_out=4)
    assert sweep.partial
    assert len(sweep) == 2
    assert "PARTIAL: 2 of 6 configurations" in repr(sweep)
    told = json.loads((sweep.save(tmp_path / "sweep") / "summary.json").read_text())
    assert (told["exit_code"], told["run"], told["configurations"]) == (130, 2, 6)


def test_a_sweep_of_nothing_has_a_report(tmp_path: Path) -> None:
    nothing = SweepResult(make_terms(), COMBINATIONS, {})
    assert "no configuration was run" in repr(nothing)
    assert (nothing.save(tmp_path / "sweep") / "report.html").exists()


def test_a_sweep_is_saved_with_its_table_and_its_page(tmp_path: Path) -> None:
    sweep = make_sweep(tested=True)
    folder = sweep.save(tmp_path / "sweep")
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "table.parquet"), sweep.table)
    assert "out of sample" in (folder / "report.html").read_text()
    told = json.loads((folder / "summary.json").read_text())
    assert told["best"]["settings"] == sweep.best()
    assert told["rank_correlation"] == pytest.approx(-1.0)
    with pytest.raises(ConfigError, match="holds a run already"):
        sweep.save(folder)


@pytest.mark.parametrize("tested", [False, True])
@pytest.mark.parametrize("leave_out", [0, 2, 6])
def test_a_saved_sweep_is_opened_again_as_it_was(tmp_path: Path, tested: bool, leave_out: int) -> None:
    sweep = make_sweep(tested, leave_out)
    again = SweepResult.load(sweep.save(tmp_path / "sweep"))
    assert repr(again) == repr(sweep)
    pd.testing.assert_frame_equal(again.table, sweep.table)
    assert (again.terms, again.combinations, again.partial) == (sweep.terms, sweep.combinations, sweep.partial)
    if leave_out < 6:
        assert again.best("sharpe") == sweep.best("sharpe")
        assert again.deflated_sharpe() == sweep.deflated_sharpe()
        assert again.parallel() == sweep.parallel()
        assert again.heat_map() == sweep.heat_map()
        assert not tested or again.train_test() == sweep.train_test()


def test_metrics_keep_their_types_and_unknown_ones_their_nan(tmp_path: Path) -> None:
    whole = sweep_row(make_run(), INSTRUMENT)
    nothing = sweep_row(RunLog(), INSTRUMENT)
    terms = replace(make_terms(), latency="latency 10 ms each way", notes=("a note",))
    sweep = SweepResult(terms, [{"spread_bps": np.int64(2)}, {"spread_bps": np.int64(4)}], {0: whole, 1: nothing})
    again = SweepResult.load(sweep.save(tmp_path / "sweep"))
    pd.testing.assert_frame_equal(again.table, sweep.table)
    assert again.table["fills"].dtype == np.int64
    assert math.isnan(again.rows[1].metrics["sharpe"])
    assert np.array_equal(again.rows[0].steps, whole.steps)
    assert again.rows[1].steps.size == 0
    assert repr(again) == repr(sweep)


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sweep that can be read"):
        SweepResult.load(tmp_path)
    BacktestResult(make_run(), make_terms()).save(tmp_path / "backtest")
    with pytest.raises(DataError, match="holds no sweep"):
        SweepResult.load(tmp_path / "backtest")
    (tmp_path / "rows.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="holds no sweep that can be read"):
        SweepResult.load(tmp_path)
    write_archive(tmp_path / "rows.npz", {"terms": {}}, {})
    with pytest.raises(DataError, match="of another version"):
        SweepResult.load(tmp_path)


def test_each_picture_is_drawn_from_the_table() -> None:
    sweep = make_sweep(tested=True)
    assert list(sweep.heat_map().data[0].x) == ["2", "4", "8"]
    assert len(sweep.parallel().data[0].dimensions) == 6
    assert sweep.plateau().data
    assert sweep.train_test().data


def test_what_a_sweep_cannot_draw_is_refused_with_a_way_out() -> None:
    line = SweepResult(make_terms(), [{"spread_bps": 2}, {"spread_bps": 4}], {0: row(1.0), 1: row(2.0)})
    with pytest.raises(ValueError, match="see plateau"):
        line.heat_map()
    with pytest.raises(ValueError, match=r"split=0\.7"):
        line.train_test()
