"""What must be known of an LMEX account before anything is traded. It is only read, so that it can be read again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from workbench.client.errors import RateLimited, UnknownOutcome
from workbench.client.market import instrument_of
from workbench.client.messages import MarketSummary
from workbench.client.rest import LmexClient
from workbench.client.transport import TransportError
from workbench.errors import VenueError
from workbench.instruments import Instrument

__all__ = ["read_again", "read_market"]

log = logging.getLogger(__name__)

TRIES = 3
ANSWER_S = 4.0
PAUSE_S = 0.5

T = TypeVar("T")


async def read_again(what: str, read: Callable[[], Awaitable[T]]) -> T:
    """What a reading call returns; it is tried three times, for up to 4 s each, while no answer can be had.

    Raises
    ------
    VenueError
        The venue's own refusal at once, or the last trouble when every try was in vain.
    """
    for tried in range(1, TRIES + 1):
        try:
            async with asyncio.timeout(ANSWER_S):
                return await read()
        except TimeoutError:
            trouble = f"no answer within {ANSWER_S:g} s"
        except (TransportError, UnknownOutcome, RateLimited) as error:
            trouble = str(error)
        log.warning("%s could not be read (try %d of %d): %s", what, tried, TRIES, trouble)
        if tried < TRIES:
            await asyncio.sleep(PAUSE_S)
    raise VenueError(
        f"{what} could not be read in {TRIES} tries, the last: {trouble}; expected an answer: is the venue up?"
    )


async def read_market(client: LmexClient, symbol: str) -> tuple[MarketSummary, Instrument]:
    """Measure the clock, read the market and the fees, check that the account is one-way and cross.

    Raises
    ------
    VenueError
        If the market is closed or unknown, the account is set up in another way, or the venue does not answer.
    """
    await read_again("the venue's time", client.measure_clock_offset_ms)
    # Side by side: it also opens the connections that orders will use.
    summary, fees, mode, leverages, _ = await asyncio.gather(
        read_again("the market", lambda: client.instrument_summary(symbol)),
        read_again("the fees", lambda: client.fees(symbol)),
        read_again("the position mode", lambda: client.position_mode(symbol)),
        read_again("the leverage", lambda: client.leverage(symbol)),
        read_again("the wallet", client.wallet),
    )
    if not summary.active:
        raise VenueError(f"{symbol} is not active; expected an open market: try later or choose another")
    if mode != "ONE_WAY":
        raise VenueError(
            f"position mode of {symbol} is {mode}; expected ONE_WAY: flatten, then set it (set_position_mode)"
        )
    for row in leverages:
        if row.symbol == symbol and row.margin_mode not in (None, "CROSS"):
            raise VenueError(f"margin mode of {symbol} is {row.margin_mode}; expected CROSS: set it (set_leverage)")
    return summary, instrument_of(summary, fees)
