"""Inside a training step the host never waits for the device: nothing is read back, and nothing of unknown size is made."""

import pytest
import torch
import yaml
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from oro_unlearn.cli import build
from tests.conftest import CONFIGS

PRESETS = sorted(CONFIGS.glob("methods/*.yaml"))
TRAINED = [path for path in PRESETS if yaml.safe_load(path.read_text())["trainer"]["max_epochs"]]
DIGITS = [CONFIGS / f"digits/{name}.yaml" for name in ("original", "retrained")]
aten = torch.ops.aten
READS = {  # operators that wait for a value, or whose result's size is one
    *(aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select, aten._unique2),
    *(aten.unique_dim, aten.unique_consecutive, aten.repeat_interleave, aten.bincount, aten.histc),
}
METHODS = ("cpu", "numpy", "tolist", "__array__")  # on the CPU they call no operator
QUIET = ["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"]
SMALL = {"amun": ["--model.rounds", "1", "--model.steps", "1"], "unsir": ["--model.noise_images", "8"]}  # before training


class WaitsError(AssertionError):
    """What would make the host wait."""


class NoWaiting(TorchDispatchMode):
    """Raises where a CUDA step would make the host wait; the CPU alone is needed to find it.

    Args:
        optimizers: Adam counts its steps on the CPU, and may read them there.
    """

    def __init__(self, optimizers=()) -> None:
        super().__init__()
        counts = [state["step"] for optimizer in optimizers for state in optimizer.state.values() if "step" in state]
        self.on_the_cpu = {count.data_ptr() for count in counts}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "overloadpacket", func)
        if name in READS and args[0].data_ptr() not in self.on_the_cpu:
            raise WaitsError(f"{func} of {tuple(args[0].shape)}")
        if name is aten.lift_fresh:
            raise WaitsError(f"a tensor {tuple(args[0].shape)} is made of Python numbers: the device waits for its copy")
        if name in (aten.index, aten.index_put, aten.index_put_) and any(mask(index) for index in args[1]):
            raise WaitsError(f"{func} with a boolean mask")
        if name is aten._to_copy and torch.device(kwargs.get("device") or "meta").type == "cpu":
            raise WaitsError("a copy to the CPU")
        return func(*args, **kwargs)


def mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


def refuse(*args, **kwargs):
    raise WaitsError("a value is read back")


def guarded(function, module, trainer, patch):
    """Not in an epoch's first step, which may make what it keeps."""

    def call(*args, **kwargs):
        if trainer.fit_loop.epoch_loop.batch_idx < 1:
            return function(*args, **kwargs)
        module.checked_steps = getattr(module, "checked_steps", 0) + 1
        with patch.context() as inside, NoWaiting(trainer.optimizers):
            for name in METHODS:
                inside.setattr(Tensor, name, refuse)
            return function(*args, **kwargs)

    return call


def fit(words, patch):
    """Three epochs of three guarded steps."""
    words = [*words, "--trainer.max_epochs", "3", "--trainer.limit_train_batches", "3", "--trainer.accelerator", "cpu"]
    words += ["--data.batch_size", "8", *(word for name in QUIET for word in (f"--trainer.{name}", "false"))]
    words += [] if "--data.per_class" in words else ["--data.per_class", "20"]
    cli = build([*words, "--force", "true"])  # the original is random weights
    module, data, trainer = cli.model, cli.datamodule, cli.trainer
    for owner, name in ((module, "optimizer_step"), (data, "on_after_batch_transfer")):
        setattr(owner, name, guarded(getattr(owner, name), module, trainer, patch))
    trainer.fit(module, data)
    assert module.checked_steps >= 3
    return module


def edit(path, weights):
    """Words that run a preset on the digits."""
    words = ["--config", str(DIGITS[0]), "--config", str(path), "--model.original", weights, "--data.forget", "[3, 8]"]
    return [*words, *SMALL.get(path.stem, [])]


@pytest.mark.parametrize("path", DIGITS, ids=lambda path: path.stem)
def test_no_step_of_training_waits_for_the_device(path, monkeypatch):
    fit(["--config", str(path), *(["--data.forget", "[8]"] if path.stem == "retrained" else [])], monkeypatch)


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_no_step_of_a_method_waits_for_the_device(path, original_weights, monkeypatch):
    """The whole of a step: batch, losses, gradients, hooks, clipping, optimizer, and what the method does after it."""
    fit(edit(path, original_weights(DIGITS[0])), monkeypatch)


@pytest.mark.parametrize("name", ["bad_teacher", "cf_k", "rwft_2_o", "scrub"])
def test_nor_does_one_that_reads_from_a_cache(name, original_weights, monkeypatch, capsys):
    few = ["--data.per_class", "4", "--data.crop_padding", "0", "--data.flip", "false"]  # read more than once, unchanged
    few += ["--model.trunk_statistics", "keep"] if name == "cf_k" else []
    fit([*edit(CONFIGS / f"methods/{name}.yaml", original_weights(DIGITS[0])), *few], monkeypatch)
    assert "cache: off" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: x.nonzero(),
        lambda x: torch.equal(x, x),
        lambda x: x.unique(),
        lambda x: x[:, [0, 2]],
        lambda x: x.new_tensor(3.0),
        lambda x: x.double().to("cpu", torch.float32),
    ],
)
def test_what_waits_is_found(step):
    with pytest.raises(WaitsError), NoWaiting():
        step(torch.eye(3))


def test_what_does_not_wait_is_let_pass():
    x, rows = torch.eye(3), torch.arange(2)
    with NoWaiting():
        x[rows] = x[rows].masked_fill(x[rows] > 0, -1).softmax(1).to(torch.float64).float()
