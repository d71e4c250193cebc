"""An adapter in peft's file format, with a note of the base it belongs to."""

import hashlib
import json
import os
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from oro_unlearn.networks import lora
from oro_unlearn.networks.checkpoints import _read

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "oro_unlearn.json"
PREFIX = "base_model.model."  # peft's wrapper around the model


class Adapted(Protocol):
    """What is read of an :class:`OpenCLIP`."""

    architecture: str
    quick_gelu: bool
    model: Any


def save_adapter(network: Adapted, folder: Path) -> None:
    """Write the adapter of ``network``; each file is either whole or not there.

    Raises:
        ValueError: If there is no adapter.
    """
    tensors = lora.adapter_parameters(network.model)
    if not tensors:
        raise ValueError("the model has no adapter to save: call add_adapter first")
    folder.mkdir(parents=True, exist_ok=True)
    config = deepcopy(network.model.peft_config["default"])
    config.inference_mode = True  # as peft writes it
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        config.save_pretrained(partial)
        state = {PREFIX + name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
        save_file(state, Path(partial) / WEIGHTS, metadata={"format": "pt"})
        (Path(partial) / BASE).write_text(json.dumps(_base(network), indent=2) + "\n", encoding="utf-8")
        for name in (BASE, CONFIG, WEIGHTS):
            os.replace(Path(partial) / name, folder / name)


def load_adapter(network: Adapted, folder: Path) -> None:
    """Add the adapter in ``folder`` to ``network``.

    Raises:
        FileNotFoundError: If the folder holds no adapter.
        ValueError: If it belongs to another base, or the model has an adapter already.
    """
    for name in (CONFIG, WEIGHTS, BASE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} not found: name a folder that save_adapter wrote")
    there, here = json.loads((folder / BASE).read_text(encoding="utf-8")), _base(network)
    for key in ("quick_gelu", "base_sha256"):
        if there.get(key) != here[key]:
            raise ValueError(
                f"the adapter in {folder} belongs to another base model, of architecture {there.get('architecture')}: {key} "
                f"is {there.get(key)} there and {here[key]} here; load the base it was trained on"
            )
    from peft import LoraConfig

    state = {name.removeprefix(PREFIX): tensor for name, tensor in _read(folder / WEIGHTS).items()}
    config = LoraConfig.from_pretrained(str(folder))
    config.inference_mode = False
    lora.inject_config(network.model, config)
    lora.fill_adapter(network.model, state)


def _base(network: Adapted) -> dict[str, Any]:
    return {
        "architecture": network.architecture.rsplit("/", 1)[-1],  # of a folder the name only
        "quick_gelu": network.quick_gelu,
        "base_sha256": base_sha256(network.model),
    }


def base_sha256(model: nn.Module) -> str:
    """SHA-256 over names, shapes, types and values of the base weights, adapters left out."""
    digest = hashlib.sha256()
    for name, tensor in sorted(lora.base_state(model).items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
