"""Writing the weights of a plain network: whole or not at all."""

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
    """Write a state dict as safetensors, in one step: the file is either whole or not there.

    Args:
        network: The network whose state dict is written, or the state dict.
        path: The file to write; missing folders are made.
        notes: What is to be known about the weights, as JSON can hold it; :func:`read_checkpoint` gives it back.

    Raises:
        UserError: If it cannot be written; what was there stays.
    """
    own = network.state_dict() if isinstance(network, nn.Module) else network
    # clones: safetensors refuses shared memory, and channels-last tensors are not contiguous
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in own.items()}
    with replacing(path) as partial:
        write_safetensors(state, partial, {NOTES: json.dumps(notes)} if notes else None)


def write_safetensors(state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors with the permissions of any new file here; safetensors lets only the owner read it.

    Args:
        state: Contiguous tensors by name.
        path: The file, which is not there yet.
        metadata: Texts by name.

    Raises:
        UserError: If it cannot be written.
    """
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        save_file(state, path, metadata)
    except SafetensorError as error:  # its writer does not say OSError
        raise UserError(f"{path} cannot be written ({first_line(error)}): make room there, or choose another folder") from None
    path.chmod(mode)
