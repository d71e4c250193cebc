"""Folders and files of others: what could run code, change the base model, or end in a traceback."""

import json
from pathlib import Path

import pytest
import torch

from oro_unlearn.networks import OpenCLIP, lora
from tests.networks.tiny_clip import VIT, embeddings, folder_of

CODE = "import pathlib; pathlib.Path({!r}).touch(); raise RuntimeError('code ran')\n"


@pytest.fixture
def ran(monkeypatch, tmp_path) -> Path:
    """The file that the code of :func:`_with_code` writes; a question whether to run it is answered with yes."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("builtins.input", lambda question: "y")
    return tmp_path / "ran"


def _with_code(path: Path, **options) -> str:
    """A folder whose tokenizer is code."""
    text = VIT["text_cfg"] | {"hf_tokenizer_name": "tiny"} | options
    name = folder_of(path, VIT | {"text_cfg": text})
    files = {"config.json": {}, "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["code.Tokenizer", None]}}}
    for file, content in files.items():
        (path / "tiny" / file).write_text(json.dumps(content))
    (path / "tiny" / "code.py").write_text(CODE.format(str(path / "ran")))
    return name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer_kwargs": {"trust_remote_code": True}}, r"open_clip_config\.json has trust_remote_code: code"),
        ({"tokenizer_kwargs": {"more": [{"trust_remote_code": False}]}}, "has trust_remote_code"),
        ({"hf_model_config": {"auto_map": {}}}, "has auto_map"),
        ({}, "open_clip cannot build"),  # transformers alone would ask, and the answer here would be yes
    ],
)
def test_the_code_of_a_folder_is_never_run(options, message, ran, tmp_path):
    name = _with_code(tmp_path, **options)
    with pytest.raises(ValueError, match=message) as error:
        OpenCLIP(name, pretrained="")
    assert "\n" not in str(error.value)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer_kwargs": {"trust_remote_code": True}}, "has trust_remote_code"),
        ({}, "open_clip cannot build hf-hub:oro/tiny"),
    ],
)
def test_the_code_of_a_repository_is_never_run(options, message, ran, monkeypatch, tmp_path):
    commit = "0" * 40
    repository = tmp_path / "hub" / "models--oro--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    _with_code(tmp_path, **{"hf_tokenizer_name": "oro/tiny"} | options)
    (tmp_path / "tiny").rename(repository / "snapshots" / commit)
    for constant, value in (("HF_HUB_CACHE", str(tmp_path / "hub")), ("HF_HUB_OFFLINE", True)):
        monkeypatch.setattr(f"huggingface_hub.constants.{constant}", value)
    with pytest.raises(ValueError, match=message) as error:
        OpenCLIP("hf-hub:oro/tiny", pretrained="")
    assert "\n" not in str(error.value)
    assert not ran.exists()


@pytest.mark.parametrize("content", ["[]", '{"model_cfg": 1}', '{"model_cfg": {}}', "[" * 100_000, b"\xff"])
def test_configurations_that_are_none_are_refused(content, tmp_path):
    name = folder_of(tmp_path, VIT)
    (tmp_path / "tiny" / "open_clip_config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"open_clip_config\.json (is not JSON|has no 'model_cfg')") as error:
        OpenCLIP(name, pretrained="")
    assert "\n" not in str(error.value)


def _saved(network: OpenCLIP, folder: Path, **changes) -> OpenCLIP:
    """The base of an adapter that was saved, with its configuration changed; None takes an option out."""
    base = OpenCLIP("scenes", pretrained="").eval()
    base.load_state_dict(network.state_dict())
    network.add_adapter("text", rank=2)
    network.load_adapter_state({name: tensor + 0.1 for name, tensor in network.adapter_state().items()})
    network.save_adapter(folder)
    config = json.loads((folder / "adapter_config.json").read_text()) | changes
    kept = {key: value for key, value in config.items() if key not in changes or value is not None}
    (folder / "adapter_config.json").write_text(json.dumps(kept))
    return base


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_lora_weights": "pissa"}, "init_lora_weights must be true, not pissa"),
        ({"init_lora_weights": "olora"}, "init_lora_weights must be true, not olora"),
        ({"init_lora_weights": False}, "init_lora_weights must be true, not False"),
        ({"target_modules": 3}, "target_modules must be a string or a list of strings, not 3"),
        ({"target_modules": ["c_fc", 3]}, "target_modules must be a string or a list of strings"),
        ({"target_modules": None}, "target_modules must be a string or a list of strings, not None"),
        ({"target_modules": "c_fc|" * 2001}, "target_modules has 10005 characters; at most 10000"),
        ({"target_modules": "(c_fc\n"}, "target_modules is not a regular expression"),
        ({"target_modules": "all-linear"}, "target_modules names no layer of this model"),
        ({"target_modules": r"visual\.bn1"}, "target_modules names no layer of this model"),
        ({"r": None}, "r must be of type int, not None"),
        ({"r": True}, "r must be of type int, not True"),
        ({"r": 0}, "rank must be 1 or more"),
        ({"r": 10**9}, "r is 1000000000, but adapter_model.safetensors holds an adapter of another rank"),
        ({"lora_alpha": "16\n"}, "lora_alpha must be of type int or float, not 16"),
        ({"lora_alpha": float("nan")}, "alpha above 0"),
        ({"lora_alpha": float("inf")}, "alpha above 0"),
        ({"lora_dropout": 1}, r"dropout in \[0, 1\)"),
        ({"use_dora": 1}, "use_dora must be of type bool, not 1"),
        ({"use_dora": True, "use_rslora": True}, "use_dora together with use_rslora is not supported"),
        ({"alpha_pattern": {"c_fc": 99}}, "alpha_pattern is not supported"),
    ],
)
def test_configurations_of_other_adapters_are_refused(changes, message, scenes, tmp_path):
    base = _saved(scenes, tmp_path, **changes)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    with pytest.raises(ValueError, match=message) as error:
        base.load_adapter(tmp_path)
    assert str(error.value).startswith(str(tmp_path / "adapter_config.json"))
    assert "\n" not in str(error.value)
    assert not lora.adapted_layers(base.model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())
    assert all(parameter.requires_grad for parameter in base.parameters())


@pytest.mark.parametrize("content", ["[]", "3", "null", "{,\n", "", "[" * 100_000, b"\xff"])
@pytest.mark.parametrize("file", ["adapter_config.json", "oro_unlearn.json"])
def test_adapter_files_that_are_no_objects_are_refused(file, content, scenes, tmp_path):
    base = _saved(scenes, tmp_path)
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"(is not JSON|is not a JSON object).*save the adapter again") as error:
        base.load_adapter(tmp_path)
    assert str(error.value).startswith(str(tmp_path / file))
    assert "\n" not in str(error.value)


def test_the_note_of_another_base_is_shown_on_one_line(scenes, tmp_path):
    base = _saved(scenes, tmp_path)
    (tmp_path / "oro_unlearn.json").write_text(json.dumps({"architecture": "a\nb" * 1000, "quick_gelu": "c\nd" * 1000}))
    with pytest.raises(ValueError, match="of architecture a ba b") as error:
        base.load_adapter(tmp_path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"init_lora_weights": None, "lora_dropout": None, "use_dora": None, "use_rslora": None},
        {"target_modules": ["attn.q_proj", "attn.k_proj", "attn.v_proj", "out_proj", "c_fc", "mlp.c_proj"]},
        {"lora_alpha": 16.0, "inference_mode": False, "task_type": "nothing", "megatron_config": {"surplus": 1}},
    ],
)
def test_configurations_that_mean_the_same_are_read(changes, scenes, tmp_path):
    base = _saved(scenes, tmp_path, **changes)
    base.load_adapter(tmp_path)
    assert torch.equal(embeddings(base.eval()), embeddings(scenes.eval()))
