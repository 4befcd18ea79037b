"""The tabulated view against the live one, which is brought up to date at every message of the book."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from workbench.backtest.kernels.codes import BOOK_LOST, ONE_SIDED
from workbench.backtest.kernels.rows import DEPTH_ROW, EXCHANGE, KIND_MASK, LOCAL, TRADE_ROW
from workbench.backtest.kernels.view_table import BOOK_NS, CODE, CURSOR_SIZE, Market, tabulate_view
from workbench.config import SignalsConfig, VolatilityConfig
from workbench.events import NS
from workbench.instruments import Instrument
from workbench.quoting.schema import VIEW_SIZE
from workbench.trading.view_kernels import break_series, make_memory, make_view, update_mark, update_quote

INSTRUMENT = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))
T0 = 1_780_000_000 * NS
SETTINGS = VolatilityConfig(window=5, min_samples=2), SignalsConfig(flow_window_s=0.7)


def made_market(rng: np.random.Generator, rows: int) -> Market:
    """Messages of several rows each, seldom losing the book or one side of it; pauses of up to seconds."""
    pause = np.where(rng.random(rows) < 0.4, 0, (rng.exponential(0.05, rows) * NS).astype(np.int64))
    pause[rng.random(rows) < 0.01] = 2 * NS
    t_ns = T0 + np.cumsum(pause)
    kind = rng.choice([DEPTH_ROW, TRADE_ROW], rows, p=[0.7, 0.3])
    where = rng.choice([LOCAL, EXCHANGE, LOCAL | EXCHANGE], rows, p=[0.5, 0.2, 0.3])
    messages = t_ns[(kind == DEPTH_ROW) & (where & LOCAL != 0)]
    best_ns = np.unique(messages[rng.random(messages.size) < 0.4])
    best_ns = np.sort(np.concatenate([best_ns, best_ns[::9]]))
    mid = 60_000 + np.cumsum(rng.integers(-2, 3, best_ns.size))
    sizes = rng.integers(1, 50, (2, best_ns.size))
    bests = np.stack([mid - 1, mid + rng.integers(0, 3, best_ns.size), *sizes], axis=1).astype(np.int32)
    bests[rng.random(best_ns.size) < 0.03, 0] = -1
    bests[rng.random(best_ns.size) < 0.03, 1] = 0
    price_ns = np.sort(rng.choice(t_ns, rows // 20))
    marks = rng.uniform(59_000, 61_000, price_ns.size)
    code = (kind | where).astype(np.uint8)
    return Market(code, t_ns, best_ns, bests, price_ns, marks, marks / 1e9, price_ns + NS)


def message_by_message(market: Market, times: np.ndarray[Any, Any]) -> tuple[Any, Any, Any]:
    """View, last message and code at each time, as a live session has them."""
    view, memory = make_view(INSTRUMENT), make_memory(*SETTINGS)
    views, heard, codes = np.empty((times.size, VIEW_SIZE)), np.zeros(times.size, np.int64), np.zeros(times.size, int)
    is_book = (market.code & LOCAL != 0) & (market.code & KIND_MASK != TRADE_ROW)
    messages = np.unique(market.t_ns[is_book])
    events = sorted([(t, 1, i) for i, t in enumerate(messages)] + [(t, 0, i) for i, t in enumerate(market.price_ns)])
    code, broken, at, last = BOOK_LOST, False, 0, 0
    for k, until in enumerate(times):
        while events and events[0][0] <= until:
            t_ns, kind, i = events.pop(0)
            if kind == 0:
                update_mark(view, memory.stamps, market.marks[i], market.rates[i], market.funding_ns[i])
                continue
            last = t_ns
            while at < market.best_ns.size and market.best_ns[at] <= t_ns:
                broken |= bool(market.bests[at, 0] < 0)
                at += 1
            if at == 0:
                continue
            bid, ask, bid_size, ask_size = (int(number) for number in market.bests[at - 1])
            code = BOOK_LOST if bid < 0 else ONE_SIDED if not 0 < bid < ask else 0
            if code == 0:
                if broken:
                    break_series(view, memory.numbers, memory.stamps)
                    broken = False
                update_quote(view, memory.numbers, memory.stamps, memory.micro, t_ns, bid, bid_size, ask, ask_size)
        views[k], heard[k], codes[k] = view, last, code
    return views, heard, codes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step_s", [0.003, 0.1, 3.0])
def test_rows_leapt_over_leave_the_same_view(seed: int, step_s: float) -> None:
    rng = np.random.default_rng(seed)
    market = made_market(rng, 3_000)
    times = np.arange(T0, market.t_ns[-1] + NS, int(step_s * NS))[:5_000]
    expected, heard, codes = message_by_message(market, times)
    cursor, view, memory = np.zeros(CURSOR_SIZE, np.int64), make_view(INSTRUMENT), make_memory(*SETTINGS)
    cursor[CODE] = BOOK_LOST
    views, stamps, found = np.empty_like(expected), np.zeros((times.size, 2), np.int64), np.zeros(times.size, np.int64)
    for part in np.array_split(np.arange(times.size), 3):
        part_views, part_stamps, part_codes = views[part], stamps[part], found[part]
        tabulate_view(market, times[part], cursor, view, *memory, part_views, part_stamps, part_codes)
        views[part], stamps[part], found[part] = part_views, part_stamps, part_codes
    quoted = codes == 0
    assert quoted.sum() > times.size / 3, seed
    np.testing.assert_array_equal(views, expected, err_msg=f"seed {seed}")
    np.testing.assert_array_equal(stamps[:, 0], heard, err_msg=f"seed {seed}")
    np.testing.assert_array_equal(found[stamps[:, 1] > 0], codes[stamps[:, 1] > 0], err_msg=f"seed {seed}")
    assert cursor[BOOK_NS] == heard[-1]
