"""Every order passes one check; each rule is tried at its boundary, compiled and plain."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import risk
from workbench.clock import NS
from workbench.config import MarketMakerConfig
from workbench.instruments import Instrument
from workbench.risk import MessageBudget, check_order
from workbench.risk import limits as slots
from workbench.trading.settings import limits_array

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))


def make_limits(**changes: int) -> np.ndarray:
    config = MarketMakerConfig()
    limits = limits_array(config, config.contract_sizes(BTC, Decimal(77_000)), BTC)
    limits[slots.COLLAR_LOW], limits[slots.COLLAR_HIGH] = 731_500, 808_500
    for name, value in changes.items():
        limits[getattr(slots, name)] = value
    return limits


@pytest.mark.parametrize(
    ("order", "limits", "expected"),
    [
        ((1, 770_000, 10), {}, risk.PASSED),
        ((1, 0, 10), {}, risk.NO_PRICE),
        ((1, 731_500, 10), {}, risk.PASSED),
        ((1, 731_499, 10), {}, risk.OUTSIDE_COLLAR),
        ((-1, 808_500, 10), {}, risk.PASSED),
        ((-1, 808_501, 10), {}, risk.OUTSIDE_COLLAR),
        ((1, 770_000, 10), {"COLLAR_LOW": 0, "COLLAR_HIGH": 0}, risk.OUTSIDE_COLLAR),
        ((1, 770_000, 7), {}, risk.PASSED),
        ((1, 770_000, 6), {}, risk.BELOW_MINIMUM_SIZE),
        ((1, 770_000, -10), {}, risk.BELOW_MINIMUM_SIZE),
        ((1, 770_000, 10), {"LOT": 4}, risk.OFF_LOT),
        ((1, 770_003, 10), {"INCREMENT": 10}, risk.OFF_TICK),
        ((1, 770_000, 20), {"MAX_SIZE": 19}, risk.ABOVE_MAXIMUM_SIZE),
        ((1, 770_000, 129_870), {"MAX_POSITION": 10**9}, risk.PASSED),
        ((1, 770_000, 129_871), {"MAX_POSITION": 10**9}, risk.ABOVE_NOTIONAL),
        ((1, 770_000, 1000), {}, risk.PASSED),
        ((1, 770_000, 1001), {}, risk.OVER_POSITION_LIMIT),
    ],
)
def test_each_rule_at_its_boundary(order: tuple[int, int, int], limits: dict[str, int], expected: int) -> None:
    for check in (check_order, check_order.py_func):  # type: ignore[attr-defined]
        assert check(*order, 0, 0, False, make_limits(**limits)) == expected


@given(
    side=st.sampled_from([1, -1]),
    size=st.integers(7, 2000),
    position=st.integers(-1000, 1000),
    exposure=st.integers(0, 2000),
)
def test_what_passes_keeps_the_worst_case_within_the_limit(side: int, size: int, position: int, exposure: int) -> None:
    code = check_order(side, 770_000, size, position, exposure, False, make_limits())
    assert (code == risk.PASSED) == (side * position + exposure + size <= 1000)
    assert code == check_order.py_func(side, 770_000, size, position, exposure, False, make_limits())  # type: ignore[attr-defined]


@given(side=st.sampled_from([1, -1]), size=st.integers(1, 2000), position=st.integers(-1500, 1500))
def test_a_closing_order_can_only_reduce(side: int, size: int, position: int) -> None:
    code = check_order(side, 770_000, size, position, 0, True, make_limits())
    assert (code == risk.PASSED) == (side * position < 0 and size <= abs(position))


def test_every_refusal_has_words() -> None:
    codes = {getattr(risk, name) for name in risk.__all__ if isinstance(getattr(risk, name), int)} - {risk.PASSED}
    assert codes == set(risk.REFUSALS)


def test_the_budget_refills_with_time_and_never_beyond_a_second() -> None:
    budget = MessageBudget(10)
    assert budget.available(5 * NS) == 10
    budget.take(10)
    assert budget.available(5 * NS) == 0
    assert budget.available(5 * NS + NS // 10) == 1
    assert budget.available(4 * NS) == 1, "time that runs backwards brings nothing"
    assert budget.available(100 * NS) == 10


@given(st.lists(st.integers(0, NS), min_size=1, max_size=50), st.floats(0.5, 100))
def test_over_any_stretch_no_more_is_sent_than_the_rate_and_one_burst(gaps: list[int], rate: float) -> None:
    budget, now, sent = MessageBudget(rate), NS, 0
    for gap in gaps:
        now += gap
        count = budget.available(now)
        budget.take(count)
        sent += count
    assert sent <= (now - NS) / NS * rate * (1 + 1e-6) + max(rate, 1) + 1


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e9])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="messages per second"):
        MessageBudget(rate)
