"""Promise 1: what a session was shown and quoted, the backtest sees and quotes from the record, number for number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.backtest import Feed
from workbench.backtest.views import CHUNK, ViewTables
from workbench.config import MarketMakerConfig
from workbench.data import DEPTH, FUNDING, MARK, event_table
from workbench.engine import simulate
from workbench.engine.replay import maker_of
from workbench.events import BookLost, MarkPrice
from workbench.quoting.schema import (
    ASK_ADVERSE,
    ASK_SIZE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    BID_SIZE,
    HALF_SPREAD,
    MAX_LEVELS,
    STATE_SIZE,
)
from workbench.quoting.schema import MARK as MARK_SLOT
from workbench.risk.limits import LIMITS_SIZE, TOKENS
from workbench.trading.kernels import cap_tolerance, set_market_limits

COLUMNS = ("t_ns", "venue_ns", "kind", "side", "price_ticks", "size", "value", "value_ns")
OWN_FILLS = [BID_ADVERSE, ASK_ADVERSE]


class Witness:
    """Follows a core through its journal and notes what it was shown and what it decided on."""

    def __init__(self, result: Any) -> None:
        self.maker = maker_of(result.meta)
        self.rows: list[tuple[Any, ...]] = []
        self.decisions: dict[int, tuple[Any, ...]] = {}
        self._last: tuple[int, int] | None = None
        view, planner = self.maker.view, self.maker.planner
        refresh, plan = view.refresh, planner.plan

        def seen_refresh(now_ns: int) -> None:
            refresh(now_ns)
            if view.book.trusted and view.best_bid and view.best_ask:
                self._book(now_ns, view.array)

        def seen_plan(now_ns: int, position: int, *, quote: bool) -> Any:
            shown, state = view.array.copy(), planner._state.copy()
            actions = plan(now_ns, position, quote=quote)
            # Of several decisions at one time the record has the market of the last.
            if quote:
                self.decisions[now_ns] = (position, shown, state, planner._settings.limits.copy())
            else:
                self.decisions.pop(now_ns, None)
            return actions

        view.refresh, planner.plan = seen_refresh, seen_plan
        for row in result.rows:
            if row.kind == "event":
                event = row.decode()
                self._outside(event)
                self.maker.on_event(event)

    def _add(self, t_ns: int, kind: int, side: int = 0, price: int = 0, size: int = 0, *more: Any) -> None:
        value, value_ns = more or (np.nan, 0)
        self.rows.append((t_ns, t_ns - 1_000_000, kind, side, price, size, value, value_ns))

    def _book(self, t_ns: int, view: Any) -> None:
        bid, ask = int(view[BEST_BID]), int(view[BEST_ASK])
        for side, old in zip((1, -1), self._last or (), strict=False):
            self._add(t_ns, DEPTH, side, old, 0)
        self._add(t_ns, DEPTH, 1, bid, int(view[BID_SIZE]))
        self._add(t_ns, DEPTH, -1, ask, int(view[ASK_SIZE]))
        self._last = (bid, ask)

    def _outside(self, event: Any) -> None:
        if isinstance(event, MarkPrice):
            self._add(event.t_ns, MARK, 0, 0, 0, float(event.mark), 0)
            self._add(event.t_ns, FUNDING, 0, 0, 0, float(event.funding_rate), event.funding_time_ns)
        assert not isinstance(event, BookLost), "this session was to keep its book"


@pytest.mark.parametrize("model", ["skewed_spread", "guide_volatility"])
def test_a_journalled_session_and_the_backtest_see_and_quote_the_same(model: str) -> None:
    config = MarketMakerConfig.from_dict({"quoting.model": model, "spread_bps": 8})
    result = simulate(config, seed=5, seconds=60.0, preset="lively")
    witness = Witness(result)
    maker, instrument = witness.maker, witness.maker.instrument
    columns = {name: np.array(values) for name, values in zip(COLUMNS, zip(*witness.rows, strict=True), strict=True)}
    columns["value"] = columns["value"].astype(np.float64)
    table = event_table({**columns, "seq": np.arange(len(witness.rows))})
    feed = Feed.prepare(table, instrument, cache=False)
    times = np.array(sorted(witness.decisions), dtype=np.int64)
    assert len(times) > 200

    tables = ViewTables(feed, [config], parity=False)
    settings = maker.planner._settings
    state, limits = np.zeros(STATE_SIZE), np.zeros(LIMITS_SIZE, dtype=np.int64)
    ours, live = (np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64) for _ in range(2))
    quoted = 0
    for at in range(0, times.size, CHUNK):
        views, heard, codes = tables.at(times[at : at + CHUNK])
        for k, now_ns in enumerate(times[at : at + CHUNK].tolist()):
            position, shown, live_state, live_limits = witness.decisions[now_ns]
            view = views[0, k].copy()
            assert codes[k] == 0
            assert heard[k, 0] <= now_ns
            view[OWN_FILLS] = shown[OWN_FILLS]
            assert np.array_equal(view, shown, equal_nan=True), [
                (i, view[i], shown[i]) for i in np.flatnonzero(view != shown).tolist()
            ]
            assert np.array_equal(state, live_state)
            count = settings.model.function(view, position, settings.params, state, ours)
            assert count == settings.model.function(shown, position, settings.params, live_state, live)
            assert np.array_equal(ours[: max(count, 0)], live[: max(count, 0)])
            limits[:] = live_limits
            set_market_limits(
                limits,
                view[MARK_SLOT],
                config.risk.price_collar_bps / 10_000,
                int(view[BEST_BID]),
                int(view[BEST_ASK]),
                config.quoting.refresh_tolerance_bps / 10_000,
                int(live_limits[TOKENS]),
            )
            if count >= 0:
                cap_tolerance(limits, state[HALF_SPREAD])
            assert np.array_equal(limits, live_limits)
            quoted += count > 0
    assert quoted > 200
