"""A range of a catalog as a feed: begun in the middle, it knows the book and the prices that were known there."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.backtest import feed_from_catalog
from workbench.data import Catalog, synthetic_day
from workbench.errors import DataError
from workbench.events import NS


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return synthetic_day(tmp_path_factory.mktemp("catalog"), seconds=40, progress=False)


def test_a_feed_begun_in_the_middle_sees_the_same_market(catalog: Catalog) -> None:
    whole = feed_from_catalog(catalog, "BTC-PERP", cache=False)
    start_ns = whole.start_ns + 20 * NS
    part = feed_from_catalog(catalog, "BTC-PERP", start_ns, cache=False)
    at = np.searchsorted(whole.best_ns, part.best_ns[1:])
    assert len(at) > 100
    assert np.array_equal(whole.best_ns[at], part.best_ns[1:])
    assert np.array_equal(whole.bests[at], part.bests[1:])
    assert part.t_ns[-1] == whole.t_ns[-1]


def test_prices_before_the_start_are_known_at_it(catalog: Catalog) -> None:
    first_ns, _ = catalog.span("BTC-PERP")
    part = feed_from_catalog(catalog, "BTC-PERP", first_ns + 20 * NS, cache=False)
    known = part.prices[part.prices["t_ns"] <= part.best_ns[0]]
    assert np.isfinite(known["mark"]).any()
    assert (known["rate"] != 0).any()


def test_a_range_without_rows_is_refused_with_what_there_is(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="the catalog has 2026-01-05T00:00:00 to 2026-01-05T00:00:"):
        feed_from_catalog(catalog, "BTC-PERP", "2026-01-06", "2026-01-07", cache=False)


def test_an_unknown_symbol_is_answered_with_the_likely_one(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="did you mean 'BTC-PERP'"):
        feed_from_catalog(catalog, "BTC-PRP", cache=False)
