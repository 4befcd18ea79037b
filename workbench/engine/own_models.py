"""Models of one's own on their way to the engine: as source, inside of the configuration that names them.

The configuration travels by the private run folder at the start and by the authenticated socket afterwards, and is
journalled; so a session, its replay and its post-mortem all build the same model, in whatever process they run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from workbench.compiled import kernels_wait, load_kernels
from workbench.config import MarketMakerConfig
from workbench.errors import ConfigError
from workbench.quoting import QuotingModel, find_model, is_loaded
from workbench.virtual_time import VirtualTimeLoop

__all__ = ["changes_with_source", "load_model", "self_contained"]


async def load_model(config: MarketMakerConfig) -> None:
    """Have the model and every kernel ready, beside the loop: an engine that trades goes on with its old one meanwhile.

    Raises
    ------
    ConfigError
        If there is no such model, or it cannot be compiled here.
    """
    model = config.quoting.model, config.quoting.source
    if isinstance(asyncio.get_running_loop(), VirtualTimeLoop):
        _load(*model)  # virtual time would pass by itself while a thread works
    elif kernels_wait() or not is_loaded(*model):
        await asyncio.to_thread(_load, *model)


def _load(name: str, source: str) -> None:
    find_model(name, source)
    load_kernels()


def self_contained(config: MarketMakerConfig, *, leaves_process: bool = True) -> MarketMakerConfig:
    """The configuration with its model written out in it, when that is not a built-in one.

    Parameters
    ----------
    config : MarketMakerConfig
    leaves_process : bool
        Whether another process must know the model too.

    Raises
    ------
    ConfigError
        If there is no such model, or it stands on something that cannot leave this process.
    """
    model = find_model(config.quoting.model, config.quoting.source)
    source = _source_of(model, config.quoting.model, leaves_process=leaves_process)
    return config.replace(quoting={"source": source}) if source != config.quoting.source else config


def changes_with_source(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a configuration that name a model of this process, with its source beside the name.

    Raises
    ------
    ConfigError
        If the model stands on something that cannot leave this process.
    """
    sent = {name: dict(value) if isinstance(value, Mapping) else value for name, value in changes.items()}
    quoting = sent.get("quoting")
    for place, key, prefix in ((quoting, "model", ""), (sent, "quoting.model", "quoting.")):
        if not isinstance(place, dict) or key not in place or f"{prefix}source" in place:
            continue
        model = _known(place[key])
        if model is not None:
            name = place[key] if isinstance(place[key], str) else model.name
            place |= {key: name, f"{prefix}source": _source_of(model, name, leaves_process=True)}
    return sent


def _known(model: Any) -> QuotingModel | None:
    """The model that is meant, if this process has it; else the engine may know it, or will say that it does not."""
    if not isinstance(model, str):
        return model if isinstance(model, QuotingModel) else None
    try:
        return find_model(model)
    except ConfigError:
        return None


def _source_of(model: QuotingModel, name: str, *, leaves_process: bool) -> str:
    # A module that the other process can import itself needs no source.
    if model.not_portable and leaves_process and ":" not in name:
        raise ConfigError([f"quoting.model: {model.not_portable}"])
    return model.source
