"""All figures of one classifier."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.metrics import (
    ConfidenceHistogram,
    ForgetRetainAccuracy,
    MembershipInference,
    NearestClassMIA,
    UnlearningTotalVariation,
)
from oro_unlearn.metrics.confidence_histogram import GROUPS
from oro_unlearn.metrics.membership_inference import MEMBER, NON_MEMBER, TARGET

PHASES = ("test/", "train/")  # prefixes of the figures; the slash avoids a clash of ModuleDict keys with Module.train


class ClassAudit(nn.Module):
    """Accuracies, membership attacks and total variation of one model, fed split by split.

    Args:
        num_classes: Number of classes K.
        forget_classes: Indices of the forgotten classes; empty if single samples are forgotten.
        neighbours: Nearest retained class of each forgotten class.
        earlier: The classes of ``forget_classes`` that earlier requests have forgotten; they have a separate figure.
    """

    def __init__(
        self,
        num_classes: int,
        forget_classes: Sequence[int],
        neighbours: Mapping[int, int],
        earlier: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.accuracy: Any = nn.ModuleDict({phase: ForgetRetainAccuracy(num_classes, forget_classes) for phase in PHASES})
        self.forgotten_samples = None if forget_classes else ForgetRetainAccuracy(num_classes, ())
        self.earlier = ForgetRetainAccuracy(num_classes, earlier) if earlier else None
        self.utv: Any = nn.ModuleDict({phase: UnlearningTotalVariation() for phase in PHASES})
        self.moved: Any = nn.ModuleDict({phase: UnlearningTotalVariation() for phase in PHASES})
        self.mia = MembershipInference()
        self.confidences = ConfidenceHistogram()
        self.neighbours = dict(neighbours)
        self.nearest: Any = nn.ModuleDict(
            {f"{phase}{label}": NearestClassMIA(near) for phase in PHASES for label, near in neighbours.items()}
        )

    def update(
        self, split: str, logits: Tensor, labels: Tensor, retrained: Sequence[Tensor], original: Tensor | None = None
    ) -> None:
        """Add one batch.

        Args:
            split: ``retain``, ``forget``, ``test_retain``, ``test_forget`` or ``test_earlier``.
            logits: (B, K) of this model.
            labels: (B,).
            retrained: Logits (B, K) of the retrained models to compare with, on the same images.
            original: Logits (B, K) of the original that this model was made from.
        """
        if split == "test_earlier":
            assert self.earlier is not None
            self.earlier.update(logits, labels)
            return
        phase = "test/" if split.startswith("test") else "train/"
        probabilities = logits.softmax(1)
        self.confidences.update(logits, labels, torch.full_like(labels, GROUPS.index(split)))
        if split == "forget" and self.forgotten_samples is not None:
            self.forgotten_samples.update(logits, labels)
        else:
            self.accuracy[phase].update(logits, labels)
        if split.endswith("forget"):
            for other in retrained:
                self.utv[phase].update(probabilities, other.softmax(1))
            if original is not None:
                self.moved[phase].update(probabilities, original.softmax(1))
        if split != "test_forget":
            group = {"retain": MEMBER, "test_retain": NON_MEMBER, "forget": TARGET}[split]
            confidence = probabilities.gather(1, labels[:, None])[:, 0]
            self.mia.update(confidence, torch.full_like(labels, group))
        self._update_nearest(split, phase, probabilities, labels)

    def _update_nearest(self, split: str, phase: str, probabilities: Tensor, labels: Tensor) -> None:
        """Feed the nearest-class attacks: they learn on the retained test images and attack each forgotten class."""
        for label, near in self.neighbours.items():
            confidence = probabilities[:, near]
            if split == "test_retain":
                for name in PHASES:
                    self.nearest[f"{name}{label}"].update(confidence, (labels == near).long())
            elif split.endswith("forget"):
                of_class = labels == label
                self.nearest[f"{phase}{label}"].update(confidence[of_class], torch.full_like(labels[of_class], TARGET))

    def compute(self) -> dict[str, float]:
        """Every figure by its name, with the split of the forgotten data as a prefix: ``test/`` or ``train/``.

        ``moved`` is the total variation between the outputs for forgotten images and the original's outputs.
        """
        figures: dict[str, float] = {}
        for phase, metric in self.accuracy.items():
            figures.update({f"{phase}{name}": float(value) for name, value in metric.compute().items()})
            figures[f"{phase}utv"] = float(self.utv[phase].compute())
            figures[f"{phase}moved"] = float(self.moved[phase].compute())
            for name in ("nn_member_rate", "nn_attack_success", "attack_balanced_accuracy"):
                values = [float(self.nearest[f"{phase}{label}"].compute()[name]) for label in self.neighbours]
                mean = sum(values) / len(values) if values else float("nan")
                figures[f"{phase}{'nn_' if name.startswith('attack') else ''}{name}"] = mean
        if self.earlier is not None:
            figures["test/acc_earlier"] = float(self.earlier.compute()["acc_f"])
        if self.forgotten_samples is not None:
            figures["train/acc_f"] = float(self.forgotten_samples.compute()["acc_r"])
        attack = {name: float(value) for name, value in self.mia.compute().items()}
        figures["train/mia"] = attack.pop("mia")
        return figures | {f"train/mia_{name}": value for name, value in attack.items()}

    def confidence_counts(self) -> dict[str, list[int]]:
        """Counts of :class:`~oro_unlearn.metrics.ConfidenceHistogram`, by group."""
        return {group: counts.tolist() for group, counts in self.confidences.compute().items()}

    def confusion_matrix(self) -> Tensor:
        """Counts (K, K) on the test split: rows are labels, columns predictions."""
        return self.accuracy["test/"].confusion_matrix()
