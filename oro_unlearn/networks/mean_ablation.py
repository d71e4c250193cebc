"""Mean-ablation of units: their activations become constants, by hooks or in the weights."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.activation_patching import Change, Site, replaced
from oro_unlearn.user_error import UserError


def constant(columns: Tensor, means: Tensor) -> Change:
    """A change that sets some activations to constants.

    Args:
        columns: Activations (n,) int64, positions in W.
        means: Constants (W,) of all activations of the site.
    """

    def change(activations: Tensor) -> Tensor:
        changed = activations.clone()
        changed[..., columns] = means[columns].to(changed.dtype)
        return changed

    return change


@torch.no_grad()
def ablate(model: nn.Module, site: Site, columns: Tensor, means: Tensor) -> None:
    """Write a mean-ablation into the weights: the model computes what the hooks of :func:`constant` would, up to rounding.

    Where a linear layer reads the activations, its columns become 0 and their constant contribution is added to its bias.
    Channels of a convolution become constant in the batch normalisation before their ReLU: weight 0, bias the constant.

    Args:
        model: An open_clip model with split attention in eval mode. It is changed.
        site: The site.
        columns: Activations (n,) int64, positions in W.
        means: Constants (W,); those of channels are 0 or more, as means after a ReLU are.

    Raises:
        UserError: If the linear layer has no bias.
    """
    if site.kind == "channels":
        block, _, layer = site.layer.rpartition(".")
        norm: Any = model.get_submodule(f"{block}.{layer.replace('act', 'bn')}")
        norm.weight[columns] = 0
        norm.bias[columns] = means[columns].to(norm.bias.dtype)
        return
    linear: Any = model.get_submodule(site.layer)
    if linear.bias is None:
        raise UserError(f"{site.layer} has no bias that could hold a mean: choose the other tower with --model.towers")
    linear.bias += linear.weight[:, columns] @ means[columns].to(linear.weight.dtype)
    linear.weight[:, columns] = 0


def activation_means(model: nn.Module, sites: Sequence[Site], run: Callable[[], Tensor]) -> dict[Site, Tensor]:
    """Mean activations (W,) of every site, over the positions that the output reads.

    A position counts if the gradient of the output reaches it: padding does not, and in the last block of a tower only the
    token that is read does.

    Args:
        model: An open_clip model with split attention.
        sites: The sites.
        run: Gives the features (B, D) of the inputs.
    """
    held: dict[Site, Tensor] = {}

    def kept(site: Site) -> Change:
        def keep(activations: Tensor) -> Tensor:
            held[site] = activations.detach().requires_grad_() if not activations.requires_grad else activations * 1
            return held[site]

        return keep

    with torch.enable_grad(), replaced(model, {site: kept(site) for site in sites}):
        slopes = torch.autograd.grad(run().sum(), list(held.values()), allow_unused=True)
    means = {}
    for (site, activations), slope in zip(held.items(), slopes, strict=True):
        read = torch.ones(activations.shape[:2]) if slope is None else (slope != 0).any(2)
        weights = read.to(activations)[..., None]
        means[site] = ((activations * weights).sum((0, 1)) / weights.sum().clamp(min=1)).detach()
    return means
