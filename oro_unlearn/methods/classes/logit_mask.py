"""Control without training: the forgotten logits are set to minus infinity."""

import torch
from torch import nn

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks import classifier_head
from oro_unlearn.user_error import UserError


class LogitMask(WithoutTraining, ClassUnlearning):
    """Sets the forgotten classes' logits to minus infinity: no data, no training, and no unlearning inside the network.

    It reaches exactly the output distribution that RWFT trains towards (its eq. 3). So a measure that cannot distinguish it
    from a retrained model says nothing about removal. The mask is written into the head's weights (weight rows 0, biases
    -inf), so the export is an ordinary state dict. Use ``max_epochs: 0``.

    Args:
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the last layer has no bias, or a later operation undoes the mask.
    """

    @torch.no_grad()
    def on_fit_start(self) -> None:
        """Mask the head."""
        super().on_fit_start()
        name, head = classifier_head(self.network, self.num_classes)
        if head.bias is None:
            raise UserError(f"LogitMask needs a bias in the last layer; {name} of {type(self.network).__name__} has none")
        head.weight[self.forget_classes] = 0
        head.bias[self.forget_classes] = -torch.inf
        if isinstance(head, nn.Conv2d):
            self._require_masked(name)

    def _require_masked(self, name: str) -> None:
        """Check that masked logits are minus infinity; a ReLU after the head would turn them into 0."""
        logits = self._probe(self.network.eval(), self.example_images().to(self.device))
        if not logits[:, self.forget_classes].isneginf().all():
            raise UserError(
                f"LogitMask cannot mask {type(self.network).__name__}: something behind its last layer {name} changes logits"
            )
