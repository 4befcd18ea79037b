"""Settings from a command line: a TOML file, then `name=value` pairs on top, all problems reported at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError

__all__ = ["parse_pairs", "read_config"]


def parse_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Settings from `name=value` texts; dotted names reach into parts, values are TOML or else plain text.

    Examples
    --------
    >>> parse_pairs(["spread_bps=30", "quoting.model=guide_fixed", "risk.max_loss=25.5"])
    {'spread_bps': 30, 'quoting.model': 'guide_fixed', 'risk.max_loss': 25.5}

    Raises
    ------
    ConfigError
        For each text without a name and a value, and each name given twice.
    """
    settings: dict[str, Any] = {}
    problems = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            problems.append(f"{pair!r} is no setting; expected name=value, for example spread_bps=30")
        elif name in settings:
            problems.append(f"{name} is given twice; expected it once")
        else:
            settings[name] = _value(text.strip())
    if problems:
        raise ConfigError(problems)
    return settings


def read_config(file: str | Path | None, pairs: Iterable[str]) -> MarketMakerConfig:
    """The configuration of a file (or the defaults) with `name=value` pairs on top.

    Raises
    ------
    ConfigError
        With everything that is wrong.
    """
    changes = parse_pairs(pairs)
    if file is None:
        return MarketMakerConfig.from_dict(changes)
    return MarketMakerConfig.from_toml(file).replace(**changes)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
