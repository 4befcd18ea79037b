"""LMEX's v2.3 REST calls that a market maker uses, typed, signed and within the request budget (lmex-api 3 and 4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeVar

from workbench.client import messages as wire
from workbench.client.caller import Caller
from workbench.client.errors import (
    ApiError,
    OrderNotFound,
    Rejected,
    UnknownOutcome,
    order_status_error,
)
from workbench.client.limiter import Lane, RateLimiter, Unlimited
from workbench.client.messages import Wrapped, decode
from workbench.client.orders import OrderMessage
from workbench.client.requests import (
    PlaceRequest,
    Scalar,
    amend_body,
    cancel_query,
    check_symbol,
    limit_order_body,
    order_key,
    query_of,
    write_json,
)
from workbench.client.signing import Credentials, Signer
from workbench.client.transport import Response, Transport
from workbench.clock import Clock
from workbench.errors import VenueError

__all__ = ["LmexClient"]

T = TypeVar("T")


class LmexClient:
    """One account's REST calls.

    Parameters
    ----------
    transport : Transport
    credentials : Credentials, optional
        Without it only the public calls work.
    clock : Clock
    limiter : RateLimiter or Unlimited, optional
        The request budget; by default half of LMEX's limits.
    base : str
        Product and version.
    timeout_s, order_timeout_s : float
        How long an answer to a query, and to a write, is waited for.

    Notes
    -----
    Writes raise `UnknownOutcome` whenever the answer does not prove that nothing was done: no answer, 5xx, 408, an
    unreadable body.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials | None,
        clock: Clock,
        limiter: RateLimiter | Unlimited | None = None,
        *,
        base: str = "/futures/api/v2.3",
        timeout_s: float = 10.0,
        order_timeout_s: float = 5.0,
    ) -> None:
        self.signer = Signer(credentials, clock) if credentials is not None else None
        self._caller = Caller(transport, self.signer, clock, limiter, timeout_s, order_timeout_s)
        self._base = base
        self._order_path = base + "/order"

    # --- market data ------------------------------------------------------------------------------------------------

    async def market_summary(self, symbol: str | None = None) -> list[wire.MarketSummary]:
        """Every market's (or one market's) increments, contract size, prices and funding (3.1)."""
        return await self._get("market_summary", list[wire.MarketSummary], symbol=symbol, listFullAttributes=True)

    async def instrument_summary(self, symbol: str) -> wire.MarketSummary:
        """One market. Raises `Rejected` when the venue does not list it."""
        for row in await self.market_summary(symbol):
            if row.symbol == symbol:
                return row
        raise Rejected(f"market_summary: {symbol} is not listed; use a symbol of market_summary()", code=-7006)

    async def orderbook(self, symbol: str, group: int = 0) -> wire.BookReply:
        """The book grouped to 10**group ticks, 0 for none (3.2); a snapshot, not to be joined to the stream."""
        return await self._get("orderbook", wire.BookReply, symbol=symbol, group=group)

    async def orderbook_l2(self, symbol: str, depth: int = 50) -> wire.BookReply:
        """The book's first `depth` levels (3.2)."""
        return await self._get("orderbook/L2", wire.BookReply, symbol=symbol, depth=depth)

    async def trades(
        self, symbol: str, count: int = 100, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[wire.Trade]:
        """Public trades, newest first, at most 500 (3.3)."""
        return await self._get(
            "trades", list[wire.Trade], symbol=symbol, count=count, startTime=start_ms, endTime=end_ms
        )

    async def ohlcv(
        self, symbol: str, resolution_min: int = 1, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]]:
        """Candles (time in s, open, high, low, close, volume in quote notional), newest first, at most 300 (3.4)."""
        row = list[tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]]
        return await self._get("ohlcv", row, symbol=symbol, resolution=resolution_min, start=start_ms, end=end_ms)

    async def price(self, symbol: str) -> wire.PriceReply:
        """Mark, index and last price (3.5)."""
        return _one(await self._get("price", list[wire.PriceReply], symbol=symbol), symbol, "price")

    async def funding_history(self, symbol: str, count: int = 100) -> list[wire.FundingRate]:
        """Past funding rates, fractions, stamped in seconds (3.6)."""
        found = await self._get("funding_history", dict[str, list[wire.FundingRate]], symbol=symbol, count=count)
        return found.get(symbol, [])

    async def market_risk_limit(self, symbol: str | None = None) -> list[wire.MarketRiskLimit]:
        """The venue's margin tiers (3.7)."""
        reply = await self._get("market/risk_limit", Wrapped[list[wire.MarketRiskLimit]], symbol=symbol)
        return reply.data or []

    async def measure_clock_offset_ms(self) -> int:
        """Measure venue minus local clock in milliseconds and let signatures use it from now on (3.8)."""
        return await self._caller.measure_clock_offset_ms()

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(
        self,
        symbol: str,
        side: int,
        price: Decimal,
        size: int,
        client_id: str,
        *,
        post_only: bool = True,
        reduce_only: bool = False,
        time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC",
    ) -> OrderMessage:
        """Send a limit order (4.2); the reply may already be filled (4), partly filled (5) or cancelled (6, 7).

        Parameters
        ----------
        side : int
            +1 buy, -1 sell.
        price : Decimal
            A multiple of the tick.
        size : int
            Contracts.
        client_id : str
            1 to 32 letters and digits, never used before.

        Raises
        ------
        InsufficientBalance, PriceProtected, RateLimited, AuthFailed, Rejected
            The venue refused: nothing rests.
        UnknownOutcome
            It may rest: ask with `order`, and never send it again under another id before that.
        """
        body = limit_order_body(
            symbol,
            side,
            price,
            size,
            client_id,
            post_only=post_only,
            reduce_only=reduce_only,
            time_in_force=time_in_force,
        )
        return (await self._placed(self._order_path, body, f"place {client_id}", client_id))[0]

    async def place_request(self, request: PlaceRequest) -> list[OrderMessage]:
        """Send any kind of order, peg ones (with a deviation) included; OCO answers with two. Raises as `place`."""
        path = self._order_path + "/peg" if request.deviation is not None else self._order_path
        return await self._placed(
            path, request.body(), f"place {request.client_id or request.symbol}", request.client_id
        )

    async def _placed(self, path: str, body: bytes, what: str, client_id: str | None) -> list[OrderMessage]:
        try:
            response = await self._caller.send("POST", path, "", body, "order")
        except OrderNotFound as error:
            # There is no order to be found yet: the venue says so when the position mode is wrong (section 12).
            raise Rejected(
                f"{error}; on a new order this means a wrong position mode: see position_mode",
                code=error.code,
                status=error.status,
            ) from None
        rows = _order_rows(response, what)
        for row in rows:
            refused = order_status_error(row.status, row.message, what)
            if isinstance(refused, OrderNotFound):
                raise UnknownOutcome(str(refused), code=refused.code, status=refused.status)
            if refused is not None:
                raise refused
        return sorted(rows, key=lambda row: row.client_id != client_id) if client_id else rows

    async def amend(
        self,
        symbol: str,
        *,
        client_id: str = "",
        order_id: str = "",
        price: Decimal | None = None,
        size: int | None = None,
    ) -> OrderMessage:
        """Change price, total size (filled part included) or both (4.4); assume that only shrinking keeps priority.

        Raises
        ------
        OrderNotFound, Rejected, RateLimited, UnknownOutcome, ...
            As for `place`.
        """
        body = amend_body(symbol, client_id, order_id, price, size)
        what = f"amend {client_id or order_id}"
        response = await self._caller.send("PUT", self._order_path, "", body, "order")
        return _the_order(_order_rows(response, what), client_id, what)

    async def cancel(self, symbol: str, *, client_id: str = "", order_id: str = "") -> OrderMessage:
        """Cancel one order (4.5); `total_filled` of the reply tells what had been filled before.

        Sent again every 0.5 s while there is no answer, as `cancel_all` is: to cancel twice does no harm.

        Raises
        ------
        OrderNotFound
            The venue does not know it: no proof that it was not filled.
        VenueError
            Before anything is sent, when both ids are empty: the venue would cancel every order of the market.
        UnknownOutcome, RateLimited, Rejected, ...
            As for `place`; the order stays live until the contrary is known.
        """
        query = cancel_query(symbol, client_id, order_id)
        what = f"cancel {client_id or order_id}"
        response = await self._caller.send("DELETE", self._order_path, query, b"", "cancel")
        return _the_order(_order_rows(response, what), client_id, what)

    async def cancel_all(self, symbol: str) -> list[OrderMessage]:
        """Cancel every order of one market (4.5); [] when there was none. Verify with `open_orders`."""
        check_symbol(symbol)
        try:
            response = await self._caller.send("DELETE", self._order_path, f"symbol={symbol}", b"", "cancel")
        except OrderNotFound:
            return []
        return [row for row in _order_rows(response, f"cancel all {symbol}", empty=True) if row.status != 16]

    async def cancel_all_after(self, timeout_ms: int) -> None:
        """Arm the venue's dead-man timer: every order of the account is cancelled unless renewed in time (4.6)."""
        body = write_json({"timeout": timeout_ms})
        await self._caller.send("POST", f"{self._order_path}/cancelAllAfter", "", body, "deadman")

    async def order(self, *, client_id: str = "", order_id: str = "") -> OrderMessage:
        """The state of one order (4.7), for 30 minutes after it ended. Raises `OrderNotFound`."""
        name, value = order_key(client_id, order_id, "query")
        response = await self._caller.send("GET", self._order_path, f"{name}={value}", b"", "query")
        what = f"query {value}"
        row = decode(response.body, OrderMessage, what)
        if row.status == 16:
            raise OrderNotFound(f"{what}: the venue does not know it (status 16)", code=16, status=200)
        return row

    async def open_orders(self, symbol: str, lane: Lane = "query") -> list[OrderMessage]:
        """Own orders that rest on a market (4.8); `lane` "verify" asks with priority, after a cancel."""
        return await self._get("user/open_orders", list[OrderMessage], lane, symbol=symbol)

    # --- account ----------------------------------------------------------------------------------------------------

    async def trade_history(
        self,
        symbol: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        count: int = 500,
        client_id: str | None = None,
    ) -> list[wire.TradeRecord]:
        """Own executions, newest first, of at most 7 days (4.9); `trade_id` is the key that they are told apart by."""
        return await self._get(
            "user/trade_history",
            list[wire.TradeRecord],
            symbol=symbol,
            startTime=start_ms,
            endTime=end_ms,
            count=count,
            clOrderID=client_id,
        )

    async def positions(self, symbol: str) -> list[wire.Position]:
        """Open positions of a market, [] when flat (4.10)."""
        return await self._get("user/positions", list[wire.Position], symbol=symbol)

    async def close_position(self, symbol: str, price: Decimal | None = None) -> list[OrderMessage]:
        """Close a one-way position with a market order, or a limit order at `price` (4.10). Raises as `place`."""
        kind = "MARKET" if price is None else "LIMIT"
        body = write_json({"symbol": symbol, "type": kind, "price": Decimal(0) if price is None else price})
        return await self._placed(f"{self._order_path}/close_position", body, f"close position {symbol}", None)

    async def wallet(self, wallet: str = "CROSS@") -> wire.Wallet:
        """The cross wallet: balances, margin, unrealised PnL (4.11)."""
        for row in await self._get("user/wallet", list[wire.Wallet], wallet=wallet):
            if row.wallet == wallet:
                return row
        raise Rejected(f"wallet {wallet!r} is not in the reply; expected one of the account's wallets")

    async def wallet_history(
        self, *, start_ms: int | None = None, end_ms: int | None = None, count: int = 100, wallet: str = "CROSS@"
    ) -> list[wire.WalletRecord]:
        """Bookings of a wallet, newest first: realised PnL (108), funding (110), transfers (4.11)."""
        return await self._get(
            "user/wallet_history",
            list[wire.WalletRecord],
            wallet=wallet,
            startTime=start_ms,
            endTime=end_ms,
            count=count,
        )

    async def fees(self, symbol: str) -> wire.Fees:
        """Own maker and taker rates (4.11); the reply is an array or an object."""
        kind: Any = list[wire.Fees] | wire.Fees
        rows: list[wire.Fees] = _rows(await self._get("user/fees", kind, symbol=symbol))
        return _one(rows, symbol, "fees")

    async def leverage(self, symbol: str) -> list[wire.Leverage]:
        """Leverage and margin mode (4.12); 0 is the maximum cross leverage."""
        kind: Any = list[wire.Leverage] | wire.Leverage
        return _rows(await self._get("leverage", kind, symbol=symbol))

    async def set_leverage(
        self, symbol: str, leverage: int, margin_mode: Literal["CROSS", "ISOLATED"] = "CROSS"
    ) -> None:
        """Set leverage; the margin mode is always sent, without it the isolated one would change (4.12)."""
        await self._configure("leverage", {"symbol": symbol, "leverage": leverage, "marginMode": margin_mode})

    async def position_mode(self, symbol: str) -> str:
        """ONE_WAY, HEDGE or ISOLATED (4.12)."""
        return _one(
            await self._get("position_mode", list[wire.PositionMode], symbol=symbol), symbol, "position_mode"
        ).position_mode

    async def set_position_mode(self, symbol: str, mode: Literal["ONE_WAY", "HEDGE", "ISOLATED"]) -> None:
        """Change the position mode; refused (134) while positions or orders are open (4.12)."""
        await self._configure("position_mode", {"symbol": symbol, "positionMode": mode})

    async def risk_limit(self, symbol: str) -> wire.RiskLimit:
        """Own risk limit, notional (4.12)."""
        return await self._get("risk_limit", wire.RiskLimit, symbol=symbol)

    async def set_risk_limit(self, symbol: str, level: int) -> None:
        """Choose the risk-limit tier (4.12)."""
        await self._configure("risk_limit", {"symbol": symbol, "riskLimitLevel": level})

    async def margin_setting(self, symbol: str) -> list[wire.MarginSetting]:
        """Initial and maintenance margin fractions (4.12)."""
        return await self._get("user/margin_setting", list[wire.MarginSetting], symbol=symbol)

    async def unified_margin(self, symbol: str) -> wire.UnifiedMargin:
        """The unified wallet's value and available balance (4.11)."""
        return await self._get("user/unifiedWallet/margin", wire.UnifiedMargin, symbol=symbol)

    async def _get(self, name: str, kind: type[T], lane: Lane = "query", **parameters: str | int | bool | None) -> T:
        response = await self._caller.send("GET", f"{self._base}/{name}", query_of(parameters), b"", lane)
        return decode(response.body, kind, name)

    async def _configure(self, name: str, fields: dict[str, Scalar]) -> None:
        response = await self._caller.send("POST", f"{self._base}/{name}", "", write_json(fields), "order")
        reply = decode(response.body, wire.ConfigReply, name)
        if reply.status != 20:
            refused = order_status_error(reply.status, reply.message, name)
            raise refused or Rejected(
                f"{name}: {reply.message or 'no message'} (status {reply.status}); expected 20", code=reply.status
            )


def _order_rows(response: Response, what: str, *, empty: bool = False) -> list[OrderMessage]:
    kind: Any = list[OrderMessage] | OrderMessage
    found = decode(response.body, kind, what) if response.body or not empty else []
    rows: list[OrderMessage] = _rows(found)
    if not rows and not empty:
        raise UnknownOutcome(f"{what}: the answer lists no order", status=response.status)
    return rows


def _the_order(rows: list[OrderMessage], client_id: str, what: str) -> OrderMessage:
    """The row of one order, unless its status says that the request failed."""
    row = next((row for row in rows if client_id and row.client_id == client_id), rows[0])
    refused: ApiError | None = order_status_error(row.status, row.message, what)
    if refused is not None:
        raise refused
    return row


def _rows(found: Any) -> list[Any]:
    """Some replies are an object where others are an array."""
    return found if isinstance(found, list) else [found]


def _one(rows: list[T], symbol: str, what: str) -> T:
    for row in rows:
        if wire.new_symbol(getattr(row, "symbol", symbol)) == symbol:
            return row
    raise VenueError(f"{what}: {symbol} is not in the reply ({len(rows)} rows)")
