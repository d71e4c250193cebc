"""Small networks with feed-forward blocks, for tests of neuron paths."""

import torch
from torch import Tensor, nn

from oro_unlearn.networks.neurons import NeuronLayer


class Toy(nn.Module):
    """Blocks of attention over all tokens and of an MLP, and a readout of the last token; smooth everywhere.

    Args:
        depth: Blocks.
        width: Length of a hidden state.
        neurons: Neurons of a block.
        gated: Whether the MLPs are gated.
    """

    def __init__(self, depth: int = 2, width: int = 6, neurons: int = 8, gated: bool = False) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(nn.MultiheadAttention(width, 2, batch_first=True) for _ in range(depth))
        self.up = nn.ModuleList(nn.Linear(width, neurons) for _ in range(depth))
        self.gate = nn.ModuleList(nn.Linear(width, neurons) for _ in range(depth if gated else 0))
        self.down = nn.ModuleList(nn.Linear(neurons, width) for _ in range(depth))
        self.norm, self.readout = nn.LayerNorm(width), nn.Linear(width, 1)

    @property
    def layers(self) -> list[NeuronLayer]:
        """The feed-forward blocks."""
        makers = list(zip(self.up, self.gate, strict=True)) if self.gate else [(up,) for up in self.up]
        return [NeuronLayer(f"down.{n}", down, makers[n], nn.functional.gelu) for n, down in enumerate(self.down)]

    def hidden(self, inputs: Tensor) -> Tensor:
        """The hidden states (B, tokens, width) behind the last block."""
        for number, (attention, down) in enumerate(zip(self.attentions, self.down, strict=True)):
            normed = self.norm(inputs)
            inputs = inputs + attention(normed, normed, normed, need_weights=False)[0]
            up = self.up[number](self.norm(inputs))
            inputs = inputs + down(nn.functional.gelu(self.gate[number](inputs)) * up if self.gate else nn.functional.gelu(up))
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        """One number (B,) for each sample of inputs (B, tokens, width)."""
        return self.readout(self.hidden(inputs)[:, -1]).tanh()[:, 0]


def toy(seed: int = 0, **options) -> Toy:
    """A network with random weights that are large enough for a curved loss."""
    torch.manual_seed(seed)
    network = Toy(**options).eval()
    for parameter in network.parameters():
        if parameter.dim() == 2:
            parameter.data *= 1.5
    return network


def last_token(samples: int, tokens: int) -> Tensor:
    """A mask of the last token."""
    return (torch.arange(tokens) == tokens - 1).expand(samples, -1)
