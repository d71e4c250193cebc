"""Reads the weights of a TorchScript archive without running its code."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError

CODE = re.compile(r"class (\w+)\(Module\):\s+__parameters__ = \[(.*?)\]\s+__buffers__ = \[(.*?)\]", re.DOTALL)
EVERY = frozenset({"*"})  # for a class whose code does not list its buffers (older versions): every tensor is a weight
DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The state dict of a scripted or traced module.

    ``torch.jit.load`` can run code from the archive. This function reads the archive as data only.

    Args:
        path: An archive that ``torch.jit.save`` wrote.

    Returns:
        Parameters and buffers by name.

    Raises:
        UserError: If the archive is damaged or is not such an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_tensors(_Reader(archive).load(), "", frozenset()))
    except Exception as error:  # a damaged archive can make the unpickler raise anything
        what = first_line(error)
        raise UserError(f"{path} is a TorchScript archive that cannot be read ({what}): save the model's state dict") from None


class _Module:
    """A stand-in for a TorchScript object: its attributes, and which of them are weights."""

    weights = EVERY

    def __init__(self, *_: object) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.attributes = state if isinstance(state, dict) else {}


class _Reader(pickle.Unpickler):
    """An unpickler that knows tensors and stand-ins, and imports nothing."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        names = archive.namelist()
        self.archive, self.root = archive, names[0].partition("/")[0]
        self.kinds = _weight_names(archive, self.root)
        super().__init__(archive.open(f"{self.root}/data.pkl"))

    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in for a class; nothing is imported."""
        if module == "torch._utils" and name == "_rebuild_tensor_v2":
            return _tensor
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if module == "collections" and name == "OrderedDict":
            return dict
        return type(name, (_Module,), {"weights": self.kinds.get(f"{module}.{name}", EVERY)})

    def persistent_load(self, pid: Any) -> Tensor:
        """The storage of a tensor, as a flat tensor."""
        _, dtype, key, *_ = pid
        raw = self.archive.read(f"{self.root}/data/{key}")
        return torch.frombuffer(bytearray(raw), dtype=dtype) if raw else torch.empty(0, dtype=dtype)


def _weight_names(archive: zipfile.ZipFile, root: str) -> dict[str, frozenset[str]]:
    """Parameters and buffers of each class, as the archive's code lists them."""
    found: dict[str, frozenset[str]] = {}
    for name in archive.namelist():
        if not (name.startswith(f"{root}/code/") and name.endswith(".py")):
            continue
        place = name.removeprefix(f"{root}/code/").removesuffix(".py").replace("/", ".")
        for kind, parameters, buffers in CODE.findall(archive.read(name).decode("utf-8")):
            found[f"{place}.{kind}"] = frozenset(re.findall(r'"(.*?)"', parameters + buffers))
    return found


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    return storage.as_strided(size, stride, offset).clone()


def _tensors(module: _Module, prefix: str, above: frozenset[int]) -> list[tuple[str, Tensor]]:
    """Weights of a module and of its submodules, each with its name."""
    if id(module) in above:
        return []
    found: list[tuple[str, Tensor]] = []
    for name, value in module.attributes.items():
        if isinstance(value, Tensor) and (name in module.weights or module.weights is EVERY):
            found.append((f"{prefix}{name}", value))
        elif isinstance(value, _Module):
            found += _tensors(value, f"{prefix}{name}.", above | {id(module)})
    return found
