"""Which recorded market a configuration asks for, found without loading what it takes to play it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from workbench.clock import NS
from workbench.config import MarketMakerConfig
from workbench.data import DEPTH, MARK, SNAPSHOT, TRADE, Catalog
from workbench.data.instants import instant_ns
from workbench.errors import ConfigError, DataError
from workbench.instruments import Instrument

if TYPE_CHECKING:
    from workbench.backtest import Feed

__all__ = ["Recording", "find_recording", "within_seconds"]

_PRICED = (TRADE, SNAPSHOT, DEPTH, MARK)


class Recording(NamedTuple):
    """What a configuration asks to be played: a market in a catalog, and from when to when."""

    catalog: Catalog
    symbol: str
    venue: str | None
    start: int | str | None
    end: int | str | None
    instrument: Instrument
    price: Decimal
    """The first one that is recorded there."""

    @property
    def span_ns(self) -> tuple[int, int]:
        """From when to when it may have rows, receipt time."""
        first, last = self.catalog.span(self.symbol, self.venue)
        start = first if self.start is None else max(first, instant_ns(self.start))
        return start, last if self.end is None else min(last, instant_ns(self.end))

    def feed(self) -> Feed:
        """The market prepared for matching, or found prepared. Raises `DataError`."""
        from workbench.backtest import feed_from_catalog

        return feed_from_catalog(self.catalog, self.symbol, self.start, self.end, venue=self.venue)


def find_recording(config: MarketMakerConfig) -> Recording:
    """Find what is to be replayed, without reading more than its first rows.

    Raises
    ------
    ConfigError
        If there is no such data: one sentence says what is missing.
    """
    asked = config.venue
    if asked.data is None:
        raise ConfigError(["venue.data is missing; expected the folder or URL of a catalog with recorded data"])
    catalog = Catalog(asked.data)
    try:
        instrument = catalog.instrument(config.symbol, asked.data_venue)
        batches = catalog.iter_batches(
            config.symbol, asked.start, asked.end, kinds=_PRICED, venue=asked.data_venue, rows=1
        )
        rows = next(batches, None)
        days = catalog.days(config.symbol, asked.data_venue)
    except DataError as error:
        raise ConfigError([f"venue: {error}"]) from None
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError([f"venue.data is {asked.data!r}, which cannot be opened: {error}"]) from None
    if rows is None:
        span = f"{days[0]} to {days[-1]}" if days else "no day"
        asked_for = f"venue.start is {asked.start!r} and venue.end {asked.end!r}"
        raise ConfigError([f"{asked_for}; expected a range within what the catalog has of {config.symbol}, {span}"])
    row = rows.to_pylist()[0]
    price = Decimal(repr(row["value"])) if row["kind"] == MARK else instrument.ticks_to_price(row["price_ticks"])
    return Recording(catalog, config.symbol, asked.data_venue, asked.start, asked.end, instrument, price)


def within_seconds(config: MarketMakerConfig, seconds: float | None) -> tuple[MarketMakerConfig, float]:
    """The configuration with its recording cut to so many seconds, and how long it is then.

    Raises
    ------
    ConfigError
        If there is no such data.
    """
    first, last = find_recording(config).span_ns
    recorded_s = (last - first) / NS
    if seconds is None or seconds >= recorded_s:
        return config, recorded_s
    return config.replace(**{"venue.end": first + round(seconds * NS)}), seconds
