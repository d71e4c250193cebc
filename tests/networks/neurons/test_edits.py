"""Pruned neurons are exactly 0; only chosen rows train; and the weights are plain again."""

import pytest
import torch
from torch import nn

from oro_unlearn.networks.neurons import NeuronLayer, TrainedRows, plain_state, prune
from oro_unlearn.networks.neurons.layer_points import written
from oro_unlearn.user_error import UserError
from tests.networks.neurons.toys import toy

CHOSEN = [torch.tensor([1, 4]), torch.tensor([], dtype=torch.long)]


@pytest.mark.parametrize("gated", [False, True])
def test_pruned_neurons_are_exactly_0(gated):
    network, seen = toy(gated=gated), []
    prune(network.layers[0], CHOSEN[0])
    with torch.no_grad(), written(network.layers[:1], lambda number, hidden: seen.append(hidden)):
        network(100 * torch.randn(64, 5, 6, generator=torch.Generator().manual_seed(0)))
    zero = (seen[0] == 0).all((0, 1))
    assert zero.nonzero()[:, 0].tolist() == CHOSEN[0].tolist()


def test_neurons_whose_activation_of_0_is_not_0_are_refused():
    layer = NeuronLayer("mlp.down", nn.Linear(4, 2), (nn.Linear(2, 4),), nn.Sigmoid())
    with pytest.raises(UserError, match=r"mlp\.down: its activation of 0 is 0\.5"):
        prune(layer, CHOSEN[0])


def test_quantised_weights_are_refused():
    maker = nn.Linear(2, 4)
    maker.weight = nn.Parameter(maker.weight.to(torch.int8), requires_grad=False)
    layer = NeuronLayer("mlp.down", nn.Linear(4, 2), (maker,))
    with pytest.raises(UserError, match="cannot be pruned"):
        prune(layer, CHOSEN[0])
    with pytest.raises(UserError, match="cannot be trained"):
        TrainedRows([layer], CHOSEN[:1])


@pytest.mark.parametrize("gated", [False, True])
def test_only_chosen_rows_change(gated):
    network = toy(gated=gated).requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trained = TrainedRows(network.layers, CHOSEN)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert {id(own) for own in parameters} == {id(own) for own in trained.parameters()}
    assert [tuple(own.shape) for own in parameters] == [(2, 6)] * (2 if gated else 1)
    inputs = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        network(inputs).sum().backward()
        optimizer.step()
    with torch.no_grad():
        during, plain = network(inputs), plain_state(network)
        trained.fuse()
        assert torch.equal(network(inputs), during)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    after = network.state_dict()
    assert after.keys() == before.keys() == plain.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in plain.items())
    changed = {name: (after[name] != tensor) for name, tensor in before.items() if not torch.equal(after[name], tensor)}
    assert set(changed) == ({"up.0.weight", "gate.0.weight"} if gated else {"up.0.weight"})
    assert all(rows.any(1).nonzero()[:, 0].tolist() == CHOSEN[0].tolist() for rows in changed.values())


def test_small_steps_of_bfloat16_rows_add_up():
    network = toy().to(torch.bfloat16).requires_grad_(False)
    trained = TrainedRows(network.layers, CHOSEN)
    maker, values = trained.makers[0], trained.parameters()[0]
    before = maker.weight[CHOSEN[0]].clone()
    with torch.no_grad():
        for _ in range(64):
            values.mul_(1 + 2**-12)  # less than half of the distance between neighbours in bfloat16
    assert maker.weight.dtype == torch.bfloat16
    assert (maker.weight[CHOSEN[0]] != before).any()
