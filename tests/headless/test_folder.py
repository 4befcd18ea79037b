"""The run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import ConfigError, SessionError
from workbench.headless.folder import RunFolder, claim_folder, open_folder


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = claim_folder(tmp_path / "a" / "b")
    assert folder.root.is_dir()
    assert not folder.holds_a_run()


def test_a_folder_with_foreign_files_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert claim_folder(tmp_path).root == tmp_path


@pytest.mark.parametrize("trace", ["summary.json", "journal.sqlite", "outcome.json", "engine.json", "session.ipynb"])
def test_a_folder_that_holds_a_run_is_never_overwritten(tmp_path: Path, trace: str) -> None:
    (tmp_path / trace).write_text("")
    with pytest.raises(ConfigError, match="holds a run already"):
        claim_folder(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        claim_folder(tmp_path / "run")


def test_a_folder_without_a_run_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no run in"):
        open_folder(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    assert open_folder(tmp_path) == RunFolder(tmp_path)
