"""Hooks that read and replace activations of a CLIP model: attention heads, MLP neurons, and channels of a ResNet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from oro_unlearn.networks.split_attention import SplitAttention
from oro_unlearn.networks.split_pool import SplitPool
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
            ``positions first``, (P B, W) of which the first position is read, ``first of rows``, or (B, W, height, width)
            ``channels``.
    """

    layer: str
    tower: str
    block: str
    kind: Literal["heads", "neurons", "channels"]
    width: int
    group: int
    layout: Literal["rows", "batch first", "positions first", "first of rows", "channels"]


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
    if isinstance(module, SplitPool):
        width = module.c_proj.in_features
        return [Site(f"{name}.c_proj", tower, "attention pool", "heads", width, width // module.num_heads, "first of rows")]
    return []


def _readable(name: str) -> str:
    """The name of a block for people: ``block 2`` of a transformer, ``layer3.0`` of a ResNet."""
    _, found, number = name.rpartition(".resblocks.")
    return f"block {int(number) + 1}" if found and number.isdigit() else name.removeprefix("visual.")


@contextmanager
def replaced(model: nn.Module, changes: Mapping[Site, Change]) -> Iterator[None]:
    """Within the block, the model computes with changed activations. A change that returns its argument changes no bit.

    Args:
        model: An open_clip model with split attention.
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
    if site.layout in ("rows", "first of rows"):  # only the attention itself knows how many inputs there are
        attention: Any = model.get_submodule(site.layer.rpartition(".")[0])

        def note(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            batch[0] = inputs[0].shape[0 if getattr(attention, "batch_first", True) else 1]

        handles.append(attention.register_forward_pre_hook(note))
    return handles


def _positions(held: Tensor, layout: str, batch: int) -> Tensor:
    """(B, P, W) of activations as a layer holds them."""
    if layout == "rows":
        return held.unflatten(0, (-1, batch)).transpose(0, 1)
    if layout == "channels":
        return held.flatten(2).transpose(1, 2)
    if layout == "first of rows":
        return held[:batch, None]
    return held.transpose(0, 1) if layout == "positions first" else held


def _as_held(positions: Tensor, held: Tensor, layout: str) -> Tensor:
    """The inverse of :func:`_positions`; ``held`` has the shape, and the positions that are not read."""
    if layout == "first of rows":
        return torch.cat([positions[:, 0], held[len(positions) :]])
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
