"""Output reweighting: the forgotten probability goes to the retained classes."""

from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import adapter_place, add_adapters, check_foldable, classifier_head, head_rows, load_weights
from oro_unlearn.user_error import UserError


class RWFT(ClassUnlearning):
    """Reweighting fine-tuning: on the forget set, learn the original's probabilities without the forgotten classes.

    arXiv 2506.20893, eqs. (3) and (4): q*(k|x) is the original's softmax over the retained classes alone. RWFT-O trains
    everything, RWFT-2-O one stage and the head, RW-A two adapters. With ``retain: none`` the loss is DELETE's (CVPR 2025),
    which came first.

    Args:
        update: ``all``; the layers to train, which are ``quarter1`` to ``quarter4`` of the stages, ``head``, or names of the
            network's own; or ``adapters`` (RW-A; they fold into the network on export).
        target: ``proportional`` (q*); ``max``: the forgotten mass goes to the likeliest retained class; ``tilt``: q*
            weighted by exp(beta * similarity to the forgotten class), as in TREW (ICML 2026).
        retain: Loss on the retain set: ``ce`` with the labels, ``distill`` with q*, or ``none`` (it is never read).
        forget_weight: Weight of the forget loss.
        teacher: Checkpoint of another model of this network, such as one that EU-k has made: its softmax over the retained
            classes is mixed into the target.
        teacher_weight: Its share, in [0, 1].
        adapter_layer: Layer whose input RW-A adapts; ``auto`` for the first from the third quarter of the stages on where that
            folds exactly.
        tilt: beta; 0 gives ``proportional``. TREW's value is 10.
        tilt_dimensions: PCA dimensions of the head's rows in which similarity is measured; 0 for all. TREW gives none.
        tilt_temperature: Of the softmax over similarities. TREW says "sharp" and gives none.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the teacher's checkpoint is missing; if a layer to train does not exist, or the teacher is of another
            network.
    """

    def __init__(
        self,
        update: Literal["all", "adapters"] | list[str] = "all",
        target: Literal["proportional", "max", "tilt"] = "proportional",
        retain: Literal["ce", "distill", "none"] = "ce",
        forget_weight: float = 1.0,
        teacher: str = "",
        teacher_weight: float = 1.0,
        adapter_layer: str = "auto",
        tilt: float = 10.0,
        tilt_dimensions: int = 0,
        tilt_temperature: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.update, self.target, self.retain, self.forget_weight = update, target, retain, forget_weight
        self.teacher_path, self.teacher_weight = teacher, teacher_weight
        self.teacher: nn.Module | None = None
        self._distills = False  # although labels were asked for
        self.adapter_layer, self.tilt = adapter_layer, tilt
        self.tilt_dimensions, self.tilt_temperature = tilt_dimensions, tilt_temperature
        self.train_splits = ("forget",) if retain == "none" else ("forget", "retain")
        self.teacher_splits = ("forget", "retain") if retain == "distill" else ("forget",)
        if retain == "none" and self.batchnorm == "train" and update != "adapters":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def setup(self, stage: str) -> None:
        """Labels alone would teach that classes without pictures never occur: the original's outputs do not."""
        super().setup(stage)
        if self.retain == "ce" and self.absent_classes():
            self.retain, self.teacher_splits, self._distills = "distill", ("forget", "retain"), True

    def remarks(self) -> list[str]:
        """That the retain loss is another one than was asked for."""
        if not self._distills:
            return super().remarks()
        return [
            f"{self.absent_classes()} of {self.num_classes} classes have no pictures, and labels of the others would destroy "
            "them: retain: distill is taken in the place of ce"
        ]

    def choose_parameters(self) -> None:
        """Train everything, the named layers, or new adapters; load the teacher."""
        if self.teacher_path:
            self.teacher = self._frozen(self.network)
            load_weights(self.teacher, self.teacher_path)
        if self.update == "all":
            return
        if self.update == "adapters":
            self.network.requires_grad_(False)
            self.adapter_layer = self._place() if self.adapter_layer == "auto" else self.adapter_layer
            add_adapters(self.network, self.adapter_layer, self.num_classes)
        else:
            self.train_only(list(self.update))

    def _place(self) -> str:
        return adapter_place(self.network, self.num_classes, self.example_images() if self.has_data else None)

    def on_fit_start(self) -> None:
        """Refuse adapters that could not be exported, before hours of training.

        Raises:
            UserError: If they do not fold exactly.
        """
        if self.update == "adapters":
            self._require_foldable()
        super().on_fit_start()

    def _require_foldable(self) -> None:
        assert self.original is not None
        try:
            check_foldable(self.network, self.example_images())
        except ValueError as error:
            other = adapter_place(self.original, self.num_classes, self.example_images())
            raise UserError(f"{error}: set --model.adapter_layer {other}") from None

    def losses(self, forget: Batch, retain: Batch | None = None) -> dict[str, Tensor]:
        """``forget``: cross-entropy to the target; ``retain``: to the labels, or to q*. One forward pass for both."""
        batches = [forget] if retain is None else [forget, retain]
        logits = self(torch.cat([batch.images for batch in batches])).float().split([len(b.labels) for b in batches])
        losses = {"forget": self.forget_weight * cross_entropy(logits[0], self.taught("forget", forget))}
        if retain is not None:
            labels = retain.labels if self.retain == "ce" else self.taught("retain", retain)
            losses["retain"] = cross_entropy(logits[1], labels)
        return losses

    def teacher_outputs(self, split: str, batch: Batch) -> Tensor:
        """Target probabilities (B, K) of a split's images."""
        return self.targets(batch) if split == "forget" else self.reweighted(self.original_logits(batch.images))

    def targets(self, forget: Batch) -> Tensor:
        """Target probabilities (B, K) of forget samples."""
        own = self._own_targets(forget)
        if self.teacher is None:
            return own
        with torch.no_grad():
            taught = self.reweighted(self._probe(self.teacher.eval(), forget.images))
        return own.lerp(taught, self.teacher_weight)

    def _own_targets(self, forget: Batch) -> Tensor:
        logits = self.original_logits(forget.images)
        if self.target == "max":
            return self._moved_to_likeliest(logits)
        if self.target == "tilt":
            logits = logits + self.tilt * self.similarity()[forget.labels]
        return self.reweighted(logits)

    def reweighted(self, logits: Tensor) -> Tensor:
        """q*: softmax of logits (B, K) over the retained classes. Never p / (1 - p_f), which fails where p_f is near 1."""
        return self._masked(logits).softmax(1)

    def _masked(self, logits: Tensor) -> Tensor:
        masked = logits.clone()
        for label in self.forget_classes:  # a list would be copied to the device, for which the host waits
            masked[:, label].fill_(-torch.inf)
        return masked

    def _moved_to_likeliest(self, logits: Tensor) -> Tensor:
        probabilities = logits.softmax(1)
        forgotten = probabilities[:, self.forget_classes].sum(1, keepdim=True)
        probabilities[:, self.forget_classes] = 0
        return probabilities + forgotten * one_hot(self._masked(logits).argmax(1), self.num_classes)

    @torch.no_grad()
    def similarity(self) -> Tensor:
        """How close class k's head row is to class f's, (K, K) by [f, k]: softmax over the retained classes of the cosine."""
        assert self.original is not None
        rows = head_rows(classifier_head(self.original, self.num_classes)[1]).float()
        rows = rows - rows.mean(0)
        if self.tilt_dimensions:
            directions = torch.linalg.svd(rows, full_matrices=False).Vh[: self.tilt_dimensions]
            rows = rows @ directions.T
        rows = normalize(rows)
        return self._masked(rows @ rows.T / self.tilt_temperature).softmax(1)
