"""A trace and a search find a planted neuron; the edit is kept in checkpoints and in plain weights."""

from pathlib import Path

import torch
from lightning.pytorch import Trainer

from oro_unlearn.methods import CausalPruning
from oro_unlearn.methods.relations.causal_tracing import parts_of, trace_relation
from oro_unlearn.methods.relations.pruning_evidence import PruningEvidence
from oro_unlearn.methods.relations.trace_pairs import partners
from oro_unlearn.methods.relations.unit_search import UnitSearch
from oro_unlearn.networks import OpenCLIP
from oro_unlearn.networks.activation_patching import sites_of
from tests.small_world import fit, method, world, write_weights

PLANTED = 7  # the neuron of the second block that alone reads the words there


class Sorted:
    """Pairs in another order."""

    def __init__(self, pairs, order):
        self.pairs, self.order, self.slots = pairs, order, pairs.slots[order]

    def __len__(self):
        return len(self.order)

    def __getitems__(self, positions):
        return self.pairs.__getitems__([self.order[position] for position in positions])


def planted(evidence: PruningEvidence) -> OpenCLIP:
    """A text tower with a neuron that fires for the plain captions to forget and for none to keep; few other units speak."""
    network = OpenCLIP("scenes", pretrained=write_weights()).requires_grad_(False)
    first, second = network.model.transformer.resblocks
    for layer in (first.mlp.c_proj, second.attn.out_proj, second.mlp.c_proj):
        layer.weight.zero_()
    tokens, read = network.tokenize(evidence.texts), []
    handle = second.mlp.c_fc.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    network.encode_text(tokens)
    handle.remove()
    ends = read[0][torch.arange(len(tokens)), tokens.argmax(1)]  # (N, 128), what the block reads at the end token
    plain, kept = ends[: len(evidence.wordings)][evidence.plain], ends[len(evidence.wordings) :]
    row = plain.mean(0) - kept.mean(0)
    low, high = (kept @ row).max(), (plain @ row).min()
    scale = 6 / (high - low)
    assert scale > 0, "the captions can be told apart"
    second.mlp.c_fc.weight[PLANTED] = scale * row
    second.mlp.c_fc.bias[PLANTED] = -scale * (high + low) / 2  # 3 or more, and -3 or less
    second.mlp.c_proj.weight[:, PLANTED] = torch.linspace(-2, 2, 128).roll(40)
    return network


def test_a_planted_neuron_is_found():
    data = world(pairs=32)
    evidence = PruningEvidence(data, 8, 64)
    network = planted(evidence)
    found = trace_relation(network, data, pictures=1)["towers"]["text"]
    effects = dict(zip(found["rows"], found["effect"], strict=True))
    assert found["columns"] == ["start", "subject", "relation", "object", "end"]
    assert effects["block 2 MLP"][4] > 0.5, "at the end token"
    silent = [row for row in effects if row == "block 1 MLP" or row.startswith("block 2 head")]
    assert len(silent) == 5
    assert not any(value for row in silent for value in effects[row])
    search = UnitSearch(network, evidence, ["text"], 0.001, 3, 1, 2, 0.01, {"text": 64, "image": 8})
    caption, count = search.features["text"][:1], len(evidence.shown)
    search.features["image"][:count] = caption  # unsafe pictures lie where their caption does
    (step,) = search.steps()
    assert [(unit.site.block, unit.number, unit.name) for unit in step.units] == [
        ("block 2", PLANTED, "text tower, block 2, neuron 8")
    ]
    assert step.share == 1 / 1280


def test_every_tuple_is_among_few_pictures_even_if_they_are_sorted():
    """As in a table of the user's pictures."""
    data = world(forget=["child eating hamburger", "dog holding ball"])
    pairs = data.split("unsafe")
    order = sorted(range(len(pairs)), key=lambda row: pairs.slots[row].tolist())
    data._splits["unsafe"] = Sorted(pairs, order)
    evidence = PruningEvidence(data, 4, 64)
    assert sum(text in evidence.wordings for text in ("a child eating a hamburger", "a dog holding a ball")) == 2
    assert evidence.shown[:, evidence.plain].sum(0).tolist() == [2, 2]


def test_heads_of_the_attention_pool_are_the_columns_of_one_row():
    *_, pool = sites_of(OpenCLIP("scenes", pretrained=write_weights()).model, "image")
    nowhere = torch.zeros(0, dtype=torch.long)
    parts = list(parts_of(pool, torch.zeros(2, 1, pool.width), nowhere, nowhere))
    assert {part.row for part in parts} == {"attention pool heads"}
    assert [part.column for part in parts] == [str(head + 1) for head in range(pool.width // pool.group)]


def test_tokens_are_aligned_within_their_part_from_its_end():
    own, longer = torch.tensor([0, 1, 1, 2, 3, 3, 4, 5]), torch.tensor([0, 1, 1, 1, 2, 3, 4, 5])
    assert partners(own, longer).tolist() == [0, 2, 3, 4, 5, 5, 6, 7]
    assert partners(own, own).tolist() == list(range(8))


def test_the_edit_is_kept_and_the_original_beside_it():
    """Image tower: channels and heads of the pool; nothing is searched again when it goes on."""
    options = {"towers": "image", "max_share": 0.01, "shortlist": 2, "points": 1, "pictures": 4, "trace": 0}
    module = method(CausalPruning, "shipped", **options)
    trainer = fit(module, world())
    pictures = module.data.split("unsafe").__getitems__([0, 1])[0]
    features = {role: module.image_features(role, pictures) for role in ("original", "unlearned")}
    assert not torch.equal(features["original"], features["unlearned"])
    assert module.pruning["towers"]["image"]["share"] <= 0.01
    assert "channel" in module.pruning["steps"][0]["units"][0]
    trainer.save_checkpoint("edit.ckpt")
    assert not [name for name in torch.load("edit.ckpt", weights_only=True)["state_dict"] if name.startswith("networks.")]
    again = method(CausalPruning, "shipped", **options)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    Trainer(max_steps=1, accelerator="cpu", **quiet).fit(again, world(), ckpt_path="edit.ckpt")
    assert again.pruning == module.pruning
    assert all(torch.equal(again.image_features(role, pictures), value) for role, value in features.items())
    plain = OpenCLIP("scenes", pretrained="")
    module.write(Path())
    plain.load_weights("model.safetensors")
    assert torch.equal(plain.eval().encode_image(pictures), features["unlearned"])
