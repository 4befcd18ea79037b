"""LMEX over the wire: transports, signing, REST, streams, rate limits, book sync and the guide's dialect."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.client.book import BookSync, TickTable
    from workbench.client.errors import (
        ApiError,
        AuthFailed,
        InsufficientBalance,
        OrderNotFound,
        PriceProtected,
        RateLimited,
        Rejected,
        UnknownOutcome,
    )
    from workbench.client.faults import CutStream, DropFrame, Fault, FaultyTransport, LoseAnswer, LoseRequest, ReplyWith
    from workbench.client.guide import GuideClient
    from workbench.client.http import AiohttpTransport
    from workbench.client.limiter import RateLimiter, Unlimited
    from workbench.client.memory import MemoryTransport
    from workbench.client.requests import PlaceRequest
    from workbench.client.rest import LmexClient
    from workbench.client.signing import Credentials, GuideSigner, Signer
    from workbench.client.streams import BookStream, PrivateStream, TradeStream
    from workbench.client.transport import Connection, ConnectionLost, Response, Transport, TransportError

__all__ = [
    "AiohttpTransport",
    "ApiError",
    "AuthFailed",
    "BookStream",
    "BookSync",
    "Connection",
    "ConnectionLost",
    "Credentials",
    "CutStream",
    "DropFrame",
    "Fault",
    "FaultyTransport",
    "GuideClient",
    "GuideSigner",
    "InsufficientBalance",
    "LmexClient",
    "LoseAnswer",
    "LoseRequest",
    "MemoryTransport",
    "OrderNotFound",
    "PlaceRequest",
    "PriceProtected",
    "PrivateStream",
    "RateLimited",
    "RateLimiter",
    "Rejected",
    "ReplyWith",
    "Response",
    "Signer",
    "TickTable",
    "TradeStream",
    "Transport",
    "TransportError",
    "UnknownOutcome",
    "Unlimited",
]

_HOMES = {
    "AiohttpTransport": "http",
    "ApiError": "errors",
    "AuthFailed": "errors",
    "BookStream": "streams",
    "BookSync": "book",
    "Connection": "transport",
    "ConnectionLost": "transport",
    "Credentials": "signing",
    "CutStream": "faults",
    "DropFrame": "faults",
    "Fault": "faults",
    "FaultyTransport": "faults",
    "GuideClient": "guide",
    "GuideSigner": "signing",
    "InsufficientBalance": "errors",
    "LmexClient": "rest",
    "LoseAnswer": "faults",
    "LoseRequest": "faults",
    "MemoryTransport": "memory",
    "OrderNotFound": "errors",
    "PlaceRequest": "requests",
    "PriceProtected": "errors",
    "PrivateStream": "streams",
    "RateLimited": "errors",
    "RateLimiter": "limiter",
    "Rejected": "errors",
    "ReplyWith": "faults",
    "Response": "transport",
    "Signer": "signing",
    "TickTable": "book",
    "TradeStream": "streams",
    "Transport": "transport",
    "TransportError": "transport",
    "UnknownOutcome": "errors",
    "Unlimited": "limiter",
}


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: aiohttp loads only when sockets are wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
