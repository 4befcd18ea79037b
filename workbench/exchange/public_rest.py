"""Public calls: market data as lmex-api.md section 3 describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.clock import NS
from workbench.exchange.accounts import MONEY_DIGITS
from workbench.exchange.market import Candle, Market
from workbench.exchange.matching import BookSide
from workbench.exchange.refusals import Refusal, invalid_parameters, service_refusal
from workbench.exchange.requests import Request
from workbench.exchange.wire import BUY_SELL
from workbench.exchange.wire_numbers import decimal_number, number, round_half_even

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = [
    "day_value",
    "funding_history",
    "funding_stamp_after",
    "market_risk_limit",
    "market_summary",
    "ohlcv",
    "orderbook",
    "orderbook_l2",
    "price",
    "spot_time",
    "trades",
]

DAY_MINUTES = 1440
MAX_CANDLES = 300
RESOLUTIONS = (1, 5, 15, 30, 60, 240, 360, 1440, 10080, 43200)
OPEN_INTEREST = 70_510_904


def funding_stamp_after(now_ns: int, interval_s: int) -> int:
    """The next funding stamp: whole intervals since the epoch."""
    return (now_ns // (interval_s * NS) + 1) * interval_s * NS


def _day(market: Market, now_ns: int) -> list[Candle]:
    since = now_ns // (60 * NS) - DAY_MINUTES
    return [candle for candle in market.candles if candle.minute >= since]


def day_value(market: Market, now_ns: int) -> int:
    """Value traded in the last 24 hours, money units."""
    return sum(candle.value for candle in _day(market, now_ns))


def market_summary(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    symbol = request.text("symbol")
    full = request.text("listFullAttributes").lower() == "true"
    return [
        _summary(exchange.market(name), request.now_ns, full) for name in ([symbol] if symbol else exchange.symbols)
    ]


def _summary(market: Market, now_ns: int, full: bool) -> dict[str, Any]:
    listing, instrument = market.listing, market.listing.instrument
    day = _day(market, now_ns)
    first = day[0].open if day else market.last
    row = {
        "symbol": listing.symbol,
        "last": listing.price_numbers[market.last],
        "lowestAsk": listing.price_numbers[market.book.asks.best_shown or 0],
        "highestBid": listing.price_numbers[market.book.bids.best_shown or 0],
        "percentageChange": number(round_half_even((market.last - first) * 1_000_000, first), 4),
        "volume": number(day_value(market, now_ns), MONEY_DIGITS),
        "high24Hr": listing.price_numbers[max((candle.high for candle in day), default=market.last)],
        "low24Hr": listing.price_numbers[min((candle.low for candle in day), default=market.last)],
        "base": instrument.base,
        "quote": instrument.quote,
        "active": instrument.active,
        "size": sum(candle.size for candle in day),
        "minValidPrice": decimal_number(instrument.min_price),
        "minPriceIncrement": decimal_number(instrument.tick_size),
        "minOrderSize": instrument.min_size,
        "maxOrderSize": instrument.max_size,
        "minSizeIncrement": instrument.lot,
        "openInterest": OPEN_INTEREST,
        "openInterestUSD": number(OPEN_INTEREST * listing.value(market.last), MONEY_DIGITS),
        "contractStart": 0,
        "contractEnd": 0,
        "timeBasedContract": False,
        "openTime": 0,
        "closeTime": 0,
        "startMatching": 0,
        "inactiveTime": 0,
        "fundingRate": decimal_number(market.settings.funding_rate),
        "contractSize": decimal_number(instrument.contract_size),
        "maxPosition": 0,
        "minRiskLimit": listing.tiers[0].limit,
        "maxRiskLimit": listing.tiers[-1].limit,
        "availableSettlement": ["USD", "USDT"],
        "futures": True,
    }
    if full:
        interval = market.settings.funding_interval_s
        row["fundingIntervalMinutes"] = number(interval * 100 // 60, 2)
        row["fundingTime"] = funding_stamp_after(now_ns, interval) // 1_000_000
    return row


def orderbook(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    market = exchange.market(request.symbol())
    group = request.integer("group") or 0
    if not 0 <= group <= 8:
        raise invalid_parameters()
    reply = _book(market, request.time_ms, 10**group, 50)
    # Listed from the highest price down on both sides, as in the published samples: clients sort for themselves.
    reply["sellQuote"].reverse()
    return reply


def orderbook_l2(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    market = exchange.market(request.symbol())
    depth = request.integer("depth")
    if depth is None:
        depth = 50
    if depth < 1:
        raise invalid_parameters()
    return {**_book(market, request.time_ms, 1, depth), "depth": depth}


def _book(market: Market, time_ms: int, step: int, depth: int) -> dict[str, Any]:
    return {
        "buyQuote": _levels(market, market.book.bids, step, depth),
        "sellQuote": _levels(market, market.book.asks, step, depth),
        "timestamp": time_ms,
        "symbol": market.symbol,
    }


def _levels(market: Market, side: BookSide, step: int, depth: int) -> list[dict[str, str]]:
    """Best first; prices grouped away from the market to multiples of `step` ticks."""
    grouped: dict[int, int] = {}
    for level in side.from_best():
        if not level.shown:
            continue
        price = level.price // step * step if side.side > 0 else -(-level.price // step) * step
        if price not in grouped and len(grouped) == depth:
            break
        grouped[price] = grouped.get(price, 0) + level.shown
    return [{"price": market.listing.price_texts[price], "size": str(size)} for price, size in grouped.items()]


def trades(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    market = exchange.market(request.symbol())
    count = request.count(10)
    before, after = request.integer("beforeSerialId"), request.integer("afterSerialId")
    start, end = request.integer("startTime"), request.integer("endTime")
    rows: list[dict[str, Any]] = []
    for trade in reversed(market.trades):
        if len(rows) == count or (after is not None and trade.serial <= after):
            break
        if start is not None and trade.time_ms < start:
            break
        if (before is not None and trade.serial >= before) or (end is not None and trade.time_ms > end):
            continue
        rows.append(
            {
                "price": market.listing.price_numbers[trade.price],
                "size": trade.size,
                "side": BUY_SELL[trade.side],
                "symbol": market.symbol,
                "serialId": trade.serial,
                "timestamp": trade.time_ms,
            }
        )
    return rows


def ohlcv(exchange: SimulatedExchange, request: Request) -> list[list[Any]]:
    market = exchange.market(request.symbol())
    resolution = request.integer("resolution") or 1
    if resolution not in RESOLUTIONS:
        raise invalid_parameters()
    start, end = request.integer("start"), request.integer("end")
    last_ms = end if end is not None else request.time_ms
    first_ms = start if start is not None else last_ms - (MAX_CANDLES - 1) * resolution * 60_000
    if (last_ms - first_ms) // (resolution * 60_000) > MAX_CANDLES:
        raise _range_too_long(request.time_ms)
    bars = _merged(market, first_ms, last_ms, resolution)
    listing = market.listing
    return [
        [
            bar.minute * 60,
            *(listing.price_numbers[ticks] for ticks in (bar.open, bar.high, bar.low, bar.close)),
            number(bar.value, MONEY_DIGITS),
        ]
        for bar in reversed(bars)
    ]


def _merged(market: Market, first_ms: int, last_ms: int, resolution: int) -> list[Candle]:
    bars: list[Candle] = []
    for candle in market.candles:
        minute = candle.minute - candle.minute % resolution
        if not first_ms <= minute * 60_000 <= last_ms:
            continue
        if not bars or bars[-1].minute != minute:
            bars.append(Candle(minute, candle.open))
        bars[-1].merge(candle)
    return bars


def _range_too_long(time_ms: int) -> Refusal:
    return service_refusal(
        400,
        "BADREQUEST: resolution too small for the requested time range. Records returned exceeds 300",
        time_ms,
        data=[],
    )


def price(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    symbol = request.text("symbol")
    return [
        {
            "symbol": market.symbol,
            "indexPrice": decimal_number(market.index),
            "lastPrice": market.listing.price_numbers[market.last],
            "markPrice": decimal_number(market.mark),
        }
        for market in (exchange.market(name) for name in ([symbol] if symbol else exchange.symbols))
    ]


def funding_history(exchange: SimulatedExchange, request: Request) -> dict[str, list[dict[str, Any]]]:
    market = exchange.market(request.symbol())
    count = request.count(10)
    begin, end = request.integer("from"), request.integer("to")
    interval = market.settings.funding_interval_s
    last_s = request.now_ns // NS if end is None else min(end // 1000, request.now_ns // NS)
    stamp = last_s // interval * interval
    rows: list[dict[str, Any]] = []
    while stamp > 0 and (len(rows) < count if begin is None else stamp * 1000 >= begin and len(rows) < 500):
        rows.append({"time": stamp, "rate": decimal_number(market.settings.funding_rate), "symbol": market.symbol})
        stamp -= interval
    return {market.symbol: rows}


def market_risk_limit(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    symbol = request.text("symbol")
    if symbol and not exchange.lists(symbol):
        raise service_refusal(-2, "Invalid request parameters", request.time_ms)
    rows = [
        {
            "symbol": name,
            "riskLevel": tier.level,
            "riskLimitValue": tier.limit,
            "initialMarginRate": decimal_number(tier.initial),
            "maintenanceMarginRate": decimal_number(tier.maintenance),
            "maxLeverage": tier.max_leverage,
        }
        for name in ([symbol] if symbol else exchange.symbols)
        for tier in exchange.listing(name).tiers
    ]
    return {"code": 1, "msg": "Success", "time": request.time_ms, "data": rows, "success": True}


def spot_time(_exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    seconds, ms = divmod(request.time_ms, 1000)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return {"iso": f"{stamp:%Y-%m-%dT%H:%M:%S}.{ms:03d}Z", "epoch": seconds}
