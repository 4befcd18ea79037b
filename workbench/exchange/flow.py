"""The exogenous order flow: a tape of book targets and takers that is a function of seed, settings and time alone.

Nothing here knows the book, the orders or who trades. A latent mid walks with regimes of volatility; makers put depth
around it, takers come at random or, some of them, because they know where it goes. One chunk covers a minute and has
its own random stream, so any horizon can be made again from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.clock import NS
from workbench.exchange.listing import Listing
from workbench.exchange.settings import MarketSettings

__all__ = ["BOOK", "CHUNK_S", "TAKER", "SideTargets", "Tape", "tape_hash"]

CHUNK_S = 60
BOOK, TAKER = 0, 1
COLUMNS = 11
"""t_ns, kind, latent mid in 1e-9, then for BOOK (bid ticks, bid size, ask ticks, ask size, refreshed bid level and its
size, refreshed ask level and its size), for TAKER (side, limit ticks, size, informed, 0, 0, 0, 0)."""

MID_DIGITS = 9
_SIZES = 4096

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass
class _Walk:
    """What one chunk hands to the next: where the latent mid and its regime stand."""

    t_s: float
    log_mid: float
    regime: int


class Tape:
    """The endless tape of one market.

    Parameters
    ----------
    listing, settings
        The market and its character.
    seed, index : int
        Seed of the run and place of the market in the listing: each market has its own random streams.
    """

    def __init__(self, listing: Listing, settings: MarketSettings, seed: int, index: int) -> None:
        self.listing = listing
        self.settings = settings
        self.seed = seed
        self.index = index
        start = float(listing.start_price)
        self.step_ticks = max(1, round(settings.level_step_bps * 1e-4 * start * listing.ticks_per_unit))

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(self.index, *key))))

    def usual_sizes(self, side: int) -> list[int]:
        """Contracts that a level holds when it comes into view, by level number modulo the length."""
        rng = self._generator(0, 0 if side > 0 else 1)
        settings = self.settings
        sizes: list[int] = _sizes(rng, settings.level_size, settings.size_dispersion, _SIZES).tolist()
        return sizes

    def chunks(self) -> Iterator[Rows]:
        """int64[n, 11] for each minute, in order of time; see `COLUMNS`."""
        walk = _Walk(0.0, float(np.log(float(self.listing.start_price))), 0)
        number = 0
        while True:
            yield self._chunk(number, walk)
            number += 1

    def _chunk(self, number: int, walk: _Walk) -> Rows:
        rng = self._generator(1, number)
        settings = self.settings
        start = float(number * CHUNK_S)
        book_t = self._book_times(rng, start)
        taker_t = start + np.sort(rng.random(rng.poisson(settings.trade_rate * CHUNK_S))) * CHUNK_S
        times = np.concatenate([book_t, taker_t])
        kinds = np.concatenate([np.full(book_t.size, BOOK), np.full(taker_t.size, TAKER)])
        order = np.argsort(times, kind="stable")
        times, kinds = times[order], kinds[order]
        log_mid, factor = self._walk_on(rng, times, walk, start + CHUNK_S)
        rows = np.zeros((times.size, COLUMNS), dtype=np.int64)
        rows[:, 0] = np.rint(times * 1e6).astype(np.int64) * 1000
        rows[:, 1] = kinds
        rows[:, 2] = np.rint(np.exp(log_mid) * 10**MID_DIGITS)
        is_book = kinds == BOOK
        rows[is_book, 3:] = self._book_columns(rng, np.exp(log_mid[is_book]), factor[is_book])
        rows[~is_book, 3:7] = self._taker_columns(rng, times, log_mid, ~is_book)
        return rows

    def _book_times(self, rng: np.random.Generator, start: float) -> Floats:
        """One update in each slot of 1/book_rate, at a random place in it; the very first at time zero."""
        count = max(1, round(self.settings.book_rate * CHUNK_S))
        times = start + (np.arange(count) + rng.random(count)) * (CHUNK_S / count)
        if start == 0:
            times[0] = 0.0
        return times

    def _walk_on(self, rng: np.random.Generator, times: Floats, walk: _Walk, end: float) -> tuple[Floats, Floats]:
        """Latent log mid and volatility factor at each time; moves the walk to the end of the chunk."""
        switches, regimes = self._regime_path(rng, walk, end)
        factors = np.array([factor for factor, _ in self.settings.regimes])
        factor = factors[regimes[np.searchsorted(switches, times, side="right")]]
        dt = np.diff(times, prepend=walk.t_s)
        moves = self.settings.volatility_bps * 1e-4 * factor * np.sqrt(dt) * rng.standard_normal(times.size)
        log_mid = walk.log_mid + np.cumsum(moves)
        if times.size:
            walk.log_mid, walk.t_s = float(log_mid[-1]), float(times[-1])
        walk.regime = int(regimes[-1])
        return log_mid, factor

    def _regime_path(self, rng: np.random.Generator, walk: _Walk, end: float) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Times of the regime switches up to `end`, and the regimes before, between and after them."""
        stays = [stay for _, stay in self.settings.regimes]
        switches: list[float] = []
        regimes = [walk.regime]
        # An exponential stay has no memory, so it may start afresh with each chunk.
        now = end - CHUNK_S + rng.exponential(stays[walk.regime])
        while now < end and len(stays) > 1:
            step = int(rng.integers(1, len(stays)))
            regimes.append((regimes[-1] + step) % len(stays))
            switches.append(now)
            now += rng.exponential(stays[regimes[-1]])
        return np.array(switches), np.array(regimes, dtype=np.int64)

    def _book_columns(self, rng: np.random.Generator, mid: Floats, factor: Floats) -> Rows:
        settings = self.settings
        count = mid.size
        # Makers widen with volatility, and never agree exactly.
        half = settings.spread_bps * 0.5e-4 * np.sqrt(np.maximum(factor, 0.25)) * rng.uniform(0.8, 1.2, count)
        ticks = mid * self.listing.ticks_per_unit
        out = np.empty((count, 8), dtype=np.int64)
        out[:, 0] = np.floor(ticks * (1 - half))
        out[:, 1] = _sizes(rng, settings.touch_size, settings.size_dispersion, count)
        out[:, 2] = np.ceil(ticks * (1 + half))
        out[:, 3] = _sizes(rng, settings.touch_size, settings.size_dispersion, count)
        for column in (4, 6):
            out[:, column] = rng.integers(0, settings.levels, count)
            out[:, column + 1] = _sizes(rng, settings.level_size, settings.size_dispersion, count)
        return out

    def _taker_columns(
        self, rng: np.random.Generator, times: Floats, log_mid: Floats, chosen: npt.NDArray[np.bool_]
    ) -> Rows:
        settings = self.settings
        at = np.flatnonzero(chosen)
        count = at.size
        later = np.searchsorted(times, times[at] + settings.informed_horizon_s)
        drift = log_mid[np.minimum(later, times.size - 1)] - log_mid[at] if count else np.empty(0)
        informed = (rng.random(count) < settings.informed_share) & (drift != 0)
        side = np.where(informed, np.sign(drift), np.where(rng.random(count) < 0.5, 1, -1))
        reach = settings.spread_bps * 0.5e-4 + rng.exponential(settings.taker_reach_bps * 1e-4, count)
        limit = np.exp(log_mid[at]) * (1 + side * reach) * self.listing.ticks_per_unit
        out = np.empty((count, 4), dtype=np.int64)
        out[:, 0] = side
        out[:, 1] = np.maximum(1, np.where(side > 0, np.floor(limit), np.ceil(limit)))
        out[:, 2] = _sizes(rng, settings.taker_size, settings.taker_dispersion, count)
        out[:, 3] = informed
        return out


def _sizes(rng: np.random.Generator, median: float, dispersion: float, count: int) -> Rows:
    """Lognormal whole contracts, at least one."""
    return np.maximum(1, np.rint(median * np.exp(dispersion * rng.standard_normal(count)))).astype(np.int64)


def tape_hash(tapes: Sequence[Tape], until_s: int) -> str:
    """SHA-256 of what the tapes hold in [0, until_s) seconds: made again from the seeds, whatever was traded."""
    digest = hashlib.sha256()
    for tape in tapes:
        digest.update(tape.listing.symbol.encode())
        for number, rows in enumerate(tape.chunks()):
            if number * CHUNK_S >= until_s:
                break
            digest.update(np.ascontiguousarray(rows[rows[:, 0] < until_s * NS], dtype="<i8").tobytes())
    return digest.hexdigest()


def _outside(levels: range, others: range) -> list[int]:
    """The levels of one run of whole numbers that are not in another one, rising."""
    below = range(levels.start, min(levels.stop, others.start))
    return [*below, *range(max(levels.start, others.stop), levels.stop)]


class SideTargets:
    """Where the exogenous makers of one side want their depth: a touch and a grid of levels behind it.

    Levels sit on whole multiples of `step` ticks, so that a moving touch uncovers or covers a few of them and leaves
    the others alone, as in a real book.
    """

    def __init__(self, side: int, step: int, levels: int, usual_sizes: list[int]) -> None:
        self.side = side
        self.step = step
        self.levels = levels
        self.touch = 0
        self.touch_size = 0
        self._usual = usual_sizes
        self._refreshed: dict[int, int] = {}
        self._view = range(0)

    def move(self, touch: int, touch_size: int, refresh: int, refresh_size: int) -> list[int]:
        """Take one tape row; returns the prices whose wanted size may have changed."""
        changed = [self.touch, touch]
        self.touch, self.touch_size = touch, touch_size
        step = self.step
        if self.side > 0:
            nearest = (touch - 1) // step
            view = range(nearest - self.levels + 1, nearest + 1)
        else:
            nearest = touch // step + 1
            view = range(nearest, nearest + self.levels)
        before = self._view
        if view != before:
            for level in _outside(before, view):
                self._refreshed.pop(level, None)
                changed.append(level * step)
            changed += [level * step for level in _outside(view, before)]
            self._view = view
        refreshed = nearest - self.side * refresh
        self._refreshed[refreshed] = refresh_size
        changed.append(refreshed * step)
        return changed

    def wanted(self, price: int) -> int:
        """Contracts that the makers want at this price."""
        if price == self.touch:
            return self.touch_size
        level, off_grid = divmod(price, self.step)
        if off_grid or level not in self._view:
            return 0
        size = self._refreshed.get(level)
        return self._usual[level % _SIZES] if size is None else size
