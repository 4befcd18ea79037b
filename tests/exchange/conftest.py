"""A venue on a hand-set clock, with a client that signs and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from workbench.exchange import SIM_KEY, SIM_SECRET, SimulatedExchange
from workbench.exchange.signing import guide_signature, signature

EPOCH_NS = 1_780_000_000 * 10**9
FIXTURES = Path(__file__).parents[1] / "fixtures" / "lmex"
QUIET: dict[str, Any] = {"volatility_bps": 0.0, "trade_rate": 0.0, "book_rate": 1 / 60, "idle_timeout_s": 600}
"""One book a minute and nobody who trades: what happens is what the test does."""


class HandClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.ns = EPOCH_NS

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns - EPOCH_NS


class Bench:
    """A venue with a signing client beside it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = HandClock()
        options = {"preset": "lively", "seed": 7, "rate_limits": False, **settings}
        self.venue = SimulatedExchange(clock=self.clock, **options)
        self.secrets = {SIM_KEY: SIM_SECRET}

    def add_account(self, key: str, balance: int = 10_000) -> None:
        self.secrets[key] = f"secret of {key}"
        self.venue.add_account(key, self.secrets[key], key, Decimal(balance))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.ns += round(seconds * 1e9)
        self.venue.advance(self.clock.ns)

    def raw(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
        return self.venue.handle(method, path, headers or {}, body)

    def call(self, method: str, path: str, query: str = "", body: Any = None, key: str = SIM_KEY) -> tuple[int, Any]:
        """A signed v2.3 call: status and decoded reply, decimals exact."""
        payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        nonce = str(self.clock.ns // 1_000_000)
        headers = {
            "request-api": key,
            "request-nonce": nonce,
            "request-sign": signature(self.secrets[key], f"/api/v2.3/{path}", nonce, payload),
        }
        full = f"/futures/api/v2.3/{path}" + (f"?{query}" if query else "")
        status, _, reply = self.venue.handle(method, full, headers, payload)
        return status, json.loads(reply, parse_float=Decimal)

    def get(self, path: str, query: str = "", key: str = SIM_KEY) -> Any:
        status, reply = self.call("GET", path, query, key=key)
        assert status == 200, reply
        return reply

    def guide(self, method: str, path: str, query: str = "", body: Any = None) -> tuple[int, Any]:
        """A signed call of the guide's /v1 dialect."""
        payload = b"" if body is None else json.dumps(body).encode()
        nonce = str(self.clock.ns // 1_000_000)
        headers = {
            "LMEX-API-KEY": SIM_KEY,
            "LMEX-TIMESTAMP": nonce,
            "LMEX-SIGNATURE": guide_signature(SIM_SECRET, nonce, method, path, payload),
        }
        status, _, reply = self.venue.handle(method, path + (f"?{query}" if query else ""), headers, payload)
        return status, json.loads(reply)

    def order(self, side: str, price: Any, size: Any, key: str = SIM_KEY, **more: Any) -> tuple[int, Any]:
        """Place an order on BTC-PERP; the price may be text to keep it exact."""
        body = {"symbol": "BTC-PERP", "side": side, "type": "LIMIT", "size": size, **more}
        if price is not None:
            body["price"] = float(price) if isinstance(price, str) else price
        return self.call("POST", "order", body=body, key=key)

    def place(self, side: str, price: Any, size: Any, key: str = SIM_KEY, **more: Any) -> dict[str, Any]:
        """The same for an order that gets an order object back."""
        status, reply = self.order(side, price, size, key, **more)
        assert status == 200, reply
        (order,) = reply
        return order

    def best(self) -> tuple[Decimal, Decimal]:
        """Best bid and ask of BTC-PERP."""
        book = self.get("orderbook/L2", "symbol=BTC-PERP&depth=1")
        return Decimal(book["buyQuote"][0]["price"]), Decimal(book["sellQuote"][0]["price"])

    def stream(self, path: str = "/ws/futures") -> tuple[Any, list[Any]]:
        """An open stream and the list that its frames go to, decoded."""
        frames: list[Any] = []

        def keep(frame: bytes) -> None:
            frames.append("pong" if frame == b"pong" else json.loads(frame, parse_float=Decimal))

        stream = self.venue.open_stream(path, keep, lambda reason: frames.append({"closed": reason}))
        return stream, frames

    def private_stream(self, *topics: str, key: str = SIM_KEY) -> tuple[Any, list[Any]]:
        """A stream that is logged in and subscribed; only what comes after the acknowledgements is kept."""
        stream, frames = self.stream()
        nonce = str(self.clock.ns // 1_000_000)
        sign = signature(self.secrets[key], "/ws/futures", nonce, b"")
        stream.on_frame(json.dumps({"op": "login", "args": [key, nonce, sign]}).encode())
        stream.on_frame(json.dumps({"op": "subscribe", "args": list(topics)}).encode())
        assert frames[0] == {"event": "login", "success": True}
        assert frames[1] == {"event": "subscribe", "channel": list(topics)}
        del frames[:2]
        return stream, frames

    def maker(self, side: str, price: Any, size: int, **more: Any) -> dict[str, Any]:
        """Rest an order of another account, to trade against."""
        if "other" not in self.secrets:
            self.add_account("other", 1_000_000)
        order = self.place(side, price, size, "other", **more)
        assert order["status"] == 2, order
        return order


@pytest.fixture
def bench() -> Bench:
    """A venue where nothing happens by itself."""
    return Bench(**QUIET)


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Venues to measure."""
    return Bench


@pytest.fixture
def fixture_json() -> Callable[[str], Any]:
    """An LMEX example message by its path."""

    def read(name: str) -> Any:
        return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))

    return read
