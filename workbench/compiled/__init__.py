"""The one place that compiles: explicit signatures, an on-disk cache that is never stale, and no compiler to load it.

Code that comes as text (a model typed in a notebook) is kept in a file named by its content, so that it has a cache
too, and one that cannot be stale: a changed constant is another file.

`kernel` holds the decorators, `dispatchers` numba's side of a kernel, `stamps` what tells old code from new, `images`
and `native` machine code that runs without numba. `ahead` has kernels compiled by other processes, which are `worker`,
with numba changed there by `quickening` and `held`.
"""

from workbench.compiled.kernel import (
    Kernel,
    addressable,
    borrowing,
    by_address,
    compiled,
    inlined,
    inner,
    kernels_wait,
    load_kernels,
)
from workbench.compiled.native import NativeError
from workbench.compiled.sources import module_of_text

__all__ = [
    "Kernel",
    "NativeError",
    "addressable",
    "borrowing",
    "by_address",
    "compiled",
    "inlined",
    "inner",
    "kernels_wait",
    "load_kernels",
    "module_of_text",
]
