"""The ways in which LMEX says no: error bodies of lmex-api.md section 6.2 and the codes of 6.3."""

from __future__ import annotations

from typing import Any

import msgspec

from workbench.errors import WorkbenchError

__all__ = [
    "Refusal",
    "auth_failed",
    "bad_request",
    "invalid_parameters",
    "order_not_found",
    "rate_limited",
    "service_refusal",
    "symbol_missing",
    "trading_refusal",
    "unknown_symbol",
]


class Refusal(WorkbenchError):
    """A request that is answered with an error body instead of a result."""

    def __init__(self, http_status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body.get("message", body.get("msg"))))
        self.http_status = http_status
        self.body = body
        self.headers = headers or {}

    def encoded(self) -> bytes:
        return msgspec.json.encode(self.body)


def trading_refusal(code: int, message: str, extra: Any = None, http_status: int = 400) -> Refusal:
    """The shape of trading errors."""
    return Refusal(http_status, {"status": http_status, "errorCode": code, "message": message, "extraData": extra})


def service_refusal(code: int, message: str, time_ms: int, data: Any = None, http_status: int = 400) -> Refusal:
    """The shape of wallet and newer services."""
    return Refusal(http_status, {"code": code, "msg": message, "time": time_ms, "data": data, "success": False})


def bad_request(message: str) -> Refusal:
    """The envelope for unknown and rejected orders since November 2023."""
    return Refusal(400, {"status": 400, "errorCode": 400, "message": f"BAD_REQUEST: {message}"})


def invalid_parameters() -> Refusal:
    return trading_refusal(-2, "Invalid request parameters")


def symbol_missing() -> Refusal:
    return trading_refusal(-2, "symbol parameter is mandatory")


def unknown_symbol() -> Refusal:
    return trading_refusal(-7006, "Unsupported symbol")


def auth_failed(message: str = "Authenticate failed") -> Refusal:
    return trading_refusal(-7, message)


def order_not_found(position_id: str) -> Refusal:
    """The quirk that looks like a rate limit and is none: HTTP 429 with code -1."""
    return trading_refusal(-1, "Order not found", [position_id, "0", "117"], http_status=429)


def rate_limited(retry_after_s: int) -> Refusal:
    refusal = trading_refusal(303, "Rate limit exceeded", http_status=429)
    refusal.headers["Retry-After"] = str(retry_after_s)
    return refusal
