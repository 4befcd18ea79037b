"""The view that models read: against the streaming estimators it replaced, the definitions of the signals, its twin."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import markout_table
from workbench.config import MarketMakerConfig, SignalsConfig, VolatilityConfig
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.instruments import Instrument
from workbench.market import MicroPrice, order_flow_imbalance
from workbench.quoting.schema import (
    ASK_ADVERSE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    BID_SIZE,
    FUNDING_IN_S,
    GUIDE_VOLATILITY,
    MAKER_FEE,
    MARK,
    MICRO_PRICE,
    MID,
    ORDER_FLOW,
    SIGMA,
    TIME_S,
    WEIGHTED_MID,
)
from workbench.trading import view_kernels
from workbench.trading.view_kernels import SIGMA_SAMPLE_S, make_memory, make_view, reconfigured
from workbench.volatility import EwmaVolatility, GuideVolatility

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
T0 = 1_780_000_000 * NS

Quote = tuple[int, int, int, int, int]


class View:
    """A view with its memory, in compiled form or in plain Python."""

    def __init__(self, *, plain: bool = False, volatility: Any = None, **signals: Any) -> None:
        self.array = make_view(BTC)
        self.settings = VolatilityConfig(**(volatility or {})), SignalsConfig(**signals)
        self.memory = make_memory(*self.settings)
        self._plain = plain

    def _call(self, name: str, *args: Any) -> None:
        kernel = getattr(view_kernels, name)
        (kernel.py_func if self._plain else kernel)(*args)

    def quote(self, t_ns: int, bid: int, bid_size: int, ask: int, ask_size: int) -> np.ndarray:
        memory = self.memory
        self._call(
            "update_quote", self.array, memory.numbers, memory.stamps, memory.micro, t_ns, bid, bid_size, ask, ask_size
        )
        return self.array

    def fill(self, t_ns: int, side: int) -> None:
        self._call("note_fill", self.array, self.memory.numbers, self.memory.stamps, t_ns, side)

    def lose(self) -> None:
        self._call("break_series", self.array, self.memory.numbers, self.memory.stamps)

    def mark(self, ticks: float, rate: float, funding_ns: int) -> None:
        self._call("update_mark", self.array, self.memory.stamps, ticks, rate, funding_ns)


def market(seed: int, size: int, step_s: float = 0.1) -> list[Quote]:
    rng = np.random.default_rng(seed)
    mid = 770_000 + np.cumsum(rng.integers(-30, 31, size))
    times = T0 + np.cumsum(rng.integers(1, int(2 * step_s * NS), size))
    width = rng.integers(1, 20, (2, size))
    sizes = rng.integers(1, 500, (2, size))
    return list(zip(*(x.tolist() for x in (times, mid - width[0], sizes[0], mid + width[1], sizes[1])), strict=True))


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_number_for_number_what_the_streaming_estimators_say(seed: int) -> None:
    view = View(volatility={"half_life_s": 7.0, "window": 5, "history": 10, "min_samples": 3})
    sigma, guide = EwmaVolatility(7.0, SIGMA_SAMPLE_S, 3), GuideVolatility(5, 10)
    sampled_ns = 0
    view.mark(770_001.5, 1e-4, T0 + 3600 * NS)
    for i, (t_ns, bid, bid_size, ask, ask_size) in enumerate(quotes := market(seed, 600)):
        if i == 300:
            view.lose()
            sigma.break_series()
        seen = view.quote(t_ns, bid, bid_size, ask, ask_size)
        mid, time_s = (bid + ask) / 2, (t_ns - quotes[0][0]) / NS
        sigma.update(time_s, mid)
        if t_ns - sampled_ns >= NS:
            sampled_ns = t_ns
            guide.update(mid)
        expected = {
            MID: mid,
            BEST_BID: bid,
            BEST_ASK: ask,
            BID_SIZE: bid_size,
            WEIGHTED_MID: (bid * ask_size + ask * bid_size) / (bid_size + ask_size),
            MARK: 770_001.5,
            SIGMA: sigma.sigma,
            GUIDE_VOLATILITY: guide.sigma,
            TIME_S: time_s,
            FUNDING_IN_S: (T0 + 3600 * NS - t_ns) / NS,
            MAKER_FEE: float(BTC.maker_fee),
        }
        np.testing.assert_array_equal(seen[list(expected)], list(expected.values()))
    assert math.isfinite(sigma.sigma)
    assert guide.sigma != 0.01


@given(seed=st.integers(0, 2**20), fills=st.sets(st.integers(0, 59), max_size=20), lost=st.integers(0, 59))
@settings(max_examples=25)
def test_compiled_and_plain_python_agree(seed: int, fills: set[int], lost: int) -> None:
    table = ((-0.2, 0.2), (-0.4, 0.4))
    views = [View(plain=plain, micro_price=table, markout_s=0.4, flow_window_s=0.5) for plain in (False, True)]
    for i, quote in enumerate(market(seed, 60)):
        for view in views:
            if i == lost:
                view.lose()
            view.quote(*quote)
            if i in fills:
                view.fill(quote[0], 1 if i % 3 else -1)
    np.testing.assert_allclose(views[0].array, views[1].array, rtol=1e-14, atol=1e-12)
    np.testing.assert_array_equal(views[0].memory.stamps, views[1].memory.stamps)


def test_order_flow_is_the_sum_over_the_window_and_unknown_before_one_has_passed() -> None:
    quotes = market(3, 400, step_s=0.03)
    view = View(flow_window_s=1.0)
    flows = order_flow_imbalance(np.array([quote[1:] for quote in quotes], dtype=float))
    times = np.array([quote[0] for quote in quotes])
    seen = np.array([view.quote(*quote)[ORDER_FLOW] for quote in quotes])
    early = times - times[0] < NS
    assert np.isnan(seen[early]).all()
    # The window moves in tenths: it holds the running tenth and the nine before it.
    expected = [flows[(times // (NS // 10) > t // (NS // 10) - 10) & (times <= t)].sum() for t in times]
    np.testing.assert_array_equal(seen[~early], np.array(expected)[~early])


def test_after_a_gap_the_order_flow_is_unknown_for_a_window_and_leaves_out_what_came_before() -> None:
    view = View(flow_window_s=1.0)
    for i in range(30):
        view.quote(T0 + i * NS // 10, 100, 50 + i, 102, 50)
    assert view.array[ORDER_FLOW] == 10.0
    view.lose()
    assert math.isnan(view.array[ORDER_FLOW])
    view.quote(T0 + 3 * NS, 100, 900, 102, 50)
    view.quote(T0 + 3 * NS + NS // 2, 100, 907, 102, 50)
    assert math.isnan(view.array[ORDER_FLOW])
    assert view.quote(T0 + 4 * NS, 100, 907, 102, 50)[ORDER_FLOW] == 7.0
    assert view.quote(T0 + 60 * NS, 100, 907, 102, 50)[ORDER_FLOW] == 0.0


def test_the_micro_price_is_that_of_the_fitted_table() -> None:
    rng = np.random.default_rng(5)
    bid = 1_000 + np.cumsum(rng.integers(-1, 2, 4_000))
    sizes = rng.integers(1, 100, (2, 4_000))
    quotes = np.column_stack([bid, sizes[0], bid + rng.integers(1, 3, 4_000), sizes[1]]).astype(float)
    fitted = MicroPrice.fit(quotes)
    view = View(micro_price=fitted)
    for i, row in enumerate(quotes[:200].astype(int).tolist()):
        assert view.quote(T0 + i * NS, *row)[MICRO_PRICE] == fitted.update(*row)
    assert math.isnan(View().quote(T0, 100, 1, 101, 1)[MICRO_PRICE])


def test_the_first_markouts_are_those_of_the_tables_with_one_fill_of_nothing_beside_them() -> None:
    quotes = market(7, 300)
    view = View(markout_s=2.0, markout_half_life_s=1e12)
    rows = []
    for i, quote in enumerate(quotes):
        mid = view.quote(*quote)[MID]
        if i % 40 == 20:
            side = 1 if i % 80 == 20 else -1
            view.fill(quote[0], side)
            view.fill(quote[0], side)  # a second print of the same sweep
            rows.append((quote[0], side, mid, 1.0, mid))
    fills = pd.DataFrame(rows, columns=["t_ns", "side", "price", "size", "mid"])
    mids = pd.DataFrame({"t_ns": [q[0] for q in quotes], "mid": [(q[1] + q[3]) / 2 for q in quotes]})
    table = markout_table(fills, mids, (2.0,)).dropna()
    for side, slot in ((1, BID_ADVERSE), (-1, ASK_ADVERSE)):
        drift = table.loc[table["side"] == side, "drift"]
        assert len(drift) >= 3
        assert view.array[slot] == pytest.approx(-drift.sum() / (len(drift) + 1), rel=1e-9)


def test_a_markout_is_measured_at_the_last_mid_at_its_time_and_not_over_a_gap() -> None:
    view = View(markout_s=1.0, markout_half_life_s=1e12)
    view.quote(T0, 100, 1, 102, 1)
    view.fill(T0, 1)
    view.quote(T0 + NS, 90, 1, 92, 1)
    assert view.array[BID_ADVERSE] == 0.0
    view.quote(T0 + NS + 1, 50, 1, 52, 1)
    assert view.array[BID_ADVERSE] == pytest.approx(10.0 / 2)
    view.fill(T0 + NS + 1, -1)
    view.lose()
    view.quote(T0 + 9 * NS, 500, 1, 502, 1)
    assert view.array[ASK_ADVERSE] == 0.0


def test_old_fills_are_forgotten_by_their_half_life() -> None:
    view = View(markout_s=1.0, markout_half_life_s=10.0)
    view.quote(T0, 100, 1, 102, 1)
    view.fill(T0, 1)
    view.quote(T0 + NS, 92, 1, 94, 1)
    assert view.quote(T0 + NS + 1, 92, 1, 94, 1)[BID_ADVERSE] == pytest.approx(8.0 / 2)
    assert view.quote(T0 + 11 * NS, 92, 1, 94, 1)[BID_ADVERSE] == pytest.approx(4.0 / 1.5)
    assert view.quote(T0 + 1000 * NS, 92, 1, 94, 1)[BID_ADVERSE] < 1e-9


def test_of_more_fills_than_it_keeps_the_oldest_are_not_counted() -> None:
    view = View(markout_s=1.0, markout_half_life_s=1e12)
    view.quote(T0, 100, 1, 102, 1)
    for i in range(view_kernels.PENDING + 5):
        view.fill(T0 + i, 1)
    view.quote(T0 + 1, 98, 1, 100, 1)
    view.quote(T0 + 2 * NS, 98, 1, 100, 1)
    kept = view_kernels.PENDING
    assert view.array[BID_ADVERSE] == pytest.approx(2.0 * kept / (kept + 1))


def test_changed_settings_start_afresh_only_what_they_are_about() -> None:
    view = View()
    for i in range(60):
        view.quote(T0 + i * NS // 2, 100 + i % 2, 50 + i, 102 + i % 2, 50)
    volatility, signals = view.settings
    before = view.array.copy()
    view.memory = reconfigured(view.memory, volatility, SignalsConfig(flow_window_s=2.0), same=(True, False))
    view.quote(T0 + 30 * NS, 100, 50, 102, 50)
    assert view.array[SIGMA] == pytest.approx(before[SIGMA], rel=0.1)
    assert math.isnan(view.array[ORDER_FLOW])
    for i in range(60, 70):
        view.quote(T0 + i * NS // 2, 100, 50 + i, 102, 50)
    assert math.isfinite(view.array[ORDER_FLOW])
    view.memory = reconfigured(view.memory, VolatilityConfig(half_life_s=1.0), signals, same=(False, True))
    view.quote(T0 + 35 * NS, 100, 50, 102, 50)
    assert math.isnan(view.array[SIGMA])
    assert math.isfinite(view.array[ORDER_FLOW])
    assert view.array[TIME_S] == 35.0


@pytest.mark.parametrize(
    ("signals", "says"),
    [
        ({"micro_price": []}, "rows of [0] numbers; expected rows of one length"),
        ({"micro_price": [[0.1, 0.2], [0.3]]}, "rows of [1, 2] numbers"),
        ({"micro_price": [[math.nan, 0.2]]}, "finite"),
        ({"markout_s": 0.0}, "greater than 0"),
    ],
)
def test_signals_that_cannot_be_measured_are_refused(signals: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        MarketMakerConfig(signals=signals)
    assert says in str(refused.value)
