"""The exogenous tape: a function of seed, settings and time, never of who trades; and a market worth looking at."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from workbench.exchange import PRESETS, MarketSettings
from workbench.exchange.flow import BOOK, CHUNK_S, TAKER, SideTargets, Tape
from workbench.exchange.listing import LISTINGS
from workbench.exchange.settings import market_settings

BTC = LISTINGS["BTC-PERP"]


def rows(preset: str, minutes: int, seed: int = 7, **overrides: Any) -> Any:
    tape = Tape(BTC, market_settings(preset, **overrides), seed, 0)
    return np.concatenate([chunk for _, chunk in zip(range(minutes), tape.chunks(), strict=False)])


class TestTape:
    def test_the_same_seed_gives_the_same_tape_and_another_seed_another(self, make_bench: Any) -> None:
        one, same, other = (make_bench(seed=seed).venue.tape_hash(90) for seed in (3, 3, 4))
        assert one == same != other

    def test_settings_of_the_market_are_part_of_the_tape(self, make_bench: Any) -> None:
        assert make_bench().venue.tape_hash(60) != make_bench(trade_rate=2.0).venue.tape_hash(60)

    def test_the_hash_covers_exactly_the_horizon(self, make_bench: Any) -> None:
        venue = make_bench().venue
        hashes = [venue.tape_hash(seconds) for seconds in (0, 1, 30, 59, 60, 61, 120)]
        assert len(set(hashes)) == len(hashes)

    def test_the_tape_does_not_depend_on_who_trades_or_how_time_is_cut(self, make_bench: Any) -> None:
        quiet, busy = make_bench(), make_bench()
        quiet.venue.wake("BTC-PERP")
        quiet.wait(40)
        for i in range(400):
            busy.wait(0.1)
            if i % 3 == 0:
                busy.place("BUY" if i % 2 else "SELL", None, 25, type="MARKET", time_in_force="IOC")
            elif i % 3 == 1:
                bid, _ = busy.best()
                busy.place("BUY", str(bid), 15)
                busy.place("SELL", str(bid * Decimal("1.001") // Decimal("0.1") * Decimal("0.1")), 15)
            else:
                busy.call("DELETE", "order", "symbol=BTC-PERP")
        assert busy.venue.account().fills
        assert quiet.venue.tape_hash(100) == busy.venue.tape_hash(100)
        busy.call("DELETE", "order", "symbol=BTC-PERP")
        for venue in (quiet.venue, busy.venue):
            venue.advance(quiet.clock.ns + 10**9)
        books = [
            {level.price: level.flow for side in (m.book.bids, m.book.asks) for level in side.from_best()}
            for m in (quiet.venue.market("BTC-PERP"), busy.venue.market("BTC-PERP"))
        ]
        shared = books[0].keys() & books[1].keys()
        assert len(shared) > 25
        assert quiet.venue.market("BTC-PERP").mark == busy.venue.market("BTC-PERP").mark

    def test_times_rise_and_every_minute_has_its_events(self) -> None:
        tape = rows("lively", 4)
        assert tape[0, 0] == 0
        assert np.all(np.diff(tape[:, 0]) >= 0)
        minutes = tape[:, 0] // (CHUNK_S * 10**9)
        assert set(minutes) == {0, 1, 2, 3}

    @pytest.mark.parametrize("preset", sorted(PRESETS))
    def test_rates_and_volatility_are_those_of_the_settings(self, preset: str) -> None:
        minutes = 60
        tape = rows(preset, minutes, regimes=((1.0, 60.0),))
        settings = market_settings(preset)
        assert np.sum(tape[:, 1] == BOOK) == settings.book_rate * 60 * minutes
        takers = np.sum(tape[:, 1] == TAKER)
        assert takers == pytest.approx(settings.trade_rate * 60 * minutes, rel=0.1)
        seconds = np.searchsorted(tape[:, 0], np.arange(0, minutes * 60) * 10**9)
        moves = np.diff(np.log(tape[np.minimum(seconds, len(tape) - 1), 2]))
        assert np.std(moves) * 1e4 == pytest.approx(settings.volatility_bps, rel=0.1)

    @pytest.mark.parametrize("preset", sorted(PRESETS))
    def test_makers_never_cross_and_stand_around_the_latent_mid(self, preset: str) -> None:
        tape = rows(preset, 20)
        book = tape[tape[:, 1] == BOOK]
        bids, asks, mids = book[:, 3], book[:, 5], book[:, 2] / 1e8
        assert np.all(bids < asks)
        assert np.all((bids <= mids) & (mids <= asks))
        assert np.all(book[:, [4, 6, 8, 10]] >= 1)

    def test_informed_takers_trade_the_way_the_mid_goes(self) -> None:
        tape = rows("lively", 30, informed_share=1.0)
        at = np.flatnonzero(tape[:, 1] == TAKER)
        later = np.minimum(np.searchsorted(tape[:, 0], tape[at, 0] + 2 * 10**9), len(tape) - 1)
        gains = tape[at, 3] * (np.log(tape[later, 2]) - np.log(tape[at, 2]))
        assert np.mean(gains) > 1e-4
        blind = rows("lively", 30, informed_share=0.0)
        at = np.flatnonzero(blind[:, 1] == TAKER)
        later = np.minimum(np.searchsorted(blind[:, 0], blind[at, 0] + 2 * 10**9), len(blind) - 1)
        gains = blind[at, 3] * (np.log(blind[later, 2]) - np.log(blind[at, 2]))
        assert abs(np.mean(gains)) < 2e-5

    def test_regimes_change_the_volatility(self) -> None:
        calm_and_wild = rows("lively", 60, regimes=((0.2, 60.0), (3.0, 60.0)))
        seconds = np.searchsorted(calm_and_wild[:, 0], np.arange(0, 3600) * 10**9)
        moves = np.abs(np.diff(np.log(calm_and_wild[seconds, 2])))
        windows = np.sort(moves[: 3540 // 10 * 10].reshape(-1, 10).mean(axis=1))
        assert windows[-30] > 5 * windows[30]


class TestTargets:
    def test_levels_behind_the_touch_sit_on_the_grid(self) -> None:
        targets = SideTargets(1, 10, 3, [7] * 4096)
        changed = targets.move(105, 2, 0, 9)
        assert {price: targets.wanted(price) for price in changed if targets.wanted(price)} == {
            105: 2,
            100: 9,
            90: 7,
            80: 7,
        }
        changed = targets.move(113, 4, 1, 5)
        assert {80, 105, 110, 113} <= set(changed)
        assert [targets.wanted(p) for p in (80, 90, 100, 105, 110, 113)] == [0, 7, 5, 0, 7, 4]

    def test_what_a_trade_took_is_there_again_after_the_next_update(self, make_bench: Any) -> None:
        bench = make_bench(volatility_bps=0.0, trade_rate=0.0, book_rate=1.0, size_dispersion=0.0)
        before = bench.get("orderbook/L2", "symbol=BTC-PERP&depth=4")["sellQuote"]
        bench.place("BUY", None, 20, type="MARKET")
        assert bench.get("orderbook/L2", "symbol=BTC-PERP&depth=4")["sellQuote"] != before
        bench.wait(2)
        after = bench.get("orderbook/L2", "symbol=BTC-PERP&depth=4")["sellQuote"]
        assert [r["size"] for r in after] == [r["size"] for r in before]


class TestCrossing:
    def test_a_quote_that_the_market_runs_over_is_hit_and_the_book_is_never_crossed(self, make_bench: Any) -> None:
        bench = make_bench(volatility_bps=15.0, trade_rate=0.0)
        for _ in range(100):
            bid, ask = bench.best()
            middle = (bid + ask) / 2
            bench.place("BUY", str((middle - 1) // Decimal("0.1") * Decimal("0.1")), 50, postOnly=True)
            bench.wait(0.1)
            assert bench.best()[0] < bench.best()[1]
        fills = bench.get("user/trade_history", "symbol=BTC-PERP")
        assert len(fills) > 20
        assert {fill["side"] for fill in fills} == {"BUY"}
        public = bench.get("trades", "symbol=BTC-PERP&count=500")
        assert {trade["side"] for trade in public} == {"SELL"}


def market_maker_fills(bench: Any, half_spread_bps: int, latency_s: float) -> int:
    """Fills in 30 s of three levels a side, 4 bps apart, 10 contracts each, moved when a basis point off."""
    venue, quotes = bench.venue, {}
    for _ in range(round(30 / latency_s)):
        bid, ask = bench.best()
        mid = (bid + ask) / 2
        bench.wait(latency_s)
        for side, sign in (("BUY", -1), ("SELL", 1)):
            for level in range(3):
                exact = mid * (1 + sign * Decimal(half_spread_bps + 4 * level) / 10_000)
                price = (exact / Decimal("0.1")).to_integral_value() * Decimal("0.1")
                order = quotes.get((side, level))
                if order is not None and order["orderID"] in venue.account().open_orders:
                    if abs(order["price"] - price) <= mid / 10_000:
                        continue
                    bench.call("DELETE", "order", f"symbol=BTC-PERP&orderID={order['orderID']}")
                quotes[side, level] = bench.place(side, str(price), 10, postOnly=True)
    return len(venue.account().fills)


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_lively_half_minute_fills_the_default_market_maker(make_bench: Any, seed: int) -> None:
    assert market_maker_fills(make_bench(seed=seed), 10, 0.15) >= 15


def test_the_btc_preset_is_tight_and_deep(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(preset="btc")
    spreads, depths = [], []
    bench.venue.wake("BTC-PERP")
    for _ in range(100):
        bench.wait(0.3)
        book = bench.get("orderbook/L2", "symbol=BTC-PERP&depth=50")
        spreads.append(float(book["sellQuote"][0]["price"]) - float(book["buyQuote"][0]["price"]))
        depths.append(sum(int(row["size"]) for row in book["buyQuote"]))
    assert np.median(spreads) <= 0.5
    assert np.median(depths) > 500_000


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"spread_pbs": 3.0}, "did you mean 'spread_bps'"),
        ({"book_rate": 0.0}, "book_rate is 0.0"),
        ({"informed_share": 2.0}, "share from 0 to 1"),
        ({"levels": 60}, "at most 45"),
        ({"volatility_bps": float("nan")}, "volatility_bps is nan"),
        ({"regimes": ()}, "regimes"),
    ],
)
def test_settings_that_make_no_market_are_refused(overrides: dict[str, Any], words: str) -> None:
    from workbench.errors import ConfigError

    with pytest.raises(ConfigError, match=words):
        market_settings("lively", **overrides)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    from workbench.errors import ConfigError

    with pytest.raises(ConfigError, match="lively, btc"):
        market_settings("dull")


def test_presets_cannot_be_changed_in_place() -> None:
    assert isinstance(PRESETS["lively"], MarketSettings)
    with pytest.raises(TypeError):
        PRESETS["lively"] = PRESETS["btc"]  # type: ignore[index]
