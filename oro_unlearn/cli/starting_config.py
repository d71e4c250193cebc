"""A first configuration (YAML) for pictures in class folders."""

import json
import shlex
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from oro_unlearn.data import ImageFolder
from oro_unlearn.networks.checkpoints import Checkpoint, read_checkpoint
from oro_unlearn.networks.recognition import Recognised, recognised
from oro_unlearn.report.inventory import inventory_lines
from oro_unlearn.report.names import printable

LOOKED_AT = 20  # number of pictures whose size is read
SMALL = 96  # pixels; if all pictures have the same size up to this, they are not resized
NAMED = 20  # class names in a comment
NO_TEXT = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")  # words that YAML does not read as text
OURS = "oro_unlearn.networks.ResNet18"
ORIGINAL = """\
model:
  class_path: Training  # the original; then forget with --config methods/rwft_o.yaml laid over this file
  init_args:
    network: {network}
    optimizer:
      class_path: torch.optim.SGD
      init_args: {{lr: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}
    lr_scheduler:
      class_path: torch.optim.lr_scheduler.CosineAnnealingLR
      init_args: {{T_max: 40}}
"""
EDIT = """\
model:
  class_path: RWFT  # every layer is trained; other methods: oro-unlearn fit --help
  init_args:
    original: {original}
    retrained: []  # models trained without the forgotten data, if you have any
    network: {network}
    update: all
    retain: {retain}
    optimizer:
      class_path: torch.optim.SGD
      init_args: {{lr: 1.0e-3, momentum: 0.9, weight_decay: 5.0e-4}}
"""
WHOLE = """\
# {title}
{seen}
seed_everything: 0
trainer:
  default_root_dir: {run}
  max_epochs: {epochs}
{model}data:
  class_path: ImageFolder
  init_args:
    root: {root}
    image_size: {size}  # side length in pixels that the model was trained with
    channels: {channels}
{names}{request}    batch_size: 64
{skip}    # mean and std: those of ImageNet, unless they are set here
"""


class Start(NamedTuple):
    """The output of ``init``.

    Attributes:
        files: Contents of the files to write, by path.
        notes: Lines about the data and the model.
        commands: Commands to run next.
    """

    files: dict[Path, str]
    notes: list[str]
    commands: list[str]


def picture_start(folder: Path, model: str, output: Path) -> Start:
    """A first configuration for a folder of class folders, and for a trained model of these classes if one is named.

    Args:
        folder: Folder of the pictures, in the layout of :class:`ImageFolder`.
        model: Checkpoint of the trained model; empty if there is none.
        output: Path of the YAML file.

    Raises:
        UserError: If folder or checkpoint is missing, or cannot be read.
    """
    checkpoint = read_checkpoint(model) if model else None
    known = recognised(checkpoint.state) if checkpoint else None
    size, channels = _size(folder, known), known.channels if known else 3
    data: Any = ImageFolder(str(folder), image_size=size, channels=channels, skip_unread=True)
    folders = list(data.class_names)
    seen = [line for line in inventory_lines(data.inventory()) if not line.startswith("to forget")]
    notes = [*seen, *_of_model(checkpoint, known)]
    names = _names(folders, checkpoint, known, data.natural_order)
    others = bool(known and known.classes > len(folders))
    parts = {
        "model": EDIT.format(original=_text(model), network=_network(checkpoint, known), retain="distill" if others else "ce")
        if checkpoint
        else ORIGINAL.format(network=_network(checkpoint, known)),
        "request": f"    forget: []  # names of classes, such as {_list(folders[:1])}\n" if checkpoint else "",
        "skip": "    skip_unread: true  # some files in the class folders are no pictures\n" if data.skipped else "",
    }
    text = WHOLE.format(
        title="Forget classes of a trained model." if checkpoint else "Train a model whose classes are forgotten later.",
        seen="\n".join(f"# {line}" for line in [*notes, f"all names     {_list(folders[:NAMED])}"]),
        run=_text(f"runs/{folder.resolve().name}/{'forgotten' if checkpoint else 'original'}"),
        epochs=10 if checkpoint else 40,
        root=_text(str(folder)),
        size=size,
        channels=channels,
        names=names,
        **parts,
    )
    ask = ["--data.forget", _list(folders[:1])] if checkpoint else []
    commands = [shlex.join(["oro-unlearn", command, "--config", str(output), *ask]) for command in ("check", "fit")]
    return Start({output: text}, notes, commands)


def _of_model(checkpoint: Checkpoint | None, known: Recognised | None) -> list[str]:
    if checkpoint is None:
        return []
    line = printable(f"model         {checkpoint.taken}")
    if known is None:
        return [line, "network       unknown: set network to its constructor, an import path such as my_network.MyNetwork"]
    return [line, f"network       {known.network} with {known.classes} outputs, by the names and shapes of its tensors"]


def _network(checkpoint: Checkpoint | None, known: Recognised | None) -> str:
    if known and known.arguments:
        return f"\n      class_path: {known.network}\n      init_args: {json.dumps(known.arguments)}"
    if known:
        return known.network
    return f"{OURS}  # {'unknown: name the constructor of the model here' if checkpoint else 'or one of torchvision or timm'}"


def _names(
    folders: Sequence[str], checkpoint: Checkpoint | None, known: Recognised | None, natural: Sequence[str] | None
) -> str:
    """Lines of the YAML with the order of the classes, or with a comment that it is not known."""
    if checkpoint is None:
        return ""
    inside = checkpoint.class_names
    if inside and set(folders) <= set(inside):
        return f"    class_names: {_list(inside)}  # as {printable(checkpoint.names_from)} has them\n"
    wanted = "a file with the name of one class a line, in the order of the model's outputs"
    if inside:
        return f"    # class_names: names.txt  # {wanted}: the model's own are {printable(_list(inside[:3]))}, ...\n"
    if known and known.classes != len(folders):
        return f"    # class_names: names.txt  # {wanted}: it has {known.classes}, and there are {len(folders)} folders\n"
    if natural:
        return f"    # class_names: names.txt  # {wanted}, if that is {printable(_list(natural[:3]))}, ...\n"
    return "    # class_names: names.txt  # " + wanted + ", if that is not the alphabetic one\n"


def _size(folder: Path, known: Recognised | None) -> int:
    """Side length of the images: that of the pictures if it is small and the same for all, else the network's usual one."""
    shapes: set[tuple[int, int]] = set()
    pictures = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in Image.registered_extensions())
    for path in islice(pictures, LOOKED_AT):
        with suppress(OSError), Image.open(path) as picture:  # the notes list files that cannot be read
            shapes.add(picture.size)
    alike = min(shapes.pop()) if len(shapes) == 1 else SMALL + 1
    if alike <= SMALL:
        return alike
    return 224 if known and not known.network.startswith("oro_unlearn.") else 64


def _text(value: str) -> str:
    """A quoted string, valid in YAML and in JSON."""
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _list(names: Sequence[str]) -> str:
    """Names as a YAML list. Names that YAML could read as another type are quoted."""
    plain = [name.isascii() and name.isidentifier() and name.lower() not in NO_TEXT for name in names]
    return f"[{', '.join(name if simple else _text(name) for name, simple in zip(names, plain, strict=True))}]"
