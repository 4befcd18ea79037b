"""Places of code: modules made of text, folders for what is compiled, and where the compiler is."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

__all__ = ["module_of_text", "numba_folder", "private_folder"]


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
    path = private_folder("models") / name
    if not path.is_file() or path.read_text() != text:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".draft")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    return path


@cache
def private_folder(name: str) -> Path:
    """A cache folder of the user's alone, for what lies there is executed; without a place, one for this process."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmex-workbench" / name
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            folder.chmod(0o700)
            return folder
    except (OSError, RuntimeError):  # no home, or none to write to
        pass
    return Path(tempfile.mkdtemp(prefix=f"workbench-{name}-"))
