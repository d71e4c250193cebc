"""Pruning of neurons in plain weights."""

import torch
from torch import Tensor

from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.user_error import UserError


@torch.no_grad()
def prune(layer: NeuronLayer, neurons: Tensor) -> None:
    """Make neurons 0 for every input, exactly, by zeros in the weights that make them.

    The row and the bias of a neuron in the first maker become 0. In a gated block the neuron is a product with that row's
    output, so the gate can stay. In any other block the neuron is the activation of 0, which must be 0, as that of GELU,
    QuickGELU, SiLU and ReLU is.

    Args:
        layer: The layer. Its first maker is changed.
        neurons: Neurons (n,) int64.

    Raises:
        UserError: If the activation of 0 is not 0, or the weights are quantised.
    """
    maker = layer.makers[0]
    if not maker.weight.is_floating_point():
        raise UserError(f"{layer.name}: neurons of quantised weights cannot be pruned; load the network without quantisation")
    if len(layer.makers) == 1 and layer.activation is not None:
        offset = float(layer.activation(torch.zeros(1, device=maker.weight.device)))
        if offset:
            raise UserError(f"{layer.name}: its activation of 0 is {offset:g}, so a pruned neuron would not be 0")
    maker.weight[neurons.to(maker.weight.device)] = 0
    if maker.bias is not None:
        maker.bias[neurons.to(maker.weight.device)] = 0
