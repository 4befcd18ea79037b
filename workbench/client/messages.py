"""LMEX's REST messages as typed records, tolerant where the wire is known to vary (lmex-api sections 3, 4 and 9).

Prices, fees and money decode to exact Decimals from JSON numbers or text, sizes to whole contracts from numbers or text
such as "400.0". Orders have their own module.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import field

from workbench.client.errors import UnknownOutcome

__all__ = [
    "BookLevel",
    "BookReply",
    "ConfigReply",
    "Fees",
    "FundingRate",
    "Leverage",
    "MarginSetting",
    "MarketRiskLimit",
    "MarketSummary",
    "Position",
    "PositionMode",
    "PriceReply",
    "RiskLimit",
    "ServerTime",
    "Trade",
    "TradeRecord",
    "UnifiedMargin",
    "Wallet",
    "WalletAsset",
    "WalletRecord",
    "Wrapped",
    "decode",
    "new_symbol",
    "side_of",
]

T = TypeVar("T")
ZERO = Decimal(0)


class Message(msgspec.Struct, gc=False):
    """Base of the records; unknown fields are ignored, since venues add them at any time."""


def side_of(text: str) -> int:
    """+1 for a buy, -1 for a sell, in any case ("BUY", "Buy", "SELL").

    Raises
    ------
    UnknownOutcome
        For any other word.
    """
    side = {"BUY": 1, "SELL": -1}.get(text.upper())
    if side is None:
        raise UnknownOutcome(f"side is {text!r}; expected BUY or SELL")
    return side


def new_symbol(symbol: str) -> str:
    """The v2.2+ name of a market: BTCPFC becomes BTC-PERP (lmex-api 7.4)."""
    return f"{symbol[:-3]}-PERP" if symbol.endswith("PFC") and "-" not in symbol else symbol


# --- public ---------------------------------------------------------------------------------------------------------


class MarketSummary(Message):
    """One market of `GET market_summary` (3.1): increments, contract size, prices, funding. Times in milliseconds."""

    symbol: str
    base: str
    quote: str
    active: bool
    min_price_increment: Decimal = field(name="minPriceIncrement")
    min_order_size: int = field(name="minOrderSize")
    max_order_size: int = field(name="maxOrderSize")
    min_size_increment: int = field(name="minSizeIncrement")
    contract_size: Decimal = field(name="contractSize")
    min_valid_price: Decimal = field(name="minValidPrice", default=ZERO)
    last: Decimal = ZERO
    lowest_ask: Decimal = field(name="lowestAsk", default=ZERO)
    highest_bid: Decimal = field(name="highestBid", default=ZERO)
    percentage_change: Decimal = field(name="percentageChange", default=ZERO)
    volume: Decimal = ZERO
    high_24h: Decimal = field(name="high24Hr", default=ZERO)
    low_24h: Decimal = field(name="low24Hr", default=ZERO)
    open_interest: Decimal = field(name="openInterest", default=ZERO)
    open_interest_usd: Decimal = field(name="openInterestUSD", default=ZERO)
    time_based: bool = field(name="timeBasedContract", default=False)
    contract_start: int = field(name="contractStart", default=0)
    contract_end: int = field(name="contractEnd", default=0)
    funding_rate: Decimal = field(name="fundingRate", default=ZERO)
    funding_interval_minutes: Decimal | None = field(name="fundingIntervalMinutes", default=None)
    funding_time: int | None = field(name="fundingTime", default=None)
    min_risk_limit: Decimal = field(name="minRiskLimit", default=ZERO)
    max_risk_limit: Decimal = field(name="maxRiskLimit", default=ZERO)


class BookLevel(Message):
    """A level of a REST book: price and contracts (text on the wire)."""

    price: Decimal
    size: int


class BookReply(Message):
    """`GET orderbook` and `orderbook/L2` (3.2), in any order on the wire; `bids` and `asks` are best first."""

    symbol: str
    timestamp: int
    buy_quote: list[BookLevel] = field(name="buyQuote")
    sell_quote: list[BookLevel] = field(name="sellQuote")
    depth: int | None = None

    @property
    def bids(self) -> list[BookLevel]:
        return sorted(self.buy_quote, key=lambda level: -level.price)

    @property
    def asks(self) -> list[BookLevel]:
        return sorted(self.sell_quote, key=lambda level: level.price)


class Trade(Message):
    """A public trade: of `GET trades` (3.3) or of the trade topics (7.4). `side` is the taker's."""

    symbol: str
    side: str
    size: int
    price: Decimal
    timestamp: int
    serial_id: int | None = field(name="serialId", default=None)
    trade_id: int | None = field(name="tradeId", default=None)


class PriceReply(Message):
    """A row of `GET price` (3.5): the only REST source of the mark price."""

    symbol: str
    index: Decimal = field(name="indexPrice")
    last: Decimal = field(name="lastPrice")
    mark: Decimal = field(name="markPrice")


class FundingRate(Message):
    """A row of `GET funding_history` (3.6); `time` in seconds."""

    symbol: str
    time: int
    rate: Decimal


class MarketRiskLimit(Message):
    """A tier of `GET market/risk_limit` (3.7)."""

    symbol: str
    level: int = field(name="riskLevel")
    limit: Decimal = field(name="riskLimitValue")
    initial_margin: Decimal = field(name="initialMarginRate")
    maintenance_margin: Decimal = field(name="maintenanceMarginRate")
    max_leverage: Decimal = field(name="maxLeverage")


class ServerTime(Message):
    """`GET /spot/api/v3.3/time` (3.8): `iso` carries milliseconds, `epoch` whole seconds."""

    iso: str
    epoch: int


class Wrapped(Message, Generic[T]):
    """The envelope code, msg, time, data, success of newer services (6.2)."""

    code: int
    success: bool
    msg: str | None = None
    time: int = 0
    data: T | None = None


# --- configuration ---------------------------------------------------------------------------------------------------


class ConfigReply(Message):
    """Reply of `POST leverage`, `risk_limit`, `position_mode` (4.12): `status` 20 is success, HTTP 200 is not."""

    symbol: str
    status: int
    type: int = 0
    timestamp: int = 0
    message: str | None = None


# --- account --------------------------------------------------------------------------------------------------------


class TradeRecord(Message):
    """One own execution of `GET user/trade_history` (4.9). `filled_price`, `filled_size` are this fill's."""

    trade_id: str = field(name="tradeId")
    order_id: str = field(name="orderId")
    serial_id: int = field(name="serialId")
    symbol_wire: str = field(name="symbol")
    side: str
    filled_price: Decimal = field(name="filledPrice")
    filled_size: int = field(name="filledSize")
    fee: Decimal = field(name="feeAmount")
    fee_currency: str = field(name="feeCurrency")
    timestamp: int
    client_id_wire: str | None = field(name="clOrderID", default=None)
    order_type: int = field(name="orderType", default=0)
    price: Decimal = ZERO
    size: int = 0
    avg_filled_price: Decimal | None = field(name="avgFilledPrice", default=None)
    realized_pnl: Decimal | None = field(name="realizedPnl", default=None)
    realized_pnl_table: Decimal | None = field(name="realizedPnL", default=None)
    total: Decimal | None = None
    wallet: str | None = None
    contract_size: Decimal | None = field(name="contractSize", default=None)

    @property
    def symbol(self) -> str:
        return new_symbol(self.symbol_wire)

    @property
    def client_id(self) -> str:
        return self.client_id_wire or ""


class Position(Message):
    """A row of `GET user/positions` (4.10); `size` is positive on the wire, `signed` carries the side."""

    symbol: str
    side: str
    size: int
    entry_price: Decimal = field(name="entryPrice")
    mark_price: Decimal = field(name="markPrice")
    liquidation_price: Decimal = field(name="liquidationPrice", default=ZERO)
    order_value: Decimal = field(name="orderValue", default=ZERO)
    unrealised: Decimal = field(name="unrealizedProfitLoss", default=ZERO)
    maintenance_margin: Decimal = field(name="totalMaintenanceMargin", default=ZERO)
    margin_type: int = field(name="marginType", default=0)
    liquidation_in_progress: bool = field(name="liquidationInProgress", default=False)
    adl_score_bucket: Decimal = field(name="adlScoreBucket", default=ZERO)
    contract_size: Decimal = field(name="contractSize", default=ZERO)
    position_mode: str | None = field(name="positionMode", default=None)
    position_direction: str | None = field(name="positionDirection", default=None)
    position_id: str | None = field(name="positionId", default=None)

    @property
    def signed(self) -> int:
        """Contracts, long positive, short negative."""
        return side_of(self.side) * abs(self.size)


class WalletAsset(Message):
    """One currency of a wallet. On the spot wallet (another shape) `total` and `available` are filled instead."""

    currency: str
    balance: Decimal | None = None
    asset_price: Decimal | None = field(name="assetPrice", default=None)
    total: Decimal | None = None
    available: Decimal | None = None


class Wallet(Message):
    """A row of `GET user/wallet` (4.11)."""

    wallet: str
    total_value: Decimal = field(name="totalValue")
    available: Decimal = field(name="availableBalance")
    wallet_total_value: Decimal = field(name="walletTotalValue", default=ZERO)
    margin_balance: Decimal = field(name="marginBalance", default=ZERO)
    unrealised: Decimal = field(name="unrealisedProfitLoss", default=ZERO)
    maintenance_margin: Decimal = field(name="maintenanceMargin", default=ZERO)
    leverage: Decimal = ZERO
    open_margin: Decimal = field(name="openMargin", default=ZERO)
    assets: list[WalletAsset] = []
    assets_in_use: list[WalletAsset] = field(name="assetsInUse", default=[])

    def balance(self, currency: str) -> Decimal:
        """Settled balance of a currency, without unrealised PnL; the wallet's total value when it lists no assets."""
        for asset in self.assets:
            if asset.currency == currency and asset.balance is not None:
                return asset.balance
        return ZERO if self.assets else self.total_value


class WalletRecord(Message):
    """A row of `GET user/wallet_history` (4.11); type 110 is funding, received positive."""

    amount: Decimal
    currency: str
    type: int
    timestamp: int
    order_id: str | None = field(name="orderId", default=None)
    description: str | None = None
    fees: Decimal | None = None
    status: int = 10
    wallet: str | None = None
    txid: str | None = None


class UnifiedMargin(Message):
    """`GET user/unifiedWallet/margin` (4.11)."""

    symbol: str
    wallet_total_value: Decimal = field(name="walletTotalValue")
    unrealised: Decimal = field(name="walletTotalUnrealizedProfitLoss")
    available: Decimal = field(name="futuresTotalAvailableBalance")
    wallets: list[dict[str, Any]] = []


class Fees(Message):
    """Fee fractions of a market (4.11); a negative maker fee is a rebate."""

    symbol: str
    maker: Decimal = field(name="makerFee")
    taker: Decimal = field(name="takerFee")


class Leverage(Message):
    """A row of `GET leverage` (4.12); 0 is the maximum cross leverage."""

    symbol: str
    leverage: Decimal
    margin_mode: str | None = field(name="marginMode", default=None)
    position_direction: str | None = field(name="positionDirection", default=None)


class RiskLimit(Message):
    """`GET risk_limit` (4.12): the notional limit and its level."""

    symbol: str
    limit: Decimal = field(name="riskLimit")
    level: int | None = field(name="riskLimitLevel", default=None)


class PositionMode(Message):
    """A row of `GET position_mode` (4.12): ONE_WAY, HEDGE or ISOLATED."""

    symbol: str
    position_mode: str = field(name="positionMode")


class MarginSetting(Message):
    """A row of `GET user/margin_setting` (4.12), fractions."""

    symbol: str
    initial: Decimal = field(name="initialMarginPercentage")
    maintenance: Decimal = field(name="maintenanceMarginPercentage")


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes, kind: type[T], what: str) -> T:
    """A reply's body as a record type; numbers may be text.

    Raises
    ------
    UnknownOutcome
        If the body does not have that shape: after a write, the order may be live.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, strict=False)
    try:
        return decoder.decode(body)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, ValueError) as error:
        raise UnknownOutcome(f"{what}: the answer cannot be read ({error}); starts {body[:80]!r}") from None
