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

    arXiv 2506.20893, eqs. (3) and (4): q*(k|x) is the original's softmax over only the retained classes. RWFT-O trains all
    layers, RWFT-2-O one stage and the head, RW-A two adapters. With ``retain: none`` the loss is that of DELETE (CVPR 2025),
    which was published earlier.

    Args:
        update: What is trained: ``all``; a list of layers, which are ``quarter1`` to ``quarter4`` of the stages, ``head``, or
            names of the network's layers; or ``adapters`` (RW-A; they are folded into the network on export).
        target: ``proportional``: q*. ``max``: the forgotten probability goes to the likeliest retained class. ``tilt``: q*
            weighted by exp(beta * similarity to the forgotten class), as in TREW (ICML 2026).
        retain: Loss on the retain set: cross-entropy with the labels (``ce``) or with q* (``distill``), or ``none`` (the
            retain set is never read).
        forget_weight: Weight of the forget loss.
        teacher: Checkpoint of another model of the same network, for instance from EU-k. Its softmax over the retained classes
            is mixed into the target.
        teacher_weight: Share of the teacher in the target, in [0, 1].
        adapter_layer: Layer whose input RW-A adapts. ``auto``: the first layer, from the third quarter of the stages on, with
            which the adapters fold exactly.
        tilt: The factor beta; 0 gives ``proportional``. TREW uses 10.
        tilt_dimensions: Number of PCA dimensions of the head's rows in which similarity is measured; 0 for all. TREW gives no
            value.
        tilt_temperature: Temperature of the softmax over similarities. TREW calls it "sharp" and gives no value.
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
        self._distills = False  # True: ``distill`` replaces ``ce``
        self.adapter_layer, self.tilt = adapter_layer, tilt
        self.tilt_dimensions, self.tilt_temperature = tilt_dimensions, tilt_temperature
        self.train_splits = ("forget",) if retain == "none" else ("forget", "retain")
        self.teacher_splits = ("forget", "retain") if retain == "distill" else ("forget",)
        if retain == "none" and self.batchnorm == "train" and update != "adapters":
            rank_zero_warn("retain: none with batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def setup(self, stage: str) -> None:
        """Replace ``ce`` by ``distill`` if classes have no pictures: labels would teach that these classes never occur."""
        super().setup(stage)
        if self.retain == "ce" and self.absent_classes():
            self.retain, self.teacher_splits, self._distills = "distill", ("forget", "retain"), True

    def remarks(self) -> list[str]:
        """A remark if the retain loss differs from the one that was requested."""
        if not self._distills:
            return super().remarks()
        return [
            f"{self.absent_classes()} of {self.num_classes} classes have no pictures, and labels of the others would destroy "
            "them: retain: distill is used instead of ce"
        ]

    def choose_parameters(self) -> None:
        """Choose what is trained: all layers, the named layers, or new adapters. Load the teacher."""
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
        """Check before training that the adapters can be exported.

        Raises:
            UserError: If the adapters do not fold exactly.
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
        """``forget``: cross-entropy with the target; ``retain``: with the labels or with q*. One forward pass for both."""
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
        targets = self._own_targets(forget)
        if self.teacher is None:
            return targets
        with torch.no_grad():
            taught = self.reweighted(self._probe(self.teacher.eval(), forget.images))
        return targets.lerp(taught, self.teacher_weight)

    def _own_targets(self, forget: Batch) -> Tensor:
        logits = self.original_logits(forget.images)
        if self.target == "max":
            return self._moved_to_likeliest(logits)
        if self.target == "tilt":
            logits = logits + self.tilt * self.similarity()[forget.labels]
        return self.reweighted(logits)

    def reweighted(self, logits: Tensor) -> Tensor:
        """q*: softmax of logits (B, K) over the retained classes. Not p / (1 - p_f), which is inaccurate if p_f is near 1."""
        return self._masked(logits).softmax(1)

    def _masked(self, logits: Tensor) -> Tensor:
        masked = logits.clone()
        for label in self.forget_classes:  # indexing by a list would copy it to the device and block the host
            masked[:, label].fill_(-torch.inf)
        return masked

    def _moved_to_likeliest(self, logits: Tensor) -> Tensor:
        probabilities = logits.softmax(1)
        forgotten = probabilities[:, self.forget_classes].sum(1, keepdim=True)
        probabilities[:, self.forget_classes] = 0
        return probabilities + forgotten * one_hot(self._masked(logits).argmax(1), self.num_classes)

    @torch.no_grad()
    def similarity(self) -> Tensor:
        """Similarity of head rows, (K, K) by [f, k]: softmax over the retained classes k of the cosine of rows f and k."""
        assert self.original is not None
        rows = head_rows(classifier_head(self.original, self.num_classes)[1]).float()
        rows = rows - rows.mean(0)
        if self.tilt_dimensions:
            directions = torch.linalg.svd(rows, full_matrices=False).Vh[: self.tilt_dimensions]
            rows = rows @ directions.T
        rows = normalize(rows)
        return self._masked(rows @ rows.T / self.tilt_temperature).softmax(1)
