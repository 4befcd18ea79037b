"""hftbacktest's 64-byte rows into the rows of a feed: they come in two views already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels import rows as row
from workbench.backtest.store import CHUNK, FeedStore
from workbench.data import read_hftbacktest
from workbench.errors import DataError
from workbench.instruments import Instrument

__all__ = ["RawRows"]

_COMPLAINTS = {
    row.BAD_PRICE: "its price is not a positive finite number of ticks under 2^31",
    row.BAD_SIZE: "its quantity is not between 0 and 2^31 contracts",
    row.OFF_TICK_PRICE: "its price is no multiple of the tick",
    row.OFF_LOT_SIZE: "its quantity is no whole number of contracts",
    row.BAD_KIND: "its kind is none of depth, trade, clear, snapshot (market-by-order rows cannot be used)",
    row.UNSORTED: "its stamp is older than the one before in the same view",
}


class RawRows:
    """The rows of an `.npz` or `.npy` file, or of an array."""

    settings = "hftbacktest"

    def __init__(self, source: str | Path | NDArray[Any], instrument: Instrument) -> None:
        if isinstance(source, np.ndarray) and source.ndim != 1:
            raise DataError(f"array has shape {source.shape}; expected one dimension of hftbacktest's rows")
        self._source = source
        self._instrument = instrument

    def _read(self) -> Iterator[NDArray[Any]]:
        for piece in read_hftbacktest(self._source, CHUNK):
            yield np.ascontiguousarray(piece)

    def survey(self, see: Callable[[NDArray[Any]], None]) -> None:
        """Show every row."""
        for piece in self._read():
            see(piece)

    def fill(self, store: FeedStore) -> None:
        """Code every row into the store.

        Raises
        ------
        DataError
            For what cannot be a market; the message names the row.
        """
        last = np.zeros(3, dtype=np.int64)
        tick, lot = float(self._instrument.tick_size), float(self._instrument.contract_size)
        at = 0
        for piece in self._read():
            whole, real = piece.view(np.int64).reshape(-1, 8), piece.view(np.float64).reshape(-1, 8)
            if at == 0:
                _take_first_stamps(whole, last)
            room = store.room(len(whole))
            made = row.read_rows(
                whole,
                real,
                tick,
                lot,
                room["code"],
                room["price_ticks"],
                room["size"],
                room["venue_ns"],
                room["t_ns"],
                last,
            )
            if made < 0:
                where = int(last[2])
                raise DataError(f"row {at + where}: {_COMPLAINTS[made]} ({_shown(whole, real, where)})")
            store.add(made)
            at += len(whole)
        if at != store.rows:
            store.notes.append(f"{at - store.rows:,} rows of a best-price stream were left out: the book says the same")


def _take_first_stamps(whole: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """Rows before the first one of a view carry that one's stamp."""
    for view, (flag, column) in enumerate(((row.HBT_EXCH, row.EXCH_TS), (row.HBT_LOCAL, row.LOCAL_TS))):
        seen = (whole[:, row.EV] & flag) != 0
        last[view] = whole[seen.argmax(), column] if seen.any() else 0


def _shown(whole: NDArray[np.int64], real: NDArray[np.float64], i: int) -> str:
    kind = int(whole[i, row.EV]) & 0xFF
    return f"kind {kind}, exch_ts {whole[i, 1]}, local_ts {whole[i, 2]}, px {real[i, 3]!r}, qty {real[i, 4]!r}"
