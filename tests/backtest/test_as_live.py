"""A backtest that decides as live does is the session on the same recording: order for order, to the last unit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.backtest import BacktestResult, ConstantLatency, Feed, backtest
from workbench.backtest.accounts import keep_accounts
from workbench.backtest.kernels.rows import BID_SIDE, DEPTH_ROW, EXCHANGE, LOCAL
from workbench.backtest.lateness import late_spells
from workbench.backtest.log import BOOK_LATE, BOOK_LOST, BOOK_OLD, HALTED_LOSS
from workbench.config import MarketMakerConfig, SignalsConfig, VolatilityConfig
from workbench.data import DEPTH, FUNDING, GAP, MARK, RESYNC, SNAPSHOT, synthetic_events
from workbench.engine import replay_market
from workbench.engine.simulation import SimulationResult
from workbench.errors import ConfigError
from workbench.events import NS, BookDelta, BookSnapshot
from workbench.exchange.listing import LISTINGS
from workbench.instruments import Instrument
from workbench.trading.view import MarketView

LINEAR = LISTINGS["BTC-PERP"].instrument
INVERSE = replace(
    LINEAR,
    quote="USD",
    contract_size=Decimal(100),
    inverse=True,
    maker_fee=Decimal("-0.00005"),
    tick_size=Decimal("0.1"),
)
SECONDS = 65
LADDER = {"max_orders_per_side": 3, "quoting.level_step_bps": 1.0, "spread_bps": 6}
FILLS = ["side", "price_ticks", "size", "venue_ns", "t_ns", "position"]
ORDERS = ["side", "price_ticks", "size", "sent_ns", "acked_ns"]


@cache
def lively() -> pd.DataFrame:
    """A minute and a bit in which funding is due every 20 s: paid by who is long, then by who is short, and so on."""
    rows = synthetic_events(seconds=SECONDS, preset="lively", seed=3).to_pandas()
    rate = rows["kind"] == FUNDING
    due = seconds(rows)[rate] // 20 + 1
    rows.loc[rate, "value_ns"] = int(rows["t_ns"].iloc[0]) + (20 * NS * due).astype(np.int64)
    rows.loc[rate, "value"] = np.where(due % 2, 0.000125, -0.00037)
    return rows


def seconds(rows: pd.DataFrame) -> Any:
    return (rows["t_ns"] - rows["t_ns"].iloc[0]) / NS


def silent() -> pd.DataFrame:
    rows = lively()
    return rows[~seconds(rows).between(20, 25)]


def late() -> pd.DataFrame:
    """From the 30th second on messages take longer and longer, up to 2.6 s, for ten seconds."""
    rows = lively().copy()
    slow = seconds(rows).between(30, 40)
    rows.loc[slow, "t_ns"] += (2.6 * NS * np.clip((seconds(rows)[slow] - 30) * 2, 0, 1)).astype(np.int64)
    return rows.sort_values("t_ns", kind="stable")


def lost() -> pd.DataFrame:
    rows = lively().copy()
    at = int(np.flatnonzero((seconds(rows) > 30) & (rows["kind"] == DEPTH))[0])
    rows.loc[rows.index[at], "kind"] = GAP
    back = rows[rows["kind"].isin((RESYNC, SNAPSHOT)) & (seconds(rows) < 1)].copy()
    back["t_ns"] += 33 * NS
    back["venue_ns"] += 33 * NS
    return pd.concat([rows, back]).sort_values("t_ns", kind="stable")


def falling() -> pd.DataFrame:
    """The mark price drops by 2 % and stays there; nobody trades there."""
    rows = lively().copy()
    rows.loc[(rows["kind"] == MARK) & (seconds(rows) > 40), "value"] *= 0.98
    return rows


def mirrored() -> pd.DataFrame:
    """Asks for bids: who was long is short."""
    rows = lively().copy()
    priced = rows["price_ticks"] > 0
    rows["side"] *= -1
    rows.loc[priced, "price_ticks"] = 1_540_000 - rows["price_ticks"][priced]
    return rows


def costly() -> pd.DataFrame:
    """Who holds anything at a stamp pays for it."""
    rows = lively().copy()
    rows.loc[rows["kind"] == FUNDING, "value"] = 0.03
    return rows


@cache
def tape() -> Feed:
    return Feed.prepare(lively(), LINEAR, cache=False)


def both(
    rows: pd.DataFrame, config: dict[str, Any], instrument: Instrument = LINEAR
) -> tuple[SimulationResult, BacktestResult]:
    feed = Feed.prepare(rows, instrument, cache=False)
    latency = (way / 1e3 for way in MarketMakerConfig.from_dict(config).venue.latency_ms)
    result = backtest(feed, "skewed_spread", config, decide="live", latency=ConstantLatency(*latency))
    return replay_market(config, feed=feed), result


@pytest.mark.parametrize(
    ("rows", "config", "reason"),
    [
        (lively, {}, 0),
        (lively, LADDER, 0),
        (silent, LADDER, BOOK_OLD),
        (late, LADDER, BOOK_LATE),
        (lost, LADDER, BOOK_LOST),
        (costly, LADDER | {"risk.max_loss": 1.0}, HALTED_LOSS),
        (falling, LADDER | {"risk.max_loss": 1.0}, HALTED_LOSS),
    ],
    ids=["default", "ladder", "silent", "late", "lost", "funding halts", "a mark halts"],
)
def test_a_session_on_a_recording_and_its_backtest_send_and_fill_the_same_orders(
    rows: Any, config: dict[str, Any], reason: int
) -> None:
    session, result = both(rows(), config)
    assert reason in result.log.quotes["reason"]
    ours = session.fills[FILLS].to_numpy().tolist()
    assert [[int(row[name]) for name in FILLS] for row in result.log.fills] == ours
    assert ours
    orders = session.orders[ORDERS].to_numpy().tolist()
    assert [[int(row[name]) for name in ORDERS] for row in result.log.orders] == orders
    assert (session.outcome.exit_code == 3) == (reason == HALTED_LOSS), "3: stopped by a limit"
    if reason == HALTED_LOSS:
        halted = result.log.quotes["t_ns"][result.log.quotes["reason"] == HALTED_LOSS][0]
        assert result.log.orders["sent_ns"].max() < halted


@pytest.mark.parametrize("instrument", [LINEAR, INVERSE], ids=["linear", "inverse"])
@pytest.mark.parametrize("rows", [lively, mirrored], ids=["long", "short"])
def test_every_part_of_the_profit_is_the_sessions_to_the_last_digit(rows: Any, instrument: Instrument) -> None:
    session, result = both(rows(), LADDER, instrument)
    parts = {name: Decimal(part) for name, part in session.outcome.pnl.items()}
    assert result.pnl._asdict() == parts
    assert result.pnl.total == Decimal(session.outcome.equity_change) == sum(parts.values())
    assert all(parts.values())
    stamps = result.log.funding
    assert len(stamps) == SECONDS // 20
    assert (np.sign(stamps["position"]) == (1 if rows is lively else -1)).all()
    for stamp in stamps:
        only = replace(result.log, fills=result.log.fills[:0], funding=stamp.reshape(1))
        received = keep_accounts(only, instrument).at_end(None).funding
        assert (received < 0) == (stamp["position"] * stamp["rate"] > 0), "who is long pays when the rate is positive"


def test_live_decisions_are_refused_under_parity_rules() -> None:
    with pytest.raises(ConfigError, match="decide is 'live' under rules 'parity'"):
        backtest(tape(), decide="live", rules="parity")
    with pytest.raises(ConfigError, match="'book', 'live'"):
        backtest(tape(), decide="lives")


messages = st.lists(st.tuples(st.integers(1, 9_000), st.integers(0, 4_000)), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(script=messages, clock_off_ms=st.integers(-5_000, 5_000), most_ms=st.integers(100, 3_000))
def test_the_book_is_late_when_the_live_view_says_so(
    script: list[tuple[int, int]], clock_off_ms: int, most_ms: int
) -> None:
    start, ms = 1_700_000_000 * NS, NS // 1000
    view = MarketView(LINEAR, VolatilityConfig(), SignalsConfig())
    t_ns, venue_ns, doubted = [], [], []
    heard = at_venue = start
    for step_ms, delay_ms in script:
        at_venue += step_ms * ms
        heard = max(heard + 1, at_venue + (delay_ms + clock_off_ms) * ms)
        make = BookDelta if t_ns else BookSnapshot
        event = make(heard, at_venue, ((99, 1),), ((101, 1),))
        (view.delta if isinstance(event, BookDelta) else view.snapshot)(event)
        t_ns.append(heard)
        venue_ns.append(at_venue)
        doubted.append(view.doubt(heard, most_ms * ms).startswith("the book is late"))
    rows = np.full(len(t_ns), DEPTH_ROW | BID_SIDE | EXCHANGE | LOCAL, dtype=np.uint8)
    feed = replace(tape(), code=rows, t_ns=np.array(t_ns), venue_ns=np.array(venue_ns))
    spells = late_spells(feed, most_ms * ms)
    assert [bool(((spells[:, 0] <= at) & (at < spells[:, 1])).any()) for at in t_ns] == doubted
