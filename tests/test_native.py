"""Kernels called by address: the same numbers, refusals at the door, errors raised, and images that cannot be stale."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.compiled import NativeError, addressable, by_address, types
from workbench.compiled.images import Image, ImageFile
from workbench.compiled.native import Code

SHARE = types.float64(types.float64, types.float64)


class Pair(NamedTuple):
    whole: Any
    real: Any


PAIR = types.NamedTuple((types.int64[::1], types.float64[:, ::1]), Pair)


@addressable(SHARE)
def hypotenuse(a: float, b: float) -> float:
    return math.sqrt(a * a + b * b)


@addressable(SHARE)
def larger(a: float, b: float) -> float:
    both = np.array([a, b])  # an array of its own: the run time of numba allocates it
    return both.max()


@by_address(types.float64(PAIR, types.int64, types.boolean, types.FunctionType(SHARE)))
def combine(pair: Pair, at: int, negative: bool, function: Any) -> float:
    found = function(pair.real[at, 0], pair.real[at, 1]) + pair.whole[at]
    pair.whole[at] += 1
    return -found if negative else found


@by_address(types.void(types.int64[::1], types.int64))
def divide_all(values: Any, by: int) -> None:
    for i in range(values.size):
        values[i] //= by


@by_address(types.boolean(types.int64))
def is_odd(value: int) -> bool:
    return value % 2 == 1


def pair() -> Pair:
    return Pair(np.array([7, -2], dtype=np.int64), np.array([[3.0, 4.0], [5.0, 12.0]]))


def test_it_gives_what_its_plain_twin_gives() -> None:
    for at, negative, expected in ((0, False, 12.0), (1, True, -11.0)):
        one, other = pair(), pair()
        assert combine(one, at, negative, hypotenuse) == expected
        assert combine.py_func(other, at, negative, hypotenuse.py_func) == expected  # type: ignore[attr-defined]
        assert one.whole.tolist() == other.whole.tolist()


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_go_through_unharmed(value: int) -> None:
    assert is_odd(value) is (value % 2 == 1)
    values = np.array([value], dtype=np.int64)
    divide_all(values, 1)
    assert values[0] == value


def test_code_goes_with_its_kernel_and_leaves_that_of_others() -> None:
    for factor in (1.0, 2.0, 3.0):

        @addressable(SHARE, at_once=True)
        def scaled(a: float, b: float) -> float:
            return a * factor  # noqa: B023 - compiled now, with its value of now

        assert combine(pair(), 0, False, scaled) == 7.0 + 3.0 * factor
        del scaled
        gc.collect()
    assert combine(pair(), 0, False, hypotenuse) == 12.0


def test_a_function_handed_over_may_allocate() -> None:
    assert combine(pair(), 0, False, larger) == 11.0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((pair(), 0, False), "4 arguments, not 3"),
        (((np.zeros(1, np.int64), np.zeros((1, 2))), 0, False, hypotenuse), "expected Pair, not tuple"),
        ((pair()._replace(whole=np.zeros(2)), 0, False, hypotenuse), "expected int64[::1], not float64, 1 axes"),
        ((pair()._replace(real=np.zeros(2)), 0, False, hypotenuse), "expected float64[:, ::1], not float64, 1 axes"),
        ((pair()._replace(real=np.zeros((2, 4))[:, ::2]), 0, False, hypotenuse), "not contiguous"),
        ((pair(), 0.5, False, hypotenuse), "float"),
        ((pair(), 0, 1, hypotenuse), "expected True or False, not 1"),
        ((pair(), 0, False, is_odd), "expected a compiled function float64(float64, float64)"),
        ((pair(), 0, False, math.hypot), "expected a compiled function float64(float64, float64)"),
        ((None, 0, False, hypotenuse), "expected Pair, not NoneType"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(args: tuple[Any, ...], said: str) -> None:
    with pytest.raises(TypeError) as refused:
        combine(*args)
    assert said in str(refused.value)
    assert "combine" in str(refused.value)


def test_a_read_only_array_is_not_written_to() -> None:
    values = np.arange(3)
    values.flags.writeable = False
    with pytest.raises(TypeError, match="read-only"):
        divide_all(values, 1)


def test_what_a_kernel_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        divide_all(np.arange(3), 0)


# --- images -----------------------------------------------------------------------------------------------------------


def image_file(folder: Path, text: str, *, name: str = "f", signature: object = SHARE) -> ImageFile:
    source = folder / "model.py"
    source.write_text(text)
    names: dict[str, Any] = {"__name__": "model"}
    exec(compile(text, str(source), "exec"), names)
    return ImageFile(names[name], signature)


def test_images_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    image = Image("entry", ("sqrt",), bytes(range(256)))
    file = image_file(tmp_path, "def f(a, b):\n    return a\n")
    assert file.path is not None
    assert not file.is_there()
    assert file.read() is None
    file.keep(image)
    assert file.read() == image
    whole = file.path.read_bytes()
    for broken in (whole[:-1], whole[:20], b"", b"[]\n", whole[:-1] + b"?"):
        file.path.write_bytes(broken)
        assert file.read() is None


def test_an_image_is_that_of_its_function_and_older_ones_go(tmp_path: Path) -> None:
    image = Image("entry", (), b"code")
    texts = ["def f(a, b):\n    return 0.8 * a\n", "def f(a, b):\n    return 0.7 * a\n", "def f(a, b):\n    return b\n"]
    files = [image_file(tmp_path, text) for text in texts]
    assert len({file.path for file in files}) == 3
    files[0].keep(image)
    assert [file.read() for file in files] == [image, None, None]
    assert image_file(tmp_path, texts[0], signature="other").read() is None
    assert image_file(tmp_path, texts[0]).read() == image
    files[1].keep(image)
    assert [file.is_there() for file in files] == [False, True, False]


def test_what_a_function_closes_over_is_part_of_it(tmp_path: Path) -> None:
    text = "def make(factor):\n    def f(a, b):\n        return a * factor\n    return f\nf, g = make(2.0), make(3.0)\n"
    assert image_file(tmp_path, text).path != image_file(tmp_path, text, name="g").path
    assert image_file(tmp_path, text).path == image_file(tmp_path, text).path


def test_what_cannot_be_told_is_not_kept(tmp_path: Path) -> None:
    text = "table = {1: 2.0}\ndef f(a, b):\n    return a * table[1]\n"
    for file in (image_file(tmp_path, text), ImageFile(eval("lambda a, b: a"), SHARE)):
        assert file.path is None
        file.keep(Image("entry", (), b"code"))
        assert not file.is_there()
        assert file.read() is None


def test_a_compiler_with_another_convention_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.compiled import dispatchers

    monkeypatch.setattr(dispatchers, "c_slots", lambda described: [ctypes.c_int64])

    def first(a: float, b: float) -> float:
        return a

    with pytest.raises(NativeError, match=r"numba .* hands arguments over in a way"):
        addressable(SHARE, at_once=True)(first)


def test_code_that_calls_what_is_not_there_is_not_linked() -> None:
    with pytest.raises(NativeError, match="no_such_function"):
        Code("f", SHARE, Image("f", ("no_such_function",), b""))


@pytest.mark.parametrize(
    ("signature", "said"),
    [(types.float64[::1](types.int64), "returns float64"), (types.int64(types.int32), "takes int32")],
)
def test_signatures_that_cannot_be_called_by_address_are_refused(signature: types.Signature, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        by_address(signature)(abs)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64 + 5])
def test_numbers_beyond_an_int64_are_refused_by_name(value: int) -> None:
    with pytest.raises(OverflowError, match=rf"is_odd: {value} is no int64"):
        is_odd(value)


@addressable(SHARE)
def refuses(a: float, b: float) -> float:
    if a > b:
        raise ValueError("too much", a)
    return b


def test_what_a_model_raises_with_values_says_where() -> None:
    with pytest.raises(ValueError, match="raised in combine, with values that are not known here"):
        combine(pair()._replace(real=np.array([[4.0, 3.0]])), 0, False, refuses)


@pytest.mark.parametrize("axes", [np.s_[::2], np.s_[::1, :], np.s_[1:]])
def test_axes_that_mean_nothing_are_refused(axes: Any) -> None:
    with pytest.raises(TypeError, match="axes"):
        types.float64[axes]


# --- processes --------------------------------------------------------------------------------------------------------


WITHOUT_NUMBA = """
import json, sys
from decimal import Decimal
from pathlib import Path
from workbench.backtest import Feed, backtest
from workbench.quoting import model
from workbench.quoting.schema import BEST_ASK, BEST_BID, ORDER_SIZE, OUT_PRICE, OUT_SIDE, OUT_SIZE

@model
def at_the_touch(view, inventory, params, state, out):
    for i in range(2):
        out[i, OUT_SIDE] = 1 - 2 * i
        out[i, OUT_PRICE] = int(view[BEST_BID] if i == 0 else view[BEST_ASK])
        out[i, OUT_SIZE] = int(params[ORDER_SIZE])
    return 2

feed = Feed.open(sys.argv[1])
found = [str(backtest(feed, used, {"order_size": 10}).pnl.total) for used in ("skewed_spread", at_the_touch)]
print(json.dumps([found, [name for name in ("numba", "scipy", "pandas", "plotly") if name in sys.modules]]))
"""


def test_a_backtest_whose_kernels_are_compiled_imports_no_compiler(tmp_path: Path) -> None:
    from tests.backtest.made_feed import TIGHT, make_feed
    from tests.backtest.test_engine import INSTRUMENT
    from workbench.backtest import Feed

    Feed.prepare(make_feed(3_000, seed=2, market=TIGHT), INSTRUMENT, cache=tmp_path / "feeds")
    (folder,) = (tmp_path / "feeds").iterdir()
    script = tmp_path / "run.py"
    script.write_text(WITHOUT_NUMBA)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(script), str(folder)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
    assert told[0][0] == told[1][0]
    assert told[1][1] == []
