"""Signatures equal the published vectors, and the secret never shows."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable

import pytest

from workbench.client import Credentials, GuideSigner, Signer
from workbench.client.signing import guide_signature, signature, signed_path
from workbench.errors import VenueError

SECRET = "demo-secret-not-real-0001"


class FixedClock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def now_ns(self) -> int:
        return self.now_ms * 1_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns()


def test_every_published_vector_is_reproduced(sample: Callable[[str], bytes]) -> None:
    vectors = json.loads(sample("auth_vectors.json"))["vectors"]
    assert len(vectors) == 13
    for vector in vectors:
        credentials = Credentials(vector["api_key"], vector["secret"])
        assert signed_path(vector["url_path"] + "?" + vector["query"]) == vector["signed_path"], vector["name"]
        made = signature(credentials, vector["signed_path"], vector["nonce"], vector["body"].encode())
        assert made == vector["digest"], vector["name"]


def test_the_typical_wrong_recipes_give_other_digests(sample: Callable[[str], bytes]) -> None:
    vectors = json.loads(sample("auth_vectors.json"))
    credentials = Credentials("k", SECRET)
    right = {vector["digest"] for vector in vectors["vectors"]}
    for wrong in vectors["wrong_variants_for_diagnosis"]:
        assert credentials.hmac_hex(wrong["signed_string"].encode(), "sha384") == wrong["digest"]
        assert wrong["digest"] not in right
    body = next(v["body"] for v in vectors["vectors"] if v["name"] == "futures-post-order").encode()
    ours = signature(credentials, signed_path("/futures/api/v2.3/order?symbol=BTC-PERP"), "1780000000002", body)
    assert ours not in {wrong["digest"] for wrong in vectors["wrong_variants_for_diagnosis"]}


def test_the_guides_vectors_are_reproduced(sample: Callable[[str], bytes]) -> None:
    guide = json.loads(sample("guide_v1.json"))
    credentials = Credentials(guide["api_key"], guide["api_secret"])
    for vector in guide["vectors"]:
        made = guide_signature(
            credentials, vector["timestamp"], vector["method"], vector["path"], vector["body"].encode()
        )
        assert made == vector["digest"]


def test_a_request_is_signed_with_the_headers_of_the_vector(sample: Callable[[str], bytes]) -> None:
    vector = next(
        v for v in json.loads(sample("auth_vectors.json"))["vectors"] if v["name"] == "futures-cancel-all-after"
    )
    signer = Signer(Credentials(vector["api_key"], SECRET), FixedClock(int(vector["nonce"])))
    assert signer.headers("POST", vector["url_path"], vector["body"].encode()) == {
        "request-api": vector["api_key"],
        "request-nonce": vector["nonce"],
        "request-sign": vector["digest"],
    }


def test_a_stream_login_is_signed_with_the_arguments_of_the_example(sample: Callable[[str], bytes]) -> None:
    request = json.loads(sample("ws/login_request.json"))
    signer = Signer(Credentials(request["args"][0], SECRET), FixedClock(int(request["args"][1])))
    assert list(signer.login_args("/ws/futures")) == request["args"]


def test_nonces_never_repeat_and_never_fall_even_when_the_clock_does() -> None:
    clock = FixedClock(1_780_000_000_000)
    signer = Signer(Credentials("k", "s"), clock)

    def nonce() -> int:
        return int(signer.headers("GET", "/futures/api/v2.3/price")["request-nonce"])

    first, second = nonce(), nonce()
    clock.now_ms -= 5_000
    third = nonce()
    clock.now_ms += 60_000
    fourth = nonce()
    assert (first, second, third, fourth) == (
        1_780_000_000_000,
        1_780_000_000_001,
        1_780_000_000_002,
        1_780_000_055_000,
    )


def test_the_measured_offset_moves_the_nonce() -> None:
    signer = Signer(Credentials("k", "s"), FixedClock(1_000_000))
    signer.offset_ms = 1270
    assert signer.headers("GET", "/futures/api/v2.3/price")["request-nonce"] == "1001270"
    assert signer.login_args("/ws/futures")[1] == "1001271"


def test_the_guides_headers_carry_key_timestamp_and_signature(sample: Callable[[str], bytes]) -> None:
    vector = json.loads(sample("guide_v1.json"))["vectors"][2]
    signer = GuideSigner(Credentials("demo-key-not-real-0001", SECRET), FixedClock(int(vector["timestamp"])))
    assert signer.headers("POST", "/v1/orders", vector["body"].encode()) == {
        "LMEX-API-KEY": "demo-key-not-real-0001",
        "LMEX-TIMESTAMP": vector["timestamp"],
        "LMEX-SIGNATURE": vector["digest"],
    }


def test_no_view_of_the_credentials_shows_the_secret() -> None:
    credentials = Credentials("demo-key-not-real-0001", SECRET)
    for shown in (repr(credentials), str(credentials), f"{credentials}", f"{[credentials]}", f"{credentials!a}"):
        assert SECRET not in shown
    assert not hasattr(credentials, "__dict__")
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            copied(credentials)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("key", "secret", "missing"), [("", "s", "key"), ("k", " \n", "secret")])
def test_empty_credentials_are_refused_by_name(key: str, secret: str, missing: str) -> None:
    with pytest.raises(VenueError, match=f"API {missing} is empty"):
        Credentials(key, secret)


def test_a_copied_line_end_does_not_spoil_the_signature() -> None:
    assert Credentials("k\n", SECRET + "\n").hmac_hex(b"x", "sha384") == Credentials("k", SECRET).hmac_hex(
        b"x", "sha384"
    )
