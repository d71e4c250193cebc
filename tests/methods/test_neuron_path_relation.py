"""Neuron paths of a relation: what is explained, which weights change, and what is kept in files."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn.functional import normalize

from oro_unlearn.methods import NeuronPathRelation
from oro_unlearn.methods.relations.path_pairs import PathPairs
from oro_unlearn.networks import OpenCLIP
from oro_unlearn.report.trace_section import trace_sections
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import VIT, folder_of, randomised
from tests.small_world import fit, method, world

FEW = {"top_k": 3, "steps": 2, "samples": 8, "pictures": 2}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def changed_rows(module: NeuronPathRelation) -> dict[str, list[int]]:
    """Rows of every tensor that differ from the original's."""
    before, after = (module.networks[role].state_dict() for role in ("original", "unlearned"))
    assert before.keys() == after.keys()
    different = {
        name: (after[name] != tensor).reshape(len(tensor), -1).any(1) for name, tensor in before.items() if tensor.dim()
    }
    return {name: rows.nonzero()[:, 0].tolist() for name, rows in different.items() if rows.any()}


def chosen_rows(module: NeuronPathRelation, kinds: tuple[str, ...]) -> dict[str, list[int]]:
    """Rows that the edit may change, of the weights or also of the biases."""
    layers = [layer for found in module.paths.values() for layer in found["layers"] if layer["neurons"]]
    names = {f"model.{layer['name'].replace('c_proj', 'c_fc')}": layer["neurons"] for layer in layers}
    return {f"{name}.{kind}": rows for name, rows in names.items() for kind in kinds}


def test_pruning_changes_the_rows_of_the_paths_alone():
    module = method(NeuronPathRelation, **FEW)
    fit(module, world())
    assert changed_rows(module) == chosen_rows(module, ("weight", "bias"))
    assert len(module.paths["text"]["layers"]) == 2
    assert "text tower, neurons by layer" in module.summary()


@pytest.mark.parametrize("edit", ["misdirect", "both"])
def test_training_changes_the_rows_of_the_paths_alone(edit):
    module = method(NeuronPathRelation, edit=edit, **FEW)
    fit(module, world(), steps=3)
    kinds = ("weight",) if edit == "misdirect" else ("weight", "bias")
    assert changed_rows(module) == chosen_rows(module, kinds)
    assert list(module.last_losses) == ["retain_text", "forget_text"]
    assert module.history[-1]["forget_text"] < module.history[0]["forget_text"]


@pytest.mark.parametrize("edit", ["prune", "both"])
def test_the_search_is_a_part_of_the_seconds(edit):
    module = method(NeuronPathRelation, edit=edit, **FEW)
    fit(module, world(), steps=1)
    assert module.seconds >= module.costs["search_seconds"] > 0


def test_a_checkpoint_and_an_export_hold_plain_weights():
    """That a stopped run ends as any other is in tests/cli/test_resume.py."""
    edited, again = (method(NeuronPathRelation, edit="both", **FEW) for _ in range(2))
    fit(edited, world(), steps=2).save_checkpoint("edited.ckpt")
    expected = edited.network.state_dict()
    kept = torch.load("edited.ckpt", weights_only=True)["state_dict"]
    assert kept.keys() == expected.keys()
    Trainer(max_steps=2, accelerator="cpu", **QUIET).fit(again, world(), ckpt_path="edited.ckpt")
    assert again.paths == edited.paths
    assert all(torch.equal(again.network.state_dict()[name], tensor) for name, tensor in expected.items())
    again.write(Path())
    plain = OpenCLIP("scenes", pretrained="")
    plain.load_weights("model.safetensors")
    tokens = plain.tokenize(["a child eating a hamburger"])
    assert torch.equal(plain.eval().encode_text(tokens), edited.network.encode_text(tokens))


@pytest.mark.parametrize("edit", ["prune", "misdirect"])
def test_both_towers_of_a_vit(tmp_path, edit):
    config = VIT | {"vision_cfg": VIT["vision_cfg"] | {"image_size": 64}}
    torch.manual_seed(0)
    network = randomised(OpenCLIP(folder_of(tmp_path, config), pretrained="")).eval()
    module = NeuronPathRelation(network=lambda: network, towers="both", edit=edit, **FEW)
    data = world()
    trainer = fit(module, data)
    assert changed_rows(module) == chosen_rows(module, ("weight", "bias") if edit == "prune" else ("weight",))
    assert {"visual", "transformer"} == {
        layer["name"].partition(".")[0] for own in module.paths.values() for layer in own["layers"]
    }
    trainer.test(module, data, verbose=False)
    (section,) = trace_sections({"paths": module.measurements["paths"]})
    assert len(section.blocks[-1].rows) == 4


def test_a_goal_is_the_pair_less_its_neighbours():
    data = world()
    module = method(NeuronPathRelation)
    fit(module, data, steps=1)

    def images(pictures):
        return module.image_features("original", pictures)

    def texts(captions):
        return module.text_features("original", captions)

    cosine, margin = (PathPairs(data, images, texts, 2, loss) for loss in ("cosine", "margin"))
    (words,) = margin.unsafe
    own = normalize(images(data.split("unsafe").__getitems__([0, 1])[0]).mean(0), dim=0)
    assert torch.allclose(cosine.samples("text", True, 4).goals, own.expand(4, -1), atol=1e-6)
    foils = [other for other in margin.shown if sum(a != b for a, b in zip(other, words, strict=True)) == 1]
    assert foils, "listed neighbours"
    expected = own - torch.stack([margin.shown[other] for other in foils]).mean(0)
    found = margin.samples("text", True, 4)
    assert torch.allclose(found.goals, expected.expand(4, -1), atol=1e-6)
    assert set(found.captions) <= {*data.split("unsafe").captions, *data.split("unsafe").attacks}
    kept = margin.samples("text", False, 50)
    assert len(kept.captions) <= 50
    assert not set(kept.captions) & set(found.captions)
    assert margin.samples("image", False, 4).images.shape[:2] == (4, 3)


def test_bad_options_are_refused():
    with pytest.raises(UserError, match="top_k, steps"):
        NeuronPathRelation(top_k=0)
    with pytest.raises(UserError, match="image tower has no MLPs"):
        fit(method(NeuronPathRelation, towers="both", **FEW), world())
    with pytest.raises(UserError, match="block 2: the text tower has 2 blocks"):
        fit(method(NeuronPathRelation, block=2, **FEW), world())


def test_a_control_has_as_many_neurons():
    found, control = method(NeuronPathRelation, **FEW), method(NeuronPathRelation, random_neurons=True, **FEW)
    sizes = []
    for module in (found, control):
        fit(module, world())
        sizes.append([len(layer["neurons"]) for layer in module.paths["text"]["layers"]])
    assert sizes[0] == sizes[1]
    assert found.paths != control.paths
