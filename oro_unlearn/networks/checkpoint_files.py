"""Reads tensors and plain values from a file of weights, and never runs code from it."""

import argparse
import json
import pathlib
import pickle
import re
import shlex
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from oro_unlearn.files import first_line, shortened
from oro_unlearn.networks.file_kinds import INDEX, PICKLE, SAFETENSORS, TORCHSCRIPT, file_kind
from oro_unlearn.networks.torchscript_files import read_torchscript
from oro_unlearn.user_error import UserError

FOLDER_FILES = (  # files of weights in a folder of Hugging Face, the preferred one first
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PATHS = ("pathlib.", "pathlib.Pure", "pathlib._local.", "pathlib._local.Pure")
NUMBERS = re.compile(r"[<>|=]?[?bBiufUS]\d*")  # NumPy's types of plain values


class FileContent(NamedTuple):
    """The content of a file of weights."""

    content: Any  # a dict of tensors, or an object that contains one
    metadata: dict[str, str]  # of safetensors
    path: Path  # of the file; for a folder, of the file in it that was read


def read_file(path: Path) -> FileContent:
    """Read tensors and plain values from a file, whose kind is told by its first bytes.

    Args:
        path: A file of safetensors, of ``torch.save`` or of TorchScript; the index of a sharded checkpoint; or a folder of
            Hugging Face with ``config.json`` and weights.

    Raises:
        UserError: If the file is missing; if it holds no weights, is damaged, or cannot be read without running code.
    """
    path = _in_folder(path)
    kind = file_kind(path)
    if kind == SAFETENSORS:
        return FileContent(*_safetensors(path), path)
    if kind == INDEX:
        return FileContent(_shards(path), {}, path)
    if kind == TORCHSCRIPT:
        return FileContent(read_torchscript(path), {}, path)
    return FileContent(unpickled(path, plain=kind == PICKLE), {}, path)


def unpickled(path: Path, plain: bool = False) -> Any:
    """Read a file of ``torch.save`` that holds only tensors, plain containers and a few harmless types.

    Args:
        path: A file.
        plain: Whether it is a plain pickle: its first bytes are not those of ``torch.save``.

    Raises:
        UserError: If it is damaged, or reading it would run code.
    """
    try:
        # an open file, since torch would choose the reader by a path's suffix
        with _only_allowed(), warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # about pickle protocols and sparse tensors
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(_refusal(path, error, plain)) from None
    except Exception as error:  # a damaged file can make torch's reader raise anything
        raise UserError(f"{path} cannot be read as a checkpoint: {_reason(error)}") from None


@contextmanager
def _only_allowed() -> Iterator[None]:
    """Allow these types alone: a library may have allowed others, or NumPy's own in the place of their stand-ins."""
    previous = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        torch.serialization.add_safe_globals(ALLOWED)
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(previous)


def _reason(error: Exception) -> str:
    return first_line(error, 300) if str(error) else f"it ends too early or is damaged ({type(error).__name__})"


def _in_folder(path: Path) -> Path:
    if path.is_dir() and (path / "config.json").is_file():
        found = next((path / name for name in FOLDER_FILES if (path / name).is_file()), None)
        if found is None:
            raise UserError(f"checkpoint folder {path} has none of {', '.join(FOLDER_FILES)}: name a file")
        return found
    if not path.is_file():
        raise UserError(f"checkpoint {path} not found")
    return path


def _safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        return load_file(path), metadata
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read as a checkpoint: {_reason(error)}") from None


def _shards(path: Path) -> dict[str, Tensor]:
    """All tensors of a sharded checkpoint, whose files lie beside its index."""
    try:
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        inside = all(Path(name).name == name for name in names)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        names, inside = [], False
    if not inside:
        raise UserError(f"{path} cannot be read as a checkpoint: its weight_map names no files beside it; download it again")
    state: dict[str, Tensor] = {}
    for name in names:
        if not (path.parent / name).is_file():
            raise UserError(f"{path} names {name}, which is not beside it: download all {len(names)} files")
        state |= read_file(path.parent / name).content
    return state


def _refusal(path: Path, error: Exception, plain: bool) -> str:
    unknown = re.search(r"GLOBAL (\S+)", str(error))
    found = f" ({shortened(unknown[1])})" if unknown else ""
    target = shlex.quote(str(path.with_name(f"{path.stem}_state_dict.pt")))
    read = "pickle.load(open(sys.argv[1], 'rb'))" if plain else "torch.load(sys.argv[1], 'cpu', weights_only=False)"
    code = (
        f"import pickle, sys, torch; f = {read}; f = f if isinstance(f, dict) else f.state_dict(); "
        "torch.save(next((f[k] for k in ('state_dict', 'model') if k in f), f), sys.argv[2])"
    )
    return (
        f"{path} holds more than tensors and is not unpickled, because that could run code{found}: if you trust it, convert it "
        f'where its classes can be imported (this runs its code): python -c "{code}" {shlex.quote(str(path))} {target}'
    )


class _Dtype:
    """NumPy's type of a plain value, by name. NumPy's own unpickling is not used."""

    def __init__(self, name: str, *_: object) -> None:
        self.name, self.order = name, ""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def read(self, raw: bytes) -> list[Any]:
        """The values in an array's bytes; empty if the array holds objects."""
        name = self.name if self.name[0] in "<>|=" else f"{self.order}{self.name}"
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        return np.frombuffer(raw, name).tolist() if NUMBERS.fullmatch(name) and isinstance(raw, bytes) else []


def _scalar(dtype: _Dtype, raw: bytes) -> Any:
    return next(iter(dtype.read(raw)), None)


class _Array:
    """A stand-in for a NumPy array: its values as a flat list."""

    def __init__(self, *_: object) -> None:
        self.values: list[Any] = []

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, _, dtype, _, raw = state
        self.values = raw if isinstance(raw, list) else dtype.read(raw)


class _Mapping:
    """Turns a dict of another class into a plain dict."""

    def __new__(cls, *_: object) -> dict[Any, Any]:  # type: ignore[misc]
        return {}


def _path(kind: type[pathlib.PurePath]) -> Callable[..., str]:
    return lambda *parts: str(kind(*parts))


ALLOWED: list[Any] = [  # types allowed beside tensors: by the name in the file, the harmless type that replaces it
    argparse.Namespace,
    types.SimpleNamespace,
    (_Mapping, "collections.defaultdict"),
    (_Mapping, "lightning.fabric.utilities.data.AttributeDict"),
    *((kind, f"builtins.{kind.__name__}") for kind in (list, dict, int, float, str, bool, tuple)),
    *((_path(pathlib.PurePosixPath), f"{place}PosixPath") for place in PATHS),
    *((_path(pathlib.PureWindowsPath), f"{place}WindowsPath") for place in PATHS),
    (_Dtype, "numpy.dtype"),
    (_Array, "numpy.ndarray"),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_Array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
]
