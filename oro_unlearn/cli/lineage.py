"""What a checkpoint says of itself: the order of its classes, and what it has forgotten."""

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
    """What the model's file says of itself.

    Attributes:
        said: What was filled in, a line each.
        class_names: Names of the rows of the original's head, where its file has them.
    """

    said: list[str]
    class_names: list[str] | None


def fill_in(options: Namespace) -> FromFile:
    """Take from the model's file what was not given, in place: ``forgotten`` and ``class_names`` of the data.

    Args:
        options: Of a subcommand.
    """
    path = next((found for found in (_file(options, ORIGINAL), _file(options, PRETRAINED)) if found), None)
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
    """Refuse classes that the model's file has in another order.

    Args:
        options: Of a subcommand.
        names: As the file has them, if it does.
        data: The data module; nothing is compared where it has no classes.

    Raises:
        UserError: If the same names are in another order.
    """
    if not names:
        return
    class_names = getattr(data, "class_names", [])
    if names != class_names and sorted(names) == sorted(class_names):
        row = next(row for row, (there, here) in enumerate(zip(names, class_names, strict=True)) if there != here)
        raise UserError(
            f"{options[ORIGINAL]} says that row {row} of its head is {names[row]!r}, and the data that it is "
            f"{class_names[row]!r}: give the right order with --data.class_names FILE"
        )


def notes_of(model: UnlearningModule, folder: RunFolder) -> dict[str, Any]:
    """What the weights of a run say of themselves.

    Args:
        model: The method, with its data.
        folder: Of the run.
    """
    known = model.data.notes()
    sources = {option: found["sha256"] for option, found in folder.inputs.items() if option.startswith("model.")}
    return {
        **known,
        "forgotten": known["forgotten"] if model.role == "unlearned" else [],
        "method": type(model).__name__,
        "inputs": sources,
        "run": folder.identity.mark,
    }


def _known(options: Namespace, path: Path) -> tuple[list[str] | None, dict[str, Any]]:
    """Class names and notes of a file; those of a CLIP model are in its metadata alone."""
    if ORIGINAL not in options or not options[ORIGINAL]:
        return None, read_notes(path)
    found: Checkpoint = read_checkpoint(path, options.get("model.init_args.checkpoint_key") or "")
    return found.class_names, found.notes


def _file(options: Namespace, place: str) -> Path | None:
    try:
        value = options.get(place)
        return Path(value) if isinstance(value, str) and value and Path(value).is_file() else None
    except (AttributeError, KeyError, TypeError, OSError, ValueError):
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
