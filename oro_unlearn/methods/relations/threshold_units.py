"""Closed-form edit of an MLP: hidden units that are hardly needed become detectors of given inputs.

A linear change of the output layer cannot tell "child and eating and hamburger" from two of the three: all three words add up.
A hidden unit can, because its activation is a threshold. Everything here is a linear system; nothing is trained.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ROUNDS = 30  # most solves of a direction; it takes about ten
SMALL = 1e-6  # ridge that only keeps a system solvable, as a fraction of the mean diagonal


class Update(NamedTuple):
    """A change of a weight matrix, ``left @ right``, of rank at most r."""

    left: Tensor  # (outputs, r)
    right: Tensor  # (r, inputs)


def separating_direction(inputs: Tensor, positive: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """Direction w (W,) that minimises sum_n weights_n max(0, 1 - y_n w x_n)² + ridge · mean square of an input · |w|².

    Here y_n is 1 for positive inputs and -1 for others. The finite Newton method (Mangasarian 2002; Keerthi and DeCoste,
    JMLR 2005) solves a weighted least-squares problem on the inputs inside the margin until these stay the same.

    Args:
        inputs: X (N, W), float64.
        positive: Which of them are to be detected, (N,) bool.
        weights: Weights (N,), 0 or more.
        ridge: Ridge, above 0.
    """
    signs = torch.where(positive, 1.0, -1.0).to(inputs)
    strength = ridge * inputs.square().mean() * torch.eye(inputs.shape[1]).to(inputs)
    direction, inside = torch.zeros_like(inputs[0]), torch.zeros_like(positive)
    for _ in range(ROUNDS):
        violated = signs * (inputs @ direction) < 1
        if torch.equal(violated, inside):
            break
        inside = violated
        weighted = inputs[inside] * weights[inside, None]
        direction = torch.linalg.solve(weighted.mT @ inputs[inside] + strength, weighted.mT @ signs[inside])
    return direction


def least_squares(inputs: Tensor, targets: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """W (inputs, outputs) that minimises sum_n weights_n |x_n W - t_n|² + ridge · mean diagonal of the Gram matrix · |W|²."""
    weighted = inputs * weights[:, None]
    return torch.linalg.solve(steadied(weighted.mT @ inputs, ridge), weighted.mT @ targets)


def steadied(gram: Tensor, ridge: float = SMALL) -> Tensor:
    """A Gram matrix with a ridge, given as a fraction of its mean diagonal."""
    return gram + ridge * gram.diagonal().mean() * torch.eye(len(gram)).to(gram)


def least_needed(output: Tensor, moment: Tensor, count: int) -> Tensor:
    """The hidden units whose loss the other units can best make up for, (count,) in ascending order of the damage.

    The damage of losing unit j is |column j|² / (moment^-1)_jj (Optimal Brain Surgeon, Hassibi and Stork 1993).

    Args:
        output: Weights of the output layer (outputs, H).
        moment: Second moment of the hidden units (H, H).
        count: Number of units.
    """
    damage = output.square().sum(0) / torch.linalg.inv(steadied(moment)).diagonal()
    return damage.topk(count, largest=False).indices


def stand_ins(moment: Tensor, units: Tensor) -> Tensor:
    """R (units, H): the least-squares prediction of some hidden units from the others; its columns of these units are 0."""
    others = torch.ones(len(moment), dtype=torch.bool, device=moment.device)
    others[units] = False
    found = torch.zeros(len(units), len(moment)).to(moment)
    found[:, others] = torch.linalg.solve(steadied(moment[others][:, others]), moment[others][:, units]).mT
    return found


class Layers(NamedTuple):
    """An MLP: ``output @ act(inner @ x + bias)``."""

    inner: Tensor  # (H, W)
    bias: Tensor  # (H,)
    output: Tensor  # (outputs, H)
    act: Callable[[Tensor], Tensor]

    def hidden(self, inputs: Tensor) -> Tensor:
        """Hidden units (N, H) of inputs (N, W)."""
        return self.act(inputs @ self.inner.mT + self.bias)


def install(
    layers: Layers, directions: Sequence[Tensor], one: Tensor, moment: Tensor, slope: float, cuts: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Choose units, and the rows of the inner layer that make them detectors.

    With c in ``cuts``, a detector's input is slope · (w x - c). Several cuts give a step: it rises, then stays level.

    Args:
        layers: The MLP.
        directions: A direction w (W,) for each request.
        one: A direction whose product with every input is nearly 1; it stands for the biases, which adapters leave alone.
        moment: Second moment (H, H) of the hidden units.
        slope: Steepness.
        cuts: Where the units of a request begin to fire, in margins.

    Returns:
        The units' numbers (m,), and their new rows (m, W), in the order of requests and, within them, of cuts.
    """
    units = least_needed(layers.output, moment, len(directions) * len(cuts))
    rows = torch.stack([slope * (direction - cut * one) for direction in directions for cut in cuts])
    return units, rows - layers.bias[units, None] * one


def updates(layers: Layers, units: Tensor, rows: Tensor, columns: Tensor, moment: Tensor) -> tuple[Update, Update]:
    """The changes of both layers that install detectors.

    Args:
        layers: The MLP.
        units: Numbers of the units (m,) that become detectors.
        rows: Their new rows of the inner layer (m, W).
        columns: Their new columns of the output layer (outputs, m).
        moment: Second moment (H, H) of the hidden units before the change.

    Returns:
        Changes of the inner layer, of rank m, and of the output layer, of rank 2 m: the new columns, and what the units
        contributed before, predicted from the other units.
    """
    chosen = torch.zeros(len(units), len(moment)).to(moment)
    chosen[torch.arange(len(units)), units] = 1
    lost = layers.output[:, units]
    outer = Update(torch.cat([columns, -lost], 1), torch.cat([chosen, chosen - stand_ins(moment, units)]))
    return Update(chosen.mT, rows - layers.inner[units]), outer
