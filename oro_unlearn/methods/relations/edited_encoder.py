"""A CLIP model that was edited elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.methods.relations.dual_encoder import DualEncoder, encode_captions
from oro_unlearn.networks.adapter_files import load_adapter


class EditedEncoder(DualEncoder):
    """Measures an edited CLIP model beside its original and models trained without the tuple; edits nothing.

    Args:
        edited: Checkpoint of the edited model, or folder of an adapter in peft's format.
        original: Checkpoint of the model before the edit. Empty: the weights with which ``network`` is built.
        retrained: Checkpoints of the same network trained without the tuple. May be empty.
        kwargs: Arguments of :class:`DualEncoder`.

    Raises:
        UserError: If a file is missing or does not fit the network.
    """

    train_splits = ()

    def __init__(
        self,
        edited: str,
        original: str = "",
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.edited, self.original, self.retrained = edited, original, list(retrained)
        self.networks = nn.ModuleDict()

    @property
    def removable(self) -> bool:
        """Whether the edit is an adapter, which can be taken off."""
        return _is_adapter(self.edited)

    def losses(self, **batch: Any) -> dict[str, Tensor]:
        """Nothing is trained."""
        return {}

    def setup(self, stage: str) -> None:
        """Load every model, once."""
        if self.networks:
            return
        super().setup(stage)
        if self.original:
            self.network.load_weights(self.original)
        files = {"unlearned": self.edited, **{f"retrained_{n}": file for n, file in enumerate(self.retrained)}}
        networks = {"original": self.network}
        for role, file in files.items():
            networks[role] = deepcopy(self.network)
            if _is_adapter(file):
                load_adapter(networks[role], Path(file))
            else:
                networks[role].load_weights(file)
        self.networks = nn.ModuleDict(networks).requires_grad_(False).eval()

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


def _is_adapter(file: str) -> bool:
    """Whether a path is the folder of an adapter in peft's format."""
    return (Path(file) / "adapter_config.json").is_file()
