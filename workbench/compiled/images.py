"""Machine code of kernels in files: whole or not at all, and never that of other sources, compilers or processors."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from workbench.compiled.sources import numba_folder, private_folder
from workbench.compiled.stamps import UntoldError, stamp_of

__all__ = ["Image", "ImageFile"]

_FORMAT = "workbench-kernel-1"
_SUFFIX = ".kernel"
_CACHE_FOLDER = "NUMBA_CACHE_DIR"


class Image(NamedTuple):
    """A kernel's machine code: where it is entered, what it needs of the process, and the relocatable object."""

    symbol: str
    externals: tuple[str, ...]
    code: bytes


class ImageFile:
    """Where the image of one function is kept.

    Parameters
    ----------
    function : function
    *told : object
        How it is compiled; the text of it is part of the function's stamp.
    """

    def __init__(self, function: Callable[..., Any], *told: object) -> None:
        self._function = function
        self._told = told

    @property
    def _prefix(self) -> str:
        """Of the images of this function that this compiler made, for this processor and this Python."""
        function = self._function
        return f"{function.__module__}.{function.__qualname__}-{sys.implementation.cache_tag}-{_compiler_stamp()}"

    @cached_property
    def path(self) -> Path | None:
        """The file; None for a function without a source file, or that refers to what cannot be told."""
        source = Path(self._function.__code__.co_filename)
        if not source.is_file():
            return None
        try:
            stamp = stamp_of(self._function, *map(str, self._told))
        except UntoldError:
            return None
        given = os.environ.get(_CACHE_FOLDER)
        wished = Path(given) if given else source.parent / "__pycache__"
        place = wished if _can_write(wished) else private_folder("kernels")
        return place / f"{self._prefix}-{stamp[:24]}{_SUFFIX}"

    def is_there(self) -> bool:
        """Whether an image is kept."""
        return self.path is not None and os.access(self.path, os.R_OK)

    def read(self) -> Image | None:
        """The image; None if there is none, or not a whole one."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            if self.path is not None:
                header, _, code = self.path.read_bytes().partition(b"\n")
                told = json.loads(header)
                if told["format"] == _FORMAT and told["sha256"] == hashlib.sha256(code).hexdigest():
                    return Image(told["symbol"], tuple(told["externals"]), code)
        return None

    def keep(self, image: Image) -> None:
        """Write an image; those that the same compiler made of older sources go."""
        path = self.path
        if path is None:
            return
        digest = hashlib.sha256(image.code).hexdigest()
        told = {"format": _FORMAT, "symbol": image.symbol, "externals": image.externals, "sha256": digest}
        with suppress(OSError):  # without room it is compiled again next time
            handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".draft")
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(told).encode() + b"\n" + image.code)
            Path(draft).replace(path)
            for other in path.parent.glob(f"{glob.escape(self._prefix)}-*{_SUFFIX}"):
                if other != path:
                    other.unlink(missing_ok=True)


@cache
def _compiler_stamp() -> str:
    """Of the compiler, of what its settings in the environment are, and of the processor."""
    import llvmlite
    import llvmlite.binding as llvm

    settings = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_") and item[0] != _CACHE_FOLDER)
    processor = llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    told = repr((_FORMAT, llvmlite.__version__, settings, processor)).encode()
    return hashlib.sha256(told + (numba_folder() / "_version.py").read_bytes()).hexdigest()[:8]


@cache
def _can_write(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    return False
