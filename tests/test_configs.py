"""Every YAML runs, offline, for a step; every one is short and sets the run's folder."""

import pytest
import yaml
from safetensors.torch import load_file

from oro_unlearn.cli import build
from tests.conftest import CONFIGS, SHORT

FILES = sorted(CONFIGS.glob("*/*.yaml"))


def test_every_data_set_has_every_config():
    names = {"original", "retrained", "logit_mask", "rwft_o", "rwft_2_o", "rw_a"}
    assert {folder.name: {file.stem for file in folder.glob("*.yaml")} for folder in CONFIGS.iterdir()} == {
        folder.name: names for folder in CONFIGS.iterdir()
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_config_is_short_and_names_its_folder(file):
    text = file.read_text()
    folder = yaml.safe_load(text)["trainer"]["default_root_dir"]
    assert text.startswith("#")
    assert text.count("\n") < 40
    assert folder.startswith(f"runs/{file.parent.name}-")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_config_runs(file, run, report, original_weights, offline, tmp_path):
    arguments = ["--config", str(file), *SHORT]
    if file.stem not in ("original", "retrained"):
        arguments += ["--model.original", original_weights(file)]
    if file.stem != "logit_mask":
        arguments += ["--trainer.max_epochs", "1"]
    code, message = run("fit", *arguments, "--trainer.default_root_dir", "out")
    assert code == 0, message
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "config.yaml",
        "model.ckpt",
        "model.safetensors",
        "report.json",
    }
    assert report("out")["data"] == yaml.safe_load(file.read_text())["data"]["class_path"].lower().replace(
        "imagefolder", "image_folder"
    ).replace("tinyimagenet", "tiny_imagenet").replace("fashionmnist", "fashion_mnist")
    plain = build(["--config", str(file), "--model", "Training"]).model.network
    plain.load_state_dict(load_file("out/model.safetensors"), strict=True)
