"""Sums over the log returns of a row of prices, block by block: no row of returns is ever written to memory."""

from __future__ import annotations

import numpy as np

from workbench.compiled import compiled, types
from workbench.volatility.arrays import BLOCK, FLOATS, READ_FLOATS, Floats, write_log_ratios

__all__ = ["neighbour_sums", "sum_of_squares"]


@compiled(types.float64(READ_FLOATS, types.int64))
def sum_of_squares(prices: Floats, lag: int) -> float:
    """Sum of the squared log returns over `lag` places."""
    count = prices.size - lag
    moves = np.empty(min(BLOCK, max(count, 1)))
    a = b = c = d = 0.0
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        into = moves[:size]
        write_log_ratios(prices[start + lag : start + lag + size], prices[start : start + size], into)
        whole = size - size % 4
        # Four sums side by side: one sum would wait for itself at every return.
        for i in range(0, whole, 4):
            a += into[i] * into[i]
            b += into[i + 1] * into[i + 1]
            c += into[i + 2] * into[i + 2]
            d += into[i + 3] * into[i + 3]
        for i in range(whole, size):
            a += into[i] * into[i]
    return (a + b) + (c + d)


@compiled(FLOATS(READ_FLOATS, types.boolean))
def neighbour_sums(prices: Floats, with_triples: bool) -> Floats:
    """Sums of r_i^2, |r_i r_{i-1}| and, if asked for, |r_i r_{i-1} r_{i-2}|^(4/3); float64[3]."""
    count = prices.size - 1
    moves = np.empty(min(BLOCK, max(count, 1)))
    squares = products = triples = one = two = 0.0
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        into = moves[:size]
        write_log_ratios(prices[start + 1 : start + 1 + size], prices[start : start + size], into)
        for i in range(size):
            move = abs(into[i])
            squares += move * move
            products += move * one
            if with_triples:
                triples += (move * one * two) ** (4.0 / 3.0)
            two, one = one, move
    return np.array([squares, products, triples])
