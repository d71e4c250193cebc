"""Learning rate schedules that are updated at every step: a linear warm-up, then a decay or a constant rate."""

import math
from functools import partial
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Shape = Literal["cosine", "linear", "constant"]


def by_the_step(optimizer: Optimizer, steps: int, shape: Shape, **options: Any) -> dict[str, Any]:
    """A schedule in the format that Lightning's ``configure_optimizers`` returns.

    A SequentialLR of PyTorch's LinearLR and CosineAnnealingLR reaches the highest rate only at a whole step. So it cannot
    warm up over a fraction of a short run.

    Args:
        optimizer: Its learning rate is the highest rate of the schedule.
        steps: Steps of the whole run, at least 1.
        shape: Argument of :func:`part_of_rate`.
        options: Further arguments of :func:`part_of_rate`.
    """
    scheduler = LambdaLR(optimizer, partial(part_of_rate, steps=steps, shape=shape, **options))
    return {"scheduler": scheduler, "interval": "step"}


def part_of_rate(
    step: int, steps: int, shape: Shape, rising: float = 0.0, start: float | None = None, end: float = 0.0
) -> float:
    """Learning rate at a step, as a fraction of the highest learning rate.

    Args:
        step: Number of the step, in [0, steps].
        steps: Steps of the whole run, at least 1.
        shape: Course after the warm-up: ``cosine`` and ``linear`` fall to ``end``; ``constant`` keeps the highest rate.
        rising: Fraction of the steps that the warm-up takes.
        start: Fraction of the highest rate at step 0. None: the warm-up starts from 0 one step earlier, so that step 0 has
            the rate after one step of it.
        end: Fraction of the highest rate at the last step.

    Example:
        >>> [round(part_of_rate(step, 10, "linear", rising=0.2, start=0.2), 3) for step in (0, 1, 2, 6, 10)]
        [0.2, 0.6, 1.0, 0.5, 0.0]
        >>> [round(part_of_rate(step, 60, "cosine", rising=0.1, end=0.2), 3) for step in (0, 3, 6, 33, 60)]
        [0.143, 0.571, 1.0, 0.6, 0.2]
    """
    before = rising * steps
    if step < before:
        start = 1 / (before + 1) if start is None else start
        return start + (1 - start) * step / before
    if shape == "constant":
        return 1.0
    done = min(1.0, (step - before) / ((steps - before) or 1))
    left = (1 + math.cos(math.pi * done)) / 2 if shape == "cosine" else 1 - done
    return end + (1 - end) * left
