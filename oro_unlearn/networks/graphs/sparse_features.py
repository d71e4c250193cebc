"""Products with node features that are mostly zero, with gradients, without ever making them dense.

Bags of words have about 1 % nonzero entries. A mask over the features matters only there, so that both the product with
the first weights and the mask itself are computed at the nonzero entries alone: the same numbers, at a fraction of the cost.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from torch.utils.weak import WeakTensorKeyDictionary

_ORDERS: Any = WeakTensorKeyDictionary()  # by features: how their nonzeros are ordered when they are transposed


def nonzeros(features: Tensor) -> Tensor:
    """The entries of node features that a mask can change: (M,) of a CSR tensor, (N, F) of a dense one."""
    return features.values() if features.layout == torch.sparse_csr else features


def features_times(features: Tensor, weight: Tensor, mask: Tensor | None = None) -> Tensor:
    """Node features, masked or not, times a weight: ``(features * mask) @ weight.T``, (N, H).

    Args:
        features: (N, F) float, dense or in CSR layout.
        weight: (H, F).
        mask: Factors of :func:`nonzeros` of the features, of the same shape; None: no mask.
    """
    values = nonzeros(features) if mask is None else nonzeros(features) * mask
    if features.layout != torch.sparse_csr:
        return linear(values, weight)
    product: Tensor = _SparseTimesDense.apply(features, values, weight.T.contiguous())
    return product


def at_nonzeros(features: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Entries of ``rows @ columns.T`` at the entries that :func:`nonzeros` gives, in the same shape.

    Args:
        features: (N, F) float, dense or in CSR layout; only its pattern is used.
        rows: (N, D).
        columns: (F, D).
    """
    if features.layout != torch.sparse_csr:
        return rows @ columns.T
    products: Tensor = _DenseAtPattern.apply(features, rows, columns)
    return products


def _with_values(pattern: Tensor, values: Tensor) -> Tensor:
    """A CSR tensor with a pattern and other values."""
    shape = list(pattern.shape)
    return torch.sparse_csr_tensor(pattern.crow_indices(), pattern.col_indices(), values, shape, check_invariants=False)


def _transposed(pattern: Tensor, values: Tensor) -> Tensor:
    """The transpose of a CSR tensor with other values, in CSR layout. Its order is found once for each tensor of features."""
    if pattern not in _ORDERS:
        places = torch.arange(len(values), dtype=torch.float64, device=values.device)  # exact up to 2^53
        turned = _with_values(pattern, places).t().to_sparse_csr()
        _ORDERS[pattern] = turned.crow_indices(), turned.col_indices(), turned.values().long()
    starts, columns, order = _ORDERS[pattern]
    shape = list(reversed(pattern.shape))
    return torch.sparse_csr_tensor(starts, columns, values[order], shape, check_invariants=False)


def _sampled(pattern: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Values (M,) of ``rows @ columns.T`` at a pattern."""
    start = _with_values(pattern, torch.zeros_like(pattern.values()))
    return torch.sparse.sampled_addmm(start, rows.contiguous(), columns.T).values()


class _SparseTimesDense(torch.autograd.Function):
    """Values (M,) at a pattern (N, F), times a dense (F, H)."""

    @staticmethod
    def forward(ctx: Any, pattern: Tensor, values: Tensor, dense: Tensor) -> Tensor:
        ctx.pattern = pattern  # itself: a saved tensor comes back as another object
        ctx.save_for_backward(values, dense)
        return _with_values(pattern, values) @ dense

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor | None, Tensor]:
        pattern, (values, dense) = ctx.pattern, ctx.saved_tensors
        (gradient,) = gradients
        of_values = _sampled(pattern, gradient, dense) if ctx.needs_input_grad[1] else None
        return None, of_values, _transposed(pattern, values) @ gradient


class _DenseAtPattern(torch.autograd.Function):
    """Entries of ``rows @ columns.T`` at a pattern (N, F)."""

    @staticmethod
    def forward(ctx: Any, pattern: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(rows, columns)
        return _sampled(pattern, rows, columns)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        pattern, (rows, columns) = ctx.pattern, ctx.saved_tensors
        (gradient,) = gradients
        return None, _with_values(pattern, gradient) @ columns, _transposed(pattern, gradient) @ rows
