"""Signatures: the v2.3 recipe (HMAC-SHA384) and the guide's (/v1, HMAC-SHA256), and the key that makes them.

lmex-api section 2: sign path + nonce + body, where the path starts at /api, without the product prefix and the query.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import NoReturn, SupportsIndex

from workbench.clock import Clock
from workbench.errors import VenueError

__all__ = ["Credentials", "GuideSigner", "Signer", "guide_signature", "signature", "signed_path"]

_PRODUCTS = ("/futures/api/", "/spot/api/")


class Credentials:
    """An API key and its secret; no repr, str, format, vars or pickle of it ever shows the secret.

    Parameters
    ----------
    key, secret : str
        As the venue issued them. Surrounding blanks (a copied line end) are removed.

    Raises
    ------
    VenueError
        If either is empty.
    """

    __slots__ = ("__keyed", "__secret", "key")

    def __init__(self, key: str, secret: str) -> None:
        self.key = key.strip()
        self.__secret = secret.strip().encode()
        self.__keyed: dict[str, hmac.HMAC] = {}
        if not self.key or not self.__secret:
            missing = "secret" if self.key else "key"
            raise VenueError(f"the API {missing} is empty; expected the text that the venue issued")

    def hmac_hex(self, message: bytes, digest: str) -> str:
        """Lower-case hex HMAC of a message under the secret; `digest` is "sha384" or "sha256"."""
        keyed = self.__keyed.get(digest)
        if keyed is None:
            # The state after the key: the slower half of the work, and the same for every message.
            keyed = self.__keyed[digest] = hmac.new(self.__secret, digestmod=digest)
        mac = keyed.copy()
        mac.update(message)
        return mac.hexdigest()

    def __repr__(self) -> str:
        return f"Credentials(key={self.key[:4]}..., secret=hidden)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("credentials cannot be pickled or copied: the secret stays in the process that read it")


@lru_cache(maxsize=64)
def signed_path(path: str) -> str:
    """The part of a request path that is signed: from /api on, or a /ws path whole; no query string.

    >>> signed_path("/futures/api/v2.3/order?symbol=BTC-PERP")
    '/api/v2.3/order'
    """
    bare = path.partition("?")[0]
    for product in _PRODUCTS:
        if bare.startswith(product):
            return bare[len(product) - len("/api/") :]
    return bare


def signature(credentials: Credentials, path: str, nonce: str, body: bytes = b"") -> str:
    """The `request-sign` header: hex HMAC-SHA384 of signed path, nonce and body (lmex-api 2.1).

    Parameters
    ----------
    path : str
        Already reduced by `signed_path`; `/ws/futures` for the stream login.
    nonce : str
        Unix milliseconds as decimal digits.
    body : bytes
        The exact bytes that are sent; empty for GET and DELETE.
    """
    return credentials.hmac_hex(b"%b%b%b" % (path.encode(), nonce.encode(), body), "sha384")


def guide_signature(credentials: Credentials, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
    """The guide's `LMEX-SIGNATURE`: hex HMAC-SHA256 of timestamp, METHOD, path and body."""
    return credentials.hmac_hex(f"{timestamp}{method}{path}".encode() + body, "sha256")


class _Stamped:
    """A key with its nonces: millisecond stamps corrected by the venue's clock that never repeat and never fall."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._last = 0
        self.offset_ms = 0
        """Venue clock minus local clock, milliseconds."""

    def _nonce(self) -> str:
        self._last = max(self._last + 1, self._clock.now_ns() // 1_000_000 + self.offset_ms)
        return str(self._last)


class Signer(_Stamped):
    """Signs v2.3 requests and stream logins of one key; REST and streams share it, so that nonces stay unique.

    Parameters
    ----------
    credentials : Credentials
    clock : Clock
        Wall clock of the nonce; `offset_ms` (venue minus local, milliseconds) corrects it.
    """

    def headers(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:  # noqa: ARG002 - not signed here
        """The three authentication headers for one request; a fresh nonce every time."""
        nonce = self._nonce()
        return {
            "request-api": self._credentials.key,
            "request-nonce": nonce,
            "request-sign": signature(self._credentials, signed_path(path), nonce, body),
        }

    def login_args(self, path: str) -> tuple[str, str, str]:
        """Key, nonce and signature of a stream login at a path such as /ws/futures (lmex-api 2.3)."""
        nonce = self._nonce()
        return self._credentials.key, nonce, signature(self._credentials, path, nonce)


class GuideSigner(_Stamped):
    """Signs requests of the guide's /v1 dialect."""

    def headers(self, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """The guide's three headers for one request; the timestamp is fresh every time."""
        timestamp = self._nonce()
        return {
            "LMEX-API-KEY": self._credentials.key,
            "LMEX-TIMESTAMP": timestamp,
            "LMEX-SIGNATURE": guide_signature(self._credentials, timestamp, method, path, body),
        }
