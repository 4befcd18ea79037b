"""Private calls: orders, positions, wallet and settings of the account that signed (lmex-api.md section 4)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, field

from workbench.exchange.accounts import FUNDING_ROW, MONEY_DIGITS, PROFIT_ROW, TRANSFER_ROW, Account, Fill, WalletRow
from workbench.exchange.orders import AmendRequest, PlaceRequest
from workbench.exchange.refusals import bad_request, invalid_parameters, order_not_found, symbol_missing
from workbench.exchange.requests import Request
from workbench.exchange.wire import (
    OpenOrderRow,
    OrderReply,
    QueryReply,
    current_leverage,
    encode,
    fill_row,
    open_order_row,
    position_row,
    query_reply,
)
from workbench.exchange.wire_numbers import decimal_number, number

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = [
    "amend_order",
    "cancel_all_after",
    "cancel_orders",
    "close_position",
    "fees",
    "margin_setting",
    "open_orders",
    "place_order",
    "positions",
    "query_order",
    "trade_history",
    "unified_margin",
    "wallet",
    "wallet_history",
]

WEEK_MS = 7 * 86_400_000
MAX_TIMEOUT_MS = 86_400_000


class _Timeout(msgspec.Struct):
    timeout: int


class _ClosePosition(msgspec.Struct):
    symbol: str = ""
    type: str = "MARKET"
    price: Decimal | None = None
    post_only: bool = field(default=False, name="postOnly")


_place = msgspec.json.Decoder(PlaceRequest)
_amend = msgspec.json.Decoder(AmendRequest)
_timeout = msgspec.json.Decoder(_Timeout)
_close = msgspec.json.Decoder(_ClosePosition)


# --- orders ---------------------------------------------------------------------------------------------------------


def place_order(exchange: SimulatedExchange, request: Request) -> list[OrderReply]:
    return [exchange.desk.place(request.account, request.decoded(_place), request.now_ns)]


def amend_order(exchange: SimulatedExchange, request: Request) -> list[OrderReply]:
    return [exchange.desk.amend(request.account, request.decoded(_amend), request.now_ns)]


def cancel_orders(exchange: SimulatedExchange, request: Request) -> list[OrderReply]:
    """By orderID, by clOrderID (all that carry it), or, with neither, everything on the market."""
    market = exchange.market(request.symbol())
    account, order_id, client_id = request.account, request.text("orderID"), request.text("clOrderID")
    if not order_id and not client_id:
        return exchange.desk.cancel(account.open_on(market.symbol), request.now_ns)
    found = account.find(order_id, client_id, request.now_ns)
    replies = exchange.desk.cancel([o for o in found if o.symbol == market.symbol], request.now_ns)
    if replies:
        return replies
    if order_id:
        return [exchange.desk.not_found_reply(account, market.symbol, order_id, request.now_ns)]
    raise order_not_found(market.listing.position_id)


def query_order(exchange: SimulatedExchange, request: Request) -> QueryReply:
    order_id, client_id = request.text("orderID"), request.text("clOrderID")
    if not order_id and not client_id:
        raise invalid_parameters()
    found = request.account.find(order_id, client_id, request.now_ns)
    if not found:
        raise bad_request("Order doesn't exist")
    return query_reply(exchange.listing(found[-1].symbol), found[-1])


def open_orders(exchange: SimulatedExchange, request: Request) -> list[OpenOrderRow]:
    wanted = {"symbol": request.text("symbol"), "id": request.text("orderID"), "client": request.text("clOrderID")}
    if wanted["symbol"]:
        exchange.market(wanted["symbol"])
    return [
        open_order_row(exchange.listing(order.symbol), order)
        for order in request.account.open_orders.values()
        if wanted["symbol"] in ("", order.symbol)
        and wanted["id"] in ("", order.order_id)
        and wanted["client"] in ("", order.client_id)
    ]


def cancel_all_after(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    """Restart the account's dead-man timer; 0 disarms it. The reply's body is not documented."""
    timeout_ms = request.decoded(_timeout).timeout
    if not 0 <= timeout_ms <= MAX_TIMEOUT_MS:
        raise invalid_parameters()
    exchange.arm_dead_man(request.account, timeout_ms)
    return {}


def close_position(exchange: SimulatedExchange, request: Request) -> list[OrderReply]:
    """A reduce-only order over the whole position, with a client id of the venue's making."""
    wanted = request.decoded(_close)
    if not wanted.symbol:
        raise symbol_missing()
    position = request.account.holdings[exchange.market(wanted.symbol).symbol].position
    order = PlaceRequest(
        symbol=wanted.symbol,
        side="SELL" if position > 0 else "BUY",
        type=wanted.type,
        size=Decimal(max(1, abs(position))),
        price=wanted.price,
        post_only=wanted.post_only,
        reduce_only=True,
        client_id=f"_W_{request.account.username}{request.time_ms}",
    )
    return [exchange.desk.place(request.account, order, request.now_ns)]


# --- records --------------------------------------------------------------------------------------------------------


def trade_history(exchange: SimulatedExchange, request: Request) -> list[Raw]:
    """Fills, newest first; a window of seven days at most, moved and completed as documented."""
    count = request.count(500)
    before, after = request.integer("beforeSerialId"), request.integer("afterSerialId")
    start_ms, end_ms = _window(request.integer("startTime"), request.integer("endTime"), request.time_ms)
    account = request.account
    fills = account.fills
    first = bisect_right(fills, after, key=_serial) if after is not None else 0
    last = bisect_left(fills, before, key=_serial) if before is not None else len(fills)
    rows: list[Raw] = []
    for place in range(last - 1, first - 1, -1):
        fill = fills[place]
        if len(rows) == count or fill.time_ns < start_ms * 1_000_000:
            break
        if fill.time_ns // 1_000_000 <= end_ms and _matches(fill, request):
            if place not in account.fills_written:
                account.fills_written[place] = Raw(encode(fill_row(exchange.listing(fill.order.symbol), fill)))
            rows.append(account.fills_written[place])
    return rows


def _serial(fill: Fill) -> int:
    return fill.serial


def _window(start_ms: int | None, end_ms: int | None, now_ms: int) -> tuple[int, int]:
    if end_ms is None:
        end_ms = now_ms if start_ms is None else start_ms + WEEK_MS
    if start_ms is None:
        start_ms = end_ms - WEEK_MS
    return max(start_ms, end_ms - WEEK_MS), end_ms


def _matches(fill: Fill, request: Request) -> bool:
    order = fill.order
    return (
        request.text("symbol") in ("", order.symbol)
        and request.text("orderID") in ("", order.order_id)
        and request.text("clOrderID") in ("", order.client_id)
    )


def positions(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    symbol = request.text("symbol")
    if symbol:
        exchange.market(symbol)
    rows = []
    for name, holding in request.account.holdings.items():
        if holding.position and symbol in ("", name):
            market = exchange.market(name)
            rows.append(position_row(request.account, holding, market.mark_value, decimal_number(market.mark)))
    return rows


def wallet_history(_exchange: SimulatedExchange, request: Request) -> list[Raw]:
    """Bookings, newest first: the amounts less the fees sum to the balance."""
    count = request.count(500)
    start_ms, end_ms = request.integer("startTime") or 0, request.integer("endTime") or request.time_ms
    account = request.account
    rows, written = account.wallet_rows, account.wallet_rows_written
    first, last = bisect_left(rows, start_ms, key=_time_ms), bisect_right(rows, end_ms, key=_time_ms)
    wanted = range(max(first, last - count), last)
    for place in wanted:
        if place not in written:
            written[place] = Raw(encode(_wallet_row(account, rows[place])))
    return [written[place] for place in reversed(wanted)]


def _time_ms(row: WalletRow) -> int:
    return row.time_ns // 1_000_000


_BOOKINGS = {FUNDING_ROW: "Funding", PROFIT_ROW: "Realized PnL", TRANSFER_ROW: "Transfer"}


def _wallet_row(account: Account, row: WalletRow) -> dict[str, Any]:
    return {
        "amount": number(row.amount, MONEY_DIGITS),
        "currency": "USDT",
        "description": _BOOKINGS[row.kind],
        "fees": number(row.fee, MONEY_DIGITS),
        "orderId": row.reference,
        "status": 10,
        "timestamp": row.time_ns // 1_000_000,
        "type": row.kind,
        "username": account.username,
        "wallet": "CROSS@",
        "txid": None,
        "currencyNetwork": None,
    }


# --- wallet ---------------------------------------------------------------------------------------------------------


class _Margins(msgspec.Struct):
    """The account's totals at the marks of now, money units."""

    equity: int
    unrealised: int
    initial: int
    maintenance: int
    value: int
    open_margin: int


def _margins(exchange: SimulatedExchange, account: Account) -> _Margins:
    totals = _Margins(account.balance, 0, 0, 0, 0, 0)
    for name, holding in account.holdings.items():
        if not holding.in_use:
            continue
        mark_value = exchange.market(name).mark_value
        initial = holding.margin(mark_value)
        totals.unrealised += holding.unrealised(mark_value)
        totals.initial += initial
        totals.open_margin += initial - holding.position_margin(mark_value)
        totals.maintenance += holding.maintenance(mark_value)
        totals.value += abs(holding.position) * mark_value
    totals.equity += totals.unrealised
    return totals


def wallet(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    account = request.account
    totals = _margins(exchange, account)
    equity = number(totals.equity, MONEY_DIGITS)
    balance = number(account.balance, MONEY_DIGITS)
    available = number(max(0, totals.equity - totals.initial), MONEY_DIGITS)
    return [
        {
            "trackingID": 0,
            "queryType": 0,
            "activeWalletName": "CROSS@",
            "wallet": "CROSS@",
            "username": account.username,
            "walletTotalValue": equity,
            "totalValue": balance,
            "marginBalance": equity,
            "availableBalance": available,
            "originalAvailableBalance": available,
            "unrealisedProfitLoss": number(totals.unrealised, MONEY_DIGITS),
            "maintenanceMargin": number(totals.maintenance, MONEY_DIGITS),
            "leverage": current_leverage(account, totals.value),
            "openMargin": number(totals.open_margin, MONEY_DIGITS),
            "assets": [
                {
                    "balance": balance,
                    "assetPrice": 1,
                    "currency": "USDT",
                    "availableBalanceForTransfer": available,
                }
            ],
            "assetsInUse": [],
        }
    ]


def unified_margin(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    totals = _margins(exchange, request.account)
    equity, unrealised = number(totals.equity, MONEY_DIGITS), number(totals.unrealised, MONEY_DIGITS)
    available = number(max(0, totals.equity - totals.initial), MONEY_DIGITS)
    return {
        "symbol": request.text("symbol"),
        "walletTotalValue": equity,
        "walletTotalUnrealizedProfitLoss": unrealised,
        "futuresTotalAvailableBalance": available,
        "wallets": [
            {
                "activeWalletName": "CROSS@",
                "unrealisedProfitLoss": unrealised,
                "walletTotalValue": equity,
                "marginBalance": equity,
                "availableBalance": available,
                "maintenanceMargin": number(totals.maintenance, MONEY_DIGITS),
            }
        ],
    }


def fees(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    symbol = request.text("symbol")
    if symbol:
        exchange.market(symbol)
    maker, taker = request.account.fees
    return [
        {"symbol": name, "makerFee": decimal_number(maker), "takerFee": decimal_number(taker)}
        for name in ([symbol] if symbol else exchange.symbols)
    ]


def margin_setting(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    symbol = exchange.market(request.symbol()).symbol
    tier = request.account.holdings[symbol].risk_tier()
    return [
        {
            "symbol": symbol,
            "initialMarginPercentage": decimal_number(tier.initial),
            "maintenanceMarginPercentage": decimal_number(tier.maintenance),
        }
    ]
