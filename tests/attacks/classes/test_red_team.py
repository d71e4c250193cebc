"""The red team of classes: right values, the same draws for every model, nothing changed, masks and bad input."""

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from oro_unlearn.attacks import quantise
from oro_unlearn.attacks.classes import (
    Effort,
    Target,
    attack_classifier,
    centroid_margins,
    feature_lira,
    feature_lira_of,
    inversion,
    invert,
    named,
    patch_attack,
    patched,
    pixel_range,
    retain_tuning_curve,
    side_of,
    universal_patch,
)
from oro_unlearn.attacks.classes.log_odds import log_odds
from oro_unlearn.attacks.scores import collect_scores

FORGOTTEN, SIZE = 2, 8
NOTHING = (torch.zeros(0, 1, SIZE, SIZE), torch.zeros(0))
LITTLE = Effort((8,), (2,), (1,), inversion_steps=5, restarts=2, patch_steps=3)


def images(count: int = 60, seed: int = 0):
    """Four classes: the bright quarter of an image is its class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    pixels = 0.3 * torch.rand(count, 1, SIZE, SIZE, generator=generator)
    for row, label in enumerate(labels.tolist()):
        pixels[row, 0, 4 * (label // 2) :, :][:4, 4 * (label % 2) :][:, :4] += 0.7
    return pixels, labels


class Quarters(nn.Module):
    """Knows every class from the brightness of the quarters. The third feature stands for what an edit left."""

    def __init__(self, forget: bool = False) -> None:
        super().__init__()
        self.pool, self.fc = nn.AvgPool2d(4), nn.Linear(4, 4)
        with torch.no_grad():
            self.fc.weight.copy_(10 * torch.eye(4))
            self.fc.bias.zero_()
            if forget:
                self.fc.bias[FORGOTTEN] = -4

    def forward(self, batch):
        return self.fc(self.pool(batch).flatten(1))


def masked(network: nn.Module) -> nn.Module:
    copy = deepcopy(network)
    with torch.no_grad():
        copy.fc.weight[FORGOTTEN] = 0
        copy.fc.bias[FORGOTTEN] = -math.inf
    return copy


def sets(seed: int = 0):
    pixels, labels = images(seed=seed)
    gone = labels == FORGOTTEN
    return (pixels[gone], labels[gone]), (pixels[~gone], labels[~gone])


@pytest.fixture
def pixels():
    return pixel_range(images()[0])


def test_an_inverted_input_raises_the_log_odds_and_shows_its_class(pixels):
    network, labels = Quarters(), torch.tensor([2, 2, 0])
    first, last = (invert(network, labels, (1, SIZE, SIZE), pixels, steps, seed=3) for steps in (0, 60))
    assert (log_odds(network, last, labels) > log_odds(network, first, labels) + 1).all()
    assert last.min() >= pixels.low.min()
    assert last.max() <= pixels.high.max()
    assert torch.equal(last, invert(network, labels, (1, SIZE, SIZE), pixels, 60, seed=3))
    assert not torch.equal(first[0], first[1])
    given = ([FORGOTTEN], [0, 1], (1, SIZE, SIZE), pixels, 60, 2)
    assert inversion(network, Quarters(), *given) == (1, 1)
    found = inversion(masked(network), network, *given)
    assert math.isnan(found.forgotten)
    assert found.retained == 1


def test_patches(pixels):
    forget, retain = sets()
    network = Quarters(forget=True)
    assert side_of(8, 8, 0) == 0
    assert side_of(8, 8) == 2
    assert side_of(224, 224, 0.25) == 112
    nothing = patch_attack(network, FORGOTTEN, forget, (forget, retain), pixels, steps=5, share=0)
    plain = [float((network(x).argmax(1) == FORGOTTEN).double().mean()) for x, _ in (forget, retain)]
    assert list(nothing) == plain
    patch = universal_patch(network, FORGOTTEN, forget, pixels, 2, 50)
    assert torch.equal(patched(forget[0], patch)[:, :, :-2], forget[0][:, :, :-2])
    assert patch.max() <= pixels.low.max() + 0.05, "light in the lower right quarter speaks for another class"
    everywhere = patch_attack(network, FORGOTTEN, forget, (forget, forget), pixels, steps=5)
    assert everywhere.excess == 0
    assert all(math.isnan(value) for value in patch_attack(masked(network), FORGOTTEN, forget, (forget, retain), pixels, 2))


def test_a_drawn_name_is_in_the_band_and_in_the_range(pixels):
    before = images()[0]
    after = named(before, "8", pixels)
    assert torch.equal(after[:, :, :-2], before[:, :, :-2])
    assert not torch.equal(after, before)
    assert after.min() >= pixels.low.min()
    assert torch.equal(named(before, " ", pixels), before)


def test_retained_data_bring_back_what_only_the_head_hides():
    """The bias of the hidden class is pushed down further, but a network that hides it by a shift of others recovers."""
    forget, retain = sets()
    network = Quarters()
    with torch.no_grad():
        network.fc.bias += torch.tensor([9.0, 9, 0, 9])
    found = retain_tuning_curve(network, 4, retain, forget, (0, 1), batch_size=8)
    assert found[0] == 0
    assert retain_tuning_curve(Quarters(), 4, retain, forget, (0,))[0] == 1
    assert all(math.isfinite(value) for value in retain_tuning_curve(masked(network), 4, retain, forget, (0, 3)).values())
    assert math.isnan(retain_tuning_curve(network, 4, retain, forget, (9,), lr=math.inf)[9])


def test_quantised_weights():
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[7.0, -2.4, 0.6], [0.0, 0.0, 0.0]]))
        layer.bias[1] = -math.inf
    small = quantise(layer, 4)
    assert small.weight.tolist() == [[7, -2, 1], [0, 0, 0]]
    assert torch.equal(small.bias, layer.bias)
    transposed = nn.ConvTranspose2d(1, 2, 1)
    with torch.no_grad():
        transposed.weight.copy_(torch.tensor([[[[7.0]], [[0.6]]]]))
    assert torch.allclose(quantise(transposed, 4).weight, transposed.weight), "every output channel has its own scale"
    assert (quantise(nn.Linear(50, 2), 8).weight - layer.weight.new_zeros(1)).unique().numel() <= 2 * 255
    with pytest.raises(ValueError, match="bits must be in 2 to 16, not 1"):
        quantise(layer, 1)


def test_places_in_features_beside_retrained_models():
    features = torch.tensor([[0.0, 0], [0, 2], [4, 0], [4, 2]])
    margins = centroid_margins(
        features, torch.tensor([0, 0, 1, 1]), torch.tensor([[1.0, 1], [4, 1]]), torch.tensor([0, 0]), [0]
    )
    assert margins.tolist() == pytest.approx([2 / 3, -1])
    retrained = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
    assert feature_lira(torch.tensor([0.5, 99.0]), retrained) == 0.5
    assert feature_lira_of(torch.tensor([0.5, 99.0]), list(retrained)) == 0.5
    assert math.isnan(feature_lira(torch.tensor([math.nan]), retrained[:, :1]))
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 4000, generator=generator)
    assert feature_lira(values[0], values[1:]) == pytest.approx(0.05, abs=0.015)


def attacked(network: nn.Module, judge: nn.Module | None, effort: Effort = LITTLE):
    forget, retain = sets()
    test_forget, test_retain = sets(seed=1)
    splits = {"retain": retain, "forget": forget, "test_retain": test_retain, "test_forget": test_forget}
    scores = {name: collect_scores(network, 4, [(*part, torch.arange(len(part[1])))]) for name, part in splits.items()}
    return attack_classifier(Target(network, 4, [FORGOTTEN], list("abcd")), splits, scores, effort, judge)


def test_all_attacks_on_one_model():
    network, judge = Quarters().train().requires_grad_(False), Quarters()
    before, state = deepcopy(network.state_dict()), torch.get_rng_state()
    found = attacked(network, judge)
    assert set(found) == {
        *("quantised_8/forgotten", "quantised_8/retained", "retain_tuning_2", "probe_1_shot"),
        *(f"{kind}/{part}" for kind in ("patch", "typographic") for part in ("forgotten", "retained", "excess")),
        *("inversion/forgotten", "inversion/retained"),
    }
    assert found["quantised_8/forgotten"] == found["quantised_8/retained"] == 1
    assert found["typographic/forgotten"] == 1
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert attacked(deepcopy(network), deepcopy(network)) == found, "the end of a run is in inference mode"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_mask_and_what_lacks_images():
    found = attacked(masked(Quarters()), None, LITTLE._replace(shots=(1, 99)))
    assert found["quantised_8/forgotten"] == 0
    assert math.isnan(found["patch/excess"])
    assert "probe_99_shot" not in found
    assert "inversion/forgotten" not in found, "nobody judges"


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda pixels: invert(Quarters(), torch.tensor([]), (1, 8, 8), pixels), "needs an input or more"),
        (lambda pixels: inversion(Quarters(), Quarters(), [], [1], (1, 8, 8), pixels), "a forgotten class"),
        (lambda pixels: side_of(8, 8, 2), r"in \[0, 1\], not 2"),
        (lambda pixels: universal_patch(Quarters(), 7, NOTHING, pixels, 2, 1), "class 7"),
        (lambda pixels: patch_attack(Quarters(), 2, sets()[0], (sets()[0], NOTHING), pixels), "marks"),
        (lambda pixels: retain_tuning_curve(Quarters(), 4, NOTHING, sets()[0]), "the retain set has 0"),
        (lambda pixels: retain_tuning_curve(Quarters(), 4, *sets(), steps=(-1,)), "from 0 on"),
        (lambda pixels: attack_classifier(Target(Quarters(), 4, [4], "abcd"), {}, {}, LITTLE), "no class 4"),
        (lambda pixels: centroid_margins(*images(), *images(), [9]), "no training features of class 9"),
    ],
)  # fmt: skip
def test_rejects(attempt, message, pixels):
    with pytest.raises(ValueError, match=message):
        attempt(pixels)
