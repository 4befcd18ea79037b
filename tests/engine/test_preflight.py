"""What is refused before anything starts, in one clear sentence each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from workbench.config import MarketMakerConfig
from workbench.engine.preflight import check_before_start, clear_account
from workbench.errors import ConfigError, SessionError, VenueError


def refusal(**settings: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        check_before_start(MarketMakerConfig.from_dict(settings))
    return str(refused.value)


def test_the_default_configuration_passes() -> None:
    check_before_start(MarketMakerConfig())


@pytest.mark.parametrize("venue", ["lmex", "testnet"])
def test_other_venues_are_refused_and_the_sentence_says_when_and_what_instead(venue: str) -> None:
    said = refusal(venue={"name": venue})
    assert "later version" in said
    assert "'sim'" in said


def test_paper_needs_nothing_but_a_queue_model_that_is_known() -> None:
    check_before_start(MarketMakerConfig.from_dict({"venue.name": "paper"}))
    assert "known: risk_averse" in refusal(venue={"name": "paper", "queue": "fifo"})


def test_the_real_market_must_be_armed_by_hand() -> None:
    assert "armed by hand" in refusal(venue={"name": "lmex"})


def test_an_unknown_symbol_is_answered_with_the_nearest() -> None:
    assert "did you mean 'BTC-PERP'" in refusal(symbol="BTX-PERP")


def test_a_size_under_the_spam_rule_is_refused_with_the_smallest_that_is_not() -> None:
    said = refusal(order_size=1)
    assert "expected at least 7 contracts" in said
    assert "spam" in said


def test_an_unknown_model_is_refused() -> None:
    assert "skewed_spread" in refusal(quoting={"model": "skewed_spraed"})


class StubVenue:
    """A venue of which only the cancel matters."""

    def __init__(self, left: int | None) -> None:
        self._left = left
        self.asked = 0

    async def cancel_all_and_verify(self, deadline_s: float) -> int:
        self.asked += 1
        if self._left is None:
            raise VenueError("no answer")
        return self._left


@pytest.mark.parametrize(("left", "said"), [(2, "2 orders stay open"), (None, "cannot be known")])
def test_nothing_starts_on_top_of_orders_that_stay_open(left: int | None, said: str) -> None:
    with pytest.raises(SessionError, match=said):
        asyncio.run(clear_account(StubVenue(left), 1.0))  # type: ignore[arg-type]


def test_an_empty_market_is_clear() -> None:
    venue = StubVenue(0)
    asyncio.run(clear_account(venue, 1.0))  # type: ignore[arg-type]
    assert venue.asked == 1
