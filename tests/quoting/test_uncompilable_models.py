"""What a person is told whose model cannot be compiled: the line, the cause, and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench import quoting

PRICES = {"last": [1.0]}


def uses_what_is_not_there(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    out[0, 0] = 1
    return half_spread  # type: ignore[name-defined, no-any-return]  # noqa: F821 - the point


def returns_nothing(view: Any, inventory: int, params: Any, state: Any, out: Any) -> None:
    out[0, 0] = 1


def names_a_slot_by_text(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    state["last"] = view[0]
    return 0


def makes_a_table(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return len(pd.Series(view))


def reads_a_dictionary(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return len(PRICES["last"])


def imports_inside(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    import math

    return int(math.floor(view[0]))  # noqa: RUF046


def opens_a_file(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    n = 0
    with open("prices.txt") as file:  # noqa: PTH123
        n += len(file.read())
    return n


def catches_by_name(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    try:
        return int(view[0])
    except ValueError as error:
        return len(str(error))


def keeps_a_cell(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    def add() -> int:
        nonlocal count
        return count

    count = 1
    return add()


@pytest.mark.parametrize(
    ("function", "line", "remedy"),
    [
        (uses_what_is_not_there, "return half_spread", "Define half_spread before the model"),
        (returns_nothing, "out[0, 0] = 1", "Return the number of rows, or a negative reason code"),
        (names_a_slot_by_text, 'state["last"]', "Arrays take slot numbers, not names"),
        (makes_a_table, "pd.Series", "Use numbers, the five arrays"),
        (reads_a_dictionary, 'PRICES["last"]', "Globals are numbers, arrays or compiled functions"),
        (imports_inside, "import math", "Import at the top of the cell"),
        (opens_a_file, "with open", "Use numbers, the five arrays"),
        (catches_by_name, "except ValueError", "Use numbers, the five arrays"),
        (keeps_a_cell, "def keeps_a_cell", "Use numbers, the five arrays"),
    ],
)
def test_the_message_names_the_line_and_the_remedy(function: Callable[..., int], line: str, remedy: str) -> None:
    source, first = inspect.getsourcelines(function)
    expected = first + next(n for n, text in enumerate(source) if line in text)
    with pytest.raises(quoting.ModelError) as refused:
        quoting.model(function)
    message = str(refused.value)
    place, _, cause = message.partition(": ")
    assert place.startswith(f"model {function.__name__} cannot be compiled at line {expected} of ")
    assert place.endswith(Path(__file__).name)
    assert cause
    assert remedy in message
    assert function.__name__ not in quoting.model_names()


def test_a_function_without_kept_source_still_names_its_first_line() -> None:
    names: dict[str, Any] = {}
    exec("\n\ndef typed(view, inventory, params, state, out):\n    return nothing_here\n", names)
    with pytest.raises(quoting.ModelError, match=r"cannot be compiled at line 3 of <string>.*nothing_here"):
        quoting.model(names["typed"])
