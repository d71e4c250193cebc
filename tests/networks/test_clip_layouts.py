"""CLIP weights of OpenAI and of Transformers give the embeddings that they gave there."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from oro_unlearn.networks import OpenCLIP
from oro_unlearn.networks.clip_layouts import load_clip_weights
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import VIT, folder_of

TOWER = {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "hidden_act": "quick_gelu"}
TEXT = {**TOWER, "num_attention_heads": 4, "vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407}
VISION = {**TOWER, "num_attention_heads": 2, "image_size": 32, "patch_size": 16}


def plain(tmp_path: Path, **changes) -> nn.Module:
    return open_clip.create_model(folder_of(tmp_path, VIT | changes), load_weights=False).eval()


@pytest.fixture
def there(tmp_path) -> nn.Module:
    """A model of Transformers with random weights, saved in the folder ``there``."""
    from transformers import CLIPConfig, CLIPModel

    model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=16)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    model.save_pretrained("there")
    return model


@torch.no_grad()
def test_transformers_layout_gives_the_same_embeddings(there, tmp_path):
    model = plain(tmp_path)
    line = load_clip_weights(model, "there")
    assert "converted from Transformers' layout" in line
    images, tokens = torch.randn(2, 3, 32, 32), torch.randint(1, 49000, (2, 77))
    tokens[:, 9] = 49407
    theirs = there.get_image_features(images), there.get_text_features(tokens)
    ours = model.encode_image(images), model.encode_text(tokens)
    for here, other in zip(ours, theirs, strict=True):
        assert torch.allclose(here, getattr(other, "pooler_output", other), atol=1e-6)
    assert torch.equal(model.logit_scale, there.logit_scale)
    network = OpenCLIP(folder_of(tmp_path, VIT), pretrained="there")
    assert torch.allclose(network.model.visual.proj, model.visual.proj)


def test_what_weights_do_not_show_is_compared_with_the_configuration(there, tmp_path):
    with pytest.raises(ValueError, match=r"hidden_act of text_config is quick_gelu there and gelu in the architecture"):
        load_clip_weights(plain(tmp_path, quick_gelu=False), "there")
    with pytest.raises(ValueError, match=r"num_attention_heads of text_config is 4 there and 2 in the architecture"):
        load_clip_weights(plain(tmp_path, text_cfg=VIT["text_cfg"] | {"heads": 2}), "there")


def test_an_incomplete_file_names_the_layout(there, tmp_path):
    state = load_file("there/model.safetensors")
    save_file({name: value for name, value in state.items() if "q_proj" in name}, "part.safetensors")
    with pytest.raises(ValueError, match=r"another architecture .*converted from Transformers' CLIP layout") as error:
        load_clip_weights(plain(tmp_path), "part.safetensors")
    assert "\n" not in str(error.value)


class OpenAI(nn.Module):
    """A model with what OpenAI's files hold besides weights."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, child)
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name in ("input_resolution", "context_length", "vocab_size"):
            self.register_buffer(name, torch.tensor(77))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.visual(images)


def test_openais_torchscript_is_read_without_running_it(tmp_path, monkeypatch):
    source, images = plain(tmp_path), torch.randn(2, 3, 32, 32)
    torch.jit.trace(OpenAI(source), images, check_trace=False).save("ViT.pt")
    monkeypatch.setattr(torch.jit, "load", None)
    target = plain(tmp_path)
    load_clip_weights(target, "ViT.pt")
    assert torch.equal(target.encode_image(images), source.encode_image(images))
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in target.state_dict().items())
    with pytest.raises(ValueError, match=r"trained with QuickGELU: choose the architecture whose name ends in -quickgelu"):
        load_clip_weights(plain(tmp_path, quick_gelu=False), "ViT.pt")


def test_a_torchscript_of_something_else_is_one_line(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save("ViT.pt")
    with pytest.raises(ValueError, match=r"ViT\.pt is a checkpoint of another architecture than CLIP") as error:
        load_clip_weights(plain(tmp_path), "ViT.pt")
    assert "weights_only" not in str(error.value)


def test_a_folder_without_weights_is_one_line(tmp_path):
    Path("there").mkdir()
    Path("there/config.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"checkpoint folder there has none of model\.safetensors"):
        load_clip_weights(plain(tmp_path), "there")
