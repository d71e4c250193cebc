"""What a data module says it has read."""

import json
from pathlib import Path

import pytest

from oro_unlearn import data
from oro_unlearn.cli import build
from oro_unlearn.data.images.image_data import EVAL_SPLITS
from oro_unlearn.report.inventory import inventory_lines
from tests.conftest import CONFIGS

KINDS = ["Digits", "MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "TinyImageNet", "ImageFolder"]
KEYS = [
    *("data", "root", "classes", "pictures", "forget", "forgotten", "samples", "split", "skipped", "channels", "size"),
    *("normalisation", "notes"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_data_set_says_what_was_read(kind, offline):
    module = getattr(data, kind)(**({"root": "images"} if kind == "ImageFolder" else {}), forget_index=[1])
    found = module.inventory()
    assert list(found) == KEYS
    assert json.loads(json.dumps(found)) == found
    assert list(found["pictures"]) == list(module.sets)
    assert set(EVAL_SPLITS) <= set(found["pictures"])
    assert found["classes"]["count"] == found["classes"]["with_pictures"] == module.num_classes
    assert found["forget"] == {
        module.class_names[1]: {"train": len(module.split("forget")), "test": len(module.split("test_forget"))}
    }
    lines = inventory_lines(found)
    assert 6 <= len(lines) <= 12
    assert all("\n" not in line for line in lines)


def test_requests_are_counted_by_class_and_by_time():
    found = data.Digits(forget=["3", "8"], forgotten="1", holdout=0.25).inventory()
    assert list(found["forget"]) == ["3", "8"]
    assert found["forgotten"]["1"]["train"] == 0
    assert found["forgotten"]["1"]["test"] == found["pictures"]["test_earlier"] > 0
    assert "25 % stand for the test split, which is not read (holdout)" in found["split"]
    text = "\n".join(inventory_lines(found))
    assert "to forget     3 (" in text
    assert f"before        1 ({found['pictures']['test_earlier']} test)" in text
    assert f", earlier {found['pictures']['test_earlier']})" in text


def test_nothing_requested_and_single_samples_are_said():
    assert "to forget     nothing" in inventory_lines(data.Digits().inventory())
    Path("rows.txt").write_text("1 2 3")
    assert "to forget     3 training pictures of rows.txt" in inventory_lines(
        data.Digits(forget_indices="rows.txt").inventory()
    )


def test_names_that_would_steer_a_terminal_are_spelt_out(image_folder):
    root = image_folder("images", classes=("a", "b\x1b[31m", "c"))
    lines = inventory_lines(data.ImageFolder(str(root), forget=["b\x1b[31m"]).inventory())
    assert not any("\x1b" in line for line in lines)


def test_a_request_of_the_command_line_is_the_folder_of_that_name(image_folder):
    image_folder("data/images", classes=("1e3", "no", "null", "on", "yes"))
    words = ["--config", str(CONFIGS / "image_folder/retrained.yaml"), "--trainer.accelerator", "cpu"]
    assert build([*words, "--data.forget", "null"]).datamodule.forget_names == ["null"]
    Path("more.yaml").write_text("data: {init_args: {forget: [yes, 1e3, on]}}")
    cli = build([*words, "--config", "more.yaml"])
    assert cli.datamodule.forget_names == ["1e3", "on", "yes"]
    assert cli.model.forget_classes == cli.datamodule.requested_classes == [0, 3, 4]
