"""Bad files of weights, checkpoints of runs, and adapters."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from oro_unlearn.networks import OpenCLIP, SmallCNN, save_weights
from oro_unlearn.networks.adapter_files import base_sha256
from oro_unlearn.networks.clip_weights import SCENES as CLIP
from tests.reliability.attempts import DIGITS, BadInput, both, pickled, weights, wrote
from tests.reliability.bad_configs import SCENES
from tests.small_world import write_graph

Prepare = Callable[[], object]


def original(name: str, path: str, message: str, prepare: Prepare, works: bool = False) -> BadInput:
    """A file in the place of the original's weights."""
    return BadInput(f"original: {name}", (*DIGITS, "--model.original", path), message, prepare, works=works)


def resumed(name: str, message: str, prepare: Prepare, path: str = "some.ckpt") -> BadInput:
    """A file in the place of a run's checkpoint."""
    return BadInput(f"ckpt_path: {name}", (*DIGITS, "--ckpt_path", path), message, prepare)


def clip(name: str, words: tuple[str, ...], message: str, prepare: Prepare) -> BadInput:
    """A file or folder for the CLIP model."""
    return BadInput(f"CLIP: {name}", (*SCENES, *words), message, both(write_graph, prepare))


def saved(path: str, content: Any) -> Prepare:
    """A preparation that writes a torch file."""
    return lambda: torch.save(content, path)


def run_checkpoint(path: str, state: Any, **others: Any) -> Prepare:
    """A preparation that writes what looks like a run's checkpoint."""
    return saved(path, {"state_dict": state, "pytorch-lightning_version": "2.6.0", "loops": {"fit_loop": {}}, **others})


def cut(path: str, source: str, size: int) -> Prepare:
    """A preparation that writes the first bytes of another file."""
    return lambda: Path(path).write_bytes(Path(source).read_bytes()[:size])


def changed(path: str, value: float) -> Prepare:
    """A preparation that writes the network's weights, one of them odd."""

    def prepare() -> None:
        state = {name: tensor.clone() for name, tensor in weights().items()}
        state["layer1.0.weight"].view(-1)[7] = value
        save_weights(state, path)

    return prepare


def header(path: str, content: bytes, size: int | None = None) -> Prepare:
    """A preparation that writes a safetensors file with a header of our own, which may lie about its size."""
    return wrote(path, struct.pack("<Q", len(content) if size is None else size) + content)


def zipped(path: str, names: dict[str, bytes]) -> Prepare:
    """A preparation that writes a zip file, which is what torch writes too."""

    def prepare() -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in names.items():
                archive.writestr(name, content)

    return prepare


def adapter(path: str, rank: int, other_base: bool = False) -> Prepare:
    """A preparation that writes a run's checkpoint with an adapter in it."""

    def prepare() -> None:
        torch.manual_seed(1)
        network = OpenCLIP("scenes", pretrained="" if other_base else "shipped")
        network.add_adapter("text", rank=rank)
        run_checkpoint(path, network.adapter_state(), base_sha256=base_sha256(network.model))()

    return prepare


def clip_folder(config: str | bytes) -> Prepare:
    """A preparation that writes a folder with a configuration of a CLIP model."""
    return wrote("clip/open_clip_config.json", config)


LYING = json.dumps({"fc.weight": {"dtype": "F32", "shape": [10, 64], "data_offsets": [0, 10**15]}}).encode()
OVERLAP = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"}).encode() + bytes(4)
UNREADABLE = r"cannot be read as a checkpoint|holds more than tensors and is not unpickled|holds no state dict"
MORE = "holds more than tensors and is not unpickled"
MISSING = "original checkpoint {} not found: train it with 'oro-unlearn fit --config "
ORIGINALS = [
    original("missing", "nope.pt", MISSING.format("nope.pt"), lambda: None),
    original("not named", "", "no original checkpoint given: train it with", lambda: None),
    original(
        "of another recipe",
        "runs/cifar10_cpu-resnet18/original/model.safetensors",
        "--config cifar10_cpu/original.yaml",
        lambda: None,
    ),
    original("a folder", "out", MISSING.format("out"), lambda: None),
    original("empty .pt", "some.pt", UNREADABLE, wrote("some.pt", "")),
    original("empty .safetensors", "some.safetensors", UNREADABLE, wrote("some.safetensors", "")),
    original("text named .pt", "some.pt", UNREADABLE, wrote("some.pt", "no checkpoint")),
    original("text named .safetensors", "some.safetensors", UNREADABLE, wrote("some.safetensors", "no checkpoint")),
    original("no suffix", "some", UNREADABLE, wrote("some", "no checkpoint")),
    original("a picture", "some.pth", UNREADABLE, wrote("some.pth", b"\x89PNG\r\n\x1a\n" + bytes(99))),
    original(
        "a torch file named .safetensors", "some.safetensors", "", lambda: torch.save(weights(), "some.safetensors"), works=True
    ),
    original("safetensors named .pt", "some.pt", "", lambda: save_weights(weights(), "some.pt"), works=True),
    original("truncated .safetensors", "some.safetensors", UNREADABLE, cut("some.safetensors", "original.safetensors", 5000)),
    original(
        "truncated .pt",
        "some.pt",
        UNREADABLE,
        both(lambda: torch.save(weights(), "whole.pt"), cut("some.pt", "whole.pt", 9000)),
    ),
    original("a giant header", "some.safetensors", UNREADABLE, header("some.safetensors", b"{}", 2**63)),
    original("a header larger than the file", "some.safetensors", UNREADABLE, header("some.safetensors", b"{}", 10**8)),
    original("a header of garbage", "some.safetensors", UNREADABLE, header("some.safetensors", b"\xff" * 64)),
    original("a header that lies about sizes", "some.safetensors", UNREADABLE, header("some.safetensors", LYING)),
    original("a header of overlapping tensors", "some.safetensors", UNREADABLE, header("some.safetensors", OVERLAP)),
    original("a deep header", "some.safetensors", UNREADABLE, header("some.safetensors", b"[" * 50_000)),
    original("no tensors", "some.safetensors", "another architecture|no state dict", header("some.safetensors", b"{}")),
    original("code in .pt", "some.pt", MORE, pickled("some.pt")),
    original("code in .pth", "some.pth", MORE, pickled("some.pth")),
    original("code in .ckpt", "some.ckpt", MORE, pickled("some.ckpt")),
    original("code in a plain pickle", "some.pkl", MORE, pickled("some.pkl")),
    original("code named .safetensors", "some.safetensors", UNREADABLE, pickled("some.safetensors")),
    original("a whole module", "some.pt", MORE, lambda: torch.save(SmallCNN(10, width=4), "some.pt")),
    original("a zip of other things", "some.pt", UNREADABLE, zipped("some.pt", {"readme.txt": b"hello"})),
    original(
        "a zip with a broken pickle",
        "some.pt",
        UNREADABLE,
        zipped("some.pt", {"a/data.pkl": b"\x80\x02}q", "a/version": b"3\n"}),
    ),
    original("a list", "some.pt", "holds no state dict", saved("some.pt", [1, 2])),
    original("a tensor", "some.pt", "holds no state dict", saved("some.pt", torch.zeros(3))),
    original("an empty dict", "some.pt", "holds no state dict", saved("some.pt", {})),
    original("a dict of numbers", "some.pt", "holds no state dict", saved("some.pt", {"fc.weight": 3})),
    original("numbers as names", "some.pt", "holds no state dict|another architecture", saved("some.pt", {1: torch.zeros(1)})),
    original(
        "another width",
        "some.safetensors",
        r"another architecture than SmallCNN: layer1.0.weight is \(8",
        lambda: save_weights(weights(width=8), "some.safetensors"),
    ),
    original("a long odd name", "some.pt", "another architecture", saved("some.pt", {"x\n\x1b[31m" * 5000: torch.zeros(1)})),
    original(
        "another network",
        "some.safetensors",
        "another architecture than SmallCNN: .* weights missing",
        lambda: save_weights({"a": torch.zeros(1)}, "some.safetensors"),
    ),
    original(
        "complex numbers",
        "some.pt",
        "complex|kind|type",
        lambda: torch.save({n: t.to(torch.complex64) for n, t in weights().items()}, "some.pt"),
    ),
    original(
        "sparse tensors",
        "some.pt",
        "sparse|layout|tensors|type",
        lambda: torch.save({n: t.to_sparse() if t.ndim > 1 else t for n, t in weights().items()}, "some.pt"),
    ),
    original(
        "half precision",
        "some.pt",
        "RWFT",
        lambda: torch.save({n: t.half() for n, t in weights().items()}, "some.pt"),
        works=True,
    ),
    original(
        "NaN", "some.safetensors", "has NaN or infinite values in layer1.0.weight", changed("some.safetensors", torch.nan)
    ),
    original(
        "infinity", "some.safetensors", "has NaN or infinite values in layer1.0.weight", changed("some.safetensors", -torch.inf)
    ),
    BadInput("retrained: missing", (*DIGITS, "--model.retrained", "[nope.pt]"), "checkpoint nope.pt not found"),
    BadInput("retrained: a folder", (*DIGITS, "--model.retrained", "[out]"), "checkpoint out not found"),
    BadInput(
        "original: a wider network",
        (*DIGITS, "--model.network.init_args.width", "8"),
        "another architecture than SmallCNN: layer1.0.weight is",
    ),
    BadInput(
        "original: ResNet18",
        (*DIGITS, "--model.network", "oro_unlearn.networks.ResNet18"),
        "another architecture than ResNet18: 120 weights missing",
    ),
]
RUNS = [
    resumed("missing", "checkpoint nope.ckpt of --ckpt_path not found", lambda: None, "nope.ckpt"),
    resumed("code", MORE, pickled("some.ckpt")),
    resumed("empty", "some.ckpt", wrote("some.ckpt", "")),
    resumed("text", "some.ckpt|more than tensors", wrote("some.ckpt", "no checkpoint")),
    resumed("a folder", "out|Checkpoint", lambda: None, "out"),
    resumed("truncated", "some.ckpt", both(run_checkpoint("whole.ckpt", weights()), cut("some.ckpt", "whole.ckpt", 9000))),
    resumed("safetensors", "some.ckpt|ckpt_path|more than tensors", lambda: save_weights(weights(), "some.ckpt")),
    resumed(
        "another method",
        "--ckpt_path belongs to another method or network: Missing key",
        run_checkpoint("some.ckpt", {"a": torch.zeros(1)}),
    ),
    resumed(
        "plain weights",
        "--ckpt_path takes a run's model.ckpt, and some.ckpt is not one",
        saved("some.ckpt", {"a": torch.zeros(1)}),
    ),
    resumed("a list", "ckpt_path|some.ckpt", saved("some.ckpt", [1, 2])),
    resumed("a tensor", "ckpt_path|some.ckpt", saved("some.ckpt", torch.zeros(2))),
    resumed("a text as the state", "ckpt_path|some.ckpt", run_checkpoint("some.ckpt", "state")),
    resumed(
        "another shape",
        "--ckpt_path belongs to another method or network",
        run_checkpoint("some.ckpt", {f"network.{name}": tensor[:1] for name, tensor in weights().items() if tensor.ndim}),
    ),
    resumed(
        "a version of the future",
        "ckpt_path|some.ckpt|version",
        run_checkpoint("some.ckpt", {}, **{"pytorch-lightning_version": "soon"}),
    ),
    resumed(
        "weights without the state of training",
        "ckpt_path takes a run's model.ckpt",
        run_checkpoint("some.ckpt", {f"network.{name}": tensor for name, tensor in weights().items()}, loops={}),
    ),
    BadInput(
        "test: nothing to measure",
        ("test", *DIGITS[1:3], *DIGITS[-6:], "--trainer.default_root_dir", "elsewhere"),
        "nothing to measure: elsewhere/model.ckpt not found; run fit first",
    ),
    BadInput(
        "test: an earlier checkpoint that is text",
        ("test", *DIGITS[1:3], *DIGITS[-6:]),
        "out/model.ckpt|more than tensors",
    ),
]
PRETRAINED = ("--model.network.init_args.pretrained",)
NAME = ("--model.network.init_args.name",)
CLIPS = [
    clip("missing weights", (*PRETRAINED, "nope.pt"), "'nope.pt' is not a file, and scenes has no tags", lambda: None),
    clip(
        "weights of a classifier",
        (*PRETRAINED, "original.safetensors"),
        "original.safetensors is a checkpoint of another architecture",
        lambda: None,
    ),
    clip(
        "truncated weights",
        (*PRETRAINED, "some.safetensors"),
        UNREADABLE,
        cut("some.safetensors", str(CLIP / "open_clip_model.safetensors"), 5000),
    ),
    clip("code as weights", (*PRETRAINED, "some.pt"), MORE, pickled("some.pt")),
    clip(
        "retrained models of another kind",
        ("--model.retrained", "[original.safetensors]"),
        "another architecture than CLIP",
        lambda: None,
    ),
    clip(
        "an adapter of another rank",
        ("--ckpt_path", "some.ckpt"),
        r"--ckpt_path does not fit: .*lora_A.weight is \(4, 128\) there",
        adapter("some.ckpt", 4),
    ),
    clip(
        "an adapter of another base",
        ("--ckpt_path", "some.ckpt"),
        "the adapter of --ckpt_path belongs to another base model",
        adapter("some.ckpt", 16, True),
    ),
    clip(
        "a classifier's checkpoint",
        ("--ckpt_path", "some.ckpt"),
        "--ckpt_path does not fit: these are tensors of another adapter",
        run_checkpoint("some.ckpt", {"network.fc.weight": torch.zeros(1)}),
    ),
    clip(
        "plain weights as a checkpoint",
        ("--ckpt_path", "some.pt"),
        "--ckpt_path takes a run's model.ckpt, and some.pt is not one; give weights alone to",
        saved("some.pt", {"a": torch.zeros(1)}),
    ),
    clip("an unknown architecture", (*NAME, "ViT-Z-99"), "open_clip has no architecture 'ViT-Z-99'", lambda: None),
    clip("a folder without a model", (*NAME, "local-dir:out"), "out/open_clip_config.json not found", lambda: None),
    clip(
        "a folder with a configuration of code",
        (*NAME, "local-dir:clip"),
        "trust_remote_code",
        clip_folder('{"model_cfg": {"text_cfg": {"trust_remote_code": true}}}'),
    ),
    clip("a folder with a configuration of text", (*NAME, "local-dir:clip"), "is not JSON", clip_folder("hello")),
    clip("a folder with a configuration of bytes", (*NAME, "local-dir:clip"), "is not JSON", clip_folder(b"\xff\x00")),
    clip(
        "a folder with an empty model",
        (*NAME, "local-dir:clip", *PRETRAINED, ""),
        "open_clip cannot build|is not",
        clip_folder('{"model_cfg": {"text_cfg": {}}}'),
    ),
]
KINDS = {"weights": ORIGINALS, "checkpoints of runs": RUNS, "CLIP models and adapters": CLIPS}
