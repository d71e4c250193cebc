"""The attention pool of CLIP's ResNets, computed by calls of its four projections, so that adapters on them have an effect."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class SplitPool(nn.Module):
    """open_clip's ``AttentionPool2d`` with its modules, names and bits; it calls the projections that open_clip only reads.

    Args:
        pool: The module whose projections, positions and heads are taken over. They are shared, not copied.
    """

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self.positional_embedding = pool.positional_embedding
        self.k_proj, self.q_proj, self.v_proj, self.c_proj = pool.k_proj, pool.q_proj, pool.v_proj, pool.c_proj
        self.num_heads: int = pool.num_heads
        self.kind: type[nn.Module] = type(pool)
        self.train(pool.training)

    def forward(self, features: Tensor) -> Tensor:
        """Pool a map of features (B, E, H, W) to (B, D): the attention of its mean over all places."""
        places = features.flatten(2).permute(2, 0, 1)  # (H * W, B, E)
        rows = torch.cat([places.mean(dim=0, keepdim=True), places], dim=0)
        rows = rows + self.positional_embedding[:, None, :].to(rows.dtype)
        query, key, value = (
            projection(rows).unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)  # (B, heads, H * W + 1, E / heads)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = scaled_dot_product_attention(query, key, value).permute(2, 0, 1, 3)
        return self.c_proj(attended.flatten(2).flatten(0, 1)).unflatten(0, attended.shape[:2])[0]

    def fused(self) -> nn.Module:
        """The pool of open_clip with the same parameters."""
        positions, width = self.positional_embedding.shape
        with torch.device("meta"):  # draws no random numbers; every parameter is replaced
            pool: Any = self.kind(round((positions - 1) ** 0.5), width, self.num_heads, self.c_proj.out_features)
        pool.positional_embedding = self.positional_embedding
        pool.k_proj, pool.q_proj, pool.v_proj, pool.c_proj = self.k_proj, self.q_proj, self.v_proj, self.c_proj
        return pool.train(self.training)
