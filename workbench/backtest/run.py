"""`backtest` and `sweep`: the same engine for one configuration and for many."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, Unpack

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
from workbench.data.progress import LateProgress
from workbench.errors import ConfigError, did_you_mean
from workbench.events import NS, TIMER_NS
from workbench.quoting import QuotingModel, find_model
from workbench.trading.settings import Settings, limits_array, params_array

if TYPE_CHECKING:
    from workbench.backtest.result import BacktestResult

__all__ = ["Options", "Run", "backtest", "run_configurations"]

QUOTE_ROWS = 1_000_000
SWEEP_QUOTE_ROWS = 2_000


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


def settings_of(config: MarketMakerConfig, model: str | QuotingModel, feed: Feed, price: Decimal) -> Settings:
    """What a configuration comes to at a price of the feed's instrument, validated as for trading."""
    found = model if isinstance(model, QuotingModel) else find_model(model)
    sizes = config.contract_sizes(feed.instrument, price)
    return Settings(sizes, found, params_array(config, sizes, found), limits_array(config, sizes, feed.instrument))


def first_price(feed: Feed) -> Decimal:
    """The first mid at which both sides of the book are shown, quote currency."""
    step = 1 << 12
    starts = range(0, len(feed.bests), step)
    found = (at + np.flatnonzero((feed.bests[at : at + step, :2] > 0).all(axis=1)) for at in starts)
    first = next((int(both[0]) for both in found if both.size), -1)
    if first < 0:
        raise ConfigError([f"feed of {feed.instrument.symbol} never shows both sides of the book; nothing to trade on"])
    bid, ask = feed.bests[first, :2].tolist()
    return Decimal(bid + ask) * feed.instrument.tick_size / 2


def _decision_times(feed: Feed, decide: str | npt.ArrayLike | None, delay_ns: int) -> NDArray[np.int64] | None:
    if decide is None or isinstance(decide, str):
        if decide in (None, "step"):
            return None
        if decide not in ("book", "live"):
            raise ConfigError([f"decide is {decide!r}; expected 'step', 'book', 'live' or an array of times in ns"])
        book = (feed.code & LOCAL != 0) & (feed.code & KIND_MASK != TRADE_ROW)
        times = [feed.t_ns[book]]
        if decide == "live":
            times += [feed.prices["t_ns"], np.arange(feed.start_ns, feed.end_ns, TIMER_NS)]
        return np.unique(np.concatenate(times)) + delay_ns
    given = np.ascontiguousarray(decide, dtype=np.int64)
    if given.ndim != 1 or given.size == 0 or np.any(np.diff(given) <= 0):
        raise ConfigError(["decide has times that do not rise; expected a rising array of ns"])
    return given


class Options(TypedDict, total=False):
    """Conditions of a run, the same for `backtest` and for sweeps.

    Attributes
    ----------
    step_s : float
        Seconds between decisions, from the start of the feed; 0.1.
    decide : "step", "book", "live" or array of int64
        "live": when a live session does, at each message of the book, each answer to an own order and each own fill as
        they are heard, and by its timer while something is left to do. "book": at each message of the book alone. Or
        the times themselves, ns: the book is walked to the first one, and nothing is traded before it. "step", the
        quickest.
    latency : Latency
        Of requests and answers; 10 ms each way.
    queue : str, QueueModel or function p(front, back)
        See `QueueModel`; "power3".
    queue_power : float
        n of the power models; 3.
    rules : {"honest", "parity"}
        "parity" repeats hftbacktest's default rules, its faults included; "honest".
    feed_delay_s : float
        Added to the receiver's stamps; 0.
    venue_messages_per_s : float
        Requests beyond this rate are refused; 0: no limit.
    impact : bool
        What an immediate order took stays taken until its level is updated; True.
    quote_sample_s : float
        Time between rows of the quotes table; by default so that there are at most a million, of many configurations
        2,000 each.
    seed : int
        Of random delays; 0.
    progress : callable
        Called with the share that is done; by default a bar once two seconds have passed. KeyboardInterrupt raised in
        it ends the run, with what there is by then.
    """

    step_s: float
    decide: str | npt.ArrayLike
    latency: Latency
    queue: str | QueueModel | Callable[[float, float], float]
    queue_power: float
    rules: Literal["honest", "parity"]
    feed_delay_s: float
    venue_messages_per_s: float
    impact: bool
    quote_sample_s: float | None
    seed: int
    progress: Callable[[float], None] | None


def backtest(
    feed: Feed,
    model: str | QuotingModel = "skewed_spread",
    params: MarketMakerConfig | Mapping[str, Any] | None = None,
    **options: Unpack[Options],
) -> BacktestResult:
    """Run the function that quotes live over recorded data.

    It sends what the live maker sends by itself: post-only orders, cancels and amends to a smaller size. What people
    order, such as closing the position with reduce-only orders, it does not; a run ends with what it holds.

    Parameters
    ----------
    feed : Feed
    model : str or QuotingModel
        The model, or its name.
    params : MarketMakerConfig or mapping, optional
        The configuration; names as in its file, dotted ones reach into parts: `{"spread_bps": 4, "risk.max_loss": 50}`.
    **options
        See `Options`.

    Returns
    -------
    BacktestResult
        Marked as partial when it was interrupted.

    Raises
    ------
    ConfigError
        For what cannot be run, everything at once; an unknown name is answered with the nearest known one.
    """
    from workbench.backtest.result import BacktestResult

    with LateProgress("backtest", shown="progress" not in options) as bar:
        options.setdefault("progress", bar.update)
        (run,) = run_configurations(feed, model, [params], threads=1, **options)
    return BacktestResult(run.log, run.terms)


def _conditions(feed: Feed, many: bool, options: Options) -> Conditions:
    """Options read and checked."""
    unknown = [name for name in options if name not in Options.__annotations__]
    problems = [f"{name}: no such option{did_you_mean(name, Options.__annotations__)}" for name in unknown]
    step_s, rules = options.get("step_s", 0.1), options.get("rules", "honest")
    if not 1e-6 <= step_s <= 86_400:
        problems.append(f"step_s is {step_s!r}; expected a microsecond to a day")
    if rules not in ("honest", "parity"):
        problems.append(f"rules is {rules!r}; expected 'honest' or 'parity'")
    for name in ("feed_delay_s", "venue_messages_per_s", "quote_sample_s"):
        value = options.get(name) or 0.0
        if not (isinstance(value, (int, float)) and 0.0 <= value < 1e6):
            problems.append(f"{name} is {value!r}; expected 0 or more")
    live = isinstance(options.get("decide"), str) and options.get("decide") == "live"
    if live and rules == "parity":
        problems.append("decide is 'live' under rules 'parity'; expected 'step', 'book' or an array of times")
    if problems:
        raise ConfigError(problems)
    step_ns = round(step_s * NS)
    feed_delay_ns = round(options.get("feed_delay_s", 0.0) * NS)
    sample_s = options.get("quote_sample_s")
    most = SWEEP_QUOTE_ROWS if many else QUOTE_ROWS
    return Conditions(
        latency=options.get("latency", ConstantLatency()),
        queue=queue_model(options.get("queue", "power3"), options.get("queue_power", 3.0)),
        parity=rules == "parity",
        seed=options.get("seed", 0),
        step_ns=step_ns,
        times=_decision_times(feed, options.get("decide"), feed_delay_ns),
        live=live,
        feed_delay_ns=feed_delay_ns,
        messages_per_s=options.get("venue_messages_per_s", 0.0),
        impact=options.get("impact", True),
        sample_ns=default_sample_ns(feed, step_ns, most) if sample_s is None else round(sample_s * NS),
    )


def run_configurations(
    feed: Feed,
    model: str | QuotingModel,
    params: Sequence[MarketMakerConfig | Mapping[str, Any] | None],
    *,
    threads: int | None = None,
    **options: Unpack[Options],
) -> list[Run]:
    """Run configurations over a feed: the book is walked once for all that share a thread.

    Parameters
    ----------
    feed : Feed
    model : str or QuotingModel
    params : sequence of MarketMakerConfig or mapping
        One a configuration.
    threads : int, optional
        Groups of configurations that run side by side; all cores by default.
    **options
        See `Options`.

    Returns
    -------
    list of Run
        In the order of `params`; partial ones are marked when the run was interrupted.

    Raises
    ------
    ConfigError
        For what cannot be run.
    """
    if not params:
        raise ConfigError(["there is no configuration to run"])
    began = time.perf_counter()
    conditions = _conditions(feed, len(params) > 1, options)
    progress = options.get("progress")
    configs = [configuration(given, model, feed) for given in params]
    price = first_price(feed)
    settings = [settings_of(config, model, feed, price) for config in configs]
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
                rules="parity" if conditions.parity else "honest",
                queue=conditions.queue.label,
                latency=conditions.latency.label,
                decide=conditions.decide,
                reasons=found.reasons,
                seed=conditions.seed,
                feed_key=feed.key,
                feed_rows=feed.rows,
                notes=feed.notes,
                wall_s=wall_s,
            ),
            config,
        )
        for log, config, setting in zip(logs, configs, settings, strict=True)
        if log is not None
    ]
