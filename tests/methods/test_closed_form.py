"""Edits in closed form: the systems against brute force, the adapter against the dense edit, and requests in sequence."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import gelu, normalize

from oro_unlearn.methods import ClosedFormRelation, RelationUnlearning
from oro_unlearn.methods.relations.closed_form import KEPT, Moment, Recipe, captions_of
from oro_unlearn.methods.relations.closed_form_pictures import RIDGES, left_out_best, reduced_rank
from oro_unlearn.methods.relations.moment_files import NAME, moment_beside
from oro_unlearn.methods.relations.threshold_units import (
    Layers,
    least_needed,
    least_squares,
    separating_direction,
    stand_ins,
    updates,
)
from oro_unlearn.networks import OpenCLIP, lora
from oro_unlearn.networks.last_image_layer import LastImageLayer
from oro_unlearn.networks.last_text_block import LastTextBlock
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import CAPTIONS, VIT, folder_of, images_for, randomised
from tests.small_world import fit, method, world, write_weights


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def test_the_systems_are_those_of_brute_force():
    inputs, targets, weights = drawn(40, 6), drawn(40, 3), drawn(40).abs()
    root = weights[:, None].sqrt()
    ridge = torch.eye(6).double() * (0.1 * (inputs * root).square().sum(0).mean()).sqrt()
    wanted = torch.linalg.lstsq(torch.cat([inputs * root, ridge]), torch.cat([targets * root, torch.zeros(6, 3)])).solution
    assert torch.allclose(least_squares(inputs, targets, weights, 0.1), wanted)
    positive = inputs[:, 0] > 0.5
    signs, direction = torch.where(positive, 1.0, -1.0), separating_direction(inputs, positive, weights, 0.01).requires_grad_()
    hinge = (1 - signs * (inputs @ direction)).clamp(min=0)
    loss = weights @ hinge.square() + 0.01 * inputs.square().mean() * direction @ direction
    loss.backward()
    assert direction.grad.abs().max() < 1e-9, "the loss is convex: this is its minimum"
    moment, output, others = inputs.mT @ inputs / 40, drawn(4, 6), [[n for n in range(6) if n != unit] for unit in range(6)]
    fitted = [torch.linalg.lstsq(inputs[:, rest], inputs[:, unit]).solution for unit, rest in enumerate(others)]
    lost = [(inputs[:, n] - inputs[:, others[n]] @ fitted[n]).square().mean() * output[:, n].square().sum() for n in range(6)]
    assert least_needed(output, moment, 6).tolist() == torch.stack(lost).argsort().tolist()
    found = stand_ins(moment, torch.tensor([2]))[0]
    assert found[2] == 0
    assert torch.allclose(found[others[2]], fitted[2], atol=1e-4)


def test_the_ridge_is_that_of_brute_force_leave_one_out_and_the_low_rank_the_best():
    inputs, weights = drawn(40, 6), drawn(40).abs()
    targets = inputs @ drawn(6, 3) + drawn(40, 3)

    def error(ridge: float) -> float:
        strength = ridge * (inputs.square() * weights[:, None]).sum() / 6 * torch.eye(6).double()
        rows = [[other for other in range(40) if other != left] for left in range(40)]
        grams = [inputs[own].mT @ (weights[own, None] * torch.cat([inputs[own], targets[own]], 1)) for own in rows]
        fits = [torch.linalg.solve(both[:, :6] + strength, both[:, 6:]) for both in grams]
        return sum(float(weights[n] * (inputs[n] @ fits[n] - targets[n]).square().sum()) for n in range(40))

    assert left_out_best(inputs, targets, weights) == pytest.approx(min(RIDGES, key=error))

    def loss(change: torch.Tensor) -> torch.Tensor:  # of (outputs, inputs)
        ridge = 0.1 * (inputs.square() * weights[:, None]).sum() / 6 * change.square().sum()
        return weights @ (inputs @ change.mT - targets).square().sum(1) + ridge

    full, cut = (left @ right for left, right in (reduced_rank(inputs, targets, weights, 0.1, rank) for rank in (3, 1)))
    assert torch.allclose(full, least_squares(inputs, targets, weights, 0.1).mT)
    u, s, v = torch.linalg.svd(full)
    assert torch.linalg.matrix_rank(cut) == 1
    assert loss(full) < loss(cut) < loss(s[0] * u[:, :1] @ v[:1]), "better than the largest component of the full change"


def test_what_is_kept_is_exactly_kept_where_the_units_are_free():
    """Two units repeat two others, so their loss costs nothing; the new units do not fire on what is kept."""
    layers = Layers(drawn(8, 5), drawn(8), drawn(3, 8), gelu)
    layers.inner[6:], layers.bias[6:] = layers.inner[:2], layers.bias[:2]
    kept = torch.cat([drawn(60, 5), torch.full((60, 1), 1.0).double()], 1)[:, :5]
    moment = layers.hidden(kept).mT @ layers.hidden(kept) / 60
    units = torch.tensor([6, 7])
    rows = torch.zeros(2, 5).double()
    bias = layers.bias.clone()
    inner, outer = updates(layers, units, rows, torch.zeros(3, 2).double(), moment)
    edited = Layers(layers.inner + inner.left @ inner.right, bias, layers.output + outer.left @ outer.right, gelu)
    change = edited.hidden(kept) @ edited.output.mT - layers.hidden(kept) @ layers.output.mT
    assert change.abs().max() < 1e-4
    assert (edited.inner[6:] - rows).abs().max() < 1e-12
    assert torch.linalg.matrix_rank(outer.left @ outer.right) <= 4


def test_moments_in_sequence_are_the_joint_moment():
    first, second = drawn(30, 4), drawn(50, 4)
    both, joint = Moment.of(second).plus(Moment.of(first)), Moment.of(torch.cat([first, second]))
    assert both.captions == joint.captions == 80
    assert torch.allclose(both.mean, joint.mean, atol=1e-6)
    assert not joint.without(torch.tensor([1])).mean[1].any()


def test_the_last_block_is_what_the_model_computes_also_at_the_width_of_vit_b_32(tmp_path):
    text = {**VIT["text_cfg"], "width": 512, "heads": 8, "layers": 1}
    network = OpenCLIP(folder_of(tmp_path, {**VIT, "text_cfg": text}), pretrained="")
    block = LastTextBlock(network)
    _, streams = block.read(CAPTIONS, 3)
    embedded = network.encode_text(network.tokenize(CAPTIONS))
    assert torch.allclose(block.embed(streams), embedded, atol=1e-5)
    inner, _, output = block.weights()
    assert (inner.shape, output.shape) == ((2048, 512), (512, 2048))
    targets = embedded.roll(1, 0).detach()
    assert ((block.embed(streams + block.changes(streams, targets, 1e-4, 20)) * targets).sum(1) > 0.99).all()
    network.add_adapter("text", rank=4, alpha=6, targets=block.layers)
    dense = torch.randn(512, 3) @ torch.randn(3, 2048)
    u, s, v = torch.linalg.svd(dense, full_matrices=False)
    before = network.merged_state()[f"{block.mlp}.c_proj.weight"].clone()
    lora.write_update(network.model, f"{block.mlp}.c_proj", u[:, :3] * s[:3], v[:3])
    assert torch.allclose(network.merged_state()[f"{block.mlp}.c_proj.weight"] - before, dense, atol=1e-3)
    with pytest.raises(UserError, match="rank 5, and the adapter 4"):
        lora.write_update(network.model, f"{block.mlp}.c_proj", u[:, :5], v[:5])


def test_a_request_in_closed_form_and_the_next_one_after_it(tmp_path):
    first, data = method(ClosedFormRelation, tau=0.9), world()  # random weights have no tuple to forget: a large move instead
    fit(first, data, steps=0)
    forgotten = captions_of(data, Recipe())
    texts = [text for text, request in zip(forgotten.texts, forgotten.request, strict=True) if request != KEPT]
    before, after = (first.text_features(role, texts) for role in ("original", "unlearned"))
    pictures = first.reference_pictures("unsafe")
    assert (pictures @ after.T).mean() > (pictures @ before.T).mean() + 0.3
    safe = [text for found in data.vocabulary.values() for text in found]
    moved = [1 - (first.text_features("original", t) * first.text_features("unlearned", t)).sum(1) for t in (safe, texts)]
    assert moved[0].mean() < 0.1 * moved[1].mean()
    assert set(first.costs) == {"encode_seconds", "edit_seconds"}
    first.write(Path("one"))
    moment = moment_beside("one/model.safetensors")
    assert moment is not None
    assert moment.captions == len(forgotten.texts)
    second = method(ClosedFormRelation, weights="one/model.safetensors", tau=0.9)
    fit(second, world(forget="adult holding ball", forgotten=["child eating hamburger"]), steps=0)
    changed = [set(torch.nonzero(changes_of(module).abs().sum(1))[:, 0].tolist()) for module in (first, second)]
    assert [len(units) for units in changed] == [2, 2]
    assert not changed[0] & changed[1], "the units of the first request are left alone"
    still = second.text_features("unlearned", texts)
    assert (1 - (still * after).sum(1)).mean() < 0.02
    Path("one", NAME).write_bytes(b"")
    with pytest.raises(UserError, match="holds no moment"):
        moment_beside("one/model.safetensors")


def changes_of(module) -> torch.Tensor:
    name = LastTextBlock(module.network).layers[0]
    layer = lora.adapted_layers(module.network.model)[name]
    return layer.get_delta_weight("default").detach()


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_the_last_image_layer_is_what_the_model_computes(kind, tmp_path):
    network = randomised(OpenCLIP("scenes" if kind == "resnet" else folder_of(tmp_path, VIT), pretrained="")).eval()
    layer, images, tower = LastImageLayer(network), images_for(network), network.model.visual
    inputs, streams = layer.read(images)
    network.add_adapter("both", rank=2, targets=[*LastTextBlock(network).layers, layer.name])
    assert len(lora.adapted_layers(network.model)) == 3, "a text layer's name is a part of that of an image layer"
    left, right = torch.randn(layer.sizes[1], 2), torch.randn(2, layer.sizes[0])
    lora.write_update(network.model, layer.name, left, right)
    moved = streams + inputs @ right.mT @ left.mT
    embedded = moved if kind == "resnet" else tower.ln_post(moved) @ tower.proj
    assert torch.allclose(normalize(embedded, dim=1), network.encode_image(images), atol=1e-5)
    assert torch.equal(torch.cat(layer.read(images), 1), torch.cat([inputs, streams], 1)), "of the model without its adapter"


def test_pictures_get_the_mean_of_their_foils_and_others_stay():
    module, data = method(ClosedFormRelation, weights="shipped", towers="both"), world()  # random towers see all pictures alike
    base = OpenCLIP("scenes")
    fit(module, data, steps=0)
    images = {split: data.split(split).__getitems__(range(len(data.split(split))))[0] for split in ("unsafe", "edges", "nodes")}
    before, now = (
        {split: module.image_features(role, part) for split, part in images.items()} for role in ("original", "unlearned")
    )
    apart = [float((found["unsafe"].mean(0) - found["edges"].mean(0)).norm()) for found in (before, now)]
    assert apart[1] < 0.2 * apart[0]
    goal = normalize(before["edges"].mean(0), dim=0)
    assert (now["unsafe"] @ goal).mean() > (before["unsafe"] @ goal).mean()
    drift = {split: float((1 - (now[split] * before[split]).sum(1)).mean()) for split in images}
    assert max(drift["edges"], drift["nodes"]) < 0.5 * drift["unsafe"]
    assert torch.equal(before["unsafe"], base.encode_image(images["unsafe"])), "switched off, it is the original"
    module.write(Path("edited"))
    merged = OpenCLIP("scenes", pretrained="edited/model.safetensors")
    assert torch.allclose(merged.encode_image(images["unsafe"]), now["unsafe"], atol=1e-5)
    alone = method(ClosedFormRelation, weights="edited/model.safetensors", towers="image")
    fit(alone, data, steps=0)
    assert torch.equal(alone.text_features("unlearned", CAPTIONS), alone.text_features("original", CAPTIONS))
    alone.write(Path("again"))
    moments = [moment_beside(f"{folder}/model.safetensors") for folder in ("edited", "again")]
    assert torch.equal(moments[0].mean, moments[1].mean), "the text tower's units are still taken"


def test_training_can_start_from_the_closed_form(monkeypatch):
    module = method(RelationUnlearning, init="closed_form", lora_rank=8)
    seen = []
    monkeypatch.setattr(RelationUnlearning, "on_train_start", lambda self: seen.append(changes_of(self).norm()), raising=False)
    fit(module, steps=1)
    assert seen[0] > 0.1
    assert module.costs
    closed = method(ClosedFormRelation)
    fit(closed, steps=0)
    assert torch.allclose(changes_of(closed).norm(), seen[0], rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ClosedFormRelation, {"adapter": "dora"}, "lora or rslora"),
        (ClosedFormRelation, {"image_ridge": 0.0}, "image_ridge auto or a number"),
        (ClosedFormRelation, {"near": 0.0}, "above 0"),
        (RelationUnlearning, {"init": "closed_form", "adapter": "dora"}, "lora or rslora"),
    ],
)
def test_what_has_no_closed_form_is_said(kind, options, message):
    with pytest.raises(UserError, match=message):
        method(kind, weights=write_weights(), **options)


def test_another_tower_is_refused():
    network = OpenCLIP("scenes", pretrained="")
    network.model.text_pool_type = "last"
    with pytest.raises(UserError, match="cannot be edited in closed form"):
        LastTextBlock(network)
    network.model.visual.attnpool = torch.nn.Flatten()
    with pytest.raises(UserError, match="image tower has neither"):
        LastImageLayer(network)
