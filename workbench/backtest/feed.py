"""A feed: market data prepared once for backtests, in flat integer columns that processes share through memory maps.

25 bytes a row: code (kind, side, views), price in ticks, contracts, the venue's stamp and the receiver's. A row happens
in the exchange's view, in the local one, or in both; where the two orders of time disagree it stands twice. Beside the
rows a feed keeps the best prices as the receiver saw them change, mark prices and funding.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.rows import KIND_MASK, TRADE_ROW
from workbench.errors import DataError
from workbench.events import NS
from workbench.instruments import Instrument

__all__ = ["FUNDING_STAMPS", "PRICES", "Feed", "release"]

FORMAT = 2

COLUMNS: Mapping[str, Any] = {
    "code": np.uint8,
    "price_ticks": np.int32,
    "size": np.int32,
    "venue_ns": np.int64,
    "t_ns": np.int64,
}
BESTS: Mapping[str, tuple[Any, tuple[int, ...]]] = {"best_ns": (np.int64, ()), "bests": (np.int32, (4,))}

PRICES = np.dtype([("t_ns", "i8"), ("mark", "f8"), ("rate", "f8"), ("funding_ns", "i8")])
"""Mark price in ticks (NaN: none yet), rate and time of the coming funding, as heard."""

FUNDING_STAMPS = np.dtype([("venue_ns", "i8"), ("rate", "f8"), ("mark", "f8")])
"""When funding is paid, on the clock of the feed; the rate, and the mark price in ticks (NaN: use the mid)."""


@dataclass(frozen=True, repr=False)
class Feed:
    """Prepared market data of one instrument.

    Attributes
    ----------
    instrument : Instrument
    code : ndarray of uint8
        Kind | side | views (see `workbench.backtest.kernels.rows`).
    price_ticks, size : ndarray of int32
        Ticks; contracts (a level's whole size, 0 deletes it).
    venue_ns, t_ns : ndarray of int64
        Both sorted; a row of one view alone carries the newest stamp of the other.
    best_ns, bests : ndarray of int64[n], int32[n, 4]
        Local best bid, ask and their sizes from a stamp on; 0 an empty side, -1 a lost book.
    prices, funding : structured ndarray
        Of `PRICES`, `FUNDING_STAMPS`.
    notes : tuple of str
        What was put right on the way in.
    path : Path or None
        Where it is kept; None in memory alone.
    """

    instrument: Instrument
    code: NDArray[np.uint8]
    price_ticks: NDArray[np.int32]
    size: NDArray[np.int32]
    venue_ns: NDArray[np.int64]
    t_ns: NDArray[np.int64]
    best_ns: NDArray[np.int64]
    bests: NDArray[np.int32]
    prices: NDArray[np.void]
    funding: NDArray[np.void]
    notes: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def rows(self) -> int:
        """Rows of the feed."""
        return self.code.size

    @property
    def start_ns(self) -> int:
        """The first stamp of either view."""
        if not self.rows:
            return 0
        # A row of one view alone that comes first has no stamp of the other to carry: 0.
        return min(int(stamps[np.searchsorted(stamps, 1) % self.rows]) for stamps in (self.venue_ns, self.t_ns))

    @property
    def end_ns(self) -> int:
        """The last stamp of either view."""
        return int(max(self.venue_ns[-1], self.t_ns[-1])) if self.rows else 0

    @cached_property
    def spread_of_offsets_ns(self) -> int:
        """By how much at most one row took longer to be heard than another."""
        from workbench.backtest.kernels.lateness import NO_SKEW, widen_offsets

        offsets = np.array([NO_SKEW, -NO_SKEW], dtype=np.int64)
        step = 1 << 20
        for at in range(0, self.rows, step):
            widen_offsets(self.t_ns[at : at + step], self.venue_ns[at : at + step], offsets)
            release(self.t_ns, at + step)
            release(self.venue_ns, at + step)
        return int(offsets[1] - offsets[0]) if self.rows else 0

    @cached_property
    def trades(self) -> int:
        """Public trades in the feed."""
        step = 1 << 20
        return sum(
            int(np.count_nonzero((self.code[at : at + step] & KIND_MASK) == TRADE_ROW))
            for at in range(0, self.rows, step)
        )

    @cached_property
    def key(self) -> str:
        """Names the data by their content and how they were prepared."""
        if self.path is not None:
            return self.path.name
        from workbench.backtest.preparing import ContentDigest

        content = ContentDigest()
        for name in COLUMNS:
            content.add(getattr(self, name))
        return content.hexdigest()[:24]

    def __repr__(self) -> str:
        seconds = (self.end_ns - self.start_ns) / NS
        start = np.datetime64(self.start_ns, "ns").astype("datetime64[s]")
        notes = "".join(f"\n  {note}" for note in self.notes)
        return (
            f"<Feed {self.instrument.symbol}: {self.rows:,} rows, {seconds:,.0f} s from {start} UTC, "
            f"{self.best_ns.size:,} changes of the best prices>{notes}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is not None:
            return Feed.open, (self.path,)
        return Feed, tuple(getattr(self, field.name) for field in fields(self))

    @classmethod
    def open(cls, path: str | Path) -> Feed:
        """Map a prepared feed from its folder; nothing is read until it is used.

        Raises
        ------
        DataError
            If there is none, or it was prepared by another version.
        """
        folder = Path(path)
        try:
            about = json.loads((folder / "feed.json").read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{str(folder)!r} holds no prepared feed: {error}") from None
        if about.get("format") != FORMAT:
            raise DataError(
                f"feed {str(folder)!r} has format {about.get('format')!r}; expected {FORMAT}: prepare it again"
            )
        rows, changes = int(about["rows"]), int(about["changes"])
        return cls(
            instrument=instrument_from_json(about["instrument"]),
            **{name: _mapped(folder / name, dtype, (rows,)) for name, dtype in COLUMNS.items()},
            **{name: _mapped(folder / name, dtype, (changes, *width)) for name, (dtype, width) in BESTS.items()},
            prices=np.load(folder / "prices.npy"),
            funding=np.load(folder / "funding.npy"),
            notes=tuple(about["notes"]),
            path=folder,
        )

    @classmethod
    def prepare(
        cls,
        source: Any,
        instrument: Instrument | None = None,
        *,
        cache: str | Path | bool = True,
        least_latency_s: float = 0.001,
    ) -> Feed:
        """Prepare a feed from recorded data, or find it prepared.

        Parameters
        ----------
        source : path, ndarray, DataFrame, Arrow table or iterable of tables
            An hftbacktest `.npz`/`.npy` or its array of 64-byte rows; or event tables with the columns of
            `workbench.data.EVENT_COLUMNS`, in the order of arrival. Read twice, in pieces: with a cache, memory does
            not grow with the length of a file, or of an iterable that makes its tables as it goes.
        instrument : Instrument
            What the data are of: prices must lie on its tick and amounts be whole contracts of it.
        cache : path or bool
            Folder that keeps prepared feeds, by content; True: the user's cache folder; False: memory only.
        least_latency_s : float
            Where a receiver's clock stands so that data arrive before they happen, the venue's stamps are moved until
            the fastest row takes this long, seconds. Rows that come in two views already are left as they are.

        Raises
        ------
        DataError
            For what cannot be a market: prices off the tick or not finite, negative sizes, no rows; the message names
            the row. And for a cache that cannot be written.
        """
        from workbench.backtest.preparing import prepare

        return prepare(source, instrument, cache, least_latency_s)


def release(array: NDArray[Any], rows: int, kept_bytes: int = 0) -> None:
    """Let go of the memory of a mapped column's first rows; they are read from the file again if they are wanted.

    So many bytes at its beginning are kept, whole pages.
    """
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    length = rows * array.strides[0] // mmap.PAGESIZE * mmap.PAGESIZE - kept_bytes
    if base is not None and length > 0 and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED, kept_bytes, length)


def _mapped(path: Path, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    if shape[0] == 0:
        return np.empty(shape, dtype)
    if not path.is_file() or path.stat().st_size != math.prod(shape) * np.dtype(dtype).itemsize:
        raise DataError(f"prepared feed is damaged: {path} is missing or has another length; delete its folder")
    # Copy on write: kernels take writable arrays, the file stays as it is.
    return np.memmap(path, dtype=dtype, mode="c", shape=shape).view(np.ndarray)


def instrument_to_json(instrument: Instrument) -> dict[str, Any]:
    """Fields of an instrument with decimals as text."""
    return {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(instrument).items()}


def instrument_from_json(values: Mapping[str, Any]) -> Instrument:
    """The instrument of `instrument_to_json`."""
    decimals = {f.name for f in fields(Instrument) if f.type == "Decimal"}
    typed: dict[str, Any] = {k: Decimal(v) if k in decimals else v for k, v in values.items()}
    return Instrument(**typed)
