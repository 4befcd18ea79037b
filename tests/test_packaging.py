"""What the metadata promises: one list of packages, a notebook that travels with the package, a licence."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import workbench
from workbench.headless.runner import session_notebook

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = {
    "aiohttp",
    "ipywidgets",
    "jupyterlab",
    "nbval",
    "nest-asyncio",
    "numpy",
    "pandas",
    "papermill",
    "plotly",
    "pytest",
}


def bounds(requirements: list[str]) -> dict[str, str]:
    """Version bounds by package name, whitespace and order of no account."""
    found = {}
    for requirement in requirements:
        text = requirement.partition(";")[0].replace(" ", "")
        name = re.match(r"[A-Za-z0-9._-]+", text)
        assert name is not None, requirement
        found[name[0].lower()] = ",".join(sorted(text[name.end() :].split(",")))
    return found


def environment_lines() -> list[str]:
    text = (ROOT / "environment.yml").read_text()
    return [line.strip()[2:] for line in text.splitlines() if re.match(r"\s+- ", line)]


def test_environment_yml_lists_python_and_the_ten_packages_with_the_bounds_of_pyproject() -> None:
    listed = bounds([line for line in environment_lines() if not line.startswith(("conda", "pip", "-e"))])
    promised = bounds(
        [
            f"python{PROJECT['requires-python']}",
            *PROJECT["dependencies"],
            *PROJECT["optional-dependencies"]["lab"],
            *PROJECT["optional-dependencies"]["test"],
        ]
    )
    assert set(listed) == ASKED | {"python"}
    assert listed == {name: promised[name] for name in listed}


def test_environment_yml_installs_the_project_by_pip() -> None:
    assert {"pip", "pip:", "-e .[test]"} <= set(environment_lines())


def test_the_test_extra_includes_the_others() -> None:
    extras = PROJECT["optional-dependencies"]
    others = ",".join(sorted(set(extras) - {"test"}))
    assert f"lmex-workbench[{others}]" in extras["test"]


def test_the_version_is_said_once() -> None:
    assert PROJECT["version"] == workbench.__version__


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_session_notebook_is_found_and_travels_inside_the_wheel(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    assert session_notebook().is_file()
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read("workbench/headless/session.ipynb")
        names = archive.namelist()
    assert packed == (ROOT / "notebooks" / "session.ipynb").read_bytes()
    assert "workbench/py.typed" in names


def test_the_first_figure_of_a_kernel_does_not_wait_for_a_grammar_of_iris() -> None:
    code = """
import sys
import workbench
import plotly.graph_objects as go
go.Figure()._repr_mimebundle_()
import jsonschema
jsonschema.validate({"a": 1}, {"type": "object"})
assert "lark" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
