"""LMEX over the wire: transports, signing, REST, streams, rate limits, book sync and the guide's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

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

# Aiohttp loads only when sockets are wanted.
__getattr__ = lazy_names(
    __name__,
    {
        "book": "BookSync TickTable",
        "errors": (
            "ApiError AuthFailed InsufficientBalance OrderNotFound PriceProtected RateLimited Rejected UnknownOutcome"
        ),
        "faults": "CutStream DropFrame Fault FaultyTransport LoseAnswer LoseRequest ReplyWith",
        "guide": "GuideClient",
        "http": "AiohttpTransport",
        "limiter": "RateLimiter Unlimited",
        "memory": "MemoryTransport",
        "requests": "PlaceRequest",
        "rest": "LmexClient",
        "signing": "Credentials GuideSigner Signer",
        "streams": "BookStream PrivateStream TradeStream",
        "transport": "Connection ConnectionLost Response Transport TransportError",
    },
)
