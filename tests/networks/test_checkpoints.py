"""Files of weights as people have them: what is taken, what is refused, and that no code runs."""

import argparse
import collections
import json
import pathlib
import pickle
import shlex
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18

from oro_unlearn.networks import SmallCNN, load_weights, read_checkpoint, save_weights
from oro_unlearn.user_error import UserError

SOURCE = SmallCNN(10, width=2)
W = {name: value.clone() for name, value in SOURCE.state_dict().items()}


class Wrapped(nn.Module):
    """A user's network around another."""

    def __init__(self) -> None:
        super().__init__()
        self.net = SmallCNN(10, width=2)


def prefixed(prefix: str, state: dict = W) -> dict:
    return {f"{prefix}{name}": value for name, value in state.items()}


def headed(prefix: str, head: str) -> dict:
    """A backbone and a head of another name."""
    body = {name: value for name, value in W.items() if not name.startswith("fc.")}
    return prefixed(prefix, body) | {f"{head}.weight": W["fc.weight"], f"{head}.bias": W["fc.bias"]}


def loaded(content: object, key: str = "", network: nn.Module | None = None) -> tuple[nn.Module, str]:
    torch.save(content, "file.pt")
    target = network or SmallCNN(10, width=2)
    return target, load_weights(target, "file.pt", key)


def same(network: nn.Module, state: dict = W) -> bool:
    return all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model._orig_mod.", "model.module.", "_orig_mod.module.", "net.", "network.", "backbone.", "some.other.thing."],
)
def test_prefixes_of_wrappers_are_dropped(prefix):
    network, line = loaded({"state_dict": prefixed(prefix), "epoch": 3})
    assert same(network)
    assert line == f"file.pt: {len(W)} tensors under 'state_dict', prefix {prefix!r} dropped; left out: epoch"


def test_a_network_keeps_its_own_prefix():
    network, line = loaded(prefixed("module.net."), network=Wrapped())
    assert same(network.net)
    assert "prefix 'module.' dropped" in line


@pytest.mark.parametrize("key", ["model_state_dict", "net", "weights", "model_ema", "ema", "state", "model.state_dict"])
def test_a_state_dict_under_any_one_key_is_taken(key):
    content: object = W
    for part in reversed(key.split(".")):
        content = {part: content, "epoch": 1, "optimizer": {"state": {0: {"momentum": torch.zeros(2)}}, "param_groups": []}}
    network, line = loaded(content)
    assert same(network)
    assert f"under {key!r}" in line
    assert "optimizer" in line


EMA = {name: value + 1 if value.is_floating_point() else value for name, value in W.items()}


def test_of_two_state_dicts_one_has_to_be_chosen():
    content = {"model": W, "model_ema": {"module": prefixed("module.", EMA)}}
    with pytest.raises(ValueError, match=r"2 state dicts, 'model' and|2 state dicts, 'model', 'model_ema.module'") as error:
        loaded(content)
    assert "--model.checkpoint_key 'model'" in str(error.value)
    for key in ("model_ema", "model_ema.module"):
        assert same(loaded(content, key)[0], EMA)
    assert same(loaded(content, "model")[0])
    with pytest.raises(ValueError, match=r"no single state dict under 'ema': --model.checkpoint_key can be one of 'model'"):
        loaded(content, "ema")


def test_two_networks_side_by_side_are_refused_unless_one_is_our_own():
    with pytest.raises(ValueError, match=r"2 networks of this kind, under 'student.' and 'teacher.'"):
        loaded(prefixed("student.") | prefixed("teacher.", EMA))
    network, line = loaded({"state_dict": prefixed("network.") | prefixed("teacher.", EMA)})
    assert same(network)
    assert "left out: teacher.layer1.0.weight" in line


@pytest.mark.parametrize(("prefix", "head"), [("", "classifier"), ("backbone.", "head"), ("model.backbone.", "model.head")])
def test_a_head_of_another_name_is_the_networks_head(prefix, head):
    network, line = loaded(headed(prefix, head))
    assert same(network)
    assert f"head {head!r} taken as 'fc'" in line


def test_one_of_two_heads_is_not_guessed():
    with pytest.raises(ValueError, match="another architecture than SmallCNN: 2 weights missing"):
        loaded(headed("backbone.", "head") | {"other.weight": W["fc.weight"], "other.bias": W["fc.bias"]})


def test_a_backbone_with_a_head_and_another_head_beside_it_is_refused():
    with pytest.raises(ValueError, match="two heads"):
        loaded(prefixed("backbone.") | {"head.weight": W["fc.weight"], "head.bias": W["fc.bias"]})


def test_surplus_of_profilers_and_averaging_is_left_out_and_said():
    extra = {"layer1.total_ops": torch.zeros(1), "total_params": torch.zeros(1), "n_averaged": torch.tensor(3)}
    network, line = loaded(W | extra)
    assert same(network)
    assert line.endswith("left out: layer1.total_ops, total_params, n_averaged")
    with pytest.raises(ValueError, match="1 unknown weights"):
        loaded(W | {"layer9.weight": torch.zeros(1)})


def test_missing_counters_are_filled_and_said():
    network, line = loaded({name: value for name, value in W.items() if "num_batches" not in name})
    assert same(network)
    assert "3 counters of batches (num_batches_tracked) set to 0" in line


def test_another_head_names_both_numbers():
    with pytest.raises(ValueError, match="the file's head has 10 classes, the data 3") as error:
        loaded(prefixed("module."), network=SmallCNN(3, width=2))
    assert "--data.class_names" in str(error.value)


HARMLESS = {
    "scalar": np.float64(0.5),
    "int": np.int64(3),
    "array": np.arange(3),
    "args": argparse.Namespace(lr=1, out=pathlib.Path("x"), dtype=torch.float16, device=torch.device("cpu")),
    "simple": types.SimpleNamespace(a=1),
    "path": pathlib.PurePosixPath("/a/b"),
    "windows": pathlib.PureWindowsPath("c:/a"),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(list, {"a": [1]}),
    "size": torch.Size([1, 2]),
}


@pytest.mark.parametrize("legacy", [False, True])
def test_harmless_values_beside_the_weights_are_read(legacy):
    torch.save({"state_dict": W, **HARMLESS}, "file.pt", _use_new_zipfile_serialization=not legacy)
    target = SmallCNN(10, width=2)
    load_weights(target, "file.pt")
    assert same(target)


def test_types_that_a_library_allowed_change_nothing():
    others = [np.dtype, np.ndarray, np._core.multiarray.scalar, np._core.multiarray._reconstruct, Path.touch]
    with torch.serialization.safe_globals(others):
        test_harmless_values_beside_the_weights_are_read(legacy=False)
        test_code_is_refused()
        assert set(torch.serialization.get_safe_globals()) >= set(others)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_code_is_refused():
    torch.save({"state_dict": W, "evil": Evil()}, "file.pt")
    with pytest.raises(ValueError, match="more than tensors and is not unpickled, because that could run code"):
        load_weights(SmallCNN(10, width=2), "file.pt")
    assert not Path("ran").exists()


def test_a_whole_module_is_refused_with_a_command_that_converts(monkeypatch):
    torch.save(SOURCE, "my file.pt")
    with pytest.raises(ValueError, match=r"more than tensors .*SmallCNN.*this runs its code") as error:
        load_weights(SmallCNN(10, width=2), "my file.pt")
    program, option, code, *words = shlex.split(str(error.value).rpartition("): ")[2])
    assert (program, option) == ("python", "-c")
    monkeypatch.setattr(sys, "argv", ["-c", *words])
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    exec(code, {})  # what the message says is run as it is
    target = SmallCNN(10, width=2)
    load_weights(target, "my file_state_dict.pt")
    assert same(target)


def archive(name: str, inner: str) -> None:
    with zipfile.ZipFile(name, "w") as file:
        file.writestr(inner, "x")


FOREIGN = {
    "Git LFS pointer.*git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "a web page.*download it again": b"\n<!DOCTYPE html><html>Sign in</html>",
    "HDF5 file, as Keras": b"\x89HDF\r\n\x1a\n" + bytes(99),
    "an ONNX model": b"\x08\x08\x12\x07pytorch\x1a\x052.9.0" + bytes(99),
    "a TensorFlow graph": b"\x08\x01\x12\x99" + bytes(99),
    "a TensorFlow Lite model": b"\x1c\0\0\0TFL3" + bytes(99),
    "compressed with gzip.*gunzip": b"\x1f\x8b\x08" + bytes(99),
    "a tar archive.*tar xf": bytes(b"a" * 257) + b"ustar" + bytes(300),
    "empty; the download": b"",
    "text that begins with '404": b"404: Not Found",
    "a NumPy array": b"\x93NUMPY\x01\0" + bytes(99),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(99),
}


@pytest.mark.parametrize("message", FOREIGN)
@pytest.mark.parametrize("name", ["file.pt", "file.safetensors"])
def test_files_of_other_kinds_are_named_with_their_way_out(message, name):
    Path(name).write_bytes(FOREIGN[message])
    with pytest.raises(ValueError, match=f"{name} cannot be read as a checkpoint: it is .*{message}") as error:
        read_checkpoint(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("inner", "message"),
    [("model.weights.h5", "Keras"), ("a.npy", "npz"), ("readme.txt", "a zip archive of 1 files .*unzip")],
)
def test_zips_of_other_kinds_are_named(inner, message):
    archive("file.pt", inner)
    with pytest.raises(ValueError, match=message):
        read_checkpoint("file.pt")


def test_a_plain_pickle_is_refused_with_its_own_command():
    Path("file.pkl").write_bytes(pickle.dumps(SOURCE))
    with pytest.raises(ValueError, match=r"pickle\.load\(open"):
        read_checkpoint("file.pkl")


def test_torchscript_is_read_without_running_it(monkeypatch):
    monkeypatch.setattr(torch.jit, "load", None)
    torch.jit.script(SOURCE).save("file.pt")
    target = SmallCNN(10, width=2)
    load_weights(target, "file.pt")
    assert same(target)


def test_a_sharded_checkpoint_is_read_by_its_index():
    names = list(W)
    parts = {"a.safetensors": names[:4], "b.safetensors": names[4:]}
    for part, inside in parts.items():
        save_file({name: W[name] for name in inside}, part)
    places = {name: part for part, inside in parts.items() for name in inside}
    Path("model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    target = SmallCNN(10, width=2)
    load_weights(target, "model.safetensors.index.json")
    assert same(target)
    Path("b.safetensors").unlink()
    with pytest.raises(UserError, match=r"names b.safetensors, which is not beside it"):
        read_checkpoint("model.safetensors.index.json")
    Path("model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../a.safetensors"}}))
    with pytest.raises(ValueError, match="names no files beside it"):
        read_checkpoint("model.safetensors.index.json")


NAMES = ["b", "a", "c"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"class_to_idx": {"a": 1, "b": 0, "c": 2}}, "class_to_idx"),
        ({"id2label": {0: "b", 1: "a", 2: "c"}}, "id2label"),
        ({"classes": NAMES}, "classes"),
        ({"class_names": np.array(NAMES)}, "class_names"),
        ({"args": argparse.Namespace(class_names=NAMES)}, "args.class_names"),
        ({"hyper_parameters": {"label_names": tuple(NAMES)}}, "hyper_parameters.label_names"),
        ({"meta": {"CLASSES": tuple(NAMES)}}, "meta.CLASSES"),
    ],
)
def test_names_of_classes_are_found_in_the_file(content, where):
    torch.save({"state_dict": W, **content}, "file.pt")
    checkpoint = read_checkpoint("file.pt")
    assert (checkpoint.class_names, checkpoint.names_from) == (NAMES, where)
    assert checkpoint.taken.endswith(f"class names: {where}")


@pytest.mark.parametrize("config", [{"id2label": {"0": "b", "1": "a", "2": "c"}}, {"label_names": NAMES, "num_classes": 3}])
def test_names_of_classes_are_found_in_the_configuration_beside_it(config):
    save_file(W, "file.safetensors")
    Path("config.json").write_text(json.dumps(config))
    assert read_checkpoint("file.safetensors").class_names == NAMES


@pytest.mark.parametrize("value", [{"classes": 3}, {"id2label": {0: "LABEL_0", 1: "LABEL_1"}}, {"classes": []}])
def test_what_names_no_class_is_no_list(value):
    torch.save({"state_dict": W, **value}, "file.pt")
    assert read_checkpoint("file.pt").class_names is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"class_to_idx": {"a": 0, "b": 0}}, "class_to_idx does not give its 2 classes the rows 0 to 1"),
        ({"class_to_idx": {"a": 0, "b": 2}}, "class_to_idx does not give its 2 classes the rows"),
        ({"classes": ["a", "b"], "class_to_idx": {"a": 1, "b": 0}}, "class_to_idx and classes name different classes"),
    ],
)
def test_contradictory_names_are_refused(content, message):
    torch.save({"state_dict": W, **content}, "file.pt")
    with pytest.raises(ValueError, match=message):
        read_checkpoint("file.pt")


def test_notes_are_kept_beside_the_weights():
    notes = {"forgotten": ["a"], "class_names": NAMES}
    save_weights(SOURCE, "file.safetensors", notes)
    torch.save({"state_dict": W, "oro_unlearn": notes}, "file.pt")
    for name in ("file.safetensors", "file.pt"):
        checkpoint = read_checkpoint(name)
        assert (checkpoint.notes, checkpoint.class_names) == (notes, NAMES)


def test_a_folder_of_hugging_face_is_read():
    Path("folder").mkdir()
    save_file(W, "folder/model.safetensors")
    with pytest.raises(UserError, match="checkpoint folder not found"):
        read_checkpoint("folder")
    Path("folder/config.json").write_text("{}")
    assert read_checkpoint("folder").path == Path("folder/model.safetensors")


def test_a_standard_network_loads_in_half_precision():
    source = resnet18(num_classes=3)
    torch.save(prefixed("module.", {name: v.half() if v.is_floating_point() else v for name, v in source.state_dict().items()}),
               "file.pt")  # fmt: skip
    target = resnet18(num_classes=3)
    load_weights(target, "file.pt")
    assert torch.equal(target.fc.weight, source.fc.weight.half().float())
