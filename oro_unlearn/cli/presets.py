"""The configuration files that are installed with the package, and their names."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import oro_unlearn
from oro_unlearn.cli.plain_parser import PlainParser
from oro_unlearn.files import write_text
from oro_unlearn.user_error import UserError

PRESETS = Path(oro_unlearn.__file__).resolve().parents[1] / "lightning_configs"  # in a checkout and in site-packages
ABOUT = "List the presets that --config takes by name, each with its first line; or copy one to edit it."


def parser() -> argparse.ArgumentParser:
    """Options of ``configs``."""
    result = PlainParser("configs", description=ABOUT)
    result.add_argument("word", nargs="?", default="", help="show those whose name or first line has this word")
    result.add_argument("--copy", metavar="NAME", help="preset to write out, such as digits/rwft_o.yaml")
    result.add_argument("--output", type=Path, metavar="FILE", help="where; default: its file name, in this folder")
    return result


def preset_names() -> list[str]:
    """Paths of all presets below ``lightning_configs``, such as ``digits/rwft_o.yaml``, sorted."""
    return sorted(path.relative_to(PRESETS).as_posix() for path in PRESETS.rglob("*.yaml"))


def config_path(value: str) -> str:
    """The file that a value of ``--config`` means.

    Args:
        value: A path, or the name of a preset with or without its suffix. A file in the current folder comes first.

    Returns:
        The path of the preset; any other value as it is.
    """
    if os.path.exists(value) or len(value) > 200 or "\0" in value:
        return value
    name = value if value.endswith(".yaml") else f"{value}.yaml"
    for wanted in (name, name.removeprefix("lightning_configs/")):
        if wanted in preset_names():
            return str(PRESETS / wanted)
    return value


def configs(words: Sequence[str]) -> str:
    """What ``configs`` prints.

    Args:
        words: After ``configs``.

    Raises:
        UserError: If no preset has the word or the name, or a file is in the place of the copy.
    """
    options = parser().parse_args(words)
    if options.copy:
        return _copied(options.copy, options.output)
    first_lines = {name: _first_line(PRESETS / name) for name in preset_names()}
    word = options.word.lower()
    shown = {name: line for name, line in first_lines.items() if word in f"{name} {line}".lower()}
    if not shown:
        raise UserError(f"no preset has the word {options.word!r}: see all with oro-unlearn configs")
    width = max(map(len, shown)) + 2
    return "\n".join(f"{name:<{width}}{line}" for name, line in shown.items())


def _copied(name: str, output: Path | None) -> str:
    source = Path(config_path(name))
    if PRESETS not in source.parents:
        raise UserError(f"no preset {name!r}: see all with oro-unlearn configs")
    target = output or Path(source.name)
    if target.exists():
        raise UserError(f"{target} is there already: name another file with --output")
    write_text(source.read_text(encoding="utf-8"), target)
    return f"written: {target}; run it with oro-unlearn fit --config {target}"


def _first_line(path: Path) -> str:
    """The comment that a preset begins with."""
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
