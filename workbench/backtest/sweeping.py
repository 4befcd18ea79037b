"""`sweep`: many configurations over the same data, in training and in a test that they have not seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import Feed
from workbench.backtest.grid import Grid, expand_grid
from workbench.backtest.run import Options, Run, run_configurations
from workbench.backtest.sweep_result import SweepResult
from workbench.backtest.sweep_row import SweepRow, sweep_row
from workbench.backtest.terms import RunTerms
from workbench.config import MarketMakerConfig
from workbench.data.progress import LateProgress
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.quoting import QuotingModel

__all__ = ["SweepTask", "run_task", "sweep"]

BATCH = 64
"""Configurations whose logs are in memory at once."""

STEP_S = 0.1

SAMPLES = 4_000
"""Samples of a run that become its drawdown and its Sharpe ratio."""


@dataclass(frozen=True)
class SweepTask:
    """The unit of work: one feed (or a part of it) times one group of configurations; nothing else is needed.

    Attributes
    ----------
    feed : Feed
        Pickled by its path where it is kept in a folder.
    model : str or QuotingModel
    configurations : tuple of MarketMakerConfig
    until_ns : int, optional
        The market ends here.
    from_ns : int, optional
        The first decision is not before; the book and the estimators have seen what came before.
    options : Options
        As for `backtest`.
    """

    feed: Feed
    model: str | QuotingModel
    configurations: tuple[MarketMakerConfig, ...]
    until_ns: int | None = None
    from_ns: int | None = None
    options: Options = field(default_factory=Options)


def run_task(task: SweepTask, *, threads: int | None = None) -> tuple[list[SweepRow], list[Run]]:
    """Run a task: a row for each configuration, and the runs they were made from.

    It reads nothing but its arguments: the same task gives the same rows in any thread, process or machine.
    """
    feed = task.feed if task.until_ns is None else _before(task.feed, task.until_ns)
    options = task.options.copy()
    if task.from_ns is not None:
        options["decide"] = _decisions_from(feed, options, task.from_ns)
    span_s = (feed.end_ns - (task.from_ns or feed.start_ns)) / NS
    options.setdefault("quote_sample_s", max(span_s / SAMPLES, options.get("step_s", STEP_S)))
    runs = run_configurations(feed, task.model, task.configurations, threads=threads, **options)
    return [sweep_row(run.log, feed.instrument) for run in runs], runs


def sweep(
    feed: Feed,
    model: str | QuotingModel,
    grid: Grid,
    *,
    params: MarketMakerConfig | Mapping[str, Any] | None = None,
    split: float | None = None,
    test: Feed | None = None,
    threads: int | None = None,
    **options: Unpack[Options],
) -> SweepResult:
    """Try every configuration of a grid over a feed: the same engine as `backtest`, the book walked once for many.

    Parameters
    ----------
    feed : Feed
    model : str or QuotingModel
    grid : mapping or sequence of mappings
        Lists of values by setting (every combination is tried), or the combinations; see `expand_grid`.
    params : MarketMakerConfig or mapping, optional
        What the grid does not name.
    split : float, optional
        Share of the feed's time that is training; what follows is the test.
    test : Feed, optional
        Data for the test, in place of `split`.
    threads : int, optional
        Groups of configurations that run side by side; all cores by default.
    **options
        As for `backtest`, see `Options`.

    Returns
    -------
    SweepResult
        Partial, and marked so, when it was interrupted.

    Raises
    ------
    ConfigError
        With everything that is wrong in the grid.
    """
    began = time.perf_counter()
    base = _base(params, model)
    combinations, configurations = expand_grid(grid, base)
    parts = _parts(feed, split, test)
    batches = [range(at, min(at + BATCH, len(configurations))) for at in range(0, len(configurations), BATCH)]
    found: list[dict[int, SweepRow]] = [{} for _ in parts]
    terms: RunTerms | None = None
    span_ns: list[tuple[int, int]] = [(0, 0) for _ in parts]
    work = list(product(batches, range(len(parts))))
    with LateProgress("sweep", shown="progress" not in options) as bar:
        progress = options.get("progress") or bar.update
        try:
            for done, (batch, number) in enumerate(work):
                options["progress"] = _part_of(progress, done, len(work))
                chosen = tuple(configurations[i] for i in batch)
                task = SweepTask(model=model, configurations=chosen, options=options, **parts[number])
                rows, runs = run_task(task, threads=threads)
                found[number] |= dict(zip(batch, rows, strict=True))
                terms = terms or runs[0].terms
                span_ns[number] = (runs[0].log.start_ns, runs[0].log.end_ns)
                if not all(row.finished for row in rows):
                    break
        except KeyboardInterrupt:
            if terms is None:
                raise
    assert terms is not None
    terms = replace(
        terms,
        config=base.model_dump(mode="json"),
        config_hash=base.digest(),
        feed_key=feed.key,
        feed_rows=feed.rows,
        notes=feed.notes,
        wall_s=time.perf_counter() - began,
    )
    return SweepResult(
        terms,
        combinations,
        found[0],
        found[1] if len(parts) > 1 else None,
        span_ns=span_ns[0],
        test_span_ns=span_ns[1] if len(parts) > 1 else None,
    )


def _part_of(progress: Callable[[float], None], done: int, whole: int) -> Callable[[float], None]:
    return lambda share: progress((done + share) / whole)


def _base(params: MarketMakerConfig | Mapping[str, Any] | None, model: str | QuotingModel) -> MarketMakerConfig:
    given = params if isinstance(params, MarketMakerConfig) else MarketMakerConfig.from_dict(params or {})
    return given.replace(**{"quoting.model": model.name if isinstance(model, QuotingModel) else model})


def _parts(feed: Feed, split: float | None, test: Feed | None) -> list[dict[str, Any]]:
    """Which data are trained on and which are the test."""
    if split is not None and test is not None:
        raise ConfigError(["split and test are both given; expected one of them"])
    if test is not None:
        return [{"feed": feed}, {"feed": test}]
    if split is None:
        return [{"feed": feed}]
    if not 0.0 < split < 1.0:
        raise ConfigError([f"split is {split!r}; expected the training's share of the time, between 0 and 1"])
    at = feed.start_ns + round(split * (feed.end_ns - feed.start_ns))
    return [{"feed": feed, "until_ns": at}, {"feed": feed, "from_ns": at}]


def _before(feed: Feed, until_ns: int) -> Feed:
    """The feed as if its recording had ended at a time of the venue's clock."""
    rows = int(np.searchsorted(feed.venue_ns, until_ns))
    bests = int(np.searchsorted(feed.best_ns, until_ns))
    return replace(
        feed,
        code=feed.code[:rows],
        price_ticks=feed.price_ticks[:rows],
        size=feed.size[:rows],
        venue_ns=feed.venue_ns[:rows],
        t_ns=feed.t_ns[:rows],
        best_ns=feed.best_ns[:bests],
        bests=feed.bests[:bests],
        prices=feed.prices[feed.prices["t_ns"] < until_ns],
        funding=feed.funding[feed.funding["venue_ns"] < until_ns],
        path=None,
    )


def _decisions_from(feed: Feed, options: Options, from_ns: int) -> NDArray[np.int64]:
    """The times of the steps from a time on, on the grid that begins with the feed."""
    decide = options.get("decide")
    if not (decide is None or (isinstance(decide, str) and decide == "step")):
        raise ConfigError(["a split needs decisions in steps of time; leave decide out, or give test=another feed"])
    step_ns = round(options.get("step_s", STEP_S) * NS)
    first = -(-(from_ns - feed.start_ns) // step_ns)
    steps = np.arange(first, (feed.end_ns - feed.start_ns) // step_ns + 1, dtype=np.int64)
    return np.asarray(feed.start_ns + step_ns * steps, dtype=np.int64)
