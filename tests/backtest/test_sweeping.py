"""`sweep`: the rows of `backtest`, training and test kept apart, and what an interrupt leaves."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest

from workbench.backtest import BacktestResult, Feed, SweepTask, backtest, feed_from_catalog, run_task, sweep
from workbench.backtest.sweep_row import METRICS
from workbench.config import MarketMakerConfig
from workbench.data import synthetic_day
from workbench.errors import ConfigError
from workbench.events import NS

BASE = {"quoting.min_edge_bps": 0, "quoting.refresh_tolerance_bps": 0.5, "order_size": 10}
GRID = {"spread_bps": [1, 6], "quoting.inventory_skew": [0.0, 1.0]}


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    folder = tmp_path_factory.mktemp("data")
    catalog = synthetic_day(folder / "catalog", seconds=120, preset="lively", progress=False)
    return feed_from_catalog(catalog, "BTC-PERP", cache=folder / "feeds")


def same(first: dict[str, float], second: dict[str, float]) -> bool:
    return all(
        first[name] == second[name] or (math.isnan(first[name]) and math.isnan(second[name])) for name in METRICS
    )


def test_a_row_of_a_sweep_is_the_backtest_of_its_configuration(feed: Feed) -> None:
    swept = sweep(feed, "skewed_spread", GRID, params=BASE)
    assert len(swept) == 4
    assert not swept.partial
    for number, combination in enumerate(swept.combinations):
        alone = backtest(feed, "skewed_spread", BASE | combination)
        row = swept.table.loc[number]
        assert row["equity"] == float(alone.pnl.total)
        assert row["fills"] == len(alone.fills) > 0
        assert row["position"] == alone.summary.position_at_end
    assert swept.table["equity"].nunique() > 1


def test_threads_and_processes_give_the_same_rows(feed: Feed) -> None:
    configurations = tuple(MarketMakerConfig.from_dict(BASE | {"spread_bps": spread}) for spread in (1, 3, 6))
    task = SweepTask(feed, "skewed_spread", configurations)
    rows, _ = run_task(task, threads=1)
    again, _ = run_task(pickle.loads(pickle.dumps(task)), threads=2)
    assert all(same(dict(a.metrics), dict(b.metrics)) for a, b in zip(rows, again, strict=True))


def test_training_ends_where_the_test_begins(feed: Feed) -> None:
    swept = sweep(feed, "skewed_spread", GRID, params=BASE, split=0.6)
    at = feed.start_ns + round(0.6 * (feed.end_ns - feed.start_ns))
    assert swept.span_ns[1] <= at <= swept.test_span_ns[0]
    assert swept.test_span_ns[0] - at < 0.1 * NS
    whole = backtest(feed, "skewed_spread", BASE | swept.combinations[0])
    before = int((whole.fills["t_ns"] < at).sum())
    assert abs(swept.table.loc[0, "fills"] - before) <= 1
    assert swept.table["test_fills"].sum() > 0
    assert "rank correlation" in repr(swept)


def test_another_feed_can_be_the_test(feed: Feed) -> None:
    swept = sweep(feed, "skewed_spread", {"spread_bps": [2, 4]}, params=BASE, test=feed)
    assert swept.table["equity"].tolist() == swept.table["test_equity"].tolist()


def test_an_interrupt_leaves_what_there_is(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.backtest.sweeping.BATCH", 2)

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    swept = sweep(feed, "skewed_spread", GRID, params=BASE, progress=stop, threads=1, step_s=0.01)
    assert swept.partial
    assert 2 <= len(swept) <= 4
    assert swept.table["finished"].tolist()[:2] == [True, True]
    assert "PARTIAL" in repr(swept)


def test_a_backtest_that_is_interrupted_is_partial(feed: Feed) -> None:
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    result = backtest(feed, "skewed_spread", BASE, step_s=0.01, progress=stop)
    assert result.partial
    assert "PARTIAL" in repr(result)
    assert result.summary.exit_code == 130


def test_a_real_run_is_saved_and_loaded(feed: Feed, tmp_path: Path) -> None:
    result = backtest(feed, "skewed_spread", BASE | {"spread_bps": 2})
    again = BacktestResult.load(result.save(tmp_path / "run"))
    assert again.pnl == result.pnl
    assert again.terms == result.terms
    assert result.pnl.total == sum(result.pnl)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"split": 1.5}, "split is 1.5"),
        ({"split": 0.5, "test": "feed"}, "expected one of them"),
        ({"split": 0.5, "decide": "book"}, "leave decide out"),
        ({"lattency": 1}, "did you mean 'latency'"),
    ],
    ids=["split", "both", "decide", "misspelt"],
)
def test_what_cannot_be_swept_is_refused(feed: Feed, how: dict[str, object], words: str) -> None:
    settings = {name: feed if value == "feed" else value for name, value in how.items()}
    with pytest.raises(ConfigError, match=words):
        sweep(feed, "skewed_spread", {"spread_bps": [2, 4]}, **settings)  # type: ignore[arg-type]
