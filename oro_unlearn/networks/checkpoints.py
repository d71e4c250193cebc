"""Reading and writing the weights of a plain network, safely."""

import os
import pickle
import stat
from pathlib import Path

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
    complaints = [f"{len(names)} {what} (first {names[0]})" for what, names in
                  (("weights missing", missing), ("unknown weights", unexpected)) if names]  # fmt: skip
    complaints += [f"{name} is {tuple(state[name].shape)} there and {tuple(own[name].shape)} here" for name in reshaped[:1]]
    if complaints:
        raise ValueError(
            f"{path} is a checkpoint of another architecture than {type(network).__name__}: {'; '.join(complaints)}. "
            "Set --model.network to the network it was trained with"
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"{path} has NaN or infinite values in {name}: it diverged or is masked; choose another checkpoint"
            )
    network.load_state_dict(state)


def save_weights(network: nn.Module | dict[str, Tensor], path: str | Path) -> None:
    """Write a state dict as safetensors, in one step: the file is either whole or not there.

    Args:
        network: The network whose state dict is written, or the state dict.
        path: The file to write; missing folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = network.state_dict() if isinstance(network, nn.Module) else network
    # clones: safetensors refuses shared memory, and channels-last tensors are not contiguous
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in own.items()}
    partial = path.with_name(path.name + ".part")
    _write(state, partial)
    os.replace(partial, path)


def _write(state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors with the permissions of any new file here; safetensors lets only the owner read it."""
    path.unlink(missing_ok=True)
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    save_file(state, path, metadata)
    path.chmod(mode)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} not found")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} holds more than tensors and is not unpickled, because that could run code: "
            "save it again with torch.save(model.state_dict(), path)"
        ) from None
    except (SafetensorError, RuntimeError, EOFError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {str(error).splitlines()[0]}") from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} holds no state dict: save one with torch.save(model.state_dict(), path)")
    return content


def _strip(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop a wrapper's prefix; of a Lightning checkpoint keep the network only."""
    for prefix in PREFIXES:
        if not state.keys() & own.keys() and any(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return state
