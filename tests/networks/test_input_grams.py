"""Gram matrices of what enters a layer, and weights restricted to it, against the definitions."""

import pytest
import torch
from torch import nn
from torch.nn.functional import unfold

from oro_unlearn.networks.input_grams import InputGrams, InputSpace, input_columns, memory_needed, weight_rows

LAYERS = {
    "linear": nn.Linear(6, 4),
    "plain": nn.Conv2d(4, 6, 3),
    "stride and padding": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "oblong": nn.Conv2d(4, 6, (3, 1), stride=(1, 2), padding=(2, 0), dilation=(2, 1)),
    "groups": nn.Conv2d(4, 6, 3, padding=1, groups=2),
    "depthwise": nn.Conv2d(4, 4, 3, stride=2, groups=4),
    "same": nn.Conv2d(4, 6, 4, padding="same"),
    "reflect": nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
}


def inputs_of(layer: nn.Module) -> torch.Tensor:
    shape = (3, 5, 6) if isinstance(layer, nn.Linear) else (3, 4, 9, 8)
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("name", LAYERS)
def test_columns_times_weights_are_the_outputs(name):
    layer = LAYERS[name].double()
    inputs = inputs_of(layer)
    outputs = weight_rows(layer) @ input_columns(layer, inputs)  # (groups, outputs / groups, n)
    expected = layer(inputs) - layer.bias.view(-1, *(1,) * (0 if isinstance(layer, nn.Linear) else 2))
    expected = expected.flatten(0, -2).T if isinstance(layer, nn.Linear) else expected.transpose(0, 1).flatten(1)
    assert torch.allclose(outputs.flatten(0, 1), expected)


def test_a_group_sees_its_own_channels():
    layer, inputs = LAYERS["groups"].double(), torch.randn(3, 4, 9, 8, dtype=torch.float64)
    with InputGrams(layer) as grams:
        layer(inputs)
    for group, channels in enumerate((inputs[:, :2], inputs[:, 2:])):
        patches = unfold(channels, 3, padding=1).transpose(0, 1).flatten(1)
        assert torch.allclose(grams.matrices[""][group], patches @ patches.T)


def test_batches_add_up_and_hooks_go_away():
    network = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(120, 4)).double()
    network.unused = nn.Identity()
    network.spare = nn.ModuleDict({"layer": nn.Linear(2, 2)})
    images = torch.randn(6, 4, 9, 8, dtype=torch.float64)

    def run(*batches: torch.Tensor) -> dict[str, torch.Tensor]:
        with InputGrams(network) as grams:
            for batch in batches:
                nn.Sequential(*list(network)[:4])(batch)
        return grams.matrices | {name: torch.cat(parts, 2) for name, parts in grams.columns.items()}

    whole, parts = run(images), run(images[:2], images[2:])
    assert set(whole) == {"0", "3"}, "a layer that is not called has none"
    assert all(torch.allclose(whole[name], parts[name]) for name in whole)
    assert whole["0"].shape == (1, 36, 36), "120 positions: the matrix of X X^T"
    assert whole["3"].shape == (1, 120, 6), "6 images: X itself"
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("alpha", [1.0, 3.0, 100.0, 1000.0])
@pytest.mark.parametrize("samples", [5, 400])
def test_restricting_is_the_singular_value_definition(alpha, samples):
    """Fewer samples than dimensions too: M is then singular."""
    inputs, weight = torch.randn(2, 27, samples, dtype=torch.float64), torch.randn(2, 8, 27, dtype=torch.float64)
    inputs = inputs * torch.logspace(0, -2, 27, dtype=torch.float64)[:, None]
    found = InputSpace(inputs @ inputs.mT).restrict(weight, alpha)
    for group in range(2):
        u, s, _ = torch.linalg.svd(inputs[group], full_matrices=False)
        shares = s**2 / (s**2).sum()
        projection = u @ torch.diag(alpha * shares / ((alpha - 1) * shares + 1)) @ u.T
        expected = weight[group] @ projection
        assert (found[group] - expected).norm() / expected.norm() < 1e-5
        gram = inputs[group] @ inputs[group].T / inputs[group].pow(2).sum()
        closed = alpha * gram @ torch.linalg.inv((alpha - 1) * gram + torch.eye(27, dtype=torch.float64))
        assert torch.allclose(found[group], weight[group] @ closed, atol=1e-9)


def test_inputs_that_are_all_zero_span_nothing():
    space = InputSpace(torch.zeros(1, 3, 3, dtype=torch.float64))
    assert (space.restrict(torch.ones(1, 2, 3, dtype=torch.float64), 10.0) == 0).all()


def test_half_precision_inputs_are_summed_in_more():
    layer = nn.Conv2d(1, 1, 1)
    assert input_columns(layer, torch.ones(1, 1, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("images", [1, 3, 8])
def test_both_matrices_restrict_alike(name, images):
    """X X^T as the batches' sum, and X^T X where it is smaller."""
    layer, shape = LAYERS[name].double(), inputs_of(LAYERS[name]).shape[1:]
    inputs = torch.randn(images, *shape, dtype=torch.float64)
    with InputGrams(layer) as grams:
        for part in inputs.split(3):
            layer(part)
    columns, weight = input_columns(layer, inputs), weight_rows(layer)
    assert ("" in grams.columns) is (columns.shape[2] < columns.shape[1])
    (space,) = grams.spaces().values()
    assert not grams.columns
    assert not grams.matrices
    for alpha in (1.0, 3.0, 1000.0):
        expected = InputSpace(columns @ columns.mT).restrict(weight, alpha)
        assert torch.allclose(space.restrict(weight, alpha), expected, atol=1e-8)
        assert torch.allclose(InputSpace.of_columns(columns).restrict(weight, alpha), expected, atol=1e-8)


def test_inputs_without_energy_leave_no_direction():
    space = InputSpace.of_columns(torch.zeros(1, 5, 3))
    assert torch.equal(space.restrict(torch.ones(1, 2, 5).double(), 10.0), torch.zeros(1, 2, 5).double())


def test_the_memory_of_a_wide_layer_goes_by_the_samples():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 50 * 50, 16)).eval()
    images = torch.zeros(1, 3, 50, 50)
    few, layer = memory_needed(network, images, samples=10, batch_size=10)
    assert layer == "2"
    assert 2 * 8 * 20_000 * 10 < few < 50e6, "20,000 x 20,000 would be 3.2 GB"
    assert memory_needed(network, images, samples=30_000, batch_size=10)[0] > 2 * 8 * 20_000**2
