"""ACC_f and ACC_r: accuracy on forgotten and on retained classes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ForgetRetainAccuracy(Metric):
    """Accuracy on the forgotten classes (ACC_f) and on the others (ACC_r), from one confusion matrix.

    Predictions are the argmax over all K classes; with equal logits, the first class counts. The ideal of both is the retrained
    model's value. ACC_f = 0 alone is no proof of forgetting, since a mask on the logits reaches it.

    Args:
        num_classes: Number of classes K.
        forget_classes: Indices of the forgotten classes; may be empty (ACC_f is then NaN).
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Raises:
        ValueError: If a forgotten class does not exist, or all classes are forgotten.

    Example:
        >>> import torch
        >>> from torch.nn.functional import one_hot
        >>> metric = ForgetRetainAccuracy(num_classes=4, forget_classes=[2])
        >>> metric.update(one_hot(torch.tensor([0, 1, 2, 3, 2, 1, 0, 2])).float(), torch.tensor([0, 1, 2, 3, 2, 2, 1, 2]))
        >>> {name: float(value) for name, value in metric.compute().items()}
        {'acc_f': 0.75, 'acc_r': 0.75}
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    confusion: Tensor
    nonfinite: Tensor
    forgotten: Tensor

    def __init__(self, num_classes: int, forget_classes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if any(not 0 <= label < num_classes for label in forget_classes):
            raise ValueError(f"forget_classes {list(forget_classes)} must lie in 0 to {num_classes - 1}")
        if len(set(forget_classes)) == num_classes:
            raise ValueError(f"all {num_classes} classes are forgotten: ACC_r has nothing to count")
        self.num_classes = num_classes
        forgotten = torch.zeros(num_classes, dtype=torch.bool)
        forgotten[list(forget_classes)] = True
        self.register_buffer("forgotten", forgotten, persistent=False)
        self.add_state("confusion", torch.zeros(num_classes, num_classes, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("nonfinite", torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Count a batch.

        Args:
            logits: (B, K) logits or probabilities. A row with NaN or +inf, or with only -inf, counts as wrong.
            labels: (B,) in 0 to K - 1.

        Raises:
            ValueError: If the shapes do not fit or a label is out of range.
        """
        if logits.ndim != 2 or logits.shape[1] != self.num_classes or labels.shape != logits.shape[:1]:
            raise ValueError(
                f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} must be (B, {self.num_classes}) and (B,)"
            )
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            raise ValueError(f"labels must lie in 0 to {self.num_classes - 1}, not {int(labels.min())} to {int(labels.max())}")
        usable = logits.amax(1).isfinite()  # NaN propagates through amax
        self.nonfinite += torch.bincount(labels[~usable], minlength=self.num_classes)
        pairs = labels[usable] * self.num_classes + logits[usable].argmax(1)
        self.confusion += torch.bincount(pairs, minlength=self.num_classes**2).view_as(self.confusion)

    def compute(self) -> dict[str, Tensor]:
        """``acc_f`` and ``acc_r`` in [0, 1]; NaN, never 0, for a group without samples."""
        correct, total = self.confusion.diagonal().double(), self.confusion.sum(1).double() + self.nonfinite
        groups = {"acc_f": self.forgotten, "acc_r": ~self.forgotten}
        return {name: correct[group].sum() / total[group].sum() for name, group in groups.items()}  # 0 / 0 = NaN

    def per_class(self) -> Tensor:
        """Accuracy of each class (K,) over all processes; NaN where it has no samples."""
        with self.sync_context():
            return self.confusion.diagonal().double() / (self.confusion.sum(1) + self.nonfinite)

    def confusion_matrix(self) -> Tensor:
        """Counts (K, K) over all processes: rows are labels, columns are predictions."""
        with self.sync_context():
            return self.confusion.clone()
