"""The fast training recipe: label smoothing, schedules by the step, and the flip that alternates."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import cross_entropy

from oro_unlearn.cli import build
from oro_unlearn.data import Digits
from oro_unlearn.data.images.labelled_images import alternating_flip
from oro_unlearn.methods import Batch, FineTune, Retraining, Training
from oro_unlearn.methods.schedules import part_of_rate
from oro_unlearn.networks import ResNet18
from tests.conftest import CONFIGS, SHORT
from tests.methods.test_methods import fit, method

DIGITS = ["--config", str(CONFIGS / "digits/original.yaml")]


@pytest.mark.parametrize(("kind", "split"), [(Training, "train"), (Retraining, "retain")])
def test_smoothed_loss_by_hand_and_by_torch(kind, split):
    """Of logits (log 6, log 3, log 1): -log p is log 10/6, log 10/3, log 10; a fifth of the target is spread over the three."""
    module = method(kind, label_smoothing=0.2)
    logits = torch.tensor([[6.0, 3.0, 1.0]]).log()
    module.forward = lambda images: logits
    labels = torch.tensor([1])
    found = module.losses(**{split: Batch(torch.zeros(1), labels, torch.zeros(1))})["train"]
    by_hand = 0.8 * torch.tensor(10 / 3).log() + 0.2 / 3 * torch.tensor([10 / 6, 10 / 3, 10.0]).log().sum()
    assert torch.allclose(found, by_hand)
    assert torch.allclose(found, cross_entropy(logits, labels, label_smoothing=0.2))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_out_of_range_is_refused(smoothing):
    with pytest.raises(ValueError, match=r"label_smoothing is a part of the target in \[0, 1\), not"):
        method(Training, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_and_in_one_line_on_the_command_line(smoothing, run):
    code, message = run("fit", *DIGITS, *SHORT, "--model.label_smoothing", str(smoothing))
    assert code == 2
    assert "label_smoothing is a part of the target" in message
    assert message.count("\n") == 1


def triangle(step: int, steps: int) -> float:
    return part_of_rate(step, steps, "linear", rising=0.2, start=0.2)


def test_triangle_by_hand():
    """A run of 20 steps: 0.2 at its start, the whole rate after 4 steps, half of it after 8 of the other 16, 0 at its end."""
    assert [triangle(step, 20) for step in (0, 2, 4, 12, 19, 20)] == pytest.approx([0.2, 0.6, 1.0, 0.5, 1 / 16, 0.0])
    assert triangle(1, 1) == 0


def rates(schedule: str, **kwargs) -> list[float]:
    """The rate of every step of a run of 4 epochs of 3 steps, and after the last, of a highest rate of 0.1."""
    found = []

    class Watched(Training):
        def on_train_batch_start(self, *args):
            found.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    options = {"optimizer": lambda p: torch.optim.SGD(p, lr=0.1), **kwargs}
    trainer = fit(method(Watched, schedule=schedule, **options), epochs=4)
    return [*found, trainer.optimizers[0].param_groups[0]["lr"]]


def test_a_triangle_goes_by_the_step_over_the_whole_run():
    """12 steps: the peak would be at step 2.4."""
    found = rates("triangle")
    assert found == pytest.approx([0.1 * triangle(step, 12) for step in range(13)])
    assert (found[0], found[6], found[12]) == pytest.approx((0.02, 0.1 * 6 / 9.6, 0.0))
    assert max(found) == found[3]


def test_a_cosine_goes_by_the_step_over_the_whole_run():
    found = rates("cosine")
    assert (found[0], found[3], found[6], found[12]) == pytest.approx((0.1, 0.1 * (2 + 2**0.5) / 4, 0.05, 0.0), abs=1e-9)


def test_the_schedule_is_by_the_epoch_unless_asked():
    halving = {"lr_scheduler": lambda o: torch.optim.lr_scheduler.StepLR(o, 1, gamma=0.5)}
    assert rates("epoch", **halving) == pytest.approx([0.1] * 3 + [0.05] * 3 + [0.025] * 3 + [0.0125] * 3 + [0.00625])
    assert rates("cosine", **halving)[1:3] != pytest.approx([0.1] * 2), "by the step: lr_scheduler has no say"


def test_a_run_without_end_cannot_be_annealed():
    with pytest.raises(ValueError, match=r"set --trainer.max_epochs, or --model.schedule epoch"):
        fit(method(Training, schedule="triangle"), epochs=-1)


def test_two_epochs_show_every_image_once_either_way():
    images = torch.rand(1000, 3, 4, 5)
    index = torch.randperm(1000) + 5000
    first, second, third = (alternating_flip(images, index, epoch) for epoch in (0, 1, 2))
    mirrored = [(shown == images.flip(3)).flatten(1).all(1) for shown in (first, second)]
    as_is = [(shown == images).flatten(1).all(1) for shown in (first, second)]
    assert torch.equal(mirrored[0], as_is[1])
    assert torch.equal(mirrored[1], as_is[0])
    assert torch.equal(mirrored[0], ~mirrored[1])
    assert torch.equal(third, first)


@pytest.mark.parametrize("step", [1, 2, 10, 4096])
def test_the_phase_is_the_images_own_and_half_of_any_run_of_images(step):
    """Of any class in a set sorted by class, or dealt out in turn; and it is the same in whatever batch."""
    index = torch.arange(1000) * step
    images = torch.tensor([[[[0.0, 1.0]]]]).expand(1000, 1, 1, 2)
    phase = alternating_flip(images, index, 0)[:, 0, 0, 0]
    assert phase.mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(alternating_flip(images[:10], index[500:510], 0)[:, 0, 0, 0], phase[500:510])


def test_training_alternates_by_the_epoch_and_measuring_does_not():
    shown: list[dict[int, torch.Tensor]] = [{}, {}]

    class Watched(Training):
        def losses(self, train):
            shown[self.current_epoch].update(zip(train.index.tolist(), train.images, strict=True))
            return super().losses(train=train)

    data = Digits(flip="alternating", batch_size=2000, per_class=60)  # an epoch is one batch
    trainer = Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(method(Watched), data)
    index = sorted(shown[0])
    first, second = (torch.stack([images[row] for row in index]) for images in shown)
    assert len(index) == len(data.split("train"))
    assert torch.equal(first, second.flip(3))
    plain = data.prepare(data.split("train")[:], augment=False)
    plain = torch.stack([dict(zip(plain[2].tolist(), plain[0], strict=True))[row] for row in index])
    as_is = (first == plain).flatten(1).all(1)
    assert 0.4 < as_is.float().mean() < 0.6
    assert torch.equal(second[~as_is], plain[~as_is])


@pytest.mark.parametrize(("word", "value"), [("true", True), ("false", False), ("alternating", "alternating")])
def test_the_command_line_takes_every_kind_of_flip(word, value):
    flip = build([*DIGITS, "--data.flip", word]).datamodule.flip
    assert (flip, type(flip)) == (value, type(value))


def test_nothing_of_the_recipe_is_left_under_a_preset_laid_over_it():
    words = ["--config", str(CONFIGS / "cifar10/original_fast.yaml"), "--config", str(CONFIGS / "methods/fine_tune.yaml")]
    model = build([*words, "--model.original", "unread", "--data.forget_index", "[0]"]).model
    assert isinstance(model, FineTune)
    assert not hasattr(model, "label_smoothing")
    assert not hasattr(model, "schedule")


@pytest.fixture
def recipe(offline):
    """The benchmark's script, where its configs and stand-ins for its images are."""
    from benchmarks.speed import recipe

    Path("lightning_configs").symlink_to(CONFIGS)
    return recipe


def test_tuning_reads_no_test_image_and_lays_every_setting_over_the_usual_recipe(recipe):
    for name, job in recipe.tuning().items():
        found = build(job.command[1:])
        rate = found.model.optimizer([torch.zeros(1, requires_grad=True)]).param_groups[0]["lr"]
        assert name == f"lr {rate}, smoothing {found.model.label_smoothing:g}, shift {found.datamodule.crop_padding}"
        assert found.datamodule.holdout > 0
        assert (found.model.schedule, found.datamodule.flip, found.trainer.max_epochs) == ("triangle", "alternating", 8)


def test_recipes_are_as_long_as_their_names_say(recipe):
    for name, jobs in recipe.measured().items():
        found = build(jobs[1].command[1:])
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        assert name.endswith(f" {found.trainer.max_epochs} epochs")
        assert found.datamodule.holdout == 0
        if name.startswith("fast"):
            assert (found.model.schedule, found.model.label_smoothing) == ("triangle", 0.2)
        else:
            assert found.model.lr_scheduler(optimizer).T_max == found.trainer.max_epochs, "to 0 in its own time"


def test_accuracies_stand_beside_the_usual_recipes(recipe):
    for name, values in {"usual, 16 epochs": (0.4, 0.6), "fast, 8 epochs": (0.25,)}.items():
        for job, value in zip(recipe.measured()[name], values, strict=False):
            report = {"metrics": {"original": {"test/acc_r": value}}, "images_read": 7, "seconds": 1.0}
            job.folder.mkdir(parents=True)
            (job.folder / "report.json").write_text(json.dumps(report))
            (job.folder / "job.key").write_text(job.key())
    usual, fast = recipe.rows()
    assert (usual["mean"], usual["ratio"], usual["epochs"], usual["accuracy"]) == (0.5, 1.0, 16, [0.4, 0.6])
    assert (fast["mean"], fast["ratio"], fast["epochs"], fast["std"]) == (0.25, 0.5, 8, None)


@pytest.mark.parametrize(("width", "layout"), [(8, torch.contiguous_format), (16, torch.channels_last)])
def test_narrow_strided_convolutions_keep_the_default_layout(width, layout):
    """One of oneDNN's kernels writes past its buffer at a strided 1x1 convolution with fewer channels than a vector has."""
    assert Training(network=partial(ResNet18, width=width), num_classes=10).memory_format == layout
