"""Training the original, and retraining without the forgotten data."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.classifier import Classifier


class Training(Classifier):
    """Trains the original model by cross-entropy on the whole training set.

    Args:
        kwargs: Arguments of :class:`Classifier`.
    """

    role: Literal["original", "retrained", "unlearned"] = "original"
    train_splits = ("train",)

    def losses(self, **batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy on the one split it trains on."""
        (data,) = batch.values()
        return {"train": cross_entropy(self(data.images).float(), data.labels)}


class Retraining(Training):
    """Trains from random weights on the retain set only, with the recipe of the original: what unlearning is measured against.

    The head keeps all K outputs, so that probabilities compare class by class with the other models'.

    Args:
        kwargs: Arguments of :class:`Classifier`.
    """

    role = "retrained"
    train_splits = ("retain",)

    def setup(self, stage: str) -> None:
        """Refuse to retrain without anything forgotten: that would be the original again.

        Raises:
            ValueError: If the forget set is empty.
        """
        self.require_forget_set()
