"""Shrink towards fresh weights, then regrow on reweighted targets."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, one_hot

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.rwft import RWFT
from oro_unlearn.networks import FeatureReader


class Regrowth(RWFT):
    """Takes the weights part of the way back to a random initialisation, then learns RWFT's targets and scatters the features.

    Ours. :class:`RWFT` alone reaches the right outputs and leaves the forgotten class in the features, where it is relearned in
    a few steps. Three things are added: weights are shrunk and perturbed (Ash and Adams, NeurIPS 2020), theta = keep * original
    + (1 - keep) * fresh; the retain set is learned from labels and from the original's q* at once, which brings accuracy back
    in a small part of the original training; and a forgotten image's features are drawn towards the mean features of the
    retained classes, mixed as q* says, so that the class is no cluster any more.

    Args:
        keep: Share of the original's weights, in [0, 1]; 1 keeps them, 0 starts afresh. Batch normalisation keeps
            its statistics.
        scatter: Weight of the loss on features, 1 - cosine.
        distillation: Weight of the cross-entropy to q* on the retain set, beside that to the labels.
        kwargs: Arguments of :class:`RWFT`; its ``update`` must be ``all`` or names of layers.

    Raises:
        ValueError: If the share is outside [0, 1], or there is nothing to learn the retained classes from.
    """

    def __init__(self, keep: float = 0.5, scatter: float = 1.0, distillation: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= keep <= 1:
            raise ValueError(f"--model.keep is the share of the original's weights, in [0, 1], not {keep}")
        if self.retain == "none" or self.update == "adapters":
            raise ValueError(
                "Regrowth trains layers of the network on both sets: drop --model.retain none and --model.update adapters"
            )
        self.keep, self.scatter, self.distillation = keep, scatter, distillation
        self._fresh = {name: value.clone() for name, value in self.network.named_parameters()}  # until it is used

    @torch.no_grad()
    def choose_parameters(self) -> None:
        """Freeze what is not trained, and shrink the rest."""
        super().choose_parameters()
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                parameter.lerp_(self._fresh[name].to(parameter), 1 - self.keep)
        self._fresh = {}

    def losses(self, forget: Batch, retain: Batch) -> dict[str, Tensor]:  # type: ignore[override]
        """RWFT's terms, ``distillation`` on the retain set and ``scatter`` on the features. One forward pass for both."""
        targets, size = self.targets(forget), len(forget.labels)
        with FeatureReader(self.network, self.num_classes) as reader:
            logits = self(torch.cat([forget.images, retain.images])).float()
        q = self.reweighted(self.original_logits(retain.images))
        return {
            "forget": self.forget_weight * cross_entropy(logits[:size], targets),
            "retain": cross_entropy(logits[size:], retain.labels),
            "distillation": self.distillation * cross_entropy(logits[size:], q),
            "scatter": self.scatter * self._scatter(reader.features.float(), targets, retain.labels),
        }

    def _scatter(self, features: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
        """1 - cosine of forgotten features (F, D) to the retained classes' means in this batch, mixed by ``targets`` (F, K)."""
        forgotten, retained = features.split([len(targets), len(labels)])
        members = one_hot(labels, self.num_classes).T.to(retained)  # (K, R)
        means = (members @ retained / members.sum(1, keepdim=True).clamp(min=1)).detach()
        present = targets * (members.sum(1) > 0)
        return (1 - cosine_similarity(forgotten, present @ means)).mean()
