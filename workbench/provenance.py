"""Which code ran: a hash of the package's sources and the versions of what they stand on."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import workbench

__all__ = ["code_hash", "versions"]

_PACKAGES = ("numpy", "numba", "msgspec", "pydantic", "aiohttp", "pyzmq", "uvloop", "pandas", "pyarrow")


@cache
def code_hash() -> str:
    """SHA-256 over the names and contents of all Python files of the package."""
    root = Path(workbench.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Versions of Python, of the workbench and of the packages that can change what it does."""
    found = {"python": platform.python_version(), "workbench": workbench.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
