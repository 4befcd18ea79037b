"""What a quoting model sees and is told: named slots of the flat arrays, with units and bounds.

Code reads ``view[MID]``; tools read `VIEW`, `PARAMS` and a model's own schema to show names and units.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ASK_ADVERSE",
    "ASK_SIZE",
    "BEST_ASK",
    "BEST_BID",
    "BID_ADVERSE",
    "BID_SIZE",
    "FUNDING_IN_S",
    "FUNDING_RATE",
    "GATED_SIDE",
    "GATE_ENTER",
    "GATE_LEAVE",
    "GUIDE_VOLATILITY",
    "HALF_SPREAD",
    "HOLDING_S",
    "INCREMENT",
    "INVENTORY_SKEW",
    "LEVELS",
    "LEVEL_STEP_BPS",
    "MAKER_FEE",
    "MARK",
    "MAX_LEVELS",
    "MAX_POSITION",
    "MICRO_PRICE",
    "MID",
    "MIN_EDGE_BPS",
    "ORDER_FLOW",
    "ORDER_SIZE",
    "OUT_PRICE",
    "OUT_SIDE",
    "OUT_SIZE",
    "PARAMS",
    "PARAMS_SIZE",
    "SIGMA",
    "SPREAD_BPS",
    "STATE_SIZE",
    "TAKER_FEE",
    "TIME_S",
    "VIEW",
    "VIEW_SIZE",
    "VOLATILITY_CAP",
    "VOLATILITY_MULTIPLIER",
    "VOLATILITY_WEIGHT",
    "WEIGHTED_MID",
    "Slot",
]


@dataclass(frozen=True)
class Slot:
    """One named place in an array: its unit, what it means, the bounds it must keep, and its value when not given.

    Without a `default` a model's own parameter must be given. A default may lie outside of the bounds: NaN is the way
    to let a model derive what it is not told.
    """

    name: str
    unit: str
    meaning: str
    low: float = float("-inf")
    high: float = float("inf")
    default: float | None = None


VIEW = (
    Slot("mid", "ticks", "(best bid + best ask) / 2"),
    Slot("best_bid", "ticks", "best bid of others"),
    Slot("best_ask", "ticks", "best ask of others"),
    Slot("bid_size", "contracts", "size of others at the best bid"),
    Slot("ask_size", "contracts", "size of others at the best ask"),
    Slot("weighted_mid", "ticks", "best prices weighted by the opposite size"),
    Slot("mark", "ticks", "the venue's mark price; NaN before the first"),
    Slot(
        "sigma", "1/sqrt(s)", "volatility per square root of a second, fraction of the mid; NaN before enough samples"
    ),
    Slot("guide_volatility", "fraction", "the guide's volatility as printed"),
    Slot("time_s", "s", "since the first event of the session"),
    Slot("funding_rate", "fraction", "of the coming funding; positive: long pays"),
    Slot("funding_in_s", "s", "until the coming funding; NaN when unknown"),
    Slot("maker_fee", "fraction", "of the traded value; negative is a rebate"),
    Slot("taker_fee", "fraction", "of the traded value"),
    Slot("micro_price", "ticks", "where the mid is expected to settle, by signals.micro_price; NaN without"),
    Slot("order_flow", "contracts", "order-flow imbalance over signals.flow_window_s; NaN before a whole window"),
    Slot("bid_adverse", "ticks", "mean fall of the mid after own bids filled; 0 before the first, NaN: not measured"),
    Slot("ask_adverse", "ticks", "mean rise of the mid after own asks filled; 0 before the first, NaN: not measured"),
)
(
    MID,
    BEST_BID,
    BEST_ASK,
    BID_SIZE,
    ASK_SIZE,
    WEIGHTED_MID,
    MARK,
    SIGMA,
    GUIDE_VOLATILITY,
    TIME_S,
    FUNDING_RATE,
    FUNDING_IN_S,
    MAKER_FEE,
    TAKER_FEE,
    MICRO_PRICE,
    ORDER_FLOW,
    BID_ADVERSE,
    ASK_ADVERSE,
) = range(len(VIEW))
VIEW_SIZE = 32
"""Length of `view`; slots beyond the named ones are zero and reserved."""

PARAMS = (
    Slot("spread_bps", "bps", "ask minus bid, fraction of the mid (guide models: mid to quote)", 0.0, default=20.0),
    Slot("order_size", "contracts", "size of each order", 1.0, default=10.0),
    Slot("max_position", "contracts", "largest position either way", 1.0, default=1000.0),
    Slot("levels", "count", "orders a side", 1.0, default=3.0),
    Slot("level_step_bps", "bps", "distance between levels", 0.0, default=4.0),
    Slot("increment", "ticks", "prices are multiples of this many ticks", 1.0, default=1.0),
    Slot("inventory_skew", "half spreads", "shift of the quotes at full position", 0.0, default=1.0),
    Slot("volatility_weight", "1", "half spread per standard deviation over the holding time", 0.0, default=0.5),
    Slot("holding_s", "s", "horizon of the volatility term", 0.0, default=1.0),
    Slot("min_edge_bps", "bps", "kept over the maker fee on each side", 0.0, default=0.5),
    Slot("gate_enter", "fraction", "share of max_position at which the growing side is pulled", 0.0, 1.0, default=0.8),
    Slot("gate_leave", "fraction", "share below which it comes back", 0.0, 1.0, default=0.7),
    Slot("volatility_multiplier", "1", "guide: spread multiplier per unit of volatility", 0.0, default=2.0),
    Slot("volatility_cap", "1", "guide: largest multiplier", 1.0, default=5.0),
)
(
    SPREAD_BPS,
    ORDER_SIZE,
    MAX_POSITION,
    LEVELS,
    LEVEL_STEP_BPS,
    INCREMENT,
    INVENTORY_SKEW,
    VOLATILITY_WEIGHT,
    HOLDING_S,
    MIN_EDGE_BPS,
    GATE_ENTER,
    GATE_LEAVE,
    VOLATILITY_MULTIPLIER,
    VOLATILITY_CAP,
) = range(len(PARAMS))
PARAMS_SIZE = len(PARAMS)
"""A model's own parameters follow from this index on."""

STATE_SIZE = 16
"""Length of `state`, zeroed by its owner at the start."""

GATED_SIDE, HALF_SPREAD = range(2)
"""Slots of `state` that the built-in models use and tools read: the side that the inventory gate holds back; the half
spread quoted last, ticks. A model that calls `compose` keeps its own memory behind them."""

OUT_SIDE, OUT_PRICE, OUT_SIZE = range(3)
"""Columns of `out`: side (+1, -1), price in ticks, size in contracts."""

MAX_LEVELS = 20
"""Orders a side at most: `out` has 2 x MAX_LEVELS rows."""
