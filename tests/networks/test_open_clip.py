"""CLIP models: embeddings, weights, errors, and the vocabulary of the scenes."""

import gzip
import json
import logging
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from oro_unlearn.graph import Captions, load_graph
from oro_unlearn.networks import OpenCLIP, clip_weights
from oro_unlearn.networks.caption_vectors import encode_captions
from oro_unlearn.user_error import UserError
from tests.networks.tiny_clip import CAPTIONS, VIT, embeddings, folder_of, images_for


def test_embeddings_are_float32_unit_vectors_also_under_autocast(network):
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found = embeddings(network)
        assert found.dtype == torch.float32
        assert found.shape == (2 * len(CAPTIONS), network.embed_dim)
        assert torch.allclose(found.norm(dim=1), torch.ones(len(found)), atol=1e-6)


def test_images_are_normalised_as_in_open_clip(tmp_path):
    name = folder_of(tmp_path, VIT, mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    network = OpenCLIP(name, pretrained="")
    images = images_for(network)
    transform = open_clip.create_model_and_transforms(name, load_weights=False)[2].transforms[-1]
    expected = network.model.encode_image(transform(images / 255), normalize=True)
    assert torch.allclose(network.encode_image(images), expected, atol=1e-6)
    assert torch.equal(network.encode_image(images), network.encode_image(images / 255))
    assert "mean" not in network.state_dict()


def test_trimmed_captions_give_what_padded_ones_give(network):
    tokens = network.tokenize(CAPTIONS)
    assert tokens.shape[1] < network.context_length
    padded = nn.functional.pad(tokens, (0, network.context_length - tokens.shape[1]))
    assert torch.equal(padded, network.tokenizer(CAPTIONS))
    expected = network.model.encode_text(padded, normalize=True)
    assert torch.allclose(network.encode_text(tokens), expected, atol=1e-6)


def test_long_captions_keep_their_end_token(network):
    tokens = network.tokenize([" ".join(["dog"] * 200), "cat"])
    assert tokens.shape == (2, network.context_length)
    assert tokens[0, -1] == tokens[1].max() == tokens.max()


def test_a_text_tower_of_its_own_is_given_padded_captions(tmp_path):
    network = OpenCLIP(folder_of(tmp_path, VIT | {"custom_text": True}), pretrained="")
    tokens = network.tokenize(CAPTIONS)
    assert tokens.shape == (len(CAPTIONS), 77)
    expected = network.model.encode_text(tokens, normalize=True)
    assert torch.equal(network.encode_text(tokens), expected)
    assert torch.equal(network.encode_text(tokens[:, :20]), expected)
    assert network.add_adapter("text") == OpenCLIP(folder_of(tmp_path, VIT), pretrained="").add_adapter("text")


def test_properties(network):
    assert network.scale == pytest.approx(1 / 0.07)
    assert network.quick_gelu == (network.architecture != "scenes")
    assert network.architecture.startswith(("scenes", "local-dir:"))


def test_own_weights_of_a_folder_and_files(tmp_path):
    name = folder_of(tmp_path, VIT)
    torch.manual_seed(0)
    source = OpenCLIP(name, pretrained="")
    assert source.training
    state = source.merged_state()
    save_file(state, tmp_path / "tiny" / "open_clip_model.safetensors")
    torch.save({"state_dict": state}, tmp_path / "copy.pt")
    for pretrained in ("openai", "shipped", str(tmp_path / "copy.pt")):
        network = OpenCLIP(name, pretrained=pretrained)
        assert not network.training
        assert torch.equal(embeddings(network), embeddings(source.eval()))


def test_weights_can_be_replaced(network, tmp_path):
    source = OpenCLIP(network.architecture, pretrained="")
    save_file(source.merged_state(), tmp_path / "other.safetensors")
    modes = [module.training for module in network.modules()]
    assert not torch.equal(embeddings(network), embeddings(source.eval()))
    network.load_weights(tmp_path / "other.safetensors")
    assert torch.equal(embeddings(network), embeddings(source))
    assert all(torch.equal(tensor, source.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert [module.training for module in network.modules()] == modes


def test_weights_are_replaced_by_fitting_ones_only(scenes, tmp_path):
    before = {name: tensor.clone() for name, tensor in scenes.state_dict().items()}
    for content, message in ((_spoilt("surplus", torch.ones(1)), "another architecture"), (scenes.state_dict(), "missing")):
        with pytest.raises(ValueError, match=message):
            scenes.load_weights(_file(tmp_path, content))
    with pytest.raises(UserError, match=r"nothing\.pt not found"):
        scenes.load_weights(tmp_path / "nothing.pt")
    assert all(torch.equal(tensor, before[name]) for name, tensor in scenes.state_dict().items())
    path = _file(tmp_path, scenes.merged_state())
    scenes.add_adapter()
    with pytest.raises(ValueError, match="has an adapter already"):
        scenes.load_weights(path)


def _file(path: Path, content: object) -> str:
    torch.save(content, path / "weights.pt")
    return str(path / "weights.pt")


def _spoilt(key: str, value: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state = OpenCLIP("scenes", pretrained="").merged_state()
    if value is None:
        del state[key]
    else:
        state[key] = value
    return state


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: _spoilt("ln_final.bias", None), r"another architecture than CLIP: 1 weights missing \(first ln_final"),
        (lambda: _spoilt("surplus", torch.ones(1)), r"1 unknown weights \(first surplus\)"),
        (lambda: _spoilt("text_projection", torch.ones(1, 1)), r"text_projection is \(1, 1\) there and \(128, 128\) here"),
        (lambda: _spoilt("ln_final.bias", torch.full((128,), float("nan"))), "NaN or infinite values in ln_final.bias"),
        (lambda: {"state_dict": print}, "is not unpickled, because that could run code"),
        (lambda: 3, "holds no state dict"),
    ],
)
def test_files_that_do_not_fit_are_refused(content, message, tmp_path):
    with pytest.raises(ValueError, match=message) as error:
        OpenCLIP("scenes", pretrained=_file(tmp_path, content()))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "pretrained", "message"),
    [
        ("ViT-B-23", "openai", "no architecture 'ViT-B-23'; close names are ViT-B-32"),
        ("ViT-B-32-quickgelu", "openia", "neither a file nor a tag of ViT-B-32-quickgelu; its tags are openai, laion400m_e31"),
        ("ViT-B-32", "openai", "trained with QuickGELU: choose the architecture ViT-B-32-quickgelu"),
        ("ViT-B/32", "openai", "choose the architecture ViT-B-32-quickgelu"),
        ("scenes", "laion2b", "'laion2b' is not a file, and scenes has no tags"),
        ("local-dir:nowhere", "", "nowhere/open_clip_config.json not found"),
        ("local-dir:{tiny}", "shipped", "weights of local-dir:.*open_clip_model.safetensors not found"),
        ("local-dir:{broken}", "", "open_clip_config.json:1 is not JSON"),
        ("local-dir:{empty}", "", "has no 'model_cfg'"),
        ("local-dir:{strange}", "", "open_clip cannot build"),
    ],
)
def test_names_that_lead_nowhere_are_refused(name, pretrained, message, tmp_path):
    folders = {"tiny": VIT, "strange": VIT | {"vision_cfg": {"colour": 1}}, "broken": {}, "empty": {}}
    for folder, config in folders.items():
        folder_of(tmp_path, config, folder)
    (tmp_path / "broken" / "open_clip_config.json").write_text("{,")
    (tmp_path / "empty" / "open_clip_config.json").write_text("{}")
    with pytest.raises(UserError, match=message) as error:
        OpenCLIP(name.format(**{folder: tmp_path / folder for folder in folders}), pretrained=pretrained)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "pretrained", "message"),
    [
        ("ViT-B-32-quickgelu", "openai", "download https://huggingface.co/timm/.*/open_clip_model.safetensors elsewhere"),
        ("hf-hub:nobody/nothing", "openai", "download https://huggingface.co/nobody/nothing elsewhere"),
        ("roberta-ViT-B-32", "", "the text model roberta-base of roberta-ViT-B-32: not here"),
    ],
)
@pytest.mark.parametrize("offline", ["HF_HUB_OFFLINE", "HF_ENDPOINT"])
def test_without_network_the_message_says_what_to_download(name, pretrained, message, offline, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv(offline, {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}[offline])
    with pytest.raises(UserError, match=message) as error:
        OpenCLIP(name, pretrained=pretrained)
    assert "\n" not in str(error.value)


@pytest.fixture
def cached(monkeypatch, tmp_path) -> tuple[OpenCLIP, Path]:
    """A model whose tag has its weights in the cache of the hub, without a network."""
    source = OpenCLIP(folder_of(tmp_path, VIT), pretrained="")
    (tmp_path / "oro-cached.json").write_text(json.dumps(VIT))
    open_clip.add_model_config(tmp_path / "oro-cached.json")
    tag = {"hf_hub": "oro/cached/", "quick_gelu": True, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "oro-cached", {"own": tag})
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repository = tmp_path / "hub" / "models--oro--cached"
    path = repository / "snapshots" / "0" / "open_clip_model.safetensors"
    for parent in (path.parent, repository / "refs"):
        parent.mkdir(parents=True)
    (repository / "refs" / "main").write_text("0")
    save_file(source.merged_state(), path)
    return source, path


def test_weights_in_the_cache_need_no_network(cached):
    network = OpenCLIP("oro-cached", pretrained="own")
    assert torch.allclose(network.mean.flatten(), torch.tensor([0.1, 0.2, 0.3])), "the tag's own preprocessing"
    for name, tensor in cached[0].state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)


def test_a_broken_file_in_the_cache_is_named(cached):
    cached[1].write_bytes(cached[1].read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"open_clip_model\.safetensors cannot be read .*: delete it") as error:
        OpenCLIP("oro-cached", pretrained="own")
    assert "\n" not in str(error.value)


def test_missing_weights_of_scenes(monkeypatch, tmp_path):
    monkeypatch.setattr(clip_weights, "SCENES", tmp_path)
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": VIT}))
    with pytest.raises(UserError, match="weights of scenes are missing from this installation"):
        OpenCLIP("scenes")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 32, 32), r"takes images of 64 x 64 pixels, shape \(B, 3, 64, 64\), not \(2, 3, 32, 32\)"),
        (torch.zeros(2, 1, 64, 64), r"not \(2, 1, 64, 64\)"),
        (torch.zeros(2, 3, 64, 64, dtype=torch.long), "must be uint8, or float"),
    ],
)
def test_images_of_another_size_or_type_are_refused(images, message, scenes):
    with pytest.raises(ValueError, match=message):
        scenes.encode_image(images)


def test_too_many_tokens_are_refused(scenes):
    with pytest.raises(ValueError, match="reads 32 tokens, not 33"):
        scenes.encode_text(torch.zeros(1, 33, dtype=torch.long))


def test_building_says_nothing_and_leaves_logging_alone(tmp_path, capfd):
    root = logging.getLogger()
    before = list(root.handlers), root.manager.disable
    OpenCLIP(folder_of(tmp_path, VIT), pretrained="")
    assert (list(root.handlers), root.manager.disable) == before
    assert capfd.readouterr() == ("", "")


def test_the_scenes_vocabulary_splits_its_words_as_clip_does(scenes):
    words = [*Captions(load_graph("scenes")).vocabulary(), "a", "an"]
    full, own = open_clip.SimpleTokenizer(), scenes.tokenizer
    for word in words:
        assert [own.decoder[token] for token in own.encode(word)] == [full.decoder[token] for token in full.encode(word)]
    assert own.vocab_size == scenes.model.vocab_size == scenes.model.token_embedding.num_embeddings
    assert own.decode(own.encode("Zürich")).strip() == "zürich", "other words fall back to bytes"


def test_the_vocabulary_file_is_small_and_dated_nowhere():
    content = (clip_weights.SCENES / clip_weights.VOCABULARY).read_bytes()
    assert len(content) < 4000
    assert content[4:8] == b"\0\0\0\0", "gzip's time"
    assert not gzip.decompress(content).endswith(b"\n")


def test_captions_in_batches_are_those_in_one():
    network = OpenCLIP("scenes", pretrained="").eval()
    captions = ["a child", "a child drinking wine", "a dog", "wine", "a robot throwing a book"]
    with torch.no_grad():
        whole = network.encode_text(network.tokenize(captions))
        for size in (1, 2, 5, 8):
            assert torch.allclose(encode_captions(network, captions, size), whole, atol=1e-6)
