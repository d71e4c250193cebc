"""What the console command does before anything heavy is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oro_unlearn.cli.command import find_modules_here
from tests.conftest import ROOT


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["fti"], ["completion", "bash"]], ids=" ".join)
def test_files_of_the_user_take_the_place_of_no_module(words):
    for name in ("ast", "difflib", "platform", "random", "shutil", "yaml", "torch", "importlib"):
        Path(f"{name}.py").write_text("raise SystemExit('a file of the user was imported')")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "oro_unlearn", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "a file of the user" not in done.stderr
    assert done.returncode == (2 if words == ["fti"] else 0)


def test_the_current_folder_is_searched_last(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(ROOT), "/somewhere"])
    find_modules_here()
    find_modules_here()
    assert sys.path == [str(ROOT), "/somewhere", str(tmp_path)]


def test_started_as_a_module_it_is_not_searched_first(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/somewhere"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", object())
    find_modules_here()
    assert sys.path == ["/somewhere", str(tmp_path)]
