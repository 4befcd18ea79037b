"""The rules that hold for the whole code base, read from its sources: who may import what, and what a test must be."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "workbench"
DECIDING = ("market", "volatility", "quoting", "risk", "trading", "analysis")
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

BANNED_MODULES = {
    "aiohttp",
    "asyncio",
    "http",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
    "zmq",
}
BANNED_CALLS = {
    "open",
    "input",
    "print",
    "datetime.now",
    "datetime.datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "pd.Timestamp.now",
    "pd.Timestamp.today",
    "np.random.default_rng",
    "np.random.seed",
    "np.load",
    "np.loadtxt",
    "pd.read_csv",
    "pd.read_json",
    "pd.read_parquet",
    "pd.read_pickle",
    "pd.read_sql",
}
HEAVY = (
    "aiohttp",
    "IPython",
    "ipywidgets",
    "numba",
    "numpy",
    "pandas",
    "papermill",
    "plotly",
    "pyarrow",
    "pydantic",
    "zmq",
)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_modules(path: Path) -> set[str]:
    """Modules a file imports, whole dotted names."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call by its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("folder", DECIDING)
def test_decisions_read_no_clock_socket_file_or_random_source(folder: str) -> None:
    files = sorted((PACKAGE / folder).rglob("*.py"))
    assert files, f"{folder} holds nothing to check"
    for file in files:
        banned = {name for name in imported_modules(file) if name.split(".")[0] in BANNED_MODULES}
        assert not banned, f"{file.relative_to(ROOT)} imports {sorted(banned)}"
        called = {name for name, _ in calls(tree_of(file)) if name in BANNED_CALLS}
        assert not called, f"{file.relative_to(ROOT)} calls {sorted(called)}"


@pytest.mark.parametrize("module", ["workbench", "workbench.cli", "workbench.headless", "workbench.engine"])
def test_importing_the_package_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []


def test_only_the_opt_in_helper_touches_a_nesting_package() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("workbench", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if {"nest_asyncio", "nest_asyncio2"} & imported_modules(path)
    }
    assert importers == {"workbench/engine/sync.py"}
    assert "nest_asyncio" not in imported_modules(PACKAGE / "engine" / "sync.py"), "1.6.0 loses queued cells"


def test_a_name_is_exported_by_one_folder_only() -> None:
    homes: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for name in importlib.import_module(f"workbench.{folder}").__all__:
            homes.setdefault(name, []).append(folder)
    assert {name: folders for name, folders in homes.items() if len(folders) > 1} == {}


def test_every_exported_name_exists() -> None:
    for module in ["workbench", *(f"workbench.{folder}" for folder in FOLDERS)]:
        loaded = importlib.import_module(module)
        assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


def test_the_package_re_exports_only_what_its_folders_export() -> None:
    package = importlib.import_module("workbench")
    for name, home in package._HOMES.items():
        assert name in importlib.import_module(home).__all__, f"{home} does not export {name}"
    assert set(package._HOMES) | {"__version__"} == set(package.__all__)


def test_a_misspelt_name_of_the_package_is_answered_with_the_names_there_are() -> None:
    package = importlib.import_module("workbench")
    with pytest.raises(AttributeError, match="Session"):
        package.Sesion  # noqa: B018


# --- tests ----------------------------------------------------------------------------------------------------------


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def can_fail(function: ast.AST) -> bool:
    """Whether a test states anything: an assert of something that varies, an expected error, or a checking helper."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
    names = [name.rpartition(".")[2] for name, _ in calls(function)]
    return any(
        name in ("raises", "warns", "fail") or name.startswith(("assert_", "check_", "expect")) for name in names
    )


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT / "tests").as_posix())
def test_every_test_can_fail_and_none_sleeps(path: Path) -> None:
    for function in functions_of(path):
        assert can_fail(function), f"{path.name}: {function.name} asserts nothing"
    sleeping = [name for name, _ in calls(tree_of(path)) if name in ("time.sleep", "sleep", "page.wait_for_timeout")]
    assert sleeping == [], "a test waits for a condition, or runs in virtual time"


def test_the_checker_itself_tells_a_test_that_cannot_fail() -> None:
    empty = ast.parse("def test_nothing():\n    x = 1\n    assert True")
    assert not can_fail(empty)
    assert can_fail(ast.parse("def test_something():\n    assert x == 1"))


def test_test_files_have_unique_names() -> None:
    names = Counter(path.name for path in TESTS)
    assert [name for name, count in names.items() if count > 1] == []


# --- notebooks ------------------------------------------------------------------------------------------------------


def code_cells(notebook: Path) -> list[dict[str, object]]:
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_thin_and_carries_no_traces_of_a_run(path: Path) -> None:
    content = json.loads(path.read_text())
    assert "widgets" not in content["metadata"]
    assert path.stat().st_size < 1_000_000
    for cell in code_cells(path):
        source = "".join(cell["source"])  # type: ignore[arg-type]
        assert cell["execution_count"] is None, source
        assert cell["outputs"] == [], source
        assert len(source.splitlines()) <= 15, source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_says_first_what_it_is_and_ends_in_a_cell_that_asserts(path: Path) -> None:
    content = json.loads(path.read_text())
    assert content["cells"][0]["cell_type"] == "markdown"
    last = code_cells(path)[-1]
    assert "assert " in "".join(last["source"])  # type: ignore[arg-type]


def test_the_papermill_notebook_has_its_parameters_first() -> None:
    first = code_cells(ROOT / "notebooks" / "session.ipynb")[0]
    assert "parameters" in first["metadata"]["tags"]  # type: ignore[index]
