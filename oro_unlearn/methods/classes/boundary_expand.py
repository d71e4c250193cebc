"""Move the forgotten classes into an additional class, which is then removed."""

from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import FeatureReader, classifier_head, head_rows


class BoundaryExpand(ClassUnlearning):
    """Boundary Expand: trains forget images towards a shadow class K, which the edited network does not have.

    Chen et al. (CVPR 2023). The shadow class is a separate layer beside the head, with the same input. The exported network
    does not contain it, which is the paper's pruning. Only forget images are read, so prefer ``batchnorm: eval``.

    Args:
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If no layer has K outputs.
    """

    train_splits = ("forget",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extra = nn.Linear(head_rows(classifier_head(self.network, self.num_classes)[1]).shape[1], 1)
        generator = torch.Generator().manual_seed(self.stream("shadow class"))
        nn.init.xavier_uniform_(self.extra.weight, generator=generator)
        nn.init.zeros_(self.extra.bias)
        if self.batchnorm == "train":
            rank_zero_warn("batchnorm: train lets the forget set overwrite the statistics; prefer eval")

    def losses(self, forget: Batch) -> dict[str, Tensor]:
        """Cross-entropy with class K over K + 1 classes."""
        with FeatureReader(self.network, self.num_classes) as reader:
            logits = self(forget.images)
        logits = torch.cat([logits, self.extra(reader.features)], dim=1).float()
        return {"forget": cross_entropy(logits, torch.full_like(forget.labels, self.num_classes))}
