"""A few training steps on a copy of a classifier, the same for every model: what relearning and its relatives share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oro_unlearn.networks import head_rows, logits_of
from oro_unlearn.user_error import UserError

Images = tuple[Tensor, Tensor]  # normalised images (N, C, H, W) float, labels (N,)
CHUNK = 1024  # images in one forward pass


@contextmanager
def with_gradients(network: nn.Module) -> Iterator[None]:
    """Allow gradients in float32 within the block, even inside a test loop, which runs without gradients.

    Args:
        network: The network that the block works on.
    """
    device = next(network.parameters()).device
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        yield


def fine_tuning_curve(
    student: nn.Module,
    batch: Callable[[], Images],
    measure: Callable[[nn.Module], float],
    steps: Sequence[int],
    lr: float,
    momentum: float,
) -> dict[int, float]:
    """Train all weights of a classifier by SGD with cross entropy, and measure it on the way.

    Args:
        student: The classifier, in eval mode. It is changed.
        batch: Draws a training batch.
        measure: Computes the figure of the classifier.
        steps: After how many steps to measure.
        lr: Learning rate.
        momentum: Momentum. There is no weight decay.

    Returns:
        The figure by number of steps.
    """
    device = next(student.parameters()).device
    optimizer = torch.optim.SGD(student.parameters(), lr=lr, momentum=momentum)
    curve: dict[int, float] = {}
    for step in range(max(steps) + 1):
        if step:
            images, labels = (part.to(device) for part in batch())
            optimizer.zero_grad()
            cross_entropy(logits_of(student(images)), labels).backward()
            optimizer.step()
        if step in steps:
            curve[step] = measure(student)
    return curve


@torch.no_grad()
def draw_rows(head: nn.Linear | nn.Conv2d, rows: Sequence[int], seed: int) -> None:
    """Draw rows of a head anew, as ``nn.Linear`` does: uniformly in [-1 / sqrt(D), 1 / sqrt(D)].

    Args:
        head: The head. It is changed.
        rows: The rows.
        seed: Seed of their values.
    """
    generator = torch.Generator().manual_seed(seed)  # a separate generator, so that batches do not depend on the width
    width = head_rows(head).shape[1]
    fresh = (2 * torch.rand(len(rows), width + 1, generator=generator) - 1) * width**-0.5
    head.weight[list(rows)] = fresh[:, 1:].to(head.weight).view_as(head.weight[list(rows)])
    if head.bias is not None:
        head.bias[list(rows)] = fresh[:, 0].to(head.bias)


def draw_images(data: Images, count: int, generator: torch.Generator) -> Images:
    """Draw images with replacement.

    Args:
        data: The images to draw from.
        count: Number of images.
        generator: Generator of the draw, on the CPU.
    """
    rows = torch.randint(len(data[1]), (count,), generator=generator).to(data[1].device)
    return data[0][rows], data[1][rows]


@torch.no_grad()
def logits_on(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, K) of images, on the CPU.

    Args:
        network: A classifier in eval mode.
        images: (N, C, H, W), on any device.
    """
    device = next(network.parameters()).device
    return torch.cat([logits_of(network(part.to(device))).float() for part in images.split(CHUNK)]).cpu()


def trainable_copy(network: nn.Module) -> nn.Module:
    """A copy in eval mode whose weights all have gradients. Call it within :func:`with_gradients`."""
    return deepcopy(network).requires_grad_(True).eval()


def check_images(sets: Mapping[str, Images]) -> None:
    """Reject a set without images, or with another number of labels.

    Args:
        sets: The sets by name.

    Raises:
        UserError: If a set is empty, or images and labels differ in number.
    """
    for name, (images, labels) in sets.items():
        if not len(labels) or len(images) != len(labels):
            raise UserError(f"the {name} set has {len(images)} images and {len(labels)} labels: give some, and as many of each")


def frozen_copy(network: nn.Module) -> nn.Module:
    """A copy in eval mode without gradients of weights. Call it within :func:`with_gradients`."""
    return deepcopy(network).requires_grad_(False).eval()
