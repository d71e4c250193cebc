"""Reading the weights of a plain network, safely."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from oro_unlearn.files import one_line
from oro_unlearn.networks.checkpoint_files import read_file, unpickled
from oro_unlearn.networks.class_lists import class_names_of
from oro_unlearn.networks.huggingface import in_memory_names
from oro_unlearn.networks.state_dicts import choose_state, match_names
from oro_unlearn.networks.weight_checks import check_shapes, plain_tensor
from oro_unlearn.networks.weight_writing import NOTES
from oro_unlearn.user_error import UserError

SHOWN = 6  # largest number of names that a line lists


class Checkpoint(NamedTuple):
    """The content of a file of weights.

    Attributes:
        state: The tensors by the file's names, wrappers' prefixes included.
        taken: One line that says what was taken.
        class_names: Names of the head's rows, if the file or the ``config.json`` beside it has them.
        notes: The notes that :func:`~oro_unlearn.networks.save_weights` wrote beside the weights.
        path: The file; for a folder, the file in it.
        key: Key of the tensors in the file; empty for the top level.
        left_out: Names of the file's other entries.
        names_from: Where the class names were found.
    """

    state: dict[str, Tensor]
    taken: str
    class_names: list[str] | None
    notes: dict[str, Any]
    path: Path
    key: str
    left_out: list[str]
    names_from: str


def read_checkpoint(path: str | Path, key: str = "") -> Checkpoint:
    """Read the weights and the notes about them from a file, without running code.

    Args:
        path: A file of safetensors (also the index of a sharded one), of ``torch.save`` or of TorchScript, with any suffix; or
            a folder of Hugging Face.
        key: Key of the state dict, with dots for keys within keys, where the file holds several.

    Raises:
        UserError: If the file is missing; if it holds no weights or several state dicts, or cannot be read without running
            code.
    """
    content, metadata, path = read_file(Path(path))
    state, where, left_out = choose_state(content, key, path)
    notes = _notes(metadata.get(NOTES) if metadata else content.get(NOTES), path)
    class_names, names_from = class_names_of({**_plain_values(metadata), **content, **_named(notes)}, path)
    left_out = [name for name in left_out if name.strip("'") not in (NOTES, names_from)]
    checkpoint = Checkpoint(state, "", class_names, notes, path, where, left_out, names_from)
    return checkpoint._replace(taken=_line(checkpoint, [], left_out))


def read_notes(path: str | Path) -> dict[str, Any]:
    """Read the notes of a safetensors file of this package without its tensors. For any other file they are empty.

    Args:
        path: The file.

    Raises:
        UserError: If the notes were changed.
    """
    if Path(path).suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):  # reading the tensors will report the error
        return {}
    return _notes(metadata.get(NOTES), Path(path))


def load_weights(network: nn.Module, path: str | Path, key: str = "") -> str:
    """Load a checkpoint of exactly this architecture into ``network``.

    Args:
        network: The network to fill, in place.
        path: As in :func:`read_checkpoint`.
        key: As in :func:`read_checkpoint`.

    Returns:
        One line that says what was taken from the file.

    Raises:
        UserError: If the file is missing; if the file is no checkpoint, holds more than tensors, is of another architecture, or
            has NaN or infinite values.
    """
    return fill_network(network, read_checkpoint(path, key))


def fill_network(network: nn.Module, checkpoint: Checkpoint, masked: bool = False) -> str:
    """Load a checkpoint that was read into a network of exactly its architecture.

    Args:
        network: The network to fill, in place.
        checkpoint: The result of :func:`read_checkpoint`.
        masked: Accept minus infinity, which the free control (a mask on the logits) has in the bias of its head.

    Returns:
        One line that says what was taken from the file.

    Raises:
        UserError: If it is of another architecture, or has NaN or infinite values.
    """
    own = network.state_dict()
    matched = match_names(in_memory_names(network, checkpoint.state), own, checkpoint.path)
    check_shapes(network, matched.state, own, checkpoint.path)
    tensors = {name: plain_tensor(tensor, name, own, checkpoint.path, masked) for name, tensor in matched.state.items()}
    network.load_state_dict(tensors)
    return _line(checkpoint, matched.done, [*checkpoint.left_out, *matched.left_out])


def check_run_checkpoint(path: str | Path) -> None:
    """Reject a file that is not the checkpoint of a run, before Lightning reads it.

    Args:
        path: The value of ``--ckpt_path``.

    Raises:
        UserError: If the file is missing, is damaged, holds more than tensors, or is not a run's checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"checkpoint {path} of --ckpt_path not found")
    content = unpickled(path)
    whole = isinstance(content, dict) and {"pytorch-lightning_version", "loops", "state_dict"} <= content.keys()
    if not whole or "fit_loop" not in content["loops"] or not _tensors(content["state_dict"]):
        raise UserError(
            f"--ckpt_path takes a run's model.ckpt, and {path} is not one; give weights alone to --model.original, or for CLIP "
            "to the network's pretrained"
        )


def _line(checkpoint: Checkpoint, done: list[str], left_out: list[str]) -> str:
    """A readable line about what was taken from a file."""
    under = f" under {checkpoint.key!r}" if checkpoint.key else ""
    parts = [f"{checkpoint.path}: {', '.join([f'{len(checkpoint.state)} tensors{under}', *done])}"]
    if left_out:
        shown = [one_line(name.strip("'")) for name in left_out[:SHOWN]]
        parts.append(f"left out: {', '.join(shown)}{f' and {len(left_out) - SHOWN} more' if len(left_out) > SHOWN else ''}")
    if checkpoint.names_from:
        parts.append(f"class names: {checkpoint.names_from}")
    return "; ".join(parts)


def _notes(value: Any, path: Path) -> dict[str, Any]:
    """The notes of this package; empty for a file without notes."""
    if value is None:
        return {}
    try:
        notes = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, dict):
        raise UserError(f"{path} has notes of oro_unlearn that cannot be read: the file was changed; take the original file")
    return notes


def _named(notes: dict[str, Any]) -> dict[str, Any]:
    return {"class_names": notes["class_names"]} if "class_names" in notes else {}


def _plain_values(metadata: dict[str, str]) -> dict[str, Any]:
    """Values of a safetensors file's metadata. Lists in it are stored as JSON."""
    found: dict[str, Any] = {}
    for name, text in metadata.items():
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def _tensors(content: Any) -> bool:
    """Whether the content is a dict of tensors by name."""
    items = content.items() if isinstance(content, dict) else [(None, None)]
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in items)
