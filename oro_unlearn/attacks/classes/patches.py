"""Patches and drawn class names: does a mark on an image make a model say a forgotten class?"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from oro_unlearn.attacks.classes.log_odds import log_odds
from oro_unlearn.attacks.classes.pixels import PixelRange, moved
from oro_unlearn.attacks.fine_tuning import Images, draw_images, frozen_copy, logits_on, with_gradients
from oro_unlearn.user_error import UserError

RATE = 0.1  # of Adam, in standard deviations of the pixels
SHARE = 0.06  # of the area that a patch covers: a quarter of each side


class Marked(NamedTuple):
    """What a classifier says of marked images."""

    forgotten: float  # share of test images of the class that are called the class; NaN if the attack could not be made
    retained: float  # share of test images of retained classes that are called the class

    @property
    def excess(self) -> float:
        """What counts: a mark that turns every image into the class says nothing about images of the class."""
        return self.forgotten - self.retained


def side_of(height: int, width: int, share: float = SHARE) -> int:
    """Side of a square patch that covers a share of an image, in pixels; 0 only if the share is 0.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        share: Share of the area, in [0, 1].

    Raises:
        UserError: If the share is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise UserError(f"the share of an image that a patch covers is in [0, 1], not {share}")
    return min(height, width, math.ceil(math.sqrt(share * height * width) - 1e-9))


def patched(images: Tensor, patch: Tensor) -> Tensor:
    """Images with a patch in the lower right corner.

    Args:
        images: (N, C, H, W). They are not changed.
        patch: (C, S, S). With S = 0 nothing changes.
    """
    marked, side = images.clone(), patch.shape[-1]
    if side:
        marked[:, :, -side:, -side:] = patch.to(images)
    return marked


def universal_patch(
    network: nn.Module, label: int, images: Images, pixels: PixelRange, side: int, steps: int, batch: int = 64, seed: int = 0
) -> Tensor:
    """One patch for all images that makes a classifier say a class (Brown et al., arXiv 1712.09665).

    Adam raises the mean log odds of the class on batches of training images. The patch stays in the range of the pixels. The
    same seed gives the same start and batches for every model.

    Args:
        network: Any image classifier. It is not changed.
        label: The class.
        images: Training images of the class.
        pixels: Range of the pixels.
        side: Side S of the patch in pixels.
        steps: Steps of Adam.
        batch: Images in a batch, drawn with replacement.
        seed: Seed of start and batches.

    Returns:
        (C, S, S) on the CPU; all NaN if the logit of the class is not finite, for example if the head masks it.

    Raises:
        UserError: If there are no images.
    """
    if not len(images[1]):
        raise UserError(f"class {label} has no training images to make a patch on")
    with with_gradients(network):
        student = frozen_copy(network)
        weight = next(student.parameters())
        own = moved(pixels, weight.detach())
        generator = torch.Generator().manual_seed(seed)
        low, high = (own.low - own.mean) / own.spread, (own.high - own.mean) / own.spread
        start = torch.randn((images[0].shape[1], side, side), generator=generator).to(weight)
        units = start.clamp(low, high).requires_grad_()
        optimizer = torch.optim.Adam([units], lr=RATE)
        for _ in range(steps if side else 0):
            drawn = draw_images(images, batch, generator)[0].to(weight)
            odds = log_odds(student, _placed(drawn, own.mean + own.spread * units), drawn.new_full((batch,), label).long())
            if not odds.isfinite().all():
                return torch.full_like(units, math.nan).detach().cpu()
            (units.grad,) = torch.autograd.grad(-odds.mean(), units)
            optimizer.step()
            with torch.no_grad():
                units.clamp_(low, high)
        return (own.mean + own.spread * units.detach()).clamp(own.low, own.high).cpu()


def patch_attack(
    network: nn.Module,
    label: int,
    forget: Images,
    tests: tuple[Images, Images],
    pixels: PixelRange,
    steps: int = 100,
    share: float = SHARE,
    seed: int = 0,
) -> Marked:
    """Make a patch on training images of a forgotten class, and put it on test images.

    **Success**: with the patch, the model calls more images of the class by their class than it calls other images so. The
    excess is the figure; beside it stand those of retrained models, for which the same patch is made with the same budget.

    Args:
        network: The classifier to attack. It is not changed.
        label: The forgotten class.
        forget: Training images of the class.
        tests: Test images of the class, and of retained classes.
        pixels: Range of the pixels.
        steps: Steps of Adam.
        share: Share of the area that the patch covers.
        seed: Seed, the same for every model.

    Returns:
        Both shares; NaN if the logit of the class is not finite, because there is no gradient to follow.

    Raises:
        UserError: If a set is empty, or the share is not in [0, 1].
    """
    height, width = forget[0].shape[2:]
    side = side_of(height, width, share)
    patch = universal_patch(network, label, forget, pixels, side, steps, seed=seed)
    if bool(patch.isnan().any()):
        return Marked(math.nan, math.nan)
    return called(network, label, tests, lambda images: patched(images, patch))


def called(network: nn.Module, label: int, tests: tuple[Images, Images], mark: Callable[[Tensor], Tensor]) -> Marked:
    """How often a classifier calls marked images a class.

    Args:
        network: Any image classifier. It is not changed.
        label: The class.
        tests: Test images of the class, and of retained classes.
        mark: Marks images (N, C, H, W).

    Raises:
        UserError: If a set is empty.
    """
    if not all(len(labels) for _, labels in tests):
        raise UserError(f"class {label} cannot be attacked by marks: there are no test images of it, or none of other classes")
    with with_gradients(network):
        student = frozen_copy(network)
        logits = [logits_on(student, mark(images)) for images, _ in tests]
    if any(bool(values.isnan().any()) for values in logits):
        return Marked(math.nan, math.nan)
    return Marked(*(float((values.argmax(1) == label).double().mean()) for values in logits))


def _placed(images: Tensor, patch: Tensor) -> Tensor:
    """Images with a patch, with gradients of the patch."""
    side = patch.shape[-1]
    frame = nn.functional.pad(patch, (images.shape[3] - side, 0, images.shape[2] - side, 0))
    where = torch.zeros_like(images[0, :1])
    where[:, -side:, -side:] = 1
    return images * (1 - where) + frame
