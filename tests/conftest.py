"""What the tests share: small offline data, and the command line in this process."""

import gc
import json
import sys
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from oro_unlearn.cli import build, main
from oro_unlearn.networks import save_weights
from oro_unlearn.report import class_report
from tests import small_world
from tests.undrawn import undrawn

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "lightning_configs"
BRIEF = [
    *("--trainer.limit_train_batches", "1", "--trainer.limit_test_batches", "1", "--trainer.enable_progress_bar", "false"),
    *("--trainer.accelerator", "cpu", "--data.batch_size", "32", "--force", "true"),  # originals are random weights
    *("--audit.level", "outputs", "--audit.attacks", "none"),
]
SHORT = [*BRIEF, "--data.per_class", "20", "--data.test_per_class", "10"]  # of labelled images
REQUESTS = {  # a class of each data set, by the beginning of its configs' folder
    "digits": "8",
    "mnist": "8",
    "fashion_mnist": "shirt",
    "cifar100": "aquarium_fish",
    "cifar10": "automobile",
    "image_folder": "cat",
    "tiny": "n01443537",
}
WNIDS = ("n01443537", "n01629819", "n01641577")  # of Tiny-ImageNet


def forget_one(config: Path) -> list[str]:
    """Words that name a class to forget, where a config is of a model that forgets."""
    if config.stem.startswith("original"):
        return []
    return ["--data.forget", next(f"[{name}]" for data, name in REQUESTS.items() if config.parent.name.startswith(data))]


def pytest_collection_finish() -> None:
    """What is imported stays. To look for garbage in it again and again takes a twentieth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """No test sees the user's files or writes into the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORO_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "argv", ["oro-unlearn"])
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def digits_read_once():
    """scikit-learn parses the file of the digits each time, which takes longer than a step of training."""
    import sklearn.datasets  # here, after lightning: Python keeps one Optional[int | float], with the order of the first

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn.datasets, "load_digits", cache(sklearn.datasets.load_digits))
        yield


@pytest.fixture(autouse=True, scope="session")
def plugins_looked_up_once():
    """Every trainer of Lightning asks all installed packages for callbacks."""
    from lightning.fabric.utilities import registry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", cache(registry.entry_points))
        yield


@pytest.fixture(autouse=True)
def threads_stay():
    """No test leaves another number of threads: two workers with two threads each would take ten times as long."""
    before = torch.get_num_threads()
    yield
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == before, "the number of threads was changed and not put back"


@pytest.fixture(autouse=True)
def drawn_where_looked_at(request):
    """Pictures are one pixel but in tests marked ``pictures``: to draw them takes half of the time of a short run."""
    with nullcontext() if request.node.get_closest_marker("pictures") else undrawn():
        yield


@pytest.fixture(autouse=True)
def outputs_where_nothing_else_is_asked(request, monkeypatch):
    """Runs end with the audit of outputs but in tests marked ``features``: to relearn every model takes longer than the run."""
    if not request.node.get_closest_marker("features"):
        audit = class_report.audit_run
        monkeypatch.setattr(class_report, "audit_run", lambda edit, data, _, *more: audit(edit, data, "outputs", *more))


@pytest.fixture
def run(capsys):
    """Run a command line; returns exit code and what it said on standard error."""

    def command(*args: str) -> tuple[int, str]:
        try:
            main(list(args))
        except SystemExit as stop:
            return int(stop.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return command


@pytest.fixture
def report():
    """Content of a run's ``report.json``."""
    return lambda folder: json.loads((Path(folder) / "report.json").read_text())


@cache
def random_state(config: Path, args: tuple[str, ...], seed: int) -> dict[str, torch.Tensor]:
    """Random weights of a config's network."""
    torch.manual_seed(seed)
    return build(["--config", str(config), *args, "--model", "Training"]).model.network.state_dict()


@pytest.fixture
def original_weights():
    """Random weights of a config's network, in the place of a trained original."""

    def make(config: Path, *args: str, name: str = "original.safetensors") -> str:
        found = random_state if config.parent == CONFIGS / "digits" else random_state.__wrapped__  # others by their images
        save_weights(found(config, args, len(name)), name)
        return name

    return make


@pytest.fixture
def relational(tmp_path):
    """Words after ``fit`` or ``test`` for a config of the scenes, in a small world with random weights."""

    def words(*args: str, config: str = "shield", folder: Path = tmp_path) -> list[str]:
        return [*small_world.arguments(folder, CONFIGS / "scenes" / f"{config}.yaml"), *args]

    return words


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Folder of a finished relational run: two epochs of one step. Not to be written into."""
    folder = tmp_path_factory.mktemp("finished")
    words = small_world.arguments(folder, CONFIGS / "scenes" / "shield.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["oro-unlearn"])
        main(["fit", *words, *small_world.ONE_BATCH, "--trainer.default_root_dir", str(folder / "out")])
    return folder / "out"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of a tiny random vision-language model of a family, written once."""
    from tests.networks.vision_language.tiny_models import FAMILIES

    return cache(lambda family: str(FAMILIES[family](tmp_path_factory.mktemp(family))))


@pytest.fixture
def image_folder():
    """Write a folder of images, one folder per class, and return it."""

    def make(root, classes=("automobile", "cat", "dog"), parts=("train/", "test/"), count=6, size=32) -> Path:
        generator = np.random.default_rng(0)
        for part in parts:
            for label, name in enumerate(classes):
                folder = Path(root) / f"{part}{name}"
                folder.mkdir(parents=True)
                for number in range(count):
                    pixels = generator.integers(0, 128, (size, size, 3)) + 127 * (label % 2)
                    Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        return Path(root)

    return make


@pytest.fixture
def offline(monkeypatch, image_folder, tmp_path):
    """Stand-ins for every data set that would have to be downloaded."""

    def fake(shape: tuple[int, ...], num_classes: int, as_tensor: bool) -> type:
        class Fake:
            def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
                count = num_classes * 2
                pixels = np.random.default_rng(int(train)).integers(0, 256, (count, *shape)).astype(np.uint8)
                self.data = torch.from_numpy(pixels) if as_tensor else pixels
                self.targets = torch.arange(count) % num_classes if as_tensor else [n % num_classes for n in range(count)]

        return Fake

    for name, shape, classes, tensor in (
        ("MNIST", (28, 28), 10, True),
        ("FashionMNIST", (28, 28), 10, True),
        ("CIFAR10", (32, 32, 3), 10, False),
        ("CIFAR100", (32, 32, 3), 100, False),
    ):
        monkeypatch.setattr(datasets, name, fake(shape, classes, tensor))
    for folder in ("cifar10", "images"):
        image_folder(tmp_path / "data" / folder)
    image_folder(tmp_path / "data" / "tinyimagenet20", classes=WNIDS, parts=("train/", "val/"), size=64)
    tiny_imagenet(tmp_path / "data" / "tiny-imagenet-200")


def tiny_imagenet(root: Path, wnids=WNIDS, count: int = 2) -> None:
    """The official archive's layout, with grey-scale files among the others."""
    generator = np.random.default_rng(0)
    annotations = []
    (root / "val" / "images").mkdir(parents=True)
    for wnid in wnids:
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True)
        for number in range(count):
            image = Image.fromarray(generator.integers(0, 256, (64, 64, 3)).astype(np.uint8))
            (image.convert("L") if number == 0 else image).save(folder / f"{wnid}_{number}.JPEG")
            image.save(root / "val" / "images" / f"val_{wnid}_{number}.JPEG")
            annotations.append(f"val_{wnid}_{number}.JPEG\t{wnid}\t0\t0\t63\t63")
    (root / "val" / "val_annotations.txt").write_text("\n".join(annotations) + "\n")
    (root / "wnids.txt").write_text("\n".join(reversed(wnids)) + "\n")
