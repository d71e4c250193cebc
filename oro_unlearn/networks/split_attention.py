"""Attention with separate q, k, v and output projections, so that adapters reach each of them.

``nn.MultiheadAttention`` packs q, k and v into one bare Parameter and reads the weight of its output projection without
calling it. An adapter on such layers silently has no effect, or is applied twice (huggingface/peft pull request 3774).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils import skip_init

from oro_unlearn.networks.split_pool import SplitPool
from oro_unlearn.user_error import UserError


class SplitAttention(nn.Module):
    """Multi-head attention made of four ``nn.Linear``. It computes the same as the ``nn.MultiheadAttention`` it replaces.

    The output equals, bit for bit, that of the training path of ``nn.MultiheadAttention`` (its fused evaluation kernel rounds
    differently).

    Args:
        attention: The module whose weights, heads, dropout and layout are copied. It is not changed.

    Raises:
        UserError: If it has ``add_bias_kv`` or ``add_zero_attn``.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        if attention.bias_k is not None or attention.add_zero_attn:
            raise UserError("attention with add_bias_kv or add_zero_attn cannot be split")
        self.embed_dim, self.num_heads = attention.embed_dim, attention.num_heads
        self.dropout, self.batch_first = attention.dropout, attention.batch_first
        if attention.in_proj_weight is not None:
            weights = list(attention.in_proj_weight.chunk(3))
        else:  # keys or values of another width
            weights = [attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight]
        biases = [None] * 3 if attention.in_proj_bias is None else list(attention.in_proj_bias.chunk(3))
        trainable = weights[0].requires_grad
        self.q_proj, self.k_proj, self.v_proj = (
            _linear(weight, bias, trainable) for weight, bias in zip(weights, biases, strict=True)
        )
        out = attention.out_proj
        self.out_proj = _linear(out.weight, out.bias, out.weight.requires_grad)
        self.train(attention.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """Attend.

        Args:
            query: (B, L, E) with ``batch_first``, else (L, B, E).
            key: (B, S, E') or (S, B, E').
            value: Like ``key``.
            key_padding_mask: Optional (B, S), true (or -inf) where a key is ignored.
            need_weights: Accepted for compatibility and ignored: attention weights are never returned.
            attn_mask: Optional (L, S) or (B * heads, L, S), true (or -inf) where attention is not allowed.

        Returns:
            The output in the layout of ``query``, and None.
        """
        if self.batch_first:  # the order of nn.MultiheadAttention: a transposed input is rounded differently
            query, key, value = (features.transpose(0, 1) for features in (query, key, value))
        length, batch = query.shape[:2]
        q, k, v = (
            projected.unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)  # (B, heads, L or S, E / heads)
            for projected in (self.q_proj(query), self.k_proj(key), self.v_proj(value))
        )
        mask = self._mask(key_padding_mask, attn_mask, batch, q.dtype)
        attended = scaled_dot_product_attention(q, k, v, mask, self.dropout if self.training else 0.0)
        rows = attended.permute(2, 0, 1, 3).reshape(length * batch, self.embed_dim)
        out = self.out_proj(rows).unflatten(0, (length, batch))
        return out.transpose(0, 1) if self.batch_first else out, None

    def _mask(self, key_padding_mask: Tensor | None, attn_mask: Tensor | None, batch: int, dtype: torch.dtype) -> Tensor | None:
        """One additive mask that broadcasts to (B, heads, L, S)."""
        if attn_mask is not None:
            attn_mask = _additive(attn_mask, dtype)
            if attn_mask.dim() == 3:
                attn_mask = attn_mask.view(batch, self.num_heads, *attn_mask.shape[1:])
        if key_padding_mask is None:
            return attn_mask
        padding = _additive(key_padding_mask, dtype)[:, None, None, :]
        return padding if attn_mask is None else attn_mask + padding

    @torch.no_grad()
    def fused(self) -> nn.MultiheadAttention:
        """The packed ``nn.MultiheadAttention`` with the same weights."""
        key_width, value_width = self.k_proj.in_features, self.v_proj.in_features
        attention = skip_init(
            nn.MultiheadAttention, self.embed_dim, self.num_heads, dropout=self.dropout, batch_first=self.batch_first,
            bias=self.q_proj.bias is not None, kdim=key_width, vdim=value_width, device=self.q_proj.weight.device,
            dtype=self.q_proj.weight.dtype,
        )  # fmt: skip
        projections = (self.q_proj, self.k_proj, self.v_proj)
        weights = [projection.weight for projection in projections]
        if attention.in_proj_weight is not None:
            attention.in_proj_weight.copy_(torch.cat(weights))
        else:
            attention.q_proj_weight.copy_(weights[0])
            attention.k_proj_weight.copy_(weights[1])
            attention.v_proj_weight.copy_(weights[2])
        if attention.in_proj_bias is not None:
            attention.in_proj_bias.copy_(torch.cat([projection.bias for projection in projections]))
            attention.out_proj.bias.copy_(self.out_proj.bias)
        attention.out_proj.weight.copy_(self.out_proj.weight)
        attention.requires_grad_(self.q_proj.weight.requires_grad)
        return attention.train(self.training)


def split_attention(model: nn.Module) -> nn.Module:
    """Replace every ``nn.MultiheadAttention`` by a :class:`SplitAttention`, and every attention pool by a :class:`SplitPool`.

    The model is changed in place. A pool is recognised by its class's name: open_clip is imported by those who build models.

    Returns:
        The same model.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.MultiheadAttention):
            model.set_submodule(name, SplitAttention(module))
        elif type(module).__name__ == "AttentionPool2d":
            model.set_submodule(name, SplitPool(module))
    return model


def fuse_attention(model: nn.Module) -> nn.Module:
    """Undo :func:`split_attention`, in place. The state dict has its former names, order and bits again.

    Adapters must have been merged and removed before; :meth:`OpenCLIP.merged_state` does that on a copy.

    Returns:
        The same model.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, SplitAttention | SplitPool):
            model.set_submodule(name, module.fused())
    return model


def _linear(weight: Tensor, bias: Tensor | None, trainable: bool) -> nn.Linear:
    """A Linear with copies of these tensors. Building it draws no random numbers."""
    linear = skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias=bias is not None, device="cpu")
    linear.weight = nn.Parameter(weight.detach().clone(), requires_grad=trainable)
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach().clone(), requires_grad=trainable)
    return linear


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(mask, float("-inf"))
