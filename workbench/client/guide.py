"""The guide's own /v1 dialect: ticker, position, place, cancel, signed with HMAC-SHA256.

The guide breaks off before it places an order: `/v1/orders` is the project's extension in the same style.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import field

from workbench.client.caller import Caller
from workbench.client.limiter import Lane, RateLimiter, Unlimited
from workbench.client.messages import Message, decode
from workbench.client.requests import check_symbol, plain
from workbench.client.signing import Credentials, GuideSigner
from workbench.client.transport import Transport
from workbench.clock import Clock
from workbench.errors import VenueError

__all__ = ["GuideClient", "GuideOrder", "GuidePosition", "GuideTicker"]

T = TypeVar("T")


class GuideTicker(Message):
    """`GET /v1/ticker/{symbol}`: prices in quote currency."""

    symbol: str
    last_price: Decimal
    best_bid: Decimal
    best_ask: Decimal
    volume_24h: Decimal = Decimal(0)

    @property
    def mid(self) -> Decimal:
        """Middle of best bid and ask, as the guide computes it."""
        return (self.best_bid + self.best_ask) / 2


class GuidePosition(Message):
    """`GET /v1/positions/{symbol}`: size in contracts, signed."""

    symbol: str
    size: Decimal


class GuideOrder(Message):
    """Reply of `/v1/orders`: the order's id and what became of it (open, filled, cancelled, refunded)."""

    order_id: str = field(name="id")
    symbol: str
    side: str
    price: Decimal
    size: Decimal
    status: str
    filled: Decimal = Decimal(0)
    client_id: str = ""


class _Envelope(msgspec.Struct):
    success: bool
    data: msgspec.Raw = msgspec.Raw(b"null")


class GuideClient:
    """The guide's calls. Parameters as for `LmexClient`; credentials are needed for positions and orders."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        clock: Clock,
        limiter: RateLimiter | Unlimited | None = None,
        *,
        timeout_s: float = 10.0,
    ) -> None:
        signer = GuideSigner(credentials, clock)
        self._caller = Caller(transport, signer, clock, limiter, timeout_s, timeout_s)

    async def ticker(self, symbol: str) -> GuideTicker:
        """Last price, best bid and ask, 24 h volume."""
        check_symbol(symbol)
        return await self._call("GET", f"/v1/ticker/{symbol}", b"", "query", GuideTicker)

    async def position(self, symbol: str) -> GuidePosition:
        """Own position, contracts."""
        check_symbol(symbol)
        return await self._call("GET", f"/v1/positions/{symbol}", b"", "query", GuidePosition)

    async def place(self, symbol: str, side: int, price: Decimal, size: int) -> GuideOrder:
        """Send a limit order: side +1 buy, -1 sell, size in contracts. Raises as `LmexClient.place`."""
        check_symbol(symbol)
        fields = {"symbol": symbol, "side": "buy" if side > 0 else "sell", "price": plain(price), "size": plain(size)}
        # With the blanks of Python's default separators, as the guide's own code writes and signs it.
        return await self._call("POST", "/v1/orders", json.dumps(fields).encode(), "order", GuideOrder)

    async def cancel(self, order_id: str) -> GuideOrder:
        """Cancel one order.

        Raises
        ------
        VenueError
            Before anything is sent, when the id is empty.
        OrderNotFound, UnknownOutcome, ...
            As `LmexClient.cancel`.
        """
        if not order_id or "/" in order_id:
            raise VenueError(f"cancel of order id {order_id!r} was refused; expected the id that place returned")
        return await self._call("DELETE", f"/v1/orders/{order_id}", b"", "cancel", GuideOrder)

    async def _call(self, method: str, path: str, body: bytes, lane: Lane, kind: type[T]) -> T:
        response = await self._caller.send(method, path, "", body, lane)
        what = f"{method} {path}"
        return decode(bytes(decode(response.body, _Envelope, what).data), kind, what)
