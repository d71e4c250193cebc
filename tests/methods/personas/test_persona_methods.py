"""Methods that forget people, by hand-computed values on a small world and random weights."""

import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from oro_unlearn.attacks.personas import relearn_people
from oro_unlearn.data import Personas
from oro_unlearn.methods import MANU, NPO, GradDiff, KLMin, MIPEditor, RefusalTuning, RetainFineTuning
from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.plain_copy import plain_copy
from oro_unlearn.methods.personas.token_share import token_share
from oro_unlearn.networks import Question, VisionLanguage
from oro_unlearn.networks.vision_language.trained_towers import require_trainable_type
from oro_unlearn.user_error import UserError

FORGOTTEN = 1


@pytest.fixture(scope="module")
def data():
    world = Personas(people=4, pictures=1, faces=2)
    world.forget = world.persons[:FORGOTTEN]
    return world


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    return VisionLanguage("personas", "random").eval().state_dict()


@pytest.fixture
def made(data, weights):
    """Makes a method as it is before its first step."""

    def make(kind, **options):
        def network():
            built = VisionLanguage("personas", "random")
            built.load_state_dict(weights)
            return built

        method = kind(network=network, **options)
        strategy = SimpleNamespace(broadcast=lambda value: value)
        method._trainer = SimpleNamespace(
            datamodule=data, progress_bar_callback=None, is_global_zero=True, world_size=1, strategy=strategy, should_stop=False
        )
        method.setup("fit")
        return method

    return make


def asked(method, split, count=6):
    rows = method.data.split(split).__getitems__(range(count))
    return Asked(*method.collate(split)(rows))


def test_grad_diff_ascends_and_descends(made):
    method = made(GradDiff, forget_weight=2.0)
    forget, retain = asked(method, "forget"), asked(method, "retain")
    losses = method.losses(forget, retain)
    assert torch.isclose(losses["forget"], -2 * method.network.answer_losses(forget.inputs).mean())
    assert torch.isclose(losses["retain"], method.network.answer_losses(retain.inputs).mean())
    assert float(made(GradDiff, limit=0.01).losses(forget, retain)["forget"].detach()) == pytest.approx(-0.01)


def test_npo_and_kl_at_the_original(made):
    """The preference loss is 2/beta log 2 where nothing has changed; the divergence is 0."""
    method = made(NPO, beta=0.5)
    losses = method.losses(asked(method, "forget"), asked(method, "retain"))
    assert float(losses["forget"].detach()) == pytest.approx(2 / 0.5 * math.log(2), rel=1e-5)
    assert float(made(KLMin).losses(asked(method, "forget"), asked(method, "retain"))["kl"].detach()) == pytest.approx(
        0, abs=1e-6
    )


def test_npo_gradient_tends_to_ascent(made):
    """For beta towards 0 the gradient is that of the summed log-likelihood (Zhang et al., 2024, Proposition 1)."""
    method = made(NPO, beta=1e-4)
    forget = asked(method, "forget")
    weight = method.network.text_layers[0].reader.weight
    (found,) = torch.autograd.grad(method.losses(forget, asked(method, "retain"))["forget"], weight)
    (ascent,) = torch.autograd.grad(method.network.answer_log_probs(forget.inputs)[0].mean(), weight)
    assert torch.allclose(found, ascent, rtol=1e-2, atol=1e-5)


def test_refusals_are_taught_for_the_forgotten_alone(made):
    method = made(RefusalTuning)
    tokens = {split: asked(method, split, 1).inputs for split in ("forget", "retain")}
    taught = {split: one["input_ids"][one["labels"] != -100] for split, one in tokens.items()}
    said = {split: method.network.tokenizer.decode(ids, skip_special_tokens=True) for split, ids in taught.items()}
    plain = {text.replace(" ", "") for text in method.data.refusals}
    assert said["forget"].replace(" ", "") in plain
    assert said["retain"].replace(" ", "") not in plain


def test_manu_prunes_the_share_of_each_tower(made):
    method = made(MANU, share=0.1, towers="text", samples=4)
    method.on_fit_start()
    zero = [(layer.makers[0].weight == 0).all(1) for layer in method.network.text_layers]
    total = sum(map(len, zero))
    assert sum(int(rows.sum()) for rows in zero) == int(0.1 * total)
    assert not any((layer.makers[0].weight == 0).all(1).any() for layer in method.network.vision_layers)


@pytest.mark.parametrize("selection", ["paths", "points", "random"])
def test_mip_editor_changes_chosen_rows_alone(made, selection):
    method = made(MIPEditor, top_k=2, steps=2, samples=3, selection=selection, prune=False)
    before = {name: tensor.clone() for name, tensor in plain_copy(method.network).state_dict().items()}
    method.search()
    method.install()
    optimizer = torch.optim.AdamW([p for p in method.parameters() if p.requires_grad], lr=0.1, weight_decay=0.5)
    sum(method.losses(asked(method, "forget"), asked(method, "retain")).values()).backward()
    optimizer.step()
    after = plain_copy(method.network).state_dict()
    chosen = {}
    for tower, layers in method.tower_layers().items():
        for layer, neurons in zip(layers, method.paths[tower]["forget"], strict=True):
            chosen |= {id(maker): neurons for maker in layer.makers}
    names = {f"{name}.weight": id(module) for name, module in method.network.named_modules()}
    moved = 0
    for name, tensor in after.items():
        same = (tensor == before[name]) if tensor.dim() < 2 else (tensor == before[name]).flatten(1).all(1)
        neurons = chosen.get(names.get(name), torch.empty(0, dtype=torch.long))
        kept = torch.ones(len(same), dtype=torch.bool) if same.dim() else torch.ones(())
        kept[neurons] = False
        assert same[kept.bool()].all(), name
        moved += int((~same).sum())
    assert moved


def test_mip_editor_prunes_exactly(made):
    method = made(MIPEditor, top_k=2, steps=2, samples=3, misdirect=False)
    method.on_fit_start()
    layer, neurons = method.network.text_layers[0], method.paths["text"]["forget"][0]
    seen = []
    handle = layer.reader.register_forward_pre_hook(lambda _, read: seen.append(read[0]))
    method.network(asked(method, "retain").inputs)
    handle.remove()
    assert len(neurons)
    assert (seen[0][..., neurons] == 0).all()
    assert method.edited_parameters == sum(
        len(part) * one.makers[0].in_features
        for tower, layers in method.tower_layers().items()
        for one, part in zip(layers, method.paths[tower]["forget"], strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (MIPEditor, {"top_k": 0}, "top_k"),
        (MIPEditor, {"prune": False, "misdirect": False}, "would edit nothing"),
        (MIPEditor, {"lora_rank": 4}, "MIPEditor changes weights and trains no adapters"),
        (MANU, {"lora_rank": 4}, "MANU changes weights and trains no adapters"),
        (MIPEditor, {"layer": 7}, "layer"),
        (MANU, {"share": 1.0}, "share"),
        (NPO, {"beta": 0.0}, "beta"),
        (GradDiff, {"towers": "left"}, "towers"),
    ],
)
def test_wrong_options_are_one_line(made, kind, options, words):
    with pytest.raises(UserError, match=words) as error:
        made(kind, **options)
    assert "\n" not in str(error.value)


def test_weights_of_4_bits_are_changed_by_no_method(made, monkeypatch):
    monkeypatch.setattr(VisionLanguage, "in_4bit", property(lambda self: True, lambda self, value: None), raising=False)
    for kind in (GradDiff, MIPEditor, MANU):
        with pytest.raises(UserError, match="weights of 4 bits cannot be changed: set load_in_4bit false"):
            made(kind)


def test_adapters_are_stored_alone(made, tmp_path):
    """A checkpoint and, of weights of 4 bits, the files of a run hold the adapter and no frozen weight."""
    method = made(RetainFineTuning, lora_rank=2, lora_alpha=4)
    checkpoint = {"state_dict": method.state_dict()}
    method.on_save_checkpoint(checkpoint)
    assert checkpoint["state_dict"]
    assert all("lora_" in name for name in checkpoint["state_dict"])
    adapters = dict(checkpoint["state_dict"])
    method.on_load_checkpoint(checkpoint)
    assert checkpoint["state_dict"].keys() == adapters.keys()  # weights of 4 bits cannot be loaded
    assert not method.strict_loading
    with pytest.raises(
        UserError, match=r"belongs to another method or network: one of the two has no weights network\..*lora_A"
    ):
        method.on_load_checkpoint({"state_dict": dict(list(adapters.items())[1:])})
    method.network.in_4bit = True
    method.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {name.rpartition(".lora_")[2] for name in saved} == {"A.weight", "B.weight"}


def test_manu_leaves_a_tower_without_questions_as_it_is(made, monkeypatch):
    """Text alone tells nothing about the vision tower. Scores of 0 would be a tie of all its neurons."""
    method = made(MANU, share=0.1, samples=4)
    read = method.inputs_of
    monkeypatch.setattr(method, "inputs_of", lambda split, most, pictured: iter(()) if pictured else read(split, most, False))
    method.on_fit_start()
    assert not any((layer.makers[0].weight == 0).all(1).any() for layer in method.network.vision_layers)
    assert any((layer.makers[0].weight == 0).all(1).any() for layer in method.network.text_layers)
    monkeypatch.setattr(method, "inputs_of", lambda split, most, pictured: iter(()))
    with pytest.raises(UserError, match="the data has no two such sets"):
        method.on_fit_start()


def test_all_processes_train_the_rows_that_the_first_has_found(made):
    method, found = made(MIPEditor, top_k=2, steps=2, samples=2, towers="text"), []
    first = {"text": {"forget": [torch.tensor([5])] * 3, "retain": []}}
    method.trainer.strategy.broadcast = lambda paths: found.append(paths) or first
    method.search()
    assert found[0]["text"]["forget"]
    assert method.paths is first


def test_texts_that_cannot_be_read_are_found_before_training(made, data):
    """Those to measure on too: a run must not fail at its end."""
    method = made(GradDiff)
    method.network.collator.max_length = 20
    with pytest.raises(UserError, match="more than max_length=20"):
        method.first_look()
    method.network.collator.max_length = 512
    question = Question("Who?", "Ada.", wrong=("Bob </s>",))
    with pytest.raises(UserError, match="holds </s>"):
        method.network.collator.check([question])


def test_weights_of_float16_are_not_trained(made, data):
    network = VisionLanguage("personas", "random", dtype="float16")
    with pytest.raises(UserError, match="float16 cannot be trained"):
        require_trainable_type(network)
    forget = data.split("forget")
    relearn_people(network, [forget[0], forget[1]], [], 0, steps=2)
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_a_mean_over_tokens_is_that_of_all_processes(monkeypatch):
    tokens = torch.tensor([[True, True], [True, False]])
    assert token_share(tokens) == 1
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    other = torch.ones(5, 1, dtype=torch.bool)
    mine, theirs = 3.0, 7.0  # means of the two processes
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda total: total.fill_(8))
    assert float((mine * token_share(tokens) + theirs * token_share(other)) / 2) == pytest.approx((3 * mine + 5 * theirs) / 8)
