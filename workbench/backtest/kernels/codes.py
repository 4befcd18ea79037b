"""Codes of what became of an order, and of why nothing is quoted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "ACKED",
    "AMEND_TOO_SMALL",
    "BOOK_LATE",
    "BOOK_LOST",
    "BOOK_OLD",
    "CANCELLED",
    "EXPIRED",
    "FILLED",
    "HALTED_LOSS",
    "HALTED_REJECTS",
    "IN_FLIGHT",
    "MARK_OLD",
    "NEVER",
    "NOTHING_TO_TAKE",
    "NO_MARK",
    "NO_REASON",
    "ONE_SIDED",
    "ORDER_REASONS",
    "ORDER_STATUS_NAMES",
    "POST_ONLY_CROSSES",
    "QUOTE_REASONS",
    "REDUCE_ONLY_GROWS",
    "REJECTED",
    "VENUE_RATE_LIMIT",
]

IN_FLIGHT, ACKED, FILLED, CANCELLED, REJECTED, EXPIRED = range(6)
"""How an order stood when it was last heard of."""

ORDER_STATUS_NAMES: Mapping[int, str] = MappingProxyType(
    {
        IN_FLIGHT: "in flight",
        ACKED: "open",
        FILLED: "filled",
        CANCELLED: "cancelled",
        REJECTED: "rejected",
        EXPIRED: "expired",
    }
)

NO_REASON, POST_ONLY_CROSSES, REDUCE_ONLY_GROWS, VENUE_RATE_LIMIT, NOTHING_TO_TAKE, AMEND_TOO_SMALL = range(6)
"""Why the venue ended an order."""

ORDER_REASONS: Mapping[int, str] = MappingProxyType(
    {
        NO_REASON: "",
        POST_ONLY_CROSSES: "post-only order would have taken",
        REDUCE_ONLY_GROWS: "reduce-only order would not reduce the position",
        VENUE_RATE_LIMIT: "the venue's rate limit",
        NOTHING_TO_TAKE: "immediate order found no more to take",
        AMEND_TOO_SMALL: "amended to no more than what was filled",
    }
)

NEVER = 1 << 62
"""A time, ns, that does not come."""

BOOK_LOST, BOOK_OLD, NO_MARK, MARK_OLD, ONE_SIDED, HALTED_LOSS, HALTED_REJECTS, BOOK_LATE = range(101, 109)
"""Why nothing was quoted, beside the model's own (negative) reasons."""

QUOTE_REASONS: Mapping[int, str] = MappingProxyType(
    {
        0: "",
        BOOK_LOST: "the book is lost",
        BOOK_OLD: "the book is older than risk.max_book_age_s",
        BOOK_LATE: "the book is later behind the venue's own stamps than risk.max_book_age_s",
        NO_MARK: "no mark price yet",
        MARK_OLD: "the mark price is old",
        ONE_SIDED: "nobody quotes on one side of the book",
        HALTED_LOSS: "halted: the loss passed risk.max_loss",
        HALTED_REJECTS: "halted: risk.max_rejects orders in a row were refused",
    }
)
