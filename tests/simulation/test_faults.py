"""Three faults, each seen to happen, after each of which our books equal the venue's to the last digit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from workbench.client.faults import CutStream, DropFrame, Fault, LoseAnswer, LoseRequest, ReplyWith
from workbench.engine import SimulationResult, simulate

PRIVATE, BOOK = "/ws/futures", "/ws/oss/futures"
ORDER = "/api/v2.3/order"


def rehearsed(seed: int, faults: Sequence[Fault], seconds: float = 30.0) -> SimulationResult:
    """A session with faults, audited after every event, that traded and ended as it should."""
    result = simulate(seed=seed, seconds=seconds, faults=faults, audit=True)
    assert result.findings == [], f"seed {seed}: {result}"
    assert sum(result.faults_seen.values()) == sum(fault.times for fault in faults), f"seed {seed}: not all happened"
    assert result.outcome.fills > 20
    assert result.outcome.exit_code == 0
    assert result.outcome.open_orders_at_end == 0
    return result


def assert_books_equal(result: SimulationResult) -> None:
    """Orders, fills, position and cash: ours against the venue's."""
    fills = result.fills
    ours = list(
        zip(fills["trade_id"], fills["client_id"], fills["side"] * fills["size"], fills["price_ticks"], strict=True)
    )
    assert sorted(ours) == sorted(result.venue.fills)
    assert result.outcome.position_at_end == result.venue.position
    assert result.wallet_change == result.venue.wallet_change
    orders = result.orders
    assert set(orders["status"]) <= {"filled", "cancelled", "rejected", "not_found"}
    filled = dict.fromkeys(orders["client_id"], 0)
    for _, client_id, size, _ in result.venue.fills:
        filled[client_id] += abs(size)
    assert dict(zip(orders["client_id"], orders["filled"], strict=True)) == filled


def quoting_again(result: SimulationResult) -> bool:
    """Whether both sides were live in the last frame before the stop."""
    states = [frame for frame in result.quotes["why"] if not frame.startswith("stopping")]
    return bool(states) and "bids" in states[-1]


def test_a_submit_that_times_out_but_arrived_counts_and_is_found_again() -> None:
    result = rehearsed(3, [LoseAnswer("POST", ORDER, skip=8, times=2)])
    unknown = [row.decode() for row in result.rows if row.tag == "OrderReport"]
    lost = {report.client_id for report in unknown if report.status == "unknown" and report.request == "place"}
    assert len(lost) == 2
    statuses = dict(zip(result.orders["client_id"], result.orders["status"], strict=True))
    assert {statuses[client_id] for client_id in lost} <= {"filled", "cancelled"}
    assert_books_equal(result)
    assert quoting_again(result)


def test_a_fill_message_that_is_lost_is_fetched() -> None:
    result = rehearsed(4, [DropFrame(PRIVATE, b"fillsV2", skip=6, times=3)])
    assert "rest" in {row.decode().source for row in result.rows if row.tag == "OwnFill"}
    assert_books_equal(result)
    assert quoting_again(result)


def test_a_gap_in_the_book_pulls_the_quotes_until_a_snapshot() -> None:
    result = rehearsed(5, [DropFrame(BOOK, b"delta", skip=60, times=1)])
    tags = [row.tag for row in result.rows]
    assert "BookLost" in tags
    assert tags.index("BookLost") < len(tags) - 1 - tags[::-1].index("BookSnapshot")
    assert_books_equal(result)
    assert quoting_again(result)


def test_dropped_streams_are_joined_again_and_what_they_missed_is_asked_for() -> None:
    result = rehearsed(6, [CutStream(BOOK, b"delta", skip=80), CutStream(PRIVATE, b"notification", skip=30)])
    downs = {row.decode().stream for row in result.rows if row.tag == "StreamState" and not row.decode().up}
    assert downs == {"book", "private"}
    assert_books_equal(result)
    assert quoting_again(result)


@pytest.mark.parametrize(
    "fault",
    [
        LoseRequest("POST", ORDER, skip=8, times=2),
        LoseAnswer("DELETE", ORDER, skip=4, times=2),
        LoseRequest("DELETE", ORDER, skip=4, times=2),
        ReplyWith("POST", ORDER, skip=8, times=2, status=503),
        ReplyWith("DELETE", ORDER, skip=4, times=2, status=502),
        ReplyWith("POST", ORDER, skip=8, times=2, status=200, body=b'[{"status": 2, "ord'),
        DropFrame(PRIVATE, b"notification", skip=10, times=5),
        LoseAnswer("POST", "cancelAllAfter", skip=2, times=3),
        LoseAnswer("GET", "open_orders", skip=2, times=1),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{fault.path.rpartition('/')[2]}",
)
def test_no_other_fault_leaves_the_books_apart(fault: Fault) -> None:
    result = rehearsed(7, [fault])
    assert_books_equal(result)


def test_a_venue_that_cannot_be_asked_at_the_end_gives_exit_code_five() -> None:
    result = simulate(
        seed=8,
        seconds=5,
        faults=[
            LoseRequest("DELETE", ORDER, times=10_000, after_s=4.0),
            LoseRequest("GET", "open_orders", times=10_000, after_s=4.0),
        ],
    )
    assert result.outcome.open_orders_at_end is None
    assert result.outcome.exit_code == 5
    assert "NOT VERIFIED" in result.outcome.message


def test_a_rate_limit_is_answered_by_silence_and_not_by_a_halt() -> None:
    refusal = b'{"status": 429, "errorCode": 429, "message": "Too many requests"}'
    limited = ReplyWith("POST", ORDER, skip=10, status=429, body=refusal, headers={"Retry-After": "2"})
    result = rehearsed(1, [limited])
    assert 0 < result.outcome.rejects < 10
    assert_books_equal(result)
    assert quoting_again(result)
