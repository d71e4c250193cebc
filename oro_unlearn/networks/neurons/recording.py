"""Reading the neurons of several layers while a network runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from oro_unlearn.networks.neurons.layer_points import written
from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer


@contextmanager
def recorded(layers: Sequence[NeuronLayer]) -> Iterator[dict[int, Tensor]]:
    """Within the block, keep what each layer's reader gets.

    Args:
        layers: The layers.

    Yields:
        The neurons (..., width) of the last run, by the number of the layer.
    """
    found: dict[int, Tensor] = {}

    def keep(number: int, hidden: Tensor) -> None:
        found[number] = hidden.detach()

    with written(list(layers), keep):
        yield found
