"""A measurement of several CLIP models, each with all of its weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.methods.relations.dual_encoder import DualEncoder
from oro_unlearn.networks.caption_vectors import encode_captions


class SeveralEncoders(DualEncoder):
    """Measures several CLIP models side by side; for edits that are no adapter on one of them.

    Args:
        kwargs: Arguments of :class:`DualEncoder`.

    Attributes:
        networks: The models by role, the original first. Subclasses fill it in ``setup``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.networks = nn.ModuleDict()

    def models(self) -> list[str]:
        """The original, the edited model, and the retrained ones."""
        return list(self.networks)

    @contextmanager
    def opened(self, role: str) -> Iterator[Any]:
        """The network of one of :meth:`models`."""
        yield self.networks[role]

    @torch.no_grad()
    def image_features(self, role: str, images: Tensor) -> Tensor:
        """Unit vectors (B, D) float32 of images (B, 3, H, W) uint8 under one of :meth:`models`."""
        network: Any = self.networks[role]
        with torch.autocast(self.device.type, enabled=False):
            return network.encode_image(images)

    @torch.no_grad()
    def text_features(self, role: str, captions: Sequence[str]) -> Tensor:
        """Unit vectors (N, D) float32 of captions under one of :meth:`models`."""
        with torch.autocast(self.device.type, enabled=False):
            return encode_captions(self.networks[role], captions, self.text_batch_size)
