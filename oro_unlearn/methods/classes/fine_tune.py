"""Fine-tuning on the retain set only."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch


class FineTune(ClassUnlearning):
    """Continues training on the retain set and relies on catastrophic forgetting (Golatkar et al., CVPR 2020).

    Args:
        kwargs: Arguments of :class:`ClassUnlearning`.
    """

    forgets_samples = True
    train_splits = ("retain",)

    def losses(self, retain: Batch) -> dict[str, Tensor]:
        """``retain``: cross-entropy with the labels."""
        return {"retain": cross_entropy(self(retain.images).float(), retain.labels)}
