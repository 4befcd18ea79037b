"""A model's own parameters in the flat array: given, defaulted, missing, out of bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench import quoting
from workbench.config import ContractSizes, MarketMakerConfig
from workbench.errors import ConfigError
from workbench.quoting.schema import PARAMS_SIZE
from workbench.trading.settings import params_array

SIZES = ContractSizes(10, 1000, 1)


@quoting.model(
    params=(
        quoting.Slot("needed", "ticks", "has no default", 0.0, 10.0),
        quoting.Slot("optional", "1", "has one", 0.0, 10.0, default=2.5),
        quoting.Slot("derived", "1", "may be left to the model", 0.0, 10.0, default=math.nan),
    )
)
def with_defaults(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    """Quotes nothing."""
    return 0


def own(**params: float) -> list[float]:
    config = MarketMakerConfig(quoting={"model": "with_defaults", "params": params})
    return params_array(config, SIZES, with_defaults)[PARAMS_SIZE:].tolist()


def test_what_is_not_given_takes_the_slots_default() -> None:
    needed, optional, derived = own(needed=4)
    assert (needed, optional) == (4.0, 2.5)
    assert math.isnan(derived)


def test_what_is_given_goes_before_the_default() -> None:
    assert own(needed=4, optional=7, derived=1) == [4.0, 7.0, 1.0]


def test_without_a_default_it_must_be_given() -> None:
    with pytest.raises(ConfigError, match=r"quoting\.params\.needed is missing; model with_defaults needs it"):
        own(optional=1)


def test_bounds_hold_for_what_is_given() -> None:
    with pytest.raises(ConfigError, match=r"quoting\.params\.derived is 11\.0; expected 0\.0 to 10\.0 1"):
        own(needed=4, derived=11)
