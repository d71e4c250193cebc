"""Adapters to disk and back, into the weights, and into plain open_clip and peft."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn

from oro_unlearn.networks import OpenCLIP, clip_weights, fuse_attention, lora, split_attention
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import CAPTIONS, KINDS, embeddings, images_for, train


@pytest.mark.parametrize("kind", KINDS)
def test_adapter_state_round_trip(network, kind):
    network.add_adapter("both", kind=kind)
    train(network)
    state, adapted = network.adapter_state(), embeddings(network)
    assert all("lora_" in name for name in state)
    train(network)
    assert not torch.equal(embeddings(network), adapted)
    network.load_adapter_state(state)
    assert torch.equal(embeddings(network), adapted)


@pytest.mark.parametrize("kind", KINDS)
def test_merged_state_loads_in_plain_open_clip(network, kind, tmp_path):
    network.add_adapter("both", kind=kind)
    train(network)
    adapted, before = embeddings(network), {name: t.clone() for name, t in network.state_dict().items()}
    merged = network.merged_state()
    assert torch.equal(embeddings(network), adapted)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    save_file(merged, tmp_path / "merged.safetensors")
    name = _registered(network, tmp_path)
    plain = open_clip.create_model(name, pretrained=str(tmp_path / "merged.safetensors")).eval()
    assert list(plain.state_dict()) == list(merged)
    images = (images_for(network) / 255 - network.mean) / network.std
    tokens = nn.functional.pad(network.tokenize(CAPTIONS), (0, network.context_length))[:, : network.context_length]
    found = torch.cat([plain.encode_image(images, normalize=True), plain.encode_text(tokens, normalize=True)])
    assert torch.allclose(found, adapted, atol=1e-5)
    again = OpenCLIP(network.architecture, pretrained=str(tmp_path / "merged.safetensors"))
    assert not again.training
    assert torch.allclose(embeddings(again), adapted, atol=1e-5)


def _registered(network: OpenCLIP, path: Path) -> str:
    """The architecture under a name of open_clip's own list, so that ``pretrained`` can be a file."""
    folder = clip_weights.SCENES if network.architecture == "scenes" else Path(network.architecture.split(":", 1)[1])
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    (path / f"oro-{folder.name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(path / f"oro-{folder.name}.json")
    return f"oro-{folder.name}"


@pytest.mark.parametrize("kind", KINDS)
def test_saved_adapter_loads_in_peft_and_here(network, kind, tmp_path):
    torch.manual_seed(3)
    plain = fuse_attention(lora.merged_copy(network.model))
    network.add_adapter("both", rank=3, kind=kind)
    train(network)
    network.eval()
    network.save_adapter(tmp_path / "adapter")
    assert sorted(file.name for file in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "oro_unlearn.json",
    ]  # fmt: skip
    fresh = OpenCLIP(network.architecture, pretrained="").eval()
    fresh.model = split_attention(lora.merged_copy(plain))
    # trainable as here: torch multiplies with weights that take a gradient by another kernel, and rounds differently
    peft = PeftModel.from_pretrained(split_attention(plain), tmp_path / "adapter", is_trainable=True).eval()
    assert set(get_peft_model_state_dict(peft)) == set(load_file(tmp_path / "adapter" / "adapter_model.safetensors"))
    images = (images_for(network) / 255 - network.mean) / network.std
    assert torch.equal(peft.encode_image(images, normalize=True), network.encode_image(images_for(network)))
    tokens = network.tokenizer(CAPTIONS)
    assert torch.equal(peft.encode_text(tokens, normalize=True), network.encode_text(tokens))
    assert fresh.load_adapter(tmp_path / "adapter") == sum(p.numel() for p in fresh.parameters() if p.requires_grad) > 0
    assert torch.equal(embeddings(fresh), embeddings(network))
    with pytest.raises(ValueError, match="has an adapter already"):
        fresh.load_adapter(tmp_path / "adapter")


def test_saved_adapters_have_the_permissions_of_any_new_file(scenes, tmp_path):
    scenes.add_adapter()
    scenes.save_adapter(tmp_path)
    (tmp_path / "other").write_text("")
    assert {file.stat().st_mode for file in tmp_path.iterdir()} == {(tmp_path / "other").stat().st_mode}


def test_adapter_of_another_base_is_refused(scenes, tmp_path):
    scenes.add_adapter()
    scenes.save_adapter(tmp_path)
    other = OpenCLIP("scenes", pretrained="")
    with pytest.raises(ValueError, match="another base model, of architecture scenes: base_sha256") as error:
        other.load_adapter(tmp_path)
    assert "\n" not in str(error.value)
    assert not lora.adapted_layers(other.model)


def _other_adapter(network: OpenCLIP, **options) -> dict[str, torch.Tensor]:
    other = OpenCLIP("scenes", pretrained="")
    other.add_adapter(**options)
    return other.adapter_state()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 4}, "another rank"),
        ({"towers": "image"}, r"24 missing .*16 unknown"),
        ({"kind": "dora"}, "unknown"),
        ({"targets": ["q_proj"]}, "missing"),
    ],
)
def test_state_of_another_adapter_is_refused(scenes, options, message):
    scenes.add_adapter()
    with pytest.raises(ValueError, match=message) as error:
        scenes.load_adapter_state(_other_adapter(scenes, **options))
    assert "\n" not in str(error.value)


def test_misuse_of_adapters_is_refused(scenes, tmp_path):
    with pytest.raises(ValueError, match="call add_adapter first"):
        scenes.load_adapter_state({})
    with pytest.raises(ValueError, match="call add_adapter first"):
        scenes.save_adapter(tmp_path / "none")
    for options, message in (
        ({"towers": "all"}, "towers must be one of"),
        ({"kind": "pissa"}, "kind must be one of"),
        ({"rank": 0}, "rank must be 1"),
        ({"dropout": 1.0}, "dropout in"),
        ({"targets": ["fc9"]}, "set targets to some of c_fc"),
    ):
        with pytest.raises(ValueError, match=message):
            scenes.add_adapter(**options)
    assert all(p.requires_grad for p in scenes.parameters()), "a refused adapter must not freeze the model"
    scenes.add_adapter()
    with pytest.raises(ValueError, match="has an adapter already"):
        scenes.add_adapter()
    state = scenes.adapter_state()
    state[next(iter(state))][0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        scenes.load_adapter_state(state)
    with pytest.raises(UserError, match=r"adapter_config\.json not found"):
        scenes.load_adapter(tmp_path)
