"""`backtest` and `sweep`: the same engine for one configuration and for many."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from workbench.backtest.engine import Conditions, Engine, default_sample_ns
from workbench.backtest.feed import Feed
from workbench.backtest.kernels.rows import KIND_MASK, LOCAL, TRADE_ROW
from workbench.backtest.latency import ConstantLatency, Latency
from workbench.backtest.log import RunLog
from workbench.backtest.queues import QueueModel, queue_model
from workbench.backtest.terms import RunTerms
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.quoting import QuotingModel, find_model
from workbench.trading.planner import Settings

__all__ = ["Run", "run_configurations", "settings_of"]

QUOTE_ROWS = 1_000_000
SWEEP_QUOTE_ROWS = 20_000


class Run(NamedTuple):
    """One configuration's run: its raw log and its terms."""

    log: RunLog
    terms: RunTerms
    config: MarketMakerConfig


def configuration(
    params: MarketMakerConfig | Mapping[str, Any] | None, model: str | QuotingModel, feed: Feed
) -> MarketMakerConfig:
    """The complete configuration of a run: names as in a configuration file, the feed's symbol, the model's name.

    Raises
    ------
    ConfigError
        With every problem; an unknown name is answered with the nearest known one.
    """
    name = model.name if isinstance(model, QuotingModel) else model
    if isinstance(params, MarketMakerConfig):
        given = params.model_dump(exclude_unset=True)
    else:
        given = dict(params or {})
    config = MarketMakerConfig.from_dict({"symbol": feed.instrument.symbol, **given})
    return config.replace(**{"symbol": feed.instrument.symbol, "quoting.model": name})


def settings_of(config: MarketMakerConfig, model: str | QuotingModel, feed: Feed) -> Settings:
    """What a configuration comes to at the first price of a feed, validated as for trading."""
    from workbench.trading.settings import limits_array, params_array

    found = model if isinstance(model, QuotingModel) else find_model(model)
    sizes = config.contract_sizes(feed.instrument, _first_price(feed))
    return Settings(sizes, found, params_array(config, sizes, found), limits_array(config, sizes, feed.instrument))


def _first_price(feed: Feed) -> Decimal:
    both = np.flatnonzero((feed.bests[:100_000, :2] > 0).all(axis=1))
    if not both.size:
        raise ConfigError([f"feed of {feed.instrument.symbol} never shows both sides of the book; nothing to trade on"])
    bid, ask = feed.bests[both[0], :2].tolist()
    return Decimal(bid + ask) * feed.instrument.tick_size / 2


def _decision_times(feed: Feed, decide: str | npt.ArrayLike | None) -> NDArray[np.int64] | None:
    if decide is None or isinstance(decide, str):
        if decide in (None, "step"):
            return None
        if decide != "book":
            raise ConfigError([f"decide is {decide!r}; expected 'step', 'book' or an array of times in ns"])
        book = (feed.code & LOCAL != 0) & (feed.code & KIND_MASK != TRADE_ROW)
        return np.unique(feed.t_ns[book])
    times = np.ascontiguousarray(decide, dtype=np.int64)
    if times.ndim != 1 or times.size == 0 or np.any(np.diff(times) <= 0):
        raise ConfigError(["decide has times that do not rise; expected a rising array of ns"])
    return times


def run_configurations(
    feed: Feed,
    model: str | QuotingModel,
    params: Sequence[MarketMakerConfig | Mapping[str, Any] | None],
    *,
    step_s: float = 0.1,
    decide: str | npt.ArrayLike | None = None,
    latency: Latency | None = None,
    queue: str | QueueModel | Callable[[float, float], float] = "power3",
    queue_power: float = 3.0,
    rules: Literal["honest", "parity"] = "honest",
    feed_delay_s: float = 0.0,
    venue_messages_per_s: float = 0.0,
    impact: bool = True,
    quote_sample_s: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Run]:
    """Run configurations over a feed: the book is walked once for all that share a thread.

    Parameters
    ----------
    feed : Feed
    model : str or QuotingModel
        The function that quotes live.
    params : sequence of MarketMakerConfig or mapping
        One a configuration; names as in a configuration file, dotted ones reach into parts.
    step_s : float
        Seconds between decisions, from the start of the feed.
    decide : "step", "book" or array of int64, optional
        "book": at each message of the book as heard; or the times themselves, ns.
    latency : Latency, optional
        Of requests and answers; 10 ms each way by default.
    queue : str, QueueModel or function p(front, back)
        See `QueueModel`.
    rules : {"honest", "parity"}
        "parity" repeats hftbacktest's default rules, its faults included.
    feed_delay_s : float
        Added to the receiver's stamps.
    venue_messages_per_s : float
        Requests beyond this rate are refused; 0: no limit.
    impact : bool
        What an immediate order took stays taken until its level is updated.
    quote_sample_s : float, optional
        Time between rows of the quotes table; by default so that there are at most a million, in a sweep 20,000.
    seed : int
        Of random delays.
    threads : int, optional
        Groups of configurations that run side by side; all cores by default.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    list of Run
        In the order of `params`; partial ones are marked when the run was interrupted.

    Raises
    ------
    ConfigError
        For what cannot be run.
    """
    if not 1e-6 <= step_s <= 86_400:
        raise ConfigError([f"step_s is {step_s!r}; expected a microsecond to a day"])
    if rules not in ("honest", "parity"):
        raise ConfigError([f"rules is {rules!r}; expected 'honest' or 'parity'"])
    if not params:
        raise ConfigError(["there is no configuration to run"])
    began = time.perf_counter()
    latency = ConstantLatency() if latency is None else latency
    queue = queue_model(queue, queue_power)
    times = _decision_times(feed, decide)
    step_ns = round(step_s * NS)
    most = QUOTE_ROWS if len(params) == 1 else SWEEP_QUOTE_ROWS
    sample_ns = default_sample_ns(feed, step_ns, most) if quote_sample_s is None else round(quote_sample_s * NS)
    conditions = Conditions(
        latency=latency,
        queue=queue,
        parity=rules == "parity",
        seed=seed,
        step_ns=step_ns,
        times=times,
        feed_delay_ns=round(feed_delay_s * NS),
        messages_per_s=venue_messages_per_s,
        impact=impact,
        sample_ns=sample_ns,
    )
    configs = [configuration(given, model, feed) for given in params]
    settings = [settings_of(config, model, feed) for config in configs]
    workers = max(1, min(threads or os.cpu_count() or 1, len(configs)))
    stop = threading.Event()
    shares = [0.0] * workers

    def tell(group: int, share: float) -> None:
        shares[group] = share
        if progress is not None:
            progress(sum(shares) / workers)

    def run_group(group: int) -> list[RunLog]:
        mine = slice(group, None, workers)
        engine = Engine(feed, configs[mine], settings[mine], conditions, lambda share: tell(group, share), stop)
        return engine.run()

    logs: list[RunLog | None] = [None] * len(configs)
    if workers == 1:
        logs[:] = run_group(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(run_group, group) for group in range(workers)]
            try:
                groups = [future.result() for future in futures]
            except KeyboardInterrupt:
                stop.set()
                groups = [future.result() for future in futures]
        for group, made in enumerate(groups):
            logs[group::workers] = made
    wall_s = time.perf_counter() - began
    found = settings[0].model
    return [
        Run(
            log,
            RunTerms(
                instrument=feed.instrument,
                model=found.name,
                config=config.model_dump(mode="json"),
                config_hash=config.digest(),
                max_position=setting.sizes.max_position,
                rules=rules,
                queue=queue.name,
                latency=repr(latency),
                decide=f"every {step_s:g} s" if times is None else f"{times.size:,} given times",
                reasons=found.reasons,
                seed=seed,
                feed_key=feed.path.name if feed.path is not None else "",
                feed_rows=feed.rows,
                notes=feed.notes,
                wall_s=wall_s,
            ),
            config,
        )
        for log, config, setting in zip(logs, configs, settings, strict=True)
        if log is not None
    ]


def grid_of(grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every combination of a mapping of names to values; a list of mappings stays what it is."""
    if not isinstance(grid, Mapping):
        return [dict(point) for point in grid]
    empty = [name for name, values in grid.items() if isinstance(values, str) or not len(values)]
    if not grid or empty:
        raise ConfigError([f"grid has no values for {empty or 'anything'}; expected a list of values for each name"])
    return [dict(zip(grid, point, strict=True)) for point in product(*grid.values())]
