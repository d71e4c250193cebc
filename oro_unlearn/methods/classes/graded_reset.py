"""Reset by depth, then train on the retain set."""

from typing import Any

import torch
from torch.optim import Optimizer

from oro_unlearn.methods.classes.fine_tune import FineTune
from oro_unlearn.networks import classifier_head
from oro_unlearn.user_error import UserError


class GradedReset(FineTune):
    """Moves every layer towards fresh weights, the deeper the further, then trains all of them on the retain set.

    Ours. A layer at depth d in (0, 1], 1 for the head, starts at (1 - d^exponent) * original + d^exponent * fresh. Early
    layers, which every class shares, keep what makes retraining slow; the head, and most of the stage before it, forget.
    Nothing is frozen, so that no layer stays where the forget set has brought it. The forget set is never read. Between
    fine-tuning (no reset) and retraining (all of it); EU-k resets and trains the last stage alone.
    Shrinking towards fresh weights, drawn from a stream of their own and so never those that the original began with: Ash
    and Adams, NeurIPS 2020.

    Args:
        exponent: Of the depth, at least 0: 1 resets in proportion to it, a large one the head alone, 0 everything.
        anneal: The learning rate falls to 0 along a cosine, step by step over the whole run, however long it is;
            ``lr_scheduler`` is then left out.
        kwargs: Arguments of :class:`FineTune`.

    Raises:
        UserError: If the exponent is negative.
    """

    def __init__(self, exponent: float = 1.0, anneal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not exponent >= 0:
            raise UserError(f"--model.exponent is the exponent of the depth, at least 0, not {exponent}")
        self.exponent, self.anneal = exponent, anneal
        self._fresh = dict(self.fresh_network().named_parameters())  # until it is used

    @torch.no_grad()
    def choose_parameters(self) -> None:
        """Move the weights; statistics of batch normalisation follow in training."""
        depths = self.depths()
        for name, parameter in self.network.named_parameters():
            parameter.lerp_(self._fresh[name].to(parameter), depths[name] ** self.exponent)
        self._fresh = {}

    def depths(self) -> dict[str, float]:
        """Depth in (0, 1] of every parameter.

        Counted in weight matrices, in the order in which the network names its parameters, and the head last; biases, scales
        and class tokens belong to the matrix before them.
        """
        head = f"{classifier_head(self.network, self.num_classes)[0]}."
        places, count = {}, 0
        for name, parameter in sorted(self.network.named_parameters(), key=lambda pair: pair[0].startswith(head)):
            count += sum(size > 1 for size in parameter.shape) > 1
            places[name] = max(count, 1)
        return {name: place / max(count, 1) for name, place in places.items()}

    def scheduler(self, optimizer: Optimizer) -> Any:
        """A cosine over all steps if the learning rate is annealed."""
        if not self.anneal:
            return super().scheduler(optimizer)
        return self.over_the_run(optimizer, "cosine", otherwise="--model.anneal false")
