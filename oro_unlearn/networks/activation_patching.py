"""Hooks that read and replace activations of a CLIP model: attention heads, MLP neurons, and channels of a ResNet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.hooks import RemovableHandle

from oro_unlearn.networks.split_attention import SplitAttention
from oro_unlearn.user_error import UserError

Change = Callable[[Tensor], Tensor]  # activations (B, P, W) to activations (B, P, W)
PREFIXES = {"image": ("visual.",), "text": ("transformer.", "text.")}


@dataclass(frozen=True)
class Site:
    """Activations of one layer that can be read and replaced: W numbers at each of P positions of an input.

    Args:
        layer: Name of the layer that reads the activations (``heads``, ``neurons``) or that gives them (``channels``).
        tower: ``text`` or ``image``.
        block: Name of the block, for people.
        kind: What a unit is: a head of an attention, a neuron of an MLP, or a channel of a convolution.
        width: W.
        group: Activations of one unit: the width of a head, or 1.
        layout: How the layer holds the activations: (P B, W) ``rows``, (B, P, W) ``batch first``, (P, B, W)
            ``positions first``, (B, W) ``one`` position, or (B, W, height, width) ``channels``.
    """

    layer: str
    tower: str
    block: str
    kind: Literal["heads", "neurons", "channels"]
    width: int
    group: int
    layout: Literal["rows", "batch first", "positions first", "one", "channels"]


def sites_of(model: nn.Module, tower: str) -> list[Site]:
    """The sites of a tower, from its input to its output.

    These are the heads of every attention and the neurons of every MLP of a transformer; in a ResNet of open_clip, the
    channels after the first and second ReLU of every block, and the heads of the attention pool.

    Args:
        model: An open_clip model with split attention.
        tower: ``text`` or ``image``.

    Raises:
        UserError: If the tower has none of these.
    """
    found: list[Site] = []
    for name, module in model.named_modules():
        if name.startswith(PREFIXES[tower]):
            found += _own_sites(model, name, module, tower)
    if not found:
        raise UserError(f"the {tower} tower has no attention heads, MLPs or ResNet blocks of open_clip's own: choose another")
    return found


def _own_sites(model: nn.Module, name: str, module: Any, tower: str) -> list[Site]:
    """The sites of one module."""
    block = _readable(name.rpartition(".")[0])
    if isinstance(module, SplitAttention):
        width = module.embed_dim
        return [Site(f"{name}.out_proj", tower, block, "heads", width, width // module.num_heads, "rows")]
    if isinstance(module, nn.Sequential) and hasattr(module, "c_fc") and hasattr(module, "c_proj"):
        attention = dict(model.get_submodule(name.rpartition(".")[0]).named_children()).get("attn")
        layout: Any = "batch first" if getattr(attention, "batch_first", True) else "positions first"
        reader: Any = module.c_proj
        return [Site(f"{name}.c_proj", tower, block, "neurons", reader.in_features, 1, layout)]
    if type(module).__name__ == "Bottleneck":
        widths = {number: getattr(module, f"bn{number}").num_features for number in (1, 2)}
        block = _readable(name)
        return [Site(f"{name}.act{number}", tower, block, "channels", width, 1, "channels") for number, width in widths.items()]
    if is_pool(module):
        width = module.c_proj.in_features
        return [Site(f"{name}.c_proj", tower, "attention pool", "heads", width, width // module.num_heads, "one")]
    return []


def _readable(name: str) -> str:
    """The name of a block for people: ``block 2`` of a transformer, ``layer3.0`` of a ResNet."""
    _, found, number = name.rpartition(".resblocks.")
    return f"block {int(number) + 1}" if found and number.isdigit() else name.removeprefix("visual.")


@contextmanager
def replaced(model: nn.Module, changes: Mapping[Site, Change]) -> Iterator[None]:
    """Within the block, the model computes with changed activations. A change that returns its argument changes no bit.

    Args:
        model: An open_clip model with split attention; within :func:`visible_heads` if a site is an attention pool.
        changes: A function for each site.
    """
    handles: list[RemovableHandle] = []
    try:
        for site, change in changes.items():
            handles += _hooks(model, site, change)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hooks(model: nn.Module, site: Site, change: Change) -> list[RemovableHandle]:
    layer, batch = model.get_submodule(site.layer), [0]

    def changed(held: Tensor) -> Tensor | None:
        before = _positions(held, site.layout, batch[0])
        after = change(before)
        return None if after is before else _as_held(after, held, site.layout)

    if site.layout == "channels":
        return [layer.register_forward_hook(lambda _, inputs, output: changed(output))]
    handles = [layer.register_forward_pre_hook(lambda _, inputs: changed(inputs[0]))]
    if site.layout == "rows":  # only the attention itself knows how many inputs there are
        attention: Any = model.get_submodule(site.layer.rpartition(".")[0])

        def note(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            batch[0] = inputs[0].shape[0 if attention.batch_first else 1]

        handles.append(attention.register_forward_pre_hook(note))
    return handles


def _positions(held: Tensor, layout: str, batch: int) -> Tensor:
    """(B, P, W) of activations as a layer holds them."""
    if layout == "rows":
        return held.unflatten(0, (-1, batch)).transpose(0, 1)
    if layout == "channels":
        return held.flatten(2).transpose(1, 2)
    if layout == "one":
        return held[:, None]
    return held.transpose(0, 1) if layout == "positions first" else held


def _as_held(positions: Tensor, held: Tensor, layout: str) -> Tensor:
    """The inverse of :func:`_positions`; ``held`` has the shape."""
    if layout in ("rows", "positions first"):
        return positions.transpose(0, 1).reshape_as(held)
    return (positions.transpose(1, 2) if layout == "channels" else positions).reshape_as(held)


def reading(into: dict[Site, Tensor], sites: list[Site]) -> dict[Site, Change]:
    """Changes that change nothing and keep the activations (B, P, W) of sites in ``into``."""

    def reader(site: Site) -> Change:
        def keep(activations: Tensor) -> Tensor:
            into[site] = activations
            return activations

        return keep

    return {site: reader(site) for site in sites}


# -- the attention pool of a ResNet


def is_pool(module: nn.Module) -> bool:
    """Whether a module is the attention pool of open_clip's ResNets."""
    return isinstance(module, _VisiblePool) or type(module).__name__ == "AttentionPool2d"


@contextmanager
def visible_heads(model: nn.Module) -> Iterator[None]:
    """Within the block, attention pools call their output projection, so that hooks see their heads.

    The pool of open_clip reads the weights of its projections without calling them. The pool of the block has the same
    parameters and computes the same, up to rounding.
    """
    pools = {name: module for name, module in model.named_modules() if type(module).__name__ == "AttentionPool2d"}
    try:
        for name, pool in pools.items():
            model.set_submodule(name, _VisiblePool(pool))
        yield
    finally:
        for name, pool in pools.items():
            model.set_submodule(name, pool)


class _VisiblePool(nn.Module):
    """open_clip's ``AttentionPool2d`` with the parameters of another; it computes only the position that is read."""

    def __init__(self, pool: Any) -> None:
        super().__init__()
        self.num_heads, self.positional_embedding = pool.num_heads, pool.positional_embedding
        self.q_proj, self.k_proj, self.v_proj, self.c_proj = pool.q_proj, pool.k_proj, pool.v_proj, pool.c_proj

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) of features (B, C, H, W)."""
        pixels = features.flatten(2).transpose(1, 2)  # (B, H W, C)
        pixels = torch.cat([pixels.mean(1, keepdim=True), pixels], dim=1) + self.positional_embedding.to(pixels.dtype)
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, heads, positions, C / heads)
            for part in (self.q_proj(pixels[:, :1]), self.k_proj(pixels), self.v_proj(pixels))
        )
        attended = scaled_dot_product_attention(q, k, v)[:, :, 0].flatten(1)
        return self.c_proj(attended)
