"""Leverage, risk limit and position mode (lmex-api.md section 4.12): HTTP 200 even on failure, see the status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import field

from workbench.exchange.accounts import Holding
from workbench.exchange.refusals import invalid_parameters, symbol_missing, trading_refusal
from workbench.exchange.requests import Request

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = [
    "get_leverage",
    "get_position_mode",
    "get_risk_limit",
    "set_leverage",
    "set_position_mode",
    "set_risk_limit",
]

DONE, INVALID_LEVERAGE, INVALID_RISK_LIMIT = 20, 13, 41
LEVERAGE_REPLY, RISK_LIMIT_REPLY, MODE_REPLY = 93, 94, 129
MODES = ("ONE_WAY", "HEDGE", "ISOLATED")


class _Setting(msgspec.Struct):
    symbol: str = ""
    leverage: int | None = None
    margin_mode: str = field(default="ISOLATED", name="marginMode")
    position_mode: str = field(default="", name="positionMode")
    level: int | None = field(default=None, name="riskLimitLevel")


_setting = msgspec.json.Decoder(_Setting)


def _holding(exchange: SimulatedExchange, request: Request, symbol: str) -> Holding:
    if not symbol:
        raise symbol_missing()
    return request.account.holdings[exchange.market(symbol).symbol]


def _done(request: Request, symbol: str, kind: int, status: int = DONE) -> dict[str, Any]:
    return {"symbol": symbol, "timestamp": request.time_ms, "status": status, "type": kind, "message": ""}


def get_leverage(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    holding = _holding(exchange, request, request.symbol())
    return [
        {
            "symbol": holding.listing.symbol,
            "leverage": holding.leverage,
            "marginMode": "CROSS",
            "positionDirection": None,
        }
    ]


def set_leverage(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    """Cross leverage, 0 for the maximum. Without `marginMode` the isolated one would change, which is not simulated."""
    wanted = request.decoded(_setting)
    holding = _holding(exchange, request, wanted.symbol)
    if wanted.leverage is None:
        raise invalid_parameters()
    if wanted.margin_mode != "CROSS" or not 0 <= wanted.leverage <= holding.risk_tier().max_leverage:
        return _done(request, wanted.symbol, LEVERAGE_REPLY, INVALID_LEVERAGE)
    holding.set_margin(wanted.leverage, holding.tier)
    return _done(request, wanted.symbol, LEVERAGE_REPLY)


def get_risk_limit(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    holding = _holding(exchange, request, request.symbol())
    return {
        "symbol": holding.listing.symbol,
        "riskLimit": holding.risk_tier().limit,
        "riskLimitLevel": holding.tier,
    }


def set_risk_limit(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    wanted = request.decoded(_setting)
    holding = _holding(exchange, request, wanted.symbol)
    if wanted.level is None or not 1 <= wanted.level <= len(holding.listing.tiers):
        return _done(request, wanted.symbol, RISK_LIMIT_REPLY, INVALID_RISK_LIMIT)
    holding.set_margin(min(holding.leverage, holding.listing.tiers[wanted.level - 1].max_leverage), wanted.level)
    return _done(request, wanted.symbol, RISK_LIMIT_REPLY)


def get_position_mode(exchange: SimulatedExchange, request: Request) -> list[dict[str, Any]]:
    holding = _holding(exchange, request, request.symbol())
    return [{"symbol": holding.listing.symbol, "positionMode": holding.mode}]


def set_position_mode(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    wanted = request.decoded(_setting)
    holding = _holding(exchange, request, wanted.symbol)
    if wanted.position_mode not in MODES:
        raise invalid_parameters()
    if wanted.position_mode != holding.mode:
        if holding.position:
            raise trading_refusal(134, "failure", "Remaining positions.")
        if request.account.open_on(wanted.symbol):
            raise trading_refusal(134, "failure", "Remaining orders.")
        holding.mode = wanted.position_mode
    return _done(request, wanted.symbol, MODE_REPLY)
