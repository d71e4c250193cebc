"""Relearning: how fast does a forgotten class come back?"""

from collections.abc import Sequence

import torch
from torch import nn

from oro_unlearn.attacks.fine_tuning import (
    Images,
    check_images,
    draw_images,
    draw_rows,
    fine_tuning_curve,
    logits_on,
    trainable_copy,
    with_gradients,
)
from oro_unlearn.networks import classifier_head
from oro_unlearn.user_error import UserError


def relearning_curve(
    network: nn.Module,
    num_classes: int,
    forgotten: Sequence[int],
    forget: Images,
    retain: Images,
    test_forget: Images,
    steps: Sequence[int] = (5, 10, 20),
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    reset_head_rows: bool = True,
    momentum: float = 0.9,
    test_retain: Images | None = None,
) -> dict[int, float]:
    """Measure the accuracy on test images of the forgotten classes after a few training steps on a copy of the network.

    The attacker has the weights and the data. Half of each training batch are images of forgotten classes. First the head's
    rows of the forgotten classes are drawn anew, as ``nn.Linear`` draws them. This removes a mask in the head (a bias of minus
    infinity), and every model starts from the same rows. A class that comes back at once was still in the features. A retrained
    model learns the class too, more slowly: its curve is the ideal. A mask elsewhere in the network cannot be removed and looks
    like forgetting: with a mask of minus infinity the accuracy is NaN, with a large finite number it is 0. An untrained or
    broken network soon calls every image forgotten, because half of each batch is: give ``test_retain`` if models may be
    broken.

    All weights are trained, in eval mode: batch normalisation keeps its statistics. The same seed gives the same batches and
    rows for every model. The global random state is not changed.

    Args:
        network: Any image classifier in float32. It is not changed.
        num_classes: Number of classes K.
        forgotten: Indices of the forgotten classes.
        forget: Training images of the forgotten classes, with their true labels.
        retain: Training images of the other classes.
        test_forget: Test images of the forgotten classes.
        steps: After how many steps to measure; 0 is right after the reset.
        lr: Learning rate of SGD. If it is too high, every model learns the class at once; if it is too low, no model does.
        batch_size: Images in a batch, drawn with replacement.
        seed: Seed of rows and batches.
        reset_head_rows: Whether to draw the head's rows anew. Without this, a model that kept the rows relearns at once.
        momentum: Momentum of SGD. There is no weight decay.
        test_retain: Test images of the other classes. If given, each value is the mean of the accuracy and of the share of
            these images that are not predicted as forgotten: 0.5 for a network that calls everything forgotten.

    Returns:
        Accuracy by number of steps, in [0, 1]; NaN once the logits are not finite.

    Raises:
        UserError: If no class is forgotten, a set is empty, a batch has fewer than two images, or a number of steps is
            negative.
    """
    tests = [test_forget] if test_retain is None else [test_forget, test_retain]
    _check(forgotten, [forget, retain, *tests], batch_size, steps)
    with with_gradients(network):
        student = trainable_copy(network)
        if reset_head_rows:
            draw_rows(classifier_head(student, num_classes)[1], forgotten, seed)
        generator = torch.Generator().manual_seed(seed)

        def batch() -> Images:
            halves = (
                draw_images(forget, batch_size // 2, generator),
                draw_images(retain, batch_size - batch_size // 2, generator),
            )
            images, labels = (torch.cat(parts) for parts in zip(*halves, strict=True))
            return images, labels

        return fine_tuning_curve(student, batch, lambda network: _recovered(network, forgotten, tests), steps, lr, momentum)


def _recovered(network: nn.Module, forgotten: Sequence[int], tests: list[Images]) -> float:
    """Accuracy on forgotten images; with retained images, its mean with the share of these not predicted as forgotten."""
    logits = [logits_on(network, images) for images, _ in tests]
    if not all(values.isfinite().all() for values in logits):
        return float("nan")
    predicted, gone = [values.argmax(1) for values in logits], torch.tensor(list(forgotten))
    right = [predicted[0] == tests[0][1].cpu(), *(~torch.isin(labels, gone) for labels in predicted[1:])]
    return sum(float(part.double().mean()) for part in right) / len(right)


def _check(forgotten: Sequence[int], sets: list[Images], batch_size: int, steps: Sequence[int]) -> None:
    if not len(forgotten):
        raise UserError("name at least one forgotten class to relearn")
    check_images(dict(zip(("forget", "retain", "test_forget", "test_retain"), sets, strict=False)))
    if batch_size < 2:
        raise UserError(f"batch_size must be at least 2, half forgotten and half retained images, not {batch_size}")
    if not len(steps) or min(steps) < 0:
        raise UserError(f"steps are the numbers of steps after which to measure, from 0 on, not {list(steps)}")
