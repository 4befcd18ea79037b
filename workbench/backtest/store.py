"""Where the columns of a feed are gathered as they are prepared, in memory or in files, with the best prices."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import BESTS, COLUMNS, FORMAT, FUNDING_STAMPS, PRICES, Feed, instrument_to_json
from workbench.backtest.kernels.best_prices import STATE_SIZE, tabulate_bests
from workbench.backtest.kernels.books import grow_far, make_book
from workbench.backtest.kernels.rows import LOCAL
from workbench.errors import DataError
from workbench.instruments import Instrument

__all__ = ["CHUNK", "Columns", "FeedStore"]

CHUNK = 1 << 17
"""Rows that are worked on at once; memory is a matter of them, not of the feed."""

Columns = dict[str, NDArray[Any]]


class _InMemory:
    """A growing column: pages of it that hold nothing yet cost nothing."""

    def __init__(self, dtype: Any, width: tuple[int, ...], rows: int) -> None:
        self.rows = 0
        self._values = np.empty((rows, *width), dtype)

    def room(self, count: int) -> NDArray[Any]:
        """Where the next rows go, so many at most."""
        if self.rows + count > len(self._values):
            grown = np.empty(
                (max(2 * len(self._values), self.rows + count), *self._values.shape[1:]), self._values.dtype
            )
            grown[: self.rows] = self._values[: self.rows]
            self._values = grown
        return self._values[self.rows : self.rows + count]

    def add(self, count: int) -> None:
        """So many were written there."""
        self.rows += count

    @property
    def values(self) -> NDArray[Any]:
        """All of them."""
        return self._values[: self.rows]


class _InFile:
    """A column that goes to its file piece by piece; the piece before stays as it is while the next one is filled."""

    def __init__(self, dtype: Any, width: tuple[int, ...], path: Path) -> None:
        self.rows = 0
        self._piece = self._before = np.empty((0, *width), dtype)
        self._file = path.open("wb")

    def room(self, count: int) -> NDArray[Any]:
        """Where the next rows go, so many at most."""
        if count > len(self._piece):
            self._piece = np.empty((count, *self._piece.shape[1:]), self._piece.dtype)
        return self._piece[:count]

    def add(self, count: int) -> None:
        """So many were written there."""
        self._file.write(self._piece[:count].data)
        self._piece, self._before = self._before, self._piece
        self.rows += count

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class FeedStore:
    """Gathers a feed: rows of its columns, and the best prices that follow from them.

    Those are found in a thread of their own while the next rows are read. Use it as a context manager.

    Parameters
    ----------
    folder : Path or None
        Where its files are written; None: in memory.
    most : int
        Rows that there will be at most, where that is known; spares copies in memory.

    Attributes
    ----------
    notes, prices, funding
        Of the feed; for who fills it to say.
    """

    def __init__(self, folder: Path | None, most: int = 0) -> None:
        self._folder = folder
        self._most = most
        self.notes: list[str] = []
        self.prices = np.empty(0, PRICES)
        self.funding = np.empty(0, FUNDING_STAMPS)
        self._columns: dict[str, Any] = {name: self._column(name, dtype, ()) for name, dtype in COLUMNS.items()}
        self._bests: dict[str, Any] = {name: self._column(name, *BESTS[name]) for name in BESTS}
        self._book = make_book()
        self._state = np.zeros(STATE_SIZE, dtype=np.int64)
        self._follower = ThreadPoolExecutor(1, "best-prices")
        self._following: Future[None] | None = None

    def _column(self, name: str, dtype: Any, width: tuple[int, ...]) -> _InMemory | _InFile:
        if self._folder is None:
            return _InMemory(dtype, width, self._most)
        return _InFile(dtype, width, self._folder / name)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return int(self._columns["code"].rows)

    def room(self, count: int) -> Columns:
        """Where the next rows go, so many at most."""
        return {name: column.room(count) for name, column in self._columns.items()}

    def add(self, count: int) -> None:
        """So many rows were written there."""
        written = self.room(count)
        self._settle()
        self._following = self._follower.submit(self._follow, written)
        for column in self._columns.values():
            column.add(count)

    def _settle(self) -> None:
        """Wait for the best prices after what was added, and raise what went wrong with them."""
        if self._following is not None:
            self._following.result()

    def _follow(self, rows: Columns) -> None:
        """The best prices after these rows, a piece at a time."""
        for at in range(0, rows["code"].size, CHUNK):
            self._follow_piece({name: values[at : at + CHUNK] for name, values in rows.items()})

    def _follow_piece(self, piece: Columns) -> None:
        """The best prices after these rows."""
        best_ns, bests = self._bests["best_ns"], self._bests["bests"]
        self._state[0] = 0
        while True:
            made = tabulate_bests(
                self._book,
                self._state,
                piece["code"],
                piece["price_ticks"],
                piece["size"],
                piece["t_ns"],
                LOCAL,
                best_ns.room(piece["code"].size + 1),
                bests.room(piece["code"].size + 1),
            )
            best_ns.add(made)
            bests.add(made)
            if self._state[0] >= piece["code"].size:
                return
            self._book = grow_far(self._book)

    def feed(self, instrument: Instrument) -> Feed:
        """What has been gathered, in memory."""
        self._check()
        return Feed(
            instrument,
            **{name: column.values for name, column in (self._columns | self._bests).items()},
            prices=self.prices,
            funding=self.funding,
            notes=tuple(self.notes),
        )

    def save(self, instrument: Instrument) -> None:
        """Finish the files; the description comes last."""
        self._check()
        assert self._folder is not None
        self.close()
        np.save(self._folder / "prices.npy", self.prices)
        np.save(self._folder / "funding.npy", self.funding)
        about = {
            "format": FORMAT,
            "instrument": instrument_to_json(instrument),
            "rows": self.rows,
            "changes": self._bests["best_ns"].rows,
            "notes": self.notes,
        }
        (self._folder / "feed.json").write_text(json.dumps(about, indent=1))

    def close(self) -> None:
        """End the thread and close the files; closing twice is harmless."""
        self._follower.shutdown()
        if self._folder is not None:
            for column in (self._columns | self._bests).values():
                column.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        self._settle()
        if self.rows == 0:
            raise DataError("the source has no rows that belong into a feed; expected book levels and trades")
