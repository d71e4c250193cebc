"""Scores add up to the change of the loss, agree with Captum and exhaustive search, and every path neuron counts."""

from itertools import pairwise, product

import pytest
import torch
from captum.attr import LayerIntegratedGradients
from torch import nn

from oro_unlearn.networks.neurons import NeuronLayer, path_scores
from oro_unlearn.networks.neurons.layer_points import TokenPlaces, written
from oro_unlearn.networks.neurons.path_scores import path_shares, z_scored_squares
from tests.networks.neurons.toys import last_token, toy

SAMPLES, TOKENS = 3, 5


@pytest.fixture(params=["one token", "all tokens"])
def case(request):
    """A network, its inputs, and the tokens that count."""
    network, inputs = toy(), torch.randn(SAMPLES, TOKENS, 6, generator=torch.Generator().manual_seed(1))
    one = last_token(SAMPLES, TOKENS)
    return network, inputs, one if request.param == "one token" else torch.ones_like(one)


def loss_with(case, values):
    """The loss of every sample with the given values (B, tokens, W) of some layers at the tokens that count."""
    network, inputs, positions = case
    places, rows = TokenPlaces(positions), torch.arange(SAMPLES)

    def write(number, hidden):
        return places.write(hidden, rows, places.read(values[number], rows)) if number in values else None

    with torch.no_grad(), written(network.layers, write):
        return network(inputs)


def test_scores_of_a_layer_and_of_the_path_add_up_to_the_change_of_the_loss(case):
    network, inputs, positions = case
    layers, kept, errors = network.layers, {}, []
    with torch.no_grad(), written(layers, lambda number, hidden: kept.update({number: hidden})):
        whole = network(inputs)
    empty = {number: torch.zeros_like(values) for number, values in kept.items()}
    for steps in (2, 8, 32, 128):
        rest = (lambda rows: network(inputs[rows]), positions)
        first, second = path_scores(layers, *rest, SAMPLES, 2, steps)
        path = first.topk(2, dim=1).indices
        start = {0: kept[0].scatter(2, path[:, None].expand(-1, TOKENS, -1), 0.0), 1: empty[1]}
        changes = [whole - loss_with(case, {0: empty[0]}), whole - loss_with(case, start)]
        found = [first.sum(1), second.sum(1) + path_shares(layers, *rest, [path], steps)]
        errors.append([float((own - change).abs().max()) for own, change in zip(found, changes, strict=True)])
        assert min(change.abs().min() for change in changes) > 1e-3, "the layers matter"
    assert all(late[layer] < early[layer] for early, late in pairwise(errors[:3]) for layer in (0, 1))
    assert max(errors[-1]) <= 1e-4


def test_one_layer_is_captums_integrated_gradients():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 8, bias=False), nn.GELU(), nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 1)).eval()
    inputs, everything = torch.randn(SAMPLES, TOKENS, 6), torch.ones(SAMPLES, TOKENS, dtype=torch.bool)

    def losses(samples):
        return network(samples)[..., 0].sum(1).sin()

    layer = NeuronLayer("2", network[2], (network[0],), network[1])
    own = path_scores([layer], lambda rows: losses(inputs[rows]), everything, SAMPLES, 1, steps=16)[0]
    captum = LayerIntegratedGradients(losses, network[2])  # an input of zeros gives neurons of zeros
    options = {"n_steps": 16, "method": "riemann_middle", "attribute_to_layer_input": True}
    assert torch.allclose(own, captum.attribute(inputs, baselines=0 * inputs, **options).sum(1), atol=1e-6)
    assert own.abs().max() > 0.1


class Product(nn.Module):
    """Two layers of neurons with fixed values 1, and a loss that multiplies neurons of both."""

    def __init__(self, table: torch.Tensor, extra: torch.Tensor) -> None:
        super().__init__()
        self.table, self.extra = table, extra
        self.first, self.second = (nn.Linear(size, 1, bias=False) for size in table.shape)
        self.seen: list = []
        for layer in (self.first, self.second):
            layer.register_forward_hook(lambda _, given, output: self.seen.append(given[0][:, 0]))

    @property
    def layers(self):
        return [NeuronLayer("first", self.first, ()), NeuronLayer("second", self.second, ())]

    def forward(self, rows):
        self.seen.clear()
        for layer in (self.first, self.second):
            layer(torch.ones(len(rows), 1, layer.in_features))
        a, b = self.seen
        return torch.einsum("ri,ij,rj->r", a, self.table, b) + b @ self.extra + a.square() @ self.table.sum(1)


def test_the_greedy_path_is_the_best_of_all_paths():
    table = torch.tensor([[0.5, 0.1, 0.0], [0.9, 0.2, 0.5], [0.4, 0.1, 0.2]])
    network, one = Product(table, torch.zeros(3)).eval(), torch.ones(1, 1, dtype=torch.bool)
    scores = path_scores(network.layers, network, one, 1, 1, steps=64)
    greedy = tuple(int(layer.argmax()) for layer in scores)

    def joint(first: int, second: int) -> float:
        """What the two neurons of a path add while they alone go from 0 to 1, by differences of the loss."""
        full = [torch.ones(1, 3), torch.ones(1, 3)]
        empty = [values.clone() for values in full]
        empty[0][0, first] = empty[1][0, second] = 0

        def loss(a, b):
            return float(a @ table @ b.T + a.square() @ table.sum(1))

        return loss(*full) - loss(*empty)

    best = max(product(range(3), range(3)), key=lambda path: joint(*path))
    assert greedy == best == (1, 0)


def test_every_path_neuron_counts():
    """Neurons 0 and 1 of the first layer are the path. Neuron 0 of the second works with path neuron 0 alone.

    The authors' code moves the last path neuron alone, here number 1, and would rank neuron 0 of the second layer first.
    """
    table = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    table[1, 1] = 0.2  # so that neuron 1 joins the path, after neuron 0
    extra = torch.tensor([0.0, 0.55])
    network, one = Product(table, extra).eval(), torch.ones(1, 1, dtype=torch.bool)
    first, second = path_scores(network.layers, network, one, 1, 2, steps=64)
    assert first.topk(2).indices.tolist() == [[0, 1]]
    assert torch.allclose(second, torch.tensor([[0.5, 0.65]]), atol=1e-5), "1/2 of 1, as path neuron 0 moves; 0.55 + 0.2 / 2"
    alone = torch.tensor([[1.0, 0.65]])  # what moving path neuron 1 alone gives
    assert alone.argmax() == 0 != second.argmax()


def test_zscored_fisher_is_constant_and_fisher_is_not(case):
    gradients = torch.randn(2, 4, 3, 50, generator=torch.Generator().manual_seed(2)) * torch.logspace(-4, 4, 50)
    assert torch.allclose(z_scored_squares(gradients), torch.full((2, 3, 50), 3.0), rtol=1e-4)
    network, inputs, positions = case
    rest = (lambda rows: network(inputs[rows]), positions, SAMPLES, 2)
    fisher = path_scores(network.layers, *rest, method="fisher")
    official = path_scores(network.layers, *rest, method="official")
    steps = [[], []]
    for layer in (0, 1):
        with written(network.layers, lambda n, hidden, own=layer: steps[own].append(hidden) if n == own else None):
            network(inputs)
    activations = (steps[0][0] * positions[..., None]).sum(1)
    assert torch.equal(official[0].argsort(1), activations.argsort(1)), "by activation alone"
    assert not torch.equal(fisher[0].argsort(1), activations.argsort(1))
    assert all((scores >= 0).all() for scores in fisher)


def test_batches_and_padding_change_nothing(case):
    network, inputs, positions = case

    def losses(rows):
        return network(inputs[rows])

    whole = path_scores(network.layers, losses, positions, SAMPLES, 2)
    for size in (1, 3, 8):
        small = path_scores(network.layers, losses, positions, SAMPLES, 2, batch_size=size)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(whole, small, strict=True))
    wider = torch.cat([positions, torch.zeros(SAMPLES, 2, dtype=torch.bool)], 1)
    assert all(torch.equal(a, b) for a, b in zip(whole, path_scores(network.layers, losses, wider, SAMPLES, 2), strict=True))


def test_samples_with_different_numbers_of_tokens_are_scored_as_alone():
    network, inputs = toy(), torch.randn(2, TOKENS, 6, generator=torch.Generator().manual_seed(3))
    positions = torch.tensor([[True, False, True, False, True], [False, False, False, False, True]])
    both = path_scores(network.layers, lambda rows: network(inputs[rows]), positions, 2, 2)
    for sample in range(2):
        alone = path_scores(network.layers, lambda rows, s=sample: network(inputs[rows + s]), positions[[sample]], 1, 2)
        assert all(torch.allclose(a[[sample]], b, atol=1e-6) for a, b in zip(both, alone, strict=True))


def test_hidden_states_without_a_batch_dimension():
    network, inputs = toy(depth=1), torch.randn(SAMPLES, TOKENS, 6, generator=torch.Generator().manual_seed(4))
    positions = torch.ones(SAMPLES, TOKENS, dtype=torch.bool)

    def packed(rows):
        hidden = inputs[rows].flatten(0, 1)
        out = network.down[0](nn.functional.gelu(network.up[0](hidden)))
        return out.tanh().sum(1).unflatten(0, (len(rows), TOKENS)).sum(1)

    def batched(rows):
        return network.down[0](nn.functional.gelu(network.up[0](inputs[rows]))).tanh().sum((1, 2))

    own, expected = (path_scores(network.layers, losses, positions, SAMPLES, 2)[0] for losses in (packed, batched))
    assert torch.allclose(own, expected, atol=1e-6)


def test_no_gradient_of_weights_is_kept_and_half_precision_works(case):
    network, inputs, positions = case
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half = path_scores(network.layers, lambda rows: network(inputs[rows]), positions, SAMPLES, 2)
    full = path_scores(network.layers, lambda rows: network(inputs[rows]), positions, SAMPLES, 2)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(scores.dtype == torch.float32 for scores in half)
    assert torch.allclose(half[0], full[0], atol=0.05)


def test_an_unused_layer_has_no_score_and_one_that_is_not_run_is_named():
    network, inputs = toy(), torch.randn(2, TOKENS, 6, generator=torch.Generator().manual_seed(5))
    positions = last_token(2, TOKENS)
    spare = nn.Linear(4, 2).eval()
    layers = [*network.layers, NeuronLayer("spare", spare, ())]

    def losses(rows):
        spare(torch.ones(len(rows), TOKENS, 4))
        return network(inputs[rows])

    assert not path_scores(layers, losses, positions, 2, 1)[-1].any()
    with pytest.raises(ValueError, match="does not run spare"):
        path_scores(layers, lambda rows: network(inputs[rows]), positions, 2, 1)
    with pytest.raises(ValueError, match="eval mode"):
        path_scores(toy().train().layers, losses, positions, 2, 1)
    with pytest.raises(ValueError, match="do not hold the tokens"):
        path_scores(network.layers, lambda rows: network(inputs[rows, :3]), positions, 2, 1)
