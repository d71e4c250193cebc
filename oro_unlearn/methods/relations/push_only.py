"""Baseline of the paper: push the unsafe pairs apart and preserve nothing."""

import torch
from torch import Tensor

from oro_unlearn.methods.relations.dual_encoder import Pairs
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning


class PushOnly(RelationalUnlearning):
    """Minimises the mean cosine of unsafe pairs: the term L3 alone (arXiv 2603.14185, ablation).

    Args:
        kwargs: Arguments of :class:`RelationalUnlearning`.
    """

    train_splits = ("unsafe",)

    def losses(self, unsafe: Pairs) -> dict[str, Tensor]:
        """``l3_unsafe``."""
        images, _ = self.pictures("unsafe", unsafe)
        captions = list(dict.fromkeys(unsafe.captions))
        (texts,), _ = self.texts(captions)
        with torch.autocast(self.device.type, enabled=False):
            return {"l3_unsafe": (images @ texts.T).mean()}
