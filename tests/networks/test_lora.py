"""Adapters: what they reach, and the base model below them."""

import json
import re
from pathlib import Path

import open_clip
import pytest
import torch
from torch import nn

from oro_unlearn.networks import OpenCLIP, lora
from oro_unlearn.networks.clip_weights import SCENES
from tests.networks.tiny_clip import CAPTIONS, KINDS, VIT, embeddings, folder_of, images_for, loss, train


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("towers", lora.TOWERS)
def test_adapter_starts_without_effect_and_the_reference_stays_exact(network, kind, towers):
    network.requires_grad_(False)  # as the adapter leaves it: matmul folds batches for weights that need a gradient
    base = {enabled: _embed(network, enabled) for enabled in (False, True)}
    assert network.add_adapter(towers, rank=4, kind=kind) > 0
    assert torch.allclose(_embed(network, False), base[False], atol=1e-6)
    train(network)
    assert not torch.allclose(_embed(network, False), base[False], atol=1e-2)
    for enabled in (False, True):
        with network.reference():
            assert torch.equal(_embed(network, enabled), base[enabled])
    changed = (_embed(network, False) - base[False]).abs().amax(1) > 1e-3
    assert changed[: len(CAPTIONS)].any() == (towers != "text")
    assert changed[len(CAPTIONS) :].any() == (towers != "image")


def _embed(network: OpenCLIP, autocast: bool) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        return embeddings(network).detach()


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_of_the_adapter_learns(network, kind):
    network.add_adapter("both", kind=kind)
    train(network, steps=1)
    network.zero_grad()
    loss(network).backward()
    network.check_adapter_gradients()
    gradients = {name: p.grad for name, p in lora.adapter_parameters(network.model).items()}
    # after one step lora_B is no longer zero, so lora_A must have a gradient too
    assert all(gradient.abs().max() > 0 for gradient in gradients.values())
    assert all((p.grad is None) == (".lora_" not in name) for name, p in network.named_parameters())


def test_tensors_that_take_no_part_are_named(scenes):
    scenes.add_adapter("both")
    scenes.encode_text(scenes.tokenize(CAPTIONS)).sum().backward()
    with pytest.raises(ValueError, match=r"16 of 40 .*no gradient \(first visual\.layer3") as error:
        scenes.check_adapter_gradients()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_attention_pool_of_a_resnet_is_adapted_if_asked_for(scenes, kind):
    plain = open_clip.create_model(f"local-dir:{SCENES}", load_weights=False)
    targets = ["layer4", "attnpool"]
    default, own = (lora.choose_layers(scenes.model, "image", chosen) for chosen in ((), targets))
    assert not [name for name in default if "attnpool" in name]
    assert {name.rpartition(".")[2] for name in own if "attnpool" in name} == {"q_proj", "k_proj", "v_proj", "c_proj"}
    assert sum("layer4" in name for name in own) == len(own) - 4 == 4
    state = torch.get_rng_state()
    lora.merged_copy(scenes.model)
    assert torch.equal(torch.get_rng_state(), state), "fusing must not change the training that follows"
    scenes.add_adapter("image", kind=kind, targets=targets)
    train(scenes)
    scenes.zero_grad()
    loss(scenes).backward()
    assert all(parameter.grad.any() for parameter in lora.adapter_parameters(scenes.model).values())
    plain.load_state_dict(scenes.merged_state(), strict=True)
    pixels = (images_for(scenes).float() / 255 - scenes.mean) / scenes.std
    merged = nn.functional.normalize(plain.eval().encode_image(pixels), dim=-1)
    scenes.eval()
    assert torch.allclose(scenes.encode_image(images_for(scenes)), merged, atol=1e-5)
    with scenes.reference():
        assert not torch.allclose(scenes.encode_image(images_for(scenes)), merged, atol=1e-2)


def test_targets_choose_single_layers_or_all_below_a_name(network):
    assert len(lora.choose_layers(network.model, "text", ["resblocks.1"])) == 6
    network.add_adapter("text", targets=["resblocks.1.attn.q_proj"])
    assert list(lora.adapted_layers(network.model)) == ["transformer.resblocks.1.attn.q_proj"]


def test_all_of_the_attention_is_adapted_in_the_chosen_tower_only(tmp_path):
    for towers, expected in (("text", {"transformer"}), ("image", {"visual"}), ("both", {"transformer", "visual"})):
        network = OpenCLIP(folder_of(tmp_path, VIT), pretrained="")
        network.add_adapter(towers)
        names = list(lora.adapted_layers(network.model))
        assert {name.split(".")[0] for name in names} == expected
        assert len(names) == len(expected) * 2 * 6


def test_rank_alpha_and_kind_reach_peft(scenes):
    scenes.add_adapter("text", rank=4, alpha=2, kind="rslora", dropout=0.5)
    layer = next(iter(lora.adapted_layers(scenes.model).values()))
    assert layer.scaling["default"] == pytest.approx(2 / 4**0.5)
    assert layer.lora_dropout["default"].p == 0.5
    assert layer.training


def test_batch_normalisation_stays_as_it_was(scenes):
    statistics = scenes.model.visual.bn1.running_mean.clone()
    before = embeddings(scenes.requires_grad_(False))
    scenes.add_adapter("both")
    assert torch.equal(embeddings(nn.ModuleList([scenes]).train()[0]), before)
    assert torch.equal(scenes.model.visual.bn1.running_mean, statistics)
    plain = OpenCLIP("scenes", pretrained="")
    assert plain.training
    assert plain.model.visual.bn1.training


def _patch_dropout(path: Path) -> dict:
    return {"vision_cfg": VIT["vision_cfg"] | {"patch_dropout": 0.5}}


def _drop_path(path: Path) -> dict:
    tower = {"timm_model_name": "test_vit", "timm_pool": "token", "timm_drop_path": 0.5, "timm_drop": 0.5, "image_size": 32}
    return {"vision_cfg": tower}


def _text_dropout(path: Path) -> dict:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = {"model_type": "roberta", "vocab_size": 49408, "max_position_embeddings": 80, "hidden_dropout_prob": 0.5} | sizes
    (path / "config.json").write_text(json.dumps(config))
    return {"text_cfg": {"hf_model_name": str(path), "context_length": 77, "hf_proj_type": "linear"}}


@pytest.mark.parametrize("tower", [_patch_dropout, _drop_path, _text_dropout])
def test_with_adapters_only_these_are_random(tower, tmp_path):
    torch.manual_seed(0)
    network = OpenCLIP(folder_of(tmp_path, VIT | tower(tmp_path)), pretrained="").eval()
    base = _embed(network, False)
    targets = {_patch_dropout: (), _drop_path: ("qkv", "fc1"), _text_dropout: ("query",)}[tower]
    network.add_adapter("text" if tower is _text_dropout else "image", kind="dora", dropout=0.5, targets=targets)
    nn.ModuleList([network]).train()
    assert network.training
    with network.reference():
        assert torch.equal(_embed(network, False), base)
    dropouts = [layer.lora_dropout["default"] for layer in lora.adapted_layers(network.model).values()]
    assert all(dropout.training for dropout in dropouts)
    train(network, steps=1)
    assert not torch.equal(_embed(network, False), _embed(network, False)), "the adapter's own dropout"
    assert not any(module.training for module in network.eval().modules())


def test_the_pattern_of_many_single_blocks_is_short():
    model = nn.ModuleDict({"resblocks": nn.ModuleList(_block() for _ in range(1000))})
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    chosen = names[::2]
    found = lora.pattern(chosen, model)
    assert len(found) < 10_000
    assert [name for name in names if re.fullmatch(found, name)] == chosen


def _block() -> nn.Module:
    return nn.ModuleDict({"query_projection": nn.Linear(1, 1)})


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_reference_leaves_switches_and_flags_as_they_were(scenes, mode):
    scenes.add_adapter("both")
    train(scenes)
    frozen = next(p for p in scenes.parameters() if p.requires_grad).requires_grad_(False)
    flags = [p.requires_grad for p in scenes.parameters()]
    adapted = embeddings(scenes).detach()

    def check():
        assert [p.requires_grad for p in scenes.parameters()] == flags
        assert torch.equal(embeddings(scenes).detach(), adapted)

    with mode(), scenes.reference():
        base = embeddings(scenes)
        assert not torch.equal(base, adapted)
        with scenes.reference():
            assert torch.equal(embeddings(scenes), base)
        assert torch.equal(embeddings(scenes), base), "an inner block must not switch the adapter on again"
    check()
    with pytest.raises(KeyError), scenes.reference():
        raise KeyError
    check()
    assert not frozen.requires_grad


def test_reference_between_forward_and_backward_keeps_the_gradients(scenes):
    scenes.add_adapter("both")
    train(scenes)
    trainable = [p for p in scenes.parameters() if p.requires_grad]
    expected = torch.autograd.grad(loss(scenes), trainable)
    value = loss(scenes)
    with scenes.reference():
        assert not embeddings(scenes).requires_grad
    found = torch.autograd.grad(value, trainable)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_reference_without_adapter_is_the_model(scenes):
    with scenes.reference():
        assert torch.equal(embeddings(scenes), embeddings(scenes))
    assert scenes.adapter_state() == {}
