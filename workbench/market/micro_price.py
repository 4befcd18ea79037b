"""The micro-price: where the mid is expected to end up, given the imbalance and the spread now."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.compiled import compiled, types
from workbench.market.inputs import BestQuotes, Column, Floats, Ints, Table, check_quote, good_quote, like, read_quotes
from workbench.market.steps import micro_adjustment

__all__ = ["MicroPrice", "micro_price_chain"]

LEAST_MID_CHANGES = 100


_f = types.float64


@compiled(_f(types.float64[:, ::1], _f, _f, _f, _f))
def micro_update(table: Floats, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Micro-price of one quote, ticks; NaN for a quote that is none."""
    if not good_quote(bid, bid_size, ask, ask_size):
        return math.nan
    return (bid + ask) / 2.0 + micro_adjustment(table, bid_size / (bid_size + ask_size), ask - bid)


@compiled(types.void(types.float64[:, ::1], types.float64[::1], types.float64[::1], types.float64[::1]))
def micro_path(table: Floats, imbalance: Floats, spread_ticks: Floats, out: Floats) -> None:
    """All quotes through `micro_adjustment`."""
    for i in range(imbalance.size):
        out[i] = micro_adjustment(table, imbalance[i], spread_ticks[i])


def micro_price_chain(no_move: Table, restart: Table, expected_move: Column) -> Floats:
    """Expected total mid move from each state of the book, in the limit of many mid changes.

    Parameters
    ----------
    no_move : array, shape (n, n)
        Q: probability of the next state without a mid change.
    restart : array, shape (n, n)
        T: probability of the next state with a mid change. Rows of Q + T sum to 1.
    expected_move : array, shape (n,)
        R K: mid change times its probability, ticks.

    Returns
    -------
    array, shape (n,)
        G*, ticks.

    Raises
    ------
    ValueError
        For other shapes, what is no probability, a state that the mid never leaves, a chain that falls apart, or moves
        whose long-run mean is not zero, with which the sum diverges: symmetrise the data.

    Notes
    -----
    ``G1 = (1 - Q)^-1 R K``, ``B = (1 - Q)^-1 T``, ``G* = sum_i B^i G1``. With the stationary law pi of B and
    ``pi G1 = 0`` the sum is the solution of ``(1 - B + 1 pi) G* = G1``, so it is solved, not cut off.

    References
    ----------
    Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018), section 3.
    """
    stay, move = np.asarray(no_move, dtype=np.float64), np.asarray(restart, dtype=np.float64)
    gain = np.asarray(expected_move, dtype=np.float64)
    n = gain.size
    if gain.ndim != 1 or n == 0 or stay.shape != (n, n) or move.shape != (n, n):
        raise ValueError(
            f"Q, T and R K have shapes {stay.shape}, {move.shape}, {gain.shape}; expected (n, n) twice, (n,)"
        )
    for name, values, good in (("Q", stay, stay >= 0.0), ("T", move, move >= 0.0), ("R K", gain, np.isfinite(gain))):
        if not good.all():
            raise ValueError(f"{name} holds {values[~good][0]}; expected probabilities in Q and T, finite ticks in R K")
    rows = stay.sum(axis=1) + move.sum(axis=1)
    if (worst := int(np.argmax(np.abs(rows - 1.0)))) >= 0 and abs(rows[worst] - 1.0) > 1e-9:
        raise ValueError(f"row {worst} of Q + T sums to {rows[worst]:.9g}; expected 1")
    one = np.eye(n)
    if np.linalg.matrix_rank(one - stay) < n:
        raise ValueError("the mid never changes from some states; leave them out, or fit on more data")
    first = np.linalg.solve(one - stay, gain)
    between = np.linalg.solve(one - stay, move)
    law = _stationary_law(np.asarray(between, dtype=np.float64))
    drift = float(law @ first)
    if abs(drift) > 1e-9 * max(1.0, float(np.abs(first).max())):
        raise ValueError(f"the mean mid move is {drift:.6g} ticks a change, so the sum diverges; symmetrise the data")
    return np.asarray(np.linalg.solve(one - between + law[None, :], first), dtype=np.float64)


def _stationary_law(between: Floats) -> Floats:
    n = between.shape[0]
    equations = np.vstack([np.eye(n) - between.T, np.ones(n)])
    if np.linalg.matrix_rank(equations, tol=1e-10) < n:
        raise ValueError("the states fall into groups that never reach each other; take fewer buckets or spreads")
    law, *_ = np.linalg.lstsq(equations, np.append(np.zeros(n), 1.0), rcond=None)
    return np.asarray(law, dtype=np.float64)


@dataclass(frozen=True, slots=True, repr=False)
class MicroPrice:
    """A fitted micro-price: a fair value that is a martingale in the book's states, unlike the weighted mid.

    Make one with `MicroPrice.fit`. Against the mid it moves by `adjustment`, which is odd: swapping the sides of the
    book changes its sign, and at imbalance 1/2 it is 0.
    """

    table: Floats
    """Micro-price less mid in ticks, shape (spreads, buckets): row s for spread s + 1 ticks, the last for all wider."""
    counts: Ints
    """Quotes seen in each state before mirroring, same shape; states with 0 take their neighbours' adjustment."""
    mid_changes: int
    """How many mid changes the fit rests on."""

    @classmethod
    def fit(
        cls, quotes: Table, *, buckets: int = 10, spreads: int = 2, least_mid_changes: int = LEAST_MID_CHANGES
    ) -> MicroPrice:
        """Fit on best quotes, each with its mirror image.

        Parameters
        ----------
        quotes : DataFrame or array, shape (n, 4)
            Columns bid, bid_size, ask, ask_size (ticks, contracts), oldest first, without a gap in the data.
        buckets : int
            Into how many equal parts imbalance (bid share of the best size, 0 to 1) is cut; at least 2.
        spreads : int
            Spread classes: 1 tick, 2 ticks, ..., this many or more.
        least_mid_changes : int
            Below this many mid changes the expected moves are noise, and the fit is refused.

        Returns
        -------
        MicroPrice

        Raises
        ------
        ValueError
            For bad quotes, too few mid changes, no bucket or spread, or states that do not reach each other.

        Notes
        -----
        Transitions between quotes give Q, T and R K of `micro_price_chain`. Every transition counts a second time with
        the sides swapped; without that the mean move is not zero and the sum diverges.
        """
        if buckets < 2 or spreads < 1:
            raise ValueError(f"buckets is {buckets} and spreads {spreads}; expected at least 2 and 1")
        read = read_quotes(quotes)
        states = _states(read, buckets, spreads)
        moves = np.diff(read.mid)
        changes = int(np.count_nonzero(moves))
        if changes < least_mid_changes:
            raise ValueError(
                f"the {read.bid.size} quotes hold {changes} mid changes; expected at least {least_mid_changes}: "
                "fit on more data"
            )
        stay, restart, gain, seen = _counts(states, moves, buckets, spreads)
        rows = stay[seen].sum(axis=1) + restart[seen].sum(axis=1)
        inside = np.ix_(seen, seen)
        adjustment = micro_price_chain(stay[inside] / rows[:, None], restart[inside] / rows[:, None], gain[seen] / rows)
        flat = np.full(spreads * buckets, math.nan)
        flat[seen] = adjustment
        table = flat.reshape(spreads, buckets)
        # Odd by construction; the solver leaves rounding behind.
        table = _fill((table - table[:, ::-1]) / 2.0)
        counts = np.bincount(states, minlength=spreads * buckets).reshape(spreads, buckets)
        return cls(np.ascontiguousarray(table), counts.astype(np.int64), changes)

    def adjustment(self, imbalance: Column | float, spread_ticks: Column | float = 1.0) -> Floats | pd.Series | float:
        """What to add to the mid.

        Parameters
        ----------
        imbalance : float, Series or array, shape (n,)
            Bid share of the best size, 0 to 1.
        spread_ticks : float, Series or array, shape (n,)
            Ask minus bid, at least 1.

        Returns
        -------
        float, Series or array, shape (n,)
            Ticks.

        Raises
        ------
        ValueError
            For an imbalance outside 0 to 1 or a spread below 1 tick.
        """
        shares, widths = np.broadcast_arrays(
            np.asarray(imbalance, dtype=np.float64), np.asarray(spread_ticks, dtype=np.float64)
        )
        if shares.ndim > 1 or not ((shares >= 0.0) & (shares <= 1.0)).all():
            raise ValueError(f"imbalance is {imbalance!r}; expected the bid share of the best size, 0 to 1")
        if not (np.isfinite(widths) & (widths >= 1.0)).all():
            raise ValueError(f"spread_ticks is {spread_ticks!r}; expected 1 or more")
        if shares.ndim == 0:
            return micro_adjustment(self.table, float(shares), float(widths))
        out = np.empty(shares.size)
        micro_path(self.table, np.array(shares), np.array(widths), out)
        return like(out, imbalance.index if isinstance(imbalance, pd.Series) else None, "adjustment")

    def price(self, quotes: Table) -> Floats | pd.Series:
        """Micro-price of each of the best quotes, ticks, shape (n,); refuses what `fit` refuses in quotes."""
        read = read_quotes(quotes)
        out = np.empty(read.bid.size)
        micro_path(self.table, read.imbalance, read.spread, out)
        return like(read.mid + out, read.index, "micro_price")

    def update(self, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
        """Micro-price of one quote, ticks: the numbers of `price`, for a live book.

        Raises
        ------
        ValueError
            For a size or price that is not positive and finite, or bid not below ask.
        """
        price = micro_update(self.table, bid, bid_size, ask, ask_size)
        if math.isnan(price):
            check_quote(bid, bid_size, ask, ask_size)
        return price

    def __repr__(self) -> str:
        spreads, buckets = self.table.shape
        return (
            f"MicroPrice({buckets} buckets, {spreads} spreads, {self.mid_changes} mid changes, "
            f"up to {np.abs(self.table).max():.3g} ticks from the mid)"
        )


def _states(read: BestQuotes, buckets: int, spreads: int) -> Ints:
    bucket = np.minimum((read.imbalance * buckets).astype(np.int64), buckets - 1)
    row = np.clip(np.rint(read.spread).astype(np.int64), 1, spreads) - 1
    return np.asarray(row * buckets + bucket, dtype=np.int64)


def _counts(states: Ints, moves: Floats, buckets: int, spreads: int) -> tuple[Floats, Floats, Floats, Ints]:
    """Mirrored transition counts without and with a mid change, mid moves summed, and the states that are left."""
    number = buckets * spreads
    row, bucket = np.divmod(np.arange(number), buckets)
    mirror = row * buckets + buckets - 1 - bucket
    stay, restart, gain = (np.zeros((number, number)) for _ in range(3))
    before, after, moved = states[:-1], states[1:], moves != 0.0
    np.add.at(stay, (before[~moved], after[~moved]), 1.0)
    np.add.at(restart, (before[moved], after[moved]), 1.0)
    np.add.at(gain, (before, after), moves)
    stay += stay[np.ix_(mirror, mirror)]
    restart += restart[np.ix_(mirror, mirror)]
    gain -= gain[np.ix_(mirror, mirror)]
    # A state that is only the data's last has no way on; nor has one that only leads there.
    seen = np.arange(number)
    while True:
        rows = stay[np.ix_(seen, seen)].sum(axis=1) + restart[np.ix_(seen, seen)].sum(axis=1)
        if rows.all():
            break
        seen = seen[rows > 0.0]
    inside = np.zeros(number, dtype=bool)
    inside[seen] = True
    stay[:, ~inside] = restart[:, ~inside] = gain[:, ~inside] = 0.0
    return stay, restart, gain.sum(axis=1), seen.astype(np.int64)


def _fill(table: Floats) -> Floats:
    """States never seen: linear between their neighbours, flat outside; a spread never seen takes the nearest one's."""
    known = [row for row in range(table.shape[0]) if not np.isnan(table[row]).all()]
    out = table.copy()
    for row in range(table.shape[0]):
        source = table[min(known, key=lambda candidate: abs(candidate - row))]
        seen = np.flatnonzero(~np.isnan(source))
        out[row] = np.interp(np.arange(table.shape[1]), seen, source[seen])
    return out
