"""The learning rate step by step over a whole run: it rises in a line, and then falls, or stays."""

import math
from functools import partial
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Shape = Literal["cosine", "linear", "constant"]


def by_the_step(optimizer: Optimizer, steps: int, shape: Shape, **options: Any) -> dict[str, Any]:
    """A schedule as Lightning takes it.

    PyTorch's LinearLR and CosineAnnealingLR in a SequentialLR have their highest rate at a whole step, and so cannot rise over
    a part of a short run.

    Args:
        optimizer: Its rate is the highest.
        steps: Of the whole run, at least 1.
        shape: As of :func:`part_of_rate`.
        options: Of the same.
    """
    scheduler = LambdaLR(optimizer, partial(part_of_rate, steps=steps, shape=shape, **options))
    return {"scheduler": scheduler, "interval": "step"}


def part_of_rate(
    step: int, steps: int, shape: Shape, rising: float = 0.0, start: float | None = None, end: float = 0.0
) -> float:
    """Part of the highest learning rate.

    Args:
        step: In [0, steps].
        steps: Of the whole run, at least 1.
        shape: How it goes on from the highest rate: ``cosine`` and ``linear`` fall to ``end``; ``constant`` stays.
        rising: Part of the steps before the highest rate.
        start: Part of the rate at step 0; left out, as much as one more step before the first would have brought.
        end: Part of the rate at the last step.

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
