"""Queue models judged by fills whose truth is known: the true one wins, and a real queue lies between the extremes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tests.backtest.queue_sessions import COIN, RESPONSE_NS, fifo_session, model_session
from workbench.backtest import QueueModel, fit_queue_model, grade_queue_models
from workbench.clock import NS
from workbench.engine import simulate
from workbench.errors import DataError
from workbench.events import Cancel, Place

TRUTHS = (QueueModel("risk_averse"), QueueModel("power3", 1.0), QueueModel("power3", 4.0), QueueModel("log2"))


def name_of(queue: QueueModel) -> str:
    return f"{queue.name}({queue.power:g})" if queue.name.startswith("power") else queue.name


@pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
def test_the_model_that_made_the_fills_foretells_them_all_and_wins(truth: QueueModel) -> None:
    rows = model_session(truth, seed=11)
    grades = grade_queue_models(rows, COIN, TRUTHS, own_shown=False)
    best = grades.table.iloc[0]
    assert grades.best == truth
    assert (best["loss"], best["missed"], best["false"], best["time_spread_s"], best["size_bias"]) == (0, 0, 0, 0, 0)
    assert best["hits"] == (grades.orders["filled"] > 0).sum() > 50
    assert (grades.table["loss"].iloc[1:] > 0.005).all()
    fit = fit_queue_model(rows, COIN, rng=np.random.default_rng(1), own_shown=False)
    assert fit.queue == truth
    assert fit.support.index[0] == name_of(truth)
    assert fit.support.iloc[0] > 0.9


def test_the_power_of_the_truth_is_found_between_its_neighbours() -> None:
    rows = model_session(QueueModel("power", 2.0), seed=5)
    fit = fit_queue_model(
        rows, COIN, family="power", powers=(0.5, 1.0, 3.0, 8.0), rng=np.random.default_rng(1), own_shown=False
    )
    assert fit.queue.name == "power"
    assert 1.0 <= fit.interval[0] <= fit.interval[1] <= 3.0


@pytest.mark.parametrize("seed", [3, 4])
def test_a_first_come_first_served_venue_lies_between_the_extremes(seed: int) -> None:
    """Only trades bring the risk-averse order forward; a small power lets nearly every cancel come from ahead of it."""
    rows = fifo_session(seed)
    extremes = (QueueModel("risk_averse"), QueueModel("power3", 0.05), QueueModel("power", 1.0))
    table = grade_queue_models(rows, COIN, extremes).table
    careful, eager, middle = (table.loc[name] for name in ("risk_averse", "power3(0.05)", "power(1)"))
    # What the careful one foretells has come, and some more; it foretells nothing too early.
    assert (careful["false"], careful["precision"]) == (0, 1)
    assert careful["size_bias"] < -0.05
    assert careful["time_error_s"] >= 0
    assert eager["size_bias"] > 0.02
    assert eager["missed"] <= careful["missed"]
    # Cancels come from anywhere: by the shares ahead and behind is right on the mean.
    assert middle["loss"] < min(careful["loss"], eager["loss"])
    assert abs(middle["size_bias"]) < 0.05
    assert middle["log_loss"] < middle["base"]


def test_own_orders_are_taken_out_of_a_book_that_shows_them() -> None:
    rows = fifo_session(3)
    right = grade_queue_models(rows, COIN, [QueueModel("power", 1.0)]).table.iloc[0]
    wrong = grade_queue_models(rows, COIN, [QueueModel("power", 1.0)], own_shown=False).table.iloc[0]
    assert right["loss"] < 0.8 * wrong["loss"]


def test_a_simulated_session_alone_at_its_prices_is_foretold_by_every_model() -> None:
    session = simulate({"spread_bps": 5}, seconds=60, seed=2)
    grades = grade_queue_models(session.rows, session.instrument)
    assert (grades.orders["filled"] > 0).sum() > 100
    assert (grades.table["recall"] > 0.98).all()
    assert (grades.table["precision"] > 0.98).all()
    assert grades.table["time_spread_s"].max() < 0.01
    assert grades.orders["placed_ns"].between(session.rows[0].t_ns, session.rows[-1].t_ns).all()


def test_the_tables_split_by_side_and_by_distance_and_add_up() -> None:
    grades = grade_queue_models(model_session(QueueModel("power", 1.0), seed=7), COIN, own_shown=False)
    counts = ["hits", "missed", "false", "neither"]
    for what in ("side", "touch"):
        parts = grades.by(what).groupby("model")[counts].sum()
        pd.testing.assert_frame_equal(parts.sort_index(), grades.table[counts].sort_index(), check_dtype=False)
    assert set(grades.by("side").index.get_level_values("side")) == {"buy", "sell"}
    with pytest.raises(DataError, match="expected 'touch' or 'side'"):
        grades.by("hour")
    assert grades.table["loss"].is_monotonic_increasing
    assert (grades.table[counts].sum(axis=1) == len(grades.orders)).all()


def test_it_reads_and_draws() -> None:
    fit = fit_queue_model(
        model_session(QueueModel("power3", 3.0), seed=11), COIN, rng=np.random.default_rng(1), own_shown=False
    )
    assert repr(fit).startswith("Queue model power3(3), power ")
    assert "of which" in repr(fit.grades)
    figure = fit.plot()
    assert isinstance(figure, go.Figure)
    assert {"hits", "missed", "false", "real"} <= {trace.name for trace in figure.data}


def test_too_little_to_tell_is_refused() -> None:
    rng = np.random.default_rng(1)
    rows = model_session(QueueModel("power", 1.0), seed=7, seconds=60, count=20)
    with pytest.raises(DataError, match="expected at least 20 that did and 20 that did not"):
        fit_queue_model(rows, COIN, rng=rng, own_shown=False)
    with pytest.raises(DataError, match="no order of the session rested"):
        grade_queue_models([row for row in rows if not isinstance(row[1], Place)], COIN)
    alone = simulate({"spread_bps": 5}, seconds=60, seed=1)
    with pytest.raises(DataError, match="never stood behind others"):
        fit_queue_model(alone.rows, alone.instrument, rng=rng)


def test_stamps_are_on_the_clock_of_the_venue() -> None:
    rows = model_session(QueueModel("power", 1.0), seed=7)
    ahead_ns = 5 * NS
    shifted = [(t_ns + ahead_ns, record) for t_ns, record in rows]
    straight, skewed = (grade_queue_models(part, COIN, TRUTHS, own_shown=False) for part in (rows, shifted))
    pd.testing.assert_frame_equal(straight.table, skewed.table)
    sent = min(t_ns for t_ns, record in rows if isinstance(record, Place))
    assert straight.orders["placed_ns"].min() == skewed.orders["placed_ns"].min() == sent + 9_000_000
    cancels = sum(isinstance(record, Cancel) for _, record in rows)
    assert (~straight.orders["whole"]).sum() == cancels
    assert RESPONSE_NS > 0
