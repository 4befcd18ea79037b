"""What LMEX's REST says about the market beside its streams: instrument, mark price, funding, the book again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from workbench.client.messages import Fees, MarketSummary
from workbench.client.rest import LmexClient
from workbench.client.streams import BookStream
from workbench.clock import NS, Clock
from workbench.errors import VenueError
from workbench.events import Event, MarkPrice
from workbench.instruments import Instrument

__all__ = ["MarketPoll", "instrument_of"]

log = logging.getLogger(__name__)

MARK_S = 1.0
SUMMARY_EVERY = 60
BOOK_CHECK_EVERY = 30
BOOK_CHECK_DEPTH = 5
"""Mark price polls: every second; every 60th reads the funding again, every 30th compares the book with REST."""

EIGHT_HOURS_MIN = 480
"""Funding interval where the summary does not say (lmex-api section 8)."""


def instrument_of(summary: MarketSummary, fees: Fees | None = None) -> Instrument:
    """The instrument of a market summary, with the account's own fees; without them, the schedule to be assumed (8)."""
    instrument = Instrument(
        symbol=summary.symbol,
        base=summary.base,
        quote=summary.quote,
        tick_size=summary.min_price_increment,
        contract_size=summary.contract_size,
        lot=summary.min_size_increment,
        min_size=summary.min_order_size,
        max_size=summary.max_order_size,
        min_price=summary.min_valid_price,
        active=summary.active,
        perpetual=not summary.time_based,
        funding_interval_ns=int((summary.funding_interval_minutes or EIGHT_HOURS_MIN) * 60 * NS),
    )
    return instrument if fees is None else replace(instrument, maker_fee=fees.maker, taker_fee=fees.taker)


class MarketPoll:
    """Polls the mark price once a second, and now and then the funding and the book (lmex-api 7.3 rule 8).

    Parameters
    ----------
    client : LmexClient
    summary : MarketSummary
        As read at the opening.
    book : BookStream
        What is compared with REST.
    clock : Clock
    emit : callable
        Takes the `MarkPrice` events.
    """

    def __init__(
        self,
        client: LmexClient,
        summary: MarketSummary,
        book: BookStream,
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self._client = client
        self._summary = summary
        self._book = book
        self._clock = clock
        self._emit = emit

    async def run(self) -> None:
        """Poll until cancelled; a poll that fails is logged, the next one is a second later."""
        turn = 0
        while True:
            try:
                await self._poll(turn)
            except VenueError as error:
                log.warning("mark price poll: %s", error)
            turn += 1
            await asyncio.sleep(MARK_S)

    async def _poll(self, turn: int) -> None:
        symbol = self._summary.symbol
        if turn and turn % SUMMARY_EVERY == 0:
            self._summary = await self._client.instrument_summary(symbol)
        price = await self._client.price(symbol)
        rate, funding_ms = self._summary.funding_rate, self._summary.funding_time or 0
        self._emit(MarkPrice(self._clock.now_ns(), price.mark, price.index, rate, funding_ms * 1_000_000))
        if turn and turn % BOOK_CHECK_EVERY == 0:
            reply = await self._client.orderbook_l2(symbol, BOOK_CHECK_DEPTH)
            sync = self._book.sync
            self._book.check(sync.check(reply.bids, reply.asks, reply.timestamp, self._clock.now_ns()))
