"""Queue functions of one's own: found by name, written out for other processes, refused in words."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from workbench.backtest import QueueModel, queue_model
from workbench.errors import ConfigError

LEAN = 0.25
TABLE = np.zeros(10_000)


def leaning(share: float) -> float:
    return share * LEAN


def own(front: float, back: float) -> float:
    return leaning(1.0) if front > back else 0.5


def test_a_function_is_written_out_with_all_that_it_stands_on() -> None:
    model = queue_model(own)
    assert (model.name, model.not_portable) == ("own", "")
    assert "LEAN = 0.25" in model.source
    again = queue_model("own", source=model.source)
    for front, back in ((9.0, 1.0), (1.0, 9.0)):
        expected = own(front, back)
        assert model.compiled_function(front, back) == again.compiled_function(front, back) == expected


def test_a_model_itself_is_taken_as_it_is() -> None:
    model = QueueModel("log2")
    assert queue_model(model) is model


def test_a_function_in_a_module_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("my_queues")
    module.own, module.number, module.ready = own, 3, queue_model(own)
    monkeypatch.setitem(sys.modules, "my_queues", module)
    for name in ("my_queues:own", "my_queues:ready"):
        model = queue_model(name)
        assert (model.name, model.source) == (name, "")
        assert model.compiled_function(9.0, 1.0) == 0.25
    with pytest.raises(ConfigError, match="a int; expected a function"):
        queue_model("my_queues:number")
    with pytest.raises(ConfigError, match="no attribute 'other'"):
        queue_model("my_queues:other")


def test_what_cannot_leave_this_process_runs_here_and_says_why_not_there() -> None:
    def reads_a_table(front: float, back: float) -> float:
        return float(TABLE[0])

    model = queue_model(reads_a_table)
    assert model.compiled_function(1.0, 2.0) == 0.0
    assert model.source == ""
    assert "queue function reads_a_table cannot be taken to another process: TABLE" in model.not_portable


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import os", "no written-out queue function"),
        (queue_model(own).source.replace("LEAN = 0.25", "LEAN = 25.0"), r"gives p\(10, 0\) = 25"),
        (queue_model(own).source.replace("LEAN = 0.25", "import nowhere"), "does not run here: No module"),
        (queue_model(own).source.replace("leaning(1.0)", "leaning('x')"), "cannot be compiled"),
    ],
    ids=["strange", "out of range", "missing module", "not compiled"],
)
def test_a_source_that_is_none_is_refused(source: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        queue_model("own", source=source)
