"""Answers that say no are sorted by what may be concluded from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.client import (
    ApiError,
    AuthFailed,
    InsufficientBalance,
    OrderNotFound,
    PriceProtected,
    RateLimited,
    Rejected,
    Response,
    UnknownOutcome,
)
from workbench.client.errors import check, error_of, order_status_error, retry_after_s

EXAMPLES: dict[str, tuple[int, type[ApiError], int]] = {
    "order_not_found_429": (429, OrderNotFound, -1),
    "order_not_found_400": (400, OrderNotFound, 400),
    "invalid_parameters_400": (400, Rejected, -2),
    "symbol_missing_400": (400, Rejected, -2),
    "count_too_large_400": (400, Rejected, -2),
    "auth_failed_400": (400, AuthFailed, -7),
    "auth_failed_wallet_10002": (401, AuthFailed, 10002),
    "symbol_unknown_400": (400, Rejected, -7006),
    "position_mode_invalid_133": (400, Rejected, 133),
    "position_mode_unchangeable_134": (400, Rejected, 134),
    "max_order_size_4051": (400, Rejected, 4051),
    "rate_limit_429": (429, RateLimited, 303),
    "max_open_orders_304": (400, Rejected, 304),
    "price_protection_33001003": (400, PriceProtected, 33001003),
    "insufficient_available_33199101": (400, InsufficientBalance, 33199101),
    "reduce_only_no_position_33199120": (400, Rejected, 33199120),
    "market_unavailable_400": (400, Rejected, 400),
    "insufficient_wallet_51523": (400, InsufficientBalance, 51523),
    "ohlcv_range_too_long": (400, Rejected, 400),
    "system_error_minus11": (500, UnknownOutcome, -11),
    "http_200_success_false": (200, Rejected, -2),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_error_example_is_classified(name: str, sample: Callable[[str], bytes]) -> None:
    status, kind, code = EXAMPLES[name]
    error = error_of(Response(status, {}, sample(f"errors/{name}.json")), "POST order")
    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert "POST order" in str(error)


def test_every_error_file_is_in_the_table(index: list[dict[str, str]]) -> None:
    names = {entry["file"][7:-5] for entry in index if entry["file"].startswith("errors/")}
    assert names == EXAMPLES.keys() | {"position_id_missing_135_http200"}


def test_a_failure_inside_http_200_is_read_from_its_status(sample: Callable[[str], bytes]) -> None:
    body = sample("errors/position_id_missing_135_http200.json")
    assert error_of(Response(200, {}, body), "POST leverage") is None
    error = order_status_error(135, body.decode(), "POST leverage")
    assert isinstance(error, Rejected)
    assert error.code == 135


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html>oops</html>"),
        (502, b""),
        (503, b'{"status":503,"message":"maintenance"}'),
        (408, b'{"status":408,"message":"Request Timeout"}'),
        (408, b""),
        (404, b"<html>"),
        (200, b"<html>gateway</html>"),
        (200, b'{"status":2,'),
        (400, b'{"status":400,"errorCode":-1,"message":"Internal timeout"}'),
        (400, b'{"status":400,"errorCode":17,"message":"Request failed, check order"}'),
    ],
)
def test_answers_that_prove_nothing_are_unknown_outcomes(status: int, body: bytes) -> None:
    assert type(error_of(Response(status, {}, body), "POST order")) is UnknownOutcome


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (401, AuthFailed), (403, Rejected), (429, RateLimited)])
def test_some_statuses_prove_non_acceptance_without_a_readable_body(status: int, kind: type[ApiError]) -> None:
    assert type(error_of(Response(status, {}, b"<html>"), "POST order")) is kind


@pytest.mark.parametrize(
    "body",
    [b"[]", b"", b'[{"status":6}]', b'{"status":20,"type":93}', b'{"code":1,"msg":"Success","success":true,"data":[]}'],
)
def test_successes_are_not_taken_for_errors(body: bytes) -> None:
    assert check(Response(200, {}, body), "x") == body


def test_check_raises_what_the_answer_says() -> None:
    with pytest.raises(RateLimited):
        check(Response(429, {}, b'{"errorCode":303,"message":"Rate limit exceeded"}'), "x")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 5.0), ("0.5", 0.5), ("1780000005", 5.0), ("1780000005000", 5.0), ("1779999999", 0.0), ("soon", None)],
)
def test_retry_after_is_read_by_its_magnitude(header: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": header}, 1_780_000_000.0) == seconds


def test_a_rate_limit_without_a_retry_after_says_so() -> None:
    error = error_of(Response(429, {}, b'{"errorCode":-22,"message":"slow down"}'), "x")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (8, "", InsufficientBalance),
        (305, "", PriceProtected),
        (303, "", RateLimited),
        (16, "", OrderNotFound),
        (17, "", UnknownOutcome),
        (15, "", UnknownOutcome),
        (15, "internal timeout", UnknownOutcome),
        (15, "Order not found", OrderNotFound),
        (15, "Market not found", Rejected),
        (302, "", Rejected),
        (133, "Position mode invalid", Rejected),
    ],
)
def test_status_numbers_inside_http_200_are_classified(status: int, message: str, kind: type[ApiError]) -> None:
    assert type(order_status_error(status, message, "place x")) is kind


@pytest.mark.parametrize("status", [2, 3, 4, 5, 6, 7, 9, 10, 20, 65, 85, 123])
def test_status_numbers_of_living_and_ended_orders_are_no_errors(status: int) -> None:
    assert order_status_error(status, "", "place x") is None


def test_the_guides_nested_error_is_read() -> None:
    body = b'{"success":false,"error":{"code":16,"message":"Order not found"}}'
    assert type(error_of(Response(404, {}, body), "DELETE /v1/orders/x")) is OrderNotFound
    broke = b'{"success":false,"error":{"code":8,"message":"Insufficient balance"}}'
    assert type(error_of(Response(400, {}, broke), "POST /v1/orders")) is InsufficientBalance
