"""Reading and writing the weights of a plain network, safely."""

import os
import pickle
import stat
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

PREFIXES = ("network.", "module.", "_orig_mod.", "model.")  # of Lightning, DataParallel, torch.compile, wrappers


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load a checkpoint of exactly this architecture into ``network``.

    Args:
        network: The network to fill, in place.
        path: A ``.safetensors`` file, or a ``.pt``, ``.pth`` or ``.ckpt`` file that holds a state dict, alone or under
            ``state_dict`` or ``model``. Nothing is unpickled but tensors and plain containers.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is no checkpoint, holds more than tensors, is of another architecture, or has NaN or
            infinite values.
    """
    own = network.state_dict()
    state = _strip(_read(Path(path)), own)
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [name for name in own if name in state and own[name].shape != state[name].shape]
    complaints = [f"{len(names)} {what} (first {' '.join(names[0][:80].split())})" for what, names in
                  (("weights missing", missing), ("unknown weights", unexpected)) if names]  # fmt: skip
    complaints += [f"{name} is {tuple(state[name].shape)} there and {tuple(own[name].shape)} here" for name in reshaped[:1]]
    if complaints:
        raise ValueError(
            f"{path} is a checkpoint of another architecture than {type(network).__name__}: {'; '.join(complaints)}. "
            "Set --model.network to the network it was trained with"
        )
    for name, tensor in state.items():
        kind = own[name].dtype
        if not _plain(tensor) or (kind.is_floating_point and not tensor.is_floating_point()):
            found = f"{tensor.dtype}, {tensor.layout}"
            raise ValueError(f"{path} holds {name} as {found}, where {kind} is needed: save plain weights")
        state[name] = tensor.to(kind)  # before the next question: a large double is an infinite float
        if not torch.isfinite(state[name]).all():
            raise ValueError(
                f"{path} has NaN or infinite values in {name}: it diverged or is masked; choose another checkpoint"
            )
    network.load_state_dict(state)


def check_run_checkpoint(path: str | Path) -> None:
    """Refuse what is no checkpoint of a run, before Lightning reads it.

    Args:
        path: What ``--ckpt_path`` names.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, holds more than tensors, or is no run's checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} of --ckpt_path not found")
    content = _unpickled(path)
    whole = isinstance(content, dict) and {"pytorch-lightning_version", "loops", "state_dict"} <= content.keys()
    if not whole or "fit_loop" not in content["loops"] or not _tensors(content["state_dict"]):
        raise ValueError(
            f"--ckpt_path takes a run's model.ckpt, and {path} is none; weights alone go to --model.original, or of CLIP to "
            "the network's pretrained"
        )


def save_weights(network: nn.Module | dict[str, Tensor], path: str | Path) -> None:
    """Write a state dict as safetensors, in one step: the file is either whole or not there.

    Args:
        network: The network whose state dict is written, or the state dict.
        path: The file to write; missing folders are made.

    Raises:
        OSError: If it cannot be written; what was there stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = network.state_dict() if isinstance(network, nn.Module) else network
    # clones: safetensors refuses shared memory, and channels-last tensors are not contiguous
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in own.items()}
    partial = path.with_name(path.name + ".part")
    try:
        _write(state, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _write(state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors with the permissions of any new file here; safetensors lets only the owner read it."""
    path.unlink(missing_ok=True)
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        save_file(state, path, metadata)
    except SafetensorError as error:  # its writer does not say OSError
        raise OSError(f"{path} cannot be written ({_reason(error)}): make room there, or choose another folder") from None
    path.chmod(mode)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} not found")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, RuntimeError, OSError, ValueError, KeyError) as error:
            raise ValueError(f"{path} cannot be read as a checkpoint: {_reason(error)}") from None
    content = _unpickled(path)
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not _tensors(content) or not content:
        raise ValueError(f"{path} holds no state dict: save one with torch.save(model.state_dict(), path)")
    return content


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} holds more than tensors and is not unpickled, because that could run code: "
            "save it again with torch.save(model.state_dict(), path)"
        ) from None
    except Exception as error:  # a damaged file can make torch's reader raise anything
        raise ValueError(f"{path} cannot be read as a checkpoint: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [f"it ends too early or is damaged ({type(error).__name__})"])[0][:300]


def _tensors(content: Any) -> bool:
    """Whether it is a dict of tensors by name."""
    items = content.items() if isinstance(content, dict) else [(None, None)]
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in items)


def _plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not (tensor.is_complex() or tensor.is_quantized or tensor.is_meta)


def _strip(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop a wrapper's prefix; of a Lightning checkpoint keep the network only."""
    for prefix in PREFIXES:
        if not state.keys() & own.keys() and any(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return state
