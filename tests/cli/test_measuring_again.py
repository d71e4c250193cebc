"""``test`` changes nothing of what it verifies, and a checkpoint that is named is the one a report is of."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from oro_unlearn.files import sha256
from tests.conftest import CONFIGS, SHORT
from tests.reliability.small_runs import killed_in_second_epoch

WORDS = ["--config", str(CONFIGS / "digits/original.yaml"), *SHORT]


def weights(path: str) -> torch.Tensor:
    return torch.load(path, weights_only=True)["state_dict"]["network.fc.weight"]


def contents(folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_named_checkpoint_is_that_of_the_report(run, report):
    for folder, seed in (("first", "1"), ("second", "2")):
        command = ["fit", *WORDS, "--trainer.max_epochs", "1", "--seed_everything", seed]
        assert run(*command, "--trainer.default_root_dir", folder)[0] == 0
    other, before = {"path": "first/model.ckpt", "sha256": sha256("first/model.ckpt")}, contents("second")
    measure = ["test", *WORDS, "--trainer.default_root_dir", "second", "--ckpt_path", "first/model.ckpt"]
    assert run(*measure, "--report", "again")[0] == 0
    assert contents("second") == before
    assert report("again")["checkpoint"] == other
    assert "files" not in report("again")
    assert report("again")["metrics"] == report("first")["metrics"]
    go_on = ["fit", *WORDS, "--trainer.max_epochs", "1", "--trainer.default_root_dir", "second"]
    code, message = run(*go_on, "--ckpt_path", "first/model.ckpt")
    assert code == 0, message
    assert torch.equal(weights("second/model.ckpt"), weights("first/model.ckpt")), "not that of the run before"
    assert report("second")["started_from"] == other
    assert report("second")["files"]["model.ckpt"] == sha256("second/model.ckpt")
    assert run("test", *WORDS, "--trainer.default_root_dir", "second", "--report", "third")[0] == 0
    assert report("third")["started_from"] == other
    code, message = run(*go_on, "--trainer.max_epochs", "2", "--ckpt_path", "second/model.ckpt")
    assert code == 0, message
    assert torch.load("second/model.ckpt", weights_only=True)["epoch"] == 1, "what was written goes on"


@pytest.mark.parametrize("change", ["a pixel", "none"])
def test_a_stopped_run_goes_on_with_the_same_pictures_alone(change, run, image_folder):
    root = image_folder("data/images", size=16)
    command = [
        "fit",
        *WORDS,
        "--data",
        "ImageFolder",
        "--data.root",
        str(root),
        "--data.image_size",
        "16",
        "--data.channels",
        "1",
    ]
    command += ["--trainer.max_epochs", "2", "--trainer.default_root_dir", "out"]
    with killed_in_second_epoch() as killed:
        run(*command)
    assert killed
    before = Path("out/model.ckpt").read_bytes()
    if change == "a pixel":
        path = sorted((root / "train").rglob("*.png"))[0]
        picture = Image.open(path).convert("RGB")
        picture.putpixel((0, 0), (1, 2, 3))
        picture.save(path)
    code, message = run(*command)
    assert code == (2 if change == "a pixel" else 0), message
    assert ("used other data: the data of train differ" in message) is (code == 2)
    assert (Path("out/model.ckpt").read_bytes() == before) is (code == 2)
    assert Path("out/report.json").exists() is (code == 0)
