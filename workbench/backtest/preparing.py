"""Preparation of feeds: a source is read in pieces and coded into columns, which are kept by what it says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import FORMAT, Feed, instrument_to_json
from workbench.backtest.kernels.digests import mix_words
from workbench.backtest.ordering import EventTables
from workbench.backtest.raw_rows import RawRows
from workbench.backtest.store import FeedStore
from workbench.errors import DataError
from workbench.instruments import Instrument

__all__ = ["ContentDigest", "prepare"]


class Source(Protocol):
    """Where rows come from: read twice, once to know them again, once to take them."""

    settings: str

    def survey(self, see: Callable[[NDArray[Any]], None]) -> None:
        """Read everything and show all that makes the feed what it is."""

    def fill(self, store: FeedStore) -> None:
        """Read everything and put its rows, in order, into the store."""


def prepare(source: Any, instrument: Instrument | None, cache: str | Path | bool, least_latency_s: float) -> Feed:
    """See `Feed.prepare`."""
    if isinstance(source, Feed):
        return source
    if instrument is None:
        raise DataError("instrument is missing; expected what the data are of, for ticks and contract sizes")
    rows: Source
    if isinstance(source, (str, Path, np.ndarray)):
        rows = RawRows(source, instrument)
    else:
        rows = EventTables(source, instrument, least_latency_s)
    if cache is False:
        with FeedStore(None, source.size if isinstance(source, np.ndarray) else 0) as store:
            rows.fill(store)
            return store.feed(instrument)
    home = _cache_home() if cache is True else Path(cache)
    content = ContentDigest()
    rows.survey(content.add)
    key = hashlib.sha256(
        json.dumps([FORMAT, rows.settings, instrument_to_json(instrument), content.hexdigest()]).encode()
    ).hexdigest()[:24]
    folder = home / key
    if not (folder / "feed.json").is_file():
        try:
            _fill_folder(folder, rows, instrument)
        except OSError as error:
            raise DataError(
                f"the prepared feed cannot be kept in {str(home)!r}: {error}; make room there or name another folder "
                "with cache= or WORKBENCH_CACHE"
            ) from None
    return Feed.open(folder)


def _fill_folder(folder: Path, source: Source, instrument: Instrument) -> None:
    """Write a feed's files beside their place and move them there when they are whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with FeedStore(work) as store:
            source.fill(store)
            store.save(instrument)
        try:
            work.rename(folder)
        except OSError:  # another process was faster: its feed is the same
            if not (folder / "feed.json").is_file():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _cache_home() -> Path:
    named = os.environ.get("WORKBENCH_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench"
    return base / "feeds"


class ContentDigest:
    """What arrays say, in the pieces in which they come."""

    def __init__(self) -> None:
        self._lanes = np.arange(1, 5, dtype=np.uint64)
        self._length = 0

    def add(self, piece: NDArray[Any]) -> None:
        """Take the next piece."""
        data = np.ascontiguousarray(piece).reshape(-1).view(np.uint8)
        self._length += data.size
        if data.size % 8:
            data = np.concatenate([data, np.zeros(-data.size % 8, np.uint8)])
        mix_words(data.view(np.uint64), self._lanes)

    def hexdigest(self) -> str:
        """SHA-256 of the lanes and the length, hexadecimal."""
        return hashlib.sha256(self._lanes.tobytes() + self._length.to_bytes(8, "little")).hexdigest()
