"""An empty catalog, and a recording as Binance's wire has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.made_data import BinanceWire
from workbench.data import Catalog


@pytest.fixture(params=["folder", "memory"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Catalog:
    """An empty catalog, on disk and behind a URL."""
    return Catalog(tmp_path / "catalog" if request.param == "folder" else f"memory://{tmp_path.name}-{id(request)}")


@pytest.fixture
def wire() -> BinanceWire:
    """A recording that is in order: buffered messages, snapshot, splice, trades, best prices, a mark."""
    made = BinanceWire()
    made.depth([("61800.10", "1.000")], [("61800.30", "2.000")])
    made.depth([("61800.20", "0.500"), ("1000.00", "606.675")], [])
    made.snapshot(1_015, [("61800.20", "0.400"), ("61800.10", "1.000")], [("61800.30", "2.000"), ("61800.50", "1.250")])
    made.depth([("61800.20", "0.700")], [("61800.30", "0.000")])
    made.trades(("61800.50", "0.250", False), ("61800.50", "0.100", False))
    made.depth([], [("61800.50", "0.900")])
    made.best(("61800.20", "0.700"), ("61800.50", "0.900"))
    made.mark("61801.5", "61800.9", "0.00010000", 1_723_161_600_000)
    return made
