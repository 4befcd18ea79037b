"""Named slots of the flat array of limits that the compiled checks read."""

from __future__ import annotations

__all__ = [
    "BEST_ASK",
    "BEST_BID",
    "COLLAR_HIGH",
    "COLLAR_LOW",
    "INCREMENT",
    "LIMITS_SIZE",
    "LOT",
    "MAX_POSITION",
    "MAX_SIZE",
    "MAX_VALUE",
    "MIN_SIZE",
    "MIN_VALUE",
    "TOKENS",
    "TOLERANCE",
    "VALUE_PER_CONTRACT",
    "VALUE_PER_TICK",
]

(
    MAX_POSITION,  # contracts: worst case either way
    MIN_SIZE,  # contracts: the venue's minimum
    MAX_SIZE,  # contracts: the venue's maximum
    MIN_VALUE,  # money units: worth less is spam
    MAX_VALUE,  # money units: risk.max_order_notional
    VALUE_PER_TICK,  # money units a contract is worth per tick of price (linear)
    VALUE_PER_CONTRACT,  # money units a contract is worth whatever the price (inverse)
    LOT,  # contracts: sizes are multiples
    INCREMENT,  # ticks: prices are multiples
    # The rest changes with the market and is set in one slice, from COLLAR_LOW to TOKENS.
    COLLAR_LOW,  # ticks: lowest allowed price; 0 when there is no reference (then nothing passes)
    COLLAR_HIGH,  # ticks: highest allowed price
    BEST_BID,  # ticks
    BEST_ASK,  # ticks
    TOLERANCE,  # ticks: a live order this near its wanted price is left alone
    TOKENS,  # messages that may be sent now
) = range(15)
LIMITS_SIZE = 16
