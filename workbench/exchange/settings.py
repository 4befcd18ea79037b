"""What the simulated market is like: volatility, spread, depth, rates, fees. Two presets, every value can be set."""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from workbench.errors import ConfigError

__all__ = ["PRESETS", "MarketSettings", "market_settings"]


@dataclass(frozen=True)
class MarketSettings:
    """Everything that shapes the simulated market and the account that trades on it.

    Parameters
    ----------
    volatility_bps : float
        Standard deviation of the latent mid in the normal regime, bps of the mid per square root of a second.
    regimes : tuple of (factor, mean_seconds)
        Volatility regimes: factor on `volatility_bps` and mean stay; the first one is where a run starts.
    spread_bps : float
        Typical best ask minus best bid of the exogenous makers, bps of the mid.
    book_rate, trade_rate : float
        Book updates and exogenous takers per second.
    levels, level_step_bps : int, float
        Price levels a side behind the touch and their distance.
    touch_size, level_size : float
        Median contracts at the touch and at a level behind it.
    size_dispersion : float
        Standard deviation of the logarithm of maker sizes.
    taker_size, taker_dispersion : float
        Median contracts of a taker and the standard deviation of its logarithm.
    taker_reach_bps : float
        How far beyond the touch a taker goes, on average, bps of the mid.
    informed_share, informed_horizon_s : float
        Share of takers that know where the latent mid will be after the horizon, and trade that way.
    maker_fee, taker_fee : Decimal
        Fractions of the traded value; a negative maker fee is a rebate. The default, 0.02/0.06 %, is the schedule that
        lmex-api.md section 8 says to assume in simulations.
    funding_rate, funding_interval_s : Decimal, int
        Rate for each interval; stamps are whole multiples of the interval since the Unix epoch.
    balance : Decimal
        Wallet of an account at the start, USDT.
    max_open_orders : int
        Open orders of an account on a market.
    price_band : Decimal
        Price protection: orders that would trade are refused beyond mark * (1 +- band).
    idle_timeout_s : float
        A stream whose client sends nothing for so long is closed.
    """

    volatility_bps: float
    spread_bps: float
    levels: int
    level_step_bps: float
    touch_size: float
    level_size: float
    taker_size: float
    taker_reach_bps: float
    book_rate: float = 10.0
    trade_rate: float = 3.0
    size_dispersion: float = 0.5
    taker_dispersion: float = 0.8
    informed_share: float = 0.2
    informed_horizon_s: float = 2.0
    regimes: tuple[tuple[float, float], ...] = ((1.0, 120.0), (0.6, 90.0), (1.8, 30.0))
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0006")
    funding_rate: Decimal = Decimal("0.0001")
    funding_interval_s: int = 8 * 3600
    balance: Decimal = Decimal(10_000)
    max_open_orders: int = 200
    price_band: Decimal = Decimal("0.05")
    idle_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("maker_fee", "taker_fee", "funding_rate", "balance", "price_band"):
            object.__setattr__(self, name, Decimal(str(getattr(self, name))))
        problems = [
            f"{name} is {getattr(self, name)!r}; expected a finite number above 0"
            for name in _POSITIVE
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0)
        ]
        problems += [
            f"{name} is {getattr(self, name)!r}; expected a finite number, 0 or more"
            for name in _NOT_NEGATIVE
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0)
        ]
        if not 0 <= self.informed_share <= 1:
            problems.append(f"informed_share is {self.informed_share!r}; expected a share from 0 to 1")
        if self.levels > 45:
            problems.append(f"levels is {self.levels!r}; expected at most 45 (a book snapshot shows 50 a side)")
        if not self.regimes or any(factor < 0 or stay <= 0 for factor, stay in self.regimes):
            problems.append(
                f"regimes is {self.regimes!r}; expected pairs (factor >= 0, mean seconds > 0), at least one"
            )
        if problems:
            raise ConfigError(problems)


_POSITIVE = (
    "spread_bps",
    "levels",
    "level_step_bps",
    "touch_size",
    "level_size",
    "taker_size",
    "book_rate",
    "funding_interval_s",
    "balance",
    "max_open_orders",
    "price_band",
    "idle_timeout_s",
)
_NOT_NEGATIVE = (
    "volatility_bps",
    "taker_reach_bps",
    "trade_rate",
    "size_dispersion",
    "taker_dispersion",
    "informed_horizon_s",
)

PRESETS: MappingProxyType[str, MarketSettings] = MappingProxyType(
    {
        # A wide market with a thin touch and takers that reach far: a 20 bps market maker is busy within seconds.
        "lively": MarketSettings(
            volatility_bps=1.5,
            spread_bps=12.0,
            levels=15,
            level_step_bps=3.0,
            touch_size=5.0,
            level_size=25.0,
            taker_size=80.0,
            taker_dispersion=0.9,
            taker_reach_bps=6.0,
        ),
        # About 3 % a day, one or two ticks wide, a bitcoin at the touch: BTC as it is on a large venue.
        "btc": MarketSettings(
            volatility_bps=0.9,
            spread_bps=0.02,
            levels=40,
            level_step_bps=0.3,
            touch_size=60_000.0,
            level_size=40_000.0,
            size_dispersion=0.9,
            taker_size=1_500.0,
            taker_dispersion=1.6,
            taker_reach_bps=0.4,
            trade_rate=4.0,
        ),
    }
)


def market_settings(preset: str, **overrides: Any) -> MarketSettings:
    """A preset with some settings changed.

    Raises
    ------
    ConfigError
        For an unknown preset or setting (with the nearest known name) and for values that make no market.
    """
    if preset not in PRESETS:
        raise ConfigError([f"preset is {preset!r}; expected one of {', '.join(PRESETS)}"])
    known = [field.name for field in dataclasses.fields(MarketSettings)]
    problems = []
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(
                f"{name}: no such market setting; " + (f"did you mean {near[0]!r}?" if near else f"known: {known}")
            )
    if problems:
        raise ConfigError(problems)
    return dataclasses.replace(PRESETS[preset], **overrides)
