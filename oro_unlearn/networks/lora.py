"""Low-rank adapters for open_clip models with split attention: choose layers, inject, switch off, fill and merge.

The adapters are those of peft (LoRA, arXiv 2106.09685; DoRA, arXiv 2402.09353; rsLoRA, arXiv 2312.03732), always with peft's
default initialisation. Other initialisations change base weights, so that switching the adapter off no longer gives the base
model.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.split_attention import fuse_attention
from oro_unlearn.user_error import UserError

TOWERS = ("text", "image", "both")
KINDS = ("lora", "dora", "rslora")
BLOCK_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "c_fc", "c_proj")


def adaptable_layers(model: nn.Module, tower: str) -> list[str]:
    """Names of the Linear and convolution layers of a tower that an adapter can change.

    Args:
        model: An open_clip model with split attention; attention that is not split reads weights without calling their layers,
            and an adapter on them would have no effect.
        tower: ``text`` or ``image``.
    """
    prefixes = ("visual.",) if tower == "image" else ("transformer.", "text.")
    return [
        name for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.startswith(prefixes)
    ]  # fmt: skip


def default_layers(names: Sequence[str]) -> list[str]:
    """Attention and MLP of every transformer block; in a ResNet, the convolutions of its last two stages."""
    blocks = [name for name in names if ".resblocks." in name and name.rsplit(".", 1)[-1] in BLOCK_LAYERS]
    return blocks or [name for name in names if name.startswith(("visual.layer3.", "visual.layer4."))]


def choose_layers(model: nn.Module, towers: str, targets: Sequence[str]) -> list[str]:
    """Names of the layers to adapt.

    Args:
        model: An open_clip model with split attention.
        towers: ``text``, ``image`` or ``both``.
        targets: Parts of layer names, such as ``q_proj``, ``resblocks.3`` or ``layer4``; a part of a name that has several
            layers below it means all of them, and a layer's whole name that layer alone. Empty for the default.

    Raises:
        UserError: If a tower has none of these layers.
    """
    refuse_second(model)
    if towers not in TOWERS:
        raise UserError(f"towers must be one of {', '.join(TOWERS)}, not {towers!r}")
    chosen: list[str] = []
    layers = {tower: adaptable_layers(model, tower) for tower in TOWERS[:2]}
    whole = set(targets) & {name for names in layers.values() for name in names}  # a text layer's is a part of an image layer's
    parts = [target for target in targets if target not in whole]
    for tower in ("text", "image") if towers == "both" else (towers,):
        names = layers[tower]
        found = [name for name in names if name in whole or _within(name, parts)] if targets else default_layers(names)
        if not found:
            what = f"layer named {', '.join(targets)}" if targets else "transformer blocks or ResNet stages of open_clip's own"
            kinds = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in names}))
            raise UserError(f"the {tower} tower has no {what}: set targets to some of {kinds}")
        chosen += found
    return chosen


def _within(name: str, targets: Sequence[str]) -> bool:
    """Whether a target is a part of the name, compared part by part: ``seq_proj`` does not contain ``q_proj``."""
    return any(f".{target}." in f".{name}." for target in targets)


def ending_in(names: Sequence[str], targets: Sequence[str]) -> list[str]:
    """The names that end in a target, compared part by part as in peft: ``seq_proj`` does not end in ``q_proj``."""
    return [name for name in names if any(f".{name}".endswith(f".{target}") for target in targets)]


def pattern(chosen: Sequence[str], model: nn.Module) -> str:
    """A regular expression that matches exactly the chosen layers of the model. It is short if every block is chosen."""
    short = "|".join(dict.fromkeys(re.sub(r"\\\.\d+(?=\\\.)", r"\\.\\d+", re.escape(name)) for name in chosen))
    matched = {name for name, _ in model.named_modules() if re.fullmatch(short, name)}
    if matched == set(chosen):
        return short
    blocks: dict[tuple[str, str], list[str]] = {}  # by the text before and after a block's number: the numbers
    for name in chosen:
        *before, number, after = ["", "", *re.split(r"(\.\d+\.)", name)]
        blocks.setdefault(("".join(before), after), []).append(re.escape(number))
    return "|".join(f"{re.escape(a)}(?:{'|'.join(numbers)}){re.escape(b)}" for (a, b), numbers in blocks.items())


def refuse_second(model: nn.Module) -> None:
    """Raise a UserError if the model has an adapter: its base would no longer be the model without adapters."""
    if adapted_layers(model):
        raise UserError("the model has an adapter already: merge it first, or start from the base model")


def inject(model: nn.Module, layers: str, rank: int, alpha: float, kind: str, dropout: float) -> None:
    """Freeze the model and add adapters to the layers that ``layers`` matches, in place.

    Raises:
        UserError: If a value is out of range or the model has adapters already.
    """
    from peft import LoraConfig, inject_adapter_in_model

    check_options(rank, alpha, kind, dropout)
    refuse_second(model)
    scale: Any = alpha  # peft annotates it as int, but divides by it
    config = LoraConfig(
        r=rank, lora_alpha=scale,
        lora_dropout=dropout, target_modules=layers, bias="none",
        use_dora=kind == "dora", use_rslora=kind == "rslora",
    )  # fmt: skip
    model.requires_grad_(False)
    inject_adapter_in_model(config, model)


def check_options(rank: int, alpha: float, kind: str, dropout: float) -> None:
    """Raise a UserError if a value is out of range."""
    if kind not in KINDS:
        raise UserError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if rank < 1 or not 0 < alpha <= sys.float_info.max or not 0 <= dropout < 1:
        raise UserError(f"rank must be 1 or more, alpha above 0, dropout in [0, 1): got {rank}, {alpha}, {dropout}")


def adapted_layers(model: nn.Module) -> dict[str, Any]:
    """The layers that have an adapter, by name. Without adapters the result is empty, and peft is not imported."""
    if not getattr(model, "peft_config", None):
        return {}
    from peft.tuners.tuners_utils import BaseTunerLayer

    return {name: module for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)}


@contextmanager
def without_adapters(model: nn.Module) -> Iterator[None]:
    """Switch the adapters off within the block. Afterwards the switches and ``requires_grad`` are restored.

    peft's ``disable_adapter`` sets ``requires_grad`` to true when it ends, even for adapters that were frozen.
    """
    layers = [layer for layer in adapted_layers(model).values() if not layer.disable_adapters]
    flags = [(parameter, parameter.requires_grad) for layer in layers for parameter in layer.parameters()]
    try:
        for layer in layers:
            layer.enable_adapters(False)
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def adapter_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The adapter's parameters, by their names in peft's files without the prefix ``base_model.model.``."""
    if not adapted_layers(model):
        return {}
    from peft import get_peft_model_state_dict

    return get_peft_model_state_dict(model, state_dict=dict(model.named_parameters()), save_embedding_layers=False)


@torch.no_grad()
def fill_adapter(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy values into the adapter, strictly.

    peft's ``set_peft_model_state_dict`` silently leaves a missing tensor at its initial value and silently accepts NaN. For a
    wrong shape it raises a RuntimeError of several lines.

    Raises:
        UserError: If the model has no adapter, or the values belong to another one.
    """
    own = adapter_parameters(model)
    if not own:
        raise UserError("the model has no adapter to load into: call add_adapter first")
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or unknown:
        words = [f"{len(names)} {what} (first {names[0]})" for what, names in
                 (("missing", missing), ("unknown", unknown)) if names]  # fmt: skip
        raise UserError(f"these are tensors of another adapter: {', '.join(words)}; use its towers, kind and targets")
    for name, parameter in own.items():
        if parameter.shape != state[name].shape:
            raise UserError(
                f"{name} is {tuple(state[name].shape)} there and {tuple(parameter.shape)} here: "
                "the adapter has another rank, or belongs to another architecture"
            )
        if not torch.isfinite(state[name]).all():
            raise UserError(f"the adapter has NaN or infinite values in {name}: it diverged; choose another one")
    for name, parameter in own.items():
        parameter.copy_(state[name])


def merged_copy(model: nn.Module) -> nn.Module:
    """A plain open_clip model with merged adapters and fused attention. ``model`` is not changed."""
    return fuse_attention(merge(deepcopy(model)))


def merge(model: nn.Module) -> nn.Module:
    """Merge the adapters into the weights, in place, and return the model. Adapters that are switched off are left out."""
    layers = adapted_layers(model)
    for name, layer in layers.items():
        if not layer.disable_adapters:
            layer.merge()
        model.set_submodule(name, layer.get_base_layer())
    if layers:
        del model.peft_config
    return model


def base_state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict of the split model as it was before adapters were added."""
    return {name.replace(".base_layer.", "."): tensor for name, tensor in model.state_dict().items() if ".lora_" not in name}


@torch.no_grad()
def write_update(model: nn.Module, name: str, left: Tensor, right: Tensor) -> None:
    """Set the adapter of one layer to the update ``left @ right`` of its weight.

    Components of the adapter beyond the update's rank keep their first factor and get 0 as the second.

    Args:
        model: A model with adapters of kind ``lora`` or ``rslora``.
        name: Name of the layer.
        left: (outputs, r).
        right: (r, inputs).

    Raises:
        UserError: If the layer has no adapter, or its rank is below r.
    """
    layer = adapted_layers(model).get(name)
    if layer is None:
        raise UserError(f"the edit changes {name}, which has no adapter: set lora targets that include it")
    first, second = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    rank = left.shape[1]
    if rank > len(first):
        raise UserError(f"the edit of {name} has rank {rank}, and the adapter {len(first)}: raise --model.lora_rank")
    scale = layer.scaling["default"]
    tiny = torch.finfo(torch.float32).tiny
    balance = (right.norm(dim=1).clamp(min=tiny) / left.norm(dim=0).clamp(min=tiny)).sqrt()  # both factors equally large
    second.zero_()
    second[:, :rank] = (left * balance / scale**0.5).to(second)
    first[:rank] = (right / balance[:, None] / scale**0.5).to(first)
