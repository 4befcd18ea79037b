"""Own orders at a venue in this process: its records of them, the reports that it sends, what it executes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from msgspec import structs

from workbench.backtest import Answer, SteppedVenue
from workbench.backtest.log import ORDER_REASONS, VENUE_RATE_LIMIT
from workbench.engine.venues.local_account import LocalAccount
from workbench.events import (
    RATE_LIMITED,
    Amend,
    Cancel,
    Event,
    OpenOrder,
    OrderReport,
    OwnFill,
    Place,
    Query,
    ReportStatus,
)
from workbench.instruments import Instrument

__all__ = ["LocalOrders"]

KEPT_ORDERS = 10_000
"""So many ended orders can still be asked for."""

Request = Literal["place", "cancel", "amend", "stream"]
Status = Literal["open", "filled", "cancelled", "rejected"]


class _Order:
    """What the venue itself keeps of an order."""

    __slots__ = ("client_id", "filled", "fills", "order_no", "price_ticks", "reason", "side", "size", "status")

    def __init__(self, command: Place, order_no: int) -> None:
        self.client_id = command.client_id
        self.order_no = order_no
        self.side = command.side
        self.price_ticks = command.price_ticks
        self.size = command.size
        self.filled = 0
        self.status: Status = "open"
        self.reason = ""
        self.fills: list[OwnFill] = []


class LocalOrders:
    """What the venue knows of own orders, and what it says of them.

    Parameters
    ----------
    instrument : Instrument
    matching : SteppedVenue
        Where they rest and fill.
    account : LocalAccount
        Books their executions.
    tell : callable
        Puts an event on its way, to be heard at a time.

    Attributes
    ----------
    open : dict of int to order
        Those that rest, by their number.
    fills : list of OwnFill
        Every execution, oldest first.
    """

    def __init__(
        self,
        instrument: Instrument,
        matching: SteppedVenue,
        account: LocalAccount,
        tell: Callable[[int, Event], None],
    ) -> None:
        self.open: dict[int, _Order] = {}
        self.fills: list[OwnFill] = []
        self._instrument = instrument
        self._matching = matching
        self._account = account
        self._tell = tell
        self._orders: dict[str, _Order] = {}
        self._past: deque[str] = deque()

    def place(self, command: Place, at_ns: int) -> None:
        """A new order arrives."""
        refusal = self._refusal(command)
        if refusal:
            heard = self._matching.answer_ns(at_ns)
            report = OrderReport(heard, command.client_id, "rejected", "place", reason=refusal)
            self._tell(heard, report)
            return
        order_no = self._matching.place(
            command.side,
            command.price_ticks,
            command.size,
            at_ns,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
            ioc=command.ioc,
        )
        order = _Order(command, order_no)
        self._orders[command.client_id] = self.open[order_no] = order
        self.answers("place")

    def _refusal(self, command: Place) -> str:
        instrument = self._instrument
        if command.client_id in self._orders:
            return f"client order id {command.client_id} was used before"
        if command.price_ticks < 1:
            return f"price {command.price_ticks} ticks is not one that the venue takes"
        price = instrument.ticks_to_price(command.price_ticks)
        if command.size < instrument.min_size or command.size % instrument.lot or command.size > instrument.max_size:
            return f"size {command.size} is not one that the venue takes"
        if command.post_only and instrument.notional(command.size, price) < instrument.min_notional:
            return f"worth less than {instrument.min_notional} {instrument.quote}: the venue calls that spam"
        if not self._matching.room:
            return "too many open orders"
        return ""

    def change(self, command: Cancel | Amend, at_ns: int) -> None:
        """A cancel or an amend arrives."""
        request: Request = "cancel" if isinstance(command, Cancel) else "amend"
        order = self._orders.get(command.client_id)
        if order is None or order.order_no not in self.open:
            heard = self._matching.answer_ns(at_ns)
            self._tell(heard, OrderReport(heard, command.client_id, "not_found", request))
            return
        if isinstance(command, Cancel):
            self._matching.cancel(order.order_no, at_ns)
        else:
            self._matching.amend(order.order_no, command.size, at_ns)
        self.answers(request)

    def cancel_all(self, at_ns: int, request: Request = "cancel", reason: str = "") -> None:
        """Everything is cancelled."""
        for order_no in list(self.open):
            self._matching.cancel(order_no, at_ns)
        self.answers(request, reason)

    def answers(self, request: Request = "stream", why: str = "") -> None:
        """Take what the matching says, book it, and put it on its way."""
        for answer in self._matching.take_answers():
            order = self.open[answer.order_no]
            if answer.kind == "fill":
                self._fill(order, answer)
                continue
            status: ReportStatus = "open"
            if answer.kind == "amended":
                order.size = answer.size
            elif answer.kind == "refused":
                status = "cancel_rejected"
            elif answer.kind != "accepted":
                status = "rejected" if answer.kind == "rejected" else "cancelled"
                order.reason = ORDER_REASONS[answer.reason] or why
                self._end(order, status)
            code = RATE_LIMITED if answer.reason == VENUE_RATE_LIMIT else 0
            report = OrderReport(
                answer.t_ns,
                order.client_id,
                status,
                request,
                str(order.order_no),
                order.filled,
                order.size,
                code,
                order.reason or ORDER_REASONS[answer.reason],
            )
            self._tell(answer.t_ns, report)

    def _fill(self, order: _Order, answer: Answer) -> None:
        fee = self._account.executed(order.side, answer.size, answer.price_ticks, maker=answer.maker)
        order.filled += answer.size
        fill = OwnFill(
            answer.t_ns,
            answer.venue_ns,
            f"{self._instrument.symbol}-{len(self.fills) + 1}",
            order.client_id,
            str(order.order_no),
            order.side,
            answer.price_ticks,
            answer.size,
            fee,
            self._instrument.settlement,
            answer.maker,
        )
        order.fills.append(fill)
        self.fills.append(fill)
        self._tell(answer.t_ns, fill)
        if order.filled >= order.size:
            self._end(order, "filled")

    def _end(self, order: _Order, status: Status) -> None:
        order.status = status
        del self.open[order.order_no]
        self._past.append(order.client_id)
        if len(self._past) > KEPT_ORDERS:
            del self._orders[self._past.popleft()]

    def query(self, command: Query, at_ns: int) -> None:
        """Its fills go before its state: whoever hears "filled" has them already."""
        heard = self._matching.answer_ns(at_ns)
        order = self._orders.get(command.client_id)
        if order is None:
            self._tell(heard, OrderReport(heard, command.client_id, "not_found", "query"))
            return
        for fill in order.fills:
            self._tell(heard, structs.replace(fill, t_ns=heard, source="rest"))
        report = OrderReport(
            heard,
            order.client_id,
            order.status,
            "query",
            str(order.order_no),
            order.filled,
            order.size,
            reason=order.reason,
        )
        self._tell(heard, report)

    def listed(self) -> tuple[OpenOrder, ...]:
        """The list of open orders."""
        return tuple(
            OpenOrder(order.client_id, str(order.order_no), order.side, order.price_ticks, order.size, order.filled)
            for order in self.open.values()
        )
