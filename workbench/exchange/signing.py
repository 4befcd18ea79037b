"""Checking signatures: v2.3 (HMAC-SHA384), the streams, and the guide's own dialect (HMAC-SHA256)."""

from __future__ import annotations

import hmac

__all__ = ["NonceBook", "guide_signature", "signature"]

NONCE_WINDOW_NS = 30_000_000_000
"""How far a nonce may be from the venue's time; the real tolerance is not published."""


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA384 over path + nonce + body; the path starts at /api (or is the stream's)."""
    return hmac.digest(secret.encode(), path.encode() + nonce.encode() + body, "sha384").hex()


def guide_signature(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA256 over timestamp + METHOD + path + body."""
    message = timestamp.encode() + method.encode() + path.encode() + body
    return hmac.digest(secret.encode(), message, "sha256").hex()


class NonceBook:
    """Which nonces a key has used lately: each one counts once, and only near the venue's time."""

    def __init__(self) -> None:
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self._turned_ns = 0

    def accepts(self, nonce: str, now_ns: int) -> bool:
        """Whether a nonce (milliseconds since the epoch) is fresh; remembers it."""
        if not nonce.isascii() or not nonce.isdigit() or abs(int(nonce) * 1_000_000 - now_ns) > NONCE_WINDOW_NS:
            return False
        if now_ns - self._turned_ns > 2 * NONCE_WINDOW_NS:
            self._older, self._recent, self._turned_ns = self._recent, set(), now_ns
        if nonce in self._recent or nonce in self._older:
            return False
        self._recent.add(nonce)
        return True
