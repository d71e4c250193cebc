"""Suggestions for a misspelt or misplaced option, command, class or configuration file."""

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from oro_unlearn.cli.command_words import CLASSES, COMMANDS, CONFIG, chosen, command_of, given
from oro_unlearn.cli.presets import preset_names
from oro_unlearn.cli.source_options import TRAINER, classes, found, options
from oro_unlearn.files import shortened
from oro_unlearn.user_error import UserError

TOP = (
    "audit.attacks",
    "audit.level",
    "config",
    "print_config",
    "seed_everything",
    "resume",
    "force",
    "report",
    "ckpt_path",
    "weights_only",
    "model",
    "data",
)
UNLESS_CHOSEN = {
    "model.optimizer": "SGD",
    "model": "RWFT",
    "data": "ImageFolder",
}  # classes whose options are suggested if none is chosen
OTHER_NAMES = {  # names of options in other programs, and our names
    **dict.fromkeys(("epoch", "epochs", "num_epochs", "n_epochs"), "trainer.max_epochs"),
    **dict.fromkeys(("steps", "num_steps", "iterations"), "trainer.max_steps"),
    **dict.fromkeys(("gpu", "gpus", "num_gpus", "n_gpus", "ngpus"), "trainer.devices"),
    **dict.fromkeys(("device", "cuda", "cpu"), "trainer.accelerator"),
    **dict.fromkeys(("amp", "fp16", "bf16", "half"), "trainer.precision"),
    **dict.fromkeys(
        ("output", "out", "output_dir", "out_dir", "outdir", "save_dir", "log_dir", "run"), "trainer.default_root_dir"
    ),
    **dict.fromkeys(("learning_rate", "lr"), "model.optimizer.lr"),
    **dict.fromkeys(("wd", "decay"), "model.optimizer.weight_decay"),
    **dict.fromkeys(("scheduler", "schedule"), "model.lr_scheduler"),
    **dict.fromkeys(("checkpoint", "weights", "model_path", "pretrained", "ckpt", "original_model"), "model.original"),
    **dict.fromkeys(("reference", "references", "retrain", "retrained_model"), "model.retrained"),
    **dict.fromkeys(("method", "algorithm"), "model"),
    **dict.fromkeys(("arch", "architecture", "backbone"), "model.network"),
    **dict.fromkeys(("dataset", "datamodule", "data_set"), "data"),
    **dict.fromkeys(("data_dir", "data_path", "data_root", "folder", "images", "image_folder", "path"), "data.root"),
    **dict.fromkeys(("batch", "bs", "batchsize"), "data.batch_size"),
    **dict.fromkeys(("size", "img_size", "resolution"), "data.image_size"),
    **dict.fromkeys(("workers", "num_workers"), "data.num_workers"),
    **dict.fromkeys(("forget_class", "forget_classes", "class", "classes", "unlearn"), "data.forget"),
    **dict.fromkeys(("seed", "random_seed"), "seed_everything"),
    **dict.fromkeys(("conf", "cfg", "yaml", "preset", "configs"), "config"),
}


LEDGER = ("ledger", "ledger_asker", "ledger_hash_asker")  # options of a run that a ledger records


class MissingConfigError(UserError):
    """A configuration file is missing. Of several processes, a single one may miss it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion for the end of an error message.

    Args:
        word: The word that the user typed.
        known: All valid words.

    Returns:
        The suggestion; empty if no valid word is similar.

    Example:
        >>> did_you_mean("fti", ["fit", "test"])
        ': did you mean fit?'
    """
    near = nearest(word, known)
    return f": did you mean {' or '.join(near)}?" if near else ""


def nearest(word: str, known: Iterable[str], cutoff: float = 0.65) -> list[str]:
    """The known names most similar to a word, at most two, ignoring case; ``cutoff`` in [0, 1] is the least similarity."""
    by_lower = {name.lower(): name for name in known}
    return [by_lower[name] for name in difflib.get_close_matches(word.lower(), by_lower, 2, cutoff)]


def check_words(words: Sequence[str]) -> None:
    """Reject mistakes that do not depend on the chosen classes, before anything heavy is imported.

    Args:
        words: The words after ``oro-unlearn``.

    Raises:
        UserError: If the command does not exist, or an option has only one dash.
        MissingConfigError: If a configuration file is missing.
    """
    command = command_of(words)
    if command is None:
        example = shortened(" ".join(words)) or "--config FILE"
        raise UserError(f"no command: begin with one of {', '.join(COMMANDS)}, for instance oro-unlearn fit {example}")
    if command not in COMMANDS:
        raise UserError(f"unknown command {command!r}; known: {', '.join(COMMANDS)}{did_you_mean(command, COMMANDS)}")
    for name, value in given(words):
        if re.match(r"-[A-Za-z]\w", name) and not os.path.exists(name[2:]):
            meant = suggested(name[1:], words)[:1] or [name[1:]]
            raise UserError(f"unknown option {name} (options have two dashes): did you mean --{meant[0]}?")
        if name in CONFIG and re.fullmatch(r"[^{}\n]+", value) and ": " not in value and not os.path.exists(value):
            advice = _near_presets(value) or ": give the path of a YAML, or a name that oro-unlearn configs lists"
            raise MissingConfigError(f"configuration file {value} not found{advice}")


def advised(message: str, words: Sequence[str]) -> str:
    """Add a suggestion to a parser's error message.

    Args:
        message: The message, one line.
        words: The words after ``oro-unlearn``.
    """
    option = _unknown(message)
    if option:
        return _about(option, words)
    if message.startswith("unrecognized arguments"):
        return f'{message}: options begin with --, and a value with spaces is quoted, as in --data.forget "[cat, dog]"'
    if "are required" in message and "fit." in message.replace("test.", "fit.").replace("check.", "fit."):
        return f"{message}: begin with --config FILE, such as digits/original.yaml, or name them with --model and --data"
    empty = [name for name, value in given(words) if not value and name.startswith(("--model.", "--data."))]
    if message.endswith("expected one argument") and empty:
        return f"{empty[0]} needs a value"
    return message


def suggested(name: str, words: Sequence[str]) -> list[str]:
    """Options that the user may have meant, without dashes, the most likely first; empty if no option is similar.

    Args:
        name: An option that does not exist, without dashes.
        words: The words of the command line. Its classes determine which options exist.
    """
    name = name.replace("init_args.", "").replace("-", "_")
    known = known_options(words)
    first, _, _ = name.partition(".")
    last = name.rpartition(".")[2]
    same = [option for option in known if option.rpartition(".")[2].lower() == last.lower()]
    if name in known:
        return [name]
    if last in OTHER_NAMES and (not same or OTHER_NAMES[last] in same):
        return [OTHER_NAMES[last]]
    if same:
        return sorted(same, key=lambda option: (not option.startswith(f"{first}."), option.count(".")))[:2]
    beside = [option for option in known if option.partition(".")[0] == first] or known
    by_last = {option.rpartition(".")[2]: option for option in reversed(beside)}
    return [by_last[near] for near in nearest(last, by_last)] or nearest(name, known, 0.85)


def known_options(words: Sequence[str]) -> list[str]:
    """All options that exist with the classes of a command line, without dashes."""
    return _known(tuple(sorted(chosen(words).items())))


@lru_cache(maxsize=4)
def _known(classes: tuple[tuple[str, str], ...]) -> list[str]:
    """All options that exist with the given classes, if their source can be read."""
    names = [*TOP, *_of("trainer", TRAINER)]
    for part in CLASSES:
        names += _of(part, {**UNLESS_CHOSEN, **dict(classes)}.get(part, ""))
    return list(dict.fromkeys([*names, *LEDGER]))


def _of(part: str, name: str) -> list[str]:
    source = found(part, name) if name else None
    return [f"{part}.{option.name}" for option in (options(source) if source else None) or []]


def _owners(name: str) -> str:
    """Data sets and methods that have an option with this name, as text for a message."""
    parts = {part: [each for each in classes(part) if f"{part}.{name}" in _of(part, each)] for part in ("data", "model")}
    shown = [f"--{part} {' or '.join(names[:4])} (--{part}.{name})" for part, names in parts.items() if names]
    return ", or of ".join(shown)


def _unknown(message: str) -> str:
    """The unknown option in a parser's message, without dashes; empty if the message is about something else."""
    stray = re.match(r"unrecognized arguments: .*?--([\w.\-]+)", message)
    if stray:
        return stray[1]
    inner = re.search(r"Option '([\w.\-]+)' is not accepted", message)
    outer = re.search(r"does not accept option '([\w.\-]+)'", message)
    if outer:
        return outer[1]
    if inner:
        return ".".join([*re.findall(r'"([\w.]+)":', message[: inner.start()]), inner[1]])
    return ""


def _about(option: str, words: Sequence[str]) -> str:
    """A message about an unknown option, with a suggestion."""
    typed = [name.removeprefix("--") for name, _ in given(words) if name.replace("init_args.", "") == f"--{option}"]
    where = f"unknown option --{(typed or [option])[0]}" if typed else f"unknown option {option} in a configuration file"
    meant = [name for name in suggested(option, words) if name != option]
    if meant:
        return f"{where}: did you mean {' or '.join(f'--{name}' for name in meant)}?"
    owners = _owners(option.rpartition(".")[2].replace("-", "_"))
    if owners:
        return f"{where}: it is one of {owners}"
    part = option.partition(".")[0]
    name = chosen(words).get(part, "NAME").rpartition(".")[2]
    return f"{where}: see oro-unlearn fit " + (f"--{part}.help {name}" if part in ("model", "data") else "--help")


def _near_presets(path: str) -> str:
    """A suggestion of presets with a similar path, for the end of an error message."""
    names = preset_names()
    wanted = "/".join(Path(path).with_suffix(".yaml").parts[-2:])
    near = [wanted] if wanted in names else nearest(wanted, names)
    return f": did you mean {' or '.join(near)}?" if near else ""
