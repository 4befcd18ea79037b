"""Which rows of a catalog's files are wanted: by kind and by time of receipt."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.data.schema import EVENT_SCHEMA, KIND_NAMES
from workbench.errors import DataError

__all__ = ["chosen_rows", "groups_within", "kinds_named"]

_KIND_OF = {name: kind for kind, name in KIND_NAMES.items()}


def kinds_named(kinds: Collection[int | str]) -> pa.Array:
    """Kinds by number or name, as numbers. Raises `DataError` for one that there is not."""
    found = [_KIND_OF.get(kind, -1) if isinstance(kind, str) else kind for kind in kinds]
    unknown = [given for given, kind in zip(kinds, found, strict=True) if kind not in KIND_NAMES]
    if unknown:
        raise DataError(f"no such kind of event: {unknown[0]!r}; expected {', '.join(_KIND_OF)}")
    return pa.array(found, pa.int8())


def groups_within(metadata: pq.FileMetaData, first: int, last: int) -> list[int]:
    """Row groups of a file that may hold rows received in [first, last)."""
    column = EVENT_SCHEMA.names.index("t_ns")
    groups = []
    for number in range(metadata.num_row_groups):
        statistics = metadata.row_group(number).column(column).statistics
        if statistics is None or not statistics.has_min_max or (statistics.min < last and statistics.max >= first):
            groups.append(number)
    return groups


def chosen_rows(table: pa.Table, first: int, last: int, wanted: pa.Array | None) -> pa.Table:
    """The rows received in [first, last), of the wanted kinds."""
    t_ns = table.column("t_ns")
    within = pc.min_max(t_ns).as_py() if table.num_rows else {"min": first, "max": first}
    if within["min"] < first or within["max"] >= last:
        table = table.filter(pc.and_(pc.greater_equal(t_ns, first), pc.less(t_ns, last)))
    if wanted is not None:
        table = table.filter(pc.is_in(table.column("kind"), wanted))
    return table
