"""Machine code of kernels in the process, called by address: a process that only calls needs no compiler.

Importing numba takes longer than many a backtest. What its compiler made of a kernel is a relocatable object; LLVM
links it into the process, and ctypes calls it by numba's own convention: `code(result, raised, arguments...)`, each
array as its owner, its parent, its number of items, their size, the data, the shape and the strides.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import operator
import pickle
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from workbench.compiled import types
from workbench.compiled.images import Image
from workbench.compiled.sources import numba_folder
from workbench.errors import WorkbenchError

__all__ = ["Code", "NativeError", "c_slots", "check_signature"]

_NONE_RETURNED = -2
_CTYPES: dict[types.Scalar, Any] = {
    types.boolean: ctypes.c_uint8,
    types.float64: ctypes.c_double,
    types.int64: ctypes.c_int64,
    types.void: ctypes.c_void_p,
}


def _whole(value: Any) -> int:
    whole = operator.index(value)
    if not -(2**63) <= whole < 2**63:
        raise OverflowError(f"{whole} is no int64")
    return whole


def _truth(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"expected True or False, not {value!r}")
    return bool(value)


_SCALARS: dict[types.Scalar, Callable[[Any], Any]] = {types.boolean: _truth, types.float64: float, types.int64: _whole}


class NativeError(WorkbenchError):
    """Machine code of a kernel cannot be linked into this process."""


# --- in the process -------------------------------------------------------------------------------------------------


class _Raised(ctypes.Structure):
    """What a kernel raised, as numba tells it: a pickle of its class, its arguments and the place."""

    _fields_ = (
        ("pickled", ctypes.c_void_p),
        ("size", ctypes.c_int32),
        ("arguments", ctypes.c_void_p),
        ("unwrap", ctypes.c_void_p),
        ("unwrapped", ctypes.c_int32),
    )


def check_signature(signature: types.Signature) -> None:
    """Refuse a signature that cannot be called by address.

    Raises
    ------
    TypeError
        If it takes or returns what ctypes is not told to hand over.
    """
    if signature.returns not in _CTYPES:
        raise TypeError(f"returns {signature.returns}; called by address it returns boolean, int64, float64 or void")
    for argument in signature.arguments:
        if isinstance(argument, types.Scalar) and argument not in _SCALARS:
            raise TypeError(f"takes {argument}; called by address it takes boolean, int64, float64, arrays and tuples")


class Code:
    """An image linked into the process, ready to be called with the arguments of its signature.

    Raises
    ------
    NativeError
        If the process lacks something that the code calls.
    """

    def __init__(self, name: str, signature: types.Signature, image: Image) -> None:
        if not isinstance(signature.returns, types.Scalar):
            raise TypeError(
                f"{name} returns {signature.returns}; a function that is called by address returns a number"
            )
        self._name = name
        self._engine, self.address = _linked(image)
        self._packers = [_packer(described) for described in signature.arguments]
        self._result = _CTYPES[signature.returns]
        slots = [slot for described in signature.arguments for slot in c_slots(described)]
        self._code = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *slots)(self.address)
        self._is_truth = signature.returns == types.boolean

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) != len(self._packers):
            raise TypeError(f"{self._name} takes {len(self._packers)} arguments, not {len(arguments)}")
        flat: list[Any] = []
        for pack, argument in zip(self._packers, arguments, strict=True):
            try:
                pack(argument, flat)
            except (TypeError, OverflowError) as error:
                raise type(error)(f"{self._name}: {error}") from None
        result, raised = self._result(), ctypes.POINTER(_Raised)()
        status = self._code(ctypes.byref(result), ctypes.byref(raised), *flat)
        if status not in (0, _NONE_RETURNED):
            raise self._exception(raised, status)
        return bool(result.value) if self._is_truth else result.value

    def _exception(self, raised: Any, status: int) -> BaseException:
        if not raised:
            return NativeError(f"{self._name} failed with status {status}")
        told = raised.contents
        made, arguments, _ = pickle.loads(ctypes.string_at(told.pickled, told.size))  # noqa: S301 - of our own code
        if told.unwrapped:  # values of the moment, which only numba's own way in could unwrap
            arguments = [f"raised in {self._name}, with values that are not known here"]
        error: BaseException = made(*(arguments or ()))
        return error


def _linked(image: Image) -> tuple[Any, int]:
    """An image in the process, by itself, so that names of no other image can be taken for its own."""
    import llvmlite.binding as llvm

    # An engine owns its machine and frees it with its code. The first one lets LLVM know the process's own names.
    machine = _target().create_target_machine(codemodel="jitdefault", jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    for name_helpers in (_name_helpers, _let_numba_name_all):
        if not _unknown(image):
            break
        name_helpers()
    if unknown := _unknown(image):
        raise NativeError(f"compiled code calls {', '.join(unknown)}, which this process has not")
    engine.add_object_file(llvm.ObjectFileRef.from_data(image.code))
    engine.finalize_object()
    return engine, int(engine.get_function_address(image.symbol))


def _unknown(image: Image) -> list[str]:
    """What an image calls, and nobody has named to LLVM yet: linking it would end the process."""
    import llvmlite.binding as llvm

    return [name for name in image.externals if not llvm.address_of_symbol(name)]


def _name_helpers() -> None:
    """Name numba's run time to LLVM: two extension modules that need nothing of numba's Python."""
    import llvmlite.binding as llvm

    if "numba" in sys.modules:
        return
    for module, prefix in (("_helperlib", "numba_"), ("core.runtime._nrt_python", "NRT_")):
        *folders, name = module.split(".")
        path = numba_folder().joinpath(*folders, name + importlib.machinery.EXTENSION_SUFFIXES[0])
        spec = importlib.util.spec_from_file_location(f"numba.{module}", path)
        if spec is None or spec.loader is None or not path.is_file():
            continue
        extension = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(extension)
        sys.modules.pop(spec.name, None)  # numba, should it come, imports its own
        for helper, address in extension.c_helpers.items():
            llvm.add_symbol(helper if helper.startswith("_") else prefix + helper, address)


def _let_numba_name_all() -> None:
    from numba.core.registry import cpu_target
    from numba.core.runtime.nrt import rtsys

    rtsys.initialize(cpu_target.target_context)


@cache
def _target() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple())


# --- arguments ------------------------------------------------------------------------------------------------------


def c_slots(described: types.Described) -> list[Any]:
    """The ctypes that an argument is handed over in."""
    if isinstance(described, types.Array):
        items = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        return items + [ctypes.c_int64] * 2 * described.ndim
    if isinstance(described, types.NamedTuple):
        return [slot for part in described.fields for slot in c_slots(part)]
    return [ctypes.c_void_p] * 3 if isinstance(described, types.FunctionType) else [_CTYPES[described]]


def _packer(described: types.Described) -> Callable[[Any, list[Any]], None]:
    """What checks an argument and appends it as C takes it."""
    if isinstance(described, types.Array):
        return _array_packer(described)
    if isinstance(described, types.NamedTuple):
        return _tuple_packer(described)
    if isinstance(described, types.FunctionType):
        return _function_packer(described)
    convert = _SCALARS[described]
    return lambda value, flat: flat.append(convert(value))


def _array_packer(described: types.Array) -> Callable[[Any, list[Any]], None]:
    dtype, ndim, readonly = np.dtype(str(described.dtype)), described.ndim, described.readonly
    contiguous = described.layout == "C"

    def pack(value: Any, flat: list[Any]) -> None:
        if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != ndim:
            said = f"{value.dtype}, {value.ndim} axes" if isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"expected {described}, not {said}")
        flags = value.flags
        if not (flags.aligned and (readonly or flags.writeable) and (flags.c_contiguous or not contiguous)):
            raise TypeError(f"expected {described}; the array is read-only, not aligned or not contiguous")
        data = value.__array_interface__["data"][0]
        flat += (None, None, value.size, value.itemsize, data, *value.shape, *value.strides)

    return pack


def _tuple_packer(described: types.NamedTuple) -> Callable[[Any, list[Any]], None]:
    of, packers = described.of, [_packer(part) for part in described.fields]

    def pack(value: Any, flat: list[Any]) -> None:
        if type(value) is not of:
            raise TypeError(f"expected {of.__name__}, not {type(value).__name__}")
        for pack_part, part in zip(packers, value, strict=True):
            pack_part(part, flat)

    return pack


def _function_packer(described: types.FunctionType) -> Callable[[Any, list[Any]], None]:
    def pack(value: Any, flat: list[Any]) -> None:
        address = getattr(value, "address", None) if getattr(value, "signature", None) == described.signature else None
        if address is None:
            raise TypeError(f"expected a compiled {described}, not {value!r}")
        flat += (None, None, address)

    return pack
