"""The commands behind `workbench`: what each takes, shows and exits with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from workbench.command_options import ConfigFile, OutFolder, Pairs, Settings, say
from workbench.errors import ConfigError, WorkbenchError
from workbench.headless.stopping import StopRequest
from workbench.research_commands import backtest_command, check_command, import_command, sweep_command

if TYPE_CHECKING:
    from workbench.headless.folder import RunFolder
    from workbench.headless.summary import Summary

__all__ = ["run_command"]

REFUSED = 2
FAILED = 4

RUN_S = 3600.0
"""How long a session without a person trades when nobody says."""

app = typer.Typer(
    name="workbench",
    help="Make markets on LMEX perpetuals: run sessions, record and import market data, backtest, sweep.",
    epilog="Exit codes: 0 done, 2 refused configuration, 3 stopped by a limit, 4 failed, 5 zero open orders not "
    "verified, 130 interrupted, 143 terminated.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class SessionVenue(StrEnum):
    """Where a session may trade."""

    sim = "sim"
    replay = "replay"
    paper = "paper"


class Preset(StrEnum):
    """Markets of the simulated LMEX."""

    lively = "lively"
    btc = "btc"


Seconds = Annotated[float, typer.Option(help="how long the session trades")]
Seed = Annotated[int, typer.Option(min=0, help="seed of the market; the same seed gives the same market")]
Flatten = Annotated[bool, typer.Option("--flatten", help="close the position at the end")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="a run folder")]


def run_command(arguments: Sequence[str], stop: StopRequest) -> int:
    """Run one command line; returns the exit code.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.
    stop : StopRequest
        Already listening to SIGINT and SIGTERM. Sessions obey it; other commands give the signals back.
    """
    try:
        app(list(arguments), prog_name="workbench", obj=stop)
    except ConfigError as error:
        for problem in error.problems:
            say(f"refused: {problem}")
        return REFUSED
    except WorkbenchError as error:
        say(f"failed: {error}")
        return FAILED
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else FAILED
    return 0


@app.command()
def demo(
    context: typer.Context,
    pairs: Pairs = None,
    seconds: Seconds = 60.0,
    out: OutFolder = None,
    seed: Seed = 7,
    preset: Annotated[Preset | None, typer.Option(help="market of the simulated LMEX")] = None,
    flatten: Flatten = False,
    config: ConfigFile = None,
    set_: Settings = None,
) -> None:
    """Trade a whole session on the simulated LMEX: venue, engine and notebook are started, run, stopped and counted."""
    chosen = [f"venue.preset={preset.value}"] if preset else []
    _session(context.obj, [*(pairs or []), *(set_ or []), *chosen], config, None, seconds, seed, out, flatten)


@app.command()
def run(
    context: typer.Context,
    pairs: Pairs = None,
    *,
    venue: Annotated[SessionVenue | None, typer.Option(help="where it trades; sim by default")] = None,
    url: Annotated[str | None, typer.Option(help="a venue that runs already, e.g. http://127.0.0.1:8787")] = None,
    data: Annotated[str | None, typer.Option(metavar="CATALOG", help="replay: folder or URL of recorded data")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="replay: from here on, UTC")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="replay: up to here")] = None,
    speed: Annotated[float | None, typer.Option(help="replay: 1 as recorded, 0 as fast as it can be computed")] = None,
    seconds: Annotated[float | None, typer.Option(help="how long; 3600 by default, a recording whole")] = None,
    out: OutFolder = None,
    seed: Seed = 7,
    flatten: Flatten = False,
    config: ConfigFile = None,
    set_: Settings = None,
) -> None:
    """Trade a headless session: on a venue that runs already, on recorded data, or on paper; for a timer or a service.

    sim: the simulated LMEX at --url. replay: what was recorded. paper: LMEX's public streams, no key needed.
    """
    asked = {
        "venue.name": None if venue is None else venue.value,
        "venue.data": data,
        "venue.start": start,
        "venue.end": end,
        "venue.speed": speed,
    }
    chosen = {name: value for name, value in asked.items() if value is not None}
    given = [*(pairs or []), *(set_ or [])]
    _session(context.obj, given, config, url, seconds, seed, out, flatten, chosen=chosen, starts_venue=False)


@app.command()
def exchange(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one")] = 8787,
    seed: Seed = 7,
    preset: Annotated[Preset, typer.Option(help="its market")] = Preset.lively,
    rate_limits: Annotated[str, typer.Option(metavar="on|off", help="the venue's rate limits")] = "on",
) -> None:
    """Run the simulated LMEX on loopback, REST and WebSocket, until Ctrl-C."""
    if rate_limits not in ("on", "off"):
        raise ConfigError([f"--rate-limits is {rate_limits!r}; expected on or off"])
    context.obj.release()
    from workbench.exchange.server import main

    main(port, seed, preset.value, rate_limits == "on")


@app.command()
def status(context: typer.Context, folder: RunArgument) -> None:
    """Show how a session stands, with the line that says why it quotes or not; or how it ended."""
    context.obj.release()
    from workbench.headless.folder import open_folder
    from workbench.headless.summary import last_word

    run_folder = open_folder(folder)
    if (summary := last_word(run_folder)) is not None:
        _print_summary(summary, run_folder)
        return
    typer.echo(repr(_ask(run_folder.root, lambda session: session.status())))


@app.command()
def stop(context: typer.Context, folder: RunArgument, flatten: Flatten = False) -> None:
    """End a session: cancel, verify zero open orders at the venue, and say so."""
    context.obj.release()
    report = _ask(folder, lambda session: session.stop(flatten=flatten))
    typer.echo(repr(report))
    raise typer.Exit(report.exit_code)


@app.command()
def kill(context: typer.Context, folder: RunArgument) -> None:
    """Cancel everything at once and quote nothing more; the engine stays up until it is stopped or re-armed."""
    context.obj.release()
    report = _ask(folder, lambda session: session.kill())
    typer.echo(repr(report))
    raise typer.Exit(report.exit_code)


@app.command()
def record(
    context: typer.Context,
    symbols: Annotated[str, typer.Option(metavar="S,S", help="markets, e.g. BTC-PERP,ETH-PERP")],
    out: Annotated[str, typer.Option("--out", "--to", metavar="CATALOG", help="a folder or fsspec URL")] = "data",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="how long; until Ctrl-C by default")] = None,
    url: Annotated[str | None, typer.Option(help="a venue that runs already, e.g. http://127.0.0.1:8787")] = None,
    venue: Annotated[str | None, typer.Option(help="its name in the catalog; by default lmex, of --url sim")] = None,
) -> None:
    """Record LMEX's public streams: books, trades, mark prices and funding, as Parquet; needs no key."""
    from workbench.data import record as record_markets

    names = [name.strip() for name in symbols.split(",") if name.strip()]
    report = record_markets(names, out, url=url, venue=venue, seconds=seconds, stop=context.obj)
    typer.echo(repr(report))
    raise typer.Exit(context.obj.exit_code)


app.command("import")(import_command)
app.command("check")(check_command)
app.command("backtest")(backtest_command)
app.command("sweep")(sweep_command)


@app.command()
def version() -> None:
    """Show the version."""
    import workbench

    typer.echo(f"lmex-workbench {workbench.__version__}")


def _session(
    stop: StopRequest,
    pairs: Sequence[str],
    file: Path | None,
    url: str | None,
    seconds: float | None,
    seed: int,
    out: Path | None,
    flatten: bool,
    *,
    chosen: Mapping[str, Any] | None = None,
    starts_venue: bool = True,
) -> None:
    from workbench.headless.folder import claim_folder, new_folder_name
    from workbench.headless.settings import read_config

    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError([f"--seconds is {seconds:g}; expected more than 0"])
    config = read_config(file, pairs).replace(**(chosen or {}))
    if not starts_venue and url is None and config.venue.name == "sim":
        raise ConfigError(["--url is missing; expected the address of a venue that runs (`workbench demo` starts one)"])
    from workbench.engine.preflight import check_before_start

    check_before_start(config)
    if url is not None:
        config = config.replace(**{"venue.url": url})
    if config.venue.name == "replay":
        from workbench.engine.venues.recording import within_seconds

        config, seconds = within_seconds(config, seconds)
    seconds = RUN_S if seconds is None else seconds
    if stop.requested:
        raise typer.Exit(stop.exit_code)
    folder = claim_folder(out or new_folder_name())
    say(f"run folder: {folder.root}")
    from workbench.headless.runner import Plan, run_session

    summary = run_session(Plan(config, folder, seconds, seed, flatten), stop)
    _print_summary(summary, folder)
    raise typer.Exit(summary.exit_code)


def _ask(folder: Path, request: Callable[[Any], Any]) -> Any:
    """Attach to a run's engine, ask it one thing and return the answer."""
    from workbench.engine import Session, run_sync

    async def asked() -> Any:
        return await request(await Session.attach(folder))

    return run_sync(asked(), timeout=60)


def _print_summary(summary: Summary, folder: RunFolder) -> None:
    table = Table(
        title=f"{summary.symbol} on {summary.venue}, {summary.ran_s:.1f} s, seed {summary.seed}", show_header=False
    )
    money = summary.fee_currency
    rows = [
        ("equity change", f"{Decimal(summary.equity_change):f} {money}"),
        *((f"  {name}", f"{Decimal(getattr(summary.pnl, name)):f} {money}") for name in summary.pnl.__struct_fields__),
        ("fills", f"{summary.fills}, {summary.volume} contracts"),
        ("orders", f"{summary.orders_sent} sent, {summary.cancels} cancels, {summary.amends} amends"),
        ("rejects", f"{summary.rejects}"),
        ("position", f"{summary.position_at_end:+d} at the end, {summary.max_abs_position} at most"),
        ("both sides live", f"{summary.quote_uptime:.1%} of the time"),
        (
            "open orders at the end",
            "not known" if summary.open_orders_at_end is None else f"{summary.open_orders_at_end}",
        ),
        ("ended by", f"{summary.stopped_by}, exit code {summary.exit_code}"),
    ]
    for name, text in rows:
        table.add_row(name, text)
    Console().print(table)
    typer.echo(summary.message)
    pages = [str(page) for page in (folder.report, folder.notebook) if page.exists()]
    if pages:
        typer.echo(f"Look at {' and '.join(pages)}.")
