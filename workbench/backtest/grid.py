"""Which configurations a sweep tries: a grid of settings, expanded and checked as a whole before anything runs."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError

__all__ = ["Grid", "expand_grid", "read_grid"]

Grid = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Lists of values by setting (every combination is tried), or the combinations themselves."""

SHOWN_PROBLEMS = 20


def expand_grid(
    grid: Grid, base: MarketMakerConfig | None = None
) -> tuple[list[dict[str, Any]], list[MarketMakerConfig]]:
    """Every combination of a grid, and the configuration that it makes of a base.

    Parameters
    ----------
    grid : mapping or sequence of mappings
        `{"spread_bps": [2, 4], "quoting.inventory_skew": [0.5, 1.0]}`: every combination, the last name fastest;
        nested mappings are the same as dotted names. Or a list of combinations, all of the same names.
    base : MarketMakerConfig, optional
        What the grid does not name.

    Returns
    -------
    combinations : list of dict
        Setting -> value.
    configurations : list of MarketMakerConfig

    Raises
    ------
    ConfigError
        With everything that is wrong in the grid or in any configuration, each thing once.
    """
    combinations = _combinations(grid)
    start = base if base is not None else MarketMakerConfig()
    configurations: list[MarketMakerConfig] = []
    problems: dict[str, int] = {}
    for combination in combinations:
        found = _problems(start, combination, configurations)
        problems |= {problem: problems.get(problem, 0) + 1 for problem in found}
    if problems:
        told = [f"{problem}{_times(count, len(combinations))}" for problem, count in problems.items()]
        more = len(told) - SHOWN_PROBLEMS
        raise ConfigError(told[:SHOWN_PROBLEMS] + ([f"and {more} more problems in the grid"] if more > 0 else []))
    return combinations, configurations


def _problems(
    start: MarketMakerConfig, combination: Mapping[str, Any], configurations: list[MarketMakerConfig]
) -> set[str]:
    """Append the configuration of a combination, or tell everything that is wrong with it."""
    try:
        configurations.append(start.replace(**combination))
    except ConfigError as error:
        # How settings fit together is only looked at once each is right by itself.
        wrong = [name for name in combination if any(problem.startswith(name) for problem in error.problems)]
        right = {name: value for name, value in combination.items() if name not in wrong}
        beyond = _problems(start, right, []) if wrong else set()
        return {*error.problems, *beyond}
    return set()


def read_grid(path: str | Path) -> dict[str, list[Any]]:
    """The grid of a TOML file: a list of values for each setting, tables or dotted names for parts.

    Raises
    ------
    ConfigError
        If the file cannot be read or parsed, or holds no grid.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"grid file {str(path)!r} cannot be read: {error.strerror}"]) from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"grid file {str(path)!r} is not valid TOML: {error}"]) from None
    return _axes(found)


def _combinations(grid: Grid) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        axes = _axes(grid)
        return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    combinations = [dict(_flat(row)) for row in grid]
    if not combinations:
        raise ConfigError(["the grid is empty; expected at least one combination of settings"])
    first = list(combinations[0])
    odd = next((row for row in combinations if set(row) != set(first)), None)
    if odd is not None:
        raise ConfigError([f"a combination sets {list(odd)}; expected the names of the first one, {first}"])
    return combinations


def _axes(grid: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Values by dotted name, each value once."""
    axes: dict[str, list[Any]] = {}
    problems = []
    for name, values in _flat(grid):
        listed = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
        twice = [value for number, value in enumerate(listed) if value in listed[:number]]
        if not listed:
            problems.append(f"{name} has no values in the grid; expected a list such as [2, 4, 8]")
        if twice:
            problems.append(f"{name} has {twice[0]!r} twice in the grid; expected each value once")
        axes[name] = listed
    if not axes:
        problems.append("the grid is empty; expected settings with lists of values, such as spread_bps = [2, 4, 8]")
    if problems:
        raise ConfigError(problems)
    return axes


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _times(count: int, whole: int) -> str:
    return "" if count == whole else f" (in {count} of {whole} configurations)"
