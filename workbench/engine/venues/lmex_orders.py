"""One order request at LMEX and what its outcome means, as `OrderReport` events.

The book rule for ambiguous writes (risk-and-faults section 2): "rejected" only when the venue proved that it did not
accept; no answer, 5xx, an unreadable body or a doubtful status number is "unknown", and the order counts as live.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Literal

from workbench.client.errors import ApiError, OrderNotFound, RateLimited, UnknownOutcome
from workbench.client.messages import TradeRecord, side_of
from workbench.client.orders import OrderMessage, query_state
from workbench.client.rest import LmexClient
from workbench.clock import Clock
from workbench.errors import VenueError, WorkbenchError
from workbench.events import RATE_LIMITED, Amend, Cancel, Event, OrderReport, OwnFill, Place, Query
from workbench.events import ReportStatus as Status
from workbench.instruments import Instrument

__all__ = ["OrderRequests", "fill_event"]

Request = Literal["place", "cancel", "amend", "query"]


def fill_event(record: TradeRecord, instrument: Instrument, t_ns: int) -> OwnFill:
    """An execution of the trade history as an event.

    The history has no maker flag: it is inferred from the fee against the two rates (lmex-api 4.9).
    """
    value = instrument.notional(record.filled_size, record.filled_price)
    rate = record.fee / value if value else instrument.taker_fee
    maker = abs(rate - instrument.maker_fee) <= abs(rate - instrument.taker_fee)
    return OwnFill(
        t_ns,
        record.timestamp * 1_000_000,
        record.trade_id,
        record.client_id,
        record.order_id,
        side_of(record.side),
        instrument.price_to_ticks(record.filled_price),
        record.filled_size,
        record.fee,
        record.fee_currency,
        maker,
        "rest",
    )


class OrderRequests:
    """Sends order requests and reports their outcomes; never raises for what a venue or a wire may do.

    Parameters
    ----------
    client : LmexClient
    instrument : Instrument
    clock : Clock
    emit : callable
        Takes every event.
    """

    def __init__(self, client: LmexClient, instrument: Instrument, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._client = client
        self._instrument = instrument
        self._clock = clock
        self._emit = emit
        self._prices: dict[int, Decimal] = {}

    def run(self, command: Place | Cancel | Amend | Query) -> Coroutine[Any, Any, None]:
        """Send one request and report what became of it."""
        if isinstance(command, Place):
            return self._place(command)
        if isinstance(command, Cancel):
            return self._cancel(command)
        if isinstance(command, Amend):
            return self._amend(command)
        return self._query(command)

    async def _place(self, command: Place) -> None:
        try:
            row = await self._client.place(
                self._instrument.symbol,
                command.side,
                self._instrument.ticks_to_price(command.price_ticks),
                command.size,
                command.client_id,
                post_only=command.post_only,
                reduce_only=command.reduce_only,
                time_in_force="IOC" if command.ioc else "GTC",
            )
        except UnknownOutcome as error:
            self._report(command.client_id, "unknown", "place", error)
        except VenueError as error:
            self._report(command.client_id, "rejected", "place", error)
        else:
            status: Status = query_state(row.status)
            if command.ioc and status == "open":
                # An IOC order cannot rest: what became of the remainder has to be asked (lmex-api section 15).
                status = "unknown"
            self._report_row(row, command.client_id, status, "place")

    async def _cancel(self, command: Cancel) -> None:
        try:
            row = await self._client.cancel(
                self._instrument.symbol, client_id=command.client_id, order_id=command.order_id
            )
        except OrderNotFound as error:
            self._report(command.client_id, "not_found", "cancel", error)
        except UnknownOutcome as error:
            self._report(command.client_id, "unknown", "cancel", error)
        except VenueError as error:
            self._report(command.client_id, "cancel_rejected", "cancel", error)
        else:
            status: Status = query_state(row.status)
            self._report_row(row, command.client_id, "cancel_rejected" if status == "open" else status, "cancel")

    async def _amend(self, command: Amend) -> None:
        try:
            row = await self._client.amend(
                self._instrument.symbol, client_id=command.client_id, order_id=command.order_id, size=command.size
            )
        except OrderNotFound as error:
            self._report(command.client_id, "not_found", "amend", error)
        except UnknownOutcome as error:
            self._report(command.client_id, "unknown", "amend", error)
        except VenueError as error:
            self._report(command.client_id, "cancel_rejected", "amend", error)
        else:
            self._report_row(row, command.client_id, query_state(row.status), "amend")

    async def _query(self, command: Query) -> None:
        """Ask for the order and, before its state is told, for its fills: whoever hears "filled" has them already."""
        try:
            row = await self._client.order(client_id=command.client_id)
        except OrderNotFound as error:
            if await self._fills_of(command.client_id):
                self._report(command.client_id, "not_found", "query", error)
            return
        except VenueError as error:
            self._report(command.client_id, "unknown", "query", error)
            return
        if row.total_filled == 0 or await self._fills_of(command.client_id):
            self._report_row(row, command.client_id, query_state(row.status), "query")

    async def _fills_of(self, client_id: str) -> bool:
        """Emit the fills of one order; False, and the order reported as unknown, when they cannot be had."""
        try:
            records = await self._client.trade_history(self._instrument.symbol, client_id=client_id)
            fills = [
                fill_event(record, self._instrument, self._clock.now_ns())
                for record in sorted(records, key=lambda record: record.serial_id)
                if record.client_id == client_id
            ]
        except WorkbenchError as error:
            self._report(client_id, "unknown", "query", error)
            return False
        for fill in fills:
            self._emit(fill)
        return True

    def _report(self, client_id: str, status: Status, request: Request, error: WorkbenchError) -> None:
        code = error.code if isinstance(error, ApiError) else 0
        if isinstance(error, RateLimited):
            code = RATE_LIMITED
        self._emit(OrderReport(self._clock.now_ns(), client_id, status, request, code=code, reason=str(error)))

    def _report_row(self, row: OrderMessage, client_id: str, status: Status, request: Request) -> None:
        self._emit(
            OrderReport(
                self._clock.now_ns(),
                client_id,
                status,
                request,
                row.order_id,
                row.total_filled,
                row.current,
                row.status,
                _reason(row, status, request),
            )
        )


def _reason(row: OrderMessage, status: Status, request: Request) -> str:
    """Why an order ended, in the venue's words or ours; nothing for one that rests or that we cancelled ourselves."""
    if status == "open" or (status == "cancelled" and request == "cancel"):
        return ""
    return row.reason or _REASONS.get(row.status, "")


_REASONS = {
    6: "cancelled by the venue: a post-only order that would trade, an unfillable one, or a self-trade",
    7: "refunded: nothing to trade with, or a self-trade",
}
