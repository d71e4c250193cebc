"""Help pages. They are read from the source of the classes, so that nothing heavy is imported."""

import platform
import re
import shutil
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from textwrap import fill

from oro_unlearn import __version__
from oro_unlearn.cli import presets
from oro_unlearn.cli.command_words import COMMANDS, INNER, OTHERS, RUNS, chosen, given
from oro_unlearn.cli.completion import completion
from oro_unlearn.cli.source_options import TRAINER, Option, classes, found, options, summary
from oro_unlearn.cli.suggestions import did_you_mean
from oro_unlearn.user_error import UserError

FILLED = ("num_classes", "forget_classes")  # options that the command line fills in from the data
OVERVIEW = """\
usage: oro-unlearn COMMAND [options]

Make a trained vision(-language) model forget, and show that it did.

commands:
{commands}

  oro-unlearn COMMAND --help           options of a command
  oro-unlearn fit --model.help NAME    options of a method, for instance RWFT
  oro-unlearn fit --data.help NAME     options of a data set, for instance ImageFolder
  oro-unlearn --version
"""
PAGE = """\
usage: oro-unlearn {command} --config FILE [--config FILE ...] [--PART.OPTION VALUE ...]

{meaning}

One YAML describes one run. Every option in it can also be given on the command line; the last value counts.

the most used options:
  --config FILE                    a YAML or the name of a preset; several are merged, later ones win
  --print_config                   print all options with their values, and stop
  --seed_everything N              seed of all random numbers; default: 0
  --resume false                   start again instead of continuing a stopped run; default: true
  --ckpt_path FILE                 model.ckpt of a run: to continue (fit), or to measure (test)
  --report FOLDER                  folder for the new report, not the folder of a run (test)

  --model NAME                     the method
  --model.original FILE            checkpoint of the trained model
  --model.retrained "[A, B]"       models trained without the data, for comparison
  --model.network NAME             constructor of the network, such as torchvision.models.resnet18
  --model.optimizer.lr X           learning rate

  --data NAME                      the data set
  --data.root FOLDER               folder of the data
  --data.forget "[NAME, ...]"      what to forget
  --data.batch_size N              images per batch, over all processes
  --data.image_size N              side length of the images of an ImageFolder, in pixels

  --trainer.max_epochs N           number of epochs
  --trainer.accelerator NAME       cpu, gpu, mps, auto
  --trainer.devices N              number of devices; for several add --trainer.strategy ddp
  --trainer.precision NAME         32-true, bf16-mixed, 16-mixed
  --trainer.default_root_dir DIR   folder of the run

examples:
  oro-unlearn fit --config digits/original.yaml
  oro-unlearn fit --config digits/rwft_o.yaml --data.forget "[3]"
  oro-unlearn fit --config digits/original.yaml --config methods/salun.yaml
  oro-unlearn test --config runs/NAME/config.yaml

all options:
  --model.help NAME, --data.help NAME, --trainer.help; or --print_config

methods (--model):
{methods}

data sets (--data):
{data}

networks (--model.network), besides any constructor of torchvision or timm by its import path:
{networks}

Classes of your own are named by their import path: my_method.MyMethod. See docs/your_own.md.
"""


def answer(words: Sequence[str]) -> str | None:
    """The page that a command line asks for, if it can be printed without the parser.

    Args:
        words: The words after ``oro-unlearn``.

    Returns:
        The page, or None if the parser has to answer or a command has to run.
    """
    first, asks = (words[0], {"-h", "--help"} & set(words)) if words else ("--help", set())
    if first in ("-h", "--help"):
        page: str | None = OVERVIEW.format(commands=_rows(COMMANDS.items()))
    elif first == "--version":
        page = version_line()
    elif first == "completion":
        page = completion(words[1:])
    elif first in OTHERS:
        module = INNER.get((first, words[1] if len(words) > 1 else ""), OTHERS[first])
        page = import_module(module).parser().format_help() if asks else None
    elif first == "configs":
        page = presets.parser().format_help() if asks else presets.configs(words[1:])
    else:
        page = _about_a_run(words) if first in RUNS else None
    return page


def _about_a_run(words: Sequence[str]) -> str | None:
    """The help page that an option of ``fit``, ``test`` or ``check`` asks for; None if there is no such option."""
    for name, value in given(words):
        part = name.removeprefix("--").removesuffix(".help")
        if name in ("-h", "--help"):
            return command_page(words[0])
        if name == "--trainer.help":
            return class_page("trainer", TRAINER)
        if name in ("--model.help", "--data.help"):
            return class_page(part, value or chosen(words).get(part, ""))
    return None


def version_line() -> str:
    """One line with the versions of the package, Python and PyTorch."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "not installed"
    return f"oro-unlearn {__version__} (Python {platform.python_version()}, PyTorch {torch})"


def command_page(command: str) -> str:
    """The help page of ``fit``, ``test`` or ``check``."""
    listed = {part: _rows(_described(part)) for part in ("model", "data", "model.network")}
    return PAGE.format(
        command=command,
        meaning=COMMANDS[command],
        methods=listed["model"],
        data=listed["data"],
        networks=listed["model.network"],
    )


def class_page(part: str, name: str) -> str | None:
    """All options of a class with type, default and meaning.

    Args:
        part: ``model``, ``data`` or ``trainer``.
        name: Name of the class; empty for a list of the available classes.

    Returns:
        The page, or None if the source cannot be read.

    Raises:
        UserError: If no class of this package has this name, and the name is not an import path.
    """
    if not name:
        return f"--{part}.help NAME, where NAME is one of:\n{_rows(_described(part))}"
    source = found(part, name)
    if source is None and "." not in name:
        listed = classes(part)
        raise UserError(f"no class {name!r} for --{part}; known: {', '.join(listed)}{did_you_mean(name, listed)}")
    known = options(source) if source else None
    if source is None or known is None:
        return None
    shown = [option for option in known if option.name not in FILLED]
    note = (
        "An option that takes a class is followed by the options of that class: --model.optimizer torch.optim.SGD "
        "--model.optimizer.lr 0.01, --model.network ResNet18 --model.network.width 16."
    )
    about = summary(source)
    parts = [f"--{part} {name}", _filled(about, 0)] if about else [f"--{part}"]
    parts += [_option(part, option) for option in shown]
    return "\n\n".join([*parts, _filled(note, 0)] if part == "model" else parts)


def _option(part: str, option: Option) -> str:
    default = "required" if option.default is None else f"default: {option.default.partition(': ')[2] or option.default}"
    kind = "a class, by name or import path" if option.kind.startswith("Callable") else option.kind
    return f"  --{part}.{option.name}\n{_filled(f'{option.meaning} ({kind}; {default})', 6)}"


def _described(part: str) -> list[tuple[str, str]]:
    """Class names that an option takes, each with the first sentence of its docstring."""
    sources = [(name, found(part, name)) for name in classes(part)]
    return [(name, re.split(r"\. (?=[A-Z])", summary(source))[0].rstrip(".") if source else "") for name, source in sources]


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    listed = list(pairs)
    wide = max(len(name) for name, _ in listed) + 4
    return "\n".join(_filled(f"{name:<{wide - 2}}{text}", 2, wide) for name, text in listed)


def _filled(text: str, indent: int, hanging: int | None = None) -> str:
    width = min(shutil.get_terminal_size().columns, 110)
    later = " " * (indent if hanging is None else hanging)
    return fill(text, width, initial_indent=" " * indent, subsequent_indent=later, break_on_hyphens=False)
