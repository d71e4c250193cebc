"""The command line with relational methods: what it refuses, and what it says."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from oro_unlearn.cli import main
from oro_unlearn.networks import OpenCLIP, SmallCNN, save_weights
from oro_unlearn.networks.adapter_files import base_sha256
from tests.conftest import CONFIGS


def checkpoint(path: str, state: dict, **others) -> None:
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.6.0", "loops": {}, **others}, path)


@pytest.fixture
def files(monkeypatch):
    """Files that do not fit, and no network."""
    save_weights(SmallCNN(10, width=4), "cnn.safetensors")
    for name, rank in (("rank4.ckpt", 4), ("other_base.ckpt", 16)):
        network = OpenCLIP("scenes", pretrained="")
        network.add_adapter("text", rank=rank)
        checkpoint(name, network.adapter_state(), base_sha256=base_sha256(network.model))
    checkpoint("classes.ckpt", {"network.fc.weight": torch.zeros(1)})
    torch.save({"a": torch.zeros(1)}, "mine.pt")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "cache")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.push", "shove"], r'"push": Expected one of \[\'cosine\', \'target\', .*\]. Got value: shove$'),
        (["--model.towers", "audio"], r'"towers": Expected one of \[\'both\', \'text\', \'image\'\]. Got value: audio$'),
        (["--model.tau", "high"], "\"tau\": expected float or 'unrelated' or 'mismatched', got high"),
        (["--model.alpha", "-1"], "weights are 0 or more .* see l2_nodes"),
        (["--model.lora_rank", "0"], "rank must be 1 or more"),
        (["--model.optimizer.lr", "fast"], '"lr": expected float or Tensor, got fast$'),
        (["--model.vocab_captions", "1"], "no safe captions to draw: raise vocab_captions"),
        (["--data.forget", "child eating stone"], "unknown object 'stone' in 'child eating stone'"),
        (["--data.forget", "child kissing dog"], "unknown relation 'kissing'|is no relation"),
        (["--data.forget", "[dog eating ball]"], "'dog eating ball' cannot be forgotten"),
        (["--data.graph", "nope.yaml"], "no graph file nope.yaml"),
        (["--data", "Digits"], "RelationUnlearning is for relations, and Digits has none: choose --data Scenes"),
        (["--model", "PushOnlyy"], "unknown method 'PushOnlyy' for model; known: AMUN, BadTeacher, BoundaryExpand"),
        (["--model.network", "SmallCNN"], "unsuitable network 'SmallCNN' for network; known: OpenCLIP, ResNet18"),
        (["--model.network", "oro_unlearn.networks.SmallCNN"], "Expected .* to be a subclass of OpenCLIP"),
        (["--model.network.init_args.nam", "x"], "\"network\": Option 'nam' is not accepted$"),
        (
            ["--model.network.init_args.name", "ViT-B-32-quickgelu", "--model.network.init_args.pretrained", "openai"],
            r"not here, and cannot be downloaded \(HF_HUB_OFFLINE is set\); download https://.*safetensors elsewhere",
        ),
        (
            ["--model.network.init_args.pretrained", "cnn.safetensors"],
            "cnn.safetensors is a checkpoint of another architecture",
        ),
        (["--model.network.init_args.pretrained", "nope.pt"], "'nope.pt' is no file, and scenes has no tags"),
        (["--model.retrained", "[cnn.safetensors]"], "cnn.safetensors is a checkpoint of another architecture than CLIP"),
        (["--model.retrained", "[nope.pt]"], "checkpoint nope.pt not found"),
        (["--ckpt_path", "rank4.ckpt"], r"--ckpt_path does not fit: .*lora_A.weight is \(4, 128\) there and \(16, 128\) here"),
        (["--ckpt_path", "other_base.ckpt"], "the adapter of --ckpt_path belongs to another base model"),
        (["--ckpt_path", "classes.ckpt"], "--ckpt_path does not fit: these are tensors of another adapter"),
        (["--ckpt_path", "mine.pt"], "--ckpt_path takes a run's model.ckpt; weights alone go to"),
        (["--trainer.precision", "bf16-true"], "bf16-true is not supported"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, message, run, relational, files):
    code, error = run("fit", *relational(*arguments, "--trainer.default_root_dir", "out"))
    assert code == 2
    assert error.count("\n") == 1
    assert re.search(message, error.strip()), error
    written = {path.name for path in Path("out").rglob("*") if path.is_file()}
    assert written <= {"hparams.yaml", "metrics.csv"} | ({"config.yaml"} if "vocab_captions" in message else set())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "Pretraining"], "Pretraining is for relations, and Digits has none"),
        (["--data", "Scenes"], "the number of classes is not known"),
        (["--model.network", "OpenCLIP"], "OpenCLIP takes no num_classes: choose a classifier with --model.network"),
    ],
)
def test_methods_and_data_of_the_two_kinds_are_not_mixed(arguments, message, run):
    code, error = run("fit", "--config", str(CONFIGS / "digits/original.yaml"), *arguments)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error


def test_measuring_needs_a_run(run, relational):
    code, error = run("test", *relational("--trainer.default_root_dir", "out"))
    assert code == 2
    assert "nothing to measure: out/model.ckpt not found; run fit first" in error


@pytest.mark.parametrize("forget", ["child eating apple", "[child eating apple, dog holding ball]"])
def test_what_is_forgotten_is_printed_as_it_was_given(forget, relational, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", *relational("--data.forget", forget, "--print_config")])
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["data"]["init_args"]["forget"] == yaml.safe_load(forget)
    assert not {"num_classes", "forget_classes"} & set(printed["model"]["init_args"])
