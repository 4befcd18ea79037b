"""How long requests take to the venue and answers back: constant, as measured, or with a random tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workbench.backtest.kernels.delays import CONSTANT, JITTERED, MEASURED, LatencyTable
from workbench.errors import ConfigError
from workbench.events import NS

__all__ = ["ConstantLatency", "JitteredLatency", "Latency", "MeasuredLatency"]


def _ns(name: str, seconds: float) -> int:
    if not (math.isfinite(seconds) and 0.0 <= seconds < 3600.0):
        raise ConfigError([f"latency {name} is {seconds!r}; expected 0 to 3600 s"])
    return round(seconds * NS)


def _table(mode: int, entry: int, response: int, jitter: tuple[int, int] = (0, 0), seed: int = 0) -> LatencyTable:
    settings = np.array([mode, entry, response, *jitter, seed], dtype=np.int64)
    return LatencyTable(settings, np.zeros(1, np.int64), np.zeros((1, 2), np.int64))


def _ways(entry_s: float, response_s: float) -> str:
    there, back = f"{entry_s * 1e3:g}", f"{response_s * 1e3:g}"
    return f"{there} ms each way" if there == back else f"{there} ms there, {back} ms back"


@dataclass(frozen=True)
class ConstantLatency:
    """Every request and every answer takes the same time, seconds."""

    entry_s: float = 0.01
    response_s: float = 0.01

    @property
    def label(self) -> str:
        """In words."""
        return f"latency {_ways(self.entry_s, self.response_s)}"

    def table(self, seed: int) -> LatencyTable:  # noqa: ARG002
        """As the compiled loop reads it."""
        return _table(CONSTANT, _ns("entry_s", self.entry_s), _ns("response_s", self.response_s))


@dataclass(frozen=True)
class JitteredLatency:
    """A least time and an exponential tail of a mean, seconds; drawn from the run's seed, message by message."""

    entry_s: float = 0.005
    response_s: float = 0.005
    entry_tail_s: float = 0.005
    response_tail_s: float = 0.005

    @property
    def label(self) -> str:
        """In words."""
        tails = _ways(self.entry_tail_s, self.response_tail_s)
        return f"latency {_ways(self.entry_s, self.response_s)} and tails of {tails} on average"

    def table(self, seed: int) -> LatencyTable:
        """As the compiled loop reads it."""
        jitter = (_ns("entry_tail_s", self.entry_tail_s), _ns("response_tail_s", self.response_tail_s))
        return _table(JITTERED, _ns("entry_s", self.entry_s), _ns("response_s", self.response_s), jitter, seed)


@dataclass(frozen=True, eq=False, repr=False)
class MeasuredLatency:
    """Measured delays, interpolated between their times; before the first and after the last those hold.

    Parameters
    ----------
    t_ns : array of int, shape (n,)
        When they were measured, rising.
    entry_ns, response_ns : array of int, shape (n,)
        Delays, at least 0.

    See Also
    --------
    MeasuredLatency.read : from a table in a file.
    """

    t_ns: npt.ArrayLike
    entry_ns: npt.ArrayLike
    response_ns: npt.ArrayLike

    @property
    def label(self) -> str:
        """In words."""
        entry_ns, response_ns = np.asarray(self.entry_ns), np.asarray(self.response_ns)
        middle = _ways(float(np.median(entry_ns)) / NS, float(np.median(response_ns)) / NS)
        return f"latency as measured {entry_ns.size:,} times, in the middle {middle}"

    @classmethod
    def read(cls, path: str | Path) -> MeasuredLatency:
        """Delays from a Parquet or CSV table with the columns t_ns, entry_ns and response_ns.

        Raises
        ------
        ConfigError
            If it cannot be read, or is no such table.
        """
        import pandas as pd

        names = ["t_ns", "entry_ns", "response_ns"]
        try:
            table = pd.read_csv(path) if Path(path).suffix == ".csv" else pd.read_parquet(path)
            found = cls(*(table[name].to_numpy().astype(np.int64, casting="same_kind") for name in names))
        except KeyError as error:
            raise ConfigError([f"latency file {str(path)!r} has no column {error}; expected {names}"]) from None
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError([f"latency file {str(path)!r} cannot be read: {error}"]) from None
        found.table(0)
        return found

    def __repr__(self) -> str:
        return f"<MeasuredLatency: {self.label}>"

    def table(self, seed: int) -> LatencyTable:  # noqa: ARG002
        """As the compiled loop reads it."""
        stamps = np.ascontiguousarray(self.t_ns, dtype=np.int64)
        delays = np.ascontiguousarray(np.column_stack([self.entry_ns, self.response_ns]), dtype=np.int64)
        problems = []
        if stamps.ndim != 1 or stamps.size == 0 or delays.shape != (stamps.size, 2):
            problems.append(f"measured latency has {stamps.size} times and delays of shape {delays.shape}")
        elif np.any(np.diff(stamps) <= 0):
            problems.append("measured latency: t_ns must rise")
        elif delays.min() < 0:
            problems.append(f"measured latency has a delay of {delays.min()} ns; expected 0 or more")
        if problems:
            raise ConfigError(problems)
        return LatencyTable(np.array([MEASURED, 0, 0, 0, 0, 0], dtype=np.int64), stamps, delays)


Latency = ConstantLatency | JitteredLatency | MeasuredLatency
