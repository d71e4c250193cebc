"""The free control: the forgotten logits set to minus infinity."""

import torch
from torch import Tensor, nn

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import classifier_head
from oro_unlearn.user_error import UserError


class LogitMask(ClassUnlearning):
    """Sets the forgotten classes' logits to minus infinity: no data, no training, nothing unlearned inside.

    It attains exactly the output distribution RWFT trains towards (its eq. 3), so a measure that cannot tell it from a
    retrained model says nothing about removal. Written into the head's own weights (row 0, bias -inf), so the export is
    an ordinary state dict. Use ``max_epochs: 0``.

    Args:
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the last layer has no bias, or something behind it undoes the mask.
    """

    train_splits = ()

    def losses(self, **batch: Batch) -> dict[str, Tensor]:
        """Nothing is trained."""
        return {}

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
        """A ReLU behind the head makes 0 of minus infinity."""
        logits = self._probe(self.network.eval(), self.example_images().to(self.device))
        if not logits[:, self.forget_classes].isneginf().all():
            raise UserError(
                f"LogitMask cannot mask {type(self.network).__name__}: something behind its last layer {name} changes logits"
            )
