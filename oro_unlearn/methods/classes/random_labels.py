"""Wrong labels for the forget set."""

from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class RandomLabels(ClassUnlearning):
    """Learns random wrong labels on the forget set and true labels on the retain set (Golatkar et al., CVPR 2020).

    Samples of a forgotten class get the label of a retained class; single samples get any label except their true one.

    Args:
        labels: Labels are drawn once for each sample (``fixed``), or again in every epoch of the trainer (``per_epoch``).
        order: ``mixed``: every step reads both sets. ``sequential``: epochs of the trainer alternate between a pass over the
            forget set and a pass over the retain set; double ``max_epochs``.
        retain: Loss on the retain set: cross-entropy with the labels (``ce``), or ``none`` (the retain set is never read).
        seed: Seed of the labels. None: the run's seed (``seed_everything``). A sample's label depends only on the seed and the
            sample, not on batches, processes or other options.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If ``order: sequential`` is combined with ``retain: none``.
    """

    forgets_samples = True

    def __init__(
        self,
        labels: Literal["fixed", "per_epoch"] = "fixed",
        order: Literal["mixed", "sequential"] = "mixed",
        retain: Literal["ce", "none"] = "ce",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if retain == "none" and order == "sequential":
            raise UserError("--model.order sequential alternates two sets, and --model.retain none reads one: drop either")
        self.labels, self.order, self.retain, self.seed = labels, order, retain, seed
        self._drawn = torch.empty(0)
        if retain == "none" and self.batchnorm == "train":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    @property
    def train_splits(self) -> tuple[str, ...]:  # type: ignore[override]
        """Both sets; with ``sequential``, the set of the current epoch; with ``retain: none``, the forget set."""
        if self.order == "sequential":
            return ("retain",) if self.current_epoch % 2 else ("forget",)
        return ("forget",) if self.retain == "none" else ("forget", "retain")

    def setup(self, stage: str) -> None:
        """Reload the data loaders in each epoch if epochs alternate between the sets."""
        super().setup(stage)
        if self.order == "sequential":
            trainer: Any = self.trainer
            trainer.reload_dataloaders_every_n_epochs = 1

    def on_train_epoch_start(self) -> None:
        """Draw the labels, always from the start of the stream, so that a resumed run has the labels of the interrupted run."""
        super().on_train_epoch_start()
        epoch = self.current_epoch if self.labels == "per_epoch" else 0
        self._drawn = self.drawn_labels(self.data.split("train").labels, epoch).to(self.device)

    def drawn_labels(self, labels: Tensor, epoch: int = 0) -> Tensor:
        """A wrong label (N,) for every sample of the whole training set; only the labels of the forget set are used.

        Args:
            labels: True labels (N,) on the CPU.
            epoch: Number of earlier draws.
        """
        kept = [label for label in range(self.num_classes) if label not in self.forget_classes]
        low, high = (0, len(kept)) if self.forget_classes else (1, self.num_classes)
        generator = torch.Generator().manual_seed(self.stream("labels", self.seed))
        for _ in range(epoch + 1):
            drawn = torch.randint(low, high, labels.shape, generator=generator)
        return torch.tensor(kept)[drawn] if self.forget_classes else (labels + drawn) % self.num_classes

    def losses(self, forget: Batch | None = None, retain: Batch | None = None) -> dict[str, Tensor]:
        """``forget``: cross-entropy with drawn labels; ``retain``: with true labels. One forward pass for both."""
        batches = {"forget": forget, "retain": retain}
        read = {name: batch for name, batch in batches.items() if batch is not None}
        sizes = [len(batch.labels) for batch in read.values()]
        logits = self(torch.cat([batch.images for batch in read.values()])).float().split(sizes)
        return {name: cross_entropy(z, self._labels(name, read[name])) for name, z in zip(read, logits, strict=True)}

    def _labels(self, name: str, batch: Batch) -> Tensor:
        return self._drawn[batch.index] if name == "forget" else batch.labels
