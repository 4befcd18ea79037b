"""numba's compiler without what it does again and again: for processes that compile kernels, and do nothing else.

Each change keeps what comes out of the compiler. A kernel that cannot be compiled so is compiled by numba as it is, by
whoever needs it.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from llvmlite.ir import IRBuilder
from numba.core import (
    base,
    codegen,
    errors,
    event,
    inline_closurecall,
    ir,
    lowering,
    postproc,
    ssa,
    targetconfig,
    transforms,
    typeinfer,
)
from numba.core.types import abstract, functions
from numba.core.typing import context
from numba.np import arrayobj

from workbench.compiled.held import array_proxy, drop_unused, extract_value, find_held

__all__ = ["quicken"]

_inlining: Any = inline_closurecall
_post: Any = postproc
_numba_call_type: Any = functions.BaseFunction.get_call_type
_numba_add: Any = codegen.CPUCodeLibrary.add_ir_module
_numba_takes_place: Any = base._has_loc  # noqa: SLF001
_numba_post_processing: Any = postproc.PostProcessor.run


def quicken() -> None:
    """Change numba in this process."""
    changed: list[tuple[Any, str, Any]] = [
        (inline_closurecall.InlineWorker, "inline_function", _inline_function),
        (functions.BaseFunction, "get_call_type", _call_type),
        (ir.Inst, "_rec_list_vars", _variables_in),
        (ssa, "_run_ssa_block_pass", _pass_over),
        (postproc.PostProcessor, "run", _post_process),
        (abstract.Type, "__hash__", _hash),
        (targetconfig.TargetConfig, "values", _values),
        (base.BaseContext, "get_abi_sizeof", _once_for_each(base.BaseContext.get_abi_sizeof)),
        (lowering.Lower, "_find_singly_assigned_variable", find_held),
        (arrayobj, "make_array", array_proxy),
        (IRBuilder, "extract_value", extract_value),
        (codegen.CPUCodeLibrary, "add_ir_module", _add_used),
        (base, "_has_loc", _takes_place),
        (base.BaseContext, "refresh", _after_imports(base.BaseContext.refresh)),
        (context.BaseContext, "refresh", _after_imports(context.BaseContext.refresh)),
        *((module, "new_error_context", _unexplained) for module in (errors, lowering, typeinfer)),
        (event, "start_event", _tell_nobody),
        (event, "end_event", _tell_nobody),
        (event, "trigger_event", _unexplained),
    ]
    for owner, name, function in changed:
        setattr(owner, name, function)


def _inline_function(worker: Any, caller: Any, block: Any, at: int, function: Any, arg_typs: Any = None) -> Any:
    """As numba does, without the two copies that it makes of a function's code: it has been read for this alone."""
    code = worker.run_untyped_passes(function)
    _inlining.copy = SimpleNamespace(deepcopy=lambda part: part)
    try:
        return worker.inline_ir(caller, block, at, code, function.__code__.co_freevars, arg_typs=arg_typs)
    finally:
        _inlining.copy = copy


def _call_type(function: Any, context: Any, args: Any, kws: Any) -> Any:
    """As numba does, but once for an operator and its types, not at each place anew: that was a fifth of all work.

    An operator that is itself written in Python, such as `in` for an array, is compiled with the options of its caller:
    numba is asked for it each time.
    """
    if kws or getattr(function.typing_key, "__module__", "") != "_operator":
        return _numba_call_type(function, context, args, kws)
    known = (function, args)
    signature = _CALLS.get(known)
    if signature is None:
        signature = _numba_call_type(function, context, args, kws)
        if function._impl_keys.get(signature.args) is function.typing_key:  # noqa: SLF001
            _CALLS[known] = signature
    return signature


_CALLS: dict[tuple[Any, Any], Any] = {}


def _variables_in(instruction: Any, value: Any) -> list[Any]:
    """As numba does, without a call for what is no variable."""
    kind = _KINDS[type(value)]
    if kind == _VARIABLE:
        return [value]
    if kind == _INSTRUCTION:
        return value.list_vars()  # type: ignore[no-any-return]
    found: list[Any] = []
    for part in (value.values() if kind == _MAPPING else value) if kind else ():
        kind = _KINDS[type(part)]
        if kind == _VARIABLE:
            found.append(part)
        elif kind:
            found += _variables_in(instruction, part)
    return found


_NONE, _VARIABLE, _INSTRUCTION, _MAPPING, _SEQUENCE = range(5)


class _Kinds(dict[type, int]):
    """What a part of an instruction is to who looks for variables, by its class."""

    def __missing__(self, of: type) -> int:
        known = (ir.Var, _VARIABLE), (ir.Inst, _INSTRUCTION), (dict, _MAPPING), ((list, tuple), _SEQUENCE)
        self[of] = next((kind for base, kind in known if issubclass(of, base)), _NONE)
        return self[of]


_KINDS = _Kinds()


def _pass_over(states: Any, block: Any, handler: Any) -> Iterator[Any]:
    """As numba does, once for each variable that is assigned twice, without a log of each statement."""
    on_assign, on_other = handler.on_assign, handler.on_other
    for statement in block.body:
        yield on_assign(states, statement) if isinstance(statement, ir.Assign) else on_other(states, statement)


def _add_used(library: Any, module: Any) -> None:
    drop_unused(module)
    _numba_add(library, module)


def _takes_place(function: Any) -> bool:
    """Whether a function takes a place in the source too: as numba finds out, without a signature made for it."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return bool(_numba_takes_place(function))
    return "loc" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _post_process(processor: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    """As numba does after most passes, but where variables live is found out when a pass asks for it: few do."""
    code = processor.func_ir
    if emit_dels or code.is_generator:
        _numba_post_processing(processor, emit_dels, extend_lifetimes)
        return
    code.blocks = transforms.canonicalize_cfg(code.blocks)
    code.variable_lifetime = _post.VariableLifetime(code.blocks)
    code.generator_info = None


def _hash(described: Any) -> int:
    """Of a numba type, which does not change; that of a tuple hashes all its fields."""
    known = _HASHES.get(id(described))
    if known is None:
        # Not kept in the type: types are pickled with the code, and another process hashes strings otherwise.
        known = _HASHES[id(described)] = hash(described.key), described
    return known[0]


_HASHES: dict[int, tuple[int, Any]] = {}
"""By the identity of a type, which must live as long."""


def _values(flags: Any) -> dict[str, Any]:
    """Of all options of a compilation, without a call for each."""
    defaults = _DEFAULTS.get(type(flags))
    if defaults is None:
        defaults = _DEFAULTS[type(flags)] = {name: option.default for name, option in flags.options.items()}
    return {**defaults, **flags._values}  # noqa: SLF001


_DEFAULTS: dict[type, dict[str, Any]] = {}


def _once_for_each(size_of: Callable[[Any, Any], int]) -> Callable[[Any, Any], int]:
    """The size of a type by LLVM, which is asked by way of a module written and read for it."""
    known: dict[Any, int] = {}

    def size(target: Any, llvm_type: Any) -> int:
        if llvm_type not in known:
            known[llvm_type] = size_of(target, llvm_type)
        return known[llvm_type]

    return size


def _after_imports(refresh: Callable[[Any], None]) -> Callable[[Any], None]:
    """Look for new declarations only if modules were imported since: those make them."""
    seen: dict[int, int] = {}

    def refresh_if_new(target: Any) -> None:
        if seen.get(id(target)) != len(sys.modules):
            refresh(target)
            seen[id(target)] = len(sys.modules)

    return refresh_if_new


def _tell_nobody(*_: Any, **__: Any) -> None:
    """Events have no listener here."""


def _unexplained(*_: Any, **__: Any) -> Any:
    """The context of an error is not told: whoever compiles the kernel again hears it."""
    return _NOTHING


_NOTHING: Any = nullcontext()
