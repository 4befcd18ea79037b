"""A model of one's own leaves the process it was typed in: written out whole, built again, refused where it cannot."""

from __future__ import annotations

import inspect
import math
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
import pytest

from workbench import quoting
from workbench.compiled import compiled, sources
from workbench.config import MarketMakerConfig
from workbench.engine.own_models import changes_with_source, self_contained
from workbench.errors import ConfigError
from workbench.quoting import QuotingModel, quotes_of
from workbench.quoting.schema import BEST_BID, MID, PARAMS_SIZE

HALF = 5.0
STEPS = np.array([1.0, 2.0, math.inf])
SIZES = (np.int64(3), (4, "five"))
PRICES = pd.Series([1.0])
LIST = [1.0, 2.0]
LARGE = np.zeros(5_000)
BASE = quoting.skewed_spread.function


def width(step: int, base: float = HALF) -> float:
    """A plain helper: it is compiled when it is taken along."""
    return base + STEPS[step]


@numba.njit(fastmath=True)
def root(x: float) -> float:
    return math.sqrt(x)


@compiled("float64(float64, float64[::1])")
def scaled(x: float, params: Any) -> float:
    return root(x) * params[PARAMS_SIZE]


def my_quotes(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    """All that a model may stand on."""
    distance = width(1) + scaled(16.0, params) + SIZES[0]
    return quoting.compose(view, inventory, params, PARAMS_SIZE + 1, distance, np.float64(distance), state, out)


PARAMS = (quoting.Slot("scale", "1", "of the root", 0.0, math.inf, 2.0), *quoting.LAYER)
my_model: QuotingModel = quoting.model(my_quotes, params=PARAMS, reasons={-40: "it's late"}, spread_is_own=True)
VIEW = {"mid": 1_000.0}


def test_a_model_is_written_out_with_its_helpers_constants_and_imports() -> None:
    assert not my_model.not_portable
    for line in (
        "STEPS = _numpy.array([1.0, 2.0, _numpy.inf], dtype='float64')",
        "HALF = 5.0",
        "import math",
        "import workbench.quoting as quoting",
        "from workbench.quoting.schema import PARAMS_SIZE",
        "@_numba.njit(fastmath=True)",
        "@_compiled('float64(float64, float64[::1])')",
        "    'spread_is_own': True,",
        """        -40: "it's late",""",
    ):
        assert f"\n{line}\n" in my_model.source
    assert inspect.getsource(width).strip() in my_model.source
    assert "PRICES" not in my_model.source
    quotes = quotes_of(my_model, view=VIEW, params={"levels": 1})
    # 5 + 2 + 2 x sqrt(16) + 3 ticks either side.
    assert quotes["price_ticks"].tolist() == [1000 - 18, 1000 + 18]


def test_the_text_alone_builds_the_same_model() -> None:
    again = QuotingModel.of_source(my_model.source)
    assert again is my_model
    other = QuotingModel.of_source(my_model.source.replace("HALF = 5.0", "HALF = 6.0"))
    assert other is not my_model
    assert (other.name, other.doc, other.params) == (my_model.name, my_model.doc, my_model.params)
    assert (other.reasons, other.spread_is_own) == (my_model.reasons, True)
    assert quotes_of(other, view=VIEW)["price_ticks"].max() == quotes_of(my_model, view=VIEW)["price_ticks"].max() + 1
    assert repr(other) != repr(my_model)
    assert "source " in repr(my_model)


def test_models_are_pickled_by_source_and_built_in_ones_by_name() -> None:
    assert pickle.loads(pickle.dumps(my_model)) is my_model
    assert pickle.loads(pickle.dumps(quoting.glft)) is quoting.glft
    assert b"skewed_spread" in pickle.dumps(quoting.skewed_spread)
    assert len(pickle.dumps(quoting.skewed_spread)) < 200


def quotes_at(offset: float) -> QuotingModel:
    @quoting.model
    def closes_over(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        out[0, 0], out[0, 1], out[0, 2] = 1, int(view[MID] - offset), 5
        return 1

    model: QuotingModel = closes_over
    return model


def test_a_closure_takes_its_numbers_along_and_the_newest_definition_has_the_name() -> None:
    near, far = quotes_at(3.0), quotes_at(30.0)
    assert near.source != far.source
    assert quoting.find_model("closes_over") is far
    for model, price in ((near, 997), (far, 970)):
        assert quotes_of(QuotingModel.of_source(model.source), view=VIEW)["price_ticks"].tolist() == [price]


def ladder_of(levels: int) -> QuotingModel:
    def rounded(price: float) -> int:
        return round(price)

    @quoting.model
    def loops_and_closes(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        n = 0
        gaps = [float(level) for level in range(levels)]

        def below(gap: float) -> float:
            return view[MID] - gap  # type: ignore[no-any-return]

        for gap in gaps:
            if gap > 0.0 or not levels:
                out[n, 0], out[n, 1], out[n, 2] = 1, rounded(below(gap)), 5
                n += 1
        while n > 2:
            n -= 1
        return n if n else -1

    model: QuotingModel = loops_and_closes
    return model


def test_loops_inner_functions_and_what_they_close_over_are_taken_for_what_they_are() -> None:
    model = ladder_of(4)
    assert not model.not_portable
    assert quotes_of(QuotingModel.of_source(model.source), view=VIEW)["price_ticks"].tolist() == [999, 998]


def calls_a_built_in_model(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return int(BASE(view, inventory, params, state, out))


def test_another_models_function_is_taken_by_its_name() -> None:
    model = quoting.model(calls_a_built_in_model)
    assert "from workbench.quoting.builtin import skewed_spread as _skewed_spread" in model.source
    shown = {"view": {"mid": 1e6, "sigma": 1e-5}}
    pd.testing.assert_frame_equal(quotes_of(model, **shown), quotes_of(quoting.skewed_spread, **shown))


def test_the_file_that_it_is_kept_in_is_the_users_alone() -> None:
    file = Path(inspect.getfile(my_model.py_func))
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == my_model.source
    assert file.stem.removeprefix("workbench_model_") in {
        name.removeprefix("workbench_model_") for name in sys.modules if name.startswith("workbench_model_")
    }


def test_a_kept_file_that_was_changed_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "private_folder", lambda name: tmp_path)
    text = "ANSWER = 42\n"
    first = sources.module_of_text(text, "module_of_this_test")
    assert first.ANSWER == 42
    assert first.__file__ is not None
    Path(first.__file__).write_text("ANSWER = 6 * 9\n")
    monkeypatch.delitem(sys.modules, first.__name__)
    assert sources.module_of_text(text, "module_of_this_test").ANSWER == 42


# --- refusals ---------------------------------------------------------------------------------------------------------


def uses_a_list(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    out[0, 1] = int(view[BEST_BID])
    return int(LIST[0])


def uses_a_large_array(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return int(LARGE[inventory])


def uses_a_module_of_ones_own(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return 0 * inspect.CO_NESTED


@pytest.mark.parametrize(
    ("function", "line", "says"),
    [
        (uses_a_large_array, "LARGE[inventory]", "LARGE at line {} is an array of 5000 float64; expected a number"),
        (uses_a_module_of_ones_own, "CO_NESTED", "inspect at line {} is the module inspect, which the engine may not"),
    ],
)
def test_what_cannot_be_taken_along_is_named_with_its_line_and_what_may(
    function: Callable[..., int], line: str, says: str
) -> None:
    source, first = inspect.getsourcelines(function)
    at = first + next(n for n, text in enumerate(source) if line in text)
    model = quoting.model(function)
    assert quotes_of(model, view=VIEW, params={}).empty
    assert not model.source
    assert says.format(f"{at} of {__file__}") in model.not_portable
    config = MarketMakerConfig(quoting={"model": function.__name__})
    for attempt in (
        lambda: self_contained(config),
        lambda: changes_with_source({"quoting": {"model": model}}),
        lambda: changes_with_source({"quoting.model": function.__name__}),
    ):
        with pytest.raises(ConfigError) as refused:
            attempt()
        assert model.not_portable in str(refused.value)
    assert self_contained(config, leaves_process=False) is config
    with pytest.raises(quoting.ModelError, match="cannot be taken to another process"):
        pickle.dumps(model)


def test_a_model_that_cannot_be_compiled_either_says_both() -> None:
    with pytest.raises(quoting.ModelError, match=r"(?s)cannot be compiled at line .*LIST at line \d+ of .* is a list"):
        quoting.model(uses_a_list)


def adds_text(x: float) -> float:
    y = x + 1.0
    return y + "ticks"  # type: ignore[operator, no-any-return]


def calls_a_bad_helper(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
    return int(adds_text(view[MID]))


def test_a_mistake_in_a_helper_is_named_by_the_authors_own_line() -> None:
    source, first = inspect.getsourcelines(adds_text)
    line = first + next(n for n, text in enumerate(source) if "ticks" in text)
    with pytest.raises(
        quoting.ModelError, match=rf"cannot be compiled at line {line} of .*test_written_models.py"
    ) as no:
        quoting.model(calls_a_bad_helper)
    assert "slot numbers" not in str(no.value)


def test_two_meanings_of_one_name_are_refused() -> None:
    def inner(offset: float) -> Any:
        def helper_with_its_own_half() -> float:
            return HALF

        HALF = offset  # noqa: N806
        return helper_with_its_own_half

    other = inner(7.0)

    def two_halves(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        return int(width(0) + other())

    with pytest.raises(quoting.ModelError, match=r"HALF at line .* means two things"):
        quoting.model(two_halves)


def test_a_file_that_was_edited_after_its_import_is_not_taken_for_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "import numba\n\n\n@numba.njit\ndef offset(x):\n    return x + 1.0\n\n\n"
        "def edited(view, inventory, params, state, out):\n    return int(offset(view[0]))\n"
    )
    file = tmp_path / "edited_model_of_this_test.py"
    file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    import edited_model_of_this_test as module  # type: ignore[import-not-found]

    file.write_text(text.replace("x + 1.0", "x - 1.0"))
    model = quoting.model(module.edited)
    assert "has changed since offset was defined" in model.not_portable
    assert model(np.array([4.0]), 0, np.zeros(1), np.zeros(1), np.zeros((1, 3), dtype=np.int64)) == 5


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("print('hello')", "no written-out model"),
        ("HEAD\nfrom workbench.quoting.schema import NO_SUCH_SLOT\n", "does not run here: cannot import name"),
        ("HEAD\n1 +\n", "does not run here: invalid syntax"),
    ],
)
def test_a_source_that_is_none_is_refused(source: str, says: str) -> None:
    from workbench.quoting.written import HEADER

    with pytest.raises(ConfigError, match=says):
        quoting.find_model("my_quotes", source.replace("HEAD", HEADER))
    with pytest.raises(ConfigError, match=r"quoting\.source is model 'my_quotes'"):
        quoting.find_model("guide_fixed", my_model.source)


@pytest.mark.parametrize("name", ["skewed_spread", "glft"])
def test_the_name_of_a_built_in_model_is_not_to_be_had(name: str) -> None:
    def another(view: Any, inventory: int, params: Any, state: Any, out: Any) -> int:
        return 0

    another.__name__ = name
    with pytest.raises(quoting.ModelError, match=f"{name} has the name of a built-in one"):
        quoting.model(another)


# --- in a configuration -----------------------------------------------------------------------------------------------


def test_a_configuration_takes_the_model_itself_and_another_model_drops_the_source() -> None:
    config = MarketMakerConfig(quoting={"model": my_model, "params": {"scale": 3.0}})
    assert (config.quoting.model, config.quoting.source) == ("my_quotes", my_model.source)
    assert "def my_quotes" not in repr(config)
    assert self_contained(config) is config
    assert MarketMakerConfig.from_dict(config.model_dump(mode="json", exclude_unset=True)) == config
    named = MarketMakerConfig(quoting={"model": "my_quotes"})
    assert self_contained(named).quoting.source == my_model.source
    assert self_contained(named).digest() != named.digest()
    changed = config.replace(quoting={"model": "glft", "params": {}})
    assert (changed.quoting.model, changed.quoting.source) == ("glft", "")
    assert self_contained(changed) is changed
    assert config.replace(quoting={"model": "my_quotes", "params": {}}).quoting.source == my_model.source


@pytest.mark.parametrize("changes", [{"quoting": {"model": my_model}}, {"quoting.model": "my_quotes"}])
def test_changes_that_name_a_model_carry_its_source(changes: dict[str, Any]) -> None:
    config = MarketMakerConfig().replace(**changes_with_source(changes))
    assert (config.quoting.model, config.quoting.source) == ("my_quotes", my_model.source)
    assert changes_with_source({"spread_bps": 30}) == {"spread_bps": 30}
    assert changes_with_source({"quoting": {"model": "glft"}}) == {"quoting": {"model": "glft", "source": ""}}
    assert changes_with_source({"quoting": {"model": "unknown"}}) == {"quoting": {"model": "unknown"}}


# --- in other processes -----------------------------------------------------------------------------------------------

CELLS = r'''
import pickle, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def cell(text, fails=False):
    result = shell.run_cell(text, store_history=True, silent=False)
    assert result.success is not fails, result
    return result
cell("from workbench import quoting\nfrom workbench.quoting.schema import *\nHALF = 4.0")
cell("def half(x):\n    return HALF + x")
MODEL = """@quoting.model
def typed(view, inventory, params, state, out):
    h = half(1.0)
    out[0, 0], out[0, 1], out[0, 2] = 1, int(view[MID] - h), 5
    return 1
"""
cell(MODEL)
first = shell.user_ns["typed"]
assert not first.not_portable, first.not_portable
cell("import linecache; linecache.checkcache()")
cell("HALF = 9.0")
cell(MODEL)
second = shell.user_ns["typed"]
from workbench.quoting import find_model, quotes_of
assert find_model("typed") is second and first.source != second.source
assert [quotes_of(m, view={"mid": 100.0})["price_ticks"][0] for m in (first, second)] == [95, 90]
shell.showtraceback = lambda *args, **kwargs: print(sys.exc_info()[1])
cell(MODEL.replace("half(1.0)", "hlf(1.0)"), fails=True)
cell("TABLE = [1.0]")
cell(MODEL.replace("half(1.0)", "TABLE"), fails=True)
with open(sys.argv[1], "wb") as file:
    pickle.dump(second, file)
'''

ELSEWHERE = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
from workbench.quoting import quotes_of
print(int(not model.function.is_missing()), quotes_of(model, view={"mid": 100.0})["price_ticks"][0])
"""


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_typed_in_cells_is_found_compiled_in_another_process_and_mistakes_name_the_cell(tmp_path: Path) -> None:
    said = run_python(CELLS, str(tmp_path / "model.pickle"))
    assert "model typed cannot be compiled at line 3 of cell [7]: " in said
    assert "Define hlf before the model" in said
    assert "model typed cannot be compiled at line 4 of cell [9]: " in said
    assert "TABLE at line 3 of cell [9] is a list; expected a number" in said
    assert run_python(ELSEWHERE, str(tmp_path / "model.pickle")).split() == ["1", "90"]
