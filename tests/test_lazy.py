"""Packages hand out names when they are first asked for, and refuse others like any module."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

LAZY = (
    "analysis", "backtest", "client", "dashboard", "data", "engine", "engine.venues", "exchange", "headless", "market",
    "quoting", "volatility",
)  # fmt: skip


@pytest.mark.parametrize("package", LAZY)
def test_every_public_name_has_its_home_and_no_other_name_has(package: str) -> None:
    module = importlib.import_module(f"workbench.{package}")
    for name in module.__all__:
        assert getattr(module, name) is vars(module)[name]
    with pytest.raises(AttributeError, match=f"'workbench.{package}' has no name 'nonsense'"):
        _ = module.nonsense


def test_importing_the_packages_loads_none_of_what_is_heavy() -> None:
    code = f"import sys\nfor name in {LAZY!r}: __import__('workbench.' + name)\n"
    code += "assert not {'plotly', 'pyarrow', 'ipywidgets', 'aiohttp', 'papermill', 'duckdb'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
