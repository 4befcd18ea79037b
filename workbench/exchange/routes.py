"""Which path is answered by which function, in which rate-limit group, with or without a signature."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.exchange import account_settings, guide_dialect, private_rest, public_rest
from workbench.exchange.requests import Request

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = ["API", "GUIDE", "Route", "guide_route"]

Handler = Callable[["SimulatedExchange", Request], Any]


class Route(NamedTuple):
    """One call."""

    handler: Handler
    private: bool
    group: Literal["query", "order"] = "query"
    wallet_errors: bool = False


API = "/futures/api/v2.3/"


def _public(handler: Handler) -> Route:
    return Route(handler, private=False)


def _private(handler: Handler) -> Route:
    return Route(handler, private=True)


def _wallet(handler: Handler) -> Route:
    return Route(handler, private=True, wallet_errors=True)


def _trading(handler: Handler) -> Route:
    return Route(handler, private=True, group="order")


ROUTES: MappingProxyType[tuple[str, str], Route] = MappingProxyType(
    {
        ("GET", "/spot/api/v3.3/time"): _public(public_rest.spot_time),
        **{
            (method, API + path): route
            for method, path, route in (
                ("GET", "market_summary", _public(public_rest.market_summary)),
                ("GET", "orderbook", _public(public_rest.orderbook)),
                ("GET", "orderbook/L2", _public(public_rest.orderbook_l2)),
                ("GET", "trades", _public(public_rest.trades)),
                ("GET", "ohlcv", _public(public_rest.ohlcv)),
                ("GET", "price", _public(public_rest.price)),
                ("GET", "funding_history", _public(public_rest.funding_history)),
                ("GET", "market/risk_limit", _public(public_rest.market_risk_limit)),
                ("POST", "order", _trading(private_rest.place_order)),
                ("PUT", "order", _trading(private_rest.amend_order)),
                ("DELETE", "order", _trading(private_rest.cancel_orders)),
                ("GET", "order", _private(private_rest.query_order)),
                ("POST", "order/cancelAllAfter", _trading(private_rest.cancel_all_after)),
                ("POST", "order/close_position", _trading(private_rest.close_position)),
                ("GET", "user/open_orders", _private(private_rest.open_orders)),
                ("GET", "user/trade_history", _private(private_rest.trade_history)),
                ("GET", "user/positions", _private(private_rest.positions)),
                ("GET", "user/wallet", _wallet(private_rest.wallet)),
                ("GET", "user/wallet_history", _wallet(private_rest.wallet_history)),
                ("GET", "user/unifiedWallet/margin", _wallet(private_rest.unified_margin)),
                ("GET", "user/fees", _private(private_rest.fees)),
                ("GET", "user/margin_setting", _private(private_rest.margin_setting)),
                ("GET", "leverage", _private(account_settings.get_leverage)),
                ("POST", "leverage", _private(account_settings.set_leverage)),
                ("GET", "risk_limit", _private(account_settings.get_risk_limit)),
                ("POST", "risk_limit", _private(account_settings.set_risk_limit)),
                ("GET", "position_mode", _private(account_settings.get_position_mode)),
                ("POST", "position_mode", _private(account_settings.set_position_mode)),
            )
        },
    }
)
"""(method, path) -> call of the v2.3 API."""

GUIDE = "/v1/"

_GUIDE_ROUTES = {
    ("GET", "ticker", 1): _public(guide_dialect.ticker),
    ("GET", "positions", 1): _private(guide_dialect.position),
    ("POST", "orders", 0): _trading(guide_dialect.place),
    ("GET", "orders", 0): _private(guide_dialect.open_orders),
    ("DELETE", "orders", 0): _trading(guide_dialect.cancel_all),
    ("GET", "orders", 1): _private(guide_dialect.order),
    ("DELETE", "orders", 1): _trading(guide_dialect.cancel),
}


def guide_route(method: str, path: str) -> tuple[Route | None, tuple[str, ...]]:
    """The call of a /v1 path, and the values in the path."""
    name, *values = path.removeprefix(GUIDE).split("/")
    return _GUIDE_ROUTES.get((method, name, len(values))), tuple(values)
