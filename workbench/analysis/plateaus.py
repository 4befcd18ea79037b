"""How much of a best result is its neighbourhood's: a grid's configurations beside those one step away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["neighbours", "rank_correlation"]


def neighbours(table: pd.DataFrame, parameters: Sequence[str], metric: str) -> pd.DataFrame:
    """Each configuration's metric beside those of its neighbours on the grid.

    Parameters
    ----------
    table : DataFrame
        One row a configuration.
    parameters : sequence of str
        Columns that span the grid; numbers are ordered by size, other values by appearance.
    metric : str
        Column, larger is better.

    Returns
    -------
    DataFrame
        Index of `table`. Columns: the metric; neighbours (how many rows are one step away in exactly one parameter);
        neighbour_mean, neighbour_worst (NaN without any); plateau = the mean of the row and its neighbours: the row
        with the largest is the safest choice.
    """
    values = table[metric].to_numpy(dtype=np.float64)
    steps = np.stack([_steps(table[name]) for name in parameters], axis=1) if parameters else np.zeros((len(table), 0))
    where = {tuple(row): number for number, row in enumerate(steps.tolist())}
    rows = []
    for number, place in enumerate(steps.tolist()):
        around = [
            values[where[near]]
            for axis in range(len(parameters))
            for move in (-1, 1)
            if (near := tuple(step + (move if axis == i else 0) for i, step in enumerate(place))) in where
        ]
        known = np.array(around, dtype=np.float64)
        mean, worst = (float(known.mean()), float(known.min())) if known.size else (np.nan, np.nan)
        plateau = float(np.append(known, values[number]).mean())
        rows.append((values[number], known.size, mean, worst, plateau))
    columns = [metric, "neighbours", "neighbour_mean", "neighbour_worst", "plateau"]
    return pd.DataFrame(rows, index=table.index, columns=columns).astype({"neighbours": "int64"})


def rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Spearman's correlation of two columns, ties at their mean rank; NaN with fewer than 3 rows or no variation.

    Parameters
    ----------
    first, second : Series
        Of equal length; rows where either is NaN are left out.
    """
    known = (first.notna() & second.notna()).to_numpy()
    a, b = (column[known].rank().to_numpy(dtype=np.float64) for column in (first, second))
    if a.size < 3 or a.std() == 0.0 or b.std() == 0.0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _steps(column: pd.Series) -> NDArray[np.int64]:
    """The place of each value on its axis."""
    known = list(pd.unique(column))
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        known.sort()
    places = {value: place for place, value in enumerate(known)}
    return np.array([places[value] for value in column], dtype=np.int64)
