"""Misdirection of hidden states: those to forget go to a random direction, those to keep stay (RMU, arXiv 2403.03218)."""

import torch
from torch import Tensor


def misdirection_target(width: int, seed: int, scale: float = 10.0) -> Tensor:
    """The fixed vector (width,) float32 to which hidden states to forget go: a random direction of length ``scale``.

    Its entries are drawn uniformly from [0, 1) before they are scaled, as in RMU and in MIP-Editor (arXiv 2511.06793).

    Args:
        width: Length of a hidden state.
        seed: Seed of the draw.
        scale: Length of the vector, c times the steering coefficient of the papers.
    """
    drawn = torch.rand(width, generator=torch.Generator().manual_seed(seed))
    return scale * drawn / drawn.norm()


def misdirection_losses(
    retain_hidden: Tensor,
    retain_reference: Tensor,
    forget_hidden: Tensor,
    target: Tensor,
    retain_weight: float = 0.5,
    forget_weight: float = 0.5,
    retain_tokens: Tensor | None = None,
    forget_tokens: Tensor | None = None,
) -> dict[str, Tensor]:
    """The two terms of RMisU (MIP-Editor, section on editing): ``retain`` and ``forget``, scalars; both 0 at their goals.

    Args:
        retain_hidden: Hidden states (..., width) of a layer on samples to keep.
        retain_reference: The same under the original.
        forget_hidden: Hidden states (..., width) on samples to forget.
        target: The vector (width,) of :func:`misdirection_target`.
        retain_weight: Weight of the mean squared distance to the reference.
        forget_weight: Weight of the mean squared distance to the target.
        retain_tokens: Mask (...) bool of the hidden states to keep that count; None for all. Padding should not count.
        forget_tokens: The same of those to forget.
    """
    return {
        "retain": retain_weight * _distance(retain_hidden, retain_reference, retain_tokens),
        "forget": forget_weight * _distance(forget_hidden, target.expand_as(forget_hidden), forget_tokens),
    }


def _distance(hidden: Tensor, goal: Tensor, tokens: Tensor | None) -> Tensor:
    """Mean squared distance, a scalar float32, over entries and the tokens that count."""
    squares = (hidden.float() - goal.to(hidden.device).float()).square().mean(-1)
    if tokens is None:
        return squares.mean()
    weights = tokens.to(squares)
    return (squares * weights).sum() / weights.sum().clamp(min=1)
