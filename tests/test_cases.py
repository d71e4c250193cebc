"""Inputs as users have them: each is read rightly, or refused in one line that says what to do; never a wrong report."""

import argparse
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from oro_unlearn.cli import build
from oro_unlearn.data import ImageFolder
from oro_unlearn.networks import load_weights
from tests.colours import ColourNet, knowing, knowing_state, write_pictures
from tests.conftest import CONFIGS

CLASSES = ("cat", "dog", "fox")


@pytest.fixture
def attempt(run, capsys):
    """Run ``fit`` on pictures of colours; returns exit code, what was printed, and the error."""

    def command(*args: str, weights: str = "colours.safetensors") -> tuple[int, str]:
        code, message = run(
            *("fit", "--config", str(CONFIGS / "image_folder" / "rwft_o.yaml"), "--data.root", "pictures"),
            *("--data.image_size", "8", "--data.crop_padding", "0", "--data.batch_size", "16", "--trainer.accelerator", "cpu"),
            *("--model.network", "tests.colours.ColourNet", "--model.original", weights, "--trainer.max_epochs", "1"),
            *("--trainer.enable_progress_bar", "false", "--trainer.default_root_dir", "out", *args),
        )
        assert code in (0, 2), message
        assert message.count("\n") == bool(code), "one line"
        assert (Path("out") / "report.json").is_file() == (code == 0)
        return code, message

    return command


# -- checkpoints


def prefixed(prefix: str) -> dict:
    return {prefix + name: value for name, value in knowing_state(range(3)).items()}


READ: dict[str, Callable[[], object]] = {  # prefixes and keys: tests/networks/test_checkpoints.py
    "prefix and key": lambda: {"model_state_dict": prefixed("encoder.trunk."), "acc": 1.0, "epoch": 3},
    "numpy scalar, namespace, path": lambda: {
        "state_dict": prefixed(""),
        "args": argparse.Namespace(lr=1, out=Path("x")),
        "best": np.float64(1),
    },
    "profiler keys": lambda: {**prefixed(""), "total_ops": torch.zeros(1), "total_params": torch.zeros(1)},
    "no batch counters": lambda: {name: v for name, v in prefixed("").items() if "num_batches_tracked" not in name},
    "optimizer": lambda: {"state_dict": prefixed(""), "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}}},
}


@pytest.mark.parametrize("name", READ)
def test_a_checkpoint_is_read(name):
    torch.save(READ[name](), "weights.pt")
    network = ColourNet(3)
    load_weights(network, "weights.pt")
    state = network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in knowing_state(range(3)).items())


def test_a_run_begins_from_such_a_checkpoint(attempt, report):
    write_pictures("pictures", CLASSES)
    torch.save(READ["prefix and key"](), "weights.pt")
    code, message = attempt("--data.forget", "[cat]", weights="weights.pt")
    assert code == 0, message
    assert report("out")["metrics"]["original"]["test/acc_r"] == 1


def scripted() -> None:
    torch.jit.script(nn.Linear(2, 2)).save("weights.pt")


def two_states() -> None:
    torch.save({"model": prefixed(""), "model_ema": {n: v + 1e-3 for n, v in prefixed("").items()}}, "weights.pt")


REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "two state dicts": (two_states, ("model", "model_ema", "--model.checkpoint_key")),
    "head of ten": (lambda: torch.save(knowing_state(range(10)), "weights.pt"), ("10", "3")),
    "Git LFS": (
        lambda: Path("weights.pt").write_text("version https://git-lfs.github.com/spec/v1\noid 0\n"),
        ("git lfs pull",),
    ),
    "HTML": (lambda: Path("weights.pt").write_text("<!DOCTYPE html><html><body>Sign in</body></html>"), ("web page",)),
    "TorchScript": (scripted, ("another architecture",)),
    "module": (lambda: torch.save(nn.Linear(2, 2), "weights.pt"), ("state_dict",)),
    "HDF5": (lambda: Path("weights.pt").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64)), ("HDF5",)),
    "empty": (lambda: Path("weights.pt").write_bytes(b""), ("empty",)),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_checkpoint_is_refused_with_the_way_out(name, attempt):
    make, says = REFUSED[name]
    write_pictures("pictures", CLASSES)
    make()
    code, message = attempt("--data.forget", "[cat]", weights="weights.pt")
    assert code == 2
    assert all(part in message for part in says), message


@pytest.mark.parametrize("layout", ["TorchScript", "Transformers"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_clip_weights_of_another_layout_are_named(layout, run):
    scripted() if layout == "TorchScript" else save_file(
        {"text_model.encoder.layers.0.self_attn.q_proj.weight": torch.zeros(8, 8)}, "weights.safetensors"
    )
    file = "weights.pt" if layout == "TorchScript" else "weights.safetensors"
    network = ("--model.network.init_args.pretrained", file)
    code, message = run("fit", "--config", str(CONFIGS / "scenes" / "shield.yaml"), *network)
    assert code == 2
    assert ("another architecture" if layout == "TorchScript" else layout) in message
    assert message.count("\n") == 1
    assert "weights_only=False" not in message


# -- order of the classes


def test_the_order_in_a_checkpoint_is_used(attempt, report):
    write_pictures("pictures", CLASSES)
    weights = knowing([1, 0, 2], "weights.pt", class_to_idx={"dog": 0, "cat": 1, "fox": 2})
    code, message = attempt("--data.forget", "[cat]", weights=weights)
    assert code == 0, message
    assert report("out")["metrics"]["original"]["test/acc_f"] == 1


# -- folders


def images(*classes: str, **more) -> Path:
    knowing(range(len(classes)))
    return write_pictures("pictures", classes, **more)


def with_notebook_folder() -> None:
    root = images(*CLASSES, parts=("",), count=10)
    (root / ".ipynb_checkpoints").mkdir()
    Image.new("RGB", (8, 8)).save(root / ".ipynb_checkpoints" / "0.png")


def with_apple_double() -> None:
    (images(*CLASSES) / "train" / "cat" / "._0.png").write_bytes(bytes(4096))


def with_archive_leftovers() -> None:
    root = images(*CLASSES)
    (root / "train" / "__MACOSX").mkdir()
    (root / "train" / "cat" / "Thumbs.db").write_bytes(bytes(16))


def with_flat_test() -> None:
    root = images(*CLASSES, parts=("train/", "val/"))
    (root / "test").mkdir()
    Image.new("RGB", (8, 8)).save(root / "test" / "0.png")


def with_other_suffixes() -> None:
    root = images(*CLASSES)
    for number, kind in ((1, "JPEG"), (2, "GIF"), (3, "WEBP")):
        file = root / "train" / "cat" / f"{number}.png"
        Image.open(file).save(file.with_suffix({"JPEG": ".jfif", "GIF": ".gif", "WEBP": ".WebP"}[kind]), kind)
        file.unlink()


FOLDERS = {
    "notebook": (with_notebook_folder, 24, 6),
    "apple double": (with_apple_double, 12, 12),
    "archive leftovers": (with_archive_leftovers, 12, 12),
    "flat test": (with_flat_test, 12, 12),
    "Train, Test": (lambda: images(*CLASSES, parts=("Train/", "Test/")), 12, 12),
    "train, Test": (lambda: images(*CLASSES, parts=("train/", "Test/")), 12, 12),
    "train, val": (lambda: images(*CLASSES, parts=("train/", "val/")), 12, 12),
    "training, validation": (lambda: images(*CLASSES, parts=("training/", "validation/")), 12, 12),
    "train, dev": (lambda: images(*CLASSES, parts=("train/", "dev/")), 12, 12),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_understood(name):
    make, train, test = FOLDERS[name]
    make()
    data = ImageFolder("pictures", forget="cat")
    counts = data.inventory()["pictures"]
    assert (counts["train"], counts["test_forget"] + counts["test_retain"]) == (train, test)
    assert data.class_names == list(CLASSES)


def test_files_of_other_suffixes_are_read(attempt, report):
    with_other_suffixes()
    code, message = attempt("--data.forget", "[cat]")
    assert code == 0, message
    assert report("out")["images"]["forget"] == 4


def test_a_file_that_is_not_read_stops_the_run_unless_it_may_be_skipped(attempt, report):
    (images(*CLASSES) / "train" / "cat" / "notes.psd").write_bytes(b"8BPS")
    code, message = attempt("--data.forget", "[cat]")
    assert code == 2
    assert "notes.psd" in message
    assert "--data.skip_unread true" in message
    code, message = attempt("--data.forget", "[cat]", "--data.skip_unread", "true")
    assert code == 0, message
    assert sum(report("out")["read"]["skipped"].values()) == 1


def test_twelve_bit_values_are_not_near_black(attempt, report, capsys):
    root = images("bright", "dark", "noise", count=5)
    for part in ("train", "test"):
        for number, file in enumerate(sorted((root / part / "noise").iterdir())):
            pixels = np.random.default_rng(number).integers(0, 4096, (8, 8)).astype(np.uint16)
            Image.fromarray(pixels).save(file)
    code, message = attempt("--data.forget", "[dark]", "--force", "true")
    assert code == 0, message
    assert any("more than 8 bits" in note for note in report("out")["read"]["notes"]), report("out")["read"]["notes"]


# -- names


@pytest.mark.parametrize("typed", ["[yes]", "[on]", "[null]", "[1e3]", "[1_0]", "008", "1.0", "null", "~"])
def test_a_class_is_the_text_that_was_typed(typed):
    name = typed.strip("[]")
    classes = sorted(["no", name, "other"])
    images(*classes)
    cli = build(["--config", "image_folder/original", "--data.root", "pictures", "--data.forget", typed])
    assert cli.datamodule.class_names == classes
    assert cli.datamodule.forget_classes == [classes.index(name)]


@pytest.mark.parametrize(
    ("typed", "says"), [("null", "class 'null' does not exist"), ("", "--data.forget"), ("[]", "--data.forget")]
)
def test_nothing_to_forget_is_one_line(typed, says, attempt):
    images(*CLASSES)
    code, message = attempt("--data.forget", typed)
    assert code == 2
    assert says in message


def test_no_default_request(attempt):
    images(*CLASSES)
    code, message = attempt()
    assert code == 2
    assert "--data.forget" in message


def test_an_index_is_asked_for_as_one(attempt, report):
    images(*CLASSES)
    code, message = attempt("--data.forget", "[2]")
    assert code == 2
    assert "--data.forget_index" in message
    code, message = attempt("--data.forget_index", "[2]")
    assert code == 0, message
    assert report("out")["forget"] == ["fox"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_compared_in_one_normal_form(form, attempt, report):
    images(*sorted(["cat", unicodedata.normalize("NFD", "café"), "fox"]))
    code, message = attempt("--data.forget", f"[{unicodedata.normalize(form, 'café')}]")
    assert code == 0, message
    assert report("out")["images"]["forget"] == 4


# -- networks


@pytest.mark.parametrize("name", ["WithLogits", "WithAuxiliary", "WithDict", "unannotated"])
def test_what_networks_return_is_unwrapped(name, attempt, report):
    images(*CLASSES)
    code, message = attempt("--data.forget", "[cat]", "--model.network", f"tests.colours.{name}")
    assert code == 0, message
    assert report("out")["metrics"]["original"]["test/acc_r"] == 1


def test_a_factory_takes_arguments(attempt, report):
    images(*CLASSES)
    network = ("--model.network", "tests.colours.with_arguments", "--model.network.init_args.name", "colours")
    code, message = attempt("--data.forget", "[cat]", *network)
    assert code == 0, message


def test_probabilities_are_refused(attempt):
    images(*CLASSES)
    code, message = attempt("--data.forget", "[cat]", "--model.network", "tests.colours.WithSoftmax")
    assert code == 2
    assert "softmax" in message
