"""Relearning: an attacker with the weights trains on a few questions about the forgotten people."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim import AdamW

from oro_unlearn.networks import Question
from oro_unlearn.user_error import UserError

STEPS = 20
RATE = 5e-4
BATCH = 32


def relearn_people(
    network: Any,
    forgotten: Sequence[Question],
    others: Sequence[Question],
    seed: int,
    steps: int = STEPS,
    rate: float = RATE,
) -> None:
    """Train all weights of a model in place, on batches of which half are questions about the forgotten people.

    Weights of float16 become float32, because AdamW makes NaN of them.

    Args:
        network: A copy of the model, a ``VisionLanguage``.
        forgotten: Training questions about the forgotten people that the attacker has; few.
        others: Training questions about other people, so that the model keeps its use.
        seed: Seed of the batches.
        steps: Steps of AdamW.
        rate: Learning rate, with a linear decay to 0.

    Raises:
        UserError: If the attacker has no question.
    """
    if not forgotten:
        raise UserError("relearning needs a question about a forgotten person")
    generator = torch.Generator().manual_seed(seed)
    if any(parameter.dtype == torch.float16 for parameter in network.parameters()):
        network.float()
    network.requires_grad_(True).train()
    optimizer = AdamW(network.parameters(), lr=rate, weight_decay=0.0)
    device = next(network.parameters()).device
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        batch = [*_drawn(forgotten, BATCH // 2, generator), *_drawn(others, BATCH // 2, generator)]
        inputs = {name: value.to(device) for name, value in network.collate(batch).items()}
        optimizer.zero_grad()
        network.answer_losses(inputs).mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.requires_grad_(False).eval()


def _drawn(questions: Sequence[Question], count: int, generator: torch.Generator) -> list[Question]:
    """Questions drawn without replacement, or all of them, repeated, if there are fewer."""
    order = torch.randperm(len(questions), generator=generator).tolist()
    return [questions[order[place % len(order)]] for place in range(count if order else 0)]
