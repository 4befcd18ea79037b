"""The world of the papers, where models can be measured: a random mid, and fills with probability by distance.

In that world quotes depend on inventory and time only. So inventory is a Markov chain of its own, and the moments of
the profit follow exactly (`exact_outcome`); the vectorised simulation (`simulate_paper`) draws paths of the same chain.

Units are the paper's: prices in one unit, `sigma` in that unit per square root of the time unit, lots of one order.

References
----------
M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008, section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.checks import number, whole
from workbench.quoting.avellaneda import avellaneda_stoikov_spread
from workbench.quoting.gueant import glft_exact

__all__ = [
    "DepthTable",
    "FillRule",
    "Outcome",
    "PaperWorld",
    "Simulation",
    "avellaneda_stoikov_table",
    "exact_outcome",
    "glft_table",
    "simulate_paper",
    "symmetric_table",
]

Matrix = NDArray[np.float64]

FillRule = Literal["poisson", "linear"]
"""How an intensity becomes a probability in one step: 1 - exp(-lambda dt), which is right whatever the step; or
lambda dt, the letter of the paper, which reproduces its tables, is 11 to 12 % too generous there and is capped at 1."""

_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class PaperWorld:
    """One session of the papers' market; the defaults are those of Avellaneda and Stoikov's tables.

    Attributes
    ----------
    sigma : float
        Of the mid, price units per square root of the time unit.
    k : float
        Decay of the arrival intensity, 1 / price unit.
    arrival_rate : float
        A: orders per time unit and side that reach the mid.
    horizon : float
        T, time units.
    steps : int
        Of equal length; in each, at most one fill a side, then the mid moves by +- sigma sqrt(dt).
    drift : float
        Of the mid, price units per time unit.
    impact : float
        By how much an own fill moves the mid against the maker, price units.
    """

    sigma: float = 2.0
    k: float = 1.5
    arrival_rate: float = 140.0
    horizon: float = 1.0
    steps: int = 200
    drift: float = 0.0
    impact: float = 0.0

    def __post_init__(self) -> None:
        number("sigma", self.sigma, "price units per sqrt(time)", low=0.0)
        number("k", self.k, "1/price", above=0.0)
        number("arrival_rate", self.arrival_rate, "1/time", above=0.0)
        number("horizon", self.horizon, "time units", above=0.0)
        whole("steps", self.steps, "steps", low=1, high=100_000)
        number("drift", self.drift, "price units/time")
        number("impact", self.impact, "price units")

    @property
    def dt(self) -> float:
        """Length of a step, time units."""
        return self.horizon / self.steps


@dataclass(frozen=True)
class DepthTable:
    """What a strategy quotes: distances from the mid at the start of each step, at every inventory -Q..Q.

    `bid` and `ask` have shape (steps, 2 Q + 1); inf where a side is not quoted, as it must be at the bound.
    """

    bid: Matrix
    ask: Matrix

    def __post_init__(self) -> None:
        if self.bid.ndim != 2 or self.bid.shape != self.ask.shape or self.bid.shape[1] % 2 == 0:
            raise ValueError(
                f"bid has shape {self.bid.shape}, ask {self.ask.shape}; expected one shape (steps, 2 Q + 1) for both"
            )
        if np.isnan(self.bid).any() or np.isnan(self.ask).any():
            raise ValueError("a distance is NaN; expected numbers, or inf where a side is not quoted")
        if np.isfinite(self.bid[:, -1]).any() or np.isfinite(self.ask[:, 0]).any():
            raise ValueError("the table quotes a bid at +Q or an ask at -Q; expected inf there: nothing lies beyond")

    @property
    def max_inventory(self) -> int:
        """Q, lots."""
        return int(self.bid.shape[1]) // 2


@dataclass(frozen=True)
class Outcome:
    """Moments over one session.

    Attributes
    ----------
    profit, profit_std : float
        Of cash plus inventory at the last mid, price units.
    inventory, inventory_std : float
        At the end, lots.
    fills : float
        Mean number, both sides.
    spread : float
        Ask minus bid, averaged over time where both are quoted, price units.
    capped : float
        Share of the quotes whose lambda dt was over 1 (rule "linear"): marketable in reality.
    """

    profit: float
    profit_std: float
    inventory: float
    inventory_std: float
    fills: float
    spread: float
    capped: float


@dataclass(frozen=True)
class Simulation:
    """Paths of one simulation: their moments, the standard errors of these, and what each path came to.

    `errors` has the fields of `outcome`; `profits` and `inventories` have one entry a path.
    """

    outcome: Outcome
    errors: Outcome
    profits: Matrix
    inventories: NDArray[np.int64]


def avellaneda_stoikov_table(world: PaperWorld, gamma: float) -> DepthTable:
    """Quotes of Avellaneda and Stoikov's maker: round the reservation price, without a bound on the inventory."""
    q = np.arange(-world.steps, world.steps + 1)
    risk = number("gamma", gamma, "1/price", low=0.0) * world.sigma**2 * _times_left(world)[:, None]
    half = _spreads(world, gamma)[:, None] / 2.0
    return _shut_at_the_bound(half + q * risk, half - q * risk)


def symmetric_table(world: PaperWorld, gamma: float, *, constant: bool = True) -> DepthTable:
    """The paper's benchmark: the same spread as that maker on average, always centred at the mid.

    With `constant` False its spread at each time.
    """
    half = _spreads(world, gamma) / 2.0
    if constant:
        half[:] = half.mean()
    table = np.repeat(half[:, None], 2 * world.steps + 1, axis=1)
    return _shut_at_the_bound(table, table.copy())


def glft_table(world: PaperWorld, gamma: float, max_inventory: int) -> DepthTable:
    """Optimal quotes of Gueant, Lehalle and Fernandez-Tapia for the world's own parameters and a bound in lots."""
    found = glft_exact(
        _times_left(world)[::-1],
        gamma=gamma,
        sigma=world.sigma,
        k=world.k,
        arrival_rate=world.arrival_rate,
        max_inventory=max_inventory,
        drift=world.drift,
        impact=world.impact,
    )
    return DepthTable(found.bid[::-1], found.ask[::-1])


def exact_outcome(world: PaperWorld, table: DepthTable, rule: FillRule = "poisson") -> Outcome:
    """The moments of a strategy without a random number: P(q) and the moments of wealth at each q, pushed forward.

    Parameters
    ----------
    world : PaperWorld
    table : DepthTable
        One row a step.
    rule : {"poisson", "linear"}
        See `FillRule`; "linear" reproduces the paper's tables.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If the table does not fit the world, or the rule is unknown.

    Notes
    -----
    With W the wealth, the state is P(q), E[W 1{q}] and E[W^2 1{q}]. A step adds the distance of a fill, moves q, and
    then adds q times the mid's move, whose mean and variance are drift dt (+ impact of the fills) and sigma^2 dt.
    """
    bid_odds, ask_odds, capped = _odds(world, table, rule)
    width = table.bid.shape[1]
    q = np.arange(width) - width // 2
    moments = np.zeros((3, width))
    moments[0, width // 2] = 1.0
    fills = over = spread = quoted = 0.0
    for step in range(world.steps):
        here = moments[0]
        fills += float(here @ (bid_odds[step] + ask_odds[step]))
        over += float(here @ capped[step])
        both = np.isfinite(table.bid[step]) & np.isfinite(table.ask[step])
        spread += float(here[both] @ (table.bid[step] + table.ask[step])[both])
        quoted += float(here[both].sum())
        moments = _stepped(world, moments, q, table.bid[step], table.ask[step], bid_odds[step], ask_odds[step])
    mean, mean_q = float(moments[1].sum()), float(moments[0] @ q)
    return Outcome(
        profit=mean,
        profit_std=math.sqrt(max(float(moments[2].sum()) - mean**2, 0.0)),
        inventory=mean_q,
        inventory_std=math.sqrt(max(float(moments[0] @ q**2) - mean_q**2, 0.0)),
        fills=fills,
        spread=spread / quoted if quoted else math.nan,
        capped=over / (2 * world.steps),
    )


def _stepped(
    world: PaperWorld, moments: Matrix, q: Matrix, bid: Matrix, ask: Matrix, bid_odds: Matrix, ask_odds: Matrix
) -> Matrix:
    """The moments one step on: no fill, a bid, an ask, or both; then the mid moves."""
    total = np.zeros_like(moments)
    for bought, sold in ((0, 0), (1, 0), (0, 1), (1, 1)):
        odds = (bid_odds if bought else 1.0 - bid_odds) * (ask_odds if sold else 1.0 - ask_odds)
        captured = np.where(odds > 0.0, (bid if bought else 0.0) + (ask if sold else 0.0), 0.0)
        shift = bought - sold
        moved = np.roll(_plus(moments, captured) * odds, shift, axis=1)
        total += _plus(moved, -world.impact * shift * q)
    total = _plus(total, world.drift * world.dt * q)
    total[2] += world.sigma**2 * world.dt * q**2 * total[0]
    return total


def _plus(moments: Matrix, amount: Matrix) -> Matrix:
    """Moments of W + amount(q) from those of W."""
    here, first, second = moments
    return np.stack((here, first + amount * here, second + 2.0 * amount * first + amount**2 * here))


def simulate_paper(
    world: PaperWorld, table: DepthTable, paths: int, rng: np.random.Generator, rule: FillRule = "poisson"
) -> Simulation:
    """Draw sessions of a strategy, all paths at once.

    Parameters
    ----------
    world, table, rule
        As in `exact_outcome`.
    paths : int
        Sessions, at least 2.
    rng : numpy.random.Generator
        Whose state decides everything: the same state, the same paths.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        If the table does not fit the world, the rule is unknown, or there are fewer than 2 paths.
    """
    paths = whole("paths", paths, "paths", low=2, high=10**8)
    bid_odds, ask_odds, capped = _odds(world, table, rule)
    bound = table.max_inventory
    q = np.zeros(paths, dtype=np.int64)
    profit, fills, over = np.zeros(paths), np.zeros(paths), np.zeros(paths)
    spread, quoted = np.zeros(paths), np.zeros(paths)
    whole_spread = table.bid + table.ask
    move = world.sigma * math.sqrt(world.dt)
    for step in range(world.steps):
        at = q + bound
        bought = rng.random(paths) < bid_odds[step, at]
        sold = rng.random(paths) < ask_odds[step, at]
        profit[bought] += table.bid[step, at[bought]]
        profit[sold] += table.ask[step, at[sold]]
        over += capped[step, at]
        width = whole_spread[step, at]
        both = np.isfinite(width)
        spread[both] += width[both]
        quoted += both
        shift = bought.astype(np.int64) - sold
        fills += bought
        fills += sold
        q += shift
        mid_move = np.where(rng.integers(0, 2, paths, dtype=np.int8), move, -move)
        mid_move += world.drift * world.dt - world.impact * shift
        profit += q * mid_move
    spreads = np.divide(spread, quoted, out=np.full(paths, np.nan), where=quoted > 0)
    return _simulation(profit, q, fills, spreads, over / (2 * world.steps))


def _simulation(profit: Matrix, q: NDArray[np.int64], fills: Matrix, spread: Matrix, capped: Matrix) -> Simulation:
    seen = (profit, q, fills, spread[np.isfinite(spread)], capped)
    means = [
        (float(np.mean(values)), float(np.std(values))) if values.size else (math.nan, math.nan) for values in seen
    ]
    errors = [_errors_of_moments(values) if values.size else (math.nan, math.nan) for values in seen]
    return Simulation(_outcome(means), _outcome(errors), profit, q)


def _outcome(pairs: list[tuple[float, float]]) -> Outcome:
    """From (mean, std) of profit, inventory, fills, spread and capped."""
    (profit, profit_std), (inventory, inventory_std), (fills, _), (spread, _), (capped, _) = pairs
    return Outcome(profit, profit_std, inventory, inventory_std, fills, spread, capped)


def _errors_of_moments(values: NDArray[np.float64] | NDArray[np.int64]) -> tuple[float, float]:
    """Standard errors of the mean and of the standard deviation (by the fourth moment)."""
    deviations = values - np.mean(values)
    variance = float(np.mean(deviations**2))
    if variance == 0.0:
        return 0.0, 0.0
    fourth = float(np.mean(deviations**4))
    of_std = math.sqrt(max(fourth - variance**2, 0.0) / values.size) / (2.0 * math.sqrt(variance))
    return math.sqrt(variance / values.size), of_std


def _odds(world: PaperWorld, table: DepthTable, rule: FillRule) -> tuple[Matrix, Matrix, Matrix]:
    """Fill probabilities of bid and ask in each step, and how many of the two were capped at 1."""
    if rule not in ("poisson", "linear"):
        raise ValueError(f"rule is {rule!r}; expected 'poisson' (exact) or 'linear' (lambda dt, the paper's letter)")
    if len(table.bid) != world.steps:
        raise ValueError(f"the table has {len(table.bid)} steps; expected {world.steps}, as the world has")
    reach = math.log(world.arrival_rate * world.dt)
    logs = reach - world.k * table.bid, reach - world.k * table.ask
    if rule == "linear":
        bid, ask = (np.exp(np.minimum(log, 0.0)) for log in logs)
        return bid, ask, (logs[0] > 0.0).astype(np.float64) + (logs[1] > 0.0)
    bid, ask = (-np.expm1(-np.exp(np.minimum(log, _LARGEST_EXPONENT))) for log in logs)
    return bid, ask, np.zeros_like(bid)


def _times_left(world: PaperWorld) -> Matrix:
    """T - t at the start of each step."""
    return world.horizon - world.dt * np.arange(world.steps, dtype=np.float64)


def _spreads(world: PaperWorld, gamma: float) -> Matrix:
    spreads: Matrix = avellaneda_stoikov_spread(gamma=gamma, sigma=world.sigma, k=world.k, time_left=_times_left(world))
    return spreads


def _shut_at_the_bound(bid: Matrix, ask: Matrix) -> DepthTable:
    bid[:, -1] = math.inf
    ask[:, 0] = math.inf
    return DepthTable(bid, ask)
