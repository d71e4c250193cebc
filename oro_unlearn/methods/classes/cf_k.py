"""Catastrophic forgetting of the last layers."""

from typing import Any, Literal

from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import classifier_head, resolve_layers, stages
from oro_unlearn.user_error import UserError


class CFk(ClassUnlearning):
    """CF-k: trains the last layers on the retain set from the original's weights; everything before them is frozen.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". The forget set is never read;
    the trunk keeps its weights bit for bit.

    Args:
        layers: Layers to train: ``quarter1`` to ``quarter4`` of the stages, ``head``, or names of the network's own; empty for
            the last stage and the head.
        trunk_statistics: Of the trunk's batch normalisation: ``move``, as in the authors' code, which leaves none as it is
            (``batchnorm: eval`` keeps all); ``keep``: bit for bit, and then activations can be kept.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If a layer does not exist, or the network has no stages to choose the last of.
    """

    forgets_samples = True
    train_splits = ("retain",)

    def __init__(
        self,
        layers: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        trunk_statistics: Literal["move", "keep"] = "move",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layers, self.trunk_statistics = list(layers), trunk_statistics

    def train(self, mode: bool = True) -> "CFk":
        """Training mode; batch normalisation of the trunk too, where its statistics move."""
        super().train(mode)
        moves = mode and self.trunk_statistics == "move" and self.batchnorm == "train"
        for module in self.network.modules() if moves else []:
            if isinstance(module, _BatchNorm):
                module.train()
        return self

    def choose_parameters(self) -> None:
        """Train the named layers, or the last stage and the head."""
        named = resolve_layers(self.network, self.layers, self.num_classes)
        self.layers = named or [*self._last_stage(), classifier_head(self.network, self.num_classes)[0]]
        self.train_only(self.layers, option="layers")

    def losses(self, retain: Batch) -> dict[str, Tensor]:
        """Cross-entropy on the retain set."""
        return {"retain": cross_entropy(self(retain.images).float(), retain.labels)}

    def _last_stage(self) -> list[str]:
        found = stages(self.network, self.num_classes)
        if not found:
            names = [name for name, _ in self.network.named_children()]
            raise UserError(
                f"{type(self.network).__name__} has no stages before its head: name the layers to train with "
                f"--model.layers; the network's layers are {names}"
            )
        return found[-1]
