"""Digests of columns, by which a feed that has been prepared is found again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import by_address, types

__all__ = ["mix_words"]


@by_address(types.void(types.Array(types.uint64, 1, "C", readonly=True), types.uint64[::1]))
def mix_words(words: NDArray[np.uint64], lanes: NDArray[np.uint64]) -> None:
    """Fold words into four lanes; what tells one recording from another, not one that an enemy made."""
    k1 = np.uint64(0x9E3779B97F4A7C15)
    k2 = np.uint64(0xC2B2AE3D27D4EB4F)
    a, b, c, d = lanes[0], lanes[1], lanes[2], lanes[3]
    whole = words.size // 4 * 4
    for i in range(0, whole, 4):
        a = (a ^ words[i]) * k1
        b = (b ^ words[i + 1]) * k1
        c = (c ^ words[i + 2]) * k1
        d = (d ^ words[i + 3]) * k1
        a ^= a >> np.uint64(29)
        b ^= b >> np.uint64(29)
        c ^= c >> np.uint64(29)
        d ^= d >> np.uint64(29)
    for i in range(whole, words.size):
        a = (a ^ words[i]) * k2
        a ^= a >> np.uint64(31)
    lanes[0], lanes[1], lanes[2], lanes[3] = a, b, c, d
