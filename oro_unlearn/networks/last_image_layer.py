"""The last Linear of a CLIP model's image tower that adapters reach, at the one token that becomes the picture's feature."""

from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.split_pool import SplitPool
from oro_unlearn.user_error import UserError


class LastImageLayer:
    """The output projection of a ResNet's attention pool, or the second Linear of the last MLP of a ViT.

    Behind it no token reads another, so a change of its weights acts on two vectors of a picture alone: the layer's input, and
    the stream that its output is added to or makes up. Pictures with equal streams have equal features. (A ViT's own projection
    comes later, but it is a bare parameter, which adapters do not reach.) All values are those of the model without its
    adapter, in float32.

    Args:
        network: An :class:`oro_unlearn.networks.OpenCLIP`, with or without adapter.

    Attributes:
        name: Name of the Linear.
        sizes: Lengths of its input and of the stream.

    Raises:
        UserError: If the image tower has another structure.
    """

    def __init__(self, network: Any) -> None:
        self.network, tower = network, network.model.visual
        pool, blocks = getattr(tower, "attnpool", None), getattr(getattr(tower, "transformer", None), "resblocks", None)
        if isinstance(pool, SplitPool):
            self._end, owner = pool, pool
        elif blocks and self._ends_plainly(tower, blocks[-1]):
            self._end, owner = blocks[-1], blocks[-1].mlp
        else:
            raise UserError(
                f"{network.architecture} cannot be edited in closed form: its image tower has neither a ResNet's attention "
                "pool nor open_clip blocks that are read at the class token; set --model.towers text"
            )
        self._layer: Any = owner.c_proj
        self.name = f"{next(name for name, module in network.model.named_modules() if module is owner)}.c_proj"
        base = getattr(self._layer, "base_layer", self._layer)
        self.sizes = (base.in_features, base.out_features)

    @staticmethod
    def _ends_plainly(tower: Any, block: Any) -> bool:
        """Whether a ViT's last block adds its MLP to the stream, and the class token alone is read behind it."""
        read = getattr(tower, "pool_type", "") == "tok" and getattr(tower, "attn_pool", None) is None
        return read and tower.transformer.batch_first and isinstance(block.ls_2, nn.Identity)

    @torch.no_grad()
    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode pictures without the adapter.

        Args:
            images: (B, 3, S, S) uint8, on the model's device.

        Returns:
            Inputs of the layer, and streams, (B, one of ``sizes``) each.
        """
        found: list[Tensor] = []
        hooks = [
            self._layer.register_forward_pre_hook(lambda _, given: found.append(given[0])),
            self._end.register_forward_hook(lambda _, given, result: found.append(result)),
        ]
        try:
            with self.network.reference(), torch.autocast(images.device.type, enabled=False):
                self.network.encode_image(images)
        finally:
            for hook in hooks:
                hook.remove()
        inputs, streams = (_first_token(values, len(images)).float() for values in found)
        return inputs, streams


def _first_token(values: Tensor, count: int) -> Tensor:
    """The first token's rows (B, W) of a ViT's (B, L, W) or of a pool's (L * B, W), where the tokens come first."""
    return values[:, 0] if values.dim() == 3 else values[:count]
