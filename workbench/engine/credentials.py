"""Where an API key comes from: a profile's name is all that anybody outside the engine process ever gives.

Looked for in this order: the environment (WORKBENCH_<PROFILE>_KEY and _SECRET), a file of mode 0600 (`<profile>.toml`
with `key` and `secret` in WORKBENCH_CREDENTIALS, or ~/.config/lmex-workbench), the OS keyring (service
"lmex-workbench", names "<profile>.key" and "<profile>.secret"). The profile `sim` is built in: it opens only the
simulated LMEX.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import MutableMapping
from pathlib import Path

from workbench.client.signing import Credentials
from workbench.errors import ConfigError

__all__ = ["KEYRING_SERVICE", "load_credentials"]

KEYRING_SERVICE = "lmex-workbench"

_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


def load_credentials(profile: str, environ: MutableMapping[str, str] | None = None) -> Credentials:
    """The API key of a profile, from the environment, a private file or the OS keyring.

    What is found in the environment is taken out of it, so that no process started later inherits it.

    Parameters
    ----------
    profile : str
        `venue.credentials` of the configuration.
    environ : mutable mapping, optional
        Instead of this process's environment.

    Raises
    ------
    ConfigError
        If nothing is found, only half of it, or the file may be read by others. No message ever holds a secret.
    """
    environ = os.environ if environ is None else environ
    if profile == "sim":
        from workbench.exchange import SIM_KEY, SIM_SECRET

        return Credentials(SIM_KEY, SIM_SECRET)
    prefix = "WORKBENCH_" + re.sub(r"[^A-Z0-9]", "_", profile.upper())
    folder = Path(environ.get("WORKBENCH_CREDENTIALS") or Path.home() / ".config" / "lmex-workbench")
    file = folder / f"{profile}.toml"
    for place, (key, secret) in (
        (f"the environment ({prefix}_KEY, {prefix}_SECRET)", _from_environment(prefix, environ)),
        (f"the file {file}", _from_file(file)),
        (f"the keyring ({KEYRING_SERVICE})", _from_keyring(profile)),
    ):
        if key and secret:
            return Credentials(key, secret)
        if key or secret:
            missing = "secret" if key else "key"
            raise ConfigError([f"venue.credentials is {profile!r}: {place} has no {missing}; expected key and secret"])
    problem = (
        f"venue.credentials is {profile!r}; expected a profile that this machine knows: set {prefix}_KEY and "
        f"{prefix}_SECRET, or write {file} with mode 0600, or store it in the keyring service {KEYRING_SERVICE!r}"
    )
    raise ConfigError([problem])


def _from_environment(prefix: str, environ: MutableMapping[str, str]) -> tuple[str, str]:
    return environ.pop(f"{prefix}_KEY", ""), environ.pop(f"{prefix}_SECRET", "")


def _from_file(file: Path) -> tuple[str, str]:
    """Key and secret of a private file; opened once, so that what is checked is what is read."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if stat.S_IMODE(found.st_mode) & _PRIVATE or found.st_uid != os.getuid():
                mode = stat.S_IMODE(found.st_mode)
                raise ConfigError([f"{file} has mode {mode:04o}; expected 0600 and your own: chmod 600 {file}"])
            content = tomllib.load(opened)
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}; expected a file of key and secret"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The parser's own message may quote the line, and the line may be the secret.
        raise ConfigError([f'{file} is not valid TOML; expected two lines, key = "..." and secret = "..."']) from None
    return str(content.get("key", "")), str(content.get("secret", ""))


def _from_keyring(profile: str) -> tuple[str, str]:
    import keyring
    from keyring.errors import KeyringError

    try:
        key = keyring.get_password(KEYRING_SERVICE, f"{profile}.key")
        secret = keyring.get_password(KEYRING_SERVICE, f"{profile}.secret")
    except KeyringError:
        # No keyring on this machine, or it is locked: the refusal that follows names every place.
        return "", ""
    return key or "", secret or ""
