"""Secrets come from the environment, a private file or the keyring, and go nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import keyring
import keyring.backend
import pytest

from workbench.client.signing import Credentials
from workbench.engine.credentials import KEYRING_SERVICE, load_credentials
from workbench.errors import ConfigError
from workbench.exchange import SIM_KEY

SECRET = "planted-secret-7f3a9"


class DictKeyring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


@pytest.fixture(autouse=True)
def own_keyring(monkeypatch: pytest.MonkeyPatch) -> DictKeyring:
    ring = DictKeyring()
    monkeypatch.setattr(keyring, "get_password", ring.get_password)
    return ring


def written(folder: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    (folder / "desk.toml").write_text(text)
    (folder / "desk.toml").chmod(mode)
    return {"WORKBENCH_CREDENTIALS": str(folder)}


def signs_with(credentials: Credentials, secret: str) -> bool:
    return credentials.hmac_hex(b"m", "sha256") == Credentials("k", secret).hmac_hex(b"m", "sha256")


def test_the_simulated_venue_needs_no_key_of_ones_own() -> None:
    assert load_credentials("sim", {}).key == SIM_KEY


def test_the_environment_is_read_and_emptied() -> None:
    environment = {"WORKBENCH_MY_DESK_KEY": "k1", "WORKBENCH_MY_DESK_SECRET": SECRET, "PATH": "/bin"}
    credentials = load_credentials("my-desk", environment)
    assert credentials.key == "k1"
    assert signs_with(credentials, SECRET)
    assert environment == {"PATH": "/bin"}


def test_a_private_file_is_read(tmp_path: Path) -> None:
    environment = written(tmp_path, f'key = "k2"\nsecret = "{SECRET}"\n')
    assert signs_with(load_credentials("desk", environment), SECRET)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700 | stat.S_IXGRP])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    environment = written(tmp_path, f'key = "k2"\nsecret = "{SECRET}"\n', mode)
    with pytest.raises(ConfigError, match=r"chmod 600") as refused:
        load_credentials("desk", environment)
    assert SECRET not in str(refused.value)


def test_the_keyring_is_read(tmp_path: Path, own_keyring: DictKeyring) -> None:
    own_keyring.set_password(KEYRING_SERVICE, "desk.key", "k3")
    own_keyring.set_password(KEYRING_SERVICE, "desk.secret", SECRET)
    assert signs_with(load_credentials("desk", {"WORKBENCH_CREDENTIALS": str(tmp_path)}), SECRET)


def test_an_unknown_profile_is_answered_with_every_place_it_could_be_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"WORKBENCH_DESK_SECRET.*desk\.toml.*keyring"):
        load_credentials("desk", {"WORKBENCH_CREDENTIALS": str(tmp_path)})


@pytest.mark.parametrize(
    "text",
    [f'secret = "{SECRET}"', f'key = "k"\nsecret = {SECRET}', f"{SECRET}", f'key = "k"\n"{SECRET}'],
    ids=range(4),
)
def test_no_refusal_of_a_file_shows_what_is_in_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_credentials("desk", written(tmp_path, text))
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    environment = {"WORKBENCH_DESK_SECRET": SECRET, "WORKBENCH_CREDENTIALS": str(tmp_path)}
    with pytest.raises(ConfigError, match="has no key") as refused:
        load_credentials("desk", environment)
    assert SECRET not in str(refused.value)
