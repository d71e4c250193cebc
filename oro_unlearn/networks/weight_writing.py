"""Writing the weights of a plain network, completely or not at all."""

import json
import stat
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from oro_unlearn.files import first_line, replacing
from oro_unlearn.user_error import UserError

NOTES = "oro_unlearn"  # key of our own notes, in the metadata of safetensors or beside a state dict


def save_weights(network: nn.Module | dict[str, Tensor], path: str | Path, notes: dict[str, Any] | None = None) -> None:
    """Write a state dict as safetensors, atomically: the file is written completely or not at all.

    Args:
        network: The network whose state dict is written, or the state dict.
        path: The file to write; missing folders are created.
        notes: Information about the weights, in types that JSON can hold. :func:`read_checkpoint` returns it.

    Raises:
        UserError: If the file cannot be written. An older file at that path stays as it was.
    """
    own = network.state_dict() if isinstance(network, nn.Module) else network
    # clones: safetensors refuses shared memory, and channels-last tensors are not contiguous
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in own.items()}
    with replacing(path) as partial:
        write_safetensors(state, partial, {NOTES: json.dumps(notes)} if notes else None)


def write_safetensors(state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors with the usual permissions of a new file. safetensors itself would let only the owner read it.

    Args:
        state: Contiguous tensors by name.
        path: The file, which must not exist yet.
        metadata: Texts by name.

    Raises:
        UserError: If it cannot be written.
    """
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        save_file(state, path, metadata)
    except SafetensorError as error:  # the writer of safetensors does not raise OSError
        raise UserError(f"{path} cannot be written ({first_line(error)}): make room there, or choose another folder") from None
    path.chmod(mode)
