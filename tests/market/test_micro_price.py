"""The micro-price against the hand oracle of two states, in numbers and in a book that follows them exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.market import MicroPrice, micro_price_chain, weighted_mid
from workbench.market.micro_price import micro_path, micro_update
from workbench.market.steps import micro_adjustment

Q = np.array([[0.6, 0.2], [0.2, 0.6]])
T = np.array([[0.12, 0.08], [0.08, 0.12]])
RK = np.array([-0.1, 0.1])
SEED = 20180901


def book_of_the_hand_oracle() -> np.ndarray:
    """Quotes of two states (imbalance 1/4, 3/4) whose counts of transitions are 100 times Q, T and R K."""
    # From the heavy-bid state 20 of 100 moves change the mid, 15 up and 5 down: a mean of 0.1 ticks.
    moves = {1: iter([1] * 15 + [-1] * 5), 0: iter([-1] * 15 + [1] * 5)}
    path: list[tuple[int, bool]] = []
    for state in (0, 1):
        path += [(state, False)] * 60 + [(state, True)] * 12
        path += [] if state else [(1, False)]
    crossings = [False] * 19 + [True] * 8
    # State 1 after its own loops: the 28 ways back and the 27 that are left of the ways there, taken in turn.
    for back, there in zip([False] * 20 + [True] * 8, [*crossings, None], strict=True):
        path.append((0, back))
        if there is not None:
            path.append((1, there))
    state, mid = 0, 1000
    rows = []
    rows.append((state, mid))
    for after, moved in path:
        mid += next(moves[state]) if moved else 0
        state = after
        rows.append((state, mid))
    return np.array([(mid, 30.0 if s else 10.0, mid + 1, 10.0 if s else 30.0) for s, mid in rows])


def test_the_chain_gives_the_hand_oracle() -> None:
    np.testing.assert_allclose(micro_price_chain(Q, T, RK), [-5 / 28, 5 / 28], rtol=0, atol=1e-12)


def test_the_chain_is_the_sum_of_its_terms() -> None:
    rng = np.random.default_rng(SEED)
    half = rng.random((3, 12)) + 0.05
    rows = np.vstack([half, half[::-1, ::-1].reshape(3, 2, 6)[:, ::-1].reshape(3, 12)])
    rows /= rows.sum(axis=1, keepdims=True)
    stay, move = rows[:, :6], rows[:, 6:]
    # Mirroring a state mirrors where it goes: with and without a mid change alike.
    stay[3:], move[3:] = stay[2::-1, ::-1], move[2::-1, ::-1]
    gain = rng.normal(size=3)
    gain = np.concatenate([gain, -gain[::-1]])
    term = np.linalg.solve(np.eye(6) - stay, gain)
    between = np.linalg.solve(np.eye(6) - stay, move)
    total = np.zeros(6)
    for _ in range(2000):
        total += term
        term = between @ term
    np.testing.assert_allclose(micro_price_chain(stay, move, gain), total, rtol=0, atol=1e-10)


def test_moves_that_do_not_cancel_are_refused() -> None:
    with pytest.raises(ValueError, match="symmetrise"):
        micro_price_chain(Q, T, [0.05, 0.1])


@pytest.mark.parametrize(
    ("stay", "move", "gain", "why"),
    [
        (Q, T[:1], RK, "shapes"),
        (np.empty((0, 0)), np.empty((0, 0)), np.empty(0), "shapes"),
        (Q, T * 0.5, RK, "sums to"),
        (Q, T, [np.nan, 0.1], "R K holds nan"),
        (-Q, T, RK, r"Q holds -0\.6"),
        (Q + T, np.zeros((2, 2)), RK, "never changes"),
        (0.8 * np.eye(2), 0.2 * np.eye(2), RK, "groups"),
    ],
)
def test_a_chain_that_is_none_is_refused(stay: np.ndarray, move: np.ndarray, gain: np.ndarray, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        micro_price_chain(stay, move, gain)


def test_a_book_that_follows_the_hand_oracle_fits_it() -> None:
    fitted = MicroPrice.fit(book_of_the_hand_oracle(), buckets=2, spreads=1, least_mid_changes=40)
    np.testing.assert_allclose(fitted.table, [[-5 / 28, 5 / 28]], rtol=0, atol=1e-12)
    assert fitted.mid_changes == 40
    assert fitted.counts.tolist() == [[101, 100]]


def test_the_adjustment_is_odd_and_rises_with_the_imbalance() -> None:
    fitted = MicroPrice.fit(simulated(), buckets=10, spreads=2)
    shares = np.linspace(0.0, 1.0, 201)
    for spread in (1.0, 2.0, 7.0):
        values = np.asarray(fitted.adjustment(shares, spread))
        np.testing.assert_allclose(values, -values[::-1], rtol=0, atol=1e-12)
        assert fitted.adjustment(0.5, spread) == 0.0
        assert (np.diff(values) >= -1e-12).all()
        assert values[-1] > 0.1


def test_the_micro_price_is_nearer_to_a_martingale_than_the_mid_or_the_weighted_mid() -> None:
    quotes = simulated()
    fitted = MicroPrice.fit(quotes, buckets=4, spreads=1)
    mid = (quotes[:, 0] + quotes[:, 2]) / 2
    later = mid[2_000:]

    def slope(fair: np.ndarray) -> float:
        """What is left to be explained by imbalance, ticks from the emptiest to the fullest bid."""
        left = later - fair[:-2_000]
        share = (quotes[:, 1] / (quotes[:, 1] + quotes[:, 3]))[:-2_000]
        return abs(float(np.polyfit(share, left, 1)[0]))

    assert slope(np.asarray(fitted.price(quotes))) < 0.5 * slope(mid)
    assert slope(np.asarray(fitted.price(quotes))) < slope(np.asarray(weighted_mid(quotes)))


def test_one_quote_at_a_time_gives_the_numbers_of_the_array() -> None:
    quotes = simulated(5_000)
    fitted = MicroPrice.fit(quotes, buckets=5, spreads=2)
    assert [fitted.update(*row) for row in quotes] == np.asarray(fitted.price(quotes)).tolist()


def test_pandas_in_gives_pandas_out() -> None:
    quotes = simulated(5_000)
    fitted = MicroPrice.fit(quotes)
    frame = pd.DataFrame(quotes, columns=["bid", "bid_size", "ask", "ask_size"], index=pd.RangeIndex(7, 5_007))
    prices = fitted.price(frame)
    assert isinstance(prices, pd.Series)
    assert prices.index.equals(frame.index)
    assert prices.tolist() == np.asarray(fitted.price(quotes)).tolist()
    shifted = fitted.adjustment(
        frame["bid_size"] / (frame["bid_size"] + frame["ask_size"]), frame["ask"] - frame["bid"]
    )
    assert isinstance(shifted, pd.Series)


@given(st.floats(0.0, 1.0), st.integers(1, 5), st.integers(2, 9))
def test_the_compiled_adjustment_is_its_plain_twin(share: float, spread: int, buckets: int) -> None:
    table = np.random.default_rng(buckets).normal(size=(3, buckets))
    assert micro_adjustment(table, share, float(spread)) == micro_adjustment.py_func(table, share, float(spread))
    quote = (10.0, share + 0.1, 11.0, 1.0)
    assert micro_update.py_func(table, *quote) == micro_update(table, *quote)
    assert np.isnan(micro_update.py_func(table, 11.0, 1.0, 11.0, 1.0))
    out = np.empty(1)
    micro_path.py_func(table, np.array([share]), np.array([float(spread)]), out)
    assert out[0] == micro_adjustment(table, share, float(spread))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda q: q[:0], "shape"),
        (lambda q: q[:1], "mid changes"),
        (lambda q: q[:, :3], "shape"),
        (lambda q: np.where(np.arange(4) == 1, np.nan, q), "bid_size 0"),
        (lambda q: np.where(np.arange(4) == 3, -1.0, q), "ask_size 0"),
        (lambda q: q[:, [2, 1, 0, 3]], "at or over"),
        (lambda q: np.tile(q[:1], (500, 1)), "0 mid changes"),
    ],
)
def test_bad_quotes_are_refused(change, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MicroPrice.fit(change(simulated(5_000)))


def test_an_imbalance_outside_its_range_is_refused() -> None:
    fitted = MicroPrice.fit(simulated(5_000))
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="0 to 1"):
            fitted.adjustment(bad)
    with pytest.raises(ValueError, match="1 or more"):
        fitted.adjustment(0.5, 0.0)
    with pytest.raises(ValueError, match="positive sizes"):
        fitted.update(100, 0, 101, 1)


def test_the_recorded_market_leans_where_its_micro_price_says(recorded_quotes: pd.DataFrame) -> None:
    fitted = MicroPrice.fit(recorded_quotes, buckets=10, spreads=2)
    assert fitted.counts.sum() == len(recorded_quotes)
    assert (np.diff(fitted.table[0]) >= 0).all()
    assert fitted.table[0, -1] > 0.3


def simulated(number: int = 60_000) -> np.ndarray:
    """A book whose heavier side pushes the mid: sizes drift back to 50, and a tick is taken when a side runs out."""
    rng = np.random.default_rng(SEED)
    steps = rng.integers(-20, 21, size=(number, 2))
    spread_draw = rng.random(number)
    rows = np.empty((number, 4))
    bid, ask, bid_size, ask_size = 1000, 1001, 50, 50
    for i in range(number):
        bid_size += steps[i, 0]
        ask_size += steps[i, 1]
        if bid_size <= 0 or ask_size <= 0:
            direction = 1 if ask_size <= bid_size else -1
            bid, ask = bid + direction, ask + direction
            bid_size, ask_size = (30, 60) if direction < 0 else (60, 30)
            ask = bid + (2 if spread_draw[i] < 0.2 else 1)
        bid_size, ask_size = min(bid_size, 100), min(ask_size, 100)
        rows[i] = bid, bid_size, ask, ask_size
    return rows
