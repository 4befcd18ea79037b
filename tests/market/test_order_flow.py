"""Order-flow imbalance against the printed books and the recorded market, in arrays and in streams."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.events import NS
from workbench.market import (
    Book,
    MultiLevelOrderFlow,
    OrderFlow,
    book_levels,
    fit_flow_impact,
    multi_level_order_flow_imbalance,
    order_flow_imbalance,
)
from workbench.market.flow import (
    checked_flow_update,
    first_bad_book,
    flow_path,
    levels_path,
    levels_update,
    place_absent,
)
from workbench.market.inputs import good_quote
from workbench.market.steps import flow_update

BOOKS = np.array([(100, 10, 101, 8), (100, 15, 101, 8), (100, 15, 101, 3), (101, 4, 102, 9), (100, 6, 101, 12)], float)
FLOW = [0.0, 5.0, 5.0, 7.0, -16.0]
SEED = 20140101


def random_levels(rows: int, levels: int) -> np.ndarray:
    """Books of several levels with holes between the prices."""
    rng = np.random.default_rng(SEED)
    out = np.empty((rows, levels, 4))
    mid = 1000 + np.cumsum(rng.integers(-1, 2, size=rows))
    out[:, :, 0] = mid[:, None] - np.cumsum(rng.integers(1, 3, size=(rows, levels)), axis=1)
    out[:, :, 2] = mid[:, None] - 1 + np.cumsum(rng.integers(1, 3, size=(rows, levels)), axis=1)
    out[:, :, 1::2] = rng.integers(1, 50, size=(rows, levels, 2))
    return out


def test_the_printed_books_give_the_printed_flow() -> None:
    flow = order_flow_imbalance(BOOKS)
    assert np.asarray(flow).tolist() == FLOW
    assert sum(FLOW) == 1


def test_one_quote_at_a_time_gives_the_numbers_of_the_array() -> None:
    stream = OrderFlow()
    assert [stream.update(*row) for row in BOOKS] == FLOW
    assert stream.total == 1
    stream.reset()
    assert stream.total == 0
    assert stream.update(100, 6, 101, 12) == 0
    stream.lose()
    assert stream.update(105, 6, 106, 12) == 0


def test_swapping_the_sides_turns_the_flow_round() -> None:
    mirrored = np.column_stack([1000 - BOOKS[:, 2], BOOKS[:, 3], 1000 - BOOKS[:, 0], BOOKS[:, 1]])
    assert np.asarray(order_flow_imbalance(mirrored)).tolist() == [-flow for flow in FLOW]


def test_the_first_level_of_many_is_the_best_level() -> None:
    rows = random_levels(500, 4)
    many = np.asarray(multi_level_order_flow_imbalance(rows))
    assert many[:, 0].tolist() == np.asarray(order_flow_imbalance(rows[:, 0])).tolist()
    for level in range(1, 4):
        assert many[:, level].tolist() == np.asarray(order_flow_imbalance(rows[:, level])).tolist()


def test_many_levels_one_book_at_a_time_give_the_numbers_of_the_array() -> None:
    rows = random_levels(500, 3)
    stream = MultiLevelOrderFlow(3)
    streamed = np.array([stream.update(row) for row in rows])
    many = np.asarray(multi_level_order_flow_imbalance(rows))
    assert streamed.tolist() == many.tolist()
    assert stream.totals.tolist() == many.sum(axis=0).tolist()
    stream.reset()
    assert stream.totals.tolist() == [0, 0, 0]


def test_a_level_that_comes_and_goes_is_flow() -> None:
    two = np.array([[100, 5, 101, 7], [99, 3, 103, 4]], float)
    one = np.array([[100, 5, 101, 7], [np.nan, 0, 103, 4]], float)
    flow = np.asarray(multi_level_order_flow_imbalance([two, one, one, two]))
    assert flow.tolist() == [[0, 0], [0, -3], [0, 0], [0, 3]]


def test_a_live_book_gives_its_levels_and_their_flow() -> None:
    book = Book()
    book.snapshot(1, ((100, 5), (98, 2)), ((101, 7),))
    np.testing.assert_array_equal(book_levels(book, 2), [[100, 5, 101, 7], [98, 2, np.nan, 0]])
    stream = MultiLevelOrderFlow(2)
    assert stream.update(book).tolist() == [0, 0]
    book.delta(2, ((100, 9),), ((103, 4),))
    assert stream.update(book).tolist() == [4, -4]
    stream.lose()
    assert stream.update(book).tolist() == [0, 0]
    book.lose("gap")
    with pytest.raises(ValueError, match="gap"):
        stream.update(book)


def test_pandas_in_gives_pandas_out() -> None:
    frame = pd.DataFrame(BOOKS, columns=["bid", "bid_size", "ask", "ask_size"], index=pd.Index([1, 3, 4, 8, 9]))
    flow = order_flow_imbalance(frame)
    assert isinstance(flow, pd.Series)
    assert flow.index.tolist() == [1, 3, 4, 8, 9]
    rows = random_levels(20, 2)
    names = [f"{column}_{level}" for level in (1, 2) for column in ("bid", "bid_size", "ask", "ask_size")]
    many = multi_level_order_flow_imbalance(pd.DataFrame(rows.reshape(20, 8), columns=names))
    assert isinstance(many, pd.DataFrame)
    assert many.columns.tolist() == ["flow_1", "flow_2"]
    assert many.to_numpy().tolist() == np.asarray(multi_level_order_flow_imbalance(rows)).tolist()


sizes = st.floats(0.5, 100)
quotes = st.tuples(st.integers(1, 4), sizes, st.integers(5, 8), sizes)


@given(st.lists(quotes, min_size=2, max_size=8))
def test_the_compiled_flow_is_its_plain_twin(rows: list[tuple[int, float, int, float]]) -> None:
    data = np.array(rows, dtype=float)
    compiled_state, plain_state = np.full(4, np.nan), np.full(4, np.nan)
    for row in data:
        assert flow_update(compiled_state, *row) == flow_update.py_func(plain_state, *row)
    assert checked_flow_update.py_func(plain_state, *data[0]) == checked_flow_update(compiled_state, *data[0])
    assert np.isnan(checked_flow_update.py_func(plain_state, 2.0, 1.0, 2.0, 1.0))
    assert not good_quote.py_func(1.0, 1.0, np.inf, 1.0)
    plain = np.empty(len(data))
    flow_path.py_func(np.full(4, np.nan), *np.ascontiguousarray(data.T), plain)
    assert plain.tolist() == np.asarray(order_flow_imbalance(data)).tolist()
    deep = np.empty((len(data), 1))
    levels_path.py_func(np.full((1, 4), np.nan), data[:, None, :], deep)
    assert deep[:, 0].tolist() == plain.tolist()
    last = np.empty(1)
    levels_update.py_func(data[-2][None].copy(), data[-1][None], last)
    assert last[0] == plain[-1]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (BOOKS[:0], "shape"),
        (BOOKS[:1], "at least 2"),
        (BOOKS[:, :2], "shape"),
        (np.where(np.arange(4) == 1, np.nan, BOOKS), "bid_size 0 is nan"),
        (np.where(np.arange(4) == 0, -100, BOOKS), "bid 0 is -100"),
        (BOOKS[:, [2, 1, 0, 3]], "at or over"),
    ],
)
def test_bad_quotes_are_refused(bad: np.ndarray, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        order_flow_imbalance(bad)


def test_a_bad_quote_is_refused_and_not_taken() -> None:
    stream = OrderFlow()
    stream.update(*BOOKS[0])
    for bad in ((100, -1, 101, 8), (101, 1, 101, 8), (100, float("nan"), 101, 8)):
        with pytest.raises(ValueError, match="positive sizes"):
            stream.update(*bad)
    assert stream.update(*BOOKS[1]) == 5


LEVELS = np.array([[100, 5, 101, 7], [99, 3, 103, 4]], float)


@pytest.mark.parametrize(
    "change",
    [
        (0, 0, np.nan),
        (1, 1, -3.0),
        (1, 1, 0.0),
        (1, 3, np.inf),
        (1, 0, 100.0),
        (1, 2, 101.0),
        (0, 0, 101.0),
        (1, 0, -1),
    ],
)
def test_bad_levels_are_refused(change: tuple[int, int, float]) -> None:
    bad = LEVELS.copy()
    bad[change[:2]] = change[2]
    with pytest.raises(ValueError, match="row 1 is no book"):
        multi_level_order_flow_imbalance([LEVELS, bad])
    with pytest.raises(ValueError, match="row 0 is no book"):
        MultiLevelOrderFlow(2).update(bad)
    assert first_bad_book.py_func(np.stack([LEVELS, bad])) == 1
    assert not place_absent.py_func(bad)


def test_a_level_behind_an_absent_one_is_refused() -> None:
    holed = np.vstack([LEVELS, [98, 1, 104, 1]])
    holed[1, :2] = np.nan, 0
    with pytest.raises(ValueError, match="no book"):
        MultiLevelOrderFlow(3).update(holed)


def test_absent_levels_go_where_no_order_can_be() -> None:
    plain = LEVELS.copy()
    plain[1] = np.nan, 0, np.nan, 0
    fast = plain.copy()
    assert place_absent.py_func(plain)
    assert place_absent(fast)
    assert plain.tolist() == fast.tolist() == [[100, 5, 101, 7], [-np.inf, 0, np.inf, 0]]


def test_levels_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        multi_level_order_flow_imbalance(LEVELS)
    with pytest.raises(ValueError, match="expected"):
        MultiLevelOrderFlow(3).update(LEVELS)
    with pytest.raises(ValueError, match="at least 1"):
        MultiLevelOrderFlow(0)
    with pytest.raises(ValueError, match="no column 'ask_1'"):
        multi_level_order_flow_imbalance(pd.DataFrame({"bid_1": [1.0], "bid_size_1": [1.0]}))
    gone = LEVELS.copy()
    gone[0] = np.nan, 0, 101, 7
    with pytest.raises(ValueError, match="no book"):
        MultiLevelOrderFlow(2).update(gone)


# --- flow and the mid -----------------------------------------------------------------------------------------------


def test_the_recorded_flow_moves_the_mid_as_its_readme_says(recorded_quotes: pd.DataFrame) -> None:
    flow = order_flow_imbalance(recorded_quotes)
    mid = (recorded_quotes["bid"] + recorded_quotes["ask"]) / 2
    fit = fit_flow_impact(flow, recorded_quotes["t_ns"], mid, recorded_quotes["t_ns"])
    assert fit.windows == 343
    assert fit.slope == pytest.approx(0.00184544, abs=5e-9)
    assert fit.r2 == pytest.approx(0.46273, abs=5e-6)


def test_recorded_trades_explain_less_than_the_flow_does(
    recorded_quotes: pd.DataFrame, recorded_trades: pd.DataFrame
) -> None:
    mid = (recorded_quotes["bid"] + recorded_quotes["ask"]) / 2
    signed = recorded_trades["side"] * recorded_trades["size"]
    fit = fit_flow_impact(signed, recorded_trades["t_ns"], mid, recorded_quotes["t_ns"])
    assert fit.slope == pytest.approx(0.00253559, abs=5e-9)
    assert fit.r2 == pytest.approx(0.35714, abs=5e-6)


def line(number: int = 30, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One piece of flow in the middle of each second, and a mid that follows it: 0.5 ticks and 0.1 ticks a contract."""
    rng = np.random.default_rng(SEED)
    flow = rng.normal(size=number) * 10
    t_flow = np.arange(number) * NS + NS // 2
    mid = 1000 + np.concatenate([[0], np.cumsum(0.5 + 0.1 * flow + noise * rng.normal(size=number))])
    return flow, t_flow, mid, np.arange(number + 1) * NS


def test_a_line_without_noise_is_found_exactly() -> None:
    fit = fit_flow_impact(*line())
    assert fit.slope == pytest.approx(0.1, rel=1e-12)
    assert fit.intercept == pytest.approx(0.5, rel=1e-10)
    assert fit.r2 == pytest.approx(1.0, abs=1e-12)
    assert fit.slope_error < 1e-12
    assert fit.windows == 30


def test_the_error_of_the_slope_covers_the_truth() -> None:
    fit = fit_flow_impact(*line(3_000, noise=2.0))
    assert fit.slope_error == pytest.approx(2.0 / (10 * np.sqrt(3_000)), rel=0.1)
    assert abs(fit.slope - 0.1) < 4 * fit.slope_error


def test_a_window_holds_its_end_and_not_its_beginning() -> None:
    flow, _, mid, t_mid = line()
    at_ends = fit_flow_impact(flow, t_mid[1:], mid, t_mid)
    assert at_ends.slope == pytest.approx(0.1, rel=1e-12)
    at_beginnings = fit_flow_impact(flow, t_mid[:-1], mid, t_mid)
    assert at_beginnings.r2 < 0.5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"flow": []}, "flow has shape"),
        ({"flow": [1.0]}, "times have shape"),
        ({"flow": np.full(30, np.nan)}, "flow 0 is nan"),
        ({"flow": np.ones(30)}, "no slope"),
        ({"flow_times": np.arange(30)[::-1]}, "sort by time"),
        ({"flow_times": np.linspace(0, 1, 30)}, "expected datetimes"),
        ({"window_s": 0.0}, "window_s"),
        ({"window_s": 10.0}, "3 windows"),
    ],
)
def test_bad_input_to_the_line_is_refused(change: dict[str, object], why: str) -> None:
    flow, t_flow, mid, t_mid = line()
    given_input = {"flow": flow, "flow_times": t_flow, "mid": mid, "mid_times": t_mid} | change
    with pytest.raises(ValueError, match=why):
        fit_flow_impact(**given_input)
