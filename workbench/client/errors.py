"""What went wrong at the venue, sorted by what may be concluded from it (lmex-api section 6.3).

The order of the questions matters: "order not found" also arrives as HTTP 429, and a failure may sit inside HTTP 200.
`UnknownOutcome` is the one that must never be read as "not done": after it an order may be live.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from workbench.client.transport import Response
from workbench.errors import VenueError

__all__ = [
    "ApiError",
    "AuthFailed",
    "InsufficientBalance",
    "OrderNotFound",
    "PriceProtected",
    "RateLimited",
    "Rejected",
    "UnknownOutcome",
    "check",
    "error_of",
    "order_status_error",
    "retry_after_s",
]


class ApiError(VenueError):
    """An answer that says no; `code` is the venue's number, `status` the HTTP one."""

    def __init__(self, message: str, *, code: int = 0, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class OrderNotFound(ApiError):
    """The venue does not know the order. No proof that it was not filled: ask for the order and its fills."""


class RateLimited(ApiError):
    """Too many requests; nothing was done. `retry_after_s`: the silence the venue asked for, None if it did not say."""

    def __init__(self, message: str, *, code: int = 0, status: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after_s = retry_after_s


class AuthFailed(ApiError):
    """Key, signature, nonce or permission refused; check the key, its permissions and this machine's clock."""


class InsufficientBalance(ApiError):
    """The wallet does not carry the order; reduce sizes or deposit."""


class PriceProtected(ApiError):
    """The price would trade beyond the venue's protection band."""


class Rejected(ApiError):
    """A definite no for any other reason."""


class UnknownOutcome(ApiError):
    """No answer that can be trusted: an order may be live and counts until it is found or proven absent."""


class _Complaint(msgspec.Struct):
    """The union of all error bodies of section 6.2."""

    status: int | str | None = None
    error_code: int | str | None = msgspec.field(default=None, name="errorCode")
    code: int | str | None = None
    message: str | None = None
    msg: str | None = None
    error: Any = None
    success: bool | None = None


_complaints = msgspec.json.Decoder(_Complaint, strict=False)

_BALANCE = frozenset((8, 33199101, 51523))
_PROTECTION = frozenset((305, 33001003))
_AUTH = frozenset((-7, 10002))
_LIMIT = frozenset((303, -22))
_UNKNOWN = frozenset((-11, 17))
_DEFINITE_BY_STATUS = frozenset((400, 401, 403, 429))
"""Refused before matching whatever the body says (book rule for ambiguous writes, risk-and-faults section 2)."""
_TIMEOUT_TEXTS = ("timeout", "time out", "timed out")
_NOT_FOUND_TEXTS = ("order not found", "order doesn't exist", "order does not exist", "order not exist")

SUCCESS_CODES = frozenset((None, 0, 1, 200))
"""`code` values of the wrapped replies that mean success."""


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds to be silent, from a Retry-After header by its magnitude (lmex-api 6.4); None when absent or unreadable.

    Above 1e12 it is an epoch in milliseconds, above 1e9 an epoch in seconds, else seconds.
    """
    try:
        value = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    if value > 1e12:
        return max(0.0, value / 1000 - now_s)
    if value > 1e9:
        return max(0.0, value - now_s)
    return max(0.0, value)


def _complaint(body: bytes) -> _Complaint:
    complaint = _complaints.decode(body)
    if isinstance(complaint.error, dict):
        # The /v1 dialect puts code and message one level down.
        return msgspec.convert({**complaint.error, "success": complaint.success}, _Complaint, strict=False)
    return complaint


def _number(value: int | str | None) -> int | None:
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def readable(message: str | None) -> str:
    """A message as a person reads it: some are JSON text with a `default_msg` inside (lmex-api section 12)."""
    text = (message or "").strip()
    if text.startswith("{"):
        try:
            inner = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
        if isinstance(inner, dict) and inner.get("default_msg"):
            return str(inner["default_msg"])
    return text


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    lower = text.lower()
    return any(phrase in lower for phrase in phrases)


def _sort(code: int, status: int, text: str, what: str, wait_s: float | None) -> ApiError:
    said = f"{what}: {text or 'no message'} (code {code}, HTTP {status})"
    if _says(text, _NOT_FOUND_TEXTS):
        return OrderNotFound(said, code=code, status=status)
    if code in _LIMIT or status == 429:
        return RateLimited(said, code=code, status=status, retry_after_s=wait_s)
    if code in _AUTH or status == 401:
        return AuthFailed(
            f"{said}; check key, permissions and this machine's clock",
            code=code,
            status=status,
        )
    if code in _BALANCE:
        return InsufficientBalance(said, code=code, status=status)
    if code in _PROTECTION:
        return PriceProtected(said, code=code, status=status)
    # "Timeout" under the generic -1 is the venue's own engine not answering itself.
    if status >= 500 or status == 408 or code in _UNKNOWN or (code == -1 and _says(text, _TIMEOUT_TEXTS)):
        return UnknownOutcome(said, code=code, status=status)
    return Rejected(said, code=code, status=status)


def error_of(response: Response, what: str, now_s: float = 0.0) -> ApiError | None:
    """The error that an answer carries, whatever its HTTP status; None when it is a success.

    Parameters
    ----------
    response : Response
    what : str
        The request in words, for the message: "POST order mmB0001".
    now_s : float
        Wall clock in seconds, for a Retry-After that is an epoch.
    """
    status, body = response.status, response.body
    if status == 200 and body[:1] in (b"[", b""):
        return None
    wait = retry_after_s(response.headers, now_s)
    try:
        complaint = _complaint(body)
    except msgspec.DecodeError:
        if status == 200:
            return UnknownOutcome(f"{what}: HTTP 200 with a body that is no JSON object", status=status)
        if status in _DEFINITE_BY_STATUS:
            return _sort(0, status, "", what, wait)
        return UnknownOutcome(f"{what}: HTTP {status} without a readable body", status=status)
    code = _number(complaint.error_code)
    if code is None:
        code = _number(complaint.code)
    spoken = complaint.error if isinstance(complaint.error, str) else ""
    text = readable(complaint.message or complaint.msg or spoken)
    failed = status >= 400 or complaint.success is False or (complaint.error_code is not None and bool(code))
    if not failed and complaint.success is None and complaint.error_code is None:
        failed = complaint.code is not None and code not in SUCCESS_CODES
    return _sort(code or 0, status, text, what, wait) if failed else None


def check(response: Response, what: str, now_s: float = 0.0) -> bytes:
    """The body of a successful answer; raises the error that it carries otherwise."""
    error = error_of(response, what, now_s)
    if error is not None:
        raise error
    return response.body


_STATUS_REJECTS = frozenset((1, 11, 12, 13, 28, 41, 64, 101, 131, 132, 133, 134, 135, 138, 300, 301, 302, 304))
_STATUS_ERRORS = _STATUS_REJECTS | _BALANCE | _PROTECTION | {15, 16, 17, 303}


def order_status_error(status: int, message: str | None, what: str) -> ApiError | None:
    """The error inside an order or configuration reply of HTTP 200, by its status number (lmex-api section 5).

    15 is a reject, except that "internal timeout" hides behind it: without a message that names another cause its
    outcome is unknown. 16 and 17 never prove anything about the order.
    """
    if status not in _STATUS_ERRORS:
        return None
    text = readable(message)
    said = f"{what}: {text or 'no message'} (status {status})"
    if status in _STATUS_REJECTS:
        return Rejected(said, code=status, status=200)
    if status in _BALANCE:
        return InsufficientBalance(said, code=status, status=200)
    if status in _PROTECTION:
        return PriceProtected(said, code=status, status=200)
    if status == 303:
        return RateLimited(said, code=status, status=200)
    if status == 16 or (status == 15 and _says(text, _NOT_FOUND_TEXTS)):
        return OrderNotFound(said, code=status, status=200)
    if status == 17 or (status == 15 and (not text or _says(text, _TIMEOUT_TEXTS))):
        return UnknownOutcome(said, code=status, status=200)
    return Rejected(said, code=status, status=200)
