"""Fine-tuning on retained data alone: does a forgotten class come back although nobody shows it?"""

from collections.abc import Sequence
from functools import partial

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


def retain_tuning_curve(
    network: nn.Module,
    num_classes: int,
    retain: Images,
    test_forget: Images,
    steps: Sequence[int] = (10, 50, 100),
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    momentum: float = 0.9,
) -> dict[int, float]:
    """Measure the recall of the forgotten classes after some training steps on images of other classes alone.

    Siddiqui et al. (arXiv 2505.22310) find that such steps bring back forgotten training images: the edit had hidden them, and
    ordinary training undoes it. **Success**: the recall after the steps is higher than that of retrained models after the same
    steps.

    Unlike relearning, the attacker has no image of the class. So rows of the head are kept as they are: a row that is drawn
    anew could learn nothing of its class. Only rows with values that are not finite, as a mask writes them, are drawn anew, as
    for relearning. Such a row stays near chance, so a low recall of a masked model says little; relearning shows what it hides.
    All weights are trained, in eval mode: batch normalisation keeps its statistics. The same seed gives the same batches for
    every model. The global random state is not changed.

    Args:
        network: Any image classifier in float32. It is not changed.
        num_classes: Number of classes K.
        retain: Training images of the retained classes.
        test_forget: Test images of the forgotten classes.
        steps: After how many steps to measure; 0 is the model as it is.
        lr: Learning rate of SGD.
        batch_size: Images in a batch, drawn with replacement.
        seed: Seed of the batches.
        momentum: Momentum of SGD. There is no weight decay.

    Returns:
        Recall by number of steps, in [0, 1]; NaN once the logits are not finite.

    Raises:
        UserError: If a set is empty, or a number of steps is negative.
    """
    check_images({"retain": retain, "test_forget": test_forget})
    if not len(steps) or min(steps) < 0 or batch_size < 1:
        raise UserError(f"give steps from 0 on and a batch of 1 image or more, not {list(steps)} and {batch_size}")

    def recall(student: nn.Module) -> float:
        logits = logits_on(student, test_forget[0])
        right = logits.argmax(1) == test_forget[1].cpu()
        return float(right.double().mean()) if logits.isfinite().all() else float("nan")

    generator = torch.Generator().manual_seed(seed)
    with with_gradients(network):
        student = trainable_copy(network)
        _unmask(classifier_head(student, num_classes)[1], seed)
        return fine_tuning_curve(student, partial(draw_images, retain, batch_size, generator), recall, steps, lr, momentum)


def _unmask(head: nn.Linear | nn.Conv2d, seed: int) -> None:
    """Draw rows anew that have a value that is not finite."""
    finite = head.weight.isfinite().flatten(1).all(1)
    finite = finite if head.bias is None else finite & head.bias.isfinite()
    if not finite.all():
        draw_rows(head, (~finite).nonzero()[:, 0].tolist(), seed)
