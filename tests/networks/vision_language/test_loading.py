"""What can go wrong when a model is loaded, and what the line about it says."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig

from oro_unlearn.networks import VisionLanguage, save_weights
from oro_unlearn.networks.vision_language import loading
from oro_unlearn.user_error import UserError
from tests.networks.vision_language.tiny_models import FAMILIES, QUESTIONS


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    return FAMILIES["llava"](tmp_path_factory.mktemp("llava"))


@pytest.fixture
def copied(llava, tmp_path):
    return shutil.copytree(llava, tmp_path / "copy")


def message(name, weights="", **options):
    """The one line of the error."""
    with pytest.raises(UserError) as caught:
        VisionLanguage(str(name), str(weights), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_folder_and_no_name_of_the_hub(tmp_path):
    assert "not found: name a folder with config.json" in message(tmp_path / "none")
    assert "no config.json" in message(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert "is not JSON" in message(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    assert "names no model_type" in message(tmp_path)


def test_a_name_of_the_hub_that_cannot_be_reached(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("transformers.utils.hub.is_offline_mode", lambda: True)
    assert "hf download nobody/nothing --local-dir FOLDER" in message("nobody/nothing")


def test_a_model_of_text_alone(tmp_path):
    BertConfig().save_pretrained(tmp_path)
    assert "is a bert model, which does not read pictures and text" in message(tmp_path)


def test_a_folder_without_tokenizer(copied):
    for path in copied.glob("*token*"):
        path.unlink()
    assert "cannot be loaded" in message(copied)


def test_weights_that_do_not_fit_the_configuration(copied):
    state = load_file(copied / "model.safetensors")
    name = next(name for name in state if name.endswith("linear_1.weight"))
    del state[name]
    save_file(state, copied / "model.safetensors", {"format": "pt"})
    found = message(copied)
    assert "do not fit its config.json" in found
    assert "linear_1.weight)" in found


def test_code_in_a_folder_is_not_run(copied):
    config = json.loads((copied / "config.json").read_text())
    config |= {"auto_map": {"AutoConfig": "evil.Config", "AutoModelForImageTextToText": "evil.Model"}}
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "evil.py").write_text("raise SystemExit('code was run')")
    VisionLanguage(str(copied))


def test_weights_from_files_and_folders(llava, copied, tmp_path):
    """A file of transformers, the state dict of the network, a folder, and float16."""
    other = VisionLanguage(str(copied), "random").eval()
    other.save(copied)
    save_weights(other, tmp_path / "own.safetensors")
    save_weights({name: tensor.half() for name, tensor in other.state_dict().items()}, tmp_path / "half.safetensors")
    inputs = other.collate(QUESTIONS)
    for weights in (copied / "model.safetensors", copied, tmp_path / "own.safetensors", tmp_path / "half.safetensors"):
        network = VisionLanguage(str(llava), str(weights))
        assert not network.training
        assert next(network.parameters()).dtype == torch.float32
        torch.testing.assert_close(network(inputs), other(inputs), rtol=1e-2, atol=1e-2)


def test_tied_weights_are_saved_once(network, tmp_path):
    """The small model reads and writes words with the same weights."""
    state = network.model.state_dict()
    saved = {}
    for name, tensor in state.items():
        if all(tensor.data_ptr() != kept.data_ptr() for kept in saved.values()):
            saved[name] = tensor
    save_weights(saved, tmp_path / "saved.safetensors")
    again = VisionLanguage(network.architecture, str(tmp_path / "saved.safetensors"))
    for name, tensor in again.model.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_weights_of_another_architecture(llava, tmp_path):
    state = VisionLanguage(str(llava)).state_dict()
    save_weights({name: tensor for name, tensor in state.items() if "vision" not in name}, tmp_path / "part.safetensors")
    assert "weights missing" in message(llava, tmp_path / "part.safetensors")
    name = next(name for name in state if name.endswith("mlp.up_proj.weight"))
    save_weights({**state, name: torch.zeros(3, 3)}, tmp_path / "reshaped.safetensors")
    assert "(3, 3) there" in message(llava, tmp_path / "reshaped.safetensors")
    save_weights({**state, name: state[name] * torch.nan}, tmp_path / "nan.safetensors")
    assert "NaN or infinite" in message(llava, tmp_path / "nan.safetensors")
    assert "set weights to 'random', a file or a folder" in message(llava, tmp_path / "none")


def test_shipped_weights(monkeypatch, tmp_path):
    assert "set weights to 'base', 'original', 'random'" in message("personas", "none")
    shutil.copytree(loading.PERSONAS, tmp_path / "personas", ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(loading, "PERSONAS", tmp_path / "personas")
    assert "missing from this installation" in message("personas")
    network = VisionLanguage("personas", "random")
    save_weights(network.model, tmp_path / "personas" / "base" / "model.safetensors")
    again = VisionLanguage("personas", "base")
    assert torch.equal(next(again.parameters()), next(network.parameters()))


def test_four_bits_need_a_gpu_and_own_weights(llava, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "needs a CUDA GPU, and there is none" in message(llava, load_in_4bit=True)
    assert "reads weights from a model's own folder" in message("personas", "random", load_in_4bit=True)
    assert "dtype must be one of" in message(llava, dtype="int8")
