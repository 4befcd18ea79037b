"""Machine code of kernels in files: whole or not at all, and never that of other sources, compilers or processors."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from workbench.compiled.sources import folder_of, holds_kernels, kernel_sources_digest, numba_folder

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
        The sources that it may stand on are looked at now, as it is made: an edit afterwards is another image.
    signature : object
        Its text is part of the image's name.
    """

    def __init__(self, function: Callable[..., Any], signature: object) -> None:
        code = function.__code__
        self._source = Path(code.co_filename)
        self._name = f"{function.__module__}.{function.__name__}"
        stamp = hashlib.sha256(kernel_sources_digest(folder_of(function)).encode())
        stamp.update(repr((code.co_firstlineno, code.co_code, code.co_names, str(signature))).encode())
        # What a function closes over is in no file.
        self._can_be_kept = not code.co_freevars
        if not holds_kernels(function):
            try:
                stamp.update(self._source.read_bytes())
            except OSError:
                self._can_be_kept = False
        self._stamp = stamp.hexdigest()[:24]

    @cached_property
    def path(self) -> Path | None:
        """The file; None where there is no place to write, or no source file that says all of the function."""
        if not self._can_be_kept:
            return None
        given = os.environ.get(_CACHE_FOLDER)
        folders = [Path(given)] if given else [self._source.parent / "__pycache__", _user_folder()]
        place = next((folder for folder in folders if _can_write(folder)), None)
        return None if place is None else place / f"{self._name}-{_compiler_stamp()}-{self._stamp}{_SUFFIX}"

    def is_there(self) -> bool:
        """Whether an image is kept."""
        return self.path is not None and self.path.is_file()

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
            for other in path.parent.glob(f"{self._name}-{_compiler_stamp()}-*{_SUFFIX}"):
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
def _user_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench" / "kernels"


@cache
def _can_write(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    return False
