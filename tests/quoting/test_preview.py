"""Looking at a model without a market: what it quotes at several inventories, and why it does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from workbench import quoting
from workbench.config import ContractSizes, MarketMakerConfig
from workbench.quoting import ModelError, glft_closed_form, quotes_of, skewed_spread
from workbench.quoting.schema import PARAMS, PARAMS_SIZE
from workbench.trading.settings import params_array

MARKET = {"mid": 770_000.0, "sigma": 1e-5}


def test_it_shows_the_ladder_of_a_model_by_name() -> None:
    table = quotes_of("skewed_spread", view=MARKET)
    assert list(table.columns) == ["inventory", "side", "level", "price_ticks", "distance_ticks", "size"]
    assert len(table) == 6
    assert table[table["level"] == 0]["distance_ticks"].tolist() == [770.0, 770.0]
    assert table[table["side"] > 0]["price_ticks"].is_monotonic_decreasing


def test_several_inventories_make_one_table_without_the_refused_ones() -> None:
    table = quotes_of("guide_fixed", [0, 800, 801], view=MARKET, params={"levels": 1})
    assert table["inventory"].tolist() == [0, 0, 800, 800]
    lots = np.arange(-5, 6)
    own = {"gamma": 1e-4, "k": 1e-3, "arrival_rate": 2.0, "levels": 1}
    shown = quotes_of(quoting.glft, 10 * lots, view=MARKET, params=own)
    bids = shown[shown["side"] > 0]["distance_ticks"].to_numpy()
    exact = glft_closed_form(lots, gamma=1e-4, sigma=7.7, k=1e-3, arrival_rate=2.0).bid
    assert (np.abs(bids - exact) <= 1).all()


def test_a_model_that_refuses_everywhere_says_why() -> None:
    with pytest.raises(ModelError, match="glft does not quote: the volatility estimate is not ready"):
        quotes_of("glft", view={"mid": 770_000.0})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"view": {}}, r"view\['mid'\] is nan"),
        ({"view": {"mid": -1.0}}, r"view\['mid'\] is -1\.0"),
        ({"view": {"middle": 1.0}}, r"view\['middle'\]: no such name; known: mid"),
        ({"view": MARKET, "params": {"gama": 1.0}}, r"params\['gama'\]: no such name"),
        ({"view": MARKET, "params": {"order_size": 0.0}}, r"params\['order_size'\] is 0\.0; expected 1\.0 to inf"),
        ({"model": "grid", "view": MARKET}, r"params\['grid_ticks'\] is missing"),
        ({"inventory": math.nan, "view": MARKET}, "inventory is nan"),
    ],
)
def test_what_makes_no_sense_is_refused(call: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        quotes_of(**{"model": "skewed_spread", **call})


def test_the_common_defaults_are_those_of_the_configuration() -> None:
    configured = params_array(MarketMakerConfig(), ContractSizes(10, 1000, 1), skewed_spread)
    assert configured.tolist() == [slot.default for slot in PARAMS]
    assert len(configured) == PARAMS_SIZE
