"""The loop over a feed: market rows, arrivals at the venue and decisions in the order of their stamps.

Between two decisions the venue's view and the traders' do not touch, so each is walked by itself. At equal stamps
market data come before funding, funding before requests. The loop is resumable: it returns when a chunk of decisions is
done, when a log is full, or when a table must grow, and goes on where it stood.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import ASKS, BEST, BIDS, BOOK, FAR_FULL, Book, set_level
from workbench.backtest.kernels.codes import NEVER
from workbench.backtest.kernels.deciding import decide, decide_by_price
from workbench.backtest.kernels.desk_state import (
    AT_REST,
    DESK,
    HALTED,
    LOG_QUOTES,
    LOGS,
    VIEW_TABLE,
    WATCH_LOSS,
    Desk,
    Logs,
)
from workbench.backtest.kernels.hearing import hear_answers, hear_money
from workbench.backtest.kernels.ledger import FUNDING_DUE_NS
from workbench.backtest.kernels.matching import forget_taken, level_changed, price_came, serve_requests, traded
from workbench.backtest.kernels.quiet_rows import pass_quiet_rows
from workbench.backtest.kernels.rows import BID_SIDE, DEPTH_ROW, EXCHANGE, KIND_MASK, SNAPSHOT_ROW, TRADE_ROW, clear_row
from workbench.backtest.kernels.shares import QUEUE_FUNCTION_TYPE
from workbench.backtest.kernels.tape import TAPE, TICKER, Tape, Ticker
from workbench.backtest.kernels.venue_state import (
    ANS_HEAD,
    ANS_TAIL,
    ANSWERS,
    ANY_TAKEN,
    BEST_OWN,
    BUCKETS,
    FAULT,
    PARITY,
    REQ_HEAD,
    REQ_TAIL,
    REQUESTS,
    STAMP,
    VENUE,
    Venue,
)
from workbench.compiled import by_address, inlined, inner, types
from workbench.events import TIMER_NS
from workbench.quoting.definition import MODEL_FUNCTION_TYPE

__all__ = [
    "CHUNK_DONE",
    "ENDED",
    "FAULTY",
    "FUNDING_STAMP",
    "GROW_BOOK",
    "LOG_FULL",
    "apply_market_row",
    "run_live",
    "run_loop",
    "run_parity",
]

_i = types.int64
_I = types.int64[::1]

CHUNK_DONE, ENDED, GROW_BOOK, LOG_FULL, FUNDING_STAMP, FAULTY = range(6)
"""Why the loop returned. At a funding stamp whoever called it pays, and moves NEXT_FUNDING on."""

NEXT_TAPE_ROW, NEXT_STEP, NEXT_FUNDING, TAPE_END_NS, SAMPLE_NS, LAST_CHUNK, TIMER_START_NS = range(7)
CLOCK_SIZE = 8


@inlined
def apply_market_row(venue: Venue, book: Book, own: Any, code: int, price: int, size: int, now_ns: int) -> bool:
    """One row of the market at the venue, and what it does to own orders; False: the book must grow first."""
    kind = code & KIND_MASK
    done = True
    if kind in (DEPTH_ROW, SNAPSHOT_ROW):
        side = BIDS if code & BID_SIDE else ASKS
        toward = 1 - 2 * side
        best_before = book.marks[BEST + side]
        before = set_level(book, side, price, size)
        if before == FAR_FULL:
            done = False
        else:
            if venue.heads[side, price & (BUCKETS - 1)] >= 0:
                level_changed(venue, side, price, before, size, own)
            if size > 0 and (price - venue.edges[BEST_OWN + 1 - side]) * toward >= 0:
                if venue.rules[PARITY]:
                    came = (price - best_before) * toward > 0
                else:
                    came = size > before
                if came:
                    price_came(venue, 1 - side, price, size - before, now_ns)
            if venue.edges[ANY_TAKEN]:
                forget_taken(venue, side, price)
    elif kind == TRADE_ROW:
        hit = ASKS if code & BID_SIDE else BIDS
        if (price - venue.edges[BEST_OWN + hit]) * (2 * hit - 1) >= 0:
            traded(venue, hit, price, size, now_ns)
    else:
        clear_row(book, code, price)
    return done


@inlined
def walk_tape(venue: Venue, book: Book, tape: Tape, own: Any, start: int, until_ns: int) -> int:
    """Every row of the venue's view up to a time; the next row, or -(row + 1) where the book must grow first."""
    row = start
    stuck = False
    while row < tape.code.size and tape.venue_ns[row] <= until_ns and not stuck:
        if not venue.edges[ANY_TAKEN]:
            row = pass_quiet_rows(venue, book, tape, row, until_ns)
        if row < tape.code.size and tape.venue_ns[row] <= until_ns:
            code = tape.code[row]
            if code & EXCHANGE:
                stuck = not apply_market_row(
                    venue, book, own, int(code), int(tape.price[row]), int(tape.size[row]), tape.venue_ns[row]
                )
            if not stuck:
                row += 1
    return -row - 1 if stuck else row


@inlined
def next_request(venue: Venue) -> int:
    """When the next request of any account arrives."""
    soonest = NEVER
    ends = venue.ends
    for c in range(ends.shape[0]):
        if ends[c, REQ_HEAD] < ends[c, REQ_TAIL]:
            soonest = min(soonest, venue.requests[c, ends[c, REQ_HEAD] & (REQUESTS - 1), STAMP])
    return soonest


@inner(_i(VENUE, BOOK, TAPE, _I, _i, QUEUE_FUNCTION_TYPE))
def run_venue(venue: Venue, book: Book, tape: Tape, clock: NDArray[np.int64], until_ns: int, own: Any) -> int:
    """Everything that happens at the venue up to a time: CHUNK_DONE, GROW_BOOK or FUNDING_STAMP."""
    while True:
        limit = until_ns
        arrival = next_request(venue)
        limit = min(limit, arrival)
        funding = clock[NEXT_FUNDING]
        funding_ns = tape.funding_ns[funding] if funding < tape.funding_ns.size else NEVER
        limit = min(limit, funding_ns)
        row = walk_tape(venue, book, tape, own, clock[NEXT_TAPE_ROW], limit)
        if row < 0:
            clock[NEXT_TAPE_ROW] = -row - 1
            return GROW_BOOK
        clock[NEXT_TAPE_ROW] = row
        if funding_ns == limit:
            return FUNDING_STAMP
        if arrival == limit:
            for c in range(venue.ends.shape[0]):
                serve_requests(venue, book, c, limit)
        else:
            return CHUNK_DONE


@inlined
def next_at_venue(venue: Venue, tape: Tape, clock: NDArray[np.int64]) -> int:
    """When something happens at the venue next."""
    row, funding = clock[NEXT_TAPE_ROW], clock[NEXT_FUNDING]
    soonest = next_request(venue)
    if row < tape.venue_ns.size:
        soonest = min(soonest, tape.venue_ns[row])
    if funding < tape.funding_ns.size:
        soonest = min(soonest, tape.funding_ns[funding])
    return soonest


@inlined
def next_heard(venue: Venue, desk: Desk) -> int:
    """When a trader hears of its orders or its money next."""
    soonest = NEVER
    ends = venue.ends
    for c in range(ends.shape[0]):
        if ends[c, ANS_HEAD] < ends[c, ANS_TAIL]:
            soonest = min(soonest, venue.answers[c, ends[c, ANS_HEAD] & (ANSWERS - 1), STAMP])
        if desk.ledger[c, FUNDING_DUE_NS] > 0:
            soonest = min(soonest, desk.ledger[c, FUNDING_DUE_NS])
    return soonest


@inlined
def anything_pending(venue: Venue) -> bool:
    """Whether a message is under way."""
    pending = False
    ends = venue.ends
    for c in range(ends.shape[0]):
        pending |= ends[c, REQ_HEAD] < ends[c, REQ_TAIL] or ends[c, ANS_HEAD] < ends[c, ANS_TAIL]
    return pending


RUN = _i(
    VENUE,
    BOOK,
    DESK,
    LOGS,
    TAPE,
    TICKER,
    _I,
    _I,
    types.float64[:, :, ::1],
    types.int64[:, ::1],
    _I,
    MODEL_FUNCTION_TYPE,
    QUEUE_FUNCTION_TYPE,
)


@inlined
def come_to_decision(  # noqa: PLR0917 - compiled functions take their arguments by position
    venue: Venue,
    book: Book,
    desk: Desk,
    logs: Logs,
    tape: Tape,
    ticker: Ticker,
    clock: NDArray[np.int64],
    times: NDArray[np.int64],
    views: NDArray[np.float64],
    own: Any,
) -> int:
    """All that happens and is heard before the next decision: CHUNK_DONE, or why the loop must return without it."""
    configurations = venue.accounts.shape[0]
    k = clock[NEXT_STEP]
    last = k >= times.size
    now_ns = NEVER - 1 if last else times[k]
    shown = 0 if last else k
    status = run_venue(venue, book, tape, clock, now_ns, own)
    if status != CHUNK_DONE:
        return int(status)
    for c in range(configurations):
        view = views[desk.counts[c, VIEW_TABLE], shown]
        if hear_answers(venue, desk, logs, ticker, c, now_ns, view, NEVER) < 0:
            return LOG_FULL
    for c in range(configurations):
        if venue.accounts[c, FAULT]:
            return FAULTY
    if last or (now_ns >= clock[TAPE_END_NS] and not anything_pending(venue)):
        return ENDED
    if logs.ends[LOG_QUOTES] + configurations > logs.quotes.shape[0]:
        return LOG_FULL
    return CHUNK_DONE


@by_address(RUN)
def run_loop(  # noqa: PLR0917 - compiled functions take their arguments by position
    venue: Venue,
    book: Book,
    desk: Desk,
    logs: Logs,
    tape: Tape,
    ticker: Ticker,
    clock: NDArray[np.int64],
    times: NDArray[np.int64],
    views: NDArray[np.float64],
    heard: NDArray[np.int64],
    codes: NDArray[np.int64],
    model: Any,
    own: Any,
) -> int:
    """Go through a chunk of decisions, taken at these times alone.

    Parameters
    ----------
    clock : ndarray of int64
        Where it stands; kept between calls.
    times : ndarray of int64, shape (steps,)
        Decisions, local clock.
    views : ndarray, shape (tables, steps, VIEW_SIZE)
        What is seen at each; `heard` (book and mark stamps) and `codes` say whether it may be quoted on.
    """
    sample_ns = clock[SAMPLE_NS]
    while clock[NEXT_STEP] < times.size or clock[LAST_CHUNK]:
        status = come_to_decision(venue, book, desk, logs, tape, ticker, clock, times, views, own)
        if status != CHUNK_DONE:
            return status
        k = clock[NEXT_STEP]
        for c in range(venue.accounts.shape[0]):
            view = views[desk.counts[c, VIEW_TABLE], k]
            decide(venue, desk, logs, ticker, c, times[k], codes[k], heard[k], view, sample_ns, False, model)
        clock[NEXT_STEP] = k + 1
    return CHUNK_DONE


@by_address(RUN)
def run_parity(  # noqa: PLR0917 - called as `run_loop` is
    venue: Venue,
    book: Book,
    desk: Desk,
    logs: Logs,
    tape: Tape,
    ticker: Ticker,
    clock: NDArray[np.int64],
    times: NDArray[np.int64],
    views: NDArray[np.float64],
    _heard: NDArray[np.int64],
    _codes: NDArray[np.int64],
    model: Any,
    own: Any,
) -> int:
    """`run_loop` for traders that decide as hftbacktest's strategies do."""
    sample_ns = clock[SAMPLE_NS]
    while clock[NEXT_STEP] < times.size or clock[LAST_CHUNK]:
        status = come_to_decision(venue, book, desk, logs, tape, ticker, clock, times, views, own)
        if status != CHUNK_DONE:
            return status
        k = clock[NEXT_STEP]
        for c in range(venue.accounts.shape[0]):
            view = views[desk.counts[c, VIEW_TABLE], k]
            decide_by_price(venue, desk, logs, c, times[k], view, sample_ns, model)
        clock[NEXT_STEP] = k + 1
    return CHUNK_DONE


@by_address(RUN)
def run_live(  # noqa: C901, PLR0917 - one branch an occasion
    venue: Venue,
    book: Book,
    desk: Desk,
    logs: Logs,
    tape: Tape,
    ticker: Ticker,
    clock: NDArray[np.int64],
    times: NDArray[np.int64],
    views: NDArray[np.float64],
    heard: NDArray[np.int64],
    codes: NDArray[np.int64],
    model: Any,
    own: Any,
) -> int:
    """Go through a chunk of times, deciding when the live maker does.

    That is at each message of the book, at each answer to an own order and each own fill as they are heard, when a
    limit is passed, and by the timer if something is left to do. `times` are those of messages, mark prices and timers;
    the first of a chunk is the last of the one before.
    """
    configurations = venue.accounts.shape[0]
    counts, sample_ns = desk.counts, clock[SAMPLE_NS]
    while clock[NEXT_STEP] < times.size or clock[LAST_CHUNK]:
        k = clock[NEXT_STEP]
        last = k >= times.size
        now_ns = NEVER - 1 if last else times[k]
        answer_ns = next_heard(venue, desk)
        event_ns = next_at_venue(venue, tape, clock)
        if event_ns <= min(now_ns, answer_ns):
            status = run_venue(venue, book, tape, clock, event_ns, own)
            if status != CHUNK_DONE:
                return status
            continue
        for c in range(configurations):
            if venue.accounts[c, FAULT]:
                return FAULTY
        if logs.ends[LOG_QUOTES] + configurations > logs.quotes.shape[0]:
            return LOG_FULL
        # At one time the market is heard first.
        answered = answer_ns < now_ns
        if last and not answered:
            return ENDED
        shown = max(k - 1, 0) if answered else k
        moment_ns = answer_ns if answered else now_ns
        message = not answered and heard[k, 0] == now_ns
        timer = not answered and (now_ns - clock[TIMER_START_NS]) % TIMER_NS == 0
        marked = not answered and heard[k, 1] == now_ns and ticker.mark_ns.size > 0
        for c in range(configurations):
            view = views[counts[c, VIEW_TABLE], shown]
            halted, news = counts[c, HALTED], 0
            if answered:
                news = hear_answers(venue, desk, logs, ticker, c, moment_ns, view, 1)
                if news < 0:
                    return LOG_FULL
            elif marked:
                counts[c, AT_REST] = 0
            if counts[c, WATCH_LOSS]:
                hear_money(desk, ticker, c, moment_ns)
            if not last and (message or timer or news > 0 or counts[c, HALTED] != halted):
                by_timer = timer and not message
                decide(
                    venue,
                    desk,
                    logs,
                    ticker,
                    c,
                    moment_ns,
                    codes[shown],
                    heard[shown],
                    view,
                    sample_ns,
                    by_timer,
                    model,
                )
        if not answered:
            clock[NEXT_STEP] = k + 1
    return CHUNK_DONE
