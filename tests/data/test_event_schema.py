"""The event table: one set of columns for pandas, Arrow and Parquet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench.data import EVENT_COLUMNS, EVENT_SCHEMA, KIND_NAMES, event_frame, event_table
from workbench.data import schema as events


def test_columns_left_out_say_none() -> None:
    frame = event_frame(event_table({"t_ns": np.array([3, 4])}))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(EVENT_COLUMNS)
    assert frame["value"].isna().all()
    assert (frame.drop(columns=["t_ns", "value"]) == 0).all(axis=None)


def test_wider_numbers_fit_and_unknown_columns_are_refused() -> None:
    table = event_table({"kind": np.array([events.TRADE], dtype=np.int64), "t_ns": np.array([1])})
    assert table.schema.equals(EVENT_SCHEMA)
    assert table.column("kind").type == pa.int8()
    with pytest.raises(KeyError, match="price"):
        event_table({"t_ns": np.array([1]), "price": np.array([1])})
    with pytest.raises(TypeError, match="Cannot cast"):
        event_table({"t_ns": np.array([1.5])})


def test_every_kind_has_one_number_and_one_name() -> None:
    assert len(set(KIND_NAMES.values())) == len(KIND_NAMES)
    assert {getattr(events, name.upper()) for name in KIND_NAMES.values()} == set(KIND_NAMES)
