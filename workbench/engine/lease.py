"""One engine for one run folder and one account: a lock that the operating system takes back when the process dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from workbench.errors import SessionError

__all__ = ["Lease", "account_lease_path"]


class Lease:
    """Holds a lock file until `release`, or until the process is gone.

    Raises
    ------
    SessionError
        If another process holds it.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._handle)
            raise SessionError(
                f"{what} is in use by another engine (process {holder}); expected one at a time: stop that one first"
            ) from None
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next engine have it."""
        os.close(self._handle)


def account_lease_path(venue_url: str, api_key: str) -> Path:
    """The lock file of an account on this machine; its name tells nothing about the key."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = base / f"lmex-workbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise SessionError(f"{folder} is not your own; expected a folder of yours: set XDG_RUNTIME_DIR elsewhere")
    account = hashlib.sha256(f"{venue_url} {api_key}".encode()).hexdigest()[:32]
    return folder / f"{account}.lock"
