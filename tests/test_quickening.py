"""What the compiling processes change in numba: code that comes out of it does what the plain function does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKED = r'''
import io
import sys
from typing import NamedTuple

import numba
import numpy as np

sys.stdin = io.StringIO("")
from workbench.compiled.worker import work

work()


class Side(NamedTuple):
    prices: np.ndarray
    sizes: np.ndarray
    best: int


class Desk(NamedTuple):
    bids: Side
    asks: Side
    table: np.ndarray
    factor: float


def made_desk():
    rng = np.random.default_rng(7)
    sides = [Side(rng.integers(1, 99, 9), rng.normal(size=9), best) for best in (3, 5)]
    return Desk(*sides, rng.normal(size=(4, 5)), 1.5)


def taken(side, count):
    total = 0.0
    for i in range(side.best, side.best + count):
        total += side.prices[i] * side.sizes[i]
        side.sizes[i] = 0.0
    return total, side


def nested(desk, ways):
    first = desk.bids if ways % 2 else desk.asks
    total, side = taken_compiled(first, ways)
    if ways > 2:
        again, side = taken_compiled(desk.asks, 1)
        total += again * desk.factor
    kept = desk
    for _ in range(ways):
        kept = Desk(kept.asks, kept.bids, kept.table, kept.factor * 2.0)
    return total, side.best, kept.factor, kept.bids.best, kept.table[1, -2]


def swapped(a, b, times):
    for i in range(times):
        a, b = b, a
        a[i % a.size] += b[-1 - i % b.size]
        b = b[:: -1]
    return a.sum() * 1000 + b[0], a.shape[0] + len(b) + a.ndim


def branched(a, flag):
    if flag > 0:
        late = a[0]
        more = a[1:]
    elif flag < 0:
        more = a
    i = 0
    while True:
        i += 1
        if i == 3:
            continue
        if i > 5:
            break
        held = i * 2
    if flag > 0:
        return late + more.size + held
    return more[-1] if flag else float(held)


def raised(a, i):
    at = i + 1
    if at >= a.size:
        raise ValueError("too far")
    try:
        found = checked_compiled(a, at)
    except Exception:
        found = -1.0
    return found + at


def checked(a, i):
    if a[i] < 0.0:
        raise RuntimeError("negative")
    return a[i]


def walked(table):
    total = 0.0
    for row in range(table.shape[0]):
        line = table[row]
        for column, value in enumerate(line):
            total += value * (row + 1) * column
    for (i, j), value in np.ndenumerate(table):
        total -= value * i + j
    for value, other in zip(table[0], table[:, 1]):
        total += value * other
    turned = table.T
    turned[0, 1] = 4.0
    table[:, 2] = total
    for column in range(line.size):
        table[-1, column] += 1.0
    return total + turned[2, 1] + table.size


def allocated(a, count):
    out = np.empty((count, 2))
    for i in range(count):
        out[i, 0], out[i, 1] = a[i % a.size], i
    column = out[:, 1]
    column[0] = 9.0
    kept = out if count > 3 else out.copy()
    out = np.zeros((2, 2))
    return kept.sum() + out[1, 1] + column.size, kept


def yielded(a):
    before = a[0]
    for value in a:
        yield value - before
        before = value


def summed(a):
    total = 0.0
    for step in yielded_compiled(a):
        total = total * 2.0 + step
    return total


def mixed(parts, which):
    number, (array, text), flag = parts
    if flag and which == 1:
        number = number + array[which]
    return number, array.shape, text


def plain(value):
    """Numbers to nine places, in lists: a sum may be taken in another order."""
    if isinstance(value, (tuple, list, np.ndarray)):
        return [plain(part) for part in value]
    return value if isinstance(value, str) else round(float(value), 9)


def outcome(function, arguments):
    copied = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    if isinstance(copied[0], Desk):
        copied[0] = made_desk()
    try:
        return plain(function(*copied)), plain(copied)
    except (ValueError, RuntimeError) as error:
        return repr(error)


options = eval(sys.argv[1])
njit = numba.njit(**options)
taken_compiled, checked_compiled, yielded_compiled = njit(taken), njit(checked), njit(yielded)
rng = np.random.default_rng(3)
line, table = rng.normal(size=8), rng.normal(size=(4, 5))
calls = [
    *((nested, (made_desk(), ways)) for ways in range(5)),
    *((swapped, (line, rng.normal(size=5), times)) for times in (0, 1, 2, 7)),
    *((branched, (line, flag)) for flag in (-1, 0, 1)),
    *((raised, (line, i)) for i in (0, 1, 2, 3, 4, 5, 6, 7)),
    *((walked, (of,)) for of in (table, np.asfortranarray(table), table[::2], table[:, ::-1])),
    *((mixed, ((2.0, (line, 3), flag), which)) for flag in (True, False) for which in (0, 1)),
]
if options.get("_nrt", True):
    calls += [(allocated, (line, count)) for count in (2, 5)] + [(summed, (line,))]
compiled = {function: njit(function) for function, _ in calls}
for function, arguments in calls:
    got, expected = outcome(compiled[function], arguments), outcome(function, arguments)
    if got != expected:
        print(function.__name__, got, expected, sep="\n")
print(len(calls), "calls")
'''


OPTIONS = r"""
@numba.njit(fastmath=True)
def loose(x, a):
    return x in a


@numba.njit
def strict(x, a):
    return x in a


line = np.array([1.0, np.nan])
loose(1.0, line)
print(strict(1.0, line), strict(np.nan, line))
"""

IN_A_LOOP = r"""
@numba.extending.intrinsic
def lengths(context, array):
    def code(context, builder, signature, arguments):
        proxy = arrayobj.make_array(signature.args[0])(context, builder, arguments[0])
        total = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(64), 0))
        with cgutils.for_range(builder, ir.Constant(ir.IntType(64), 3)):
            builder.store(builder.add(builder.load(total), proxy.nitems), total)
            proxy.nitems = builder.add(proxy.nitems, ir.Constant(ir.IntType(64), 100))
        return builder.load(total)

    return numba.types.int64(array), code


try:
    print(numba.njit(lambda array: lengths(array))(np.ones(4)))
except numba.core.errors.UnsupportedError:
    print("left to numba as it is")
"""

BEGIN = r"""
import io, sys
sys.stdin = io.StringIO("")
from workbench.compiled.worker import work
work()
import numba, numpy as np
import numba.extending
from llvmlite import ir
from numba.core import cgutils
from numba.np import arrayobj
"""


@pytest.mark.parametrize(("text", "said"), [(OPTIONS, "True False"), (IN_A_LOOP, "left to numba as it is")])
def test_what_numba_would_compile_otherwise_is_not_taken_for_the_same(text: str, said: str) -> None:
    assert _run(BEGIN + text) == f"{said}\n"


@pytest.mark.parametrize(
    ("options", "calls"), [("{}", 31), ("{'_nrt': False}", 28), ("{'boundscheck': True, '_nrt': False}", 28)]
)
def test_functions_come_out_as_they_are_written(options: str, calls: int) -> None:
    assert _run(CHECKED, options) == f"{calls} calls\n"


def _run(text: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments],
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
