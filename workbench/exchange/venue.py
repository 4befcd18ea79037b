"""The simulated LMEX: time, markets, accounts and streams under one roof, driven from outside.

It has no socket, no thread and no clock of its own. `handle` answers a request, `open_stream` opens a connection,
`advance` lets simulated time pass. The HTTP server and the in-memory transport call the very same methods.

Not simulated, and refused where it is asked for: trigger, OCO, peg and timed orders, hedge and isolated positions,
transfers. There is no liquidation: orders need margin, but a position may lose more than the wallet holds.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from workbench.clock import NS, Clock
from workbench.errors import ConfigError
from workbench.exchange.accounts import MONEY_DIGITS, TRANSFER_ROW, Account, Holding, WalletRow
from workbench.exchange.books import TRADE_TOPICS, BookFeed, trades_frame
from workbench.exchange.clearing import Clearing, Ids
from workbench.exchange.flow import Tape, tape_hash
from workbench.exchange.guide_dialect import refusal_body
from workbench.exchange.limits import RateLimiter
from workbench.exchange.listing import LISTINGS, Listing
from workbench.exchange.market import Market, PublicTrade
from workbench.exchange.matching import Order
from workbench.exchange.orders import OrderDesk
from workbench.exchange.public_rest import funding_stamp_after
from workbench.exchange.refusals import Refusal, auth_failed, rate_limited, service_refusal, unknown_symbol
from workbench.exchange.requests import Request
from workbench.exchange.routes import GUIDE, ROUTES, Route, guide_route
from workbench.exchange.settings import market_settings
from workbench.exchange.signing import guide_signature, is_fresh, signature
from workbench.exchange.streams import BOOK_PATH, MAIN_PATH, Hub, Stream
from workbench.exchange.wire import encode

__all__ = ["SIM_KEY", "SIM_SECRET", "SimulatedExchange"]

SIM_KEY = "simulated-lmex-key"
SIM_SECRET = "simulated-lmex-secret-that-everybody-knows"  # noqa: S105 (opens nothing but this toy)
_NEVER_NS = 2**63
JSON_HEADERS = {"Content-Type": "application/json"}


class SimulatedExchange:
    """A venue that speaks LMEX's protocol over a seeded market.

    Parameters
    ----------
    preset : str
        "lively" or "btc"; see `workbench.exchange.PRESETS`.
    seed : int
        Seed of the exogenous flow: the same seed and settings give the same tape, whoever trades.
    clock : Clock
        Where the time comes from. The tape starts now.
    rate_limits : bool
        Whether the documented limits and blocks apply.
    overrides
        Settings of `MarketSettings` that differ from the preset.

    Raises
    ------
    ConfigError
        For an unknown preset or setting, or values that make no market.
    """

    def __init__(
        self, preset: str = "lively", *, seed: int = 1, clock: Clock, rate_limits: bool = True, **overrides: Any
    ) -> None:
        if seed < 0:
            raise ConfigError([f"seed is {seed!r}; expected a whole number, 0 or more"])
        self.preset = preset
        self.seed = seed
        self.settings = market_settings(preset, **overrides)
        self.hub = Hub(self)
        self._clock = clock
        self._epoch_ns = self._now_ns = clock.now_ns()
        self._limiter = RateLimiter() if rate_limits else None
        self._accounts: dict[str, Account] = {}
        self._tapes = [Tape(listing, self.settings, seed, i) for i, listing in enumerate(LISTINGS.values())]
        self._markets = {tape.listing.symbol: self._open_market(tape) for tape in self._tapes}
        self._feeds = {symbol: BookFeed(market, self.hub) for symbol, market in self._markets.items()}
        ids = Ids(seed)
        self._clearing = Clearing(self._markets, self.hub, ids)
        self.desk = OrderDesk(self.market_to_trade, self._clearing, self.hub, ids)
        self._funding_ns = funding_stamp_after(self._epoch_ns, self.settings.funding_interval_s)
        self._idle_ns = round(self.settings.idle_timeout_s * NS)
        self._idle_check_ns = _NEVER_NS
        self._timer_ns = self._next_ns = 0
        self._live: list[Market] = []
        self.orders_handled = 0
        self.add_account(SIM_KEY, SIM_SECRET, "sim")
        self._plan()

    def _open_market(self, tape: Tape) -> Market:
        market = Market(tape.listing, self.settings, tape, self._epoch_ns, self._settle, self._book_moved, self._traded)
        market.run_to(self._epoch_ns)
        return market

    # --- accounts -----------------------------------------------------------------------------------------------

    def add_account(self, key: str, secret: str, username: str, balance: Decimal | None = None) -> Account:
        """Open an account with its wallet filled; `balance` in USDT, by default that of the settings."""
        money = self.settings.balance if balance is None else balance
        units = int(money.scaleb(MONEY_DIGITS))
        fees = (self.settings.maker_fee, self.settings.taker_fee)
        holdings = {listing.symbol: Holding(listing) for listing in LISTINGS.values()}
        account = Account(key, secret, username, units, fees, holdings)
        account.wallet_rows.append(WalletRow(TRANSFER_ROW, units, 0, f"{username}-start", self._now_ns))
        self._accounts[key] = account
        return account

    def account(self, key: str = SIM_KEY) -> Account:
        """The account of a key, to look at."""
        return self._accounts[key]

    # --- markets ------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(LISTINGS)

    def lists(self, symbol: str) -> bool:
        return symbol in LISTINGS

    def listing(self, symbol: str) -> Listing:
        return LISTINGS[symbol]

    def market(self, symbol: str) -> Market:
        """A market as it stands now. Raises `Refusal` for a symbol that is not listed."""
        market = self._markets.get(symbol)
        if market is None:
            raise unknown_symbol()
        if not market.live:
            market.run_to(self._now_ns)
        return market

    def market_to_trade(self, symbol: str) -> Market:
        """The same, and from now on it moves by itself."""
        market = self.market(symbol)
        if not market.live:
            self.wake(symbol)
        return market

    def wake(self, symbol: str) -> BookFeed:
        """Let a market move with time: nobody pays for the markets that nobody watches."""
        market = self.market(symbol)
        market.live = True
        self._plan()
        return self._feeds[symbol]

    def tape_hash(self, until_s: int) -> str:
        """SHA-256 of the exogenous tape in [0, until_s): a function of seed and settings, not of who trades."""
        return tape_hash(self._tapes, until_s)

    # --- time ---------------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """The venue's time: that of the event being processed, else of the last request or advance."""
        return self._now_ns

    def next_event_ns(self) -> int:
        """When `advance` is needed next."""
        return self._next_ns

    def catch_up(self) -> None:
        """Let the venue's time reach the clock's."""
        self.advance(self._clock.now_ns())

    def advance(self, now_ns: int) -> None:
        """Process everything that is due up to `now_ns`, in order of time; publish what comes of it."""
        while self._next_ns <= now_ns:
            self._step(self._next_ns)
        self._now_ns = max(self._now_ns, now_ns)

    def _step(self, due_ns: int) -> None:
        self._now_ns = max(self._now_ns, due_ns)
        next_ns = self._timer_ns
        for market in self._live:
            if market.next_ns <= due_ns:
                market.step()
            next_ns = min(next_ns, market.next_ns)
        self._next_ns = next_ns
        if due_ns >= self._timer_ns:
            self._run_timers(due_ns)

    def _run_timers(self, due_ns: int) -> None:
        if due_ns >= self._funding_ns:
            self._pay_funding()
        for account in self._accounts.values():
            if account.dead_man_ns is not None and account.dead_man_ns <= due_ns:
                account.dead_man_ns = None
                self.desk.cancel(list(account.open_orders.values()), self._now_ns)
        if due_ns >= self._idle_check_ns:
            self.hub.close_idle(due_ns, self._idle_ns)
            self._idle_check_ns = self.hub.next_idle_ns(self._idle_ns) or _NEVER_NS
        self._plan()

    def _plan(self) -> None:
        """Find out what is due first, after timers or the live markets changed."""
        dead_men = (account.dead_man_ns for account in self._accounts.values())
        self._timer_ns = min(self._funding_ns, self._idle_check_ns, *(ns for ns in dead_men if ns is not None))
        self._live = [market for market in self._markets.values() if market.live]
        self._next_ns = min((market.next_ns for market in self._live), default=self._timer_ns)
        self._next_ns = min(self._next_ns, self._timer_ns)

    def arm_dead_man(self, account: Account, timeout_ms: int) -> None:
        """Cancel all of an account's orders after this silence; 0 never."""
        account.dead_man_ns = self._now_ns + timeout_ms * 1_000_000 if timeout_ms else None
        self._plan()

    def _pay_funding(self) -> None:
        stamp_ns = self._funding_ns
        self._funding_ns = funding_stamp_after(stamp_ns, self.settings.funding_interval_s)
        for account in self._accounts.values():
            for symbol, holding in account.holdings.items():
                if holding.position:
                    self._clearing.pay_funding(account, holding, self._markets[symbol], stamp_ns)

    # --- what the markets report --------------------------------------------------------------------------------

    def _settle(self, order: Order, price: int, size: int) -> None:
        self._clearing.execute(order, price, size, maker=True, now_ns=self._now_ns)

    def _book_moved(self, market: Market) -> None:
        if market.live:
            self._feeds[market.symbol].flush(market.time_ns)

    def _traded(self, market: Market, trades: list[PublicTrade]) -> None:
        for topic in TRADE_TOPICS:
            followers = self.hub.followers((topic, market.symbol))
            if followers:
                frame = trades_frame(topic, market, trades)
                for stream in followers:
                    stream.send(frame)

    # --- requests -----------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path_with_query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one HTTP request: (status, headers, body)."""
        self.catch_up()
        path, _, query = path_with_query.partition("?")
        values = _query_values(query) if query else {}
        request = Request(method, path, values, body, self._now_ns)
        try:
            if path.startswith("/sim/"):
                return 200, JSON_HEADERS, encode(self._sim(request))
            route = self._route(request)
            self._admit(route, request, headers)
            return 200, JSON_HEADERS, encode(route.handler(self, request))
        except Refusal as refusal:
            reply = refusal_body(refusal) if path.startswith(GUIDE) else refusal.body
            return refusal.http_status, {**JSON_HEADERS, **refusal.headers}, encode(reply)

    def _route(self, request: Request) -> Route:
        if request.path.startswith(GUIDE):
            route, request.path_values = guide_route(request.method, request.path)
        else:
            route = ROUTES.get((request.method, request.path))
        if route is None:
            status = 405 if any(path == request.path for _, path in ROUTES) else 404
            raise Refusal(
                status,
                {"status": status, "errorCode": status, "message": f"{request.method} {request.path}: no such call"},
            )
        return route

    def _admit(self, route: Route, request: Request, headers: Mapping[str, str]) -> None:
        """Check the signature of a private call and count every call against its limit."""
        names = _GUIDE_HEADERS if request.path.startswith(GUIDE) else _API_HEADERS
        key, nonce, sign = [_header(headers, name) for name in names]
        if self._limiter is not None:
            blocked_s = self._limiter.blocked_for_s(key or "no key", route.group, request.now_ns)
            if blocked_s:
                raise rate_limited(blocked_s)
        if route.private:
            self.orders_handled += route.group == "order"
            request.signed_by = self._signed_by(route, request, key, nonce, sign)

    def _signed_by(self, route: Route, request: Request, key: str, nonce: str, sign: str) -> Account:
        account = self._accounts.get(key)
        if account is not None and nonce.isascii() and sign.isascii():
            if request.path.startswith(GUIDE):
                expected = guide_signature(account.secret, nonce, request.method, request.path, request.body)
            else:
                signed_path = request.path[request.path.index("/api/") :]
                expected = signature(account.secret, signed_path, nonce, request.body)
            if hmac.compare_digest(expected, sign):
                if is_fresh(nonce, request.now_ns):
                    return account
                raise auth_failed("Invalid nonce")
        if route.wallet_errors:
            raise service_refusal(10002, "UNAUTHORIZED: Authentication Failed", request.time_ms, http_status=401)
        raise auth_failed()

    def _sim(self, request: Request) -> Any:
        """Calls outside LMEX's protocol, for whoever drives the simulation."""
        if request.path == "/sim/status":
            return self.status()
        if request.path == "/sim/tape":
            seconds = request.integer("seconds")
            if seconds is not None and seconds >= 0:
                return {"tape_hash": self.tape_hash(seconds)}
        raise Refusal(
            404, {"status": 404, "errorCode": 404, "message": f"{request.path}: use /sim/status or /sim/tape?seconds=N"}
        )

    def status(self) -> dict[str, Any]:
        """The state of the venue in one look: open orders of all accounts, positions and money of the usual one."""
        account = self.account()
        marks = {symbol: market.mark_value for symbol, market in self._markets.items()}
        return {
            "seed": self.seed,
            "preset": self.preset,
            "elapsed_s": (self._now_ns - self._epoch_ns) / NS,
            "time_ms": self._now_ns // 1_000_000,
            "open_orders": sum(len(a.open_orders) for a in self._accounts.values()),
            "orders_handled": self.orders_handled,
            "fills": len(account.fills),
            "position": {symbol: h.position for symbol, h in account.holdings.items() if h.position},
            "balance": str(account.money),
            "equity": str(Decimal(account.equity(marks)).scaleb(-MONEY_DIGITS)),
            "dead_man_armed": account.dead_man_ns is not None,
            "streams": len(self.hub.streams),
        }

    # --- streams ------------------------------------------------------------------------------------------------

    def open_stream(
        self, path: str, send: Callable[[bytes], None], closed: Callable[[str], None] | None = None
    ) -> Stream:
        """A WebSocket connection to `/ws/futures` or `/ws/oss/futures`.

        `send` is called with each outgoing text frame and must not block; `closed` with the reason when the venue ends
        the connection. Raises `Refusal` for another path.
        """
        if path not in (MAIN_PATH, BOOK_PATH):
            raise Refusal(404, {"status": 404, "errorCode": 404, "message": f"{path}: use {MAIN_PATH} or {BOOK_PATH}"})
        self.catch_up()
        stream = Stream(self, path, send, closed or _ignore)
        self._idle_check_ns = min(self._idle_check_ns, self._now_ns + self._idle_ns)
        self._plan()
        return stream

    def authenticate_stream(self, key: str, nonce: str, sign: str) -> Account | None:
        """The account that signed a stream's log-in; None if nobody did."""
        account = self._accounts.get(key)
        if account is None or not (nonce.isascii() and sign.isascii()):
            return None
        expected = signature(account.secret, MAIN_PATH, nonce, b"")
        fits = hmac.compare_digest(expected, sign)
        return account if fits and is_fresh(nonce, self._now_ns) else None


_API_HEADERS = ("request-api", "request-nonce", "request-sign")
_GUIDE_HEADERS = ("LMEX-API-KEY", "LMEX-TIMESTAMP", "LMEX-SIGNATURE")


def _query_values(query: str) -> dict[str, str]:
    """Parameters of a query string; the usual ones have nothing to unquote."""
    if "%" in query or "+" in query:
        return dict(parse_qsl(query, keep_blank_values=True))
    return dict(part.split("=", 1) for part in query.split("&") if "=" in part)


def _ignore(reason: str) -> None:
    """Nobody wants to know why the venue ended the connection."""


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header by name, whatever its case."""
    value = headers.get(name)
    if value is None:
        value = headers.get(name.lower())
    if value is None:
        lower = name.lower()
        value = next((text for other, text in headers.items() if other.lower() == lower), "")
    return value
