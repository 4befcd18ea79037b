"""The commands over recorded data: `import`, `check`, `backtest`, `sweep`; what each takes, shows and leaves behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.command_options import (
    CatalogUrl,
    ConfigFile,
    OutFolder,
    Pairs,
    Settings,
    SymbolName,
    VenueName,
    say,
)
from workbench.errors import ConfigError
from workbench.headless.stopping import StopRequest

if TYPE_CHECKING:
    from workbench.backtest import Feed
    from workbench.backtest.latency import Latency
    from workbench.config import MarketMakerConfig

__all__ = ["backtest_command", "check_command", "import_command", "sweep_command"]


class Rules(StrEnum):
    """How orders are filled."""

    honest = "honest"
    parity = "parity"


class Decide(StrEnum):
    """When decisions are taken."""

    step = "step"
    book = "book"
    live = "live"


Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="quoting model, e.g. skewed_spread")]
Start = Annotated[str | None, typer.Option(metavar="TIME", help="first data, UTC, e.g. '2026-05-26 13:00'")]
End = Annotated[str | None, typer.Option(metavar="TIME", help="where the data end")]
Step = Annotated[float, typer.Option("--step", metavar="SECONDS", help="time between decisions")]
LatencyMs = Annotated[
    str, typer.Option("--latency-ms", metavar="MS[,MS]", help="way of a request to the venue, way of the answer back")
]
LatencyTailMs = Annotated[
    str | None, typer.Option("--latency-tail-ms", metavar="MS[,MS]", help="mean of a random tail on either way")
]
LatencyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="measured delays in place of these: t_ns, entry_ns, response_ns")
]
Moments = Annotated[
    Decide, typer.Option("--decide", help="at each --step, at each message of the book, or when a session does")
]
Queue = Annotated[str, typer.Option(metavar="NAME", help="how an order's place in the queue is followed")]
QueuePower = Annotated[float, typer.Option(help="the exponent of a power queue")]
RuleSet = Annotated[Rules, typer.Option(help="parity repeats hftbacktest's rules, its faults included")]
Seed = Annotated[int, typer.Option(min=0, help="of random delays")]


def import_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="SRC", help="a recording: hftbacktest .npz, Binance lines, tables")],
    to: Annotated[str, typer.Option("--to", metavar="CATALOG", help="a folder or fsspec URL")],
    symbol: Annotated[str | None, typer.Option(metavar="S", help="where the source does not say it")] = None,
    venue: Annotated[str | None, typer.Option(help="its name in the catalog; by default what the source says")] = None,
    tick_size: Annotated[str | None, typer.Option(help="price increment, where the source does not say it")] = None,
    contract_size: Annotated[str | None, typer.Option(help="base currency a contract")] = None,
    maker_fee: Annotated[str | None, typer.Option(help="fraction of the value, e.g. 0.0002; negative: rebate")] = None,
    taker_fee: Annotated[str | None, typer.Option(help="fraction of the value")] = None,
) -> None:
    """Import a recording into a catalog of Parquet files."""
    context.obj.release()
    from workbench.data import import_file

    report = import_file(
        source,
        to,
        symbol=symbol,
        venue=venue,
        tick_size=tick_size,
        contract_size=contract_size,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
    )
    typer.echo(repr(report))


def check_command(
    context: typer.Context,
    data: CatalogUrl,
    symbol: Annotated[str | None, typer.Option(metavar="S", help="one market; all of them by default")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="where check.html, the picture, goes")
    ] = None,
    venue: VenueName = None,
    start: Start = None,
    end: End = None,
) -> None:
    """Say what is wrong with recorded data: gaps, crossed books, clocks, duplicates, order, far levels."""
    context.obj.release()
    from workbench.backtest.run_files import made_folder
    from workbench.data import Catalog
    from workbench.data.check_figure import check_page

    catalog = Catalog(data)
    markets: Sequence[tuple[str | None, str]] = [(venue, symbol)] if symbol else catalog.markets(venue)
    reports = []
    for its, name in markets:
        reports.append(catalog.check(name, start, end, venue=its))
        typer.echo(repr(reports[-1]))
    if out is not None:
        page = made_folder(out) / "check.html"
        page.write_text(check_page(reports, f"Check of {data}"), encoding="utf-8")
        typer.echo(f"Look at {page}.")


def backtest_command(
    context: typer.Context,
    data: CatalogUrl,
    symbol: SymbolName,
    *,
    pairs: Pairs = None,
    model: Model = None,
    out: OutFolder = None,
    venue: VenueName = None,
    start: Start = None,
    end: End = None,
    step: Step = 0.1,
    decide: Moments = Decide.step,
    latency_ms: LatencyMs = "10,10",
    latency_tail_ms: LatencyTailMs = None,
    latency_file: LatencyFile = None,
    queue: Queue = "power3",
    queue_power: QueuePower = 3.0,
    rules: RuleSet = Rules.honest,
    seed: Seed = 0,
    config: ConfigFile = None,
    set_: Settings = None,
) -> None:
    """Run the quoting function over recorded data and leave a run folder: tables, tear sheet, summary."""
    settings = _settings(config, [*(pairs or []), *(set_ or [])], model)
    conditions = _conditions(
        step_s=step,
        decide=decide,
        latency=lambda: _latency(latency_ms, latency_tail_ms, latency_file),
        queue=queue,
        queue_power=queue_power,
        rules=rules,
        seed=seed,
    )
    from workbench.backtest import backtest
    from workbench.backtest.run_files import claim_run
    from workbench.headless.folder import new_folder_name

    folder = claim_run(out or Path(new_folder_name()))
    _compile(context.obj, settings, rules, decide)
    feed = _feed(context.obj, data, symbol, start, end, venue)
    result = _watched(
        context.obj,
        "backtest",
        lambda progress: backtest(feed, settings.quoting.model, settings, progress=progress, **conditions),
    )
    result.save(folder)
    typer.echo(repr(result))
    typer.echo(f"Look at {folder / 'report.html'}.")
    raise typer.Exit(_exit_code(context.obj, partial=result.partial))


def sweep_command(
    context: typer.Context,
    data: CatalogUrl,
    symbol: SymbolName,
    grid: Annotated[Path, typer.Option(metavar="GRID.toml", help="lists of values by setting: all combinations")],
    *,
    pairs: Pairs = None,
    model: Model = None,
    out: OutFolder = None,
    venue: VenueName = None,
    start: Start = None,
    end: End = None,
    split: Annotated[float | None, typer.Option(help="share of the time that is training; the rest tests it")] = None,
    step: Step = 0.1,
    decide: Moments = Decide.step,
    latency_ms: LatencyMs = "10,10",
    latency_tail_ms: LatencyTailMs = None,
    latency_file: LatencyFile = None,
    queue: Queue = "power3",
    queue_power: QueuePower = 3.0,
    rules: RuleSet = Rules.honest,
    seed: Seed = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="all cores by default")] = None,
    config: ConfigFile = None,
    set_: Settings = None,
) -> None:
    """Try every combination of a grid of settings over recorded data, and say how far to trust the best."""
    settings = _settings(config, [*(pairs or []), *(set_ or [])], model)
    conditions = _conditions(
        step_s=step,
        decide=decide,
        latency=lambda: _latency(latency_ms, latency_tail_ms, latency_file),
        queue=queue,
        queue_power=queue_power,
        rules=rules,
        seed=seed,
    )
    from workbench.backtest import expand_grid, read_grid, sweep
    from workbench.backtest.run_files import claim_run
    from workbench.headless.folder import new_folder_name

    values = read_grid(grid)
    expand_grid(values, settings)
    folder = claim_run(out or Path(new_folder_name()))
    _compile(context.obj, settings, rules, decide)
    feed = _feed(context.obj, data, symbol, start, end, venue)
    result = _watched(
        context.obj,
        "sweep",
        lambda progress: sweep(
            feed,
            settings.quoting.model,
            values,
            params=settings,
            split=split,
            threads=threads,
            progress=progress,
            **conditions,
        ),
    )
    result.save(folder)
    typer.echo(repr(result))
    typer.echo(f"Look at {folder / 'report.html'}.")
    raise typer.Exit(_exit_code(context.obj, partial=result.partial))


def _settings(file: Path | None, pairs: Sequence[str], model: str | None) -> MarketMakerConfig:
    from workbench.headless.settings import read_config

    config = read_config(file, pairs)
    return config if model is None else config.replace(**{"quoting.model": model})


def _conditions(
    *,
    step_s: float,
    decide: Decide,
    latency: Callable[[], Latency],
    queue: str,
    queue_power: float,
    rules: Rules,
    seed: int,
) -> dict[str, Any]:
    """The keywords of `backtest`, every problem at once."""
    from workbench.backtest import queue_model

    problems = []
    if not (math.isfinite(step_s) and step_s > 0):
        problems.append(f"--step is {step_s:g}; expected more than 0 seconds")
    if decide is Decide.live and rules is Rules.parity:
        problems.append("--decide is live under the rules of parity; expected step or book")
    found = {}
    for name, find in (("latency", latency), ("queue", lambda: queue_model(queue, queue_power))):
        try:
            found[name] = find()
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return {**found, "step_s": step_s, "decide": decide.value, "rules": rules.value, "seed": seed}


def _latency(latency_ms: str, tail_ms: str | None, file: Path | None) -> Latency:
    """Delays as the options have them."""
    from workbench.backtest import ConstantLatency, JitteredLatency, MeasuredLatency

    if file is not None:
        if tail_ms is not None:
            raise ConfigError(["--latency-file and --latency-tail-ms are both given; expected one of them"])
        return MeasuredLatency.read(file)
    ways = _two_ways("--latency-ms", latency_ms)
    if tail_ms is None:
        return ConstantLatency(*ways)
    return JitteredLatency(*ways, *_two_ways("--latency-tail-ms", tail_ms))


def _two_ways(option: str, given: str) -> tuple[float, float]:
    """Seconds of both ways, from milliseconds of one for both or of each."""
    try:
        ways = [float(text) for text in given.split(",")]
    except ValueError:
        ways = []
    if not 1 <= len(ways) <= 2 or not all(math.isfinite(way) and way >= 0 for way in ways):
        raise ConfigError([f"{option} is {given!r}; expected one or two numbers of milliseconds, such as 10,12"])
    return ways[0] / 1e3, ways[-1] / 1e3


def _compile(stop: StopRequest, settings: MarketMakerConfig, rules: Rules, decide: Decide) -> None:
    from workbench.backtest.engine import loop_of
    from workbench.backtest.first_compile import compile_backtest
    from workbench.quoting import find_model

    model = find_model(settings.quoting.model, settings.quoting.source)
    loop = loop_of(live=decide is Decide.live, parity=rules is Rules.parity)
    _watched(stop, "compiling, this once", lambda progress: compile_backtest(model, loop, progress))


def _feed(stop: StopRequest, data: str, symbol: str, start: str | None, end: str | None, venue: str | None) -> Feed:
    from workbench.backtest import feed_from_catalog

    made: Feed = _watched(
        stop,
        f"preparing {symbol}",
        lambda progress: feed_from_catalog(data, symbol, start, end, venue=venue, progress=progress),
    )
    return made


def _watched(stop: StopRequest, what: str, work: Callable[[Callable[[float], None]], Any]) -> Any:
    """Do some work under a bar; a stop ends it with what there is by then."""
    from workbench.data.progress import LateProgress

    with LateProgress(what) as bar:

        def look(share: float) -> None:
            if stop.requested:
                raise KeyboardInterrupt
            bar.update(share)

        try:
            return work(look)
        except KeyboardInterrupt:
            say("stopped before there was anything to show")
            raise typer.Exit(_exit_code(stop, partial=True)) from None


def _exit_code(stop: StopRequest, *, partial: bool) -> int:
    return (stop.exit_code or 130) if partial else 0
