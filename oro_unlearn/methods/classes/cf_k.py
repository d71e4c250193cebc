"""Catastrophic forgetting of the last layers."""

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.base import ClassUnlearning
from oro_unlearn.networks import classifier_head, resolve_layers, stages


class CFk(ClassUnlearning):
    """CF-k: trains the last layers on the retain set from the original's weights; everything before them is frozen.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". The forget set is never read;
    the trunk keeps its weights and statistics bit for bit.

    Args:
        layers: Layers to train: ``quarter1`` to ``quarter4`` of the stages, ``head``, or names of the network's own; empty for
            the last stage and the head.
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
        named = resolve_layers(self.network, self.layers, self.num_classes)
        self.layers = named or [*self._last_stage(), classifier_head(self.network, self.num_classes)[0]]
        self.train_only(self.layers, option="layers")

    def losses(self, retain: Batch) -> dict[str, Tensor]:  # type: ignore[override]
        """Cross-entropy on the retain set."""
        return {"retain": cross_entropy(self(retain.images).float(), retain.labels)}

    def _last_stage(self) -> list[str]:
        found = stages(self.network, self.num_classes)
        if not found:
            names = [name for name, _ in self.network.named_children()]
            raise ValueError(
                f"{type(self.network).__name__} has no stages before its head: name the layers to train with "
                f"--model.layers; the network's layers are {names}"
            )
        return found[-1]
