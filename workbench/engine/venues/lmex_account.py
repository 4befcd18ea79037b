"""What LMEX says about the account, as events: open orders, fills, position, wallet, funding."""

from __future__ import annotations

import logging
from collections.abc import Callable

from workbench.client.messages import OrderMessage, TradeRecord, WalletRecord, side_of
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
OVERLAP_MS = 60_000
"""Fills so much older than the newest known are asked for again: the venue's lists may lag."""
FUNDING = 110


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
        self._since_ms = None if fills_since_ns is None else fills_since_ns // 1_000_000
        self._fills_seen: dict[str, int] = {}
        self._funding_since_ms: int | None = None
        self._funding_seen: dict[str, int] = {}

    async def start(self) -> None:
        """Learn which fills and bookings are old. Raises `VenueError`."""
        if self._since_ms is None:
            for record in await self._client.trade_history(self._instrument.symbol, count=PAGE):
                self._remember_fill(record.trade_id, record.timestamp)
        for booking in await self._client.wallet_history(count=PAGE):
            self._remember_funding(booking)

    def heard(self, fill: OwnFill) -> None:
        """A fill came by stream: the trade history need not bring it again."""
        self._remember_fill(fill.trade_id, fill.venue_ns // 1_000_000)

    async def reconcile(self) -> None:
        """Emit the venue's lists, then `ReconcileDone`; never raises for what the venue may answer.

        Open orders are asked for before the fills and emitted after them: an order that is missing from the list
        because it was filled has its fills known by then.
        """
        asked = self._clock.now_ns()
        try:
            orders = self._open_orders(asked, await self._client.open_orders(self._instrument.symbol))
            await self._fills()
            self._emit(orders)
            await self._position()
            await self._wallet()
            await self._funding()
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

    async def _fills(self) -> None:
        for record in sorted(await self._new_records(), key=lambda record: record.serial_id):
            self._emit(fill_event(record, self._instrument, self._clock.now_ns()))
            self._remember_fill(record.trade_id, record.timestamp)
        self._forget_old_fills()

    async def _new_records(self) -> list[TradeRecord]:
        """Records that were not heard of, page by page backwards in time."""
        start = None if self._since_ms is None else self._since_ms - OVERLAP_MS
        end: int | None = None
        found: dict[str, TradeRecord] = {}
        for _ in range(MAX_PAGES):
            rows = await self._client.trade_history(self._instrument.symbol, start_ms=start, end_ms=end, count=PAGE)
            news = [
                row
                for row in rows
                if row.trade_id not in self._fills_seen
                and row.trade_id not in found
                and row.symbol == self._instrument.symbol
            ]
            found |= {row.trade_id: row for row in news}
            if len(rows) < PAGE or not news:
                return list(found.values())
            end = min(row.timestamp for row in rows)
        raise VenueError(f"more than {PAGE * MAX_PAGES} fills since the last check; expected fewer: check more often")

    def _remember_fill(self, trade_id: str, venue_ms: int) -> None:
        self._fills_seen[trade_id] = venue_ms
        self._since_ms = venue_ms if self._since_ms is None else max(self._since_ms, venue_ms)

    def _forget_old_fills(self) -> None:
        if self._since_ms is None:
            return
        # Twice the overlap, so that nothing which is asked for again has been forgotten.
        horizon = self._since_ms - 2 * OVERLAP_MS
        if next(iter(self._fills_seen.values()), horizon) < horizon:
            self._fills_seen = {key: at for key, at in self._fills_seen.items() if at >= horizon}

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

    async def _funding(self) -> None:
        rows = await self._client.wallet_history(start_ms=self._funding_since_ms)
        for row in sorted(rows, key=lambda row: row.timestamp):
            if row.type == FUNDING and row.currency == self._instrument.settlement and self._remember_funding(row):
                self._emit(FundingPaid(self._clock.now_ns(), _booking_id(row), row.amount))

    def _remember_funding(self, row: WalletRecord) -> bool:
        """True the first time."""
        if row.type != FUNDING or _booking_id(row) in self._funding_seen:
            return False
        self._funding_seen[_booking_id(row)] = row.timestamp
        self._funding_since_ms = max(self._funding_since_ms or 0, row.timestamp)
        return True


def _booking_id(row: WalletRecord) -> str:
    return f"{row.order_id or row.txid or row.description or ''}@{row.timestamp}"
