"""Translate errors that a user's mistake causes into one line that says what is wrong and what to do."""

import errno
import inspect
import os
import pickle
import re
from importlib import import_module
from types import ModuleType

import torch
from jsonargparse import ArgumentError
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn

from oro_unlearn import data, methods, networks
from oro_unlearn.cli.suggestions import did_you_mean
from oro_unlearn.files import shortened
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.report.names import printable
from oro_unlearn.user_error import UserError

KNOWN = {
    "model": ("method", methods, UnlearningModule),
    "data": ("data set", data, LightningDataModule),
    "network": ("network", networks, nn.Module),
    "optimizer": ("optimizer", torch.optim, torch.optim.Optimizer),
    "lr_scheduler": ("schedule", torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler),
}
OUT_OF_MEMORY = (
    "out of memory: lower --data.batch_size (for relations also --data.eval_batch_size, --model.picture_batch_size and "
    "--model.text_batch_size), or use smaller images or a smaller network"
)
FAILURES: list[tuple[type[Exception], str, str]] = [  # errors of libraries: type, pattern of the message, and our message
    (
        pickle.UnpicklingError,
        "",
        "a checkpoint holds more than tensors and is not unpickled, because that could run code: save its state dict alone",
    ),
    (torch.OutOfMemoryError, "", OUT_OF_MEMORY),
    (MemoryError, "", OUT_OF_MEMORY),
    (
        RuntimeError,
        "can't allocate memory|not enough memory",
        OUT_OF_MEMORY,
    ),
    (OverflowError, "(.{1,200})", "a number among the options is too large ({}): choose a smaller one"),
    (
        RuntimeError,
        r"negative dimension -\d+|expected weight to be at least 1 at dimension",
        "the network cannot be built with these sizes: give --model.network sizes of 1 or more",
    ),
    (
        ValueError,
        r"(\S+) is not in bounds, numpy accepts from 0 to (\d+)",
        "--seed_everything is a number from 0 to {1}, not {0}",
    ),
    (
        ValueError,
        r"islice\(\) must be None or an integer|batch_size should be a positive integer",
        "--data.batch_size must be a number of images that fits into memory, at least 1",
    ),
    (ValueError, r"embedded null (?:byte|character)", "a path among the options has a null byte: remove it"),
    (
        ValueError,
        r"^Invalid version: (\S+)",
        "the checkpoint of --ckpt_path is damaged: {} is not a version of Lightning; choose another checkpoint",
    ),
    (
        ValueError,
        r"`val_check_interval` \((\d+)\) must be less than or equal to the number of the training batches \((\d+)\)",
        "--trainer.val_check_interval {} is more than the {} batches of an epoch: choose at most this number",
    ),
    (
        RuntimeError,
        r"PytorchStreamWriter failed writing file|unexpected pos \d+ vs \d+",
        "a checkpoint cannot be written: make room on the disk, or choose another --trainer.default_root_dir",
    ),
    (
        RuntimeError,
        r"Error\(s\) in loading state_dict for \w+: (.{1,200})",
        "the checkpoint of --ckpt_path belongs to another method or network: {}",
    ),
    (
        KeyError,
        "state_dict|pytorch-lightning_version",
        "--ckpt_path takes a run's model.ckpt; give weights alone to --model.original, or for CLIP to the network's pretrained",
    ),
    (
        TypeError,
        r"(\w+)\.__init__\(\) got an unexpected keyword argument 'num_classes'",
        "{} takes no num_classes: choose a classifier with --model.network",
    ),
    (
        ValueError,
        "Neither `tensorboard` nor `tensorboardX` is available",
        "TensorBoardLogger needs the library tensorboard: pip install 'oro_unlearn[tensorboard]'",
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
DISK = {  # error codes of the operating system for a path that cannot be used, and what to do
    errno.ENOENT: "check the path, or choose another",
    errno.ENOSPC: "make room on the disk, or choose another --trainer.default_root_dir",
    errno.EDQUOT: "make room on the disk, or choose another --trainer.default_root_dir",
    errno.EFBIG: "make room on the disk, or choose another --trainer.default_root_dir",
    errno.EROFS: "choose a folder that can be written, such as another --trainer.default_root_dir",
    errno.EACCES: "make it readable and writable, or choose another",
    errno.EPERM: "make it readable and writable, or choose another",
    errno.ENOTDIR: "a part of its path is a file: choose another folder",
    errno.EISDIR: "a folder is in its place: move that away",
    errno.EEXIST: "a file is in its place: move that away, or choose another",
    errno.ENAMETOOLONG: "choose a shorter one",
}
LONGEST = 900  # maximum number of characters of a line
UNION = re.compile(r"Does not validate against any of the Union subtypes Subtypes: \[(.*?)\] Errors: .* Given value: (.*)")
CLASS = re.compile(r"class '([\w.]+)'")
LITERAL = re.compile(r"Literal\[(.*?)\]")
CONSTRUCTOR = re.compile(r"Type \S*Callable\[.*\] expects a function or a callable class: |\.? Got value: Namespace\(.*")


def explain(error: BaseException) -> str | None:
    """Describe an error in one line: what is wrong, where, and what to do.

    Args:
        error: The exception.

    Returns:
        The line, printable and with at most 900 characters. None if no known mistake of the user raises this error; the
        traceback must then be shown.
    """
    line = _line(error)
    return None if line is None else _shown(line)


def _shown(text: str) -> str:
    """Make text one printable line. Control characters, and those that change the text's direction, are spelt out."""
    line = printable(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 205]} ... {line[-200:]}"


def _line(error: BaseException) -> str | None:
    text = " ".join(str(error).split())
    if text.startswith("Call to compute_fn") and error.__cause__:  # jsonargparse has wrapped an error of this package
        return _line(error.__cause__)
    if isinstance(error, ArgumentError):
        return _shorter(text)
    if isinstance(error, UserError):
        lines = [line for line in str(error).splitlines() if line.strip()]
        return lines[-1].partition(": ")[2] if "Original Traceback" in text else text  # from a worker process
    return _translated(error, text)


def _translated(error: BaseException, text: str) -> str | None:
    """Translate a library's error that a user's mistake causes. None if the error is not known."""
    for kind, pattern, line in FAILURES:
        match = re.search(pattern, text)
        if isinstance(error, kind) and match:
            return line.format(*match.groups())
    if isinstance(error, OSError) and error.errno in DISK and error.filename:
        return f"{_name(error.filename)} cannot be used ({error.strerror}): {DISK[error.errno]}"
    if isinstance(error, SyntaxError):  # in a script that an option names
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    return text if isinstance(error, MisconfigurationException) else None


def _name(path: str | bytes) -> str:
    """A path as text for a message. Only the beginning of a long path is shown."""
    return shortened(os.fsdecode(path), 200)


def _shorter(text: str) -> str:
    """Shorten jsonargparse's message: drop representations of types, and list the known classes for an unknown name."""
    network = re.search(r'Parser key "network": (the network .*)', text)
    if network:
        return network[1].replace("Parser key ", "")
    missing = re.search(r"No module named '([\w.]+)'", text)
    if missing:
        file = f"{missing[1].partition('.')[0]}.py"
        return f"there is no Python module {missing[1]!r}: is it installed, or a file {file} in this folder?"
    stranger = re.search(r"module '(?!oro_unlearn)([\w.]+)' has no attribute '(\w+)'", text)
    if stranger:
        return f"{stranger[1]} has no {stranger[2]!r}{did_you_mean(stranger[2], dir(import_module(stranger[1])))}"
    unfit = re.search(r"Import path (\S+) does not correspond to a subclass of (\w+)", text)
    if unfit:
        where = "".join(f" for {name}" for name in re.findall(r'Parser key "([\w.]+)"', text)[-1:])
        return f"{unfit[1]}{where} is not a subclass of {unfit[2]}: name a class derived from it"
    unknown = re.search(r"Expected a dot import path string: (\S+)", text) or re.search(r"has no attribute '(\w+)'", text)
    key = re.findall(r'Parser key "([\w.]+)"', text)
    if unknown and key and key[-1] in KNOWN:
        what, module, base = KNOWN[key[-1]]
        known = _classes(module, base)
        fault = "unsuitable" if unknown[1] in known else "unknown"
        near = did_you_mean(unknown[1], known).removeprefix(":")
        line = f"{fault} {what} {unknown[1]!r} for {key[-1]}; known: {', '.join(known)}, or the import path of your own"
        line += ", timm:NAME, torchvision:NAME or hf:FOLDER" if module is networks else ""
        return f"{line};{near}" if near else line
    text = re.sub('("trainer.logger": ).*save_dir=None.*', r"\1it needs a folder: add --trainer.logger.save_dir FOLDER", text)
    union = UNION.search(text)
    if union:
        classes = [name.rpartition(".")[2].replace("NoneType", "null") for name in CLASS.findall(union[1])]
        types = " or ".join([*classes, *LITERAL.findall(union[1].replace("', '", "' or '"))]) or union[1]
        text = text[: union.start()] + f"expected {types}, got {union[2]}"
    text = CONSTRUCTOR.sub("", text).replace("a typing.Literal[", "one of [")
    return CLASS.sub(lambda found: found[1], text).replace("Parser key ", "").replace("<", "").replace(">", "")


def _classes(module: ModuleType, base: type) -> list[str]:
    """Class names that a YAML can give. Classes that need another network to be built are left out."""
    public = {name: getattr(module, name) for name in module.__all__}
    return sorted(
        name
        for name, value in public.items()
        if inspect.isclass(value) and issubclass(value, base) and not inspect.isabstract(value)
        if not name.endswith(("Adapter", "Attention"))
    )
