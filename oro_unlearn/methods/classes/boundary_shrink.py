"""Shrinking the decision region of the forgotten classes."""

from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class BoundaryShrink(ClassUnlearning):
    """Boundary Shrink: trains each forget image towards the retained class across its nearest decision boundary.

    Chen et al. (CVPR 2023). The image is moved by one FGSM step in pixels, x' = x + bound * sign(d CE / d x), clipped to
    [0, 1] and rounded to 1/255. Its label is the original's likeliest retained class for x', also if the step crosses no
    boundary. Labels are computed once, without augmentation; training uses the data module's augmentation. Only forget images
    are read, so prefer ``batchnorm: eval``.

    Args:
        bound: Size of the step in each pixel, for pixels in [0, 1].
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If ``bound`` is not positive.
    """

    train_splits = ("forget",)

    def __init__(self, bound: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if bound <= 0:
            raise UserError(f"--model.bound is the length of a step, for pixels in [0, 1], and above 0, not {bound}")
        self.bound = bound
        if self.batchnorm == "train":
            rank_zero_warn("batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def on_fit_start(self) -> None:
        """Compute the new label of every forget image."""
        super().on_fit_start()
        # new label by position in the training set, -1 for retained images
        self.nearest = torch.full((len(self.data.split("train").labels),), -1, device=self.device)
        for batch in self.batches("forget"):
            logits = self.original_logits(self.data.normalise(self.attacked(batch)))
            logits[:, self.forget_classes] = -torch.inf
            self.nearest[batch.index] = logits.argmax(1)

    def losses(self, forget: Batch) -> dict[str, Tensor]:
        """Cross-entropy with the class across the boundary."""
        return {"forget": cross_entropy(self(forget.images).float(), self.nearest[forget.index])}

    def attacked(self, batch: Batch) -> Tensor:
        """Pixels (B, C, H, W) of the images after the step, rounded to 1/255."""
        assert self.original is not None
        pixels = self.data.to_pixels(batch.images).requires_grad_()
        with torch.enable_grad():
            logits = self._probe(self.original, self.data.normalise(pixels))
            true_logit = logits.gather(1, batch.labels[:, None])
            others = logits.scatter(1, batch.labels[:, None], -torch.inf).logsumexp(1, keepdim=True)
            # has the sign of the CE gradient, which itself rounds to 0 for confident predictions
            (slope,) = torch.autograd.grad((others - true_logit).sum(), pixels)
        stepped = pixels.detach() + self.bound * slope.sign()
        return stepped.clamp(0, 1).mul(255).round().div(255)
