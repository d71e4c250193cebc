"""Fine-tuning on the nearest adversarial examples of the forget set."""

from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class AMUN(ClassUnlearning):
    """AMUN: fine-tune on each forget image's nearest adversarial example, with the wrong label that the original gives it.

    Ebrahimpour-Boroojeny et al. (ICML 2025). Projected gradient descent in pixels searches for the example within an L2 ball.
    The ball grows until the original no longer predicts the image's label or, if classes are forgotten, until it predicts a
    retained class. Examples are rounded to 1/255 before the original's prediction is tested, and stored as bytes.

    Args:
        retain: Loss on the retain set: ``ce``, or ``none`` (the retain set is never read).
        forget_images: Labels with which the forget images themselves are trained on. ``true_label``: their true labels, the
            authors' default. ``none``: they are not trained on, the authors' ``advonly``. ``wrong_label``: the labels of
            their adversarial examples, our addition.
        search: ``crossing``: the search for an image stops at the first step across the decision boundary, as in the authors'
            code. ``whole``: it takes all steps in a ball and starts from the image in each ball; the examples are about a
            third further away.
        radius: First radius of the ball, for pixels in [0, 1].
        growth: Factor from one radius to the next.
        rounds: Number of radii. An image that crosses the boundary in none of the balls gets its likeliest other label.
        steps: Steps of gradient descent in each ball; each has a tenth of the radius as its length.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the balls do not grow.
    """

    forgets_samples = True

    def __init__(
        self,
        retain: Literal["ce", "none"] = "ce",
        forget_images: Literal["true_label", "none", "wrong_label"] = "true_label",
        search: Literal["crossing", "whole"] = "crossing",
        radius: float = 0.1,
        growth: float = 2.0,
        rounds: int = 8,
        steps: int = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if radius <= 0 or growth <= 1:
            raise UserError(f"--model.radius is positive and --model.growth above 1, not {radius} and {growth}")
        self.forget_images, self.search = forget_images, search
        self.radius, self.growth, self.rounds, self.steps = radius, growth, rounds, steps
        if retain == "none" and self.batchnorm == "train":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")
        self.train_splits = ("forget",) if retain == "none" else ("forget", "retain")

    def on_fit_start(self) -> None:
        """Find the adversarial examples once."""
        super().on_fit_start()
        examples = [(*self.nearest(batch), batch.index) for batch in self.batches("forget")]
        self.examples, self.wrong, index = (torch.cat(parts) for parts in zip(*examples, strict=True))
        # row in ``examples`` by position in the training set, -1 for retained images
        self.rows = torch.full((len(self.data.split("train").labels),), -1, device=self.device)
        self.rows[index] = torch.arange(len(index), device=self.device)

    def losses(self, forget: Batch, retain: Batch | None = None) -> dict[str, Tensor]:
        """``adversarial``, ``forget`` and ``retain``: cross-entropy of each kind of image. One forward pass for all."""
        rows = self.rows[forget.index]
        labelled = {"adversarial": (self._normalised(self.examples[rows]), self.wrong[rows])}
        if self.forget_images != "none":
            targets = forget.labels if self.forget_images == "true_label" else self.wrong[rows]
            labelled["forget"] = (forget.images, targets)
        if retain is not None:
            labelled["retain"] = (retain.images, retain.labels)
        logits = self(torch.cat([images for images, _ in labelled.values()])).float()
        pieces = logits.split([len(labels) for _, labels in labelled.values()])
        return {name: cross_entropy(z, labels) for (name, (_, labels)), z in zip(labelled.items(), pieces, strict=True)}

    def nearest(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Adversarial examples (B, C, H, W) uint8 of forget images, and their wrong labels (B,)."""
        pixels, refused = self.data.to_pixels(batch.images).clamp(0, 1), one_hot(batch.labels, self.num_classes).bool()
        refused[:, self.forget_classes] = True
        examples, moved = _bytes(pixels), pixels.clone()
        for position in range(self.rounds):
            held = refused.gather(1, self.original_logits(self._normalised(examples)).argmax(1, keepdim=True))[:, 0]
            if not held.any():
                break
            start = moved[held] if self.search == "crossing" else pixels[held]
            moved[held] = self._attacked(pixels[held], refused[held], self.radius * self.growth**position, start)
            examples[held] = _bytes(moved[held])
        return examples, self.original_logits(self._normalised(examples)).masked_fill(refused, -torch.inf).argmax(1)

    def _attacked(self, pixels: Tensor, refused: Tensor, radius: float, start: Tensor) -> Tensor:
        """Pixels after the steps in one ball, along the gradient of the margin (that of the CE if one label is refused)."""
        moved, left = start.clone(), torch.arange(len(pixels), device=pixels.device)
        for step in range(self.steps):
            slope, across = self._slope(moved[left], refused[left])
            offset = moved[left] + radius / 10 * slope / _norm(slope) - pixels[left]
            stepped = (pixels[left] + offset * (radius / _norm(offset)).clamp(max=1)).clamp(0, 1)
            stops = self.search == "crossing" and step > 0  # at step 0, rounding has undone any crossing
            going = ~across if stops else torch.ones_like(across)
            left, stepped = left[going], stepped[going]
            moved[left] = stepped
            if not len(left):
                break
        return moved

    def _slope(self, moved: Tensor, refused: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of the margin by the pixels (B, C, H, W), and whether the original now predicts an allowed label (B,)."""
        assert self.original is not None
        moved.requires_grad_()
        logits = self._probe(self.original, self._normalised(moved))
        allowed = logits.masked_fill(refused, -torch.inf).logsumexp(1)
        margin = allowed - logits.masked_fill(~refused, -torch.inf).logsumexp(1)
        (slope,) = torch.autograd.grad(margin.sum(), moved)
        moved.requires_grad_(False)
        return slope, ~refused.gather(1, logits.detach().argmax(1, keepdim=True))[:, 0]

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Normalised images, from bytes or from pixels in [0, 1]."""
        pixels = pixels.float().div(255) if pixels.dtype == torch.uint8 else pixels
        return self.data.normalise(pixels)


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.mul(255).round().byte()


def _norm(images: Tensor) -> Tensor:
    """L2 norm of each image, at least 1e-12, in shape (B, 1, 1, 1)."""
    return images.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
