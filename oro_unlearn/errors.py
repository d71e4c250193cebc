"""One line a user understands, for every mistake a user can make."""

import inspect
import pickle
import re
from types import ModuleType

import torch
from jsonargparse import ArgumentError
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn

from oro_unlearn import data, methods, networks
from oro_unlearn.methods import UnlearningModule

KNOWN = {
    "model": ("method", methods, UnlearningModule),
    "data": ("data set", data, LightningDataModule),
    "network": ("network", networks, nn.Module),
}
FAILURES: list[tuple[type[Exception], str, str]] = [  # raised by libraries: type, pattern, and what to say
    (
        pickle.UnpicklingError,
        "",
        "a checkpoint holds more than tensors and is not unpickled, because that could run code: save its state dict alone",
    ),
    (torch.OutOfMemoryError, "", "out of memory: lower --data.batch_size, or use a smaller network"),
    (
        RuntimeError,
        r"Error\(s\) in loading state_dict for \w+: (.{1,200})",
        "the checkpoint of --ckpt_path belongs to another method or network: {}",
    ),
    (
        KeyError,
        "state_dict|pytorch-lightning_version",
        "--ckpt_path takes a run's model.ckpt; weights alone go to --model.original, or of CLIP to the network's pretrained",
    ),
    (
        TypeError,
        r"(\w+)\.__init__\(\) got an unexpected keyword argument 'num_classes'",
        "{} takes no num_classes: choose a classifier with --model.network",
    ),
    (
        RuntimeError,
        "Output size is too small",
        "the images are too small for the network: set a larger --data.image_size, or another --model.network",
    ),
    (
        RuntimeError,
        r"expected input.* to have (\d+) channels, but got (\d+) channels",
        "the network reads {}-channel images and the data has {}: set --data.channels or the network's in_channels",
    ),
]
UNION = re.compile(r"Does not validate against any of the Union subtypes Subtypes: \[(.*?)\] Errors: .* Given value: (.*)")
CLASS = re.compile(r"class '([\w.]+)'")
LITERAL = re.compile(r"Literal\[(.*?)\]")
CONSTRUCTOR = re.compile(r"Type \S*Callable\[.*\] expects a function or a callable class: |\.? Got value: Namespace\(.*")


def explain(error: BaseException) -> str | None:
    """Say in one line what is wrong, where, and what to do.

    Args:
        error: What was raised.

    Returns:
        The line, or None if no mistake of a user's is known to raise this: then it needs its traceback.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ArgumentError):
        return _shorter(text)
    if isinstance(error, ValueError | OSError | MisconfigurationException):
        lines = [line for line in str(error).splitlines() if line.strip()]
        return lines[-1].partition(": ")[2] if "Original Traceback" in text else text  # from a worker process
    for kind, pattern, line in FAILURES:
        found = re.search(pattern, text)
        if isinstance(error, kind) and found:
            return line.format(*found.groups())
    return None


def _shorter(text: str) -> str:
    """Jsonargparse's message without its types' representations, naming the known classes where one is unknown."""
    unknown = re.search(r"Expected a dot import path string: (\S+)", text) or re.search(r"has no attribute '(\w+)'", text)
    key = re.findall(r'Parser key "([\w.]+)"', text)
    if unknown and key and key[-1] in KNOWN:
        what, module, base = KNOWN[key[-1]]
        known = _classes(module, base)
        fault = "unsuitable" if unknown[1] in known else "unknown"
        return f"{fault} {what} {unknown[1]!r} for {key[-1]}; known: {', '.join(known)}, or the import path of your own"
    union = UNION.search(text)
    if union:
        classes = [name.rpartition(".")[2].replace("NoneType", "null") for name in CLASS.findall(union[1])]
        types = " or ".join([*classes, *LITERAL.findall(union[1].replace("', '", "' or '"))]) or union[1]
        text = text[: union.start()] + f"expected {types}, got {union[2]}"
    text = CONSTRUCTOR.sub("", text).replace("a typing.Literal[", "one of [")
    return CLASS.sub(lambda found: found[1], text).replace("Parser key ", "").replace("<", "").replace(">", "")


def _classes(module: ModuleType, base: type) -> list[str]:
    """Names that a YAML can give: what takes no other network to be built."""
    found = {name: getattr(module, name) for name in module.__all__}
    return sorted(
        name
        for name, value in found.items()
        if inspect.isclass(value) and issubclass(value, base) and not inspect.isabstract(value)
        if not name.endswith(("Adapter", "Attention"))
    )
