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
    """CF-k: trains the last layers on the retain set from the original's weights; all layers before them are frozen.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". The forget set is never read;
    the trunk keeps its weights bit for bit.

    Args:
        layers: Layers to train: ``quarter1`` to ``quarter4`` of the stages, ``head``, or names of the network's layers. Empty:
            the last stage and the head.
        trunk_statistics: Statistics of the trunk's batch normalisation. ``move``: training updates them, as in the authors'
            code (not with ``batchnorm: eval``, which keeps all statistics). ``keep``: they stay bit-identical, so that the
            trunk's activations can be cached.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If a layer does not exist, or no layers are named and the network has no stages.
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
        """Set training mode, also for batch normalisation of the trunk if its statistics move."""
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
        all_stages = stages(self.network, self.num_classes)
        if not all_stages:
            names = [name for name, _ in self.network.named_children()]
            raise UserError(
                f"{type(self.network).__name__} has no stages before its head: name the layers to train with "
                f"--model.layers; the network's layers are {names}"
            )
        return all_stages[-1]
