"""The last MLP of a CLIP model's text tower, at the one token that becomes the caption's embedding."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.user_error import UserError


class LastTextBlock:
    """The last MLP, ``c_proj(act(c_fc(h)))``, and what follows it: a residual sum, a normalisation and a projection.

    The embedding is read at one token, and behind this MLP no token reads another. So a caption is two vectors here, and a
    change of the MLP acts on them alone. All values are those of the model without its adapter, in float32.

    Args:
        network: An :class:`oro_unlearn.networks.OpenCLIP`, with or without adapter.

    Attributes:
        mlp: Name of the MLP; its Linears are ``mlp.c_fc`` and ``mlp.c_proj``.

    Raises:
        UserError: If the text tower has another structure.
    """

    def __init__(self, network: Any) -> None:
        self.network, tower = network, getattr(network.model, "text", network.model)
        blocks = getattr(getattr(tower, "transformer", None), "resblocks", None)
        pool = getattr(network.model, "text_pool_type", getattr(tower, "pool_type", ""))
        norm: Any = getattr(tower, "ln_final", None)
        projection: Any = getattr(tower, "text_projection", None)
        self.norm, self.projection = norm, projection.weight.T if isinstance(projection, nn.Linear) else projection
        plain = isinstance(norm, nn.LayerNorm) and norm.elementwise_affine and isinstance(self.projection, Tensor)
        if not blocks or not plain or pool != "argmax" or not isinstance(blocks[-1].ls_2, nn.Identity):
            raise UserError(
                f"{network.architecture} cannot be edited in closed form: its text tower has no open_clip blocks that end in a "
                "LayerNorm and a projection at the end token; use RelationUnlearning"
            )
        names = {module: name for name, module in network.model.named_modules()}
        self.mlp, self._mlp = names[blocks[-1].mlp], blocks[-1].mlp

    @property
    def layers(self) -> list[str]:
        """Names of the two Linears."""
        return [f"{self.mlp}.c_fc", f"{self.mlp}.c_proj"]

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights of the first Linear (H, W), its bias (H,), and weights of the second Linear (W, H)."""
        first, second = (getattr(layer, "base_layer", layer) for layer in (self._mlp.c_fc, self._mlp.c_proj))
        return first.weight.detach().float(), first.bias.detach().float(), second.weight.detach().float()

    def activation(self, inputs: Tensor) -> Tensor:
        """The MLP's activation function, elementwise."""
        return self._mlp.gelu(inputs)

    @torch.no_grad()
    def read(self, captions: Sequence[str], size: int) -> tuple[Tensor, Tensor]:
        """Encode captions without the adapter.

        Args:
            captions: N captions.
            size: Captions that are encoded at once.

        Returns:
            Inputs of the MLP, and the sum of residual stream and MLP, both (N, W) at the end token.
        """
        parts = [self._read(captions[start : start + size]) for start in range(0, len(captions), size)]
        inputs, streams = zip(*parts, strict=True)
        return torch.cat(inputs), torch.cat(streams)

    def _read(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        found: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, given: found.append(given[0])) for layer in (self._mlp.c_fc, self.norm)
        ]
        tokens = self.network.tokenize(captions)
        try:
            with self.network.reference(), torch.autocast(tokens.device.type, enabled=False):
                self.network.encode_text(tokens)
        finally:
            for hook in hooks:
                hook.remove()
        rows = torch.arange(len(tokens), device=tokens.device)
        inputs, streams = (values[rows, tokens.argmax(1)].float() for values in found)
        return inputs, streams

    def embed(self, streams: Tensor) -> Tensor:
        """Unit vectors (N, D) of residual streams (N, W)."""
        return nn.functional.normalize(self.norm(streams).float() @ self.projection.float(), dim=-1)

    @torch.no_grad()
    def changes(self, streams: Tensor, targets: Tensor, damping: float = 0.01, steps: int = 8) -> Tensor:
        """Small changes (N, W) of residual streams after which their embeddings point along targets.

        Each step inverts the linearised normalisation and the projection by damped least squares (Gauss-Newton).

        Args:
            streams: Residual streams (N, W).
            targets: Unit vectors (N, D).
            damping: Damping, as a fraction of the mean diagonal of the matrix that is inverted.
            steps: Number of steps.
        """
        moved, scaled = streams.clone(), self.norm.weight.float()[:, None] * self.projection.float()  # (W, D)
        gram = scaled.mT @ scaled
        inverse = torch.linalg.solve(gram + damping * gram.diagonal().mean() * torch.eye(len(gram)).to(gram), scaled.mT)
        for _ in range(steps):
            now = self.norm(moved).float() @ self.projection.float()
            nearest = targets * (now * targets).sum(1, keepdim=True)  # the point on the target's line that is nearest
            moved += moved.std(1, keepdim=True, unbiased=False) * ((nearest - now) @ inverse)
        return moved - streams
