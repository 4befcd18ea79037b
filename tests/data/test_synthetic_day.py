"""Made-up data: the market that a session on the simulated LMEX sees, the same for the same seed, quickly made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.data import Catalog, best_quotes, event_frame, synthetic_day, synthetic_events
from workbench.errors import ConfigError, DataError
from workbench.exchange import SimulatedExchange
from workbench.virtual_time import LoopClock, VirtualTimeLoop


def test_a_stretch_is_a_clean_recording_that_the_catalog_holds(tmp_path: Path) -> None:
    catalog = synthetic_day(tmp_path, seconds=900, seed=3, start="2026-01-05 23:50")
    assert catalog.days("BTC-PERP") == ["2026-01-05", "2026-01-06"]
    report = catalog.check("BTC-PERP")
    assert report.ok, report
    assert report.hours["trades"].sum() > 2_000
    assert 3 < report.skew_ms[1] < 6
    assert report.skew_ms[0] > 0
    frame = catalog.load("BTC-PERP")
    assert (np.diff(frame["t_ns"]) >= 0).all()
    assert (np.diff(frame["seq"]) == 1).all()
    assert len(frame[frame["kind"] == 6]) == pytest.approx(900, abs=2)
    pd.testing.assert_frame_equal(event_frame(synthetic_events(seconds=900, seed=3, start="2026-01-05 23:50")), frame)


def test_seed_preset_and_symbol_make_the_market() -> None:
    def trades(**settings: object) -> list[int]:
        frame = event_frame(synthetic_events(seconds=60, **settings))  # type: ignore[arg-type]
        return frame[frame["kind"] == 2]["price_ticks"].tolist()

    assert trades(seed=1) == trades(seed=1)
    assert trades(seed=1) != trades(seed=2)
    assert trades(seed=1) != trades(seed=1, preset="lively")
    assert max(trades(symbol="ETH-PERP")) < 300_000 < min(trades())


@pytest.mark.parametrize("preset", ["btc", "lively"])
def test_it_is_the_market_that_the_simulated_venue_shows_at_that_seed(preset: str) -> None:
    frame = event_frame(synthetic_events(seconds=120, seed=5, preset=preset, start=1_780_000_000 * 10**9))
    loop = VirtualTimeLoop(5)
    clock = LoopClock(loop)
    venue = SimulatedExchange(preset, seed=5, clock=clock)
    venue.wake("BTC-PERP")
    venue.advance(clock.epoch_ns + 120 * 10**9 - 1)
    loop.close()
    market = venue.market("BTC-PERP")
    trades = frame[frame["kind"] == 2]
    told = [(trade.serial, trade.side, trade.price, trade.size) for trade in market.trades]
    assert list(zip(*(trades[name] for name in ("venue_seq", "side", "price_ticks", "size")), strict=True)) == told
    shown = venue._feeds["BTC-PERP"]._shown
    last = best_quotes(frame.sort_values("venue_ns", kind="stable")).iloc[-1]
    assert (last.bid, last.ask) == (max(shown[1]), min(shown[-1]))


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lists BTC-PERP, ETH-PERP"):
        synthetic_day(tmp_path, symbol="DOGE-PERP")
    with pytest.raises(ConfigError, match="lively, btc"):
        synthetic_day(tmp_path, preset="quiet")
    assert Catalog(tmp_path).symbols() == []
