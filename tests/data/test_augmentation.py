"""Shift, flip and normalisation: what torchvision does, in distribution, and exactly where nothing is drawn."""

from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import chisquare
from torchvision.transforms import Compose, Normalize, ToTensor
from torchvision.transforms.functional import crop as torchvisions_crop
from torchvision.transforms.functional import hflip, pad

from oro_unlearn.data import CIFAR10, Digits
from oro_unlearn.data.images.labelled_images import crop, random_crop, random_flip

UNLIKELY = 1e-3  # p-value below which a fixed seed would be called not uniform


def numbered(side: int) -> torch.Tensor:
    """An image (1, 1, side, side) whose pixels are all different and none 0."""
    return torch.arange(1.0, side**2 + 1).view(1, 1, side, side)


@pytest.mark.parametrize(("padding", "shape"), [(1, (3, 5, 7)), (2, (1, 6, 6)), (4, (3, 8, 8))])
def test_every_crop_is_torchvisions(padding, shape):
    images = torch.rand(2, *shape)
    for top, left in product(range(2 * padding + 1), repeat=2):
        found = crop(images, padding, torch.tensor([top, left])[:, None].expand(2, 2))
        assert torch.equal(found, torchvisions_crop(pad(images, padding), top, left, *shape[1:])), (top, left)


def test_each_image_has_a_crop_of_its_own():
    corners = torch.tensor([[0, 2], [1, 0]])  # (0, 1) of the first, (2, 0) of the second
    found = crop(numbered(4).expand(2, -1, -1, -1), 1, corners)
    whole = pad(numbered(4), 1)
    assert torch.equal(found, torch.cat([torchvisions_crop(whole, 0, 1, 4, 4), torchvisions_crop(whole, 2, 0, 4, 4)]))


@pytest.mark.parametrize("padding", [1, 2, 4])
def test_shifts_are_uniform(padding):
    torch.manual_seed(0)
    side = 2 * padding + 1  # the pixel in the middle is another one after every shift, and never padding
    count = 200 * side**2
    middle = random_crop(numbered(side).expand(count, -1, -1, -1), padding)[:, 0, padding, padding]
    counts = middle.long().bincount(minlength=side**2 + 1)
    assert counts[0] == 0
    assert chisquare(counts[1:]).pvalue > UNLIKELY


def test_shifts_and_flips_are_uniform_together():
    """Neighbours in a batch, and shift and flip of one image, know nothing of each other."""
    torch.manual_seed(0)
    images = random_flip(random_crop(numbered(5).expand(36_000, -1, -1, -1), 1))[:, 0]
    row, column = ((images[:, 2, 2].long() - 1) // 5 - 1), ((images[:, 2, 2].long() - 1) % 5 - 1)
    shift, flipped = 3 * row + column, (images[:, 2, 1] > images[:, 2, 3]).long()
    assert chisquare((2 * shift + flipped).bincount(minlength=18)).pvalue > UNLIKELY
    assert chisquare((9 * shift[:-1] + shift[1:]).bincount(minlength=81)).pvalue > UNLIKELY
    assert chisquare((2 * flipped[:-1] + flipped[1:]).bincount(minlength=4)).pvalue > UNLIKELY


def test_every_flip_is_torchvisions():
    torch.manual_seed(0)
    images = torch.rand(64, 3, 4, 5)
    found = random_flip(images)
    mirrored = (found != images).flatten(1).any(1)
    assert 0 < mirrored.sum() < 64
    assert torch.equal(found[mirrored], hflip(images[mirrored]))


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def batch(pixels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    return images, torch.zeros(len(images), dtype=torch.long), torch.arange(len(images))


@pytest.mark.parametrize("kind", [CIFAR10, Digits])
def test_normalisation_is_torchvisions(kind):
    data, pixels = kind(channels=3), pictures(4, 8)
    transform = Compose([ToTensor(), Normalize(data.mean, data.std)])
    found, *_ = data.prepare(batch(pixels), augment=False)
    assert torch.equal(found, torch.stack([transform(Image.fromarray(image)) for image in pixels]))


def test_a_training_batch_has_torchvisions_distribution():
    """Shift, flip, then normalise, so that what is shifted in is black: each of the 18 outcomes, equally often."""
    torch.manual_seed(0)
    data, pixels = CIFAR10(crop_padding=1, flip=True), pictures(1, 6)
    image, finish = Image.fromarray(pixels[0]), Compose([ToTensor(), Normalize(data.mean, data.std)])
    shifted = [torchvisions_crop(pad(image, 1), top, left, 6, 6) for top, left in product(range(3), repeat=2)]
    expected = torch.stack([finish(turned) for one in shifted for turned in (one, hflip(one))])
    found, *_ = data.prepare(batch(np.repeat(pixels, 3600, axis=0)), augment=True)
    outcome = [(expected == one).flatten(1).all(1).nonzero().flatten() for one in found]
    assert all(len(match) == 1 for match in outcome)
    assert chisquare(torch.cat(outcome).bincount(minlength=18)).pvalue > UNLIKELY
