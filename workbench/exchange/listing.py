"""The markets that the simulated LMEX lists, with the contract data that the real one publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from msgspec import Raw

from workbench.exchange.wire_numbers import number
from workbench.instruments import Instrument

__all__ = ["LISTINGS", "Listing", "RiskTier"]


T = TypeVar("T")


class Memo(dict[int, T]):
    """What a function says about whole numbers, remembered: a few thousand prices are written again and again."""

    def __init__(self, function: Callable[[int], T]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, ticks: int) -> T:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self[ticks] = self._function(ticks)
        return value


_REMEMBERED = 100_000


@dataclass(frozen=True)
class RiskTier:
    """One step of the margin ladder: up to `limit` of notional (quote currency) at these rates."""

    level: int
    limit: int
    initial: Decimal
    maintenance: Decimal
    max_leverage: int


# lmex-api.md section 3.7: the first three rungs with both rates as documented, the rest with rates from their leverage.
_TIERS = (
    RiskTier(1, 3_000_000, Decimal("0.01"), Decimal("0.005"), 100),
    RiskTier(2, 6_000_000, Decimal("0.0133"), Decimal("0.0073"), 75),
    RiskTier(3, 12_000_000, Decimal("0.02"), Decimal("0.012"), 50),
    RiskTier(4, 90_000_000, Decimal("0.05"), Decimal("0.03"), 20),
    RiskTier(5, 120_000_000, Decimal("0.1"), Decimal("0.06"), 10),
)


@dataclass(frozen=True)
class Listing:
    """A market: its instrument, where its price starts, its margin ladder."""

    instrument: Instrument
    start_price: Decimal
    tiers: tuple[RiskTier, ...] = _TIERS

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @cached_property
    def position_id(self) -> str:
        """LMEX's name of the market in positions, e.g. BTC-PERP-USDT."""
        return f"{self.symbol}-{self.instrument.quote}"

    @cached_property
    def legacy_symbol(self) -> str:
        """The v2.1 name, e.g. BTCPFC."""
        return f"{self.instrument.base}PFC"

    @cached_property
    def price_digits(self) -> int:
        exponent = self.instrument.tick_size.as_tuple().exponent
        assert isinstance(exponent, int)
        return max(0, -exponent)

    @cached_property
    def tick_units(self) -> int:
        """The tick in units of 10**-price_digits."""
        return int(self.instrument.tick_size.scaleb(self.price_digits))

    @cached_property
    def spam_units(self) -> int:
        """Money units below which the venue takes an order for spam."""
        return self.instrument.units(self.instrument.min_notional)

    @cached_property
    def ticks_per_unit(self) -> float:
        """Ticks in one unit of quote currency, for the float arithmetic of the flow."""
        return float(1 / self.instrument.tick_size)

    @cached_property
    def price_texts(self) -> Memo[str]:
        """Ticks -> a price as books print it, with all decimals of the tick: "77054.0"."""
        return Memo(self._price_text)

    @cached_property
    def price_numbers(self) -> Memo[Raw]:
        """Ticks -> a price as a JSON number, without idle zeros: 77054."""
        return Memo(lambda ticks: number(ticks * self.tick_units, self.price_digits))

    def _price_text(self, ticks: int) -> str:
        digits = self.price_digits
        if digits == 0:
            return str(ticks * self.tick_units)
        whole, part = divmod(ticks * self.tick_units, 10**digits)
        return f"{whole}.{part:0{digits}d}"

    def value(self, ticks: int) -> int:
        """V(price) of one contract in money units."""
        return self.instrument.value_of_half_ticks(2 * ticks)


LISTINGS: MappingProxyType[str, Listing] = MappingProxyType(
    {
        listing.symbol: listing
        for listing in (
            Listing(
                Instrument(
                    symbol="BTC-PERP",
                    base="BTC",
                    quote="USDT",
                    tick_size=Decimal("0.1"),
                    contract_size=Decimal("0.00001"),
                    min_price=Decimal("0.1"),
                ),
                Decimal(77_000),
            ),
            Listing(
                Instrument(
                    symbol="ETH-PERP",
                    base="ETH",
                    quote="USDT",
                    tick_size=Decimal("0.01"),
                    contract_size=Decimal("0.0001"),
                    min_price=Decimal("0.01"),
                ),
                Decimal(2_600),
            ),
        )
    }
)
"""Symbol -> market."""
