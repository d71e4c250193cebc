"""Removal: its losses by hand, what they move, and the search that trains against it."""

import math

import pytest
import torch

from oro_unlearn.data.relations.pair_images import PairImages
from oro_unlearn.methods import ClosedFormRelation, RelationRemoval, RelationUnlearning
from oro_unlearn.methods.relations.removal_losses import Discriminator, mean_discrepancy
from oro_unlearn.user_error import UserError
from tests.small_world import batch, fit, method, world

REMOVAL = {
    "mmd": 2.0,
    "discriminator": 3.0,
    "keep": 4.0,
    "foil": 5.0,
    "adversary": "search",
    "searched": 6.0,
    "queries": 100,
    "vocab_captions": 20,
}


def test_discrepancy_is_that_of_the_kernels():
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])  # squared distance 2
    expected = 2 - 2 * (math.exp(-2 / 0.5) + math.exp(-2 / 4)) / 2
    assert float(mean_discrepancy(x, y, (0.5, 4))) == pytest.approx(expected)
    both = torch.cat([x, y])
    assert float(mean_discrepancy(both, both.flip(0))) == pytest.approx(0, abs=1e-6)
    between = math.exp(-2 / 4)  # {x, y} against {x}: (2 + 2k) / 4 + 1 - (1 + k)
    assert float(mean_discrepancy(both, x, (4,))) == pytest.approx((2 + 2 * between) / 4 - between)


def test_discriminator_learns_and_the_features_learn_against_it():
    """Both follow the same gradient: a step of one lowers its loss, a step of the other raises it."""
    torch.manual_seed(0)
    judge = Discriminator(4)
    unsafe, foils = (torch.nn.functional.normalize(torch.randn(6, 4)).requires_grad_() for _ in range(2))
    with torch.no_grad():
        judge.layers[2].weight.zero_()
        judge.layers[2].bias.zero_()
    assert float(judge(unsafe, foils).detach()) == pytest.approx(math.log(2)), "it knows nothing yet"
    torch.nn.init.normal_(judge.layers[2].weight)
    before = judge(unsafe, foils)
    before.backward()
    with torch.no_grad():
        assert judge(unsafe - 1e-3 * unsafe.grad, foils) > before, "reversed for the unsafe features"
        for parameter in judge.parameters():
            parameter.sub_(1e-3 * parameter.grad)
        assert judge(unsafe, foils) < before, "not reversed for itself"


def test_terms_are_what_they_say_and_reach_what_they_should():
    module, data = method(RelationRemoval, **REMOVAL), world()
    fit(module, data, steps=3)
    groups = {split: batch(data, split) for split in module.train_splits}
    torch.manual_seed(0)
    terms = module.losses(**groups)
    assert set(terms) >= {"foil", "mmd", "discriminator", "keep", "searched", "l3_unsafe", "kl_rows", "vocab_text"}
    foils, features = module.reference_pictures("edges"), {}
    with torch.no_grad():
        for split, pairs in groups.items():
            features[split] = module.network.encode_image(pairs.images)
    nearest = (features["unsafe"] @ foils.T).max(1).values
    assert float(terms["foil"].detach()) == pytest.approx(5 * float((1 - nearest).mean()), abs=1e-5)
    kept = [1 - (features[split] * module.reference_pictures(split)[:5]).sum(1) for split in ("edges", "nodes", "neutral")]
    assert float(terms["keep"].detach()) == pytest.approx(4 * float(torch.cat(kept).mean()), abs=1e-5)
    captions = module.text_features("unlearned", module.found)
    apart = (features["unsafe"].mean(0) - foils.mean(0)) @ captions.T
    assert float(terms["searched"].detach()) == pytest.approx(6 * float(apart.square().mean()), rel=1e-2)
    for name in ("foil", "mmd", "discriminator", "keep", "searched"):
        module.zero_grad()
        terms[name].backward(retain_graph=True)
        moved = {key.split(".")[0] for key, p in module.network.model.named_parameters() if p.grad is not None and p.grad.any()}
        assert moved == {"visual"}, name
        assert (next(module.discriminator.parameters()).grad is not None) == (name == "discriminator")


def test_only_relation_foils_share_both_objects():
    module, data = method(RelationRemoval, foils="relation"), world(listed={"subject": 1, "relation": 2, "object": 1})
    fit(module, data, steps=1)
    edges, unsafe = data.split("edges").slots, data.split("unsafe").slots
    pairs = {tuple(row) for row in unsafe[:, ::2].tolist()}
    rows = [number for number, row in enumerate(edges[:, ::2].tolist()) if tuple(row) in pairs]
    assert 0 < len(rows) < len(edges)
    assert torch.equal(module._foils, module.reference_pictures("edges")[rows])
    with pytest.raises(ValueError, match=r"set --model\.foils neighbours"):
        fit(method(RelationRemoval, foils="relation"), world(listed={"subject": 1, "relation": 0, "object": 0}), steps=1)


def without(data, split):
    """The data, with no picture in a training split."""
    data._splits[split] = PairImages(lambda number: torch.empty(0), [], [], data.slots([]))
    return data


@pytest.mark.parametrize(
    ("kind", "split", "options", "says"),
    [
        (RelationUnlearning, "nodes", {}, "has no nodes pairs to train on"),
        (RelationRemoval, "neutral", {}, "has no neutral pairs to train on"),
        (RelationRemoval, "edges", {}, "no training pictures of listed neighbours"),
        (ClosedFormRelation, "edges", {"towers": "image"}, "no training pictures of listed neighbours"),
    ],
)
def test_pictures_that_are_lacking_are_named(kind, split, options, says):
    """Pictures of the user need not show single objects, or any neighbour."""
    with pytest.raises(UserError, match=says):
        fit(method(kind, **options), without(world(), split))


def test_a_closed_form_needs_no_pictures_of_single_objects():
    data = without(without(world(), "nodes"), "neutral")
    module = method(ClosedFormRelation, towers="image")
    fit(module, data, steps=0)
    assert any(tensor.any() for name, tensor in module.network.adapter_state().items() if "lora_B" in name)
