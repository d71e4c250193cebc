"""Training of the rows that make chosen neurons, and of nothing else."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.user_error import UserError


class TrainedRows:
    """Freezes the makers of layers, except for the rows that make chosen neurons.

    A maker's weight is computed from the frozen one and a separate parameter (n, in), float32, with the chosen rows. An
    optimizer sees that parameter alone, so that neither weight decay nor momentum changes another row by a bit. Biases are
    frozen.

    Args:
        layers: The layers. Their makers are changed; other parameters of the network stay as they are.
        paths: Neurons (n,) int64 of each layer; a layer without any is not changed.

    Attributes:
        makers: The layers that have trained rows.

    Raises:
        UserError: If weights are quantised.
    """

    def __init__(self, layers: Sequence[NeuronLayer], paths: Sequence[Tensor]) -> None:
        self.makers: list[nn.Linear] = []
        for layer, neurons in zip(layers, paths, strict=True):
            for maker in layer.makers:
                if not maker.weight.is_floating_point():
                    raise UserError(f"{layer.name}: rows of quantised weights cannot be trained; load it without quantisation")
                maker.requires_grad_(False)
                if len(neurons):
                    rows = _Rows(maker.weight, neurons.to(maker.weight.device))
                    parametrize.register_parametrization(maker, "weight", rows)
                    self.makers.append(maker)

    def parameters(self) -> list[nn.Parameter]:
        """The trained rows, one parameter (n, in) for each of :attr:`makers`."""
        found: list[nn.Parameter] = []
        for maker in self.makers:
            chosen: nn.ParameterList = maker.parametrizations["weight"]  # type: ignore[index,assignment]
            found.append(chosen[0].values)  # type: ignore[arg-type]
        return found

    def fuse(self) -> None:
        """Put plain, frozen weights with the trained rows back. Nothing is trained afterwards."""
        for maker in self.makers:
            parametrize.remove_parametrizations(maker, "weight", leave_parametrized=True)
            maker.requires_grad_(False)
        self.makers = []


def plain_linears(network: nn.Module) -> None:
    """Put a Linear with the computed weight in the place of each that has trained rows.

    To remove the parametrisation instead would change a class that copies of the network share.

    Args:
        network: The network, which is changed.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module):
            plain = nn.Linear(module.in_features, module.out_features, module.bias is not None, device="meta")
            plain.weight = nn.Parameter(module.weight.detach().clone(), requires_grad=False)
            if module.bias is not None:
                plain.bias = nn.Parameter(module.bias.detach().clone(), requires_grad=False)
            network.set_submodule(name, plain.train(module.training))


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict that a network would have with its trained rows fused; the network is not changed."""
    state = {name: tensor.detach() for name, tensor in network.state_dict().items() if ".parametrizations." not in name}
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            state[f"{name}.weight"] = module.weight.detach()
    return state


class _Rows(nn.Module):
    """A weight of which only some rows train.

    Args:
        weight: The weight (out, in) before.
        rows: Numbers (n,) int64 of the rows.
    """

    rows: Tensor

    def __init__(self, weight: Tensor, rows: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=False)
        self.values = nn.Parameter(weight.detach()[rows].clone().float())  # of bfloat16, small steps would be lost

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with the trained rows."""
        return torch.index_copy(weight, 0, self.rows, self.values.to(weight.dtype))
