"""What must be true before anything is started: refusals with one clear sentence each, in the order of their cost."""

from __future__ import annotations

import difflib
from decimal import Decimal

from workbench.config import ContractSizes, MarketMakerConfig
from workbench.errors import ConfigError, SessionError, VenueError
from workbench.instruments import Instrument
from workbench.trading import Venue

__all__ = ["check_before_start", "check_venue_allowed", "clear_account", "contract_sizes"]

_REFUSED = {
    "testnet": "LMEX's testnet comes in a later version; use 'sim', the simulated LMEX, which speaks the same protocol",
    "lmex": (
        "live trading must be armed by hand, and this version cannot be armed: it comes in a later version; "
        "use 'sim', the simulated LMEX, which speaks the same protocol"
    ),
}


def check_venue_allowed(config: MarketMakerConfig) -> None:
    """Refuse the venues where orders would be real.

    Raises
    ------
    ConfigError
        Naming what to use, and when the venue comes.
    """
    name = config.venue.name
    if name in _REFUSED:
        raise ConfigError([f"venue.name is {name!r}; {_REFUSED[name]}"])


def check_before_start(config: MarketMakerConfig) -> None:
    """Refuse what can be refused without starting a process: the venue, the symbol, the sizes, the model.

    For a simulated venue that will be started for this session, and for recorded data, symbol and sizes are checked
    against the very market that it will offer, at its opening price.

    Raises
    ------
    ConfigError
        With one sentence for each problem.
    """
    from workbench.quoting import find_model

    check_venue_allowed(config)
    find_model(config.quoting.model, config.quoting.source)
    if config.venue.name == "sim" and config.venue.url is None:
        instrument, price = simulated_market(config)
        config.contract_sizes(instrument, price)
    if config.venue.matched_here:
        from workbench.engine.venues.local_terms import latency_of, queue_of

        queue_of(config.venue)
        latency_of(config.venue)
    if config.venue.name == "replay":
        from workbench.engine.venues.recording import find_recording

        recording = find_recording(config)
        contract_sizes(config, recording.instrument, recording.price)


def simulated_market(config: MarketMakerConfig) -> tuple[Instrument, Decimal]:
    """The instrument and opening price that the simulated LMEX has for the configured symbol and preset.

    Raises
    ------
    ConfigError
        If it does not list the symbol.
    """
    from workbench.exchange.listing import LISTINGS

    listing = LISTINGS.get(config.symbol)
    if listing is None:
        near = difflib.get_close_matches(config.symbol, LISTINGS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            [f"symbol is {config.symbol!r}; expected one that the venue lists, {', '.join(LISTINGS)}{hint}"]
        )
    return listing.instrument, listing.start_price


async def clear_account(venue: Venue, deadline_s: float) -> None:
    """Cancel whatever a former run left on the market, and see that the venue lists nothing.

    Raises
    ------
    SessionError
        If something stays open or the venue cannot be asked: nothing may be started on top of it.
    """
    try:
        left = await venue.cancel_all_and_verify(deadline_s)
    except VenueError as error:
        raise SessionError(f"whether orders are open cannot be known ({error}); expected none: look there") from error
    if left:
        raise SessionError(f"{left} orders stay open at the venue; expected none before a start: cancel them there")


def contract_sizes(config: MarketMakerConfig, instrument: Instrument, price: Decimal) -> ContractSizes:
    """Sizes in contracts at the preflight price, for an instrument that trades.

    Raises
    ------
    ConfigError
        If the instrument is not active, or the sizes do not fit it.
    """
    if not instrument.active:
        raise ConfigError([f"symbol is {config.symbol!r}, which does not trade now; expected an active market"])
    return config.contract_sizes(instrument, price)
