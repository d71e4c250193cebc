"""Completion of words in a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oro_unlearn.cli.completion import SHELLS, completed, completion
from tests.conftest import CONFIGS

RWFT = ["oro-unlearn", "fit", "--config", str(CONFIGS / "digits/rwft_o.yaml")]


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["oro-unlearn", ""], {"fit", "test", "check", "init", "completion", "--version"}),
        (["oro-unlearn", "f"], {"fit"}),
        (["oro-unlearn", "fit", "--mod"], {"--model", "--model.original", "--model.optimizer.lr", "--model.help"}),
        (["oro-unlearn", "fit", "--model", ""], {"RWFT", "SalUn", "Training"}),
        (["oro-unlearn", "fit", "--model.help", "S"], {"SCRUB", "SSD", "SVDUnlearning", "SalUn"}),
        (["oro-unlearn", "fit", "--model", "SSD", "--model.d"], {"--model.dampening"}),
        (["oro-unlearn", "check", "--data", "Im"], {"ImageFolder"}),
        (["oro-unlearn", "fit", "--model.network", "R"], {"ResNet18"}),
        (["oro-unlearn", "fit", "--model.optimizer", "S"], {"SGD", "SparseAdam"}),
        (["oro-unlearn", "test", "--trainer.max_"], {"--trainer.max_epochs", "--trainer.max_steps", "--trainer.max_time"}),
        ([*RWFT, "--model.retain", ""], {"ce", "distill", "none"}),
        ([*RWFT, "--resume", ""], {"true", "false"}),
        ([*RWFT, "--trainer.accelerator", "c"], {"cpu"}),
        ([*RWFT, "--model.network.w"], {"--model.network.width"}),
        (["oro-unlearn", "completion", ""], set(SHELLS)),
        (["oro-unlearn", "init", "--"], {"--data", "--model", "--output"}),
        (["oro-unlearn", "sug"], {"suggest"}),
        (["oro-unlearn", "suggest", "--"], {"--graph", "--top", "--by"}),
        (["oro-unlearn", "graph", "im"], {"import"}),
        (["oro-unlearn", "graph", "import", "--m"], {"--manifest", "--min-count"}),
    ],
)
def test_what_a_word_may_become(words, some):
    found = completed(words, len(words) - 1)
    assert some <= set(found)
    assert all(word.startswith(words[-1]) for word in found)


@pytest.mark.parametrize(
    "words", [["oro-unlearn", "fit", "--config", ""], [*RWFT, "--model.original", "ru"], ["oro-unlearn", "x", ""]]
)
def test_files_are_left_to_the_shell(words):
    assert completed(words, len(words) - 1) == []


def test_a_shell_that_is_not_known():
    with pytest.raises(ValueError, match="completion is for bash or zsh"):
        completion(["tcsh"])


def test_bash_completes(tmp_path):
    program = tmp_path / "oro-unlearn"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m oro_unlearn "$@"\n')
    program.chmod(0o755)
    script = 'eval "$(oro-unlearn completion bash)"; COMP_WORDS=(oro-unlearn fit --model.ori); COMP_CWORD=2; _oro_unlearn; '
    script += 'echo "${COMPREPLY[@]}"; complete -p oro-unlearn'
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(["bash", "-c", script], env={**os.environ, **path}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["--model.original", "complete -o default -F _oro_unlearn oro-unlearn"]
