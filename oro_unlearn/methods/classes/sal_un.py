"""Random labels, learned only by the weights that matter most to the forget set."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from oro_unlearn.methods.classes.random_labels import RandomLabels
from oro_unlearn.user_error import UserError


class SalUn(RandomLabels):
    """Saliency unlearning: :class:`RandomLabels` that edits only a share of the coordinates (Fan et al., ICLR 2024).

    It edits the coordinates with the largest absolute gradient of the forget set's cross-entropy at the original, in eval
    mode and without augmentation. All other coordinates stay bit-identical, also under momentum and weight decay. Statistics
    of batch normalisation do not count as coordinates: they follow ``batchnorm``, as in :class:`RandomLabels`.

    Args:
        density: Share of the trained coordinates that is edited, in (0, 1].
        kwargs: Arguments of :class:`RandomLabels`.

    Raises:
        UserError: If the share is outside (0, 1].
    """

    def __init__(self, density: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < density <= 1:
            raise UserError(f"--model.density is the share of coordinates to edit, in (0, 1], not {density}")
        self.density = density
        self._mask: list[Tensor] = []  # one per trained parameter, True where it is edited; kept in the checkpoint
        self._edited: list[Tensor] = []  # the masks as 1 and 0, in the type of the parameters

    def on_fit_start(self) -> None:
        """Choose the coordinates, unless a checkpoint has them; all processes use those of the first process."""
        super().on_fit_start()
        mask = self.trainer.strategy.broadcast([part.cpu() for part in self._mask or self.salient()])
        self._mask = [part.to(self.device) for part in mask]
        pairs = zip(self._trained(), self._mask, strict=True)
        self._edited = [torch.zeros_like(parameter).copy_(part) for (parameter, _), part in pairs]

    def salient(self) -> list[Tensor]:
        """Masks, one for each trained parameter: together, exactly the share ``density`` of all coordinates is True."""
        assert self.original is not None
        model = deepcopy(self.original).requires_grad_(True)
        parameters = dict(model.named_parameters())
        trained = [parameters[name] for name, parameter in self.network.named_parameters() if parameter.requires_grad]
        for batch in self.batches("forget"):
            cross_entropy(self._probe(model, batch.images), batch.labels, reduction="sum").backward()
        size = torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.abs().flatten() for p in trained])
        mask = torch.zeros_like(size, dtype=torch.bool)
        mask[size.topk(max(1, round(self.density * len(size))), sorted=False).indices] = True
        parts = mask.split([p.numel() for p in trained])
        return [part.view(p.shape) for part, p in zip(parts, trained, strict=True)]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Set the gradients of all other coordinates to 0, so that clipping considers only the edited coordinates."""
        pairs = [(p.grad, part) for (p, _), part in zip(self._trained(), self._edited, strict=True) if p.grad is not None]
        torch._foreach_mul_(*map(list, zip(*pairs, strict=True)))

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Restore the other coordinates, which momentum and weight decay may have changed."""
        super().optimizer_step(*args, **kwargs)
        values, originals = map(list, zip(*((p.data, original) for p, original in self._trained()), strict=True))
        torch._foreach_copy_(values, torch._foreach_lerp(originals, values, self._edited))  # exact for weights 0 and 1

    def _trained(self) -> list[tuple[Any, Tensor]]:
        """Pairs of a trained parameter and the same parameter of the original."""
        assert self.original is not None
        pairs = zip(self.network.parameters(), self.original.parameters(), strict=True)
        return [(parameter, original) for parameter, original in pairs if parameter.requires_grad]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the mask: a second computation could order equal gradients differently."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["mask"] = [part.cpu() for part in self._mask]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the mask."""
        super().on_load_checkpoint(checkpoint)
        self._mask = checkpoint["mask"]
