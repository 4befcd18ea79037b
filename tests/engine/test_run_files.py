"""The files of a run folder: exact, private, never half written, and honest about damage."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.config import MarketMakerConfig
from workbench.engine.outcome import stop_report, write_fills
from workbench.engine.protocol import EngineSpec, Failure, Reply, read_struct, write_struct
from workbench.errors import ConfigError, JournalError, SessionError, VenueError, WorkbenchError
from workbench.events import FILLS_COLUMNS, StateFrame
from workbench.exchange.listing import LISTINGS

INSTRUMENT = LISTINGS["BTC-PERP"].instrument
SPEC = EngineSpec(run_id="r1", config=MarketMakerConfig().model_dump(mode="json"), seed=3, seconds=1.5)


def test_a_file_is_read_back_as_it_was_and_is_its_owners_alone(tmp_path: Path) -> None:
    write_struct(tmp_path / "spec.json", SPEC)
    write_struct(tmp_path / "spec.json", SPEC)
    assert read_struct(tmp_path / "spec.json", EngineSpec) == SPEC
    assert stat.S_IMODE((tmp_path / "spec.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["spec.json"]


@pytest.mark.parametrize("content", ["", "{", '{"run_id": 3}', "[]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "spec.json").write_text(content)
    with pytest.raises(SessionError, match=r"spec\.json is damaged"):
        read_struct(tmp_path / "spec.json", EngineSpec)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"engine\.json cannot be read"):
        read_struct(tmp_path / "engine.json", EngineSpec)


def test_fills_of_a_session_without_any_are_a_table_with_every_column(tmp_path: Path) -> None:
    assert write_fills(tmp_path / "fills.parquet", [], INSTRUMENT) == 0
    table = pq.read_table(tmp_path / "fills.parquet")
    assert table.column_names == list(FILLS_COLUMNS)
    assert table.schema.field("fee").type == pa.decimal128(38, 12)
    assert table.num_rows == 0


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(["spread_bps is -5; expected more than 0", "symbol is 3; expected text"]),
        SessionError("gone"),
        VenueError("closed"),
        JournalError("full"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_in_the_other_process_as_what_it_was(error: WorkbenchError) -> None:
    sent = msgspec.msgpack.encode(Reply(1, failure=Failure.of(error)))
    received = msgspec.msgpack.decode(sent, type=Reply).failure
    assert received is not None
    assert type(received.error()) is type(error)
    assert str(received.error()) == str(error)


def test_an_error_nobody_meant_names_the_log() -> None:
    error = Failure.of(ZeroDivisionError("x")).error()
    assert isinstance(error, SessionError)
    assert "engine.log" in str(error)


@pytest.mark.parametrize(
    ("left", "verified", "said"), [(0, True, "lists none"), (3, False, "3 open"), (None, False, "NOT VERIFIED")]
)
def test_a_stop_report_says_whether_zero_was_verified(left: int | None, verified: bool, said: str) -> None:
    frame = StateFrame(seq=1, t_ns=1, symbol="BTC-PERP", state="stopped", why="", position=4, equity_change="1.25")
    report = stop_report("request", left, 0, frame)
    assert report.verified is verified
    assert said in repr(report)
    assert Decimal(report.equity_change) == Decimal("1.25")


def test_nested_loops_are_allowed_only_by_who_asks_for_them() -> None:
    script = (
        "import asyncio, sys\n"
        "import workbench.engine\n"
        "assert 'nest_asyncio' not in sys.modules and 'nest_asyncio2' not in sys.modules\n"
        "workbench.engine.enable_nested_asyncio()\n"
        "async def inner(): return 42\n"
        "async def outer(): return asyncio.get_event_loop().run_until_complete(inner())\n"
        "print(asyncio.run(outer()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, env=os.environ.copy()
    )
    assert done.stdout.strip() == "42", done.stderr
