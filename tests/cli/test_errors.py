"""What is a mistake of a user's, and what is one of ours."""

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningModule
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.migration import migrate_checkpoint
from packaging.version import Version
from torch import nn
from torch.utils.data import BatchSampler

import oro_unlearn
from oro_unlearn.cli.errors import FAILURES, explain
from oro_unlearn.cli.unlearning_cli import UNKNOWN, main
from oro_unlearn.data import Digits
from oro_unlearn.user_error import UserError, options_of

PACKAGE = Path(oro_unlearn.__file__).parent
CONFIGS = PACKAGE.parent / "lightning_configs"


class Bare(nn.Module):
    """A network that cannot be told its number of classes."""

    def __init__(self) -> None:
        super().__init__()


class Validated(LightningModule):
    """Asks for what the options set of an epoch's validation."""

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.sum().requires_grad_()

    def validation_step(self, batch: torch.Tensor) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1)


def unpickle() -> None:
    file = io.BytesIO()
    torch.save({"code": print}, file)
    file.seek(0)
    torch.load(file, weights_only=True)


def out_of_gpu_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")  # what only a GPU says


def validate_seldom() -> None:
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=1, val_check_interval=50, logger=False, enable_checkpointing=False, barebones=False
    )
    trainer.fit(Validated(), torch.ones(4, 1), torch.ones(4, 1))


def log_without_tensorboard() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--logger", type=Logger | bool)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE"):
            patch.setattr(f"lightning.fabric.loggers.tensorboard.{name}", False)
        words = ["--logger", "lightning.pytorch.loggers.TensorBoardLogger", "--logger.save_dir", "tb"]
        parser.instantiate_classes(parser.parse_args(words))


PRODUCERS: list[list[Callable[[], object]]] = [  # for each entry of FAILURES, what makes the library say it
    [unpickle],
    [out_of_gpu_memory],
    [lambda: np.ones(10**16, dtype=np.int8)],
    [lambda: torch.empty(10**15)],
    [lambda: torch.ones(1).fill_(10**400)],
    [lambda: nn.Conv2d(3, -4, 3), lambda: nn.Conv2d(3, 0, 3)(torch.ones(1, 3, 8, 8))],
    [lambda: lightning.seed_everything(-1)],
    [lambda: list(BatchSampler([1], 10**30, False)), lambda: list(BatchSampler([1], 0, False))],
    [lambda: os.mkdir("a\0b")],
    [lambda: Version("soon")],
    [validate_seldom],
    [lambda: torch.save(torch.zeros(100_000), "/dev/full")],
    [lambda: nn.Linear(2, 2).load_state_dict({})],
    [lambda: migrate_checkpoint({"state_dict": {}})],
    [lambda: Bare(**{"num_classes": 3})],
    [log_without_tensorboard],
    [lambda: nn.MaxPool2d(4)(torch.ones(1, 1, 2, 2))],
    [lambda: nn.Conv2d(3, 4, 3)(torch.ones(1, 1, 8, 8))],
]


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("place", range(len(FAILURES)), ids=lambda place: FAILURES[place][2][:40])
def test_libraries_still_word_their_errors_as_they_are_matched(place):
    for producer in PRODUCERS[place]:
        with pytest.raises(FAILURES[place][0]) as error:
            producer()
        found = re.search(FAILURES[place][1], " ".join(str(error.value).split()))
        assert found, str(error.value)
        assert explain(error.value) == FAILURES[place][2].format(*found.groups())


def test_every_wording_is_produced():
    assert len(PRODUCERS) == len(FAILURES)


@pytest.mark.parametrize(
    "error", [ValueError("of ours"), OSError("no file of a user's"), KeyError("x"), TypeError("x"), RuntimeError("x")]
)
def test_what_no_user_can_mend_keeps_its_traceback(error):
    assert explain(error) is None


@pytest.mark.parametrize("error", [UserError("a word"), MisconfigurationException("a word")])
def test_a_mistake_of_a_user_is_its_own_line(error):
    assert explain(error) == "a word"


def test_options_that_a_library_refuses_are_a_mistake_of_the_user():
    with pytest.raises(UserError, match="--trainer: no such strategy"), options_of("--trainer"):
        raise ValueError("no such strategy")
    with pytest.raises(UserError, match="a word"), options_of("--trainer"):
        raise UserError("a word")
    with pytest.raises(TypeError), options_of("--trainer"):
        raise TypeError("of ours")


def test_a_fault_of_ours_shows_its_traceback_and_asks_for_a_report(monkeypatch, tmp_path):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("of ours")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Digits, "setup", fail)
    with pytest.raises(ValueError, match="of ours") as error:
        main(["fit", "--config", str(CONFIGS / "digits" / "original.yaml"), "--trainer.accelerator", "cpu"])
    assert not isinstance(error.value, UserError)
    if sys.version_info >= (3, 11):
        assert error.value.__notes__ == [UNKNOWN]


RAISED = re.compile(r"raise (ValueError|OSError|FileNotFoundError|FileExistsError|RuntimeError)\(")


@pytest.mark.parametrize("folder", ["data", "graph", "networks", "methods", "attacks", "report", "risk"])
def test_what_the_package_tells_its_user_is_a_user_error(folder):
    """Metrics alone raise plain ValueErrors: of calls, not of what a user gave."""
    found = {str(path.relative_to(PACKAGE)): RAISED.findall(path.read_text()) for path in (PACKAGE / folder).rglob("*.py")}
    assert {path for path, kinds in found.items() if kinds} <= {
        "networks/frozen_trunk.py"
    }  # caught in methods/classes/cache.py
