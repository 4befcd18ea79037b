"""Exact money: the parts sum to equity and to the venue's wallet rule, to the last digit, whatever happens."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.instruments import Instrument
from workbench.trading import Ledger

PLAIN = Instrument("X-PERP", "X", "USDT", Decimal("0.1"), Decimal(1), maker_fee=Decimal("-0.0001"))
BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
INVERSE = Instrument("X-USD", "X", "USD", Decimal("0.1"), Decimal(1), maker_fee=Decimal("-0.0001"), inverse=True)

# Mids and fills of the oracle in the reference values: (side, size, price, mid at the fill), then the last mid.
FILLS = [(1, 2, "99.9", "100"), (-1, 1, "100.4", "100.3"), (-1, 3, "99.5", "99.4"), (1, 2, "99.2", "99.3")]


def run_oracle(instrument: Instrument) -> Ledger:
    ledger = Ledger(instrument)
    ledger.mark(instrument.value(Decimal(100)))
    for side, size, price, mid in FILLS:
        fee = instrument.money(instrument.fee_units(Decimal(price), size, instrument.maker_fee))
        ticks = instrument.price_to_ticks(price)
        ledger.fill(side, size, ticks, fee, instrument.value(Decimal(mid)))
    ledger.mark(instrument.value(Decimal("99.0")))
    return ledger


def test_the_linear_oracle() -> None:
    parts = run_oracle(PLAIN).parts()
    assert parts.spread == Decimal("0.8")
    assert parts.inventory == Decimal("-0.1")
    assert parts.fees == Decimal("0.07971")
    assert parts.funding == 0
    assert parts.total == Decimal("0.77971")


def test_the_inverse_oracle() -> None:
    parts = run_oracle(INVERSE).parts()
    assert float(parts.spread) == pytest.approx(8.0587e-5, abs=1e-9)
    assert float(parts.inventory) == pytest.approx(-1.0189e-5, abs=1e-9)
    assert float(parts.fees) == pytest.approx(8.0292e-6, abs=4e-8), "rebates are rounded to 1e-8 against us"
    assert parts.total == sum(parts)


fills = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.integers(1, 500),
        st.integers(700_000, 800_000),
        st.integers(1_400_000, 1_600_000),
        st.integers(-20_000, 60_000),
    ),
    max_size=40,
)


@given(fills, st.decimals("70000", "80000", places=9), st.integers(-300, 300), st.booleans())
def test_parts_sum_to_cash_and_to_wallet_plus_unrealised(
    rows: list[tuple[int, int, int, int, int]], mark: Decimal, start: int, inverse: bool
) -> None:
    instrument = INVERSE if inverse else BTC
    ledger = Ledger(instrument)
    ledger.adopt(start)
    opening = instrument.value(Decimal(75_000))
    ledger.mark(opening)
    cash = -start * opening
    fees = Decimal(0)
    for side, size, ticks, half_ticks, fee_e8 in rows:
        fee = Decimal(fee_e8).scaleb(-8)
        ledger.fill(side, size, ticks, fee, instrument.value_of_half_ticks(half_ticks))
        cash -= side * size * instrument.value_of_half_ticks(2 * ticks)
        fees += fee
    ledger.funding("f1", Decimal("-0.00000123"))
    assert not ledger.funding("f1", Decimal("-0.00000123")), "the same payment counts once"
    position = start + sum(side * size for side, size, *_ in rows)
    assert ledger.position == position
    final = instrument.value(mark)
    equity = instrument.money(cash + position * final) - fees + Decimal("-0.00000123")
    assert ledger.parts(final).total == equity
    assert ledger.wallet_change + ledger.unrealised(final) == equity
    ledger.mark(final)
    assert ledger.parts().total == equity
    assert sum(ledger.parts()) == equity


@given(fills)
def test_when_flat_the_wallet_alone_is_the_pnl(rows: list[tuple[int, int, int, int, int]]) -> None:
    ledger = Ledger(BTC)
    ledger.mark(BTC.value(Decimal(75_000)))
    for side, size, ticks, half_ticks, fee_e8 in rows:
        ledger.fill(side, size, ticks, Decimal(fee_e8).scaleb(-8), BTC.value_of_half_ticks(half_ticks))
    if ledger.position:
        side = -1 if ledger.position > 0 else 1
        ledger.fill(side, abs(ledger.position), 760_000, Decimal(0), BTC.value_of_half_ticks(1_520_001))
    assert ledger.wallet_change == ledger.parts().total
    assert ledger.unrealised(12345) == 0


@given(fills, st.randoms(use_true_random=False))
def test_executions_heard_in_any_order_leave_the_wallet_that_the_venue_has(
    rows: list[tuple[int, int, int, int, int]], chance: Random
) -> None:
    in_order, shuffled = Ledger(BTC), Ledger(BTC)
    news = list(enumerate(rows))
    for ledger in (in_order, shuffled):
        ledger.adopt(40)
        ledger.mark(BTC.value(Decimal(75_000)))
        for venue_ns, (side, size, ticks, half_ticks, fee_e8) in news:
            mid_value = BTC.value_of_half_ticks(half_ticks)
            ledger.fill(side, size, ticks, Decimal(fee_e8).scaleb(-8), mid_value, venue_ns)
        chance.shuffle(news)
    assert shuffled.wallet_change == in_order.wallet_change
    assert shuffled.unrealised(12_345) == in_order.unrealised(12_345)
    assert shuffled.position == in_order.position


@pytest.mark.parametrize(("side", "swept"), [(-1, (770_900, 771_100, 771_400)), (1, (769_100, 768_800, 768_300))])
@pytest.mark.parametrize("missed", range(3))
def test_of_a_sweep_within_one_stamp_a_fetched_execution_is_booked_by_its_price(
    side: int, swept: tuple[int, ...], missed: int
) -> None:
    truth, ours = Ledger(BTC), Ledger(BTC)
    heard = [ticks for place, ticks in enumerate(swept) if place != missed]
    for ledger, in_turn, later in ((truth, swept, ()), (ours, heard, swept[missed : missed + 1])):
        ledger.adopt(-side * 15)
        ledger.mark(BTC.value(Decimal(77_000)))
        for ticks in in_turn:
            ledger.fill(side, 10, ticks, Decimal(0), BTC.value(Decimal(77_000)), 5)
        ledger.fill(-side, 7, 770_000, Decimal(0), BTC.value(Decimal(77_000)), 6)
        for ticks in later:
            ledger.fill(side, 10, ticks, Decimal(0), BTC.value(Decimal(77_000)), 5, fetched=True)
    assert ours.wallet_change == truth.wallet_change


def test_a_buy_under_the_mid_earns_spread_and_a_fee_costs() -> None:
    ledger = Ledger(BTC)
    ledger.fill(1, 10, 769_990, Decimal("0.00154"), BTC.value_of_half_ticks(1_540_000))
    assert ledger.parts().spread == Decimal("0.0001")
    assert ledger.parts().fees == Decimal("-0.00154")


def test_a_fee_with_more_digits_than_money_has_rounds_against_us() -> None:
    ledger = Ledger(BTC)
    ledger.fill(1, 10, 770_000, Decimal("0.0000000001"), BTC.value_of_half_ticks(1_540_000))
    ledger.fill(-1, 10, 770_000, Decimal("-0.0000000199"), BTC.value_of_half_ticks(1_540_000))
    assert ledger.parts().fees == Decimal("0.00000001") - Decimal("0.00000001")
