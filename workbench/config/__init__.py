"""The market maker's configuration: the guide's seven fields and typed parts, validated at the door.

From code (`MarketMakerConfig(spread_bps=12)`), a TOML file, or a plain dict such as notebook parameters. Everything
that is wrong is reported at once as `ConfigError`; an unknown name is answered with the nearest known one.
"""

from workbench.config.market_maker import WRITTEN_OUT, ContractSizes, MarketMakerConfig
from workbench.config.quoting import QuotingConfig
from workbench.config.risk import RiskConfig
from workbench.config.signals import SignalsConfig
from workbench.config.venue import VenueConfig
from workbench.config.volatility import VolatilityConfig

__all__ = [
    "WRITTEN_OUT",
    "ContractSizes",
    "MarketMakerConfig",
    "QuotingConfig",
    "RiskConfig",
    "SignalsConfig",
    "VenueConfig",
    "VolatilityConfig",
]
