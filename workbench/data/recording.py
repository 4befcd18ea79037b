"""`workbench record`: run a recorder until its time is over or somebody stops it, and show how it stands."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rich.console import Console
from rich.live import Live
from rich.table import Table

from workbench.client import AiohttpTransport
from workbench.clock import NS, Clock, SystemClock
from workbench.data.catalog import Catalog
from workbench.data.recorder import Recorder, RecorderHealth

__all__ = ["LMEX_REST", "LMEX_STREAMS", "RecordReport", "record"]

LMEX_REST = "https://api.lmex.io"
LMEX_STREAMS = "wss://ws.lmex.io"
LOOK_S = 0.25
SAY_S = 10.0
"""How often a recorder without a terminal prints its line."""


class StopRequested(Protocol):
    """Whoever may ask for an end, such as a signal handler."""

    @property
    def requested(self) -> bool:
        """Whether to end now."""
        ...


@dataclass(frozen=True)
class RecordReport:
    """What was recorded; its repr is for people."""

    catalog: str
    venue: str
    seconds: float
    markets: tuple[RecorderHealth, ...]

    def __repr__(self) -> str:
        markets = (
            f"  {market.symbol}: {market.messages:,} messages, {market.trades:,} trades, {market.rows:,} rows, "
            f"{market.gaps} gap(s)"
            for market in self.markets
        )
        return "\n".join([f"recorded {self.seconds:.0f} s of {self.venue} into {self.catalog}", *markets])


def record(
    symbols: Sequence[str],
    catalog: Catalog | str | Path,
    *,
    url: str | None = None,
    ws_url: str | None = None,
    venue: str | None = None,
    seconds: float | None = None,
    stop: StopRequested | None = None,
    show: bool = True,
    spool: Path | None = None,
) -> RecordReport:
    """Record the public streams of some markets: book, trades, mark, index and funding; no key is needed.

    Parameters
    ----------
    symbols : sequence of str
        For example ["BTC-PERP", "ETH-PERP"].
    catalog : Catalog or its URL
        Where the hours go as Parquet. What an earlier recorder left over is saved first.
    url, ws_url : str, optional
        Of a venue that speaks LMEX's protocol, such as `workbench exchange`; by default LMEX itself.
    venue : str, optional
        The name in the catalog: by default "lmex", and "sim" for a venue on this machine.
    seconds : float, optional
        How long; by default until stopped.
    stop : optional
        Looked at four times a second.
    show : bool
        A line that moves in a terminal, else a line every ten seconds; on standard error.
    spool : Path, optional
        See `Recorder`.

    Raises
    ------
    VenueError
        If the venue does not answer at the start, or does not know a symbol. Later losses are recorded as gaps.
    DataError
        If it cannot be written, or another recorder writes the same.
    """
    target = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    name = venue or ("sim" if url is not None and _is_local(url) else "lmex")
    clock = SystemClock()

    async def work() -> RecordReport:
        transport = AiohttpTransport(url or LMEX_REST, ws_url if url is not None else LMEX_STREAMS)
        recorder = Recorder(transport, target, symbols, clock, venue=name, spool=spool)
        try:
            return await run_recorder(recorder, target, clock, seconds, stop, HealthDisplay(show))
        finally:
            await transport.close()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work())


async def run_recorder(
    recorder: Recorder,
    catalog: Catalog,
    clock: Clock,
    seconds: float | None,
    stop: StopRequested | None,
    shown: HealthDisplay,
) -> RecordReport:
    """Start a recorder, watch it to its end, stop it in order."""
    await recorder.start()
    began_ns = clock.monotonic_ns()
    passed_s = 0.0
    try:
        with shown:
            while not (stop is not None and stop.requested) and (seconds is None or passed_s < seconds):
                await asyncio.sleep(LOOK_S if seconds is None else min(LOOK_S, seconds - passed_s))
                passed_s = (clock.monotonic_ns() - began_ns) / NS
                recorder.check()
                shown.update(passed_s, recorder.health())
    finally:
        await recorder.stop()
    return RecordReport(catalog.url, recorder.venue, passed_s, tuple(recorder.health()))


class HealthDisplay:
    """The health of a recorder on standard error: a live table in a terminal, a line now and then elsewhere."""

    def __init__(self, shown: bool, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._shown = shown
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._said_s = -SAY_S
        self._before: tuple[float, int] = (0.0, 0)
        self._rate = 0.0

    def __enter__(self) -> None:
        if self._shown and self._console.is_terminal:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self, passed_s: float, markets: list[RecorderHealth]) -> None:
        """Show how the markets stand after so many seconds."""
        if not self._shown:
            return
        before_s, before = self._before
        messages = sum(market.messages for market in markets)
        if passed_s - before_s >= 1.0:
            self._rate = (messages - before) / (passed_s - before_s)
            self._before = (passed_s, messages)
        if self._console.is_terminal:
            self._live.update(_table(passed_s, self._rate, markets), refresh=True)
        elif passed_s - self._said_s >= SAY_S:
            self._said_s = passed_s
            self._console.print(_line(passed_s, self._rate, markets), highlight=False, soft_wrap=True)


def _table(passed_s: float, rate: float, markets: list[RecorderHealth]) -> Table:
    table = Table(title=f"recording, {passed_s:,.0f} s, {rate:,.0f} messages/s", title_justify="left")
    for name in ("market", "book", "messages", "trades", "rows", "gaps", "last", "hour so far"):
        table.add_column(name, justify="left" if name in ("market", "book") else "right")
    for market in markets:
        colour = "green" if market.book == "in step" else "red"
        table.add_row(
            market.symbol,
            f"[{colour}]{market.book}[/]",
            *(f"{count:,}" for count in (market.messages, market.trades, market.rows, market.gaps)),
            f"{market.age_s:.1f} s ago" if market.age_s >= 0 else "never",
            f"{market.bytes_waiting / 1e6:.1f} MB",
        )
    return table


def _line(passed_s: float, rate: float, markets: list[RecorderHealth]) -> str:
    states = "; ".join(f"{m.symbol} {m.book}, {m.rows:,} rows, {m.gaps} gap(s)" for m in markets)
    return f"recording {passed_s:,.0f} s, {rate:,.0f} messages/s: {states}"


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _loop_factory() -> Callable[[], Any]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
