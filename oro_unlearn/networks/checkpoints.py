"""Reading and writing the weights of a plain network, safely."""

import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from oro_unlearn.networks.checkpoint_files import read_file, reason, unpickled
from oro_unlearn.networks.class_lists import class_names_of
from oro_unlearn.networks.huggingface import in_memory_names
from oro_unlearn.networks.state_dicts import choose_state, match_names

NOTES = "oro_unlearn"  # key of our own notes, in the metadata of safetensors or beside a state dict
SHOWN = 6  # names that a line lists


class Checkpoint(NamedTuple):
    """What was read from a file of weights.

    Attributes:
        state: The tensors by the file's names, wrappers' prefixes included.
        taken: One line that says what was taken.
        class_names: Names of the head's rows, if the file or the ``config.json`` beside it has them.
        notes: What :func:`save_weights` was given to write beside the weights.
        path: The file; of a folder the file in it.
        key: Where in it the tensors are; empty for the top level.
        left_out: What else the file holds.
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
    """Read the weights and what is known about them from a file; no code is run.

    Args:
        path: A file of safetensors (also the index of a sharded one), of ``torch.save`` or of TorchScript, whatever its suffix;
            or a folder of Hugging Face.
        key: Key of the state dict, with dots for keys within keys, where the file holds several.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If it holds no weights, several state dicts, or would have to run code.
    """
    content, metadata, path = read_file(Path(path))
    state, where, left_out = choose_state(content, key, path)
    notes = _notes(metadata.get(NOTES) if metadata else content.get(NOTES), path)
    class_names, names_from = class_names_of({**_plain_values(metadata), **content, **_named(notes)}, path)
    left_out = [name for name in left_out if name.strip("'") != NOTES]
    checkpoint = Checkpoint(state, "", class_names, notes, path, where, left_out, names_from)
    return checkpoint._replace(taken=_line(checkpoint, [], left_out))


def read_notes(path: str | Path) -> dict[str, Any]:
    """What a safetensors file of ours says of itself, without reading its tensors; any other file says nothing.

    Args:
        path: The file.

    Raises:
        ValueError: If the notes were changed.
    """
    if Path(path).suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):  # whoever reads its tensors says what is wrong
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
        FileNotFoundError: If the file is missing.
        ValueError: If the file is no checkpoint, holds more than tensors, is of another architecture, or has NaN or
            infinite values.
    """
    return fill_network(network, read_checkpoint(path, key))


def fill_network(network: nn.Module, checkpoint: Checkpoint) -> str:
    """Put what was read into a network of exactly this architecture.

    Args:
        network: The network to fill, in place.
        checkpoint: As :func:`read_checkpoint` gives it.

    Returns:
        One line that says what was taken from the file.

    Raises:
        ValueError: If it is of another architecture, or has NaN or infinite values.
    """
    own = network.state_dict()
    matched = match_names(in_memory_names(network, checkpoint.state), own, checkpoint.path)
    _check_shapes(network, matched.state, own, checkpoint.path)
    network.load_state_dict({name: _plain(tensor, name, own, checkpoint.path) for name, tensor in matched.state.items()})
    return _line(checkpoint, matched.done, [*checkpoint.left_out, *matched.left_out])


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
    content = unpickled(path)
    whole = isinstance(content, dict) and {"pytorch-lightning_version", "loops", "state_dict"} <= content.keys()
    if not whole or "fit_loop" not in content["loops"] or not _tensors(content["state_dict"]):
        raise ValueError(
            f"--ckpt_path takes a run's model.ckpt, and {path} is none; weights alone go to --model.original, or of CLIP to "
            "the network's pretrained"
        )


def save_weights(network: nn.Module | dict[str, Tensor], path: str | Path, notes: dict[str, Any] | None = None) -> None:
    """Write a state dict as safetensors, in one step: the file is either whole or not there.

    Args:
        network: The network whose state dict is written, or the state dict.
        path: The file to write; missing folders are made.
        notes: What is to be known about the weights, as JSON can hold it; :func:`read_checkpoint` gives it back.

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
        write_safetensors(state, partial, {NOTES: json.dumps(notes)} if notes else None)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_safetensors(state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors with the permissions of any new file here; safetensors lets only the owner read it.

    Args:
        state: Contiguous tensors by name.
        path: The file.
        metadata: Texts by name.

    Raises:
        OSError: If it cannot be written.
    """
    path.unlink(missing_ok=True)
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        save_file(state, path, metadata)
    except SafetensorError as error:  # its writer does not say OSError
        raise OSError(f"{path} cannot be written ({reason(error)}): make room there, or choose another folder") from None
    path.chmod(mode)


def _line(checkpoint: Checkpoint, done: list[str], left_out: list[str]) -> str:
    """What was taken from a file, for a person."""
    under = f" under {checkpoint.key!r}" if checkpoint.key else ""
    parts = [f"{checkpoint.path}: {', '.join([f'{len(checkpoint.state)} tensors{under}', *done])}"]
    if left_out:
        shown = [" ".join(name.strip("'")[:80].split()) for name in left_out[:SHOWN]]
        parts.append(f"left out: {', '.join(shown)}{f' and {len(left_out) - SHOWN} more' if len(left_out) > SHOWN else ''}")
    if checkpoint.names_from:
        parts.append(f"class names: {checkpoint.names_from}")
    return "; ".join(parts)


def _notes(value: Any, path: Path) -> dict[str, Any]:
    """Our own notes; a file without them has none."""
    if value is None:
        return {}
    try:
        notes = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, dict):
        raise ValueError(f"{path} has notes of oro_unlearn that cannot be read: the file was changed; take the original file")
    return notes


def _named(notes: dict[str, Any]) -> dict[str, Any]:
    return {"class_names": notes["class_names"]} if "class_names" in notes else {}


def _plain_values(metadata: dict[str, str]) -> dict[str, Any]:
    """Values of a safetensors file's metadata, which are JSON where they are lists."""
    found: dict[str, Any] = {}
    for name, text in metadata.items():
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def _check_shapes(network: nn.Module, state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> None:
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [name for name in own if name in state and own[name].shape != state[name].shape]
    heads = {_rows(network, name, state[name], own[name]) for name in reshaped}
    if not missing and not unexpected and len(heads) == 1 and (rows := heads.pop()):
        raise ValueError(
            f"{path} is of another head: the file's head has {rows[0]} classes, the data {rows[1]} ({reshaped[0]}); use data "
            "with the classes that the model was trained on, or name its classes with --data.class_names"
        )
    complaints = [f"{len(names)} {what} (first {' '.join(names[0][:80].split())})" for what, names in
                  (("weights missing", missing), ("unknown weights", unexpected)) if names]  # fmt: skip
    complaints += [f"{name} is {tuple(state[name].shape)} there and {tuple(own[name].shape)} here" for name in reshaped[:1]]
    if complaints:
        raise ValueError(
            f"{path} is a checkpoint of another architecture than {type(network).__name__}: {'; '.join(complaints)}. "
            "Set --model.network to the network it was trained with"
        )


def _rows(network: nn.Module, name: str, there: Tensor, here: Tensor) -> tuple[int, int] | None:
    """Outputs of a linear layer or convolution in the file and in the network, if nothing else of it differs."""
    layer = network.get_submodule(name.rpartition(".")[0])
    if not isinstance(layer, nn.Linear | nn.Conv2d) or there.ndim != here.ndim or there.shape[1:] != here.shape[1:]:
        return None
    return there.shape[0], here.shape[0]


def _plain(tensor: Tensor, name: str, own: dict[str, Tensor], path: Path) -> Tensor:
    """A tensor in the network's type, if it can be that and is finite."""
    kind = own[name].dtype
    odd = tensor.layout is not torch.strided or tensor.is_complex() or tensor.is_quantized or tensor.is_meta
    if odd or (kind.is_floating_point and not tensor.is_floating_point()):
        found = f"{tensor.dtype}, {tensor.layout}"
        raise ValueError(f"{path} holds {name} as {found}, where {kind} is needed: save plain weights")
    converted = tensor.to(kind)  # before the next question: a large double is an infinite float
    if not torch.isfinite(converted).all():
        raise ValueError(f"{path} has NaN or infinite values in {name}: it diverged or is masked; choose another checkpoint")
    return converted


def _tensors(content: Any) -> bool:
    """Whether it is a dict of tensors by name."""
    items = content.items() if isinstance(content, dict) else [(None, None)]
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in items)
