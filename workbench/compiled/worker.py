"""A process that compiles the kernels whose names it reads, for the cache.

numba optimises each function and makes machine code of it, and does both again for all that a function calls within the
function itself. A kernel that only kernels call (`inner`) never runs as it stands alone, so here it is kept as what its
callers take in, and optimised there, once.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import copy
import gc
import importlib
import sys
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir as llvm_ir
from numba.core import inline_closurecall, ir
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.core.types import functions

from workbench.compiled.dispatchers import KernelDispatcher

__all__ = ["work"]

_ir: Any = ir
_inlining: Any = inline_closurecall
_functions: Any = functions
_numba_call_type = _functions.BaseFunction.get_call_type

ENVIRONMENT = "_ZN08NumbaEnv"
"""How numba begins the names of the places that hold a function's environment."""


def work() -> None:
    """Compile the kernels that standard input names, one a line, and say so after each."""
    gc.disable()  # a compiler makes much, and most of it stays
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment] # numba would import it for BLAS: half a second
    cpu_target.target_context.codegen()._library_class = _Library  # noqa: SLF001 - numba has no public way
    _inlining.InlineWorker.inline_function = _inline_function
    _functions.BaseFunction.get_call_type = _call_type
    _ir.Inst._rec_list_vars = _variables_in  # noqa: SLF001
    for line in sys.stdin:
        module, name = line.split()
        try:
            kernel = attrgetter(name)(importlib.import_module(module))
            if kernel.is_missing():
                kernel.make()
        except Exception:  # noqa: BLE001, S110 - whoever needs it compiles it again, and hears of it
            pass
        finally:
            sys.stdout.write("done\n")
            sys.stdout.flush()


def _inline_function(worker: Any, caller: Any, block: Any, at: int, function: Any, arg_typs: Any = None) -> Any:
    """As numba does, without the two copies that it makes of a function's code: it has been read for this alone."""
    code = worker.run_untyped_passes(function)
    _inlining.copy = SimpleNamespace(deepcopy=lambda part: part)
    try:
        return worker.inline_ir(caller, block, at, code, function.__code__.co_freevars, arg_typs=arg_typs)
    finally:
        _inlining.copy = copy


def _call_type(function: Any, context: Any, args: Any, kws: Any) -> Any:
    """As numba does, but once for an operator and its types, not at each place anew: that was a fifth of all work."""
    if kws or getattr(function.typing_key, "__module__", "") != "_operator":
        return _numba_call_type(function, context, args, kws)
    known = function.__dict__.setdefault("_signatures_found", {})
    if args not in known:
        known[args] = _numba_call_type(function, context, args, kws)
    return known[args]


def _variables_in(instruction: Any, value: Any) -> list[Any]:
    """As numba does, without a call for what is no variable."""
    if isinstance(value, ir.Var):
        return [value]
    if isinstance(value, ir.Inst):
        return value.list_vars()  # type: ignore[no-any-return]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    found: list[Any] = []
    for part in value:
        if isinstance(part, ir.Var):
            found.append(part)
        elif isinstance(part, _COMPOUND):
            found += _variables_in(instruction, part)
    return found


_COMPOUND = (ir.Inst, list, tuple, dict)


class _Library(JITCodeLibrary):
    """The code of one function, on its way into the cache or loaded from it."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._compiled_object = None
        self._for_callers = any(made.is_inner for made in KernelDispatcher.being_made[-1:])

    def _optimize_functions(self, ll_module: Any) -> None:
        if not self._for_callers:
            super()._optimize_functions(ll_module)
            return
        # Without stack slots the code is a fraction as long to keep, read and link.
        builder = self._codegen._pass_builder()  # noqa: SLF001
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_dead_code_elimination_pass()
        passes.add_simplify_cfg_pass()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _optimize_final_module(self) -> None:
        if not self._for_callers:
            super()._optimize_final_module()
            return
        passes = llvm.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(self._final_module, self._codegen._pass_builder())  # noqa: SLF001

    def _finalize_final_module(self) -> None:
        if not self._for_callers or self._compiled_object is not None:  # or loaded from the cache
            super()._finalize_final_module()
            return
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        # Whoever loads it sets its environment, so that is all there is in its machine code.
        code, self._final_module = self._final_module, self._environments()
        try:
            super()._finalize_final_module()
        finally:
            self._final_module = code

    def _environments(self) -> Any:
        """A module of the places for the environments of this function and those that it calls."""
        module = llvm_ir.Module(self.name)
        module.triple = self._final_module.triple
        for variable in self._final_module.global_variables:
            if variable.name.startswith(ENVIRONMENT):
                place = llvm_ir.GlobalVariable(module, llvm_ir.PointerType(llvm_ir.IntType(8)), variable.name)
                place.linkage = "common"
                place.initializer = llvm_ir.Constant(place.type.pointee, None)
        return llvm.parse_assembly(str(module))
