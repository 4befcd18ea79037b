"""A market longer than memory, made by telling a short one again and again, and what a process needs to backtest it.

`python -m tests.backtest.long_feed FOLDER` prepares and runs what `write_long_feed` left there and prints, as JSON, how
far the memory of the process rose above what it had when everything was loaded.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tests.backtest.made_feed import make_feed
from workbench.backtest import Feed, backtest, feed_from_catalog
from workbench.data import EVENT_COLUMNS, HFTBACKTEST_DTYPE, Catalog, event_table
from workbench.data.hftbacktest import tables_of_hftbacktest
from workbench.events import NS
from workbench.instruments import Instrument

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), maker_fee=Decimal("-0.00005"))
SHORT_ROWS = 50_000
SETTINGS = {"spread_bps": 1, "quoting.min_edge_bps": 0, "order_size": 10}


def write_long_feed(folder: Path, copies: int) -> int:
    """Leave a market as `short.npy`, `long.npy` and in catalogs `short` and `long`; rows of the long one."""
    short = make_feed(SHORT_ROWS, 31)
    np.save(folder / "short.npy", short)
    shape = (copies * len(short),)
    long = np.lib.format.open_memmap(folder / "long.npy", mode="w+", dtype=HFTBACKTEST_DTYPE, shape=shape)
    period_ns = int(short["local_ts"].max() - short["exch_ts"].min()) + NS
    for copy in range(copies):
        part = long[copy * len(short) : (copy + 1) * len(short)]
        part[:] = short
        for stamp in ("exch_ts", "local_ts"):
            part[stamp] += copy * period_ns
    tables = list(tables_of_hftbacktest([short], INSTRUMENT))
    for name, times in (("short", 1), ("long", copies)):
        with Catalog(folder / name).writer("made", INSTRUMENT) as files:
            for copy in range(times):
                for table in tables:
                    files.write(_later(table, copy, period_ns))
    return len(long)


def _later(table: Any, copy: int, period_ns: int) -> Any:
    columns = {name: table.column(name).to_numpy() for name in EVENT_COLUMNS}
    moved = {name: columns[name] + copy * period_ns for name in ("t_ns", "venue_ns")}
    numbered = {name: columns[name] + copy * 2 * SHORT_ROWS for name in ("seq", "venue_seq")}
    return event_table(columns | moved | numbered)


def prepare(source: Path, cache: Path) -> Feed:
    """The feed of rows in a file or in a catalog."""
    if source.suffix:
        return Feed.prepare(source, INSTRUMENT, cache=cache)
    return feed_from_catalog(source, INSTRUMENT.symbol, cache=cache)


def memory_mib(line: str) -> float:
    """What the kernel says of this process: resident now (VmRSS), or at most since the last reset (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) / 1024


def forget_peak() -> None:
    """Count the peak from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def main(folder: Path) -> None:
    """Measure what preparing and running the long market takes beyond what the short one has left loaded."""
    said = {}
    for kind in ("{}.npy", "{}"):
        backtest(prepare(folder / kind.format("short"), folder / "cache"), params=SETTINGS, progress=None)
        before = memory_mib("VmRSS")
        forget_peak()
        feed = prepare(folder / kind.format("long"), folder / "cache")
        prepared = memory_mib("VmHWM") - before
        forget_peak()
        result = backtest(feed, params=SETTINGS, progress=None)
        assert feed.path is not None
        said["catalog" if kind == "{}" else "file"] = {
            "feed": sum(path.stat().st_size for path in feed.path.iterdir()) / 2**20,
            "prepare": prepared,
            "run": memory_mib("VmHWM") - before,
            "fills": result.summary.fills,
        }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
