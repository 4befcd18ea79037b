"""Types of compiled functions, told without a compiler: whoever only calls what is compiled need not import numba.

They are written as numba's are, `float64[:, ::1]` for a contiguous table; `str` of a number or an array is numba's too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Array",
    "Described",
    "FunctionType",
    "NamedTuple",
    "Scalar",
    "Signature",
    "boolean",
    "float64",
    "int8",
    "int32",
    "int64",
    "uint8",
    "uint64",
    "void",
]


@dataclass(frozen=True)
class Scalar:
    """A number, a truth value, or nothing."""

    name: str

    def __getitem__(self, axes: slice | tuple[slice, ...]) -> Array:
        """An array of it: `[::1]` of one axis, `[:, ::1]` of two, contiguous in C order; `[:]` anyhow."""
        *outer, last = axes if isinstance(axes, tuple) else (axes,)
        anyhow = slice(None)
        if any(axis != anyhow for axis in outer) or last not in (anyhow, slice(None, None, 1)):
            raise TypeError(f"axes are {axes}; expected ':' for each, '::1' for the last one of a contiguous array")
        return Array(self, len(outer) + 1, "A" if last == anyhow else "C")

    def __call__(self, *arguments: Described) -> Signature:
        """The signature of a function that returns it."""
        return Signature(self, arguments)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Array:
    """An array; `layout` is "C" where it is contiguous in C order, else "A"."""

    dtype: Scalar
    ndim: int
    layout: str = "C"
    readonly: bool = False

    def __call__(self, *arguments: Described) -> Signature:
        """The signature of a function that returns it."""
        return Signature(self, arguments)

    def __str__(self) -> str:
        if self.readonly:
            return f"Array({self.dtype}, {self.ndim}, {self.layout!r}, readonly=True)"
        axes = [":"] * self.ndim
        if self.layout == "C":
            axes[-1] = "::1"
        return f"{self.dtype}[{', '.join(axes)}]"


class NamedTuple:
    """A NamedTuple class with the types of its fields; equal to itself alone."""

    def __init__(self, fields: Sequence[Described], of: type[tuple[object, ...]]) -> None:
        self.fields = tuple(fields)
        self.of = of

    def __str__(self) -> str:
        fields = getattr(self.of, "_fields", ())
        return f"{self.of.__name__}({', '.join(f'{n}: {t}' for n, t in zip(fields, self.fields, strict=True))})"


@dataclass(frozen=True)
class Signature:
    """What a function returns and takes."""

    returns: Scalar | Array
    arguments: tuple[Described, ...]

    def __str__(self) -> str:
        return f"{self.returns}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class FunctionType:
    """A compiled function, handed over as a value."""

    signature: Signature

    def __str__(self) -> str:
        return f"function {self.signature}"


Described = Scalar | Array | NamedTuple | FunctionType

boolean, float64, void = Scalar("boolean"), Scalar("float64"), Scalar("void")
int8, int32, int64 = Scalar("int8"), Scalar("int32"), Scalar("int64")
uint8, uint64 = Scalar("uint8"), Scalar("uint64")
