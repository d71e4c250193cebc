"""An adapter in peft's file format, with a note of the base it belongs to."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from oro_unlearn.files import one_line, replacing_in, sha256_of
from oro_unlearn.networks import lora
from oro_unlearn.networks.checkpoints import read_checkpoint
from oro_unlearn.networks.weight_writing import write_safetensors
from oro_unlearn.user_error import UserError

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "oro_unlearn.json"
PREFIX = "base_model.model."  # peft's wrapper around the model
OPTIONS = {"r": (int,), "lora_alpha": (int, float), "lora_dropout": (int, float), "use_dora": (bool,), "use_rslora": (bool,)}
DEFAULTS = {"lora_dropout": 0.0, "use_dora": False, "use_rslora": False}
UNSUPPORTED = ("alpha_pattern", "rank_pattern", "alora_invocation_tokens")  # these would silently change the adapter
LONGEST = 10_000  # largest number of characters of a regular expression


class Adapted(Protocol):
    """The attributes of an :class:`OpenCLIP` that this module reads."""

    architecture: str
    quick_gelu: bool
    model: Any


def save_adapter(network: Adapted, folder: Path) -> None:
    """Write the adapter of ``network``. Each file is written completely or not at all.

    Raises:
        UserError: If there is no adapter.
    """
    write_adapter(network.model, folder, _base(network))


def write_adapter(model: Any, folder: Path, base: Mapping[str, Any]) -> None:
    """Write the adapter of a model in peft's format. Each file is written completely or not at all.

    Args:
        model: The model with the adapter.
        folder: The folder; missing folders are created.
        base: What the adapter belongs to, as JSON can hold it.

    Raises:
        UserError: If there is no adapter.
    """
    tensors = lora.adapter_parameters(model)
    if not tensors:
        raise UserError("the model has no adapter to save: call add_adapter first")
    config = deepcopy(model.peft_config["default"])
    config.inference_mode = True  # as peft writes it
    with replacing_in(folder, (BASE, CONFIG, WEIGHTS)) as partial:
        config.save_pretrained(partial)
        state = {PREFIX + name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
        write_safetensors(state, partial / WEIGHTS, metadata={"format": "pt"})
        (partial / BASE).write_text(json.dumps(dict(base), indent=2) + "\n", encoding="utf-8")


def load_adapter(network: Adapted, folder: Path) -> None:
    """Add the adapter in ``folder`` to ``network``.

    Raises:
        UserError: If the folder holds no adapter; if it belongs to another base, its files are not as :func:`save_adapter`
            writes them, or the model has an adapter already.
    """
    for name in (CONFIG, WEIGHTS, BASE):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} not found: name a folder that save_adapter wrote")
    lora.refuse_second(network.model)
    _check_base(network, folder)
    path = folder / CONFIG
    config = _object(path)
    options = _options(config, path)
    layers = _layers(network.model, config.get("target_modules"), path)
    state = {name.removeprefix(PREFIX): tensor for name, tensor in read_checkpoint(folder / WEIGHTS).state.items()}
    if any(".lora_A." in name and tensor.shape[:1] != (options["rank"],) for name, tensor in state.items()):
        raise UserError(f"{path}: r is {options['rank']}, but {WEIGHTS} holds an adapter of another rank; save it again")
    lora.inject(network.model, lora.pattern(layers, network.model), **options)
    lora.fill_adapter(network.model, state)


def _check_base(network: Adapted, folder: Path) -> None:
    there, here = _object(folder / BASE), _base(network)
    for key in ("quick_gelu", "base_sha256"):
        if there.get(key) != here[key]:
            architecture = one_line(there.get("architecture"))
            raise UserError(
                f"the adapter in {folder} belongs to another base model, of architecture {architecture}: "
                f"{key} is {one_line(there.get(key))} there and {here[key]} here; load the base it was trained on"
            )


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({one_line(error)}): save the adapter again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a JSON object: save the adapter again")
    return content


def _options(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """The arguments of :func:`lora.inject` except the layers. Other entries of peft's configuration have no effect here.

    ``PeftConfig.from_pretrained`` is not safe for files from elsewhere: it asks the Hub for a missing file, accepts any type
    for any key, and fails with a KeyError on an unknown kind of adapter.
    """
    for key, types in OPTIONS.items():
        if type(config.setdefault(key, DEFAULTS.get(key))) not in types:
            what = " or ".join(kind.__name__ for kind in types)
            raise UserError(f"{path}: {key} must be of type {what}, not {one_line(config[key])}")
    if config.get("init_lora_weights", True) is not True:
        start = one_line(config["init_lora_weights"])
        raise UserError(f"{path}: init_lora_weights must be true, not {start}: other values can change the base model")
    other = [key for key in UNSUPPORTED if config.get(key)]
    if other or (config["use_dora"] and config["use_rslora"]):
        what = other[0] if other else "use_dora together with use_rslora"
        raise UserError(f"{path}: {what} is not supported; load the adapter with peft instead")
    kind = "dora" if config["use_dora"] else "rslora" if config["use_rslora"] else "lora"
    options = {"rank": config["r"], "alpha": config["lora_alpha"], "kind": kind, "dropout": config["lora_dropout"]}
    try:
        lora.check_options(**options)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return options


def _layers(model: nn.Module, targets: object, path: Path) -> list[str]:
    """The adaptable layers that peft's ``target_modules`` names: by a regular expression, or by their last parts."""
    names = [name for tower in ("text", "image") for name in lora.adaptable_layers(model, tower)]
    if isinstance(targets, str):
        if len(targets) > LONGEST:
            raise UserError(f"{path}: target_modules has {len(targets)} characters; at most {LONGEST} are read")
        try:
            found = [name for name in names if re.fullmatch(targets, name)]
        except (re.error, RecursionError, OverflowError) as error:
            raise UserError(f"{path}: target_modules is not a regular expression: {one_line(error)}") from None
    elif isinstance(targets, list) and all(isinstance(target, str) for target in targets):
        found = lora.ending_in(names, targets)
    else:
        raise UserError(f"{path}: target_modules must be a string or a list of strings, not {one_line(targets)}")
    if not found:
        raise UserError(f"{path}: target_modules names no layer of this model: load the base the adapter was trained on")
    return found


def _base(network: Adapted) -> dict[str, Any]:
    return {
        "architecture": network.architecture.rsplit("/", 1)[-1],  # only the last part of a folder's path
        "quick_gelu": network.quick_gelu,
        "base_sha256": base_sha256(network.model),
    }


def base_sha256(model: nn.Module) -> str:
    """SHA-256 over names, shapes, types and values of the base weights, without adapters."""
    return tensor_hash(lora.base_state(model))


def tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, types and values, sorted by name."""
    named = ((f"{name} {tuple(tensor.shape)} {tensor.dtype}", _buffer(tensor)) for name, tensor in sorted(tensors.items()))
    return sha256_of(part for parts in named for part in parts)


def _buffer(tensor: Tensor) -> Any:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
