"""The examples of docs/your_own.md, run by the command line as a reader would."""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from oro_unlearn.cli.command import find_modules_here
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "your_own.md").read_text()
SHELL = [block.replace("\\\n", " ") for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)]
FILES = {block.partition("\n")[0].removeprefix("# "): block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def written(monkeypatch):
    """The page's files in this folder, and images for them."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, code in FILES.items():
        Path(name).write_text(code)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    generator, arrays = np.random.default_rng(0), {}
    for part, count in (("train", 90), ("test", 60)):
        labels = np.arange(count) % 3
        images = generator.integers(0, 100, (count, 8, 9), dtype=np.uint8)
        for row, label in enumerate(labels):
            images[row, :, 3 * label : 3 * label + 3] += 150
        arrays |= {f"{part}_images": images, f"{part}_labels": labels}
    np.savez("spots.npz", **arrays)
    find_modules_here()
    yield
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_page_is_run_as_it_stands(written, run):
    assert set(FILES) == {"my_data.py", "my_network.py", "my_method.py", "my_metric.py"}
    assert len(SHELL) == 2
    for line in SHELL:
        program, *words = shlex.split(line)
        assert program == "oro-unlearn"
        code, message = run(*words, "--trainer.enable_progress_bar", "false")
        assert code == 0, message
    report = json.loads(Path("runs/forgotten/report.json").read_text())
    assert (report["method"], report["data"], report["forget"]) == ("GradientDifference", "spots", ["left"])
    assert {role: 0 <= figures["test/ece"] <= 1 for role, figures in report["metrics"].items()} == {
        "original": True,
        "unlearned": True,
    }


def test_a_data_module_of_another_kind_is_refused_in_one_line(written, run):
    Path("plain.py").write_text(
        "from lightning.pytorch import LightningDataModule\n\n\nclass Plain(LightningDataModule):\n"
        "    def __init__(self, size: int = 3):\n        super().__init__()\n        self.num_classes = 3\n"
    )
    words = ["--model", "Training", "--model.network", "my_network.two_layers", "--data", "plain.Plain"]
    code, message = run("fit", *words)
    assert (code, message.count("\n")) == (2, 1)
    assert "Plain is a data module without class_names, forget_classes, " in message
    assert "derive it from oro_unlearn.data.ImageData and write load, class_names, mean and std (docs/your_own.md)" in message


def test_a_broken_script_says_where(written, run):
    Path("broken.py").write_text("import torch\n\nclass X(\n")
    code, message = run("fit", "--model", "broken.X", "--data", "my_data.Spots")
    assert (code, message.count("\n")) == (2, 1)
    assert "broken.py, line 3: " in message
