"""The papers' models in the form that trades: Avellaneda-Stoikov, Gueant-Lehalle-Fernandez-Tapia, Cartea-Jaimungal.

They count inventory in lots of `order_size`, prices in ticks, times in seconds; sigma comes from the view. What is not
given is derived so that the defaults quote about `spread_bps` on any instrument: `k` is 2 / spread (a maker without
inventory risk then asks for that spread), `gamma` a tenth of `k`. Fees move each quote outwards by themselves, which is
exact for exponential intensities: what fills at a distance after the fee is A exp(-k fee) exp(-k (distance - fee)).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types
from workbench.quoting.avellaneda import half_spread_from_fills, stationary_distance
from workbench.quoting.definition import NO_MARKET, NO_VOLATILITY, NOT_FINITE, model
from workbench.quoting.gueant import closed_form_distances, filled_at_best
from workbench.quoting.layer import INVENTORY_TARGET, LAYER, compose, inventory_lots
from workbench.quoting.schema import (
    MAKER_FEE,
    MAX_POSITION,
    MID,
    ORDER_SIZE,
    PARAMS_SIZE,
    SIGMA,
    SPREAD_BPS,
    TIME_S,
    Slot,
)
from workbench.quoting.value_function import LARGEST_INVENTORY, steady_log_steps, step_distance

__all__ = [
    "CLOSED_FORM",
    "EXACT",
    "FINITE",
    "ROLLING",
    "STATIONARY",
    "avellaneda_stoikov",
    "cartea_jaimungal",
    "glft",
]

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]

_F = types.float64
_INT = types.int64
_VECTOR = types.float64[::1]
_SMALLEST = 1e-12
_BPS = 1e-4

ROLLING, FINITE, STATIONARY = range(3)
"""Values of `horizon`: always `horizon_s` to go; `horizon_s` from the session's start; for ever."""

CLOSED_FORM, EXACT = range(2)
"""Values of `form`: the asymptotic formula; the eigenvector of the bounded problem, solved at every call."""

HORIZON_OVER = -20
TOO_MANY_LOTS = -21
NO_RISK = -22

_GAMMA = Slot("gamma", "1/tick", "risk aversion per lot; default k / 10", 0.0, default=math.nan)
_K = Slot("k", "1/tick", "decay of the intensity A exp(-k distance); default 2 / spread", _SMALLEST, default=math.nan)


@compiled(_F(_VECTOR, _VECTOR, _F))
def decay_given_or_derived(view: Vector, params: Vector, k: float) -> float:
    """k, or the one whose spread without inventory risk, 2/k, is `spread_bps`; 1/tick."""
    if math.isnan(k):
        return float(2.0 / (view[MID] * params[SPREAD_BPS] * _BPS))
    return k


@compiled(_F(_F, _F))
def aversion_given_or_derived(gamma: float, k: float) -> float:
    """gamma, or a tenth of k."""
    return 0.1 * k if math.isnan(gamma) else gamma


@compiled(_INT(_VECTOR))
def not_ready(view: Vector) -> int:
    """0, or why a model that needs a mid and a volatility cannot quote."""
    if not 0.0 < view[MID] < math.inf:
        return NO_MARKET
    if math.isnan(view[SIGMA]):
        return NO_VOLATILITY
    return 0


AS_GAMMA, AS_K, AS_HORIZON_S, AS_HORIZON = range(PARAMS_SIZE, PARAMS_SIZE + 4)
AS_LAYER = PARAMS_SIZE + 4


@model(
    params=(
        _GAMMA,
        _K,
        Slot("horizon_s", "s", "T: how far the maker looks ahead", 1e-3, default=60.0),
        Slot("horizon", "code", "0 rolling, 1 from the session's start, 2 for ever", 0.0, 2.0, default=0.0),
        *LAYER,
    ),
    reasons={
        HORIZON_OVER: "the model's horizon has passed: take a rolling or a stationary one (params horizon 0 or 2)",
        NO_RISK: "gamma is 0: the stationary form needs a maker who minds the risk",
    },
    spread_is_own=True,
)
def avellaneda_stoikov(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """Avellaneda-Stoikov (2008): centre at mid - q gamma sigma^2 T, spread gamma sigma^2 T + (2/gamma) ln(1 + gamma/k).

    The horizon rolls by default: counted down to an end it would switch the skew off there.
    """
    reason = not_ready(view)
    if reason < 0:
        return reason
    k = decay_given_or_derived(view, params, params[AS_K])
    gamma = aversion_given_or_derived(params[AS_GAMMA], k)
    q = inventory_lots(inventory, params[AS_LAYER + INVENTORY_TARGET], params[ORDER_SIZE])
    half = half_spread_from_fills(gamma, k) + view[MAKER_FEE] * view[MID]
    if params[AS_HORIZON] == STATIONARY:
        if gamma == 0.0:
            return NO_RISK
        bound = params[MAX_POSITION] / params[ORDER_SIZE]
        q = min(max(q, -bound), bound)
        bid = half + stationary_distance(q, bound, gamma)
        ask = half + stationary_distance(-q, bound, gamma)
        return compose(view, inventory, params, AS_LAYER, bid, ask, state, out)
    left = params[AS_HORIZON_S]
    if params[AS_HORIZON] == FINITE:
        left -= view[TIME_S]
        if left < 0.0:
            return HORIZON_OVER
    risk = gamma * (view[SIGMA] * view[MID]) ** 2 * left
    half += risk / 2.0
    return compose(view, inventory, params, AS_LAYER, half + q * risk, half - q * risk, state, out)


@compiled(_INT(_INT, _VECTOR, _INT, _F, _F, _F, _F, _F, _F, _VECTOR))
def bounded_distances(  # noqa: PLR0917 - compiled functions take their arguments by position
    inventory: int,
    params: Vector,
    at: int,
    k: float,
    risk: float,
    trend: float,
    up: float,
    down: float,
    base: float,
    distances: Vector,
) -> int:
    """Steady-state bid and ask distance of a bounded inventory into `distances`; 0, or a reason.

    Growth along q is k (trend q - risk q^2); the bound is `max_position` in lots. Between whole lots distances run
    linearly; a side that could pass the bound is inf.
    """
    bound = int(params[MAX_POSITION] / params[ORDER_SIZE])
    if bound > LARGEST_INVENTORY:
        return TOO_MANY_LOTS
    q = inventory_lots(inventory, params[at + INVENTORY_TARGET], params[ORDER_SIZE])
    growth = np.empty(2 * bound + 1)
    for i in range(growth.size):
        growth[i] = k * (trend * (i - bound) - risk * (i - bound) ** 2)
    steps = np.empty(2 * bound)
    steady_log_steps(growth, up, down, steps)
    mirrored = -steps[::-1].copy()
    distances[0] = base + step_distance(q, steps, k)
    distances[1] = base + step_distance(-q, mirrored, k)
    return 0


GLFT_GAMMA, GLFT_K, GLFT_ARRIVAL_RATE, GLFT_FORM, GLFT_DRIFT, GLFT_IMPACT = range(PARAMS_SIZE, PARAMS_SIZE + 6)
GLFT_LAYER = PARAMS_SIZE + 6


@model(
    params=(
        _GAMMA,
        _K,
        Slot("arrival_rate", "1/s", "A: orders a second and side that reach the mid", _SMALLEST, default=1.0),
        Slot("form", "code", "0 closed form, 1 exact for the bounded inventory", 0.0, 1.0, default=0.0),
        Slot("drift", "ticks/s", "of the mid", default=0.0),
        Slot("impact", "ticks", "by which an own fill moves the mid", 0.0, default=0.0),
        *LAYER,
    ),
    reasons={
        TOO_MANY_LOTS: "max_position is over 500 orders: take the closed form (params form 0) or a larger order_size",
        NO_RISK: "drift is set with gamma or sigma 0: such a maker would hold all it can",
    },
    spread_is_own=True,
)
def glft(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """Gueant-Lehalle-Fernandez-Tapia (2013): distances C1 + C2/2 +- q C2 long before the end, with drift and impact."""
    reason = not_ready(view)
    if reason < 0:
        return reason
    k = decay_given_or_derived(view, params, params[GLFT_K])
    gamma = aversion_given_or_derived(params[GLFT_GAMMA], k)
    sigma = view[SIGMA] * view[MID]
    drift = params[GLFT_DRIFT]
    impact = params[GLFT_IMPACT]
    if drift != 0.0 and not gamma * sigma > 0.0:
        return NO_RISK
    fee = view[MAKER_FEE] * view[MID]
    arrival_rate = params[GLFT_ARRIVAL_RATE] * math.exp(-k * fee)
    if not 0.0 < arrival_rate < math.inf:
        return NOT_FINITE
    if params[GLFT_FORM] == EXACT:
        distances = np.empty(2)
        eta = filled_at_best(gamma, k, arrival_rate, impact)
        base = half_spread_from_fills(gamma, k) + impact / 2.0 + fee
        risk = gamma * sigma * sigma / 2.0
        reason = bounded_distances(inventory, params, GLFT_LAYER, k, risk, drift, eta, eta, base, distances)
        if reason < 0:
            return reason
        return compose(view, inventory, params, GLFT_LAYER, distances[0], distances[1], state, out)
    q = inventory_lots(inventory, params[GLFT_LAYER + INVENTORY_TARGET], params[ORDER_SIZE])
    bid, ask = closed_form_distances(q, gamma, sigma, k, arrival_rate, drift, impact)
    return compose(view, inventory, params, GLFT_LAYER, bid + fee, ask + fee, state, out)


CJ_KAPPA, CJ_SELL_RATE, CJ_BUY_RATE, CJ_PENALTY, CJ_FALL, CJ_RISE = range(PARAMS_SIZE, PARAMS_SIZE + 6)
CJ_LAYER = PARAMS_SIZE + 6


@model(
    params=(
        Slot("kappa", "1/tick", "decay of the fill probability; default 2 / spread", _SMALLEST, default=math.nan),
        Slot("sell_rate", "1/s", "market sells, which hit the bid", _SMALLEST, default=1.0),
        Slot("buy_rate", "1/s", "market buys, which lift the ask", _SMALLEST, default=1.0),
        Slot("running_penalty", "ticks/(lot^2 s)", "phi; default sigma^2 kappa / 20", 0.0, default=math.nan),
        Slot("adverse_fall", "ticks", "epsilon: mean fall of the mid on a market sell", 0.0, default=0.0),
        Slot("adverse_rise", "ticks", "epsilon: mean rise of the mid on a market buy", 0.0, default=0.0),
        *LAYER,
    ),
    reasons={TOO_MANY_LOTS: "max_position is over 500 orders: take a larger order_size"},
    spread_is_own=True,
)
def cartea_jaimungal(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """Cartea-Jaimungal-Penalva (2015): running inventory penalty, fills that come before adverse moves, hard bounds.

    The steady state, solved at every call. The default penalty is that of a GLFT maker with gamma = kappa / 10.
    """
    reason = not_ready(view)
    if reason < 0:
        return reason
    kappa = decay_given_or_derived(view, params, params[CJ_KAPPA])
    phi = params[CJ_PENALTY]
    if math.isnan(phi):
        phi = 0.5 * aversion_given_or_derived(math.nan, kappa) * (view[SIGMA] * view[MID]) ** 2
    fall = params[CJ_FALL]
    rise = params[CJ_RISE]
    fee = view[MAKER_FEE] * view[MID]
    up = params[CJ_SELL_RATE] * math.exp(-1.0 - kappa * (fall + fee))
    down = params[CJ_BUY_RATE] * math.exp(-1.0 - kappa * (rise + fee))
    if not (0.0 < up < math.inf and 0.0 < down < math.inf):
        return NOT_FINITE
    trend = params[CJ_BUY_RATE] * rise - params[CJ_SELL_RATE] * fall
    distances = np.empty(2)
    base = 1.0 / kappa + fee
    reason = bounded_distances(inventory, params, CJ_LAYER, kappa, phi, trend, up, down, base, distances)
    if reason < 0:
        return reason
    return compose(view, inventory, params, CJ_LAYER, distances[0] + fall, distances[1] + rise, state, out)
