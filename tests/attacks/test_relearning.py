"""Relearning: a class that was only hidden comes back at once, one that was never learnt does not."""

import math
from copy import deepcopy

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from oro_unlearn.attacks import relearning_curve
from oro_unlearn.networks import SmallCNN

FORGOTTEN = [8]


def images():
    pixels, labels = load_digits(return_X_y=True)
    return torch.from_numpy(pixels).float().view(-1, 1, 8, 8) / 8 - 0.6, torch.from_numpy(labels).long()


def sets(forgotten=FORGOTTEN):
    """The last fifth is for testing: forgotten, retained, forgotten for testing."""
    pixels, labels = images()
    gone = torch.isin(labels, torch.tensor(forgotten))
    early = torch.arange(len(labels)) < 1400
    return [(pixels[rows], labels[rows]) for rows in (gone & early, ~gone & early, gone & ~early)]


def trained(pixels, labels) -> SmallCNN:
    network = SmallCNN(10, width=8)
    generator = torch.Generator().manual_seed(2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(8):
        for rows in torch.randperm(len(labels), generator=generator).split(64):
            optimizer.zero_grad()
            cross_entropy(network(pixels[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def models():
    """A network trained on all digits, the same with a masked head, one trained without the eights, and an untrained one."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        forget, retain, _ = sets()
        original = trained(*(torch.cat(parts) for parts in zip(forget, retain, strict=True)))
        retrained, fresh = trained(*retain), SmallCNN(10, width=8)
    masked = deepcopy(original)
    with torch.no_grad():
        masked.fc.weight[FORGOTTEN] = 0
        masked.fc.bias[FORGOTTEN] = -math.inf
    return {"original": original, "masked": masked, "retrained": retrained, "fresh": fresh}


def curve(network, **words):
    forget, retain, test = sets()
    return relearning_curve(network, 10, FORGOTTEN, forget, retain, test, **{"steps": (0, 5, 15), **words})


def test_a_masked_class_comes_back_before_one_that_was_never_learnt(models):
    masked, retrained = (curve(models[name])[15] for name in ("masked", "retrained"))
    assert masked > 0.6
    assert retrained < 0.3


def test_a_network_that_knows_nothing_calls_everything_forgotten(models):
    """Its accuracy rises as fast; beside retained images it shows."""
    pixels, labels = images()
    beside = {"test_retain": tuple(values[1400:][labels[1400:] != 8] for values in (pixels, labels)), "steps": (5, 10, 20)}
    assert curve(models["fresh"], steps=(20,), lr=0.01)[20] > 0.9
    assert max(curve(models["fresh"], lr=0.01, **beside).values()) < 0.6
    assert max(curve(models["masked"], lr=0.01, **beside).values()) > 0.9
    assert all(0.5 <= value <= 1 for value in curve(models["masked"], lr=0.01, **beside).values())


def test_a_mask_in_the_head_makes_no_difference_at_all(models):
    assert curve(models["masked"]) == curve(models["original"])


def test_the_class_is_gone_after_the_reset_and_without_it_the_original_has_it(models):
    assert curve(models["original"], steps=(0,))[0] < 0.5
    assert curve(models["original"], steps=(0,), reset_head_rows=False)[0] > 0.8


def test_every_model_can_learn_the_class_in_the_end(models):
    assert curve(models["retrained"], steps=(40,))[40] > 0.8


def test_the_network_and_the_global_random_state_stay_as_they_are(models):
    network = deepcopy(models["original"]).train()
    before, state = deepcopy(network.state_dict()), torch.get_rng_state()
    curve(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(module.training for module in network.modules())
    assert torch.equal(torch.get_rng_state(), state)


class Recorder(nn.Module):
    """Keeps the training batches and the head it begins with, in lists that copies share."""

    def __init__(self, width: int, seen: list, heads: list) -> None:
        super().__init__()
        self.seen, self.heads = seen, heads
        self.stem, self.norm, self.fc = nn.Linear(64, width), nn.BatchNorm1d(width), nn.Linear(width, 10)

    def __deepcopy__(self, memo):
        copy = Recorder(self.fc.in_features, self.seen, self.heads)
        copy.load_state_dict(self.state_dict())
        return copy

    def forward(self, batch):
        if torch.is_grad_enabled():
            self.seen.append(batch)
            self.heads.append((self.fc.weight.detach().clone(), self.fc.bias.detach().clone()))
        features = self.norm(self.stem(batch.flatten(1)))
        assert not self.norm.training
        logits = self.fc(features)
        assert logits.dtype == torch.float32
        return logits


def recorded(width: int = 5, **words):
    seen, heads = [], []
    network = Recorder(width, seen, heads)
    curve(network, **words)
    return seen, heads, network


def test_batches_are_the_same_for_every_model_and_half_forgotten():
    forget = {tuple(row) for row in sets()[0][0].flatten(1).tolist()}
    narrow, wide = recorded(5, batch_size=7)[0], recorded(11, batch_size=7, reset_head_rows=False)[0]
    assert len(narrow) == 15
    assert all(torch.equal(a, b) for a, b in zip(narrow, wide, strict=True))
    assert [sum(tuple(row) in forget for row in batch.flatten(1).tolist()) for batch in narrow] == [3] * 15
    assert not torch.equal(narrow[0], narrow[1])
    assert not torch.equal(narrow[0], recorded(5, batch_size=7, seed=1)[0][0])


def test_rows_are_drawn_as_linear_draws_them_and_the_same_for_every_model():
    (_, heads, network), (_, others, _), (_, seeded, _) = recorded(400), recorded(400), recorded(400, seed=1)
    weight, bias = heads[0]
    assert torch.equal(weight[8], others[0][0][8])
    assert torch.equal(bias[8], others[0][1][8])
    assert not torch.equal(weight[8], seeded[0][0][8])
    retained = [label for label in range(10) if label != 8]
    assert torch.equal(weight[retained], network.fc.weight[retained])
    assert torch.equal(bias[retained], network.fc.bias[retained])
    assert 0.95 / 20 < weight[8].max() <= 1 / 20
    assert weight[8].std() == pytest.approx(1 / 20 / 3**0.5, rel=0.1)


def test_steps_have_gradients_and_full_precision_wherever_they_are_taken():
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = recorded(steps=(2,))[1]
    assert not torch.equal(found[0][0], found[1][0])


def test_several_forgotten_classes_are_all_reset():
    forget, retain, test = sets([3, 8])
    network = SmallCNN(10, width=4)
    with torch.no_grad():
        network.fc.bias[[3, 8]] = -math.inf
    found = relearning_curve(network, 10, [3, 8], forget, retain, test, steps=(0, 1))
    assert all(math.isfinite(value) for value in found.values())


def test_a_head_without_bias():
    network = SmallCNN(10, width=4)
    network.fc = nn.Linear(16, 10, bias=False)
    assert set(curve(network, steps=(1,))) == {1}


def test_a_frozen_network_in_a_test_loop(models):
    """Lightning's test loop is in inference mode, and models beside it are frozen."""
    frozen = deepcopy(models["masked"]).requires_grad_(False)
    expected = curve(frozen, steps=(5,))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        made_inside, data = deepcopy(frozen), [(pixels.clone(), labels.clone()) for pixels, labels in sets()]
        assert made_inside.fc.weight.is_inference()
        inside = relearning_curve(made_inside, 10, FORGOTTEN, *data, steps=(5,))
    assert inside == expected
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


class Behind(nn.Module):
    """A mask that is not in the head."""

    def __init__(self, network: nn.Module, value: float) -> None:
        super().__init__()
        self.network, self.value = network, value

    def forward(self, batch):
        return self.network(batch).index_fill(1, torch.tensor(FORGOTTEN), self.value)


def test_a_mask_behind_the_head_cannot_be_removed(models):
    assert all(math.isnan(value) for value in curve(Behind(models["original"], -math.inf)).values())
    assert curve(Behind(models["original"], -1e4), steps=(10,)) == {10: 0}


def test_divergence_is_nan_and_never_forgetting(models):
    assert math.isnan(curve(models["original"], lr=1e6)[15])


def test_measured_steps():
    network = SmallCNN(10, width=4)
    together = curve(network, steps=(6, 2, 2))
    assert list(together) == [2, 6]
    assert curve(network, steps=(6,))[6] == together[6]


NOTHING = torch.zeros(0, 1, 8, 8), torch.zeros(0, dtype=torch.long)
SOME = torch.zeros(3, 1, 8, 8), torch.full((3,), 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"forgotten": []}, "at least one forgotten class"),
        ({"forget": NOTHING}, "the forget set has 0 images and 0 labels"),
        ({"test_forget": NOTHING}, "the test_forget set has 0 images"),
        ({"test_retain": NOTHING}, "the test_retain set has 0 images"),
        ({"retain": (SOME[0], SOME[1][:2])}, "the retain set has 3 images and 2 labels"),
        ({"batch_size": 1}, "batch_size must be at least 2"),
        ({"steps": ()}, "steps are the numbers of steps"),
        ({"steps": (-1, 3)}, "from 0 on"),
        ({"num_classes": 7}, "no linear layer with 7 outputs"),
    ],
)
def test_rejects(change, message):
    words = {"num_classes": 10, "forgotten": [8], "forget": SOME, "retain": SOME, "test_forget": SOME}
    with pytest.raises(ValueError, match=message):
        relearning_curve(SmallCNN(10, width=4), **{**words, **change})
