"""Reset by depth, then train on the retain set."""

from typing import Any

import torch
from torch.optim import Optimizer

from oro_unlearn.methods.classes.fine_tune import FineTune
from oro_unlearn.networks import classifier_head
from oro_unlearn.user_error import UserError


class GradedReset(FineTune):
    """Moves every layer towards fresh weights, deeper layers further, then trains all layers on the retain set.

    Our method. A layer at depth d in (0, 1], 1 for the head, starts at (1 - d^exponent) * original + d^exponent * fresh.
    Early layers, which all classes share, keep most of their weights, which take long to train. The head, and most of the
    stage before it, forget. No layer is frozen, so that no layer stays at weights that the forget set has shaped. The forget
    set is never read. The method lies between fine-tuning (no reset) and retraining (full reset); EU-k resets and trains only
    the last stage. Shrinking towards fresh weights is from Ash and Adams, NeurIPS 2020. The fresh weights are drawn from a
    separate random stream, so they differ from the original's initial weights.

    Args:
        exponent: Exponent of the depth, at least 0. 1: the reset is proportional to the depth. Large: almost only the head is
            reset. 0: everything is reset.
        anneal: Let the learning rate fall to 0 along a cosine over the whole run, updated at every step; ``lr_scheduler`` is
            then ignored.
        kwargs: Arguments of :class:`FineTune`.

    Raises:
        UserError: If the exponent is negative.
    """

    def __init__(self, exponent: float = 1.0, anneal: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not exponent >= 0:
            raise UserError(f"--model.exponent is the exponent of the depth, at least 0, not {exponent}")
        self.exponent, self.anneal = exponent, anneal
        self._fresh = dict(self.fresh_network().named_parameters())  # emptied after use

    @torch.no_grad()
    def choose_parameters(self) -> None:
        """Move the weights; statistics of batch normalisation adapt in training."""
        depths = self.depths()
        for name, parameter in self.network.named_parameters():
            parameter.lerp_(self._fresh[name].to(parameter), depths[name] ** self.exponent)
        self._fresh = {}

    def depths(self) -> dict[str, float]:
        """Depth in (0, 1] of every parameter.

        The depth counts weight matrices in the order of the network's named parameters, with the head last. Biases, scales
        and class tokens have the depth of the matrix before them.
        """
        head = f"{classifier_head(self.network, self.num_classes)[0]}."
        places, count = {}, 0
        for name, parameter in sorted(self.network.named_parameters(), key=lambda pair: pair[0].startswith(head)):
            count += sum(size > 1 for size in parameter.shape) > 1
            places[name] = max(count, 1)
        return {name: place / max(count, 1) for name, place in places.items()}

    def scheduler(self, optimizer: Optimizer) -> Any:
        """A cosine over all steps if ``anneal`` is set, otherwise ``lr_scheduler``."""
        if not self.anneal:
            return super().scheduler(optimizer)
        return self.over_the_run(optimizer, "cosine", otherwise="--model.anneal false")
