"""Options of a comparison, and the sizes of its data."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.cli.presets import PRESETS, config_path, preset_names
from oro_unlearn.compare.searches import EVERY, GROUPS
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

TUNING_RETRAINED = 2  # retrained models for tuning: the smallest number that has a spread
Request = tuple[str, ...]  # names of the classes that are forgotten together
ALL: Request = ("all",)  # stands for one request per class
ABOUT = "Run methods with the same data path, tuning budget and audit, and print how far each is from retraining."
MORE = """\
All other options are those of fit and are passed to every run, such as --model.network ResNet18 or --data.root photos.
Finished runs are kept in the output folder. They are not run again while configuration, inputs and code are the same.

examples:
  oro-unlearn compare --methods rwft_o,salun --forget "[5]" --seeds 1
  oro-unlearn compare --config digits/original.yaml --methods all --forget all
  oro-unlearn compare --config mine/original.yaml --forget "[[cat], [cat, dog]]" --retrained 3
"""


class Sizes(NamedTuple):
    """Sizes of data and training that the costs depend on."""

    class_names: list[str]
    counts: list[int]  # training images of each class
    epochs: int  # epochs of retraining
    batch_size: int  # batch size of the edits
    augmented: bool = True  # whether training images are changed at random in every epoch

    def labels(self, request: Request) -> list[int]:
        """Labels of the classes of a request."""
        from oro_unlearn.data.images.forget_request import resolve_classes

        return resolve_classes(list(request), self.class_names)

    def of(self, request: Request) -> tuple[int, int]:
        """Number of images of the forget set and of the retain set."""
        forgotten = sum(self.counts[label] for label in self.labels(request))
        return forgotten, sum(self.counts) - forgotten


def tag(request: Request) -> str:
    """Text for a request in the name of a folder.

    Example:
        >>> tag(("cat", "polar bear"))
        'cat+polar_bear'
    """
    return "+".join(re.sub(r"[^\w.-]", "_", name) for name in request)


def listed(text: str) -> list[str]:
    """Parse names that are separated by commas, with or without brackets.

    Example:
        >>> listed("rwft_o,salun"), listed("[008, yes]")
        (['rwft_o', 'salun'], ['008', 'yes'])
    """
    value = _read(text)
    if not all(isinstance(name, str) for name in value):
        raise argparse.ArgumentTypeError(f"takes names with commas between them, not {shortened(text)}")
    return value


def requests_of(text: str) -> list[Request]:
    """Parse requests to forget: a list of classes is one request, as for ``fit``; a list of lists is several requests.

    Example:
        >>> requests_of("[5]"), requests_of("[[cat], [cat, dog]]")
        ([('5',)], [('cat',), ('cat', 'dog')])
    """
    value = _read(text)
    several = value if value and all(isinstance(part, list) for part in value) else [value]
    if not all(names and all(isinstance(name, str) for name in names) for names in several):
        raise argparse.ArgumentTypeError(
            f'takes one request, "[cat]", or several, "[[cat], [cat, dog]]", not {shortened(text)}'
        )
    return [tuple(names) for names in several]


def _read(text: str) -> list[Any]:
    """Parse a YAML list. Names stay the text that was typed."""
    try:
        value = yaml.load(text if text.lstrip().startswith("[") else f"[{text}]", yaml.BaseLoader)  # BaseLoader keeps text
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"is not a list: {shortened(text)}") from None
    return value if isinstance(value, list) else [value]


OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {  # names, and arguments of ``add_argument``
    ("--config", "-c"): {
        "default": "digits/original.yaml",
        "metavar": "FILE",
        "help": "data, network and recipe of the originals, with retrained.yaml in its folder; default: digits/original.yaml",
    },
    ("--methods",): {
        "type": listed,
        "default": ["all"],
        "metavar": "A,B",
        "help": f"groups: {', '.join(GROUPS)}; or names of methods: {', '.join(EVERY)}",
    },
    ("--forget", "--data.forget"): {
        "type": requests_of,
        "default": [ALL],
        "metavar": '"[CLASS]"',
        "help": 'classes that are forgotten together; several requests: "[[A], [B, C]]"; default: all, one request per class',
    },
    ("--tune_on",): {
        "type": requests_of,
        "default": [],
        "metavar": '"[CLASS]"',
        "help": "requests that settings are chosen on; default: the first three",
    },
    ("--seeds",): {
        "type": int,
        "default": 3,
        "metavar": "N",
        "help": "number of originals; every method edits each of them; default: 3",
    },
    ("--retrained",): {
        "type": int,
        "default": 6,
        "metavar": "N",
        "help": "number of retrained models for each request; default: 6, which the null hypothesis of U-LIRA needs",
    },
    ("--budget",): {
        "type": float,
        "default": 0.1,
        "metavar": "SHARE",
        "help": "images that a run may read, as a share of those that retraining reads; default: 0.1",
    },
    ("--batch_size",): {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "batch size of the unlearning runs; default: the batch size of the data",
    },
    ("--processes",): {
        "type": int,
        "default": os.cpu_count() or 1,
        "metavar": "N",
        "help": "number of runs at a time; default: one per core",
    },
    ("--backend",): {
        "choices": ("loky", "ray", "dask"),
        "default": "loky",
        "help": "backend of joblib: loky (this machine), or a cluster that shares the output folder",
    },
    ("--reuse",): {"action": "store_true", "help": "keep finished runs that ran with other code; the result names them"},
    ("--output",): {
        "type": Path,
        "metavar": "FOLDER",
        "help": "default: runs/compare/NAME, where NAME is the folder of --config",
    },
    ("--options",): {"metavar": "FILE", "help": "YAML file with these options, such as 'methods: [rwft_o, salun]'"},
}


def parser() -> PlainParser:
    """Options of ``compare``, without those of ``fit``."""
    result = PlainParser("compare", description=ABOUT, epilog=MORE, formatter_class=argparse.RawDescriptionHelpFormatter)
    for names, options in OPTIONS.items():
        result.add_argument(*names, **options)
    return result


def read_options(words: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, with defaults from the file of ``--options``.

    Args:
        words: The words after ``compare``.

    Returns:
        The options; ``extra`` holds the words for ``fit``.

    Raises:
        UserError: If an option, a file or a method does not exist, or a number is out of range.
    """
    first, _ = parser().parse_known_args(words)
    given = options_in(first.options) if first.options else []
    options, extra = parser().parse_known_args([*given, *words])
    options.extra = extra
    unknown = [name for name in options.methods if name not in (*GROUPS, *EVERY)]
    if unknown:
        raise UserError(f"compare: no method {unknown[0]!r}; there are {', '.join((*GROUPS, *EVERY))}")
    if options.retrained < TUNING_RETRAINED or options.seeds < 1 or not 0 < options.budget <= 1:
        raise UserError("compare: --retrained must be at least 2, --seeds at least 1, and --budget in (0, 1]")
    if options.processes < 1 or options.batch_size < 0:
        raise UserError("compare: --processes must be at least 1, and --batch_size 0 or more")
    options.config = preset_or_path(options.config)
    for file in (options.config, options.config.with_name("retrained.yaml")):
        if not Path(config_path(str(file))).is_file():
            raise UserError(f"compare: {file} not found: --config names an original.yaml with a retrained.yaml beside it")
    options.output = options.output or Path("runs/compare") / options.config.absolute().parent.name
    return options


def preset_or_path(value: str) -> Path:
    """The name of a preset, which is the same on every machine, or the path of any other file."""
    place = Path(config_path(value))
    name = place.relative_to(PRESETS) if PRESETS in place.parents else place
    return name if name.as_posix() in preset_names() else place


def options_in(path: str) -> list[str]:
    """Convert a YAML file of options to words of a command line.

    Args:
        path: A YAML file with a mapping of option to value.

    Raises:
        UserError: If the file is missing or not a mapping, or if it names an option that does not exist.
    """
    if not Path(path).is_file():
        raise UserError(f"compare: {path} not found: name a YAML file with --options")
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), yaml.BaseLoader) or {}  # BaseLoader keeps text
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"compare: {path} is not valid YAML: {' '.join(str(error).split())}") from None
    known = {name.removeprefix("--") for action in parser()._actions for name in action.option_strings}
    if not isinstance(content, dict) or not set(content) <= known:
        odd = sorted(set(content) - known) if isinstance(content, dict) else []
        problem = f"no option {odd[0]!r}" if odd else "it must be a mapping of options to values"
        raise UserError(f"compare: {path}: {problem}; see oro-unlearn compare --help")
    words = []
    for name, value in content.items():
        words += [f"--{name}"] if value == "true" else [f"--{name}", _flow(value)]
    return words


def _flow(value: Any) -> str:
    """A value as a user would type it on the command line."""
    return f"[{', '.join(map(_flow, value))}]" if isinstance(value, list) else str(value)


def measure(options: argparse.Namespace) -> tuple[Sizes, list[Request]]:
    """Sizes of the data, and requests. Mistakes in the options raise an error here, before anything is trained.

    Args:
        options: The options from :func:`read_options`; ``tune_on`` is filled in.

    Raises:
        UserError: If the options of data and network are wrong, or a class does not exist.
    """
    sizes = measure_sizes(options)
    requests = [(str(name),) for name in sizes.class_names] if options.forget == [ALL] else options.forget
    options.tune_on = options.tune_on or requests[:3]
    for request in (*requests, *options.tune_on):
        sizes.of(request)
    return sizes, requests


def measure_sizes(options: argparse.Namespace) -> Sizes:
    """Read the data once, for the names and sizes of the classes."""
    from oro_unlearn.cli import build

    cli = build(["--config", str(options.config), "--trainer.logger", "false", *options.extra])
    data: Any = cli.datamodule
    data.prepare_data()
    train = data.split("train")
    counts = train.labels[train.positions].bincount(minlength=data.num_classes).tolist()
    epochs, batch_size = cli.trainer.max_epochs or 1, options.batch_size or data.batch_size
    return Sizes(list(data.class_names), counts, epochs, batch_size, bool(data.crop_padding or data.flip))
