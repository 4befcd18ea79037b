"""`backtest`: one configuration over a feed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from workbench.backtest.feed import Feed
from workbench.backtest.result import BacktestResult
from workbench.backtest.run import run_configurations
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError, did_you_mean
from workbench.quoting import QuotingModel

__all__ = ["backtest", "check_conditions"]

CONDITIONS = tuple(
    name
    for name, parameter in inspect.signature(run_configurations).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "progress"
)


def backtest(
    feed: Feed,
    model: str | QuotingModel,
    params: MarketMakerConfig | Mapping[str, Any] | None = None,
    *,
    progress: Callable[[float], None] | None = None,
    **conditions: Any,
) -> BacktestResult:
    """Run a quoting model over recorded data: the function, the checks and the plan are those that trade live.

    Parameters
    ----------
    feed : Feed
        From `feed_from_catalog` or `Feed.prepare`.
    model : str or QuotingModel
        A model or its name.
    params : MarketMakerConfig or mapping, optional
        Settings as in a configuration file; dotted names reach into parts.
    progress : callable, optional
        Called with the share that is done.
    **conditions
        `step_s` or `decide` (when decisions are made), `latency`, `queue` and `queue_power`, `rules`,
        `feed_delay_s`, `venue_messages_per_s`, `impact`, `quote_sample_s`, `seed`: see `run_configurations`.

    Returns
    -------
    BacktestResult
        Its repr is the report. Partial, and marked so, when it was interrupted.

    Raises
    ------
    ConfigError
        With everything that is wrong in the settings, or an unknown condition.

    Examples
    --------
    >>> feed = feed_from_catalog("data", "BTC-PERP")                      # doctest: +SKIP
    >>> backtest(feed, "skewed_spread", {"spread_bps": 4}).plot()         # doctest: +SKIP
    """
    check_conditions(feed, conditions)
    return BacktestResult(*run_configurations(feed, model, [params], progress=progress, **conditions)[0][:2])


def check_conditions(feed: Any, conditions: Mapping[str, Any]) -> None:
    """Refuse what is no feed, and keywords that there are not, all at once."""
    unknown = [name for name in conditions if name not in CONDITIONS]
    problems = [f"{name}: no such condition{did_you_mean(name, CONDITIONS)}" for name in unknown]
    if not isinstance(feed, Feed):
        problems.append(f"feed is a {type(feed).__name__}; expected a Feed, from feed_from_catalog or Feed.prepare")
    if problems:
        raise ConfigError(problems)
