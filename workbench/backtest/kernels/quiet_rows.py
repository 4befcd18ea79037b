"""The quick way through rows of the market that touch no own order: nearly all of them."""

from __future__ import annotations

from workbench.backtest.kernels.books import ASKS, BASE, BEST, BIDS, OUTSIDE, Book, set_in_window
from workbench.backtest.kernels.rows import BID_SIDE, DEPTH_ROW, EXCHANGE, KIND_MASK, SNAPSHOT_ROW, TRADE_ROW
from workbench.backtest.kernels.tape import Tape
from workbench.backtest.kernels.venue_state import BEST_OWN, BUCKETS, Venue
from workbench.compiled import inlined

__all__ = ["pass_quiet_rows"]


@inlined
def pass_quiet_rows(venue: Venue, book: Book, tape: Tape, start: int, until_ns: int) -> int:
    """Walk the venue's rows up to a time as `apply_market_row` would; the first one that it has to be asked for.

    That is one that may touch an own order, that leaves the windows of the book, or that moves both best prices. Here a
    side is a branch, and the best prices stay in registers.
    """
    code, ticks, contracts, venue_ns = tape.code, tape.price, tape.size, tape.venue_ns
    sizes, heads, marks, edges = book.sizes, venue.heads, book.marks, venue.edges
    rows = code.size
    bid_base, ask_base = marks[BASE + BIDS], marks[BASE + ASKS]
    bid, ask = marks[BEST + BIDS], marks[BEST + ASKS]
    own_bid, own_ask = edges[BEST_OWN + BIDS], edges[BEST_OWN + ASKS]
    bucket = BUCKETS - 1
    row = start
    while row < rows and venue_ns[row] <= until_ns:
        kind = code[row] & KIND_MASK
        if code[row] & EXCHANGE:
            tick = int(ticks[row])
            size = contracts[row]
            if kind == TRADE_ROW:
                if tick >= own_ask if code[row] & BID_SIDE else tick <= own_bid:
                    break
            elif kind not in (DEPTH_ROW, SNAPSHOT_ROW):
                break
            elif code[row] & BID_SIDE:
                found = OUTSIDE
                if heads[BIDS, tick & bucket] < 0 and (size == 0 or tick < own_ask):
                    found = set_in_window(sizes, BIDS, bid_base, tick, size, bid, ask)
                if found == OUTSIDE:
                    break
                bid = found
            else:
                found = OUTSIDE
                if heads[ASKS, tick & bucket] < 0 and (size == 0 or tick > own_bid):
                    found = set_in_window(sizes, ASKS, ask_base, tick, size, ask, bid)
                if found == OUTSIDE:
                    break
                ask = found
        row += 1
    marks[BEST + BIDS], marks[BEST + ASKS] = bid, ask
    return row
