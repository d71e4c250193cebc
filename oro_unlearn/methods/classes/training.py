"""Training the original, and retraining without the forgotten data."""

from typing import Any, Literal

from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from oro_unlearn.methods.classes.classifier import Classifier
from oro_unlearn.methods.unlearning_module import Batch, Role
from oro_unlearn.user_error import UserError

TRIANGLE = 0.2  # fraction of the steps before the peak, and of the rate at step 0: clean_airbench.py (Jordan, 2024)


class Training(Classifier):
    """Trains the original model by cross-entropy on the whole training set.

    Args:
        label_smoothing: Share of the target, in [0, 1), that is spread evenly over all K classes (0.2 in speed records for
            training on CIFAR-10). A retrained model then gives the forgotten class its part of this share on every image.
        schedule: Learning rate schedule. ``epoch``: ``lr_scheduler``, stepped once per epoch. ``cosine`` and ``triangle``
            ignore ``lr_scheduler``, are updated at every step, and fall to 0 over the whole run; ``triangle`` first rises
            from a fifth of the rate.
        kwargs: Arguments of :class:`Classifier`.

    Raises:
        UserError: If the label smoothing is out of range.
    """

    role: Role = "original"
    train_splits = ("train",)

    def __init__(
        self,
        label_smoothing: float = 0.0,
        schedule: Literal["epoch", "cosine", "triangle"] = "epoch",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"--model.label_smoothing is a part of the target in [0, 1), not {label_smoothing}")
        self.label_smoothing, self.schedule = label_smoothing, schedule

    def losses(self, **batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy on the training split."""
        (data,) = batch.values()
        return {"train": cross_entropy(self(data.images).float(), data.labels, label_smoothing=self.label_smoothing)}

    def scheduler(self, optimizer: Optimizer) -> Any:
        """The schedule that ``schedule`` names, by epoch or by step."""
        if self.schedule == "epoch":
            return super().scheduler(optimizer)
        otherwise = "--model.schedule epoch"
        if self.schedule == "cosine":
            return self.over_the_run(optimizer, "cosine", otherwise)
        return self.over_the_run(optimizer, "linear", otherwise, rising=TRIANGLE, start=TRIANGLE)


class Retraining(Training):
    """Trains from random weights only on the retain set, with the original's recipe: the reference for unlearning.

    The head keeps all K outputs, so that its probabilities can be compared with those of other models class by class.

    Args:
        kwargs: Arguments of :class:`Training`.
    """

    role = "retrained"
    train_splits = ("retain",)

    def setup(self, stage: str) -> None:
        """Check that there is something to forget; otherwise retraining would only repeat the original training.

        Raises:
            UserError: If the forget set is empty.
        """
        self.require_forget_set()
