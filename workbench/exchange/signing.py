"""Checking signatures: v2.3 (HMAC-SHA384), the streams, and the guide's own dialect (HMAC-SHA256)."""

from __future__ import annotations

import hmac
from functools import lru_cache

from workbench.clock import NS

__all__ = ["guide_signature", "is_fresh", "signature"]

NONCE_WINDOW_NS = 60 * NS


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA384 over path + nonce + body; the path starts at /api (or is the stream's)."""
    mac = _keyed(secret, "sha384").copy()
    mac.update(path.encode() + nonce.encode() + body)
    return mac.hexdigest()


def guide_signature(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Lower-case hex of HMAC-SHA256 over timestamp + METHOD + path + body."""
    mac = _keyed(secret, "sha256").copy()
    mac.update(timestamp.encode() + method.encode() + path.encode() + body)
    return mac.hexdigest()


@lru_cache(maxsize=64)
def _keyed(secret: str, digest: str) -> hmac.HMAC:
    """The state after the key, which is the slower half of the work and the same for every message."""
    return hmac.new(secret.encode(), digestmod=digest)


def is_fresh(nonce: str, now_ns: int) -> bool:
    """Whether a nonce (milliseconds since the epoch) is near the venue's time.

    The real tolerance is not published. A nonce may come again: bots that draw theirs at random near the time have
    traded in production (lmex-api.md section 2.1), so uniqueness seems not to be enforced.
    """
    return nonce.isascii() and nonce.isdigit() and abs(int(nonce) * 1_000_000 - now_ns) <= NONCE_WINDOW_NS
