"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["CatalogUrl", "ConfigFile", "OutFolder", "Pairs", "Settings", "SymbolName", "VenueName", "say"]

Pairs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME=VALUE]...", help="settings, e.g. spread_bps=30 quoting.model=guide_fixed"),
]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="a setting; may be repeated")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="settings from a TOML file")]
OutFolder = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="run folder; a new one by default")]
CatalogUrl = Annotated[str, typer.Option("--data", metavar="CATALOG", help="a folder or fsspec URL of recorded data")]
SymbolName = Annotated[str, typer.Option("--symbol", metavar="S", help="market, e.g. BTC-PERP")]
VenueName = Annotated[str | None, typer.Option("--venue", help="whose, where a symbol is there of several venues")]


def say(sentence: str) -> None:
    """To people, beside what the command's output is: standard error, one line."""
    typer.echo(sentence, err=True)
