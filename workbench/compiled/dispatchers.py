"""numba's side of a kernel: its dispatcher, and an on-disk cache that is never stale.

numba's cache notices a change in a kernel's own file, not in a value or a function of another one that it has taken in.
A risk check edited on disk would go on trading in its old form, so the cache here is stamped with all of them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import llvmlite.binding as llvm
import numba
from numba.core import types as of_numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock as compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys
from numba.experimental.function_type import _get_wrapper_address

from workbench.compiled import types
from workbench.compiled.images import Image
from workbench.compiled.native import NativeError, c_slots
from workbench.compiled.stamps import UntoldError, stamp_of

if TYPE_CHECKING:
    from workbench.compiled.kernel import Kernel

__all__ = [
    "FunctionByAddress",
    "KernelDispatcher",
    "compiled_image",
    "compiler_lock",
    "dispatcher_type",
    "function_address",
    "made_dispatcher",
    "made_inlined_dispatcher",
]


class _StampedCache(FunctionCache):
    """numba's cache of one function, stamped with all that its code follows from."""

    def __init__(self, function: Callable[..., Any], stamp: str) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call] # numba is not typed
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)  # type: ignore[no-untyped-call]

    def holds(self, signature: Any, target_context: Any) -> bool:
        """Whether the function is in the cache as its sources are now."""
        key = self._index_key(signature, target_context.codegen())  # type: ignore[no-untyped-call]
        return key in self._cache_file._load_index()  # type: ignore[no-untyped-call] # noqa: SLF001

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # numba would set up its compiler first, which imports half of it (and SciPy): what is compiled already needs
        # only the run time.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


class KernelDispatcher(CPUDispatcher):
    """What numba knows a kernel by; it is compiled, or loaded, when it is called or a caller is compiled."""

    being_made: ClassVar[list[KernelDispatcher]] = []
    """Those that are compiled or loaded at the moment, each one for the one before it."""

    kernel: Kernel
    signature: Any
    is_inner: bool
    """Only kernels call it."""
    keeps_image: bool
    """Its machine code is kept by itself, and nothing else of it."""

    def is_missing(self) -> bool:
        """Whether it would have to be compiled, and could be kept."""
        files = self._files()
        return files is not None and not self.overloads and not files.holds(self.signature, self.targetctx)

    def _files(self) -> _StampedCache | None:
        """Its cache, looked for when it is needed; None where there is no place to keep one, or only code is kept."""
        if self.keeps_image:
            return None
        if not isinstance(self.__dict__["_cache"], _StampedCache):
            with suppress(RuntimeError, UntoldError):
                # numba has no public way to give it another.
                self.__dict__["_cache"] = _StampedCache(self.py_func, self._stamp())
        files = self.__dict__["_cache"]
        return files if isinstance(files, _StampedCache) else None

    def _stamp(self) -> str:
        kernel = self.kernel
        return stamp_of(kernel.py_func, str(kernel.signature), str(sorted(kernel.options.items())))

    def load(self) -> None:
        """Have it compiled, from the cache where it is there."""
        if not self.overloads:
            self._files()
            self.being_made.append(self)
            try:
                self.compile(self.signature)
            finally:
                self.being_made.pop()
            self.disable_compile()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        self.kernel.load_dispatcher()
        return super().get_call_template(args, kws)

    def get_compile_result(self, sig: Any) -> Any:
        self.kernel.load_dispatcher()
        return super().get_compile_result(sig)


def function_address(dispatcher: KernelDispatcher) -> int:
    """Where C finds a kernel: what it raises is lost there."""
    return int(_get_wrapper_address(dispatcher, dispatcher.signature))  # type: ignore[no-untyped-call]


class FunctionByAddress(of_numba.WrapperAddressProtocol):
    """A kernel as a value by its address: a kernel itself takes numba a tenth of a millisecond to hand over."""

    def __init__(self, kernel: Any) -> None:
        self._numba_type_ = of_numba.FunctionType(_numba_type(kernel.signature))
        self._address = function_address(kernel.dispatcher)
        # The address is that of its code: it must live as long.
        self._kernel = kernel

    def __wrapper_address__(self) -> int:
        return self._address

    def signature(self) -> Any:
        return self._numba_type_.signature


def made_dispatcher(
    kernel: Kernel,
    *,
    nogil: bool,
    counting: bool,
    is_inner: bool = False,
    is_value: bool = False,
    keeps_image: bool = False,
) -> KernelDispatcher:
    """The dispatcher of a kernel, not compiled yet.

    Options that numba would take from whichever caller has the kernel compiled are given.
    Without `is_value` it has no way in for C, by which kernels take another one as a value.
    """
    without = is_inner or keeps_image
    options: Any = {
        "nogil": nogil,
        "_nrt": counting,
        "no_cpython_wrapper": without,
        "no_cfunc_wrapper": not is_value,
        "fastmath": False,
        "forceinline": False,
        "error_model": "python",
    }
    dispatcher: Any = numba.njit(**options)(kernel.py_func)
    dispatcher.__class__ = KernelDispatcher
    dispatcher.kernel, dispatcher.signature = kernel, _numba_type(kernel.signature)
    dispatcher.is_inner, dispatcher.keeps_image = is_inner, keeps_image
    return dispatcher  # type: ignore[no-any-return]


def made_inlined_dispatcher(function: Callable[..., Any], **options: Any) -> Any:
    """numba's own dispatcher, for whatever types it is called with."""
    return numba.njit(**options)(function)


def dispatcher_type(dispatcher: Any) -> Any:
    """What numba takes a kernel for in compiled code."""
    return of_numba.Dispatcher(dispatcher)


def compiled_image(dispatcher: KernelDispatcher) -> tuple[Image, bool]:
    """The machine code of a compiled kernel without its ways in from Python; whether other processes may use it.

    They may not where it holds addresses of this process.
    """
    result: Any
    (result,) = dispatcher.overloads.values()
    _check_convention(dispatcher, result.signature)
    library, symbol = result.library, result.fndesc.llvm_func_name
    module = library._get_module_for_linking()  # noqa: SLF001 - numba has no public way to its code
    if dispatcher.keeps_image:
        code = library._get_compiled_object()  # noqa: SLF001
    else:
        module, code = _without_wrappers(module, symbol, library.codegen._tm)  # noqa: SLF001
    values = [*module.functions, *module.global_variables]
    externals = tuple(value.name for value in values if value.is_declaration and not value.name.startswith("llvm."))
    return Image(symbol, externals, code), not library.has_dynamic_globals


def _check_convention(dispatcher: KernelDispatcher, signature: Any) -> None:
    """Refuse code that would take its arguments otherwise than we hand them over: it would read and write anywhere."""
    target: Any = dispatcher.targetctx
    convention = target.call_conv.get_function_type(signature.return_type, signature.args)
    takes = ["pointer" if taken.is_pointer else str(taken) for taken in convention.args[2:]]
    described = dispatcher.kernel.signature.arguments
    given = [_OF_CTYPES[slot] for argument in described for slot in c_slots(argument)]
    if takes != given or str(convention.return_type) != "i32":
        raise NativeError(
            f"numba {numba.__version__} hands arguments over in a way that this version does not know; "
            "expected a numba that it was tried with: install an older one"
        )


_OF_CTYPES = {ctypes.c_void_p: "pointer", ctypes.c_int64: "i64", ctypes.c_double: "double", ctypes.c_uint8: "i8"}


def _without_wrappers(module: Any, symbol: str, machine: Any) -> tuple[Any, bytes]:
    """A module in which only one function can be called from outside, and its machine code."""
    module = llvm.parse_bitcode(module.as_bitcode())
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == symbol else "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return module, machine.emit_object(module)


def _numba_type(described: Any) -> Any:
    """A type or a signature as numba has it; what is numba's own, or text, stays."""
    if isinstance(described, types.Signature):
        return _numba_type(described.returns)(*map(_numba_type, described.arguments))
    if isinstance(described, types.Scalar):
        return getattr(of_numba, described.name)
    if isinstance(described, types.Array):
        dtype = _numba_type(described.dtype)
        layout: Any = described.layout
        return of_numba.Array(dtype, described.ndim, layout, readonly=described.readonly)
    if isinstance(described, types.NamedTuple):
        return of_numba.NamedTuple([_numba_type(part) for part in described.fields], described.of)  # type: ignore[no-untyped-call]
    if isinstance(described, types.FunctionType):
        return of_numba.FunctionType(_numba_type(described.signature))
    return described
