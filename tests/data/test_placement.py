"""Where batches come from: a copy on the device, the CPU, or worker processes."""

from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DistributedSampler

from oro_unlearn.data import Digits, ImageFolder
from oro_unlearn.data.batches import EpochBatches, from_batches
from oro_unlearn.data.images.image_data import EVAL_SPLITS
from oro_unlearn.methods import Training
from oro_unlearn.networks import SmallCNN

META, CPU = torch.device("meta"), torch.device("cpu")


def on(device: torch.device, **options) -> Digits:
    """A data module after the setup of a trainer on a device."""
    data = Digits(forget=[3], **options)
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=device))
    data.setup("fit")
    return data


def source(data: Digits, split: str) -> torch.device:
    return data.split(split)._source[0].device


def test_batches_lie_on_the_trainers_device_and_the_rest_on_the_cpu():
    data = on(META)
    images, labels, index = next(iter(data.loader(data.split("retain"))))
    assert images.device == labels.device == index.device == META
    assert (images.shape, images.dtype) == ((128, 1, 16, 16), torch.uint8)
    part = data.split("retain")
    assert part.images.device == part.labels.device == part.positions.device == CPU
    assert part[0][0].device == CPU, "single images, as example_images() takes them"


def test_all_subsets_read_one_copy():
    data = on(META)
    train = data.split("train")
    late = data.split("retain").subset(data.split("retain").positions[:5])
    parts = [data.split("forget"), data.split("retain"), late]
    assert all(part._source is train._source for part in parts)
    assert all(part.images is train.images for part in parts)
    assert data.split("test_forget")._source is data.split("test_retain")._source is not train._source
    assert late.__getitems__([0, 1])[0].device == META


def test_what_was_made_before_moves_too():
    data = Digits(forget=[3])
    early = data.split("retain").subset(data.split("retain").positions[:5])
    data.place(META)
    assert early.__getitems__([0])[0].device == META
    data.teardown("fit")
    assert early.__getitems__([0])[0].device == CPU
    assert early._source[0] is early.images, "the CPU's is no copy"


@pytest.mark.parametrize(("limit", "expected"), [(0, CPU), (1e-7, CPU), (4.0, META)])
def test_large_sets_stay_on_the_cpu(limit, expected):
    data = on(META, device_limit=limit)
    assert {source(data, name) for name in ("train", *EVAL_SPLITS)} == {expected}


def test_the_limit_counts_every_image_once():
    """Training and test set together, however many splits share them."""
    whole = (1437 + 360) * 16 * 16 / 2**30
    assert source(on(META, device_limit=whole), "retain") == META
    assert source(on(META, device_limit=whole * 0.999), "retain") == CPU


def test_on_the_cpu_nothing_is_read_before_it_is_needed():
    assert "sets" not in on(CPU).__dict__
    with pytest.raises(ValueError, match="device_limit is a size"):
        Digits(device_limit=-1)


@pytest.mark.parametrize("sampler", [None, "distributed"])
def test_batches_equal_those_of_the_cpu(sampler):
    """A copy elsewhere, stood in for by one on the CPU: in order, shuffled, and of one process of two."""
    plain, placed = Digits(forget=[3], batch_size=64), Digits(forget=[3], batch_size=64)
    part = placed.split("retain")
    part._source[:] = part.images.clone(), part.labels.clone()
    found = []
    for data in (plain, placed):
        torch.manual_seed(0)
        split = data.split("retain")
        options = {"sampler": DistributedSampler(split, 2, 1)} if sampler else {"shuffle": True}
        found.append(list(data.loader(split, **options)))
    assert len(found[0]) == -(-len(part) // (128 if sampler else 64))
    assert all(torch.equal(*pair) for batches in zip(*found, strict=True) for pair in zip(*batches, strict=True))


def test_statistics_are_copied_once_and_let_gradients_through():
    data = Digits()
    with torch.inference_mode():
        data.normalise(torch.zeros(1, 1, 2, 2))
    pixels = torch.rand(1, 1, 2, 2, requires_grad=True)
    data.to_pixels(data.normalise(pixels)).sum().backward()
    assert torch.allclose(pixels.grad, torch.ones_like(pixels))
    assert data._statistics(pixels) is data._statistics(pixels)


@pytest.mark.parametrize("workers", [0, 2])
def test_worker_processes_of_training_stay(workers, image_folder):
    data = ImageFolder(str(image_folder("images")), forget="cat", memory_limit=0, num_workers=workers, batch_size=4)
    training, test = data.split("train"), data.loader(data.split("test_retain"))
    data.trainer = SimpleNamespace(lightning_module=SimpleNamespace(epoch_seed=lambda *numbers: 0))
    training = data.loader(training, **from_batches(EpochBatches(len(training), 4, 0, data.trainer)))
    assert training.persistent_workers is (workers > 0)
    assert not test.persistent_workers, "read once"
    assert training.prefetch_factor == (4 if workers else None)
    plain = ImageFolder("images", forget="cat", batch_size=4)
    expected = [tuple(map(torch.Tensor.tolist, parts)) for parts in plain.loader(plain.split("train"))]
    for _ in range(2):  # the same workers again
        ordered = sorted((int(n), int(label)) for _, labels, index in training for label, n in zip(labels, index, strict=True))
        assert ordered == sorted((n, label) for _, labels, index in expected for label, n in zip(labels, index, strict=True))


def test_files_train_with_workers_over_epochs(image_folder):
    data = ImageFolder(str(image_folder("images")), memory_limit=0, num_workers=1, batch_size=6, image_size=16)
    module = Training(network=lambda num_classes: SmallCNN(num_classes, width=4, in_channels=3), num_classes=3)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=2, accelerator="cpu", **quiet)
    trainer.fit(module, data)
    assert trainer.global_step == 2 * 3
    assert module.images_read == 2 * 18
