"""Metadata of the model's file: the order of its classes, and the classes that it has forgotten."""

from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import Namespace

from oro_unlearn.cli.run_folder import RunFolder
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.networks.checkpoints import Checkpoint, read_checkpoint, read_notes
from oro_unlearn.user_error import UserError

ORIGINAL, PRETRAINED = "model.init_args.original", "model.init_args.network.init_args.pretrained"
FORGOTTEN, NAMES = "data.init_args.forgotten", "data.init_args.class_names"


class FromFile(NamedTuple):
    """Options that were taken from the model's file.

    Attributes:
        said: One line for each option that was filled in.
        class_names: Names of the rows of the original's head, or None if the file has none.
    """

    said: list[str]
    class_names: list[str] | None


def fill_in(options: Namespace) -> FromFile:
    """Fill in ``forgotten`` and ``class_names`` of the data from the model's file, if the user gave none.

    Args:
        options: Options of a subcommand; changed in place.
    """
    path = next((file for file in (_file(options, ORIGINAL), _file(options, PRETRAINED)) if file), None)
    if path is None:
        return FromFile([], None)
    names, notes = _known(options, path)
    said = []
    recorded = [name for name in _list(notes.get("forgotten", [])) if isinstance(name, str)]
    earlier = [name for name in recorded if name not in _list(options.get("data.init_args.forget"))]
    if earlier and FORGOTTEN in options and not options[FORGOTTEN]:
        options[FORGOTTEN] = earlier
        said.append(f"{path} says that it has forgotten {', '.join(earlier)}: taken for --data.forgotten")
    if names and NAMES in options and not options[NAMES]:
        options[NAMES] = names
        said.append(f"class order: {len(names)} names in {path} or beside it, taken for --data.class_names")
    return FromFile(said, names if _file(options, ORIGINAL) else None)


def check_order(options: Namespace, names: list[str] | None, data: Any) -> None:
    """Reject data whose classes are in another order than in the model's file.

    Args:
        options: Options of a subcommand.
        names: Class names in the order of the file; None if the file has none.
        data: The data module. Nothing is compared if it has no classes.

    Raises:
        UserError: If both have the same names in different orders.
    """
    if not names:
        return
    class_names = getattr(data, "class_names", [])
    if names != class_names and sorted(names) == sorted(class_names):
        row = next(row for row, (there, here) in enumerate(zip(names, class_names, strict=True)) if there != here)
        raise UserError(
            f"row {row} of the head is {names[row]!r} in {options[ORIGINAL]}, but {class_names[row]!r} in the data: "
            "give the right order with --data.class_names FILE"
        )


def notes_of(model: UnlearningModule, folder: RunFolder) -> dict[str, Any]:
    """Metadata that are written into the weights of a run.

    Args:
        model: The method, with its data.
        folder: The folder of the run.
    """
    known = model.data.notes()
    sources = {option: file["sha256"] for option, file in folder.inputs.items() if option.startswith("model.")}
    return {
        **known,
        "forgotten": known["forgotten"] if model.role == "unlearned" else [],
        "method": type(model).__name__,
        "inputs": sources,
        "run": folder.identity.mark,
    }


def _known(options: Namespace, path: Path) -> tuple[list[str] | None, dict[str, Any]]:
    """Class names and notes of a file. For a CLIP model only the file's metadata are read, and there are no class names."""
    if ORIGINAL not in options or not options[ORIGINAL]:
        return None, read_notes(path)
    checkpoint: Checkpoint = read_checkpoint(path, options.get("model.init_args.checkpoint_key") or "")
    return checkpoint.class_names, checkpoint.notes


def _file(options: Namespace, place: str) -> Path | None:
    try:
        value = options.get(place)
        return Path(value) if isinstance(value, str) and value and Path(value).is_file() else None
    except (AttributeError, KeyError, TypeError, OSError, ValueError):
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
