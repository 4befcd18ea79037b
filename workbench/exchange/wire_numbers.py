"""Numbers on the wire: exact integers as plain decimal text, never a binary float, never an exponent."""

from __future__ import annotations

from decimal import Decimal

import msgspec

__all__ = ["ceil_div", "decimal_number", "number", "plain", "round_half_even"]


def plain(units: int, digits: int) -> str:
    """Text of units * 10**-digits without exponent and without trailing zeros, e.g. plain(-150, 2) is "-1.5"."""
    if digits == 0:
        return str(units)
    whole, part = divmod(abs(units), 10**digits)
    sign = "-" if units < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0")


def number(units: int, digits: int) -> msgspec.Raw:
    """The same as a JSON number inside a message."""
    return msgspec.Raw(plain(units, digits).encode())


def round_half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, ties to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        return quotient + 1
    return quotient


def ceil_div(numerator: int, denominator: int) -> int:
    """numerator / denominator rounded towards plus infinity."""
    return -(-numerator // denominator)


def decimal_number(value: Decimal) -> msgspec.Raw:
    """A Decimal as a JSON number in plain notation."""
    return msgspec.Raw(f"{value.normalize():f}".encode())
