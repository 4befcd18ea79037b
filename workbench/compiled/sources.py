"""What compiled code stands on: the sources that hold kernels, and modules made of text."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["KERNEL_FOLDERS", "folder_of", "holds_kernels", "kernel_sources_digest", "module_of_text", "numba_folder"]

KERNEL_FOLDERS = ("market", "volatility", "risk", "quoting", "trading", "backtest/kernels")
"""In the direction of the imports: a kernel calls those of its own folder and of the folders before it."""

_ROOT = Path(__file__).parents[1]


def kernel_sources_digest(upto: str = KERNEL_FOLDERS[-1]) -> str:
    """SHA-256 over the source files that may hold a kernel, of the folders up to `upto`.

    It is the stamp of the compiled cache and, over all folders, part of a run's code hash.
    """
    digest: str = _digest(KERNEL_FOLDERS.index(upto)).hexdigest()
    return digest


@cache
def _digest(last: int) -> Any:
    """The digest over the folders up to number `last`: that of the folders before it, and then its own files."""
    digest = hashlib.sha256() if last == 0 else _digest(last - 1).copy()
    for path in sorted((_ROOT / KERNEL_FOLDERS[last]).glob("**/*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest


def folder_of(function: Callable[..., Any]) -> str:
    """The kernel folder that a function lives in; the last one, which may call all others, for any other place."""
    return next((name for name in KERNEL_FOLDERS if _lives_in(function, name)), KERNEL_FOLDERS[-1])


def holds_kernels(function: Callable[..., Any]) -> bool:
    """Whether a function lives in a folder whose sources are all in the digest."""
    return _lives_in(function, folder_of(function))


def _lives_in(function: Callable[..., Any], folder: str) -> bool:
    module = function.__module__ or ""  # what was made of a text alone has none
    return f"{module.replace('.', '/')}/".startswith(f"{_ROOT.name}/{folder}/")


@cache
def numba_folder() -> Path:
    """Where numba is installed, found without importing it."""
    spec = importlib.util.find_spec("numba")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def module_of_text(text: str, prefix: str) -> ModuleType:
    """The module that a text makes when it is run; the same text gives the same module, and finds what it compiled.

    Whatever the text raises is raised.
    """
    name = f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, _kept(f"{name}.py", text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _kept(name: str, text: str) -> Path:
    path = _text_folder() / name
    if not path.is_file() or path.read_text() != text:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".draft")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    return path


@cache
def _text_folder() -> Path:
    """The user's alone, for what lies there is executed; without a place to write, one for this process."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench" / "models"
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            folder.chmod(0o700)
            return folder
    except (OSError, RuntimeError):  # no home, or none to write to
        pass
    return Path(tempfile.mkdtemp(prefix="workbench-models-"))
