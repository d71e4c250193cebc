"""Compares the scores of neuron paths and the losses of their training with transcribed equations."""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu

from benchmarks.verification import closed_forms
from benchmarks.verification import relation_losses as transcribed
from benchmarks.verification.rows import Row, apart
from oro_unlearn.methods.misdirection import misdirection_losses, misdirection_target
from oro_unlearn.networks.neurons import NeuronLayer, path_scores

MIP = "MIP-Editor (arXiv 2511.06793)"
SAMPLES, TOKENS, WIDTH, NEURONS, STEPS, TOP = 2, 3, 4, 5, 6, 2


class TwoBlocks(nn.Module):
    """Two residual MLPs with a mean over tokens between them, and the sine of a readout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.up = nn.ModuleList(nn.Linear(WIDTH, NEURONS, dtype=torch.float64) for _ in range(2))
        self.down = nn.ModuleList(nn.Linear(NEURONS, WIDTH, dtype=torch.float64) for _ in range(2))
        self.inputs = 2 * torch.randn(SAMPLES, TOKENS, WIDTH, dtype=torch.float64)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """One number a row."""
        hidden = self.inputs[rows]
        for up, down in zip(self.up, self.down, strict=True):
            hidden = hidden + down(gelu(up(hidden)))
            hidden = hidden + hidden.mean(1, keepdim=True)
        return hidden.sum((1, 2)).sin()


def scores(method: Any) -> float:
    """Scores of both layers, at the first and the last token."""
    network = TwoBlocks().eval()
    positions = torch.tensor([True, False, True]).expand(SAMPLES, -1)
    layers = [NeuronLayer(f"down.{n}", down, (network.up[n],), gelu) for n, down in enumerate(network.down)]
    found = path_scores(layers, network, positions, SAMPLES, TOP, STEPS, method)
    maps = [(linear.weight.detach(), linear.bias.detach()) for linear in (*network.up, *network.down)]
    expected = [
        closed_forms.path_scores(inputs, maps[:2], maps[2:], [0, 2], STEPS, TOP, method == "fisher")
        for inputs in network.inputs
    ]
    return apart(found, [torch.stack(layer) for layer in zip(*expected, strict=True)])


def misdirection() -> float:
    """Both terms, with a mask, and their gradients."""
    torch.manual_seed(8)
    retain, forget, reference = (torch.randn(2, 3, 4, requires_grad=True) for _ in range(3))
    tokens, target = torch.tensor([[True, True, False], [True, False, False]]), misdirection_target(4, seed=1, scale=3.0)
    found = misdirection_losses(retain, reference, forget, target, 2.0, 3.0, tokens, tokens)
    expected = {
        "retain": 2 * transcribed.misdirected(retain, reference, tokens),
        "forget": 3 * transcribed.misdirected(forget, target.expand(2, 3, 4), tokens),
    }
    slopes = [torch.autograd.grad(sum(terms.values()), (retain, forget)) for terms in (found, expected)]
    return max(apart(slopes[0], slopes[1]), *(apart(found[name], expected[name]) for name in expected))


def rows() -> list[Row]:
    """All of them."""
    path = "scores of both layers of a small network, with two path neurons in the first"
    return [
        Row(
            "NeuronPathRelation",
            "path_scores, integrated",
            f"{MIP}; all path neurons, sums of products",
            path,
            scores("integrated"),
        ),
        Row("NeuronPathRelation", "path_scores, fisher", f"{MIP}; Fisher pruning (arXiv 1801.05787)", path, scores("fisher")),
        Row(
            "NeuronPathRelation",
            "misdirection_losses",
            f"RMU (arXiv 2403.03218); {MIP}",
            "both terms and gradients",
            misdirection(),
        ),
    ]
