"""Fine-tuning on the retain set, towards a sparse network."""

from typing import Any

import torch
from torch import Tensor

from oro_unlearn.methods.classes.fine_tune import FineTune
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class L1Sparse(FineTune):
    """Fine-tuning with an l1 penalty that falls linearly to 0 (Jia et al., NeurIPS 2023).

    In epoch e of E the weight of the l1 norm of all trained parameters, biases and normalisation included, is
    alpha (1 - e / (E - no_l1_epochs)), and 0 in the last ``no_l1_epochs``.

    Args:
        alpha: Weight of the penalty in the first epoch.
        no_l1_epochs: Number of epochs at the end without penalty.
        proximal: After each step, shrink each parameter by learning rate times weight; smaller parameters become exactly 0.
            This replaces the subgradient of the penalty, which leaves no exact zeros.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If ``alpha`` or ``no_l1_epochs`` is negative, or the number of epochs is not known.
    """

    def __init__(self, alpha: float = 1e-4, no_l1_epochs: int = 0, proximal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if alpha < 0 or no_l1_epochs < 0:
            raise UserError(f"--model.alpha ({alpha}) and --model.no_l1_epochs ({no_l1_epochs}) must not be negative")
        self.alpha, self.no_l1_epochs, self.proximal = alpha, no_l1_epochs, proximal

    def setup(self, stage: str) -> None:
        """Check that the run has a number of epochs, over which the penalty falls.

        Raises:
            UserError: If the number of epochs is not known.
        """
        if stage == "fit" and (self.trainer.max_epochs or 0) < 0:
            raise UserError("the penalty of L1Sparse falls over the epochs: set --trainer.max_epochs")
        super().setup(stage)

    @property
    def weight(self) -> float:
        """Weight of the penalty in this epoch."""
        penalised = (self.trainer.max_epochs or 0) - self.no_l1_epochs
        return self.alpha * (1 - self.current_epoch / penalised) if self.current_epoch < penalised else 0.0

    def losses(self, retain: Batch) -> dict[str, Tensor]:
        """``retain``: cross-entropy with the labels; ``l1``: the penalty, unless it is proximal."""
        losses = super().losses(retain)
        if not self.proximal:
            trained: list[Tensor] = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
            losses["l1"] = self.weight * torch.stack(torch._foreach_norm(trained, 1)).sum()
        return losses

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        """After the step, shrink the parameters if the penalty is proximal."""
        super().optimizer_step(epoch, batch_idx, optimizer, *args, **kwargs)
        for group in optimizer.param_groups if self.proximal else []:
            values, threshold = [parameter.data for parameter in group["params"]], group["lr"] * self.weight
            torch._foreach_sub_(values, torch._foreach_clamp_max(torch._foreach_clamp_min(values, -threshold), threshold))
