"""A variance knows what it is for; horizons convert by proportion, volatilities by the root."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pandas as pd
import pytest

from workbench.volatility import (
    HORIZONS,
    Variance,
    convert_volatility,
    horizon_seconds,
    realised_variance,
    to_volatility,
)


def test_a_variance_is_a_float_with_its_span_and_its_sample() -> None:
    found = Variance(4e-6, 100.0, 7)
    assert found == 4e-6
    assert found.per("second") == pytest.approx(4e-8)
    assert found.per(50.0) == pytest.approx(2e-6)
    assert found.volatility("second") == pytest.approx(2e-4)
    assert found.volatility("year") == pytest.approx(2e-4 * math.sqrt(31_536_000))
    assert "over 100 s, 7 samples, 5.8788% a square root of a day" in repr(found)
    assert "no times" in repr(Variance(4e-6, None, 7))
    for same in (copy.copy(found), pickle.loads(pickle.dumps(found))):
        assert (same, same.span_s, same.samples) == (found, 100.0, 7)


def test_volatility_grows_with_the_root_of_the_horizon() -> None:
    assert HORIZONS == {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "year": 31_536_000}
    assert to_volatility(9e-8, 1.0, "day") == pytest.approx(3e-4 * math.sqrt(86_400))
    assert to_volatility(9e-4, 86_400.0, "second") == pytest.approx(0.03 / math.sqrt(86_400))
    assert convert_volatility(0.03, "day", "year") == pytest.approx(0.03 * math.sqrt(365))
    series = pd.Series([1e-4, np.nan], index=["a", "b"])
    assert to_volatility(series, 3_600.0, "day").to_dict() == pytest.approx(
        {"a": 0.01 * math.sqrt(24), "b": math.nan}, nan_ok=True
    )
    np.testing.assert_allclose(convert_volatility(np.array([1.0, 2.0]), 1.0, 4.0), [2.0, 4.0])


def test_a_horizon_that_is_none_and_a_variance_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="'week'"):
        horizon_seconds("week")
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="horizon"):
            horizon_seconds(bad)
    with pytest.raises(ValueError, match="negative"):
        Variance(-1e-9, 10.0, 3).volatility()
    with pytest.raises(ValueError, match="negative"):
        to_volatility(np.array([1.0, -1.0]), 1.0)
    with pytest.raises(ValueError, match="give the prices times"):
        Variance(1e-9, None, 3).volatility()


def test_prices_at_one_time_have_a_variance_and_no_volatility() -> None:
    still = realised_variance([100.0, 101.0, 100.5], [5, 5, 5])
    assert still.span_s == 0.0
    assert repr(still).endswith("over 0 s, 2 samples)")
    with pytest.raises(ValueError, match="one time; expected times that pass"):
        still.volatility()
