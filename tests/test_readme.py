"""The README's promises: its code runs, its files exist, its commands are the ones there are."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_ten_lines_run_as_they_stand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 1
    assert len([line for line in blocks[0].splitlines() if line.strip()]) <= 10
    script = tmp_path / "ten_lines.py"
    script.write_text(blocks[0].replace("seconds=600", "seconds=30"))
    ran = runpy.run_path(str(script))
    assert ran["result"].outcome.open_orders_at_end == 0
    assert len(ran["price"].data) > 0
    assert "fills" in capsys.readouterr().out


def test_every_file_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`((?:notebooks|workbench|tests)/[\w./]*)`", README)) | {
        "docs/desk.png",
        "LICENSE",
        ".ci/run",
    }
    assert len(named) > 6
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    install, run = re.findall(r'python -m pip install -e "\.\[test\]" && (.*)|$', README), "python -m pytest"
    assert run in install
    assert run in script
    assert 'pip install --quiet -e ".[test]"' in script


def test_every_command_that_the_readme_names_exists() -> None:
    from workbench.commands import app

    there = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    named = set(re.findall(r"(?:^|`|&& )workbench ([a-z]+)", README, re.MULTILINE))
    assert named == there - {"version"}
