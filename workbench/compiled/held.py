"""Variables and arrays that compiled code holds as values, where numba gives them a place on the stack first.

numba leaves it to the optimiser to do without such places: it takes each apart field by field, and that was a fifth of
what compiling a backtest took. What comes out is the same.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from llvmlite.ir import IRBuilder, VoidType
from llvmlite.ir.instructions import ExtractValue, InsertValue, Instruction, PhiInstr
from numba.core import analysis, cgutils, errors, ir, types
from numba.core.lowering import Lower
from numba.np import arrayobj

__all__ = ["array_proxy", "drop_unused", "extract_value", "find_held"]

_numba_find_held: Any = Lower._find_singly_assigned_variable  # noqa: SLF001
_llvmlite_extract_value: Any = IRBuilder.extract_value
_numba_array_proxy: Any = arrayobj.make_array


def find_held(lower: Any) -> None:
    """As numba does, and more variables have no place on the stack: those that are assigned once, before each use.

    numba leaves out those that another block uses. An argument of two hundred fields is written and read whole each
    time then, and the optimiser takes that apart field by field. Where references are counted, they stay there: numba
    empties the place when it has given up the reference.
    """
    _numba_find_held(lower)
    if lower.context.enable_nrt or lower.func_ir.func_id.is_generator:
        return
    blocks = lower.blocks
    assigned: Counter[str] = Counter()
    where: dict[str, int] = {}
    for label, block in blocks.items():
        for statement in block.find_insts(ir.Assign):
            assigned[statement.target.name] += 1
            where[statement.target.name] = label
    held = {name for name, times in assigned.items() if times == 1}
    dominators = analysis.compute_cfg_from_blocks(blocks).dominators()
    for label, used in analysis.compute_use_defs(blocks).usemap.items():
        # Blocks are lowered in the order of their labels: a value must be there before it is used.
        held -= {name for name in used & held if where[name] >= label or where[name] not in dominators[label]}
    lower._singly_assigned_vars |= held - analysis.must_use_alloca(blocks)  # noqa: SLF001


@cache
def array_proxy(array_type: Any) -> Any:
    """The class by which numba reads and writes the fields of an array (its data, shape and strides)."""
    proxy: Any = _numba_array_proxy(array_type)
    if type(array_type) is not types.Array or array_type.ndim == 0:
        return proxy
    return type("HeldArray", (_Held, proxy), {})


class _Held:
    """Fields are taken from the value until somebody writes one or asks for its place."""

    _value: Any
    _outer_ref: Any
    _fe_type: Any
    _get_be_type: Any

    def __init__(self, context: Any, builder: Any, value: Any = None, ref: Any = None) -> None:
        self._held = value if ref is None else None
        if self._held is None:
            super().__init__(context, builder, value=value, ref=ref)  # type: ignore[call-arg]
            return
        self._was_read = False
        self._context, self._builder = context, builder
        self._datamodel = context.data_model_manager[self._fe_type]
        self._be_type = self._get_be_type(self._datamodel)
        if value.type != self._be_type:
            raise AssertionError(f"value of type {value.type}, expected {self._be_type}")
        self._first_store = _LaterStore(builder.block)
        builder._insert(self._first_store)  # noqa: SLF001

    def _put_in_place(self) -> None:
        if self._held is not None:
            if self._was_read and self._builder.block is not self._first_store.parent:
                # In a loop, what was read before would have to be read again. numba as it is compiles the kernel then.
                raise errors.UnsupportedError(
                    "an array that is read and then written elsewhere cannot be held as a value"
                )
            place = cgutils.alloca_once(self._builder, self._be_type)
            self._first_store.operands = [self._held, place]
            self._first_store._clear_string_cache()  # noqa: SLF001
            self._held, self._value, self._outer_ref = None, place, place

    def __getitem__(self, index: int) -> Any:
        if self._held is None:
            return super().__getitem__(index)  # type: ignore[misc]
        self._was_read = True
        return self._builder.extract_value(self._held, index)

    @property
    def shape(self) -> Any:
        if self._held is None:
            return super().shape  # type: ignore[misc]
        return self[self._datamodel.get_field_position("shape")]

    def _get_ptr_by_index(self, index: int) -> Any:
        self._put_in_place()
        return super()._get_ptr_by_index(index)  # type: ignore[misc]

    def _getpointer(self) -> Any:
        self._put_in_place()
        return super()._getpointer()  # type: ignore[misc]

    def _getvalue(self) -> Any:
        self._was_read = True
        return super()._getvalue() if self._held is None else self._held  # type: ignore[misc]

    def _setvalue(self, value: Any) -> None:
        self._put_in_place()
        super()._setvalue(value)  # type: ignore[misc]


class _LaterStore(Instruction):  # type: ignore[misc]
    """Writes a value to its place, where it has got one by the time that the code is written out."""

    def __init__(self, block: Any) -> None:
        super().__init__(block, VoidType(), "store", [])

    def descr(self, buf: list[str]) -> None:
        if self.operands:
            value, place = self.operands
            described = f"store {value.type} {value.get_reference()}, {place.type} {place.get_reference()}"
            buf.append(f"{described}{self._stringify_metadata(leading_comma=True)}\n")


def extract_value(builder: Any, whole: Any, path: Any, name: str = "") -> Any:
    """As llvmlite does, without an instruction for a part that was put in, or taken out of the same, just before.

    A tuple of arrays is put together from the arguments of a function, and taken apart for each call of another.
    """
    parts = list(path) if isinstance(path, (tuple, list)) else [path]
    while parts:
        found = whole
        while isinstance(found, InsertValue) and len(found.indices) == 1 and found.indices[0] != parts[0]:
            found = found.aggregate
        if not isinstance(found, InsertValue) or len(found.indices) != 1:
            break
        whole = found.value
        del parts[0]
    if not parts:
        return whole
    block = builder.block
    if builder._anchor != len(block.instructions):  # noqa: SLF001 - what is taken out later in the block is not there yet
        return _llvmlite_extract_value(builder, whole, parts, name)
    taken = block.__dict__.setdefault("_taken_out", {})
    key = id(whole), *parts
    if key not in taken:
        taken[key] = _llvmlite_extract_value(builder, whole, parts, name), whole
    return taken[key][0]


def drop_unused(module: Any) -> None:
    """Drop parts put together or taken out that no instruction uses: they need not be written out and read again."""
    for function in module.functions:
        code = [instruction for block in function.blocks for instruction in block.instructions]
        uses = Counter(id(used) for instruction in code for used in _used_by(instruction))
        dropped = set()
        unused = [instruction for instruction in code if isinstance(instruction, _PURE) and not uses[id(instruction)]]
        while unused:
            instruction = unused.pop()
            dropped.add(id(instruction))
            for used in _used_by(instruction):
                uses[id(used)] -= 1
                if not uses[id(used)] and isinstance(used, _PURE):
                    unused.append(used)
        if dropped:
            for block in function.blocks:
                block.instructions = [kept for kept in block.instructions if id(kept) not in dropped]


def _used_by(instruction: Any) -> Any:
    return [value for value, _ in instruction.incomings] if isinstance(instruction, PhiInstr) else instruction.operands


_PURE = (ExtractValue, InsertValue)
