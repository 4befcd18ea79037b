"""The page of a session: whole without a network, and nothing in it can break out of the text."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from workbench.analysis import fills_table, quotes_table
from workbench.events import OwnFill, StateFrame
from workbench.headless.report import render_report, why_shares
from workbench.instruments import Instrument

SECOND = 1_000_000_000
START = 1_780_000_000 * SECOND
BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.5"), Decimal("0.001"))


def frame(second: int, why: str) -> StateFrame:
    return StateFrame(
        seq=second,
        t_ns=START + second * SECOND,
        symbol="BTC-PERP",
        state="quoting",
        why=why,
        bid=60_000.0,
        ask=60_000.5,
        own_bids=((59_990.0, 10),),
        own_asks=((60_010.5, 10),),
        sigma=1e-4,
    )


def page(whys: list[str], summary: dict[str, Any] | None = None, **settings: Any) -> str:
    quotes = quotes_table(frame(second, why) for second, why in enumerate(whys))
    fill = OwnFill(
        t_ns=START + SECOND,
        venue_ns=START,
        trade_id="t1",
        order_id="o1",
        client_id="c1",
        side=1,
        price_ticks=119_980,
        size=10,
        fee=Decimal("0.012"),
        fee_currency="USDT",
        maker=True,
        source="stream",
    )
    told = {
        "run_id": "r1",
        "symbol": "BTC-PERP",
        "pnl": {"spread": "0.1", "fees": "-0.012"},
        "equity_change": "0.088",
        "fee_currency": "USDT",
        "message": "All orders are cancelled.",
        **(summary or {}),
    }
    return render_report(told, quotes, fills_table([fill], BTC), {"spread_bps": 20.0, **settings})


def test_the_page_holds_plotly_once_and_asks_nobody() -> None:
    text = page(["quoting"])
    assert text.count("plotly.js v") == 1
    assert text.count("Plotly.newPlot(") == 4
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text) == []


def test_the_page_shows_the_parts_and_their_sum_and_the_configuration() -> None:
    text = page(["quoting"])
    assert "0.1 USDT" in text
    assert "0.088 USDT" in text
    assert "&quot;spread_bps&quot;: 20.0" in text


def test_a_model_of_ones_own_is_shown_as_it_was_defined() -> None:
    text = page(["quoting"], quoting={"model": "mine", "source": "def mine(view):\n    return view[0] < 1\n"})
    assert "<h2>The model as it was defined</h2><pre>def mine(view):\n    return view[0] &lt; 1\n</pre>" in text
    assert "The model as it was defined" not in page(["quoting"])


def test_what_the_venue_says_cannot_become_markup() -> None:
    text = page(["<script>alert(1)</script>"], {"message": "<b>no</b>", "run_id": "<i>"})
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "<i>" not in text


def test_reasons_that_differ_in_numbers_only_are_one_reason() -> None:
    quotes = quotes_table(
        frame(i, why) for i, why in enumerate(["late by 12.5 ms", "late by 3 ms", "paused", "late by 1 ms"])
    )
    shares = why_shares(quotes)
    assert [share for _, share in shares] == pytest.approx([0.75, 0.25])
    assert shares[0][0].startswith("late by")
