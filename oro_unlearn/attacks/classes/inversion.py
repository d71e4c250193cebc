"""Class inversion: can an image of a forgotten class be made from the weights alone?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from oro_unlearn.attacks.classes.log_odds import log_odds
from oro_unlearn.attacks.classes.pixels import PixelRange, moved
from oro_unlearn.attacks.fine_tuning import frozen_copy, logits_on, with_gradients
from oro_unlearn.user_error import UserError

RATE = 0.1  # of Adam, in standard deviations of the pixels
SMOOTHNESS = 1.0  # weight of the total variation, beside the log odds


class Inversion(NamedTuple):
    """How often an independent model calls an inverted input its class."""

    forgotten: float  # share of the inputs of forgotten classes; NaN if the model's logit of a class is not finite
    retained: float  # the control: the same share of inputs of retained classes


def invert(
    network: nn.Module, labels: Tensor, shape: Sequence[int], pixels: PixelRange, steps: int = 200, seed: int = 0
) -> Tensor:
    """Optimise inputs so that a classifier calls them given classes.

    Gradient ascent by Adam on the log odds of the class, less the total variation of the input (Mahendran and Vedaldi, CVPR
    2015). The inputs start from noise with the mean and spread of the images, and stay in the range of their pixels. The same
    seed gives the same noise for every model.

    Args:
        network: Any image classifier. It is not changed.
        labels: (N,) the class of each input.
        shape: (C, H, W) of an input.
        pixels: Range of the pixels.
        steps: Steps of Adam; 0 returns the noise.
        seed: Seed of the noise.

    Returns:
        (N, C, H, W) on the CPU. All NaN if the logit of a class is not finite, for example if the head masks it.

    Raises:
        UserError: If ``steps`` is negative or there is no input.
    """
    if steps < 0 or not len(labels):
        raise UserError(f"inversion needs an input or more and 0 steps or more, not {len(labels)} and {steps}")
    with with_gradients(network):
        student = frozen_copy(network)
        weight = next(student.parameters())
        own, wanted = moved(pixels, weight.detach()), labels.clone().to(weight.device)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn((len(labels), *shape), generator=generator).to(weight)
        units = noise.clamp((own.low - own.mean) / own.spread, (own.high - own.mean) / own.spread).requires_grad_()
        optimizer = torch.optim.Adam([units], lr=RATE)
        for _ in range(steps):
            odds = log_odds(student, own.mean + own.spread * units, wanted)
            if not odds.isfinite().all():
                return torch.full_like(units, math.nan).detach().cpu()
            (units.grad,) = torch.autograd.grad((SMOOTHNESS * _total_variation(units) - odds).sum(), units)
            optimizer.step()
            with torch.no_grad():
                units.clamp_((own.low - own.mean) / own.spread, (own.high - own.mean) / own.spread)
        return (own.mean + own.spread * units.detach()).clamp(own.low, own.high).cpu()


def inversion(
    network: nn.Module,
    judge: nn.Module,
    forgotten: Sequence[int],
    retained: Sequence[int],
    shape: Sequence[int],
    pixels: PixelRange,
    steps: int = 200,
    restarts: int = 8,
    seed: int = 0,
) -> Inversion:
    """Invert forgotten classes, and let another model say what the inputs show.

    **Success**: the judge calls inputs of forgotten classes by their class more often than those of retrained models. A judge
    that shares weights with the attacked model, as the original does with its edit, is also misled by noise that misleads this
    model. So compare with the control, the inputs of retained classes, and prefer a judge of another seed. A model is no judge
    of itself.

    Args:
        network: The classifier to attack. It is not changed.
        judge: A classifier that knows all classes. It is not changed.
        forgotten: Indices of the forgotten classes.
        retained: Indices of retained classes, for the control.
        shape: (C, H, W) of an input.
        pixels: Range of the pixels.
        steps: Steps of Adam.
        restarts: Number of inputs of each class.
        seed: Seed of the noise, the same for every model.

    Returns:
        Both shares, in [0, 1].

    Raises:
        UserError: If no class is given, or there are no restarts.
    """
    if not len(forgotten) or not len(retained) or restarts < 1:
        raise UserError("inversion needs a forgotten class, a retained class and a restart")
    shares = []
    for classes in (forgotten, retained):
        labels = torch.tensor([label for label in classes for _ in range(restarts)])
        inputs = invert(network, labels, shape, pixels, steps, seed)
        with with_gradients(judge):
            called = logits_on(frozen_copy(judge), inputs).argmax(1)
        shares.append(math.nan if bool(inputs.isnan().any()) else float((called == labels).double().mean()))
    return Inversion(*shares)


def _total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels of each image, (N,)."""
    steps = [(images[:, :, 1:] - images[:, :, :-1]).abs().flatten(1), (images[..., 1:] - images[..., :-1]).abs().flatten(1)]
    return torch.cat(steps, 1).mean(1)
