"""Counting a session whose engine was killed: its journal again through a fresh core, then what the venue did since.

The journal holds every order from before it went on the wire and every fill the engine heard of. Orders that rested
when it died may have filled until the venue's dead-man timer took them; those fills are asked of the venue.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from workbench.client.http import AiohttpTransport
from workbench.client.rest import LmexClient
from workbench.clock import NS, Clock
from workbench.config import MarketMakerConfig
from workbench.engine import run_sync
from workbench.engine.credentials import load_credentials
from workbench.engine.journal import JournalRow, read_journal, read_meta
from workbench.engine.replay import maker_of
from workbench.engine.venues.lmex_account import AccountReader
from workbench.errors import VenueError
from workbench.events import Event, OwnFill, PositionReport, ReconcileDone, encode
from workbench.headless.engine_end import wait_until
from workbench.headless.folder import RunFolder
from workbench.headless.simulated_venue import venue_open_orders
from workbench.headless.summary import FAILED, PnlParts, Summary
from workbench.headless.tables import instrument_of
from workbench.instruments import Instrument
from workbench.trading import MarketMaker

__all__ = ["PostMortem", "post_mortem"]

ASK_S = 30.0

_COUNTERS = ("orders_sent", "amends", "cancels", "fills", "rejects", "volume", "quote_uptime")


class PostMortem(NamedTuple):
    """The numbers of a killed session, and the fills that its journal does not have, as rows after its last one."""

    summary: Summary
    late_fills: list[JournalRow]


def post_mortem(
    folder: RunFolder, config: MarketMakerConfig, url: str | None, *, seconds: float, clock: Clock
) -> PostMortem:
    """Wait until the venue has cleared the orders, then count everything.

    Parameters
    ----------
    folder : RunFolder
        With a journal and no outcome.
    config : MarketMakerConfig
        What was asked for.
    url : str or None
        The simulated venue; without one the journal alone is counted.
    seconds : float
        What was asked for.
    clock : Clock
        For the dead-man time.

    Raises
    ------
    JournalError
        If the journal cannot be trusted.
    """
    meta = read_meta(folder.journal)
    instrument = instrument_of(meta)
    maker = maker_of(meta)
    last_ns = int(meta["started_ns"])
    known: set[str] = set()
    for row in read_journal(folder.journal):
        if row.kind == "event":
            event = cast("Event", row.decode())
            known |= {event.trade_id} if isinstance(event, OwnFill) else set()
            maker.on_event(event)
            last_ns = row.t_ns
    message = "The engine was killed; these numbers are counted from its journal"
    left, late = None, list[OwnFill]()
    if config.venue.matched_here:
        left = 0
        message += ", and its venue with it: no order is left"
    elif url is not None:
        try:
            left = _orders_after_dead_man(url, config.venue.dead_man_seconds, clock)
            heard = run_sync(_heard_since(url, config, instrument, int(meta["started_ns"]), clock), timeout=ASK_S)
        except VenueError as error:
            message += f", and the venue could not be asked ({error})"
        else:
            late = [event for event in heard if isinstance(event, OwnFill) and event.trade_id not in known]
            message += f" and from {len(late)} later fills that the venue told of"
            for event in late:
                maker.on_event(event)
            message += _difference(maker, heard)
    rows = [JournalRow(0, event.t_ns, "event", "OwnFill", encode(event)) for event in late]
    return PostMortem(_summary(maker, meta, config, seconds, last_ns, left, f"{message}."), rows)


def _orders_after_dead_man(url: str, dead_man_s: float, clock: Clock) -> int:
    wait_until(lambda: venue_open_orders(url) == 0, dead_man_s + 2, clock)
    return venue_open_orders(url)


async def _heard_since(
    url: str, config: MarketMakerConfig, instrument: Instrument, since_ns: int, clock: Clock
) -> list[Event]:
    """What the venue says of the account: fills since a time, position, wallet."""
    heard: list[Event] = []
    transport = AiohttpTransport(url)
    try:
        client = LmexClient(transport, load_credentials(config.venue.credentials), clock)
        reader = AccountReader(client, instrument, clock, heard.append, fills_since_ns=since_ns)
        await reader.start()
        await reader.reconcile()
    finally:
        await transport.close()
    for event in heard:
        if isinstance(event, ReconcileDone) and not event.ok:
            raise VenueError(event.reason)
    # The venue's lists overlap on purpose: what is older belongs to an earlier session.
    return [event for event in heard if not isinstance(event, OwnFill) or event.venue_ns >= since_ns]


def _difference(maker: MarketMaker, heard: list[Event]) -> str:
    reports = [event.position for event in heard if isinstance(event, PositionReport)]
    if not reports or reports[-1] == maker.position:
        return ""
    return f"; the venue says that the position is {reports[-1]}, look there"


def _summary(
    maker: MarketMaker,
    meta: dict[str, object],
    config: MarketMakerConfig,
    seconds: float,
    last_ns: int,
    left: int | None,
    message: str,
) -> Summary:
    frame, stats = maker.frame(last_ns, 0), maker.stats
    ran_ns = last_ns - stats.first_book_ns if stats.first_book_ns else 0
    return Summary(
        run_id=str(meta["run_id"]),
        venue=config.venue.name,
        symbol=frame.symbol,
        seconds=seconds,
        ran_s=round(ran_ns / NS, 3),
        seed=cast("int", meta["seed"]),
        exit_code=FAILED,
        stopped_by="engine killed",
        message=message,
        open_orders_at_end=left,
        maker_share=stats.maker_volume / stats.volume if stats.volume else None,
        max_abs_position=stats.max_abs_position,
        position_at_end=frame.position,
        equity_change=frame.equity_change,
        pnl=PnlParts(**{part: getattr(frame, f"pnl_{part}") for part in PnlParts.__struct_fields__}),
        fee_currency=frame.currency,
        code_hash=str(meta["code_hash"]),
        config_hash=maker.config.digest(),
        versions=cast("dict[str, str]", meta["versions"]),
        **{name: getattr(frame, name) for name in _COUNTERS},
    )
