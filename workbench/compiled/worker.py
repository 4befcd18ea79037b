"""A process that compiles the kernels whose names it reads, for the cache.

numba optimises each function and makes machine code of it, and does both again for all that a function calls within the
function itself. A kernel that only kernels call (`inner`) never runs as it stands alone, so here it is kept as what its
callers take in, and optimised there, once.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import gc
import importlib
import sys
from operator import attrgetter
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir as llvm_ir
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

from workbench.compiled.dispatchers import KernelDispatcher

__all__ = ["work"]

QUICKENED = "0.68."
"""The numba whose insides `quicken` knows; any other one compiles as it is, in about twice the time."""

ENVIRONMENT = "_ZN08NumbaEnv"
"""How numba begins the names of the places that hold a function's environment."""


def work() -> None:
    """Compile the kernels that standard input names, one a line, and say so after each."""
    gc.disable()  # a compiler makes much, and most of it stays
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment] # numba would import it for BLAS: half a second
    cpu_target.target_context.codegen()._library_class = _Library  # noqa: SLF001 - numba has no public way
    if numba.__version__.startswith(QUICKENED):
        from workbench.compiled.quickening import quicken

        quicken()
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


class _Library(JITCodeLibrary):
    """The code of one function, on its way into the cache or loaded from it."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._compiled_object = None
        (made,) = KernelDispatcher.being_made[-1:] or (None,)
        self._for_callers = made is not None and made.is_inner
        self._is_last = made is not None and made.keeps_image  # no kernel calls it

    def _optimize_functions(self, ll_module: Any) -> None:
        if self._is_last:
            super()._optimize_functions(ll_module)
            return
        # The rest is done when it is a part of its callers. Without stack slots it is a fraction as long to keep, read
        # and link.
        ll_module.data_layout = self._codegen._data_layout  # noqa: SLF001
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
