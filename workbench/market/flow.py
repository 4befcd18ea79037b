"""Order-flow imbalance: what arrived at the bid less what arrived at the ask, best level and deeper."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.checks import whole
from workbench.compiled import compiled, types
from workbench.market.book import Book
from workbench.market.inputs import QUOTE_COLUMNS, Floats, Table, check_quote, good_quote, like, read_quotes
from workbench.market.steps import flow_update

__all__ = [
    "MultiLevelOrderFlow",
    "OrderFlow",
    "book_levels",
    "multi_level_order_flow_imbalance",
    "order_flow_imbalance",
]

_F, _FF, _FFF = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_f = types.float64

NOTHING = math.nan
"""No quote before: comparisons with it are false, so the first quote brings no flow."""


@compiled(_f(_F, _f, _f, _f, _f))
def checked_flow_update(state: Floats, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """`flow_update`, or NaN for a quote that is none, which leaves `state` alone."""
    if not good_quote(bid, bid_size, ask, ask_size):
        return NOTHING
    return flow_update(state, bid, bid_size, ask, ask_size)


@compiled(types.void(_F, _F, _F, _F, _F, _F))
def flow_path(state: Floats, bid: Floats, bid_size: Floats, ask: Floats, ask_size: Floats, out: Floats) -> None:
    """All quotes through `flow_update`."""
    for i in range(bid.size):
        out[i] = flow_update(state, bid[i], bid_size[i], ask[i], ask_size[i])


@compiled(types.void(_FF, _FF, _F))
def levels_update(state: Floats, levels: Floats, out: Floats) -> None:
    """`flow_update` of every level: `state` and `levels` float64[levels, 4], `out` float64[levels]."""
    for m in range(levels.shape[0]):
        out[m] = flow_update(state[m], levels[m, 0], levels[m, 1], levels[m, 2], levels[m, 3])


@compiled(types.boolean(_FF))
def place_absent(levels: Floats) -> bool:
    """Move absent levels to where no order can be, so that their coming and going are flow; False for a bad book."""
    last_bid, last_ask = math.inf, 0.0
    for m in range(levels.shape[0]):
        bid, bid_size, ask, ask_size = levels[m, 0], levels[m, 1], levels[m, 2], levels[m, 3]
        if math.isnan(bid) and bid_size == 0.0 and m > 0:
            levels[m, 0] = last_bid = -math.inf
        elif not (0.0 < bid < last_bid and 0.0 < bid_size < math.inf):
            return False
        else:
            last_bid = bid
        if math.isnan(ask) and ask_size == 0.0 and m > 0:
            levels[m, 2] = last_ask = math.inf
        elif not (last_ask < ask < math.inf and 0.0 < ask_size < math.inf):
            return False
        else:
            last_ask = ask
    return bool(levels[0, 0] < levels[0, 2])


@compiled(types.int64(_FFF))
def first_bad_book(rows: Floats) -> int:
    """All books through `place_absent`; the number of the first bad one, -1 when all are good."""
    for i in range(rows.shape[0]):
        if not place_absent(rows[i]):
            return i
    return -1


@compiled(types.void(_FF, _FFF, _FF))
def levels_path(state: Floats, rows: Floats, out: Floats) -> None:
    """All books through `levels_update`."""
    for i in range(rows.shape[0]):
        levels_update(state, rows[i], out[i])


def order_flow_imbalance(quotes: Table) -> Floats | pd.Series:
    """Net size that arrived at the bid or left the ask with each change of the best quotes.

    Parameters
    ----------
    quotes : DataFrame or array, shape (n, 4)
        Columns bid, bid_size, ask, ask_size (ticks, contracts), oldest first.

    Returns
    -------
    Series or array, shape (n,)
        Contracts; positive pushes the price up. The first is 0: nothing is known before it.

    Raises
    ------
    ValueError
        For fewer than two quotes, or bad ones: see `workbench.market.inputs.read_quotes`.

    Notes
    -----
    ``e_n = 1{Pb_n >= Pb_n-1} qb_n - 1{Pb_n <= Pb_n-1} qb_n-1 - 1{Pa_n <= Pa_n-1} qa_n + 1{Pa_n >= Pa_n-1} qa_n-1``.
    Sum it over a window and compare with the mid's change: `fit_flow_impact`. `OrderFlow` is the streaming form.

    References
    ----------
    Cont, Kukanov, Stoikov, "The price impact of order book events", J. Financial Econometrics 12 (2014), eq. 4.
    """
    read = read_quotes(quotes)
    if read.bid.size < 2:
        raise ValueError("there is 1 quote; expected at least 2, flow is what changes between them")
    out = np.empty(read.bid.size)
    flow_path(np.full(4, NOTHING), read.bid, read.bid_size, read.ask, read.ask_size, out)
    return like(out, read.index, "flow")


class OrderFlow:
    """Order-flow imbalance quote by quote: `order_flow_imbalance`, and its sum since the last reset."""

    __slots__ = ("_state", "total")

    def __init__(self) -> None:
        self._state = np.full(4, NOTHING)
        self.total = 0.0
        """Contracts since the start or the last `reset`."""

    def update(self, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
        """Take a quote (ticks, contracts) and give its flow in contracts; 0 for the first.

        Raises
        ------
        ValueError
            For a size or price that is not positive and finite, or bid not below ask; nothing is taken then.
        """
        flow = checked_flow_update(self._state, bid, bid_size, ask, ask_size)
        if math.isnan(flow):
            check_quote(bid, bid_size, ask, ask_size)
        self.total += flow
        return flow

    def reset(self) -> None:
        """Begin a new window; the last quote stays known."""
        self.total = 0.0

    def lose(self) -> None:
        """Forget the last quote (a gap in the data): the next one brings no flow."""
        self._state[:] = NOTHING

    def __repr__(self) -> str:
        return f"OrderFlow(total={self.total:g} contracts)"


def multi_level_order_flow_imbalance(levels: Table) -> Floats | pd.DataFrame:
    """Order-flow imbalance of each of the best levels: flow behind the best price moves the mid too.

    Parameters
    ----------
    levels : DataFrame or array, shape (n, levels, 4)
        After each change, the best level first, (bid, bid_size, ask, ask_size) of each: ticks and contracts. A frame
        has the columns bid_1, bid_size_1, ask_1, ask_size_1, bid_2, ... An absent level has price NaN and size 0.

    Returns
    -------
    DataFrame (columns flow_1, flow_2, ...) or array, shape (n, levels)
        Contracts; the first row is 0. Column one is `order_flow_imbalance` of the best level.

    Raises
    ------
    ValueError
        For fewer than two rows, other shapes or columns, levels out of order, a price without size, or a crossed book.

    References
    ----------
    Xu, Gould, Howison, "Multi-level order-flow imbalance in a limit order book", Market Microstructure and Liquidity 4
    (2018).
    """
    index = levels.index if isinstance(levels, pd.DataFrame) else None
    rows = np.array(_frame_levels(levels) if isinstance(levels, pd.DataFrame) else levels, dtype=np.float64, order="C")
    if rows.ndim != 3 or rows.shape[2] != 4 or rows.shape[1] < 1 or rows.shape[0] < 2:
        raise ValueError(f"the levels have shape {rows.shape}; expected (n >= 2, levels >= 1, 4)")
    if (bad := first_bad_book(rows)) >= 0:
        _refuse(rows[bad], bad)
    out = np.empty(rows.shape[:2])
    levels_path(np.full(rows.shape[1:], NOTHING), rows, out)
    if index is None:
        return out
    return pd.DataFrame(out, index=index, columns=[f"flow_{m + 1}" for m in range(rows.shape[1])])


class MultiLevelOrderFlow:
    """Order-flow imbalance of several levels, book by book: the numbers of `multi_level_order_flow_imbalance`.

    Parameters
    ----------
    levels : int
        How many levels a side.
    """

    __slots__ = ("_state", "totals")

    def __init__(self, levels: int) -> None:
        whole("levels", levels, "levels", low=1)
        self._state = np.full((levels, 4), NOTHING)
        self.totals = np.zeros(levels)
        """Contracts of each level since the start or the last `reset`, shape (levels,)."""

    def update(self, levels: Book | Table) -> Floats:
        """Take a book, or its levels as an array (levels, 4), and give the flow of each level in contracts.

        Raises
        ------
        ValueError
            As `multi_level_order_flow_imbalance`; and for a book that is not trusted.
        """
        wanted = self._state.shape
        rows = (
            book_levels(levels, wanted[0])
            if isinstance(levels, Book)
            else np.array(levels, dtype=np.float64, order="C")
        )
        if rows.shape != wanted:
            raise ValueError(f"the levels have shape {rows.shape}; expected {wanted}")
        if not place_absent(rows):
            _refuse(rows, 0)
        out = np.empty(wanted[0])
        levels_update(self._state, rows, out)
        self.totals += out
        return out

    def reset(self) -> None:
        """Begin a new window; the last book stays known."""
        self.totals[:] = 0.0

    def lose(self) -> None:
        """Forget the last book (a gap in the data): the next one brings no flow."""
        self._state[:] = NOTHING


def book_levels(book: Book, levels: int) -> Floats:
    """The best levels of a live book as numbers.

    Parameters
    ----------
    book : Book
        A trusted book.
    levels : int
        How many levels a side.

    Returns
    -------
    array, shape (levels, 4)
        (bid, bid_size, ask, ask_size), ticks and contracts, the best first; NaN and 0 where a side has no such level.

    Raises
    ------
    ValueError
        If the book is not trusted or `levels` is below 1.
    """
    if not book.trusted:
        raise ValueError(f"the book is not trusted: {book.reason}; wait for the next snapshot")
    whole("levels", levels, "levels", low=1)
    out = np.full((levels, 4), NOTHING)
    out[:, 1::2] = 0.0
    bids, asks = book.levels(1, levels), book.levels(-1, levels)
    if bids:
        out[: len(bids), :2] = bids
    if asks:
        out[: len(asks), 2:] = asks
    return out


def _frame_levels(frame: pd.DataFrame) -> Floats:
    number = sum(str(name).startswith("bid_size_") for name in frame.columns)
    names = [f"{column}_{m + 1}" for m in range(number) for column in QUOTE_COLUMNS]
    missing = [name for name in names or ["bid_1"] if name not in frame.columns]
    if missing:
        raise ValueError(
            f"the levels have no column {missing[0]!r}; expected bid_1, bid_size_1, ask_1, ask_size_1, ..."
        )
    return frame[names].to_numpy(dtype=np.float64).reshape(len(frame), number, 4)


def _refuse(levels: Floats, row: int) -> None:
    shown = [tuple(level) for level in levels.tolist()]
    raise ValueError(
        f"row {row} is no book: (bid, bid_size, ask, ask_size) = {shown}; expected bid below ask, positive sizes, and "
        "prices that go outwards from the best, each once; an absent level behind the best has price NaN and size 0"
    )
