"""What LMEX says about the account, as events: open orders, fills, position, wallet, funding."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from workbench.client.messages import TradeRecord, WalletRecord, side_of
from workbench.client.orders import OrderMessage
from workbench.client.rest import LmexClient
from workbench.clock import Clock
from workbench.engine.venues.lmex_orders import fill_event
from workbench.errors import VenueError, WorkbenchError
from workbench.events import (
    Event,
    FundingPaid,
    OpenOrder,
    OpenOrders,
    OwnFill,
    PositionReport,
    ReconcileDone,
    WalletReport,
)
from workbench.instruments import Instrument

__all__ = ["AccountReader"]

log = logging.getLogger(__name__)

PAGE = 500
MAX_PAGES = 20
OVERLAP_MS = 10_000
"""Records so much older than the newest known are asked for again: the venue's lists may lag."""
FUNDING = 110


class _Stamped(Protocol):
    """A record with its venue time, milliseconds."""

    timestamp: int


R = TypeVar("R", bound=_Stamped)


class _Records(Generic[R]):
    """One of the venue's lists, newest first on the wire: reads on from where it has read, each record once."""

    def __init__(self, key: Callable[[R], str], fetch: Callable[[int | None, int | None], Awaitable[list[R]]]) -> None:
        self._key = key
        self._fetch = fetch
        self._known: dict[str, int] = {}
        self.read_to_ms: int | None = None

    def heard(self, key: str, venue_ms: int) -> None:
        """This record came another way. It does not move the mark: one before it may have been lost there."""
        self._known[key] = venue_ms

    async def skip(self) -> None:
        """Take everything that the list shows now for known."""
        self._learn(await self._fetch(None, None))

    async def news(self) -> list[R]:
        """Records that were not known, oldest first; page by page backwards in time. They are known from now on."""
        start = None if self.read_to_ms is None else self.read_to_ms - OVERLAP_MS
        found: dict[str, R] = {}
        records: list[R] = []
        end: int | None = None
        for _ in range(MAX_PAGES):
            page = await self._fetch(start, end)
            records += page
            fresh = {key: record for record in page if (key := self._key(record)) not in self._known}
            complete = len(page) < PAGE or fresh.keys() <= found.keys()
            found |= fresh
            if complete:
                self._learn(records)
                return sorted(found.values(), key=lambda record: record.timestamp)
            end = min(record.timestamp for record in page)
        raise VenueError(f"more than {PAGE * MAX_PAGES} records since the last check; expected fewer: check more often")

    def _learn(self, records: list[R]) -> None:
        for record in records:
            self._known[self._key(record)] = record.timestamp
            self.read_to_ms = max(self.read_to_ms or 0, record.timestamp)
        # Twice the overlap is kept, so that nothing which is asked for again has been forgotten.
        horizon = (self.read_to_ms or 0) - 2 * OVERLAP_MS
        if len(self._known) > PAGE:
            self._known = {key: at for key, at in self._known.items() if at >= horizon}


class AccountReader:
    """Reads the account and emits what it finds; fills and funding each once.

    Parameters
    ----------
    client : LmexClient
    instrument : Instrument
    clock : Clock
    emit : callable
        Takes every event.
    fills_since_ns : int, optional
        Venue time from which fills are new to the caller; by default whatever `start` finds is old.
    """

    def __init__(
        self,
        client: LmexClient,
        instrument: Instrument,
        clock: Clock,
        emit: Callable[[Event], None],
        fills_since_ns: int | None = None,
    ) -> None:
        self._client = client
        self._instrument = instrument
        self._clock = clock
        self._emit = emit
        self._fills: _Records[TradeRecord] = _Records(lambda record: record.trade_id, self._fetch_fills)
        self._bookings: _Records[WalletRecord] = _Records(_booking_id, self._fetch_bookings)
        self._fills_since_ns = fills_since_ns

    async def start(self) -> None:
        """Learn which fills and bookings are old. Raises `VenueError`."""
        if self._fills_since_ns is None:
            await self._fills.skip()
        else:
            self._fills.read_to_ms = self._fills_since_ns // 1_000_000
        await self._bookings.skip()

    async def _fetch_fills(self, start_ms: int | None, end_ms: int | None) -> list[TradeRecord]:
        return await self._client.trade_history(self._instrument.symbol, start_ms=start_ms, end_ms=end_ms, count=PAGE)

    async def _fetch_bookings(self, start_ms: int | None, end_ms: int | None) -> list[WalletRecord]:
        return await self._client.wallet_history(start_ms=start_ms, end_ms=end_ms, count=PAGE)

    def heard(self, fill: OwnFill) -> None:
        """A fill came by stream: the trade history need not bring it again."""
        self._fills.heard(fill.trade_id, fill.venue_ns // 1_000_000)

    async def reconcile(self) -> None:
        """Emit the venue's lists, then `ReconcileDone`; never raises for what the venue may answer.

        Open orders are asked for before the fills and emitted after them: an order that is missing from the list
        because it was filled has its fills known by then.
        """
        asked = self._clock.now_ns()
        try:
            orders = self._open_orders(asked, await self._client.open_orders(self._instrument.symbol))
            await self._new_fills()
            self._emit(orders)
            await self._position()
            await self._wallet()
            await self._new_funding()
        except WorkbenchError as error:
            log.warning("reconciliation failed: %s", error)
            self._emit(ReconcileDone(self._clock.now_ns(), asked, False, str(error)))
        else:
            self._emit(ReconcileDone(self._clock.now_ns(), asked, True))

    def _open_orders(self, asked_ns: int, rows: list[OrderMessage]) -> OpenOrders:
        orders = tuple(
            OpenOrder(
                row.client_id,
                row.order_id,
                side_of(row.side),
                self._instrument.price_to_ticks(row.price),
                row.current,
                max(0, row.total_filled),
            )
            for row in rows
            if row.symbol == self._instrument.symbol
        )
        return OpenOrders(self._clock.now_ns(), asked_ns, orders)

    async def _new_fills(self) -> None:
        for record in sorted(await self._fills.news(), key=lambda record: record.serial_id):
            if record.symbol == self._instrument.symbol:
                self._emit(fill_event(record, self._instrument, self._clock.now_ns()))

    async def _position(self) -> None:
        asked = self._clock.now_ns()
        rows = [row for row in await self._client.positions(self._instrument.symbol) if row.size]
        mine = [row for row in rows if row.symbol == self._instrument.symbol]
        if len(mine) > 1:
            raise VenueError(f"{len(mine)} positions on {self._instrument.symbol}; expected one: is the mode ONE_WAY?")
        size = mine[0].signed if mine else 0
        entry = mine[0].entry_price if mine else self._instrument.tick_size * 0
        self._emit(PositionReport(self._clock.now_ns(), asked, size, entry))

    async def _wallet(self) -> None:
        asked = self._clock.now_ns()
        wallet = await self._client.wallet()
        balance = wallet.balance(self._instrument.settlement)
        self._emit(WalletReport(self._clock.now_ns(), asked, balance, wallet.available, wallet.unrealised))

    async def _new_funding(self) -> None:
        for row in await self._bookings.news():
            if row.type == FUNDING and row.currency == self._instrument.settlement:
                self._emit(FundingPaid(self._clock.now_ns(), _booking_id(row), row.amount))


def _booking_id(row: WalletRecord) -> str:
    return f"{row.type}:{row.order_id or row.txid or row.description or ''}@{row.timestamp}"
