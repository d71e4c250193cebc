"""The feed-forward blocks of a CLIP model's tower."""

from typing import Any

from torch import nn

from oro_unlearn.networks.activation_patching import PREFIXES
from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.user_error import UserError


def clip_neuron_layers(model: nn.Module, tower: str) -> list[NeuronLayer]:
    """The MLPs of a tower's transformer, shallow to deep.

    Args:
        model: A model of open_clip, with split attention or not.
        tower: ``text`` or ``image``.

    Raises:
        UserError: If the tower has no such MLP, as a ResNet has none; or if its hidden states are not (B, tokens, width).
    """
    layers = []
    for name, module in model.named_modules():
        mlp: Any = module
        if not (name.startswith(PREFIXES[tower]) and isinstance(module, nn.Sequential) and hasattr(module, "c_proj")):
            continue
        attention = dict(model.get_submodule(name.rpartition(".")[0]).named_children()).get("attn")
        if not getattr(attention, "batch_first", True):
            raise UserError(f"the {tower} tower has its tokens before its batch, and neuron paths need them behind it")
        layers.append(NeuronLayer(f"{name}.c_proj", mlp.c_proj, (mlp.c_fc,), mlp.gelu))
    if not layers:
        raise UserError(
            f"the {tower} tower has no MLPs of a transformer of open_clip's own, so no neurons: choose another tower with "
            "--model.towers"
        )
    return layers
