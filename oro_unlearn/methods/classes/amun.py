"""Learning the nearest adversarial examples of the forget set."""

from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class AMUN(ClassUnlearning):
    """AMUN: fine-tune on each forget image's nearest adversarial example, under the original's own wrong label.

    Ebrahimpour-Boroojeny et al. (ICML 2025). The example is found by projected gradient descent in pixels within an L2
    ball that grows until the original no longer says the image's label; where classes are forgotten, until it says a
    retained class. Examples are rounded to 1/255 before they are judged, and kept as bytes.

    Args:
        retain: Loss on the retain set: ``ce``, or ``none`` (it is never read).
        forget_images: What is learned of the forget images themselves: their own labels (``true_label``), as by the
            authors' default; nothing (``none``), their ``advonly``; or the ``wrong_label`` of their examples, which is ours.
        search: ``crossing``: an image stops at the first step across, as in the authors' code; ``whole``: it takes all steps
            in a ball, each ball from the image itself, and ends about a third further away.
        radius: First radius of the ball, in pixels of [0, 1].
        growth: Factor from one radius to the next.
        rounds: Radii that are tried; an image that none of them moves across gets its likeliest other label.
        steps: Steps of gradient descent in each ball, each of a tenth of the radius.
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
            raise UserError(f"radius is positive and growth above 1, not {radius} and {growth}")
        self.forget_images, self.search = forget_images, search
        self.radius, self.growth, self.rounds, self.steps = radius, growth, rounds, steps
        if retain == "none" and self.batchnorm == "train":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")
        self.train_splits = ("forget",) if retain == "none" else ("forget", "retain")

    def on_fit_start(self) -> None:
        """Find the adversarial examples, once."""
        super().on_fit_start()
        found = [(*self.nearest(batch), batch.index) for batch in self.batches("forget")]
        self.examples, self.wrong, index = (torch.cat(parts) for parts in zip(*found, strict=True))
        self.rows = torch.full((len(self.data.split("train").labels),), -1, device=self.device)  # by position, -1: retained
        self.rows[index] = torch.arange(len(index), device=self.device)

    def losses(self, forget: Batch, retain: Batch | None = None) -> dict[str, Tensor]:
        """``adversarial``, ``forget`` and ``retain``: cross-entropy of each kind of image. One forward pass for all."""
        rows = self.rows[forget.index]
        parts = {"adversarial": (self._normalised(self.examples[rows]), self.wrong[rows])}
        if self.forget_images != "none":
            own = forget.labels if self.forget_images == "true_label" else self.wrong[rows]
            parts["forget"] = (forget.images, own)
        if retain is not None:
            parts["retain"] = (retain.images, retain.labels)
        logits = self(torch.cat([images for images, _ in parts.values()])).float()
        pieces = logits.split([len(labels) for _, labels in parts.values()])
        return {name: cross_entropy(z, labels) for (name, (_, labels)), z in zip(parts.items(), pieces, strict=True)}

    def nearest(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Adversarial examples (B, C, H, W) uint8 of forget images, and their wrong labels (B,)."""
        pixels, refused = self.data.to_pixels(batch.images).clamp(0, 1), one_hot(batch.labels, self.num_classes).bool()
        refused[:, self.forget_classes] = True
        found, moved = _bytes(pixels), pixels.clone()
        for position in range(self.rounds):
            held = refused.gather(1, self.original_logits(self._normalised(found)).argmax(1, keepdim=True))[:, 0]
            if not held.any():
                break
            start = moved[held] if self.search == "crossing" else pixels[held]
            moved[held] = self._attacked(pixels[held], refused[held], self.radius * self.growth**position, start)
            found[held] = _bytes(moved[held])
        return found, self.original_logits(self._normalised(found)).masked_fill(refused, -torch.inf).argmax(1)

    def _attacked(self, pixels: Tensor, refused: Tensor, radius: float, start: Tensor) -> Tensor:
        """Pixels within the ball, moved along the slope of the margin: where a label is refused, that of its CE."""
        moved, left = start.clone(), torch.arange(len(pixels), device=pixels.device)
        for step in range(self.steps):
            slope, across = self._slope(moved[left], refused[left])
            offset = moved[left] + radius / 10 * slope / _norm(slope) - pixels[left]
            stepped = (pixels[left] + offset * (radius / _norm(offset)).clamp(max=1)).clamp(0, 1)
            stops = self.search == "crossing" and step > 0  # rounding has undone what was across before the first step
            going = ~across if stops else torch.ones_like(across)
            left, stepped = left[going], stepped[going]
            moved[left] = stepped
            if not len(left):
                break
        return moved

    def _slope(self, moved: Tensor, refused: Tensor) -> tuple[Tensor, Tensor]:
        """Slope of the margin by pixels (B, C, H, W), and whether the original's label is no longer refused (B,)."""
        assert self.original is not None
        moved.requires_grad_()
        logits = self._probe(self.original, self._normalised(moved))
        allowed = logits.masked_fill(refused, -torch.inf).logsumexp(1)
        margin = allowed - logits.masked_fill(~refused, -torch.inf).logsumexp(1)
        (slope,) = torch.autograd.grad(margin.sum(), moved)
        moved.requires_grad_(False)
        return slope, ~refused.gather(1, logits.detach().argmax(1, keepdim=True))[:, 0]

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Of bytes, or of pixels in [0, 1]."""
        pixels = pixels.float().div(255) if pixels.dtype == torch.uint8 else pixels
        return self.data.normalise(pixels)


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.mul(255).round().byte()


def _norm(images: Tensor) -> Tensor:
    """Of each image, never zero."""
    return images.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
