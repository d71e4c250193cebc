"""Learning the nearest adversarial examples of the forget set."""

from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.base import ClassUnlearning


class AMUN(ClassUnlearning):
    """AMUN: fine-tune on each forget image's nearest adversarial example, under the original's own wrong label.

    Ebrahimpour-Boroojeny et al. (ICML 2025). The example is found by projected gradient descent in pixels within an L2
    ball that grows until the original no longer says the image's label; where classes are forgotten, until it says a
    retained class. Examples are rounded to 1/255 before they are judged, and kept as bytes.

    Args:
        retain: Loss on the retain set: ``ce``, or ``none`` (it is never read).
        forget_images: Learn the forget images themselves under the wrong label too.
        radius: First radius of the ball, in pixels of [0, 1].
        growth: Factor from one radius to the next.
        rounds: Radii that are tried; an image that none of them moves across gets its likeliest other label.
        steps: Steps of gradient descent in each ball, each of a tenth of the radius.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        ValueError: If the balls do not grow.
    """

    forgets_samples = True

    def __init__(
        self,
        retain: Literal["ce", "none"] = "ce",
        forget_images: bool = False,
        radius: float = 0.1,
        growth: float = 2.0,
        rounds: int = 8,
        steps: int = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if radius <= 0 or growth <= 1:
            raise ValueError(f"radius is positive and growth above 1, not {radius} and {growth}")
        self.forget_images, self.radius, self.growth, self.rounds, self.steps = forget_images, radius, growth, rounds, steps
        if retain == "none" and self.batchnorm == "train":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")
        self.train_splits = ("forget",) if retain == "none" else ("forget", "retain")

    def on_fit_start(self) -> None:
        """Find the adversarial examples, once."""
        super().on_fit_start()
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        found = [(*self.nearest(batch), batch.index) for batch in self.batches("forget")]
        self.examples, self.wrong, index = (torch.cat(parts) for parts in zip(*found, strict=True))
        self.rows = torch.full((len(data.split("train").labels),), -1, device=self.device)  # by position, -1: retained
        self.rows[index] = torch.arange(len(index), device=self.device)

    def losses(self, forget: Batch, retain: Batch | None = None) -> dict[str, Tensor]:  # type: ignore[override]
        """``adversarial``: cross-entropy to the wrong labels; ``retain``: to the labels. One forward pass for both."""
        rows = self.rows[forget.index]
        images, labels = [self._normalised(self.examples[rows])], self.wrong[rows]
        if self.forget_images:
            images, labels = [*images, forget.images], labels.repeat(2)
        logits = self(torch.cat([*images, *([] if retain is None else [retain.images])])).float()
        losses = {"adversarial": cross_entropy(logits[: len(labels)], labels)}
        if retain is not None:
            losses["retain"] = cross_entropy(logits[len(labels) :], retain.labels)
        return losses

    def nearest(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Adversarial examples (B, C, H, W) uint8 of forget images, and their wrong labels (B,)."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        pixels, refused = data.to_pixels(batch.images).clamp(0, 1), one_hot(batch.labels, self.num_classes).bool()
        refused[:, self.forget_classes] = True
        found = _bytes(pixels)
        for position in range(self.rounds):
            held = refused.gather(1, self.original_logits(self._normalised(found)).argmax(1, keepdim=True))[:, 0]
            if not held.any():
                break
            found[held] = _bytes(self._attacked(pixels[held], refused[held], self.radius * self.growth**position))
        return found, self.original_logits(self._normalised(found)).masked_fill(refused, -torch.inf).argmax(1)

    def _attacked(self, pixels: Tensor, refused: Tensor, radius: float) -> Tensor:
        """Pixels within the ball, moved along the slope of the margin: where a label is refused, that of its CE."""
        assert self.original is not None
        moved = pixels.clone()
        for _ in range(self.steps):
            self.images_read += len(pixels)
            moved.requires_grad_()
            logits = self._probe(self.original, self._normalised(moved))
            allowed = logits.masked_fill(refused, -torch.inf).logsumexp(1)
            margin = allowed - logits.masked_fill(~refused, -torch.inf).logsumexp(1)
            (slope,) = torch.autograd.grad(margin.sum(), moved)
            offset = moved.detach() + radius / 10 * slope / _norm(slope) - pixels
            moved = (pixels + offset * (radius / _norm(offset)).clamp(max=1)).clamp(0, 1)
        return moved

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Of bytes, or of pixels in [0, 1]."""
        pixels = pixels.float().div(255) if pixels.dtype == torch.uint8 else pixels
        return self.trainer.datamodule.normalise(pixels)  # type: ignore[attr-defined]


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.mul(255).round().byte()


def _norm(images: Tensor) -> Tensor:
    """Of each image, never zero."""
    return images.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
