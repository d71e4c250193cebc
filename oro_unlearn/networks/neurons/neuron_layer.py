"""Where the neurons of a feed-forward block are."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn


class NeuronLayer(NamedTuple):
    """A feed-forward block: linear layers make the neurons, and one linear layer reads them.

    Neuron n is coordinate n of the input of ``reader``, and row n of each of ``makers`` makes it.
    """

    name: str  # of the reader in the network
    reader: nn.Linear  # second linear of the block; W = reader.in_features
    makers: tuple[nn.Linear, ...]  # (up_proj, gate_proj), (fc1,) or (c_fc,); of two, their product is the neuron
    activation: Callable[[Tensor], Tensor] | None = None  # of the last maker's output; None: not known, and taken to be 0 at 0

    @property
    def width(self) -> int:
        """W, the number of neurons."""
        return self.reader.in_features
