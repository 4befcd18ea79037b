"""What is journalled comes back as it was."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest

from workbench import events


def _example(kind: type) -> object:
    values = {"int": 3, "str": "x", "bool": True, "Decimal": Decimal("1.50"), "Levels": ((1, 2), (3, 4))}
    fields = {}
    for name, annotation in kind.__annotations__.items():
        if name == "status":
            fields[name] = "open"
        elif name == "request":
            fields[name] = "place"
        elif name == "stream":
            fields[name] = "book"
        elif name == "source":
            fields[name] = "rest"
        elif name == "action":
            fields[name] = "kill"
        elif name == "orders":
            fields[name] = (events.OpenOrder("a", "b", 1, 2, 3, 4),)
        else:
            fields[name] = values[annotation]
    return kind(**fields)


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_every_event_survives_the_journal(kind: type) -> None:
    event = _example(kind)
    assert events.decode_event(events.encode(event)) == event  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", get_args(events.Command), ids=lambda kind: kind.__name__)
def test_every_command_survives_the_journal(kind: type) -> None:
    command = _example(kind)
    assert events.decode_command(events.encode(command)) == command  # type: ignore[arg-type]


def test_decimals_keep_their_digits() -> None:
    mark = events.MarkPrice(1, Decimal("77056.402831145"), Decimal("77056.10"))
    back = events.decode_event(events.encode(mark))
    assert isinstance(back, events.MarkPrice)
    assert str(back.index) == "77056.10"
