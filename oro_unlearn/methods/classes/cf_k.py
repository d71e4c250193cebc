"""Catastrophic forgetting of the last layers."""

import re
from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.base import ClassUnlearning
from oro_unlearn.networks import classifier_head


class CFk(ClassUnlearning):
    """CF-k: trains the last layers on the retain set from the original's weights; everything before them is frozen.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". The forget set is never read;
    the trunk keeps its weights and statistics bit for bit.

    Args:
        layers: Names of the layers to train; empty for the last stage (``layerN`` with the highest N) and the head.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        ValueError: If a layer does not exist, or the network has no stages to choose the last of.
    """

    forgets_samples = True
    train_splits = ("retain",)

    def __init__(
        self,
        layers: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layers = list(layers)

    def choose_parameters(self) -> None:
        """Train the named layers, or the last stage and the head."""
        self.layers = self.layers or self._last_layers()
        self.train_only(self.layers, option="layers")

    def losses(self, retain: Batch) -> dict[str, Tensor]:  # type: ignore[override]
        """Cross-entropy on the retain set."""
        return {"retain": cross_entropy(self(retain.images).float(), retain.labels)}

    def _last_layers(self) -> list[str]:
        names = [name for name, _ in self.network.named_children()]
        stages = [name for name in names if re.fullmatch(r"layer\d+", name)]
        if not stages:
            raise ValueError(
                f"{type(self.network).__name__} has no stages layer1, layer2, ...: name the layers to train with "
                f"--model.layers; the network's layers are {names}"
            )
        last = max(stages, key=lambda name: int(name.removeprefix("layer")))
        return [last, classifier_head(self.network, self.num_classes)[0]]
