"""How well each queue model foretold the fills of a real session, and which one to believe.

The session's own orders go through the backtest's venue once more, with the market that the session itself heard: when
they were placed, amended and cancelled is taken from the journal, whether and when they fill is left to the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.backtest.queues import QueueModel, queue_model
from workbench.backtest.session_orders import Request, SessionOrders, session_orders
from workbench.backtest.stepped import SteppedVenue
from workbench.errors import DataError
from workbench.events import NS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.analysis import Row
    from workbench.backtest.feed import Feed
    from workbench.instruments import Instrument

__all__ = ["QueueFit", "QueueGrades", "fit_queue_model", "grade_queue_models"]

LEAST_FILLS = 20
"""Fewer fills, or fewer orders that did not fill, cannot tell models apart."""

LEAST_DIFFERENCE = 1e-6

POWERS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
QUEUES: tuple[QueueModel, ...] = (
    QueueModel("risk_averse"),
    QueueModel("power", 1.0),
    QueueModel("power", 3.0),
    QueueModel("power3", 1.0),
    QueueModel("power3", 3.0),
    QueueModel("log"),
    QueueModel("log2"),
)
TIMING_WEIGHT = 0.1
"""A fill foretold at quite the wrong time costs so much of one that is wrong altogether."""

TOUCH_BINS = (-np.inf, 0.5, 2.5, 10.5, np.inf)
TOUCH_NAMES = ("at the touch", "1-2 ticks", "3-10 ticks", "further")


def queue_label(queue: QueueModel) -> str:
    """A queue model as tables name it: with its power where it has one."""
    return f"{queue.name}({queue.power:g})" if queue.name.startswith("power") else queue.name


@dataclass(frozen=True, repr=False)
class QueueGrades:
    """Real fills beside those that queue models foretold for the same orders.

    Attributes
    ----------
    orders : DataFrame
        One row an order that rested: side, price_ticks, size, touch_ticks (distance from the best price of its side
        when it arrived), placed_ns, ended_ns, filled, filled_ns (first execution, 0 none); all on the venue's clock.
    shares, times : DataFrame
        One column a model, rows as `orders`: the share of its size that each order was foretold to fill, and when first
        (ns, 0 never).
    table : DataFrame
        One row a model, best first; see `score`.
    patience_s : float
        How long after a real fill a foretold one still counts as that.
    queues : mapping of str to QueueModel
        The models by the names of the columns.
    """

    orders: pd.DataFrame
    shares: pd.DataFrame
    times: pd.DataFrame
    table: pd.DataFrame
    patience_s: float
    queues: Mapping[str, QueueModel]

    @property
    def best(self) -> QueueModel:
        """The model with the smallest loss."""
        return self.queues[str(self.table.index[0])]

    def by(self, what: str = "touch") -> pd.DataFrame:
        """The table for each side ("side") or for each distance from the best price ("touch").

        Raises
        ------
        DataError
            For anything else.
        """
        if what == "side":
            groups = self.orders["side"].map({1: "buy", -1: "sell"})
        elif what == "touch":
            groups = self.touch_groups()
        else:
            raise DataError(f"by is {what!r}; expected 'touch' or 'side'")
        tables = {}
        for name in groups.astype("category").cat.categories:
            mine = (groups == name).to_numpy()
            if not mine.any():
                continue
            tables[name] = _table(self.orders[mine], self.shares[mine], self.times[mine], self.patience_s)
        table: pd.DataFrame = pd.concat(tables, names=[what, "model"])
        return table

    def touch_groups(self) -> pd.Series[Any]:
        """The distance of each order from the best price of its side, as a named group."""
        return pd.cut(self.orders["touch_ticks"], list(TOUCH_BINS), labels=list(TOUCH_NAMES))

    def losses(self) -> pd.DataFrame:
        """What each model lost on each order: the squared error of the share filled, and a little for the time."""
        filled_ns = self.orders["filled_ns"].to_numpy()[:, None]
        times, shares = self.times.to_numpy(), self.shares.to_numpy()
        late = np.minimum(1.0, np.abs(times - filled_ns) / (self.patience_s * NS))
        both = (times > 0) & (filled_ns > 0)
        lost = (shares - _real_share(self.orders).to_numpy()[:, None]) ** 2 + TIMING_WEIGHT * np.where(both, late, 0.0)
        return pd.DataFrame(lost, index=self.orders.index, columns=self.shares.columns)

    def plot(self) -> go.Figure:
        """A Plotly page: what the models got right and wrong, and what was foretold against what came, by distance."""
        from workbench.backtest.grading_figure import grades_figure

        return grades_figure(self)

    def __repr__(self) -> str:
        real = int((self.orders["filled"] > 0).sum())
        shown = self.table.to_string(float_format=lambda number: f"{number:.3g}")
        return f"Queue models on {len(self.orders):,} orders of which {real:,} filled; best first\n{shown}"


def grade_queue_models(
    rows: Iterable[Row],
    instrument: Instrument,
    queues: Sequence[QueueModel] = QUEUES,
    *,
    feed: Feed | None = None,
    own_shown: bool = True,
    patience_s: float = 1.0,
) -> QueueGrades:
    """Let queue models foretell the fills of a session's orders, and compare.

    Parameters
    ----------
    rows : iterable of Row
        The session's journal, oldest first (`workbench.engine.read_journal`, `SimulationResult.rows`).
    instrument : Instrument
    queues : sequence of QueueModel
        What is compared.
    feed : Feed, optional
        The market as recorded beside the session; by default as the journal has it.
    own_shown : bool
        The book shows the session's own orders, as a real venue's does: they are taken out of it. False for sessions on
        the venues `replay` and `paper`.
    patience_s : float
        An order that filled is left resting so long after it, for models that foretell it later.

    Returns
    -------
    QueueGrades

    Raises
    ------
    DataError
        If no order of the session rested, or the journal holds no market.
    """
    session = session_orders(rows, instrument, feed=feed, own_shown=own_shown)
    return _grades(session, queues, patience_s)


def _grades(session: SessionOrders, queues: Sequence[QueueModel], patience_s: float) -> QueueGrades:
    shares, times = {}, {}
    touch = np.zeros(len(session.orders))
    for queue in queues:
        label = queue_label(queue)
        shares[label], times[label], touch = _foretell(session, queue, patience_s)
    orders = session.orders.assign(touch_ticks=touch)
    share_table, time_table = pd.DataFrame(shares, index=orders.index), pd.DataFrame(times, index=orders.index)
    table = _table(orders, share_table, time_table, patience_s)
    named = {queue_label(queue): queue for queue in queues}
    return QueueGrades(orders, share_table, time_table, table, patience_s, named)


def _foretell(
    session: SessionOrders, queue: QueueModel, patience_s: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Share filled and time of the first fill of each order by a queue model, and its distance from the touch."""
    orders, market = session.orders, session.market
    unit = float(session.instrument.contract_size)
    venue = SteppedVenue(queue, unit=unit)
    side, price, size = (orders[name].tolist() for name in ("side", "price_ticks", "placed_size"))
    filled = np.zeros(len(orders))
    first = np.zeros(len(orders), dtype=np.int64)
    touch = np.zeros(len(orders))
    numbers: dict[int, int] = {}
    standing: dict[int, int] = {}
    patience_ns = round(patience_s * NS)
    ghosts = [
        Request(ended + patience_ns, "cancel", number)
        for number, (ended, whole) in enumerate(zip(orders["ended_ns"], orders["whole"], strict=True))
        if whole
    ]
    row = 0
    for request in sorted([*session.requests, *ghosts], key=lambda request: request.at_ns):
        at, number = request.at_ns, request.order
        row = venue.play(*market, row, at)
        _book(venue, numbers, standing, filled, first)
        if request.kind == "place":
            bid, ask = venue.best
            best = bid if side[number] > 0 else ask
            touch[number] = max(0, side[number] * (best - price[number])) if best else np.inf
            order_no = venue.place(side[number], price[number], size[number], at)
            numbers[order_no], standing[number] = number, order_no
        elif number in standing:
            if request.kind == "cancel":
                venue.cancel(standing[number], at)
            else:
                venue.amend(standing[number], request.size, at)
        _book(venue, numbers, standing, filled, first)
    return np.minimum(1.0, filled / orders["size"].to_numpy()), first, touch


def _book(
    venue: SteppedVenue,
    numbers: Mapping[int, int],
    standing: dict[int, int],
    filled: NDArray[np.float64],
    first: NDArray[np.int64],
) -> None:
    """Take the venue's answers."""
    for answer in venue.take_answers():
        number = numbers[answer.order_no]
        if answer.kind == "fill":
            filled[number] += answer.size
            first[number] = first[number] or answer.venue_ns
        if not venue.is_resting(answer.order_no):
            standing.pop(number, None)


# --- scores ---------------------------------------------------------------------------------------------------------


def _real_share(orders: pd.DataFrame) -> pd.Series[float]:
    return (orders["filled"] / orders["size"]).clip(upper=1.0)


def _table(orders: pd.DataFrame, shares: pd.DataFrame, times: pd.DataFrame, patience_s: float) -> pd.DataFrame:
    grades = QueueGrades(orders, shares, times, pd.DataFrame(), patience_s, {})
    losses = grades.losses().mean()
    rows = [
        {"model": name, "loss": losses[name], **_score(orders, shares[name], times[name])}
        for name in map(str, shares.columns)
    ]
    return pd.DataFrame(rows).sort_values("loss", kind="stable").set_index("model")


def _score(orders: pd.DataFrame, share: pd.Series[float], time: pd.Series[int]) -> dict[str, float]:
    """One model's numbers: hits and misses, and by how much fills came too late and too large.

    `brier` is the mean squared error of the share filled; `log_loss` the mean surprise, in bits, of whoever believes
    after each forecast what came of such forecasts (add-one); `base` of whoever knows only how many orders fill.
    """
    real, said = orders["filled"].to_numpy() > 0, share.to_numpy() > 0
    hits, missed, false = int((real & said).sum()), int((real & ~said).sum()), int((~real & said).sum())
    neither = len(orders) - hits - missed - false
    contracts = (share * orders["size"]).sum()
    error_s = (time - orders["filled_ns"])[real & said] / NS
    return {
        "hits": hits,
        "missed": missed,
        "false": false,
        "neither": neither,
        "precision": hits / (hits + false) if hits + false else np.nan,
        "recall": hits / (hits + missed) if hits + missed else np.nan,
        "brier": float(((share - _real_share(orders)) ** 2).mean()),
        "log_loss": _bits((hits, false), (missed, neither)),
        "base": _bits((hits + missed, false + neither)),
        "time_error_s": float(error_s.median()),
        "time_spread_s": float(error_s.abs().mean()),
        "size_bias": float(contracts / orders["filled"].sum() - 1) if orders["filled"].sum() else np.nan,
    }


def _bits(*groups: tuple[int, int]) -> float:
    total = sum(map(sum, groups))
    lost = 0.0
    for yes, no in groups:
        chance = (yes + 1) / (yes + no + 2)
        lost -= yes * np.log2(chance) + no * np.log2(1 - chance)
    return float(lost / total) if total else float("nan")


# --- choosing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class QueueFit:
    """The queue model that a session's fills speak for.

    Attributes
    ----------
    queue : QueueModel
        To hand to `backtest(queue=...)`, and to a session: `venue={"queue": fit.queue}`.
    interval : (float, float)
        Of the power: what 90 % of resampled sessions choose; of a model without one, NaN.
    support : Series
        Share of resampled sessions that choose each model, largest first.
    grades : QueueGrades
        All that were compared.
    """

    queue: QueueModel
    interval: tuple[float, float]
    support: pd.Series[float]
    grades: QueueGrades

    def plot(self) -> go.Figure:
        """See `QueueGrades.plot`."""
        return self.grades.plot()

    def __repr__(self) -> str:
        label = queue_label(self.queue)
        low, high = self.interval
        spread = "" if np.isnan(low) else f", power {low:g} to {high:g} in 90 % of resampled sessions"
        picked = ", ".join(f"{name} {share:.0%}" for name, share in self.support.head(4).items())
        return f"Queue model {label}{spread}; chosen by {picked}\n{self.grades!r}"


def fit_queue_model(
    rows: Iterable[Row],
    instrument: Instrument,
    *,
    family: str = "power3",
    powers: Sequence[float] = POWERS,
    others: Sequence[str] = ("risk_averse", "log", "log2"),
    rng: np.random.Generator,
    resamples: int = 500,
    feed: Feed | None = None,
    own_shown: bool = True,
    patience_s: float = 1.0,
) -> QueueFit:
    """Choose the queue model, and the power of a family of them, whose foretold fills are nearest to the real ones.

    Parameters
    ----------
    rows, instrument, feed, own_shown, patience_s
        See `grade_queue_models`.
    family : str
        "power", "power2" or "power3"; tried with each of `powers`.
    others : sequence of str
        Models without a power that are tried too.
    rng : numpy.random.Generator
        Resamples the orders, `resamples` times: the session might have had others.

    Raises
    ------
    DataError
        If fewer than 20 orders filled, fewer than 20 did not, or all models foretell the same: that tells none apart.
    """
    session = session_orders(rows, instrument, feed=feed, own_shown=own_shown)
    filled = int((session.orders["filled"] > 0).sum())
    if min(filled, len(session.orders) - filled) < LEAST_FILLS:
        raise DataError(
            f"{filled} of {len(session.orders)} orders filled; expected at least {LEAST_FILLS} that did and "
            f"{LEAST_FILLS} that did not: fit a longer session"
        )
    # Of equals the first is chosen: a model without a power before one with it.
    queues = [queue_model(name) for name in others] + [queue_model(family, power) for power in powers]
    grades = _grades(session, queues, patience_s)
    losses = grades.losses().to_numpy()
    if np.ptp(losses, axis=1).max() < LEAST_DIFFERENCE:
        raise DataError(
            "every queue model foretells the same fills of this session: its orders never stood behind others; "
            "expected a session that quoted at prices where others do"
        )
    names = np.array(list(grades.queues))
    draws = rng.integers(0, len(losses), size=(resamples, len(losses)))
    picks = names[[int(losses[draw].mean(axis=0).argmin()) for draw in draws]]
    support = pd.Series(picks).value_counts(normalize=True)
    best = grades.best
    interval = (float("nan"), float("nan"))
    chosen = [grades.queues[pick].power for pick in picks if grades.queues[pick].name == family]
    if best.name == family and chosen:
        low, high = np.quantile(chosen, (0.05, 0.95), method="nearest")
        interval = (float(low), float(high))
    return QueueFit(best, interval, support, grades)
